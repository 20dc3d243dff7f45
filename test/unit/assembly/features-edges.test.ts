import { describe, expect, it } from "vitest";
import type { EventTime, Feature, FeatureWindow } from "../../../src/domain/detector.ts";
import { FeatureNumber, NeedBits, WindowNumber } from "../../../src/shard/feature-program.ts";
import { MEMORY_BYTES_MIN, Op, ReadBits, Status } from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { builds, TestShard } from "../../kernel.ts";
import { programOf } from "../../laws/features-streams.ts";
import { programBlock } from "../../support/feature-blocks.ts";
import { FeatureShard } from "../../support/features-rig.ts";
import type { FeatureOutput } from "../../support/features-rig.ts";

type Aggregated = Extract<Feature["what"], { kind: "aggregate" }>;

/** Of the events with y at 0 or more. */
const counted = (window: FeatureWindow, more: Partial<Aggregated> = {}): Feature => ({
  name: "f",
  seen: true,
  defaultValue: more.aggregate === undefined ? Number.NaN : -1,
  what: {
    kind: "aggregate",
    aggregate: "count",
    of: "",
    window,
    where: { input: "y", op: "at_least", value: 0 },
    excludeCurrent: false,
    quantile: 0.5,
    category: "",
    n: 3,
    unitMs: 1000,
    ...more,
  },
});

const start = 1_700_000_000_000;
const whole = ReadBits.KNOWN | ReadBits.EXACT | ReadBits.COVERED;

