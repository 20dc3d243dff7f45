import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, hashOf, mulberry, normal, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput, RowOutput } from "../kernel.ts";

const features = 3;
const memoryBytes = 20 << 20;

/** Small detectors of every kind: log and counts, narrow and wide totals, every scaler. */
const detectors: fc.Arbitrary<DetectorOptions> = fc.record({
  features: fc.constant(features),
  trees: fc.constantFrom(1, 3, 5, 7, 10),
  height: fc.constantFrom(1, 2, 4, 8, 9),
  window: fc.constantFrom(1, 7, 20, 60),
  seed: fc.bigInt(0n, (1n << 64n) - 1n),
  scaler: fc.constantFrom(0, 1, 2),
  burnIn: fc.constantFrom(0, 10),
  alertShare: fc.constantFrom(0.01, 0.2),
  threshold: fc.constantFrom(Number.NaN, 0.8),
  idsMax: fc.constantFrom(1, 8, 1000),
  learnSystemActions: fc.boolean(),
});

interface Stream {
  readonly options: DetectorOptions;
  readonly rows: readonly RowInput[];
  readonly random: number;
}

const streams: fc.Arbitrary<Stream> = fc
  .record({ options: detectors, seed: fc.nat(), count: fc.integer({ min: 1, max: 500 }) })
  .map(({ options, seed, count }) => ({ options, rows: makeRows(seed, count), random: seed }));

/** Rows of a few keys, some with gaps, ids (some twice), system actions and other modes. */
function makeRows(seed: number, count: number): RowInput[] {
  const random = mulberry(seed);
  const rows: RowInput[] = [];
  const gaps = random() < 0.4;
  const ids = random() < 0.5;
  let sequence = 0;
  for (let i = 0; i < count; i++) {
    const mode = random();
    const id =
      ids && random() < 0.5 ? { id: `id-${Math.floor(random() * 40)}`, sequence: ++sequence } : {};
    rows.push({
      key: `key-${Math.floor(random() ** 2 * 6)}`,
      op: mode < 0.8 ? Op.SCORE_AND_LEARN : mode < 0.9 ? Op.LEARN_ONLY : Op.SCORE_ONLY,
      systemAction: random() < 0.1,
      arrivalMs: 1000 + i,
      values: Array.from({ length: features }, () =>
        gaps && random() < 0.2 ? Number.NaN : normal(random) + 0.5,
      ),
      ...id,
    });
  }
  return rows;
}

/** All rows, in batches cut at random. */
function run(shard: TestShard, rows: readonly RowInput[], seed: number): RowOutput[] {
  const random = mulberry(seed ^ 0x5eed);
  const outputs: RowOutput[] = [];
  while (outputs.length < rows.length) {
    const count = 1 + Math.floor(random() * 60);
    outputs.push(...shard.step(rows.slice(outputs.length, outputs.length + count)));
  }
  return outputs;
}

