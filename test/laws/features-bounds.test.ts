import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Feature, FeatureWindow } from "../../src/domain/detector.ts";
import { limits } from "../../src/config/limits.ts";
import { Op, PAGE_BYTES, ReadBits, Root, Status } from "../../src/shard/layout.ts";
import { featureStateBytes } from "../../src/features/state-bytes.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, mulberry } from "../kernel.ts";
import { FeatureShard, FeatureShards, plainAggregate } from "../support/features-rig.ts";
import type { FeatureRow } from "../support/features-rig.ts";
import { mistakes } from "./features-compare.ts";
import { FeatureReference } from "./features-reference.ts";
import { configOf, delayed, mixedOps, programOf, streams } from "./features-streams.ts";
import type { Plan, Stream } from "./features-streams.ts";

const exactEvents = 16;
const panes = 32;

/** The same detector with a log that a few events fill. */
function short({ plan, rows }: Stream): Stream {
  return { plan: { ...plan, eventTime: { ...plan.eventTime, exactEvents } }, rows };
}

/** Times that nobody means well with, as far as admission lets them. */
const hostileTimes = fc.oneof(
  fc.constantFrom(1, -1, 1e15, -1e15, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 8.64e15),
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_001_000 }),
  fc.maxSafeInteger(),
);

/** As far as admission lets them. */
const hostileValues = fc.oneof(
  fc.double({ min: -limits.magnitudeMax, max: limits.magnitudeMax }),
  fc.constantFrom(limits.magnitudeMax, -limits.magnitudeMax, 5e-324, 2.3e-308, -0),
);

const hostile: fc.Arbitrary<Stream> = streams(mixedOps, { maxLength: 120 }).chain((stream) =>
  fc
    .array(
      fc.record({
        timeMs: fc.option(hostileTimes, { nil: undefined }),
        x: fc.option(hostileValues, { nil: undefined }),
        key: fc.option(fc.nat({ max: 5000 }), { nil: undefined }),
      }),
      { minLength: stream.rows.length, maxLength: stream.rows.length },
    )
    .map((changes) => ({
      plan: short(stream).plan,
      rows: stream.rows.map((row, i) => ({
        ...row,
        timeMs: changes[i]?.timeMs ?? row.timeMs,
        key: changes[i]?.key === undefined ? row.key : `invented ${changes[i]?.key}`,
        values: new Map([...row.values, ["x", changes[i]?.x ?? row.values.get("x") ?? 0] as const]),
      })),
    })),
);

/** Of a window of that kind over one value: what grows with the events in it, so that more of them are never less. */
function growing(window: FeatureWindow): Feature[] {
  const whats = [
    { aggregate: "count" as const, of: "" },
    { aggregate: "sum" as const, of: "x" },
    { aggregate: "max" as const, of: "x" },
    { aggregate: "range" as const, of: "x" },
    { aggregate: "distinct" as const, of: "d" },
  ];
  return whats.map(({ aggregate, of }, i) => ({
    name: `${aggregate} of ${of}`,
    seen: i === 0,
    defaultValue: aggregate === "max" || aggregate === "range" ? -1 : Number.NaN,
    what: {
      ...plainAggregate,
      aggregate,
      of,
      window,
    },
  }));
}

function planOf(features: readonly Feature[], latenessMs = 0): Plan {
  const policies = { late: "score_only", futureToleranceMs: 1e9, future: "refuse" } as const;
  return { features, eventTime: { latenessMs, exactEvents, ...policies } };
}

/** Of one key, in order; x is not negative. */
function payments(seed: number, count: number, gapMs: number): FeatureRow[] {
  const random = mulberry(seed);
  let timeMs = 1_700_000_000_000;
  return Array.from({ length: count }, () => {
    timeMs += Math.floor(random() ** 3 * gapMs);
    const values = new Map<string, number | string>([
      ["x", Math.floor(random() * 1000) / 4],
      ["d", `merchant ${Math.floor(random() * 25)}`],
    ]);
    return { key: "ann", timeMs, arrivalMs: timeMs, values };
  });
}

/** HyperLogLog's 3.3 %, four times, and one more where few are counted. */
const distinctSlack = (n: number): number => 1 + 0.132 * n;

/** Of more columns that the model has. */
const slackBytes = 512;

/** A block takes up to an eighth more than it asked for, a large one whole pages. */
function arenaBytes(bytes: number): number {
  return bytes <= 30_000 ? bytes * 1.125 + 64 : Math.ceil((bytes + 64) / PAGE_BYTES) * PAGE_BYTES;
}

