import * as fc from "fast-check";

/** Inputs of the specifications below. */
export const paymentInputs = [
  { name: "amount" },
  { name: "balance", missing: "model" },
  { name: "age", rules_only: true },
  { name: "country", type: "category" },
  { name: "merchant", type: "category", missing: "model" },
];
const numbers = ["amount", "balance", "age"] as const;
const categories = ["country", "merchant"] as const;

const duration = fc
  .tuple(fc.integer({ min: 1, max: 400 }), fc.constantFrom("ms", "s", "m", "h", "d", "w"))
  .map(([n, unit]) => `${n}${unit}`);
const count = fc.integer({ min: 1, max: 64 });

const window = fc.oneof(
  duration.map((sliding) => ({ sliding })),
  fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }))
    .map(([slide, times]) => ({ hopping: { size: `${slide * times}s`, slide: `${slide}s` } })),
  duration.map((tumbling) => ({ tumbling })),
  fc.record({
    tumbling: fc.constantFrom("day", "week", "month"),
    time_zone: fc.constantFrom("", "UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"),
  }),
  duration.map((session) => ({ session })),
  count.map((last) => ({ last })),
  fc.constant({ global: {} }),
  fc
    .oneof(
      count.map((every_events) => ({ every_events })),
      duration.map((every) => ({ every })),
    )
    .map((global) => ({ global })),
);

const where = fc.oneof(
  fc.record({ input: fc.constantFrom(...categories), equals: fc.constantFrom("", "DE", "寿司") }),
  fc.record({
    input: fc.constantFrom(...categories),
    differs: fc.string({ unit: "grapheme", maxLength: 9 }),
  }),
  fc
    .tuple(
      fc.constantFrom(...numbers),
      fc.constantFrom("less", "at_most", "greater", "at_least", "equal_to"),
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    )
    .map(([input, op, value]) => ({ input, [op]: value })),
);

const default_value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
const optional = { requiredKeys: [] };
const windowed = { window, where, exclude_current: fc.boolean() };

const ofNumber = fc
  .tuple(
    fc.record({
      of: fc.constantFrom(...numbers),
      aggregate: fc.constantFrom(
        "mean",
        "std",
        "variance",
        "min",
        "max",
        "range",
        "first",
        "last",
        "delta",
        "zscore",
      ),
      default_value,
    }),
    fc.record(windowed, optional),
  )
  .map(([needed, free]) => ({ ...free, ...needed }));

const ofEvents = fc
  .tuple(
    fc.record({ aggregate: fc.constantFrom("count", "rate") }),
    fc.record({ ...windowed, of: fc.constantFrom(...numbers, ...categories) }, optional),
  )
  .map(([needed, free]) => ({ ...free, ...needed }));

const others = fc.oneof(
  fc.record({
    of: fc.constantFrom(...numbers, ...categories),
    aggregate: fc.constant("count"),
    window: count.map((every_events) => ({ global: { every_events, on_change: true } })),
  }),
  fc.record({ of: fc.constantFrom(...numbers), aggregate: fc.constant("sum"), window, where }),
  fc.record({
    of: fc.constantFrom(...numbers),
    aggregate: fc.constant("quantile"),
    quantile: fc.double({ min: 0, max: 1, noNaN: true }),
    window,
    default_value,
  }),
  fc.record({
    of: fc.constantFrom(...numbers, ...categories),
    aggregate: fc.constant("distinct"),
    window,
  }),
  fc.record({
    of: fc.constantFrom(...categories),
    aggregate: fc.constantFrom("share", "time_since"),
    default_value,
    category: fc.constantFrom("", "DE"),
    where,
  }),
  fc.record({ aggregate: fc.constant("time_since"), default_value, unit: duration }),
  fc.record({
    of: fc.constantFrom(...categories),
    aggregate: fc.constant("entropy"),
    default_value,
    window,
  }),
  fc.record({
    of: fc.constantFrom(...numbers),
    aggregate: fc.constant("lag"),
    n: count,
    default_value,
  }),
  fc.record({
    of: fc.constantFrom(...categories),
    aggregate: fc.constant("novelty"),
    default_value,
    n: fc.constantFrom(0, 2, 3, 8),
  }),
  fc.record({ of: fc.constantFrom(...categories), encode: fc.constantFrom("label", "binary") }),
  fc.record({
    of: fc.constantFrom(...categories),
    encode: fc.constant("onehot"),
    category: fc.constantFrom("DE", "寿司"),
  }),
  fc.record({
    of: fc.constantFrom(...categories),
    encode: fc.constant("hash"),
    n: fc.constantFrom(0, 2, 500),
    default_value,
  }),
  fc.record({ of: fc.constantFrom(...categories), encode: fc.constant("frequency"), window }),
);

const single = fc
  .tuple(fc.oneof(ofNumber, ofEvents, others), fc.boolean())
  .map(([feature, hidden]): Record<string, unknown> => ({ ...feature, hidden }));

const policy = fc.constantFrom("refuse", "score_only", "on_time");
const event_time = fc.record(
  {
    allowed_lateness: fc.oneof(duration, fc.constant("0s")),
    late: policy,
    future_tolerance: duration,
    future: policy,
    exact_events: fc.integer({ min: 64, max: 4096 }),
  },
  optional,
);

/** DetectorSpecs with features of every kind, as a person may write them; all of them are valid. */
export const featureSpecs = fc
  .tuple(
    fc.array(single, { minLength: 1, maxLength: 24 }),
    fc.array(fc.tuple(fc.constantFrom("ratio", "difference"), fc.nat(), fc.nat()), {
      maxLength: 4,
    }),
    event_time,
    fc.constantFrom({}, { ecod: {} }, { ecod: {}, window: { scope: "key" } }),
  )
  .map(([singles, pairs, time, model]) => {
    const features = singles.map((feature, i) => ({ ...feature, name: `f${i}` }));
    const names = [...numbers, ...features.map(({ name }) => name)];
    const combined = pairs.map(([kind, of, to], i) => ({
      name: `c${i}`,
      [kind]: { of: names[of % names.length], to: names[to % names.length] },
      default_value: i,
    }));
    return {
      inputs: paymentInputs,
      features: [...features, ...combined],
      event_time: time,
      ...model,
    };
  });
