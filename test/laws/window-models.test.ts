import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizations } from "../../src/models/module.ts";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, mulberry, normal } from "../kernel.ts";
import { kindNames } from "../models.ts";
import type { RowInput, RowOutput } from "../kernel.ts";
import { WindowRig } from "../window-rig.ts";
import type { Trainer, WindowDetector } from "../window-rig.ts";

const features = 3;

const detectors: fc.Arbitrary<WindowDetector> = fc.record({
  features: fc.constant(features),
  seed: fc.bigInt(0n, (1n << 64n) - 1n),
  burnIn: fc.constantFrom(0, 10),
  threshold: fc.constantFrom(0.5, 0.8),
  idsMax: fc.constantFrom(8, 1000),
  learnSystemActions: fc.boolean(),
  windowModel: fc.record({
    kind: fc.constantFrom(...kindNames),
    windowRows: fc.constantFrom(10, 25, 64),
    minSamples: fc.constantFrom(4, 10),
    retrainInterval: fc.constantFrom(1, 9, 30),
    normalization: fc.constantFrom(...normalizations),
    dropFlagged: fc.boolean(),
    rolling: fc.constantFrom([], [4], [1, 7]),
    lags: fc.constantFrom([], [1], [2, 5]),
  }),
});

const trainers: fc.Arbitrary<Trainer> = fc.record({
  every: fc.constantFrom(1, 2, 7),
  delay: fc.constantFrom(0, 3, 12),
  failing: fc.constantFrom(0, 0.3),
});

interface Stream {
  readonly options: WindowDetector;
  readonly trainer: Trainer;
  readonly rows: readonly RowInput[];
  readonly random: number;
}

/** One key, "", is what a detector of one cell has; several are cells of their own. */
const streams: fc.Arbitrary<Stream> = fc
  .record({
    options: detectors,
    trainer: trainers,
    count: fc.integer({ min: 30, max: 220 }),
    keys: fc.constantFrom(1, 4),
    random: fc.nat(),
  })
  .map(({ options, trainer, count, keys, random }) => ({
    options,
    trainer,
    random,
    rows: makeRows(count, keys, random),
  }));

function makeRows(count: number, keys: number, seed: number): RowInput[] {
  const random = mulberry(seed);
  let sequence = 0;
  const ops = [Op.SCORE_AND_LEARN, Op.SCORE_AND_LEARN, Op.SCORE_ONLY, Op.LEARN_ONLY];
  return Array.from({ length: count }, (_, i) => ({
    op: ops[Math.floor(random() * ops.length)]!,
    key: keys === 1 ? "" : `key ${Math.floor(random() * keys)}`,
    arrivalMs: i,
    systemAction: random() < 0.1,
    values: Array.from({ length: features }, (_unused, f) =>
      random() < 0.05 ? Number.NaN : normal(random) * (f + 1) * (random() < 0.05 ? 8 : 1),
    ),
    ...(random() < 0.2 ? { id: `id ${Math.floor(random() * 40)}`, sequence: ++sequence } : {}),
  }));
}

const scoresOf = (outputs: readonly RowOutput[]): unknown =>
  outputs.map((output) => ({ ...output, state: 0 }));