describe.each(builds)("bounded features, %s build", async (name, path) => {
  const module = await compileModule(path);
  const shards = new FeatureShards(module);
  const numRuns = name === "release" ? 60 : 15;

  it("are finite and sound whatever times, values and keys come", () => {
    fc.assert(
      fc.property(hostile, fc.nat(), ({ plan, rows }, seed) => {
        const shard = FeatureShard.make(module, programOf(plan), { keysPerPartition: 4 });
        const random = mulberry(seed);
        for (let first = 0; first < rows.length;) {
          const batch = rows.slice(first, (first += 1 + Math.floor(random() * 30)));
          for (const [i, output] of shard.step(batch).entries()) {
            expect(output.status).toBe(Status.OK);
            const op = batch[i]?.op;
            if (op === Op.LEARN_ONLY || op === Op.HEARTBEAT || output.timeliness > 2) continue;
            expect(output.values.filter((x) => !Number.isFinite(x) || Object.is(x, -0))).toEqual(
              [],
            );
          }
        }
        expect(shard.verify()).toBe(0);
      }),
      { numRuns },
    );
  });

  it.each([
    ["in order", 0],
    ["late by up to a quarter of it", 0.25],
  ])("err in panes by no more than what left in the last 32nd of the window, %s", (_, late) => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(64, 1000, 10_000, 3_600_000),
        fc.constantFrom(3, 50, 1000, 200_000),
        (seed, sizeMs, gapMs) => {
          const features = growing({ kind: "sliding", sizeMs });
          const plan = planOf(features, late * sizeMs);
          const wide = growing({ kind: "sliding", sizeMs: sizeMs + sizeMs / panes });
          const least = new FeatureReference(features, plan.eventTime);
          const most = new FeatureReference(wide, plan.eventTime);
          shards.free();
          const shard = shards.take(programOf(plan));
          let newest = 0;
          for (const [i, row] of delayed(
            payments(seed, 200, gapMs),
            late * sizeMs,
            seed,
          ).entries()) {
            const low = least.learn(row).values!;
            const high = most.learn(row).values!;
            const { values } = shard.one(row);
            // Of the past there is only what the log still has.
            if (row.timeMs < newest) continue;
            newest = row.timeMs;
            for (const [f, { name: feature }] of features.entries()) {
              const where = `${feature} of row ${i}`;
              const slack = feature === "distinct of d" ? distinctSlack(high[f]!.value) : 1e-9;
              expect(values[f], where).toBeGreaterThanOrEqual(low[f]!.value - slack);
              expect(values[f], where).toBeLessThanOrEqual(high[f]!.value + slack);
            }
          }
          expect(shard.verify()).toBe(0);
        },
      ),
      { numRuns },
    );
  });

  it("say when they are exact, and are so again once the burst has left the window", () => {
    const plan = planOf(growing({ kind: "sliding", sizeMs: 1000 }));
    const shard = FeatureShard.make(module, programOf(plan));
    const reference = new FeatureReference(plan.features, plan.eventTime);
    const start = 1_700_000_000_000;
    const burst = payments(1, 100, 20);
    const modes = new Set<number>();
    const last = burst.at(-1)?.timeMs ?? start;
    const after = payments(2, 60, 300).map((row) => {
      const timeMs = row.timeMs - start + last;
      return { ...row, timeMs, arrivalMs: timeMs };
    });
    for (const row of [...burst, ...after]) {
      const expected = reference.learn(row);
      const output = shard.one(row);
      const { state } = shard.one({ ...row, op: Op.READ_FEATURES });
      expect(state & ReadBits.KNOWN).toBe(ReadBits.KNOWN);
      const exact = (state & ReadBits.EXACT) !== 0;
      expect(shard.shard.counter("keysInPanes")).toBe(exact ? 0 : 1);
      modes.add(state & ReadBits.EXACT);
      if (exact) expect(mistakes(plan, { row, output }, expected)).toEqual([]);
    }
    const { state } = shard.one({ ...after.at(-1), op: Op.READ_FEATURES });
    expect(state & ReadBits.EXACT).toBe(ReadBits.EXACT);
    expect(modes.size).toBe(2);
  });

  it.each([0, 300, 3000])(
    "of windows that only grow are exact however short the log is, lateness %d ms",
    (latenessMs) => {
      const kinds: FeatureWindow[] = [
        { kind: "tumbling", sizeMs: 5000 },
        { kind: "calendar", unit: "day", timeZone: "Europe/Berlin" },
        { kind: "session", gapMs: 500 },
        { kind: "last", events: exactEvents },
        { kind: "global", everyEvents: 0, everyMs: 0, onChange: false },
        { kind: "global", everyEvents: 7, everyMs: 0, onChange: false },
      ];
      for (const window of kinds) {
        // Sessions that a late event bridges are one only as far as the log reaches: here it is shorter than the lateness.
        if (window.kind === "session" && latenessMs === 3000) continue;
        const features = growing(window).filter(({ name: feature }) => feature !== "distinct of d");
        const plan = planOf(features, latenessMs);
        shards.free();
        const shard = shards.take(programOf(plan));
        const reference = new FeatureReference(features, plan.eventTime);
        let newest = 0;
        for (const row of delayed(payments(3, 300, 400), latenessMs, 5)) {
          const output = shard.one(row);
          const expected = reference.learn(row);
          if (row.timeMs < newest) continue;
          newest = row.timeMs;
          expect(mistakes(plan, { row, output }, expected), window.kind).toEqual([]);
        }
        expect(shard.verify()).toBe(0);
      }
    },
  );

  it("take no more memory than is stated, whoever invents keys and times", () => {
    fc.assert(
      fc.property(hostile, ({ plan, rows }) => {
        const learned = rows.map((row) => ({ ...row, op: Op.DERIVE }));
        const [first] = growing({ kind: "last", events: 1 });
        shards.free();
        const [least, all] = [{ ...plan, features: [first!] }, plan].map((each) => {
          const shard = shards.take(programOf(each), { keysPerPartition: 2 });
          for (let i = 0; i < learned.length; i += 40) shard.step(learned.slice(i, i + 40));
          return shard.shard;
        });
        const keys = all!.counter("keys");
        expect(keys).toBe(least!.counter("keys"));
        const stated = featureStateBytes(configOf(plan));
        const bytes = all!.counter("stateBytes") - least!.counter("stateBytes");
        const program = arenaBytes(8 * programOf(plan).block.length);
        expect(bytes).toBeLessThanOrEqual(program + keys * (arenaBytes(stated) + slackBytes));
        all!.kernel.deleteDetector(0);
        expect(all!.counter("stateBytes")).toBe(0);
      }),
      { numRuns },
    );
  });

  it("refuse rows, not their soundness, when the memory is full", () => {
    const plan = planOf(growing({ kind: "sliding", sizeMs: 100_000 }));
    const large = { ...plan, eventTime: { ...plan.eventTime, exactEvents: 4096 } };
    const shard = FeatureShard.make(module, programOf(large), {
      keysPerPartition: 1e5,
      bytes: 17 << 20,
    });
    const rows = payments(4, 400, 20);
    for (let batch = 0; batch < 100; batch++) {
      const outputs = shard.step(rows.map((row, i) => ({ ...row, key: `${batch} ${i % 40}` })));
      for (const { status } of outputs) expect([Status.OK, Status.NO_MEMORY]).toContain(status);
    }
    expect(shard.shard.counter("keysEvicted")).toBeGreaterThan(0);
    expect(shard.verify()).toBe(0);
  });

  it("go on after a recovery as if there had been none", () => {
    fc.assert(
      fc.property(streams(mixedOps), (stream) => {
        const { plan, rows } = short(stream);
        const half = rows.length >>> 1;
        shards.free();
        const shard = shards.take(programOf(plan));
        shard.step(rows.slice(0, half));
        const other = shards.take(programOf(plan));
        other.step(rows.slice(0, half));
        expect(other.shard.kernel.recover(-1)).toBe(0);
        expect(other.verify()).toBe(0);
        expect(other.step(rows.slice(half))).toEqual(shard.step(rows.slice(half)));
        expect(other.shard.kernel.detectorDigest(0)).toBe(shard.shard.kernel.detectorDigest(0));
        expect(other.verify()).toBe(0);
      }),
      { numRuns },
    );
  });

  it("of keys in a batch that died start cold, others' go on", () => {
    const plan = planOf(growing({ kind: "sliding", sizeMs: 1000 }));
    const shard = FeatureShard.make(module, programOf(plan));
    const [last, ...rows] = payments(5, 101, 20).toReversed();
    rows.reverse();
    shard.step(rows.flatMap((row) => [row, { ...row, key: "bob" }]));
    const bob = shard.digest("bob");
    shard.shard.setFaults(true);
    if (last === undefined) throw new Error("no rows");
    expect(() => shard.step([last, { ...last, op: Op.TRAP }])).toThrow("unreachable");
    expect(new DataView(shard.shard.memory.buffer).getUint32(Root.inProgress, true)).not.toBe(0);
    expect(shard.shard.kernel.recover(-1)).toBe(1);
    shard.shard.setFaults(false);
    expect(shard.verify()).toBe(0);
    expect(shard.digest("ann")).toBe(0n);
    expect(shard.digest("bob")).toBe(bob);
    const [cold, warm] = shard.step([last, { ...last, key: "bob" }]);
    expect(cold?.values[0]).toBe(1);
    expect(warm?.values[0]).toBeGreaterThan(exactEvents);
  });
});
