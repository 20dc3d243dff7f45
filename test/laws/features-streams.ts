import fc from "fast-check";
import type {
  Aggregate,
  EventTime,
  Feature,
  FeatureFilter,
  FeatureWindow,
  Input,
} from "../../src/domain/detector.ts";
import { compileFeatures } from "../../src/features/program.ts";
import type { FeatureProgram } from "../../src/domain/detector.ts";
import { Op } from "../../src/shard/layout.ts";
import { mulberry } from "../kernel.ts";
import type { FeatureRow } from "../support/features-rig.ts";

/* Random detectors with features, and random streams for them. */

/** x and y are numbers that the model sees, c and d categories: one of few, one of many. */
const inputs: readonly Input[] = (["x", "y", "c", "d"] as const).map((name, position) => ({
  name,
  type: position < 2 ? "number" : "category",
  defaultValue: Number.NaN,
  missing: "model",
  rulesOnly: false,
  column: position & 1,
  position,
}));

export interface Plan {
  readonly features: readonly Feature[];
  readonly eventTime: EventTime;
}

/** What of a detector's configuration features are compiled from. */
export function configOf({ features, eventTime }: Plan): Parameters<typeof compileFeatures>[0] {
  return {
    features,
    eventTime,
    inputs,
    model: {
      kind: "half_space_trees",
      trees: 1,
      height: 1,
      window: 4096,
      seed: 1n,
      limits: new Map(),
    },
  };
}

/** As the kernel reads it. */
export function programOf(plan: Plan): FeatureProgram {
  const program = compileFeatures(configOf(plan), inputs.slice(0, 2));
  if (program === undefined) throw new Error("no features");
  return program;
}

const few = ["", "red", "green", "blue"] as const;
const many = Array.from({ length: 40 }, (_, i) => `merchant ${i}`);

const size = (pace: number): fc.Arbitrary<number> =>
  fc.constantFrom(1, 5, 10, 20, 50, 64, 100, 1000).map((n) => n * pace);

const hopping = (pace: number): fc.Arbitrary<FeatureWindow> =>
  fc.record({
    kind: fc.constant("hopping" as const),
    slideMs: fc.constantFrom(10 * pace, 100 * pace),
    sizeMs: fc.constantFrom(100 * pace, 1000 * pace),
  });

const calendar: fc.Arbitrary<FeatureWindow> = fc.record({
  kind: fc.constant("calendar" as const),
  unit: fc.constantFrom("day" as const, "week" as const, "month" as const),
  timeZone: fc.constantFrom(
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
  ),
});

const unconditional: FeatureWindow = {
  kind: "global",
  everyEvents: 0,
  everyMs: 0,
  onChange: false,
};

const global = (pace: number): fc.Arbitrary<FeatureWindow> =>
  fc.constantFrom(
    unconditional,
    { ...unconditional, everyEvents: 3 },
    { ...unconditional, everyMs: 100 * pace },
    { ...unconditional, onChange: true },
  );

const windows = (pace: number): fc.Arbitrary<FeatureWindow> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("sliding" as const), sizeMs: size(pace) }),
    },
    { weight: 2, arbitrary: hopping(pace) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("tumbling" as const), sizeMs: size(pace) }),
    },
    { weight: 1, arbitrary: calendar },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("session" as const), gapMs: size(pace) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("last" as const),
        events: fc.constantFrom(1, 2, 3, 10),
      }),
    },
    { weight: 2, arbitrary: global(pace) },
  );

const filters: fc.Arbitrary<FeatureFilter | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({
      input: fc.constantFrom("c", "d"),
      op: fc.constantFrom("equals" as const, "differs" as const),
      value: fc.constantFrom("red", "merchant 1"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      input: fc.constantFrom("x", "y"),
      op: fc.constantFrom(
        "less" as const,
        "at_most" as const,
        "greater" as const,
        "at_least" as const,
        "equal_to" as const,
      ),
      value: fc.constantFrom(0, 1, 2.5),
    }),
  },
);

const ofEvents: readonly Aggregate[] = ["count", "rate", "time_since"];
const ofNumbers: readonly Aggregate[] = [
  ...(["sum", "mean", "std", "variance", "min", "max", "range", "first", "last", "delta"] as const),
  ...(["zscore", "quantile", "distinct", "lag", ...ofEvents] as const),
];
const ofCategories: readonly Aggregate[] = ["share", "entropy", "novelty", "distinct", ...ofEvents];

