import { beforeAll, describe, expect, test } from "vitest";
import { ModelBench } from "../models.ts";
import { pyodSets, rocAuc, spearman } from "./pyod-files.ts";

const sets = pyodSets();
let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

/** The largest difference, as a share of what is expected; NaN counts as infinite. */
function worst(scores: Float64Array, expected: Float64Array): number {
  expect(expected.length).toBeGreaterThan(0);
  expect(scores.length).toBe(expected.length);
  return expected.reduce((most, wanted, i) => {
    const off = Math.abs((scores[i] ?? Number.NaN) - wanted);
    const share = off === 0 ? 0 : off / Math.abs(wanted);
    return share <= most ? most : Number.isNaN(share) ? Infinity : share;
  }, 0);
}

describe("knn", () => {
  test.each(sets)("scores $name as PyOD does", (set) => {
    const model = bench.fit("knn", set.train, set.columns);
    const { own } = bench.trainingScores(set.train.length / set.columns);
    expect(worst(own, set.scores("knn", "train"))).toBeLessThan(1e-9);
    const { raws } = bench.score(model, set.test);
    expect(worst(raws, set.scores("knn", "test"))).toBeLessThan(1e-9);
    expect(Math.abs(rocAuc(raws, set.labels) - set.auc("knn").mean)).toBeLessThan(1e-9);
    expect(bench.check(model)).toBe(0);
  });
});

describe("local_outlier_factor", () => {
  // Among rows with ties PyOD's neighbours depend on its search tree: up to 10 % of a score on tables of small whole numbers.
  test.each(sets)("scores $name as PyOD does, as far as there are no ties", (set) => {
    const tolerance = set.lofExact ? 1e-9 : 0.1;
    const model = bench.fit("local_outlier_factor", set.train, set.columns);
    const { own } = bench.trainingScores(set.train.length / set.columns);
    expect(worst(own, set.scores("local_outlier_factor", "train"))).toBeLessThan(tolerance);
    const { raws } = bench.score(model, set.test);
    expect(worst(raws, set.scores("local_outlier_factor", "test"))).toBeLessThan(tolerance);
    const auc = set.auc("local_outlier_factor").mean;
    expect(Math.abs(rocAuc(raws, set.labels) - auc)).toBeLessThan(set.lofExact ? 1e-9 : 0.02);
    expect(bench.check(model)).toBe(0);
  });
});

describe("cblof", () => {
  test.each(sets)("ranks $name as PyOD does", (set) => {
    const seeds = 10;
    const mean = new Float64Array(set.labels.length);
    let auc = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const model = bench.fit("cblof", set.train, set.columns, { seed: BigInt(seed) });
      const { raws } = bench.score(model, set.test);
      auc += rocAuc(raws, set.labels) / seeds;
      raws.forEach((raw, i) => (mean[i] = (mean[i] ?? 0) + raw / seeds));
      expect(bench.check(model)).toBe(0);
    }
    const pyod = set.auc("cblof");
    expect(Math.abs(auc - pyod.mean)).toBeLessThanOrEqual(Math.max(0.02, 2 * pyod.deviation));
    expect(spearman(mean, set.scores("cblof", "test_mean_over_seeds"))).toBeGreaterThanOrEqual(0.8);
  });
});
