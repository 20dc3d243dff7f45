import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as layout from "../../src/shard/layout.ts";
import { Op, Status } from "../../src/shard/layout.ts";
import { compileModule, createMemory } from "../../src/shard/module.ts";
import { builds, mulberry, normal, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput, RowOutput } from "../kernel.ts";
import { someProgram } from "../support/feature-blocks.ts";
import { train } from "../window-rig.ts";

const bytes = 32 << 20;
const windowModel = { kind: "ecod", windowRows: 30, minSamples: 12, retrainInterval: 9 } as const;
const trees = { trees: 4, height: 4, window: 12, burnIn: 5 };

/** Detectors of all kinds of state, by name. */
const detectors: Readonly<Record<string, DetectorOptions>> = {
  "trees with logs": { features: 3, ...trees, height: 9, window: 20 },
  "trees with counts": { features: 3, ...trees, height: 3, window: 60, scaler: 2 },
  "trees with a fixed threshold": { features: 5, ...trees, threshold: 0.8, scaler: 0 },
  "trees with few keys": { features: 3, ...trees, keysPerPartition: 1, keyTtlMs: 80, idsMax: 20 },
  cells: { features: 3, threshold: 0.7, burnIn: 3, windowModel },
  "cells of derived rows": {
    features: 2,
    threshold: 0.7,
    burnIn: 0,
    windowModel: { ...windowModel, rolling: [3, 7], lags: [2, 5], dropFlagged: true },
  },
  "trees of features": { ...someProgram({ sources: 3, modelFirst: 1 }), ...trees },
  "trees of few events": {
    ...someProgram({ sources: 3, modelFirst: 1, header: { exactEvents: 6, latenessMs: 500 } }),
    ...trees,
  },
  "cells of features": { ...someProgram({ sources: 3 }), threshold: 0.7, burnIn: 0, windowModel },
  "one cell of features": {
    ...someProgram({ sources: 3, header: { oneCell: 1 } }),
    threshold: 0.7,
    burnIn: 0,
    windowModel,
  },
};

interface Stream {
  readonly seed: number;
  readonly keys: number;
  readonly missing: number;
  readonly before: number;
  readonly after: number;
}

const streams = fc.record({
  seed: fc.nat(),
  keys: fc.constantFrom(1, 2, 7, 60),
  missing: fc.constantFrom(0, 0.2),
  before: fc.integer({ min: 0, max: 250 }),
  after: fc.integer({ min: 1, max: 60 }),
});

function rowsOf(options: DetectorOptions, stream: Stream, from: number, count: number): RowInput[] {
  const random = mulberry(stream.seed + from);
  const width = options.program === undefined ? options.features : 3;
  return Array.from({ length: count }, (_, i) => {
    const at = 1e12 + 10 * (from + i) + Math.floor(random() * 30);
    const key = Math.floor(random() * stream.keys);
    return {
      key: key === 0 ? "" : `key ${key}`.repeat(1 + (key % 5)),
      op: random() < 0.1 ? Op.LEARN_ONLY : random() < 0.1 ? Op.SCORE_ONLY : Op.SCORE_AND_LEARN,
      arrivalMs: at,
      eventTimeMs: at - Math.floor(random() * 60),
      explain: random() < 0.05,
      ...(random() < 0.3
        ? { id: `${Math.floor(random() * 40)}`, sequence: from + i + 1 }
        : undefined),
      values: Array.from({ length: width }, () =>
        random() < stream.missing ? NaN : normal(random),
      ),
    };
  });
}

/** Steps rows one by one; every training ends at once. */
async function run(
  path: string,
  shard: TestShard,
  options: DetectorOptions,
  rows: readonly RowInput[],
): Promise<RowOutput[]> {
  const outputs: RowOutput[] = [];
  for (const row of rows) {
    outputs.push(...shard.step([row]));
    for (let taken = shard.take(); taken !== undefined; taken = shard.take()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const model = await train(path, options.windowModel?.kind ?? "ecod", taken);
      if (model === undefined) shard.kernel.dropTraining(taken.handle, 1);
      else expect(shard.swap(taken.handle, model)).toBe(Status.OK);
    }
  }
  return outputs;
}