const zeroWhenEmpty: ReadonlySet<string> = new Set(["count", "sum", "rate", "distinct"]);

interface Shared {
  readonly window: FeatureWindow;
  readonly where: FeatureFilter | undefined;
}

/** Needs the key's whole past: of no other window. */
const ofAllEvents: ReadonlySet<string> = new Set(["lag", "novelty", "time_since"]);

/** An event itself has no value that changes. */
function triggered(window: FeatureWindow, of: string): FeatureWindow {
  return of === "" && window.kind === "global" && window.onChange ? unconditional : window;
}

const aggregates = (shared: fc.Arbitrary<Shared>): fc.Arbitrary<Feature["what"]> =>
  fc
    .oneof(
      fc.record({ of: fc.constant(""), aggregate: fc.constantFrom(...ofEvents) }),
      fc.record({ of: fc.constantFrom("x", "y"), aggregate: fc.constantFrom(...ofNumbers) }),
      fc.record({ of: fc.constantFrom("c", "d"), aggregate: fc.constantFrom(...ofCategories) }),
    )
    .chain(({ of, aggregate }) =>
      fc.record({
        kind: fc.constant("aggregate" as const),
        aggregate: fc.constant(aggregate),
        of: fc.constant(of),
        shared,
        excludeCurrent: fc.boolean(),
        quantile: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
        category:
          of === "c" && (aggregate === "share" || aggregate === "time_since")
            ? fc.constantFrom("", "red")
            : fc.constant(""),
        n: aggregate === "novelty" ? fc.constantFrom(2, 3) : fc.constantFrom(1, 2, 5),
        unitMs: fc.constantFrom(1, 1000, 60_000),
      }),
    )
    .map(({ shared: { window, where }, ...rest }) => ({
      ...rest,
      window: ofAllEvents.has(rest.aggregate) ? unconditional : triggered(window, rest.of),
      where,
      excludeCurrent: !ofAllEvents.has(rest.aggregate) && rest.excludeCurrent,
    }));

const encodings = (shared: fc.Arbitrary<Shared>): fc.Arbitrary<Feature["what"]> =>
  fc
    .record({
      kind: fc.constant("encode" as const),
      encode: fc.constantFrom(
        "label" as const,
        "onehot" as const,
        "hash" as const,
        "binary" as const,
        "frequency" as const,
      ),
      of: fc.constantFrom("c", "d"),
      shared,
      n: fc.constantFrom(2, 1000),
    })
    .map(({ shared: { window }, ...rest }) => ({
      ...rest,
      category: rest.encode === "onehot" ? "red" : "",
      window: rest.encode === "frequency" ? window : unconditional,
    }));

/** Ratios and differences are of features before the tenth, or of a number. */
const combinations: fc.Arbitrary<Feature["what"]> = fc.record({
  kind: fc.constantFrom("ratio" as const, "difference" as const),
  of: fc.constantFrom("f0", "f1", "x"),
  to: fc.constantFrom("f0", "f1", "y"),
});

const named = (what: Feature["what"], index: number, seen: boolean): Feature => ({
  name: `f${index}`,
  seen,
  defaultValue: what.kind === "aggregate" && zeroWhenEmpty.has(what.aggregate) ? Number.NaN : -7.5,
  what,
});

const featuresOf = (pace: number): fc.Arbitrary<readonly Feature[]> =>
  fc
    .array(fc.record({ window: windows(pace), where: filters }), {
      minLength: 1,
      maxLength: 3,
      size: "max",
    })
    .chain((pool) => {
      const shared = fc.constantFrom(...pool);
      return fc.tuple(
        fc.array(
          fc.oneof(
            { weight: 6, arbitrary: aggregates(shared) },
            { weight: 1, arbitrary: encodings(shared) },
          ),
          { minLength: 2, maxLength: 12, size: "max" },
        ),
        fc.array(combinations, { maxLength: 2, size: "max" }),
        fc.nat(),
      );
    })
    .map(([own, combined, hidden]) =>
      [...own, ...combined].map((what, i) => named(what, i, ((hidden >>> i) & 1) === 0)),
    );

/** Steps of a stream: what comes `gap` after the one before. */
interface Step {
  readonly key: string;
  readonly gap: number;
  /** Behind the clock, ahead of it. */
  readonly back: number;
  readonly ahead: number;
  readonly op: number;
  readonly x: number;
  readonly y: number;
  readonly c: string;
  readonly d: string;
}

