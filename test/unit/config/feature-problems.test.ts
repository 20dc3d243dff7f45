import { describe, expect, it } from "vitest";
import { checkConfig } from "../../../src/config/config-file.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { WeirError } from "../../../src/domain/errors.ts";
import { paymentInputs } from "../../support/feature-specs.ts";

/** `field: message` of every violation of a detector of payments with these features. */
function violations(features: unknown, more: object = {}): string[] {
  try {
    normalizeSpec({ inputs: paymentInputs, features, ...more });
  } catch (thrown) {
    return WeirError.from(thrown).violations.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

const mean = { name: "m", of: "amount", aggregate: "mean", default_value: 0 };

const cases: readonly (readonly [wrong: unknown, expected: string | RegExp])[] = [
  [
    { ...mean, window: { sliding: "5 minutes" } },
    'window.sliding: got "5 minutes", expected a duration as 90s, 15m, 1h or 30d',
  ],
  [
    { ...mean, window: { sliding: 90 } },
    'window.sliding: got 90, expected a duration as 90s, 15m, 1h or 30d; did you mean "90s"?',
  ],
  [
    { ...mean, window: { sliding: "0s" } },
    'window.sliding: got "0s", expected a duration between 1ms and 3650d',
  ],
  [
    { ...mean, window: { sliding: "4000d" } },
    'window.sliding: got "4000d", expected a duration between 1ms and 3650d',
  ],
  [
    { ...mean, window: { tumbling: "year" } },
    'window.tumbling: got "year", expected a duration as 90s, 15m, 1h or 30d, or day, week or month',
  ],
  [
    { ...mean, window: { tumbling: "day", time_zone: "Europe/Berlim" } },
    'window.time_zone: got "Europe/Berlim", expected UTC or a name as Europe/Berlin; did you mean "Europe/Berlin"?',
  ],
  [
    { ...mean, window: { sliding: "1m", time_zone: "UTC" } },
    "window.time_zone: is of tumbling: day, week or month; this window has none",
  ],
  [
    { ...mean, window: { sliding: "1m", last: 3 } },
    "window: got sliding and last, expected exactly one of sliding, hopping, tumbling, session, last, global",
  ],
  [
    { ...mean, window: {} },
    "window: expected exactly one of sliding, hopping, tumbling, session, last, global",
  ],
  [
    { ...mean, window: { hopping: { size: "1h", slide: "7m" } } },
    'window.hopping.slide: got "7m", expected a duration that divides the size, "1h"',
  ],
  [
    { ...mean, window: { hopping: { size: "1h" } } },
    "window.hopping.slide: is missing: expected a duration as 5m",
  ],
  [
    { ...mean, window: { last: 1025 } },
    "window.last: got 1025, expected at most 1024, the events that a key's log holds: raise event_time.exact_events",
  ],
  [
    { name: "n", aggregate: "count", window: { global: { on_change: true } } },
    "window.global.on_change: needs a value that changes: write of: and the name of an input",
  ],
  [{ ...mean, of: "amout" }, 'of: got "amout", which is no declared input; did you mean "amount"?'],
  [
    { ...mean, of: "zzz" },
    'of: got "zzz", which is no declared input; expected one of "amount", "balance", "age"',
  ],
  [{ name: "m", aggregate: "mean", default_value: 0 }, "of: is missing: mean is of a number input"],
  [
    { name: "s", of: "country", aggregate: "sum" },
    'of: sum is of a number input, and "country" is a category, which has count, distinct, share, entropy, novelty, label, onehot, hash, binary, frequency',
  ],
  [
    { name: "s", of: "amount", aggregate: "entropy", default_value: 0 },
    /^of: entropy is of a category input, and "amount" is a number, which has count, sum, mean, /,
  ],
  [
    { name: "m", of: "amount", aggregate: "mean" },
    "default_value: is missing: mean may have no value (an empty window has none); write the number that is taken then, for example default_value: 0",
  ],
  [
    { name: "c", aggregate: "count", default_value: 0 },
    "default_value: is not of count: of an empty window it is 0",
  ],
  [{ ...mean, default_value: "many" }, /^default_value: got "many", expected a finite number/],
  [{ ...mean, name: "amount" }, 'name: "amount" is the name of an input'],
  [{ ...mean, name: "" }, "name: must not be empty"],
  [{ ...mean, quantile: 0.5 }, "quantile: is of quantile; mean has none"],
  [{ ...mean, n: 3 }, "n: is of lag, novelty and hash; mean has none"],
  [{ ...mean, unit: "1m" }, "unit: is of rate and time_since; mean has none"],
  [{ ...mean, category: "DE" }, "category: is of time_since, share and onehot; mean has none"],
  [
    { name: "l", of: "amount", aggregate: "lag", default_value: 0, window: { last: 3 } },
    "window: is of aggregates but time_since, lag and novelty, and of frequency; lag has none",
  ],
  [
    { name: "l", of: "amount", aggregate: "lag", default_value: 0, n: 1025 },
    "n: got 1025, expected at most 1024, the events that a key's log holds: raise event_time.exact_events",
  ],
  [
    { name: "v", of: "country", aggregate: "novelty", default_value: 0, n: 9 },
    "n: got 9, expected a whole number between 2 and 8 (0 = 2)",
  ],
  [
    { name: "q", of: "amount", aggregate: "quantile", default_value: 0 },
    "quantile: is missing: write 0.5 for the median",
  ],
  [
    { name: "q", of: "amount", aggregate: "quantile", default_value: 0, quantile: 50 },
    "quantile: got 50, expected a finite number between 0 and 1",
  ],
  [
    { name: "t", aggregate: "time_since", default_value: 0, category: "DE" },
    "category: needs a category input: write of: and its name",
  ],
  [
    { name: "o", of: "country", encode: "onehot" },
    "category: is missing: onehot is 1 where the event's category is this one",
  ],
  [
    { name: "o", of: "amount", encode: "label" },
    /^of: label is of a category input, and "amount" is a number/,
  ],
  [
    { name: "o", of: "country", encode: "label", where: { input: "amount", less: 3 } },
    "where: is of aggregates; label has none",
  ],
  [
    { ...mean, where: { input: "amount", equals: "DE" } },
    'where.equals: compares a category, and "amount" is a number: less, at_most, greater, at_least, equal_to',
  ],
  [
    { ...mean, where: { input: "country", less: 3 } },
    'where.less: compares a number, and "country" is a category: equals, differs',
  ],
  [
    { ...mean, where: { input: "county", equals: "DE" } },
    'where.input: got "county", which is no declared input; did you mean "country"?',
  ],
  [
    { ...mean, where: { input: "amount" } },
    "where: expected exactly one of equals, differs, less, at_most, greater, at_least, equal_to",
  ],
  [
    { ...mean, where: { input: "amount", less: 3, greater: 1 } },
    "where: got less and greater, expected exactly one of equals, differs, less, at_most, greater, at_least, equal_to",
  ],
  [{ ...mean, where: { equals: "DE" } }, "where.input: is missing: expected the name of an input"],
  [{ ...mean, aggregate: "avg" }, /^aggregate: got "avg", expected one of count, sum, mean, /],
  [
    { name: "x" },
    /^aggregate: is missing: expected one of count, .*; or encode, ratio or difference$/,
  ],
  [
    { ...mean, encode: "label" },
    "got aggregate and encode, expected exactly one of aggregate, encode, ratio, difference",
  ],
  [
    { name: "r", ratio: { of: "amount", to: "means" }, default_value: 0 },
    'ratio.to: got "means", which is no feature and no declared input; did you mean "mean"?',
  ],
  [
    { name: "r", ratio: { of: "amount" }, default_value: 0 },
    "ratio.to: is missing: expected the name of a feature or of a number input",
  ],
  [
    { name: "r", ratio: { of: "amount", to: "country" }, default_value: 0 },
    'ratio.to: got "country", which is a category: expected a number',
  ],
  [
    { name: "r", ratio: { of: "amount", to: "ratio" }, default_value: 0 },
    'ratio.to: got "ratio", which is a ratio itself: expected an aggregate, an encoding or a number input',
  ],
  [
    { name: "r", ratio: { of: "amount", to: "mean" }, default_value: 0, window: { last: 3 } },
    "window: is not of a ratio, which is of two features or number inputs",
  ],
  [
    { name: "r", difference: { of: "amount", to: "mean" } },
    /^default_value: is missing: difference may have no value/,
  ],
  [{ name: "r", windw: {} }, /^windw: there is no such field; did you mean "window"\?/],
  [7, "got 7, expected an object"],
];

describe("what is wrong with a feature", () => {
  it.each(cases)("%j", (wrong, expected) => {
    const features = [
      wrong,
      { ...mean, name: "mean" },
      { name: "ratio", ratio: { of: "amount", to: "mean" }, default_value: 1 },
    ];
    const own = violations(features)
      .filter((text) => text.startsWith("spec.features[0]"))
      .map((text) => text.slice("spec.features[0]".length).replace(/^(\.|: )/, ""));
    expect(own).toContainEqual(
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    );
  });

  it("is noted when two have one name, or when there are too many", () => {
    expect(violations([mean, mean])).toEqual(['spec.features[1].name: "m" is declared twice']);
    const many = Array.from({ length: 65 }, (_, i) => ({ ...mean, name: `m${i}` }));
    expect(violations(many)).toEqual(["spec.features: has 65 elements, at most 64 are taken"]);
    const inputs = Array.from({ length: 256 }, (_, i) => ({ name: `x${i}` }));
    const features = [{ name: "n", aggregate: "count" }];
    expect(violations(features, { inputs })).toEqual([
      "spec.features: 256 inputs and 1 features that the model sees are 257 columns, at most 256 are taken: mark some rules_only or hidden",
    ]);
    expect(violations(features, { inputs, ecod: {} })).toEqual([]);
  });

  it("is noted when it does not go with the model, the inputs, or the zones of others", () => {
    expect(violations([mean], { inputs: [] })).toContain(
      "spec.inputs: expected the inputs that the features are derived from",
    );
    expect(violations([mean], { ecod: {}, rolling_windows: [3, 4], lag_periods: [1] })).toEqual([
      "spec.rolling_windows: is not of detectors with features: declare features with window: { last: 10 }",
      "spec.lag_periods: is not of detectors with features: declare features of lag",
    ]);
    const inputs = [...paymentInputs, { name: "city", type: "category", encoding: "label" }];
    expect(violations([mean], { inputs, ecod: {} })).toEqual([
      "spec.inputs[5].encoding: is not of detectors with features: write a feature with encode: label",
    ]);
    const zones = [
      "Europe/Berlin",
      "Europe/London",
      "America/New_York",
      "America/Los_Angeles",
      "Asia/Gaza",
      "Africa/Cairo",
      "Australia/Sydney",
      "America/Santiago",
    ];
    const days = zones.map((time_zone, i) => ({
      name: `d${i}`,
      aggregate: "count",
      window: { tumbling: "day", time_zone },
    }));
    expect(violations(days)).toEqual([
      expect.stringMatching(
        /^spec\.features: 8 time zones have \d+ changes of their clocks, at most 1024 are taken/,
      ),
    ]);
    expect(violations(days.slice(0, 5))).toEqual([]);
  });

  it("is noted when a key could take too much memory", () => {
    const features = Array.from({ length: 20 }, (_, i) => ({
      ...mean,
      name: `m${i}`,
      aggregate: "max",
      window: { sliding: `${i + 1}h` },
    }));
    expect(violations(features, { event_time: { exact_events: 65_536 } })).toEqual([
      "spec.features: those of one key may take 42 MiB, at most 16 are taken: lower event_time.exact_events, or use fewer windows",
    ]);
    expect(violations(features, { event_time: { exact_events: 16_384 } })).toEqual([]);
  });

  it("is noted of event time", () => {
    for (const allowed_lateness of [0, "0", "0s", ""]) {
      expect(violations([mean], { event_time: { allowed_lateness } })).toEqual([]);
    }
    expect(violations(undefined, { event_time: { allowed_lateness: "1m" } })).toEqual([
      "spec.event_time: is of detectors with features: this one has none",
    ]);
    expect(
      violations([mean], {
        event_time: {
          allowed_lateness: "soon",
          late: "drop",
          future_tolerance: 5,
          exact_events: 1,
        },
      }),
    ).toEqual([
      'spec.event_time.allowed_lateness: got "soon", expected a duration as 90s, 15m, 1h or 30d',
      'spec.event_time.late: got "drop", expected one of refuse, score_only, on_time',
      'spec.event_time.future_tolerance: got 5, expected a duration as 90s, 15m, 1h or 30d; did you mean "5s"?',
      "spec.event_time.exact_events: got 1, expected a whole number between 2 and 65536 (0 = 1024)",
    ]);
  });

  it("is told by line and field of a file", () => {
    const text = `detectors:
  cards:
    inputs:
      - name: amount
    features:
      - name: mean_30d
        of: amount
        aggregate: mean
        window: { sliding: 30 days }
        default_value: 0
      - { name: n_1m, of: amounts, aggregate: count, window: { sliding: 1m } }
`;
    expect(checkConfig(text)).toEqual([
      {
        line: 9,
        column: 28,
        length: 7,
        path: "detectors.cards.features[0].window.sliding",
        message: 'got "30 days", expected a duration as 90s, 15m, 1h or 30d',
      },
      {
        line: 11,
        column: 27,
        length: 7,
        path: "detectors.cards.features[1].of",
        message: 'got "amounts", which is no declared input; did you mean "amount"?',
      },
    ]);
  });
});