describe.each(builds)("laws of the kernel, %s build", async (_name, path) => {
  const module = await compileModule(path);
  const make = async (options: DetectorOptions): Promise<TestShard> => {
    const shard = await TestShard.make(path, memoryBytes);
    expect(shard.create(options)).toBe(0);
    return shard;
  };
  const check = async (law: (stream: Stream) => Promise<void>): Promise<void> => {
    await fc.assert(fc.asyncProperty(streams, law), { numRuns: 40 });
  };

  it("does not depend on how rows are cut into batches", () =>
    check(async ({ options, rows, random }) => {
      const whole = await make(options);
      const cut = await make(options);
      expect(run(cut, rows, random)).toEqual(whole.step(rows));
      expect(cut.kernel.detectorDigest(0)).toBe(whole.kernel.detectorDigest(0));
      expect(cut.kernel.verify()).toBe(0);
      expect(whole.kernel.verify()).toBe(0);
    }));

  it("gives the same from the same seed, and another from another", () =>
    check(async ({ options, rows, random }) => {
      const first = await make(options);
      const second = await make(options);
      expect(run(first, rows, random)).toEqual(run(second, rows, random + 1));
      expect(first.kernel.detectorDigest(0)).toBe(second.kernel.detectorDigest(0));
    }));

  it("does not let keys meet: each alone is as all interleaved", () =>
    check(async ({ options, rows, random }) => {
      const together = await make({ ...options, idsMax: 0 });
      const outputs = run(together, rows, random);
      for (const key of new Set(rows.map((row) => row.key))) {
        const alone = await make({ ...options, idsMax: 0 });
        const own = rows.flatMap((row, i) => (row.key === key ? [i] : []));
        expect(
          run(
            alone,
            own.map((i) => rows[i]!),
            random,
          ),
        ).toEqual(own.map((i) => outputs[i]));
        expect(alone.digest(key ?? "")).toBe(together.digest(key ?? ""));
      }
    }));

  it("does not depend on the number of shards", () =>
    check(async ({ options, rows, random }) => {
      const one = await make(options);
      const expected = run(one, rows, random);
      const shards = [await make(options), await make(options), await make(options)];
      const actual: (RowOutput | undefined)[] = rows.map(() => undefined);
      for (const [s, shard] of shards.entries()) {
        const own = rows.flatMap((row, i) =>
          (hashOf(row.key ?? "")[0] & 255) % 3 === s ? [i] : [],
        );
        const outputs = run(
          shard,
          own.map((i) => rows[i]!),
          random + s,
        );
        for (const [n, i] of own.entries()) actual[i] = outputs[n];
      }
      expect(actual).toEqual(expected);
    }));

  it("changes nothing for rows that only score", () =>
    check(async ({ options, rows, random }) => {
      const shard = await make(options);
      run(shard, rows, random);
      const before = shard.kernel.detectorDigest(0);
      const counters = countersOf(shard);
      const asked = rows.map((row) => ({ ...row, op: Op.SCORE_ONLY }));
      const extra = { ...asked[0], key: "never seen", id: "never seen", sequence: 1e6 };
      const first = run(shard, [...asked, extra], random);
      expect(run(shard, [...asked, extra], random + 1)).toEqual(first);
      expect(shard.kernel.detectorDigest(0)).toBe(before);
      expect(countersOf(shard)).toEqual(counters);
    }));

  it("learns the same whether it scores or not", () =>
    check(async ({ options, rows, random }) => {
      const scored = await make(options);
      const learned = await make(options);
      const learning = rows.filter((row) => row.op !== Op.SCORE_ONLY);
      run(
        scored,
        learning.map((row) => ({ ...row, op: Op.SCORE_AND_LEARN })),
        random,
      );
      const outputs = run(
        learned,
        learning.map((row) => ({ ...row, op: Op.LEARN_ONLY })),
        random,
      );
      expect(outputs.every((output) => Number.isNaN(output.score) && output.raw === 0)).toBe(true);
      expect(learned.kernel.detectorDigest(0)).toBe(scored.kernel.detectorDigest(0));
    }));

  it("goes on from a copy of its memory as if nothing had happened", () =>
    check(async ({ options, rows, random }) => {
      const shard = await make(options);
      const half = rows.length >>> 1;
      run(shard, rows.slice(0, half), random);
      const restored = shard.copy(module);
      const expected = run(shard, rows.slice(half), random);
      expect(run(restored, rows.slice(half), random + 1)).toEqual(expected);
      expect(restored.kernel.detectorDigest(0)).toBe(shard.kernel.detectorDigest(0));
    }));

  it("forgets everything on reset", () =>
    check(async ({ options, rows, random }) => {
      const shard = await make(options);
      const fresh = run(shard, rows, random);
      expect(shard.kernel.resetDetector(0)).toBe(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(shard.kernel.detectorDigest(0)).toBe(0n);
      expect(run(shard, rows, random)).toEqual(fresh);
      expect(shard.kernel.deleteDetector(0)).toBe(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(shard.counter("stateBytes")).toBe(0);
    }));
});

function countersOf(shard: TestShard): number[] {
  return (["keys", "eventsLearned", "anomalies", "idsRemembered", "stateBytes"] as const).map(
    (name) => shard.counter(name),
  );
}