const counters = [
  "keys",
  "structures",
  "eventsLearned",
  "anomalies",
  "keysEvicted",
  "keysExpired",
  "idsRemembered",
  "trainings",
  "rowsLate",
  "keysInPanes",
  "cellPosition",
  "cellRows",
  "cellVersion",
  "cellState",
] as const;

function countersOf(shard: TestShard, slot: number): number[] {
  return counters.map((name) => shard.counter(name, slot));
}

/** What no export may touch: the root page, and the arena with what lies above it. */
function stateOf(shard: TestShard): Buffer {
  const all = new Uint8Array(shard.memory.buffer);
  const root = all.subarray(0, layout.PAGE_BYTES);
  return Buffer.concat([root, all.subarray(layout.ARENA_BASE)]);
}

/** Gives every model in a part the checksum that fits it: who forges one can do that too (assembly/model/model-check.ts). */
function signModels(part: Uint8Array): void {
  const view = new DataView(part.buffer, part.byteOffset, part.length);
  for (let at = 0; at + 256 <= part.length; at += 8) {
    if (view.getUint32(at, true) !== 0x4d52_4557) continue;
    const length = view.getUint32(at + 8, true);
    if (length % 16 !== 0 || at + length > part.length) continue;
    let hash = 0xcbf2_9ce4_8422_2325n;
    for (let word = 0; word < length; word += 8) {
      const value = word === 136 ? 0n : view.getBigUint64(at + word, true);
      hash = BigInt.asUintN(64, (hash ^ value) * 0x100_0000_01b3n);
      hash ^= hash >> 29n;
    }
    view.setBigUint64(at + 136, hash, true);
  }
}

