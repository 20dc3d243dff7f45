import { beforeAll, describe, expect, test } from "vitest";
import type { Kind, Parameters } from "../../../src/models/kinds.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

const columns = 10;
let bench: ModelBench;
let rows: Float64Array;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
  const random = mulberry(1);
  rows = Float64Array.from({ length: 1000 * columns }, () => normal(random));
});

/** To linear, poly and sigmoid kernels a row far out may well be inside: their contributions only have to be right sums. */
const variants: readonly (readonly [Kind, Parameters, boolean])[] = [
  ["one_class_svm", {}, true],
  ["one_class_svm", { nu: 0.1 }, true],
  ["one_class_svm", { kernel: "linear" }, false],
  ["one_class_svm", { kernel: "poly", coef0: 1 }, false],
  ["one_class_svm", { kernel: "sigmoid" }, false],
  ["mcd", {}, true],
  ["mcd", { assume_centered: true, support_fraction: 0.8 }, true],
  ["autoencoder", {}, true],
  ["autoencoder", { epoch_num: 100 }, true],
  ["autoencoder", { hidden_activation_name: "tanh", batch_norm: false }, true],
];

describe.each(variants)("explanations of %s with %o", (kind, parameters, ranks) => {
  test.each(["raw", "calibrated"] as const)("sum to the %s score", (normalization) => {
    const model = bench.fit(kind, rows, columns, { parameters });
    const random = mulberry(2);
    for (let i = 0; i < 200; i++) {
      const row = Float64Array.from({ length: columns }, (_, c) =>
        i % 10 === 0 ? (rows[i * columns + c] ?? 0) : normal(random) * 10 ** (i % 7),
      );
      const score = bench.score(model, row, normalization).scores[0] ?? Number.NaN;
      const { baseline, contributions } = bench.explain(model, row, normalization);
      const sum = contributions.reduce((total, each) => total + each, baseline);
      expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(score)));
    }
  });

  test.runIf(ranks)("rank a shifted column first in at least 95 % of 1,000 rows", () => {
    const model = bench.fit(kind, rows, columns, { parameters });
    const random = mulberry(3);
    let first = 0;
    for (let i = 0; i < 1000; i++) {
      const row = Float64Array.from({ length: columns }, () => normal(random));
      const shifted = i % columns;
      row[shifted] = (row[shifted] ?? 0) + 6;
      const { contributions } = bench.explain(model, row, "calibrated");
      const largest = Math.max(...contributions);
      if (contributions.filter((each) => each >= largest).length > 1) continue;
      if (contributions[shifted] === largest) first++;
    }
    expect(first).toBeGreaterThanOrEqual(950);
  });
});

test("mcd's contributions are the products that its quadratic form is made of", () => {
  // One column's deviation, and what the other one, correlated, makes of it: y'Py with P from the scores themselves.
  const random = mulberry(4);
  const pairs = Float64Array.from({ length: 800 }, () => normal(random));
  for (let i = 1; i < pairs.length; i += 2) {
    pairs[i] = (pairs[i - 1] ?? 0) + 0.5 * (pairs[i] ?? 0);
  }
  const model = bench.fit("mcd", pairs, 2, { parameters: { assume_centered: true } });
  const of = (x: number, y: number): number =>
    bench.score(model, Float64Array.of(x, y)).raws[0] ?? Number.NaN;
  const xx = of(1, 0);
  const yy = of(0, 1);
  const xy = (of(1, 1) - xx - yy) / 2;
  expect(xy).toBeLessThan(-1);
  const { baseline, contributions } = bench.explain(model, Float64Array.of(3, -2));
  expect(baseline).toBe(0);
  expect(contributions[0]).toBeCloseTo(9 * xx - 6 * xy, 9);
  expect(contributions[1]).toBeCloseTo(4 * yy - 6 * xy, 9);
});
