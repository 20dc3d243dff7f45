import { describe, expect, it } from "vitest";
import type { EventTime, Feature, FeatureWindow } from "../../../src/domain/detector.ts";
import { Op } from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { builds, mulberry } from "../../kernel.ts";
import { mistakes } from "../../laws/features-compare.ts";
import { FeatureReference } from "../../laws/features-reference.ts";
import { programOf } from "../../laws/features-streams.ts";
import { FeatureShard } from "../../support/features-rig.ts";
import type { FeatureRow } from "../../support/features-rig.ts";

type Aggregated = Extract<Feature["what"], { kind: "aggregate" }>;

const everything = { kind: "global", everyEvents: 0, everyMs: 0, onChange: false } as const;

/** The log holds all that may come late, and windows that hold more only grow, or fit the log. */
const windows: readonly FeatureWindow[] = [
  { kind: "tumbling", sizeMs: 5000 },
  { kind: "calendar", unit: "day", timeZone: "Europe/Berlin" },
  { kind: "session", gapMs: 120 },
  { kind: "session", gapMs: 300 },
  { kind: "last", events: 8 },
  { kind: "last", events: 1 },
  everything,
  { ...everything, everyEvents: 7 },
  { ...everything, everyMs: 1000 },
  { ...everything, onChange: true },
  { kind: "sliding", sizeMs: 600 },
  { kind: "sliding", sizeMs: 150 },
  { kind: "hopping", sizeMs: 200, slideMs: 50 },
  { kind: "hopping", sizeMs: 600, slideMs: 200 },
];

const eventTime: EventTime = {
  latenessMs: 400,
  late: "score_only",
  futureToleranceMs: 1e9,
  future: "refuse",
  exactEvents: 32,
};

const ofAnyWindow = ["sum", "max", "min", "first", "last", "mean", "std"] as const;

function featuresOf(window: FeatureWindow, seed: number): Feature[] {
  const common: Aggregated = {
    kind: "aggregate",
    aggregate: "count",
    of: "",
    window,
    where: seed % 3 === 0 ? { input: "y", op: "at_least", value: 0 } : undefined,
    excludeCurrent: seed % 5 === 0,
    quantile: 0.5,
    category: "",
    n: 3,
    unitMs: 1000,
  };
  const whats: Feature["what"][] = [
    common,
    { ...common, aggregate: "rate" },
    ...ofAnyWindow.map((aggregate) => ({ ...common, aggregate, of: "x" })),
  ];
  if (window === everything) {
    whats.push(
      { ...common, aggregate: "lag", of: "x", excludeCurrent: false },
      { ...common, aggregate: "novelty", of: "d", n: 2, excludeCurrent: false },
      { ...common, aggregate: "time_since", of: "d", excludeCurrent: false },
      { kind: "encode", encode: "label", of: "d", window, category: "", n: 2 },
    );
  }
  return whats.map((what, i) => ({
    name: `f${i}`,
    seen: true,
    defaultValue: defaultOf(what),
    what,
  }));
}

function defaultOf(what: Feature["what"]): number {
  if (what.kind !== "aggregate") return -1;
  return ["count", "rate", "sum"].includes(what.aggregate) ? Number.NaN : -1;
}

/** Of one card, a third of them late; at most 23 in the lateness. */
function payments(seed: number): FeatureRow[] {
  const random = mulberry(seed);
  let arrivalMs = 1_700_000_000_000;
  return Array.from({ length: 300 }, () => {
    arrivalMs += Math.floor(random() ** 3 * 240) + 18;
    const late = random() < 0.3 ? Math.floor(random() * 400) : 0;
    const values = new Map<string, number | string>([
      ["y", random() - 0.3],
      ["d", `merchant ${Math.floor(random() * 5)}`],
    ]);
    if (random() > 0.1) values.set("x", Math.floor(random() * 9) - 4);
    const op = random() < 0.2 ? Op.SCORE_ONLY : Op.DERIVE;
    return { key: "card", arrivalMs, timeMs: arrivalMs - late, values, op };
  });
}

describe.each(builds)("late events and a short log, %s build", async (_, path) => {
  const module = await compileModule(path);

  it.each(windows.map((window) => [JSON.stringify(window), window] as const))(
    "%s",
    (_name, window) => {
      for (let seed = 0; seed < 6; seed++) {
        const plan = { features: featuresOf(window, seed), eventTime };
        const shard = FeatureShard.make(module, programOf(plan));
        const reference = new FeatureReference(plan.features, eventTime);
        for (const row of payments(seed)) {
          const expected = row.op === Op.SCORE_ONLY ? reference.peek(row) : reference.learn(row);
          expect(mistakes(plan, { row, output: shard.one(row) }, expected)).toEqual([]);
        }
        expect(shard.verify()).toBe(0);
      }
    },
  );
});
