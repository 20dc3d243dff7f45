import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, hashOf, mulberry } from "../kernel.ts";
import { FeatureShards } from "../support/features-rig.ts";
import type { FeatureOutput, FeatureRow, FeatureShard } from "../support/features-rig.ts";
import { alike } from "./features-compare.ts";
import { delayed, mixedOps, programOf, streams } from "./features-streams.ts";
import type { Plan, Stream } from "./features-streams.ts";

/** The time that a row is placed or looked at: one from the future may be taken as of its arrival. */
function takenAt({ eventTime }: Plan, { timeMs, arrivalMs }: FeatureRow): number {
  return timeMs > arrivalMs + eventTime.futureToleranceMs ? Math.min(timeMs, arrivalMs) : timeMs;
}

/** All rows, in batches cut at random, the regions in turn. */
function run(shard: FeatureShard, rows: readonly FeatureRow[], seed: number): FeatureOutput[] {
  const random = mulberry(seed);
  const outputs: FeatureOutput[] = [];
  for (let batch = 0; outputs.length < rows.length; batch++) {
    const count = 1 + Math.floor(random() ** 2 * 60);
    outputs.push(...shard.step(rows.slice(outputs.length, outputs.length + count), batch & 1));
  }
  return outputs;
}

/** Each after the other, though they are a batch of one in both. */
function runSingly(shard: FeatureShard, rows: readonly FeatureRow[]): FeatureOutput[] {
  return rows.map((row) => shard.one(row));
}

const isRead = ({ op }: FeatureRow): boolean => op === Op.READ_FEATURES || op === Op.SCORE_ONLY;

/** The features that an event would have had: null where nothing was computed. */
function featuresOf({ values, defaulted, timeliness }: FeatureOutput): unknown {
  return { values, defaulted, timeliness };
}

/** Streams whose events come in the order of their times, no two of a time. */
const ordered = streams(fc.constant(Op.DERIVE), { inOrder: true }).map(({ plan, rows }) => ({
  plan,
  rows: rows.map((row, i) => ({ ...row, timeMs: row.timeMs + i, arrivalMs: row.arrivalMs + i })),
}));

function withLateness({ plan, rows }: Stream, latenessMs: number): Stream {
  return { plan: { ...plan, eventTime: { ...plan.eventTime, latenessMs } }, rows };
}

