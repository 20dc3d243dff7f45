import { beforeAll, describe, expect, test } from "vitest";
import { ModelBench } from "../models.ts";
import { pyodSets, rocAuc, spearman } from "./pyod-files.ts";

const sets = pyodSets();
let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

/** The largest difference, as a share of what is expected. */
function worst(scores: Float64Array, expected: Float64Array): number {
  expect(expected.length).toBeGreaterThan(0);
  expect(scores.length).toBeGreaterThanOrEqual(expected.length);
  let most = 0;
  expected.forEach((wanted, i) => {
    const off = Math.abs((scores[i] ?? Number.NaN) - wanted) / Math.max(Math.abs(wanted), 1e-300);
    // NaN is no agreement either.
    if (!(off <= most)) most = Number.isNaN(off) ? Infinity : off;
  });
  return most;
}

describe.each([
  ["ecod", "test_single"],
  ["copod", "test_single"],
  ["hbos", "test"],
] as const)("%s", (kind, part) => {
  test.each(sets)("scores $name as PyOD does", (set) => {
    const model = bench.fit(kind, set.train, set.columns);
    const { own } = bench.trainingScores(set.train.length / set.columns);
    expect(worst(own, set.scores(kind, "train"))).toBeLessThan(1e-9);
    expect(worst(bench.score(model, set.test).raws, set.scores(kind, part))).toBeLessThan(1e-9);
    expect(bench.check(model)).toBe(0);
  });
});

describe("loda", () => {
  test.each(sets)("ranks $name as PyOD does", (set) => {
    const seeds = 10;
    const mean = new Float64Array(set.labels.length);
    let auc = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const model = bench.fit("loda", set.train, set.columns, { seed: BigInt(seed) });
      const { raws } = bench.score(model, set.test);
      auc += rocAuc(raws, set.labels) / seeds;
      raws.forEach((raw, i) => (mean[i] = (mean[i] ?? 0) + raw / seeds));
    }
    const pyod = set.auc("loda");
    expect(Math.abs(auc - pyod.mean)).toBeLessThanOrEqual(Math.max(0.02, 2 * pyod.deviation));
    expect(spearman(mean, set.scores("loda", "test_mean_over_seeds"))).toBeGreaterThanOrEqual(0.8);
  });
});

/** Rows that are the same in Python: a linear congruential generator, squared so that columns lean. */
function lcgRows(seed: number, count: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32) ** 2 * 10 - 3;
  });
}

// PyOD 3.6.7's own scores of the rows below, by its parameters.
test.each([
  {
    parameters: { n_bins: "auto", alpha: 0.2, tol: 0.3 },
    own: [4.564079322913772, 4.874439939900464, 4.874439939900464],
    queries: [
      4.564079322913772, 5.197737730292486, 4.564079322913772, 5.197737730292486, 4.887377113305794,
      4.564079322913772, 5.767593338623433, 5.197737730292486,
    ],
  },
  {
    parameters: { n_bins: 7, alpha: 0.05, tol: 0.01 },
    own: [5.965242554285443, 6.022034364715881, 7.479634689904497],
    queries: [
      10.162321967344488, 9.811361084766272, 9.30192803464007, 9.636606985569486, 9.03306021065534,
      7.535307772416969, 10.689957126215486, 10.689957126215486,
    ],
  },
])("hbos takes $parameters", ({ parameters, own, queries }) => {
  const rows = Float64Array.from(lcgRows(1, 450), (x, i) => (i % 3 === 2 ? Math.round(x) : x));
  const asked = [...lcgRows(2, 18).map((x) => x * 1.3), -30, -30, -30, 30, 7.1, -3.1];
  const model = bench.fit("hbos", rows, 3, { parameters });
  const scores = bench.trainingScores(150).own;
  expect(worst(scores, Float64Array.from(own))).toBeLessThan(1e-9);
  const { raws } = bench.score(model, Float64Array.from(asked));
  expect(worst(raws, Float64Array.from(queries))).toBeLessThan(1e-9);
});
