import { beforeAll, describe, expect, test } from "vitest";
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

describe.each(["ecod", "copod", "hbos", "loda"] as const)("explanations of %s", (kind) => {
  test.each(["raw", "calibrated", "llamafarm_stream", "standardization", "zscore"] as const)(
    "sum to the %s score less the baseline",
    (normalization) => {
      const model = bench.fit(kind, rows, columns);
      const random = mulberry(2);
      for (let i = 0; i < 200; i++) {
        const row = Float64Array.from({ length: columns }, () =>
          random() < 0.05 ? Number.NaN : normal(random) * (1 + (i % 5)),
        );
        const score = bench.score(model, row, normalization).scores[0] ?? Number.NaN;
        const { baseline, contributions } = bench.explain(model, row, normalization);
        const sum = contributions.reduce((total, each) => total + each, baseline);
        expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(score)));
      }
    },
  );

  test("begin at the training rows' mean score", () => {
    const model = bench.fit(kind, rows, columns);
    const { own } = bench.trainingScores(1000);
    const mean = own.reduce((sum, score) => sum + score / own.length, 0);
    const { baseline } = bench.explain(model, rows.slice(0, columns));
    expect(Math.abs(baseline - mean)).toBeLessThanOrEqual(1e-12 * mean);
  });

  test("rank a shifted column first in at least 95 % of 1,000 rows", () => {
    const model = bench.fit(kind, rows, columns);
    const random = mulberry(3);
    let first = 0;
    for (let i = 0; i < 1000; i++) {
      const row = Float64Array.from({ length: columns }, () => normal(random));
      const shifted = i % columns;
      row[shifted] = (row[shifted] ?? 0) + 6;
      const { contributions } = bench.explain(model, row, "calibrated");
      const largest = Math.max(...contributions);
      if (contributions.filter((each) => each >= largest).length === 1)
        first += Number(contributions[shifted] === largest);
    }
    expect(first).toBeGreaterThanOrEqual(950);
  });
});
