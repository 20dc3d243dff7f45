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

const variants: readonly (readonly [Kind, Parameters])[] = [
  ["knn", {}],
  ["knn", { method: "mean", p: 1 }],
  ["knn", { method: "median", p: 3 }],
  ["local_outlier_factor", {}],
  ["local_outlier_factor", { p: 1 }],
  ["local_outlier_factor", { p: 1.5 }],
  ["cblof", {}],
  ["cblof", { alpha: 0.7 }],
  ["cblof", { alpha: 0.7, use_weights: true }],
];

/** With the first seed that works: of a lone heap in 10 columns one in six gives clusters that cblof can part, PyOD's too. */
function fit(kind: Kind, parameters: Parameters): Uint8Array {
  for (let seed = 0n; seed < 100n; seed++) {
    try {
      return bench.fit(kind, rows, columns, { parameters, seed });
    } catch (error) {
      if (kind !== "cblof" || !String(error).includes("cannot be parted")) throw error;
    }
  }
  throw new Error("no seed in 100 gives clusters that can be parted");
}

describe.each(variants)("explanations of %s with %o", (kind, parameters) => {
  test.each(["raw", "calibrated"] as const)("sum to the %s score", (normalization) => {
    const model = fit(kind, parameters);
    const random = mulberry(2);
    for (let i = 0; i < 200; i++) {
      const row = Float64Array.from({ length: columns }, (_, c) =>
        i % 10 === 0 ? (rows[i * columns + c] ?? 0) : normal(random) * 10 ** (i % 7),
      );
      const score = bench.score(model, row, normalization).scores[0] ?? Number.NaN;
      const { baseline, contributions } = bench.explain(model, row, normalization);
      const sum = contributions.reduce((total, each) => total + each, baseline);
      expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(score)));
      expect(Math.min(...contributions)).toBeGreaterThanOrEqual(0);
    }
  });

  test("rank a shifted column first in at least 95 % of 1,000 rows", () => {
    const model = fit(kind, parameters);
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