describe.each(builds)("state on its way, %s build", (_name, path) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await compileModule(path);
  });
  const empty = (): TestShard => new TestShard(module, createMemory(bytes));

  it.each(Object.entries(detectors))("of %s is the same where it arrives", (_detector, options) =>
    fc.assert(
      fc.asyncProperty(streams, async (stream) => {
        const from = empty();
        expect(from.create(options)).toBe(Status.OK);
        await run(path, from, options, rowsOf(options, stream, 0, stream.before));
        const before = stateOf(from);
        const parts = from.exportState();
        expect(stateOf(from).equals(before)).toBe(true);
        expect(from.kernel.verify()).toBe(0);
        expect(from.exportState()).toEqual(parts);
        const signed = parts.map((part) => part.slice());
        for (const part of signed) signModels(part);
        expect(signed).toEqual(parts);

        const to = empty();
        // Elsewhere in memory, and under another slot.
        expect(to.create({ features: 2, ...trees }, 3)).toBe(Status.OK);
        to.step(Array.from({ length: 50 }, (_, i) => ({ slot: 3, key: `${i}`, values: [i, 1] })));
        expect(to.create(options)).toBe(Status.OK);
        expect(to.importState(parts)).toBe(Status.OK);
        expect(to.kernel.verify()).toBe(0);
        expect(to.kernel.detectorDigest(0)).toBe(from.kernel.detectorDigest(0));
        expect(to.kernel.idSequence(0)).toBe(from.kernel.idSequence(0));
        expect(countersOf(to, 0)).toEqual(countersOf(from, 0));
        expect(to.exportState()).toEqual(parts);

        const rows = rowsOf(options, stream, stream.before, stream.after);
        const expected = await run(path, from, options, rows);
        expect(await run(path, to, options, rows)).toEqual(expected);
        expect(to.kernel.detectorDigest(0)).toBe(from.kernel.detectorDigest(0));
        expect(countersOf(to, 0)).toEqual(countersOf(from, 0));
        expect(to.kernel.verify()).toBe(0);
      }),
      { numRuns: 12 },
    ),
  );

  it("goes through in parts whatever a key holds, and whichever instance takes them", async () => {
    const options: DetectorOptions = {
      features: 40,
      threshold: 0.7,
      idsMax: 30_000,
      windowModel: {
        ...windowModel,
        windowRows: 5000,
        minSamples: 50_000,
        rolling: [9],
        lags: [1],
      },
    };
    const memories = [createMemory(128 << 20), createMemory(128 << 20)] as const;
    const from = new TestShard(module, memories[0]);
    expect(from.create(options)).toBe(Status.OK);
    const random = mulberry(7);
    for (let batch = 0; batch < 10; batch++) {
      from.step(
        Array.from({ length: 1777 }, (_, i) => ({
          id: `${batch} ${i}`,
          values: Array.from({ length: 40 }, () => normal(random)),
        })),
      );
    }
    const parts = from.exportState();
    expect(parts.length).toBeGreaterThan(9);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(1 << 20);
    const to = new TestShard(module, memories[1]);
    expect(to.create(options)).toBe(Status.OK);
    const others = [to, new TestShard(module, memories[1], false)];
    for (const [i, part] of parts.entries()) {
      expect(others[i % 2]?.importState([part])).toBe(Status.OK);
      expect(to.kernel.verify()).toBe(0);
      // A thread may die in between: what came of a key is given back.
      if (i + 1 === parts.length || i % 4 !== 0) continue;
      const copy = to.copy(module);
      expect(copy.kernel.recover(-1)).toBe(0);
      expect(copy.kernel.verify()).toBe(0);
      expect(copy.importState(parts)).toBe(Status.OK);
    }
    expect(to.kernel.detectorDigest(0)).toBe(from.kernel.detectorDigest(0));
    expect(countersOf(to, 0)).toEqual(countersOf(from, 0));
    expect(to.exportState()).toEqual(parts);
  });

  const damages = fc.array(
    fc.record({
      part: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      near: fc.boolean(),
      bits: fc.integer({ min: 1, max: 255 }),
      bytes: fc.integer({ min: 1, max: 8 }),
    }),
    { minLength: 1, maxLength: 3 },
  );

  it.each(Object.entries(detectors))(
    "of %s is refused or sound when damaged",
    (_detector, options) =>
      fc.assert(
        fc.asyncProperty(streams, damages, fc.boolean(), async (stream, changes, cuts) => {
          const from = empty();
          from.create(options);
          await run(path, from, options, rowsOf(options, stream, 0, stream.before));
          const parts = from.exportState();
          for (const { part, at, near, bits, bytes: length } of changes) {
            const bad = parts[Math.floor(part * parts.length)] ?? parts[0];
            if (bad === undefined) throw new Error("no part");
            const place = Math.floor(at * (near ? Math.min(bad.length, 1200) : bad.length));
            for (let i = place; i < Math.min(place + length, bad.length); i++) {
              bad[i] = (bad[i] ?? 0) ^ bits;
            }
            if (cuts) parts.splice(0, 1, bad.slice(0, Math.floor(at * bad.length)));
          }
          for (const part of parts) signModels(part);
          const to = empty();
          to.create(options);
          const status = to.importState(parts);
          expect([Status.OK, Status.BAD_MODEL, Status.NO_MEMORY]).toContain(status);
          expect(to.kernel.verify()).toBe(0);
          if (status === Status.OK) {
            const rows = rowsOf(options, stream, stream.before, stream.after);
            const asked = rows.map((row) => ({ ...row, op: Op.SCORE_AND_LEARN }));
            await run(path, to, options, rows);
            await run(path, to, options, asked);
            expect(to.kernel.verify()).toBe(0);
          } else {
            // Nothing of it stays, so that what is whole can still come.
            expect(to.counter("keys")).toBe(0);
            expect(to.importState(from.exportState())).toBe(Status.OK);
            expect(to.kernel.detectorDigest(0)).toBe(from.kernel.detectorDigest(0));
          }
          expect(to.kernel.deleteDetector(0)).toBe(Status.OK);
          expect(to.kernel.verify()).toBe(0);
          expect(to.counter("stateBytes")).toBe(0);
        }),
        { numRuns: Number(process.env["FUZZ_RUNS"] ?? 40) },
      ),
  );
});
