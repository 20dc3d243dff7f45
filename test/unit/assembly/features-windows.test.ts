import { describe, expect, it } from "vitest";
import type { EventTime, Feature, FeatureWindow } from "../../../src/domain/detector.ts";
import { Timeliness } from "../../../src/domain/verdict.ts";
import { Op, ReadBits } from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { builds } from "../../kernel.ts";
import { programOf } from "../../laws/features-streams.ts";
import { FeatureShard, plainAggregate } from "../../support/features-rig.ts";

type Aggregated = Extract<Feature["what"], { kind: "aggregate" }>;

const start = 1_700_000_000_000;

function feature(name: string, window: FeatureWindow, what: Partial<Aggregated> = {}): Feature {
  return {
    name,
    seen: true,
    defaultValue: -1,
    what: {
      ...plainAggregate,
      aggregate: "count",
      of: "",
      window,
      ...what,
    },
  };
}

const sliding = (sizeMs: number): FeatureWindow => ({ kind: "sliding", sizeMs });
const everything: FeatureWindow = { kind: "global", everyEvents: 0, everyMs: 0, onChange: false };

const inOrder: EventTime = {
  latenessMs: 0,
  late: "score_only",
  futureToleranceMs: 1e6,
  future: "refuse",
  exactEvents: 64,
};

interface Payment {
  readonly at: number;
  readonly amount?: number;
  readonly op?: number;
}

/** A card's shard: payments at ms from the start, with amounts. */
class Card {
  private readonly shard: FeatureShard;

  constructor(module: WebAssembly.Module, features: readonly Feature[], time = inOrder) {
    const program = programOf({ features, eventTime: time });
    this.shard = FeatureShard.make(module, program, { window: 60_000 });
  }

  pay({ at, amount, op }: Payment): {
    values: readonly number[];
    defaulted: readonly boolean[];
    timeliness: number;
    state: number;
  } {
    const output = this.shard.one({
      key: "card",
      timeMs: start + at,
      arrivalMs: start + Math.max(at, 0),
      values: new Map(amount === undefined ? [] : [["x", amount]]),
      ...(op === undefined ? {} : { op }),
    });
    expect(this.shard.verify()).toBe(0);
    return output;
  }

  counts(times: readonly number[]): number[] {
    return times.map((at) => this.pay({ at }).values[0] ?? Number.NaN);
  }

  digest(): bigint {
    return this.shard.digest("card");
  }
}