describe.each(builds)("features at their edges, %s build", async (_, path) => {
  const module = await compileModule(path);

  /** A key's events, one after another. */
  function key(
    feature: Feature,
    eventTime: Partial<EventTime>,
  ): (t: number, y: number, op?: number, x?: number) => FeatureOutput {
    const plan = {
      features: [feature],
      eventTime: {
        latenessMs: 0,
        late: "score_only" as const,
        futureToleranceMs: 1e9,
        future: "refuse" as const,
        exactEvents: 8,
        ...eventTime,
      },
    };
    const shard = FeatureShard.make(module, programOf(plan));
    return (t, y, op = Op.DERIVE, x = 0) => {
      const values = new Map([
        ["x", x],
        ["y", y],
      ]);
      const timeMs = start + t;
      const output = shard.one({ key: "card", arrivalMs: start + 1e6, timeMs, values, op });
      expect(shard.verify()).toBe(0);
      return output;
    };
  }

  it("the last members of the past are none of a later time, though they left the log", () => {
    const on = key(counted({ kind: "last", events: 4 }, { aggregate: "max", of: "x" }), {});
    on(10, 1, Op.DERIVE, 1);
    on(20, 1, Op.DERIVE, 2);
    for (let t = 30; t < 40; t++) on(t, -1);
    const [past] = on(15, -1, Op.READ_FEATURES).values;
    expect(past).toBe(1);
  });

  it.each([
    ["tumbling", { kind: "tumbling", sizeMs: 10_000_000 }, []],
    ["tumbling after one", { kind: "tumbling", sizeMs: 1000 }, [-5000]],
    ["session", { kind: "session", gapMs: 100 }, []],
    ["session after one", { kind: "session", gapMs: 100 }, [-200]],
  ] as const)("%s windows count a late event older than the log", (_name, window, before) => {
    const on = key(counted(window), { latenessMs: 1000 });
    for (const t of before) on(t, 1);
    for (let t = 50; t < 70; t++) on(t, -1);
    on(45, 1);
    expect(on(71, 1).values).toEqual([2]);
  });

  it("reads a full log's window without room for an event", () => {
    const on = key(counted({ kind: "hopping", sizeMs: 1000, slideMs: 10 }), {});
    for (let i = 0; i < 7; i++) on(i > 4 ? 2 : 0, 1);
    on(22, 1);
    const read = on(22, 0, Op.READ_FEATURES);
    expect(read.state & whole).toBe(whole);
    expect(read.values).toEqual([7]);
  });

  it.each([10, 25, 500, 2000])("hopping panes of slide %d keep to their hops", (slideMs) => {
    const sizeMs = 2000;
    // Panes are whole slides, and where one is enough there is no error.
    const spare = slideMs * 32 < sizeMs ? Math.ceil(sizeMs / 32 / slideMs) * slideMs : 0;
    const on = key(counted({ kind: "hopping", sizeMs, slideMs }), {});
    const times: number[] = [];
    for (let i = 0; i < 1500; i++) {
      const t = 3 * i + (i % 3);
      times.push(t);
      const end = Math.floor((start + t) / slideMs) * slideMs - start;
      const among = (after: number): number =>
        times.filter((time) => time > after && time <= end).length;
      const [found = Number.NaN] = on(t, 1).values;
      expect(found, `event ${i}`).toBeGreaterThanOrEqual(among(end - sizeMs));
      expect(found, `event ${i}`).toBeLessThanOrEqual(among(end - sizeMs - spare));
    }
  });

  it("quantiles keep their bound again once the sizes beyond it have left", () => {
    const size = 1024;
    const median = { aggregate: "quantile", of: "x" } as const;
    const on = key(counted({ kind: "last", events: size }, median), { exactEvents: size });
    for (let i = 0; i < 600; i++) on(i, 1, Op.DERIVE, 1e3 * 1.021 ** i);
    for (let i = 0; i < 3; i++) on(600 + i, 1, Op.DERIVE, 1);
    let found = Number.NaN;
    for (let i = 0; i < 2 * size; i++) [found = found] = on(700 + i, 1, Op.DERIVE, 3).values;
    expect(Math.abs(found - 3)).toBeLessThanOrEqual(0.03);
  });

  it("does not take settled events of a later time for those of the past", () => {
    const on = key(counted({ kind: "global", everyEvents: 3, everyMs: 0, onChange: false }), {
      latenessMs: 50_000,
    });
    on(0, 1);
    for (let i = 0; i < 12; i++) on(100_000 + i, 1);
    const read = on(5000, 0, Op.READ_FEATURES);
    expect(read.state & ReadBits.COVERED).toBe(0);
    expect(read.values).toEqual([0]);
  });

  it("does not say that a window is covered whose events have left the log", () => {
    for (const window of [
      { kind: "tumbling", sizeMs: 1_000_000_000 },
      { kind: "session", gapMs: 50_000 },
    ] as const) {
      const on = key(counted(window), {});
      on(0, 1);
      for (let i = 1; i < 12; i++) on(i, -1);
      expect(on(5, 0, Op.READ_FEATURES).state & ReadBits.COVERED).toBe(0);
    }
  });

  it("looks ahead no further than the arena", async () => {
    const sources = 250;
    const program = programBlock({
      header: { sources, modelFirst: sources, modelColumns: 1, exactEvents: 8 },
      groups: [{ window: WindowNumber.global, source: -1 }],
      features: [{ kind: FeatureNumber.count, source: -1, category: NaN, defaultValue: NaN }],
    });
    const values = Array.from({ length: sources }, () => 1);
    // Where the last block of states ends with the memory.
    for (const pages of [1, 4, 7]) {
      const shard = await TestShard.make(path, (20 << 20) + pages * 65_536);
      const size = { features: 1, trees: 1, height: 1, keysPerPartition: 1e6 };
      expect(shard.create({ ...size, program })).toBe(Status.OK);
      for (const op of [Op.DERIVE, Op.SCORE_ONLY]) {
        for (let first = 0; first < 16_000; first += 100) {
          const keys = Array.from({ length: 100 }, (__, i) => `k${first + i}`);
          shard.step(keys.map((name) => ({ key: name, op, values })));
        }
      }
      expect(shard.counter("keysEvicted")).toBeGreaterThan(0);
    }
  });

  it("gives defaults where there is no memory to compute in", async () => {
    const needs = 2 * NeedBits.distinct - 1;
    const group = { window: WindowNumber.global, slide: 1, source: 0, needs, lags: 1, sequence: 2 };
    const entropy = { kind: FeatureNumber.entropy, source: 0, category: NaN, defaultValue: -1 };
    const program = programBlock({
      header: { sources: 1, modelColumns: 65, exactEvents: 64 },
      groups: Array.from({ length: 64 }, () => group),
      features: Array.from({ length: 64 }, (__, i) => ({ ...entropy, group: i })),
    });
    const shard = await TestShard.make(path, MEMORY_BYTES_MIN + (8 << 20));
    const size = { features: 65, trees: 1, height: 1, window: 10 };
    expect(shard.create({ ...size, program })).toBe(Status.OK);
    for (let i = 0; i < 200; i++) shard.step([{ key: `k${i}`, op: Op.DERIVE, values: [1] }]);
    expect(shard.counter("keysEvicted")).toBeGreaterThan(0);
    const values = Array.from({ length: 66 }, () => Number.NaN);
    shard.step([{ key: "new", op: Op.SCORE_ONLY, values }]);
    expect(new Set(shard.featuresOf(0).values)).toEqual(new Set([-1]));
  });

  it("a session after another costs no row a walk over the one before", async () => {
    const size = 65_536;
    const program = programBlock({
      header: { sources: 1, modelColumns: 2, exactEvents: size, futureToleranceMs: 1e12 },
      groups: [{ window: WindowNumber.session, size: 5000, source: -1 }],
      features: [{ kind: FeatureNumber.count, source: -1, category: NaN, defaultValue: NaN }],
    });
    const shard = await TestShard.make(path);
    expect(shard.create({ features: 2, trees: 1, height: 1, program })).toBe(Status.OK);
    let arrivalMs = 0;
    const session = (): number => {
      arrivalMs += 1e6;
      const before = performance.now();
      for (let first = 0; first < size; first += 512) {
        shard.step(
          Array.from({ length: 512 }, () => ({
            op: Op.DERIVE,
            values: [1],
            arrivalMs: ++arrivalMs,
          })),
        );
      }
      return performance.now() - before;
    };
    const first = session();
    expect(session()).toBeLessThan(8 * first + 300);
  });

  it("squares that no float64 holds cost no row the making of its window anew", () => {
    const size = 16_384;
    const on = (big: number): number => {
      const plan = {
        features: [counted({ kind: "last", events: size }, { aggregate: "std", of: "x" })],
        eventTime: {
          latenessMs: 0,
          late: "score_only" as const,
          futureToleranceMs: 1e9,
          future: "refuse" as const,
          exactEvents: size,
        },
      };
      const shard = FeatureShard.make(module, programOf(plan));
      const rows = Array.from({ length: 512 }, (__, i) => ({
        key: "card",
        arrivalMs: start,
        timeMs: start,
        values: new Map([
          ["x", i % 2 === 0 ? big : -big],
          ["y", 1],
        ]),
      }));
      for (let i = 0; i < size / 512; i++) shard.learn(rows);
      const before = performance.now();
      for (let i = 0; i < 4; i++) shard.learn(rows);
      return performance.now() - before;
    };
    expect(on(1e200)).toBeLessThan(20 * on(1) + 200);
  });
});