const numbers = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 10_000 }).map((n) => n / 100) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1000 }).map((n) => 1e9 + n / 8) },
  { weight: 1, arbitrary: fc.constantFrom(1e-9, -1e12, 1e20, 0.1) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
);

const steps = (ops: fc.Arbitrary<number>): fc.Arbitrary<Step> =>
  fc.record({
    key: fc.constantFrom("ann", "ann", "ann", "bob", "cy"),
    gap: fc.constantFrom(0, 0, 1, 1, 2, 5, 10, 20, 100, 500),
    back: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 5, 10, 20, 49, 50, 51, 200),
    ahead: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 30, 31, 1000),
    op: ops,
    x: numbers,
    y: numbers,
    c: fc.constantFrom("?", ...few),
    d: fc.constantFrom("?", ...many),
  });

export interface Stream {
  readonly plan: Plan;
  readonly rows: readonly FeatureRow[];
}

export const mixedOps: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(Op.DERIVE) },
  { weight: 4, arbitrary: fc.constant(Op.SCORE_AND_LEARN) },
  { weight: 2, arbitrary: fc.constant(Op.SCORE_ONLY) },
  { weight: 1, arbitrary: fc.constant(Op.LEARN_ONLY) },
  { weight: 1, arbitrary: fc.constant(Op.READ_FEATURES) },
  { weight: 1, arbitrary: fc.constant(Op.HEARTBEAT) },
);

/** Where clocks change, where the epoch is, and an ordinary day. */
const beginnings = fc.constantFrom(
  1_700_000_000_000,
  1_700_000_000_000,
  Date.UTC(2024, 2, 30, 20),
  Date.UTC(2024, 9, 26, 20),
  Date.UTC(2018, 10, 3, 20),
  Date.UTC(1970, 0, 10),
);

const policies = fc.constantFrom("refuse" as const, "score_only" as const, "on_time" as const);

/** Streams of `pace` ms a unit of time: windows, lateness and gaps alike. */
export function streams(
  ops: fc.Arbitrary<number>,
  { maxLength = 150, inOrder = false, exactEvents = [256] } = {},
): fc.Arbitrary<Stream> {
  return fc.constantFrom(1, 1000, 360_000).chain((unit) =>
    fc
      .record({
        features: featuresOf(unit),
        lateness: fc.constantFrom(0, 50),
        exact: fc.constantFrom(...exactEvents),
        late: policies,
        future: policies,
        beginning: beginnings,
        // Without long gaps windows hold most of the stream.
        gapMax: fc.constantFrom(2, 500),
        steps: fc.array(steps(ops), { minLength: 1, maxLength, size: "max" }),
      })
      .map(({ features, lateness, exact, late, future, beginning, gapMax, steps: own }) => ({
        plan: {
          features,
          eventTime: {
            latenessMs: lateness * unit,
            late,
            futureToleranceMs: 30 * unit,
            future,
            exactEvents: exact,
          },
        },
        rows: rowsOf(
          own.map((step) => ({
            ...step,
            gap: Math.min(step.gap, gapMax),
            ...(inOrder ? { back: 0, ahead: 0 } : {}),
          })),
          beginning,
          unit,
        ),
      })),
  );
}

function rowsOf(own: readonly Step[], beginning: number, unit: number): FeatureRow[] {
  let arrivalMs = beginning;
  return own.map(({ key, gap, back, ahead, op, ...given }) => {
    arrivalMs += gap * unit;
    const values = new Map<string, number | string>();
    if (!Number.isNaN(given.x)) values.set("x", given.x);
    if (!Number.isNaN(given.y)) values.set("y", given.y);
    if (given.c !== "?") values.set("c", given.c);
    if (given.d !== "?") values.set("d", given.d);
    return { key, op, arrivalMs, timeMs: arrivalMs + (ahead - back) * unit, values };
  });
}

/** Another order of arrival, in which none comes later than the lateness allows. */
export function delayed(
  rows: readonly FeatureRow[],
  latenessMs: number,
  seed: number,
): FeatureRow[] {
  const random = mulberry(seed);
  const coming = rows.map((row) => ({ row, at: row.timeMs + random() * latenessMs }));
  const arrivalMs = (rows.at(-1)?.timeMs ?? 0) + latenessMs;
  return coming.toSorted((a, b) => a.at - b.at).map(({ row }) => ({ ...row, arrivalMs }));
}