describe.each(builds)("features of a stream, %s build", async (name, path) => {
  const module = await compileModule(path);
  const numRuns = name === "release" ? 60 : 15;
  const shards = new FeatureShards(module);
  const make = (plan: Plan): FeatureShard => shards.take(programOf(plan));
  const check = (kind: fc.Arbitrary<Stream>, law: (stream: Stream, seed: number) => void): void => {
    fc.assert(
      fc.property(kind, fc.nat(), ({ plan, rows }, seed) => {
        shards.free();
        law({ plan, rows }, seed);
      }),
      { numRuns },
    );
  };
  const mixed = streams(mixedOps, { exactEvents: [10, 32, 256] });

  it("are the same bits however rows are cut into batches", () => {
    check(mixed, ({ plan, rows }, seed) => {
      const [whole, cut] = [make(plan), make(plan)];
      expect(run(cut, rows, seed)).toEqual(runSingly(whole, rows));
      expect(cut.shard.kernel.detectorDigest(0)).toBe(whole.shard.kernel.detectorDigest(0));
      expect(cut.verify()).toBe(0);
    });
  });

  it("are the same bits on 1, 2, 3 and 5 shards", () => {
    check(mixed, ({ plan, rows }, seed) => {
      const expected = run(make(plan), rows, seed);
      for (const count of [2, 3, 5]) {
        const actual: (FeatureOutput | undefined)[] = rows.map(() => undefined);
        for (let s = 0; s < count; s++) {
          // A heartbeat goes to all of them.
          const own = rows.flatMap(({ op, key }, i) =>
            op === Op.HEARTBEAT || (hashOf(key)[0] & 255) % count === s ? [i] : [],
          );
          const outputs = run(
            make(plan),
            own.map((i) => rows[i]!),
            seed + s,
          );
          for (const [n, i] of own.entries()) actual[i] = outputs[n];
        }
        expect(actual).toEqual(expected);
      }
    });
  });

  it("do not depend on the order of arrival within the lateness, once all earlier ones have come", () => {
    let compared = 0;
    check(ordered, (stream, seed) => {
      const { plan, rows } = withLateness(stream, 50 * (1 + (seed % 40)));
      const { latenessMs } = plan.eventTime;
      const [first, second] = [make(plan), make(plan)];
      const expected = new Map(
        run(first, rows, seed).map((output, i) => [rows[i]!.timeMs, output]),
      );
      const arriving = delayed(rows, latenessMs, seed);
      const outputs = run(second, arriving, seed);
      const missing = new Map<string, Set<number>>();
      for (const { key, timeMs } of rows) {
        missing.set(key, (missing.get(key) ?? new Set()).add(timeMs));
      }
      for (const [i, { key, timeMs }] of arriving.entries()) {
        const waiting = missing.get(key)!;
        waiting.delete(timeMs);
        if ([...waiting].some((other) => other < timeMs)) continue;
        compared++;
        expect(alike(plan, outputs[i]!, expected.get(timeMs)!), `row ${i}`).toEqual([]);
      }
      const end = (rows.at(-1)?.timeMs ?? 0) + 1;
      for (const key of missing.keys()) {
        const asked = { ...rows[0]!, key, op: Op.READ_FEATURES, timeMs: end, arrivalMs: end };
        expect(alike(plan, second.one(asked), first.one(asked))).toEqual([]);
      }
      expect(second.verify()).toBe(0);
    });
    expect(compared).toBeGreaterThan(numRuns * 5);
  });

  it("of a row that is only scored are those that it gets when it is learned", () => {
    check(mixed, ({ plan, rows }) => {
      const shard = make(plan);
      for (const [i, row] of rows.entries()) {
        if (row.op === Op.HEARTBEAT || isRead(row)) {
          shard.one(row);
          continue;
        }
        const before = shard.shard.kernel.detectorDigest(0);
        const asked = shard.one({ ...row, op: Op.SCORE_ONLY });
        shard.one({ ...row, op: Op.READ_FEATURES });
        expect(shard.shard.kernel.detectorDigest(0)).toBe(before);
        const learned = shard.one({ ...row, op: Op.SCORE_AND_LEARN });
        expect(alike(plan, asked, learned), `row ${i}`).toEqual([]);
      }
    });
  });

  it("are the same bits whether a model sees the row or not", () => {
    check(mixed, ({ plan, rows }, seed) => {
      const learning = rows.filter((row) => !isRead(row) && row.op !== Op.HEARTBEAT);
      const [derived, scored] = [Op.DERIVE, Op.SCORE_AND_LEARN].map((op) =>
        run(
          make(plan),
          learning.map((row) => ({ ...row, op })),
          seed,
        ).map(featuresOf),
      );
      expect(scored).toEqual(derived);
    });
  });

  it("are not changed by a heartbeat but for what it makes late", () => {
    check(mixed, ({ plan, rows }, seed) => {
      const [without, beating] = [make(plan), make(plan)];
      const random = mulberry(seed);
      const events = rows.filter(({ op }) => op !== Op.HEARTBEAT);
      for (const [i, row] of events.entries()) {
        // No newer than the oldest event that is still to come, as of when it is taken: it makes nothing late, and moves nothing.
        const oldest = Math.min(...events.slice(i).map((each) => takenAt(plan, each)));
        if (random() < 0.2) {
          beating.one({ ...row, op: Op.HEARTBEAT, timeMs: oldest + plan.eventTime.latenessMs });
        }
        const output = beating.one(row);
        expect(alike(plan, output, without.one(row)), `row ${i}`).toEqual([]);
      }
      expect(beating.verify()).toBe(0);
    });
  });

  it("do not depend on the wall clock", () => {
    check(mixed, ({ plan, rows }, seed) => {
      const random = mulberry(seed);
      const tolerant = { ...plan, eventTime: { ...plan.eventTime, futureToleranceMs: 1e9 } };
      const last = rows.at(-1)?.arrivalMs ?? 0;
      let arrivalMs = last;
      const later = rows.map((row) => ({ ...row, arrivalMs: (arrivalMs += random() * 1e8) }));
      const once = rows.map((row) => ({ ...row, arrivalMs: last }));
      const expected = run(make(tolerant), rows, seed).map(featuresOf);
      expect(run(make(tolerant), later, seed).map(featuresOf)).toEqual(expected);
      expect(run(make(tolerant), once, seed).map(featuresOf)).toEqual(expected);
    });
  });
});
