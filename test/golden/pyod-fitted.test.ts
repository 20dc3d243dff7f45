import { beforeAll, describe, expect, test } from "vitest";
import { ModelBench } from "../models.ts";
import { pyodSets, rocAuc, spearman } from "./pyod-files.ts";

const sets = pyodSets();
let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

/** The largest difference. */
function apart(scores: Float64Array, expected: Float64Array): number {
  expect(scores.length).toBe(expected.length);
  expect(expected.length).toBeGreaterThan(0);
  return Math.max(
    ...scores.map((score, i) => {
      const off = Math.abs(score - (expected[i] ?? Number.NaN));
      return Number.isNaN(off) ? Infinity : off;
    }),
  );
}

describe("one_class_svm", () => {
  // The solver's tolerance leaves 2e-3; the same start and the same choices end at the same multipliers, far closer.
  const tolerance = 1e-6;

  test.each(sets)("scores $name as PyOD does", (set) => {
    const model = bench.fit("one_class_svm", set.train, set.columns);
    const { own } = bench.trainingScores(set.train.length / set.columns);
    expect(apart(own, set.scores("one_class_svm", "train"))).toBeLessThan(tolerance);
    const { raws } = bench.score(model, set.test);
    expect(apart(raws, set.scores("one_class_svm", "test"))).toBeLessThan(tolerance);
    expect(Math.abs(rocAuc(raws, set.labels) - set.auc("one_class_svm").mean)).toBeLessThan(1e-3);
    expect(bench.check(model)).toBe(0);
  });
});

describe.each(["mcd", "autoencoder"] as const)("%s", (kind) => {
  test.each(sets)("ranks $name as PyOD does, over ten seeds", (set) => {
    const seeds = 10;
    const scores = new Float64Array(set.labels.length);
    let auc = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const model = bench.fit(kind, set.train, set.columns, { seed: BigInt(seed) });
      expect(bench.check(model)).toBe(0);
      const { raws } = bench.score(model, set.test);
      auc += rocAuc(raws, set.labels) / seeds;
      raws.forEach((raw, i) => (scores[i] = (scores[i] ?? 0) + raw / seeds));
    }
    const { mean, deviation } = set.auc(kind);
    expect(Math.abs(auc - mean)).toBeLessThanOrEqual(Math.max(0.02, 2 * deviation));
    expect(spearman(scores, set.scores(kind, "test_mean_over_seeds"))).toBeGreaterThan(0.9);
  });
});
