import { beforeAll, describe, expect, test } from "vitest";
import type { Kind, Parameters } from "../../../src/models/kinds.ts";
import { TrainingError, trainingScalers, WORK_BASE } from "../../../src/models/training.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";
import { anyValue, oddWindows, type OddWindow } from "../../support/odd-windows.ts";

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"], 32 << 20);
});

const variants: readonly (readonly [Kind, Parameters])[] = [
  ["knn", {}],
  ["knn", { method: "mean", p: 1 }],
  ["knn", { method: "median", p: 64 }],
  ["local_outlier_factor", {}],
  ["local_outlier_factor", { p: 1 }],
  ["local_outlier_factor", { p: 1.5 }],
  ["cblof", { alpha: 0.5 }],
  ["cblof", { alpha: 0.5, use_weights: true, n_clusters: 20 }],
];

const windows: readonly OddWindow[] = [
  ...oddWindows,
  ["fewer rows than neighbours", 4, 2, (random) => normal(random)],
];

describe.each(variants)("%s with %o", (kind, parameters) => {
  test.each(windows)("scores 10,000 rows after %s", (_name, count, columns, cell) => {
    const random = mulberry(count * columns);
    const rows = Float64Array.from({ length: count * columns }, (_, i) =>
      cell(random, Math.floor(i / columns), i % columns),
    );
    for (const scaler of trainingScalers) {
      let model: Uint8Array;
      try {
        model = bench.fit(kind, rows, columns, { parameters, scaler });
      } catch (error) {
        expect(error).toBeInstanceOf(TrainingError);
        expect(String(error)).toMatch(/clusters cannot be parted/);
        expect(kind).toBe("cblof");
        continue;
      }
      const { own, asNew } = bench.trainingScores(count);
      expect([...own, ...asNew].every((score) => Number.isFinite(score))).toBe(true);
      expect(bench.check(model)).toBe(0);
      const inputs = Float64Array.from({ length: 2500 * columns }, () => anyValue(random));
      const { raws } = bench.score(model, inputs);
      expect(raws.findIndex((raw) => !Number.isFinite(raw))).toBe(-1);
      for (let i = 0; i < 20; i++) {
        const row = inputs.slice(i * columns, (i + 1) * columns);
        const { baseline, contributions } = bench.explain(model, row);
        const sum = contributions.reduce((total, each) => total + each, baseline);
        const raw = raws[i] ?? Number.NaN;
        expect(Math.abs(sum - raw)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(raw)));
      }
    }
  });

  test("refuses a window of values that it cannot square", () => {
    const rows = Float64Array.from({ length: 40 }, (_, i) => (i === 11 ? -1e160 : i));
    expect(() => bench.fit(kind, rows, 2, { parameters })).toThrow(
      "values are too large for this kind's arithmetic",
    );
  });

  // Zeros, since read as anything else they are sound too: rows as row numbers, what lies behind the model as rows.
  const tables = kind === "cblof" ? (["deviates"] as const) : (["deviates", "zeros"] as const);
  test.each(tables)("reads nothing but the model of %s, whatever bytes were changed", (table) => {
    const random = mulberry(17);
    const columns = 3;
    const rows = Float64Array.from({ length: (table === "zeros" ? 16 : 150) * columns }, () =>
      table === "zeros" ? 0 : normal(random),
    );
    const model = bench.fit(kind, rows, columns, { parameters });
    const inputs = Float64Array.from({ length: 12 }, () => anyValue(random));
    const body = new DataView(model.buffer).getUint32(24, true);
    const tally = { refused: 0, scored: 0 };
    for (let i = 0; i < 1500; i++) {
      const changed = changedModel(model, body, random);
      seal(changed);
      if (bench.check(changed) !== 0) {
        tally.refused++;
        continue;
      }
      tally.scored++;
      const results = [0x00, 0xff].map((around) => {
        const bytes = new Uint8Array(bench.memory.buffer, WORK_BASE);
        bytes.fill(around, 0, changed.length + 262_144);
        return [...bench.score(changed, inputs).raws, bench.explain(changed, inputs.slice(0, 3))];
      });
      expect(results[0]).toEqual(results[1]);
      expect(results[0]?.slice(0, 4).every((raw) => Number.isFinite(raw))).toBe(true);
    }
    expect(tally.refused).toBeGreaterThan(100);
    expect(tally.scored).toBeGreaterThan(100);
  });
});

