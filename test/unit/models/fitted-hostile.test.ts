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
  ["one_class_svm", {}],
  ["one_class_svm", { nu: 1 }],
  ["one_class_svm", { kernel: "linear", tol: 0.1 }],
  ["one_class_svm", { kernel: "poly", tol: 0.1 }],
  ["one_class_svm", { kernel: "sigmoid" }],
  ["mcd", {}],
  ["mcd", { assume_centered: true }],
  ["mcd", { support_fraction: 1 }],
  ["autoencoder", {}],
  ["autoencoder", { hidden_activation_name: "sigmoid", batch_norm: false, dropout_rate: 0 }],
  ["autoencoder", { preprocessing: false, hidden_neuron_list: [3, 9, 2], batch_size: 7 }],
];

const windows: readonly OddWindow[] = [
  ...oddWindows,
  ["more rows than one subset", 700, 2, (random) => normal(random)],
  ["dependent columns", 60, 3, (_random, row, column) => (row % 10) * (column + 1)],
  ["fewer rows than columns", 4, 9, (random) => normal(random)],
];

describe.each(variants)("%s with %o", (kind, parameters) => {
  test.each(windows)("scores 10,000 rows after %s", (name, count, columns, cell) => {
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
        expect(String(error)).toMatch(/all rows are alike|values are too large/);
        expect(name).not.toMatch(/ordinary|more rows|one column|a constant column/);
        continue;
      }
      const { own, asNew } = bench.trainingScores(count);
      expect([...own, ...asNew].every((score) => Number.isFinite(score))).toBe(true);
      expect(own).toEqual(asNew);
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

  test("reads nothing but the model, whatever bytes were changed", () => {
    const random = mulberry(17);
    const columns = 3;
    const rows = Float64Array.from({ length: 150 * columns }, () => normal(random));
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

test.each([
  ["mcd", {}],
  ["autoencoder", {}],
  ["one_class_svm", { kernel: "linear" }],
] as const)("%s refuses a window of values that it cannot square", (kind, parameters) => {
  const rows = Float64Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? -1e160 : i));
  expect(() => bench.fit(kind, rows, 2, { parameters })).toThrow(
    "values are too large for this kind's arithmetic",
  );
});

describe("a sound body of more than scoring has room for is refused", () => {
  const rows = Float64Array.from({ length: 50 }, (_, i) => Math.sin(i));

  test.each([
    [4096, 0],
    [4100, 5],
    [40_000, 5],
  ])("one_class_svm of %i vectors: check answers %i", (vectors, answer) => {
    const { model, view, body } = withBody(bench.fit("one_class_svm", rows, 1), 64 + 16 * vectors);
    view.setUint32(body + 32, vectors, true);
    view.setUint32(body + 36, vectors, true);
    seal(model);
    expect(bench.check(model)).toBe(answer);
    if (answer === 0) expect(bench.score(model, rows).raws.every(Number.isFinite)).toBe(true);
  });

  test.each([
    [1024, 0],
    [1032, 5],
    [70_000, 5],
  ])("autoencoder of %i units: check answers %i", (units, answer) => {
    const { model, view, body } = withBody(bench.fit("autoencoder", rows, 1), 200 + 48 * units);
    [2, 0, 0, 0, 1, units, 1].forEach((word, i) => view.setUint32(body + 4 * i, word, true));
    view.setFloat64(body + 112, 1, true);
    seal(model);
    expect(bench.check(model)).toBe(answer);
    if (answer === 0) expect(bench.score(model, rows).raws[10]).toBe(Math.abs(Math.sin(10)));
  });
});

/** A model with the header of `from` and a body of zeros behind what that body begins with. */
function withBody(
  from: Uint8Array,
  bytes: number,
): { readonly model: Uint8Array; readonly view: DataView; readonly body: number } {
  const body = new DataView(from.buffer).getUint32(24, true);
  const model = new Uint8Array((body + bytes + 15) & ~15);
  model.set(from.subarray(0, body + 32));
  const view = new DataView(model.buffer);
  view.setUint32(8, model.length, true);
  view.setUint32(28, bytes, true);
  return { model, view, body };
}

/** A copy with a few words changed, most of them near the body's start, where its counts are. */
function changedModel(model: Uint8Array, body: number, random: () => number): Uint8Array {
  const changed = model.slice();
  const view = new DataView(changed.buffer);
  const changes = 1 + Math.floor(random() * 2);
  for (let i = 0; i < changes; i++) {
    const span = random() < 0.6 ? 96 : model.length - body;
    const at = body + 4 * Math.floor((random() * Math.min(span, model.length - body)) / 4);
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