describe.each(builds)("laws of window models, %s build", async (_name, path) => {
  const module = await compileModule(path);
  const check = async (law: (stream: Stream) => Promise<void>, runs = 50): Promise<void> => {
    await fc.assert(fc.asyncProperty(streams, law), { numRuns: runs });
  };

  it("is tried where it matters: every kind is trained, swapped in and scores", async () => {
    const swapped = new Map(kindNames.map((kind) => [kind, 0]));
    let scored = 0;
    let rows = 0;
    for (const stream of fc.sample(streams, { numRuns: 80, seed: 1 })) {
      const rig = await WindowRig.make(path, stream.options, { trainer: stream.trainer });
      const outputs = await rig.run(stream.rows, stream.random);
      const models = rig.events.filter(({ model }) => model !== undefined).length;
      const { kind } = stream.options.windowModel;
      swapped.set(kind, (swapped.get(kind) ?? 0) + models);
      scored += outputs.filter(({ score }) => Number.isFinite(score)).length;
      rows += outputs.length;
    }
    expect(Math.min(...swapped.values())).toBeGreaterThan(0);
    expect(scored / rows).toBeGreaterThan(0.3);
  });

  it("does not depend on how rows are cut into batches", () =>
    check(async ({ options, trainer, rows, random }) => {
      const one = await WindowRig.make(path, options, { trainer });
      const other = await WindowRig.make(path, options, { trainer });
      expect(await other.run(rows, random + 1)).toEqual(await one.run(rows, random));
      expect(other.events).toEqual(one.events);
      expect(other.digest).toBe(one.digest);
      expect(one.sound && other.sound).toBe(true);
    }));

  it("does not depend on the number of shards", () =>
    check(async ({ options, trainer, rows, random }) => {
      const one = await WindowRig.make(path, options, { trainer });
      const three = await WindowRig.make(path, options, { trainer, shards: 3 });
      expect(await three.run(rows, random + 1)).toEqual(await one.run(rows, random));
      expect(three.digest).toBe(one.digest);
      expect(three.sound).toBe(true);
    }));

  it("gives the same bits again when the same models are swapped in at the same rows", () =>
    check(async ({ options, trainer, rows, random }) => {
      const recorded = await WindowRig.make(path, options, { trainer });
      const outputs = await recorded.run(rows, random);
      const replayed = await WindowRig.make(path, options, { trainer });
      replayed.replay(recorded.events);
      expect(await replayed.run(rows, random + 1)).toEqual(outputs);
      expect(replayed.digest).toBe(recorded.digest);
    }));

  it("scores as without a training when all of them are dropped", () =>
    check(async ({ options, rows, random }) => {
      const once = { ...options.windowModel, retrainInterval: 1e6 };
      const rare = await WindowRig.make(path, { ...options, windowModel: once });
      const often = await WindowRig.make(path, options);
      const half = rows.length >>> 1;
      const rest = rows.slice(half);
      // Both get the same first models, at the same rows; from then on one of them trains in vain.
      const first = await rare.run(rows.slice(0, half), random);
      often.replay(rare.events);
      expect(scoresOf(await often.run(rows.slice(0, half), random))).toEqual(scoresOf(first));
      expect(scoresOf(dropAll(often, rest))).toEqual(scoresOf(dropAll(rare, rest)));
      expect(often.sound && rare.sound).toBe(true);
    }));

  it("changes nothing for rows that only score", () =>
    check(async ({ options, trainer, rows, random }) => {
      const rig = await WindowRig.make(path, options, { trainer });
      await rig.run(rows, random);
      const before = rig.digest;
      const counters = countersOf(rig);
      const asked = rows.map((row) => ({ ...row, op: Op.SCORE_ONLY, explain: true }));
      const extra = { ...asked[0]!, key: "never seen", id: "never seen", sequence: 1e6 };
      const first = rig.shard.step([...asked, extra]);
      expect(rig.shard.step([...asked, extra])).toEqual(first);
      expect(rig.digest).toBe(before);
      expect(countersOf(rig)).toEqual(counters);
      expect(rig.sound).toBe(true);
    }));

  it("explains every score: baseline and contributions of the inputs sum up to it", () =>
    check(async ({ options, trainer, rows, random }) => {
      const rig = await WindowRig.make(path, options, { trainer });
      await rig.run(rows, random);
      const asked = rows.map(({ key = "", values = [] }) => ({
        key,
        values,
        op: Op.SCORE_ONLY,
        explain: true,
      }));
      for (const [i, { score }] of rig.shard.step(asked).entries()) {
        const { contributions, baseline } = rig.shard.explanation(i, features);
        if (Number.isNaN(score)) expect(baseline).toBeNaN();
        else {
          const sum = contributions.reduce((total, each) => total + each, baseline);
          // A nearly singular mcd under zscore has terms of 1e15 that cancel: theirs is the rounding.
          const largest = Math.max(1, ...[score, baseline, ...contributions].map(Math.abs));
          expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-9 * largest);
        }
      }
    }));

  it("learns the same whether it scores or not", () =>
    check(async ({ options, trainer, rows, random }) => {
      const learning = rows.filter((row) => row.op !== Op.SCORE_ONLY);
      const scored = await WindowRig.make(path, options, { trainer });
      const learned = await WindowRig.make(path, options, { trainer });
      await scored.run(
        learning.map((row) => ({ ...row, op: Op.SCORE_AND_LEARN })),
        random,
      );
      const outputs = await learned.run(
        learning.map((row) => ({ ...row, op: Op.LEARN_ONLY })),
        random,
      );
      expect(outputs.every(({ score, raw }) => Number.isNaN(score) && raw === 0)).toBe(true);
      expect(learned.digest).toBe(scored.digest);
    }));

  it("does not let keys meet: each alone is as all interleaved", () =>
    check(async ({ options, rows, random }) => {
      const apart = { ...options, idsMax: 0 };
      const together = await WindowRig.make(path, apart);
      const outputs = await together.run(rows, random);
      for (const key of new Set(rows.map((row) => row.key))) {
        const alone = await WindowRig.make(path, apart);
        const own = rows.flatMap((row, i) => (row.key === key ? [i] : []));
        const seen = await alone.run(
          own.map((i) => rows[i]!),
          random,
        );
        expect(seen).toEqual(own.map((i) => outputs[i]));
        expect(alone.shard.digest(key ?? "")).toBe(together.shard.digest(key ?? ""));
      }
    }, 15));

  it("goes on from a copy of its memory as if nothing had happened", () =>
    check(async ({ options, trainer, rows, random }) => {
      const rig = await WindowRig.make(path, options, { trainer });
      const half = rows.length >>> 1;
      await rig.run(rows.slice(0, half), random);
      const restored = rig.shard.copy(module);
      const expected = rig.shard.step(rows.slice(half));
      expect(restored.step(rows.slice(half))).toEqual(expected);
      expect(BigInt.asUintN(64, restored.kernel.detectorDigest(0))).toBe(rig.digest);
    }));

  it("forgets everything on reset", () =>
    check(async ({ options, trainer, rows, random }) => {
      const rig = await WindowRig.make(path, options, { trainer });
      await rig.run(rows, random);
      expect(rig.shard.kernel.resetDetector(0)).toBe(0);
      expect(rig.sound).toBe(true);
      expect(rig.digest).toBe(0n);
      expect(rig.shard.trainingsDue).toBe(0);
      expect(rig.shard.counter("cellState")).toBe(0);
      const fresh = await WindowRig.make(path, options);
      expect(rig.shard.step(rows)).toEqual(fresh.shard.step(rows));
      expect(rig.shard.kernel.deleteDetector(0)).toBe(0);
      expect(rig.sound).toBe(true);
      expect(rig.shard.counter("stateBytes")).toBe(0);
    }));
});

/** Row by row, and whatever becomes due is dropped at once. */
function dropAll(rig: WindowRig, rows: readonly RowInput[]): RowOutput[] {
  const { shard } = rig;
  return rows.flatMap((row, i) => {
    const outputs = shard.step([row]);
    for (let taken = shard.take(); taken !== undefined; taken = shard.take()) {
      shard.kernel.dropTraining(taken.handle, i % 2);
    }
    return outputs;
  });
}

function countersOf({ shard }: WindowRig): number[] {
  return (
    [
      "keys",
      "eventsLearned",
      "anomalies",
      "idsRemembered",
      "stateBytes",
      "trainings",
      "cellPosition",
      "cellRows",
    ] as const
  ).map((name) => shard.counter(name));
}