describe.each([
  ["knn", 0],
  ["local_outlier_factor", 2 * 32],
] as const)("a model file of %s", (kind, before) => {
  test("is refused where a row's number is none", () => {
    // Such a row would be left out of every search, and a list could end up shorter than it is read.
    const model = bench.fit(kind, Float64Array.of(1, 2, 4, 8), 1);
    const view = new DataView(model.buffer);
    const order = view.getUint32(24, true) + 16 + before + 32;
    expect([0, 4, 8, 12].map((at) => view.getUint32(order + at, true))).toEqual([0, 1, 2, 3]);
    for (const number of [3, 4, 0xffff_ffff]) {
      view.setUint32(order + 4, number, true);
      seal(model);
      expect(bench.check(model)).toBe(number < 4 ? 0 : 5);
    }
  });
});

test("a model file of local_outlier_factor with more rows than densities is refused", () => {
  const model = bench.fit("local_outlier_factor", Float64Array.of(1, 2, 4, 8), 1);
  const view = new DataView(model.buffer);
  const rows = view.getUint32(24, true) + 16 + 2 * 32;
  expect(view.getUint32(rows, true)).toBe(4);
  // A block of eight has room for it.
  view.setUint32(rows, 5, true);
  seal(model);
  expect(bench.check(model)).toBe(5);
});

test("a model file of cblof with more clusters than centres is refused", () => {
  const random = mulberry(5);
  const rows = Float64Array.from({ length: 300 }, () => normal(random));
  const model = bench.fit("cblof", rows, 1, { parameters: { alpha: 0.5 } });
  // Zeros behind it would be centres as good as any.
  new Uint8Array(bench.memory.buffer, WORK_BASE).fill(0);
  const view = new DataView(model.buffer);
  const clusters = view.getUint32(24, true);
  for (const number of [8, 7, 9, 1024, 1025, 2 ** 29 + 8, 2 ** 32 - 1]) {
    view.setUint32(clusters, number, true);
    seal(model);
    // Of seven the sizes take as many bytes, and the eighth centre's place is padding.
    expect(bench.check(model)).toBe(number <= 8 ? 0 : 5);
  }
});

/** A copy with a few words changed, most of them near the body's start, where its counts are. */
function changedModel(model: Uint8Array, body: number, random: () => number): Uint8Array {
  const changed = model.slice();
  const view = new DataView(changed.buffer);
  const changes = 1 + Math.floor(random() * 2);
  for (let i = 0; i < changes; i++) {
    const span = random() < 0.6 ? 96 : model.length - body;
    const at = body + 4 * Math.floor((random() * span) / 4);
    const old = view.getUint32(at, true);
    const choices = [0, 1, old + 1, old - 1, old * 2, 1 << (random() * 32), random() * 2 ** 32, -1];
    view.setUint32(at, choices[Math.floor(random() * choices.length)] ?? 0, true);
  }
  return changed;
}

/** Writes the checksum that the bytes should have: assembly/model/model-check.ts. */
function seal(model: Uint8Array): void {
  const words = new BigUint64Array(model.buffer);
  let hash = 0xcbf29ce484222325n;
  words.forEach((word, i) => {
    hash = BigInt.asUintN(64, (hash ^ (i === 17 ? 0n : word)) * 0x100000001b3n);
    hash ^= hash >> 29n;
  });
  words[17] = hash;
}