describe.each(builds)("windows of a key, %s build", async (_, path) => {
  const module = await compileModule(path);

  it("slide: the event at their beginning is out, the one at their end in", () => {
    const card = new Card(module, [feature("n", sliding(100))]);
    expect(card.counts([0, 99, 100, 100, 199, 299])).toEqual([1, 2, 2, 3, 3, 1]);
  });

  it("hop: they are the same between two multiples of the slide", () => {
    const card = new Card(module, [feature("n", { kind: "hopping", sizeMs: 100, slideMs: 50 })]);
    // 1_700_000_000_000 is a multiple of 50. (E - 100, E] with E = 0, 0, 50, 50, 100, 150.
    expect(card.counts([0, 49, 50, 60, 110, 150])).toEqual([1, 1, 3, 3, 3, 3]);
  });

  it("tumble at multiples of their size", () => {
    const card = new Card(module, [feature("n", { kind: "tumbling", sizeMs: 1000 })]);
    expect(card.counts([0, 999, 1000, 1999, 5000])).toEqual([1, 2, 1, 2, 1]);
  });

  it("end with a session's gap", () => {
    const card = new Card(module, [feature("n", { kind: "session", gapMs: 10 })]);
    expect(card.counts([0, 10, 20, 31, 31, 42])).toEqual([1, 2, 3, 1, 2, 1]);
  });

  it("begin at midnight in Berlin, also on the day of 25 hours", () => {
    const day: FeatureWindow = { kind: "calendar", unit: "day", timeZone: "Europe/Berlin" };
    const card = new Card(module, [feature("n", day)]);
    // 2023-10-29 begins at 22:00 UTC of the 28th and ends 25 hours later.
    const midnight = Date.UTC(2023, 9, 28, 22) - start;
    const hour = 3_600_000;
    expect(card.counts([midnight - 1, midnight, midnight + 25 * hour - 1])).toEqual([1, 1, 2]);
    expect(card.counts([midnight + 25 * hour])).toEqual([1]);
  });

  it("keep the last n that have the value, and lag by n", () => {
    const last: FeatureWindow = { kind: "last", events: 2 };
    const card = new Card(module, [
      feature("sum", last, { aggregate: "sum", of: "x" }),
      feature("lag", everything, { aggregate: "lag", of: "x", n: 2 }),
    ]);
    const answers = [1, undefined, 10, 100].map((amount, i) =>
      card.pay({ at: i, ...(amount === undefined ? {} : { amount }) }),
    );
    expect(answers.map(({ values }) => values)).toEqual([
      [1, -1],
      [1, -1],
      [11, -1],
      [110, 1],
    ]);
    expect(answers.map(({ defaulted }) => defaulted[1])).toEqual([true, true, true, false]);
  });

  it("show all events as they were when the trigger last fired", () => {
    const card = new Card(module, [feature("n", { ...everything, everyEvents: 3 })]);
    expect(card.counts([0, 1, 2, 3, 4, 5, 6])).toEqual([0, 0, 3, 3, 3, 6, 6]);
  });

  it("leave the event out, of a z-score and where it is asked for", () => {
    const card = new Card(module, [
      feature("z", sliding(1000), { aggregate: "zscore", of: "x" }),
      feature("mean before", sliding(1000), { aggregate: "mean", of: "x", excludeCurrent: true }),
    ]);
    card.pay({ at: 0, amount: 1 });
    card.pay({ at: 1, amount: 3 });
    const { values } = card.pay({ at: 2, amount: 7 });
    // The mean of 1 and 3 is 2, their standard deviation the root of 2.
    expect(values[0]).toBeCloseTo(5 / Math.SQRT2, 14);
    expect(values[1]).toBe(2);
  });

  it("divide and subtract, with the default where they cannot", () => {
    const card = new Card(module, [
      feature("sum", sliding(10), { aggregate: "sum", of: "x" }),
      { name: "r", seen: true, defaultValue: 5, what: { kind: "ratio", of: "x", to: "sum" } },
      { name: "d", seen: false, defaultValue: 6, what: { kind: "difference", of: "x", to: "sum" } },
    ]);
    expect(card.pay({ at: 0, amount: 4 })).toMatchObject({
      values: [4, 1, 0],
      defaulted: [false, false, false],
    });
    expect(card.pay({ at: 1, amount: -4 })).toMatchObject({
      values: [0, 5, -4],
      defaulted: [false, true, false],
    });
  });

  it("take a late payment in its place, and never show it a later one", () => {
    const card = new Card(
      module,
      [feature("n", sliding(100)), feature("max", everything, { aggregate: "max", of: "x" })],
      { ...inOrder, latenessMs: 50 },
    );
    card.pay({ at: 100, amount: 9 });
    expect(card.pay({ at: 60, amount: 5 })).toMatchObject({
      values: [1, 5],
      timeliness: Timeliness.ON_TIME,
    });
    expect(card.pay({ at: 80, amount: 1 }).values).toEqual([2, 5]);
    expect(card.pay({ at: 159, amount: 1 }).values).toEqual([4, 9]);
    expect(card.pay({ at: 160, amount: 1 }).values).toEqual([4, 9]);
    expect(card.pay({ at: 100, amount: 99 })).toMatchObject({
      values: [4, 99],
      timeliness: Timeliness.LATE,
    });
    expect(card.pay({ at: 160, op: Op.READ_FEATURES }).values).toEqual([4, 9]);
  });

  it("change by nothing that is only looked at", () => {
    const card = new Card(module, [
      feature("n", sliding(100)),
      feature("median", everything, { aggregate: "quantile", of: "x" }),
    ]);
    for (let i = 0; i < 20; i++) card.pay({ at: i * 10, amount: i });
    const before = card.digest();
    const seen = card.pay({ at: 195, amount: 1, op: Op.SCORE_ONLY });
    expect(card.pay({ at: 250, op: Op.READ_FEATURES }).values[0]).toBe(4);
    expect(card.pay({ at: 100, op: Op.READ_FEATURES }).values[0]).toBe(10);
    expect(card.digest()).toBe(before);
    expect(card.pay({ at: 195, amount: 1 }).values).toEqual(seen.values);
    expect(card.digest()).not.toBe(before);
  });

  it("become panes when the log is full, and exact again", () => {
    const card = new Card(module, [feature("n", sliding(3200))], { ...inOrder, exactEvents: 8 });
    // Panes of 100 ms: events at 1, 2, ... are all in one pane, which leaves whole.
    for (let i = 1; i <= 20; i++) expect(card.pay({ at: i }).values[0]).toBe(i);
    const look = (at: number) => card.pay({ at, op: Op.READ_FEATURES });
    expect(look(20).state).toBe(ReadBits.KNOWN | ReadBits.COVERED);
    expect(card.pay({ at: 3210 }).values[0]).toBe(21);
    expect(card.pay({ at: 3301 }).values[0]).toBe(2);
    expect(look(3301).state).toBe(ReadBits.KNOWN | ReadBits.EXACT | ReadBits.COVERED);
    expect(look(10).state & ReadBits.COVERED).toBe(0);
  });
});
