import { describe, expect, test } from "vitest";
import { Comparison } from "../../../src/report/compare.ts";

/*
 * Expected values: numpy 2.4 and scipy 1.17 on the same numbers (float64 throughout):
 *   spearmanr(live, other).statistic, histogram(v, 20, (0, 1)), abs(live - other).max() and .mean(), and for the stability
 *   fine = lambda v: bincount(clip(floor(v * 1000), 0, 999), minlength=1000); c = cumsum(fine(live))
 *   cuts = unique(searchsorted(c, k * len(live) / 10) + 1 for k in 1..9); p, q = sums of fine(live), fine(other) between cuts
 *   p = (p + .5) / (sum(p) + .5 * groups), q alike; sum((q - p) * log(q / p))
 */
function uniform(seed: number, count: number): Float64Array {
  let state = BigInt(seed);
  return Float64Array.from({ length: count }, () => {
    state = (state * 1_103_515_245n + 12_345n) % 2_147_483_648n;
    return Number(state) / 2_147_483_648;
  });
}

const mixed = (a: Float64Array, b: Float64Array): Float64Array =>
  a.map((value, i) => 0.7 * value + 0.3 * (b[i] ?? 0));

function compared(live: Float64Array, other: Float64Array): ReturnType<Comparison["summary"]> {
  const comparison = new Comparison();
  for (const [i, score] of live.entries()) comparison.add(score, false, other[i] ?? 0, false);
  return comparison.summary();
}

describe("a comparison of two on the same rows", () => {
  const a = uniform(1, 5000);
  const b = uniform(2, 5000);

  test("gives the numbers of numpy and scipy", () => {
    const summary = compared(a, mixed(a, b));
    expect(summary.rankCorrelation).toBeCloseTo(0.924214028744561, 12);
    expect(summary.stability).toBeCloseTo(0.27768438862834083, 12);
    expect(summary.largestDifference).toBeCloseTo(0.29766419869847605, 15);
    expect(summary.meanDifference).toBeCloseTo(0.09959430615322665, 13);
    expect(summary.liveBins).toEqual([
      258, 214, 272, 262, 247, 236, 243, 264, 245, 234, 247, 257, 250, 246, 254, 264, 274, 244, 236,
      253,
    ]);
    expect(summary.otherBins).toEqual([
      33, 102, 158, 200, 235, 302, 378, 357, 328, 361, 379, 376, 347, 356, 344, 262, 208, 149, 94,
      31,
    ]);
    expect(summary).toMatchObject({ rows: 5000, both: 5000, changed: 5000, pairs: 5000 });
  });

  test("gives ties their mean rank, and joins tenths that lie in one bin", () => {
    const tied = compared(
      a.map((value) => Math.floor(value * 8) / 8),
      mixed(a, b).map((value) => Math.floor(value * 5) / 5),
    );
    expect(tied.rankCorrelation).toBeCloseTo(0.8910974503719032, 12);
    expect(tied.stability).toBeCloseTo(3.1073710741438307, 12);
    const skewed = compared(
      a.map((value) => (value < 0.6 ? 0.05 : value)),
      mixed(a, b),
    );
    expect(skewed.stability).toBeCloseTo(5.763749811515809, 12);
  });

  test("samples many rows, near the correlation of all of them, the same ones each time", () => {
    const many = uniform(1, 200_000);
    const other = mixed(many, uniform(2, 200_000));
    const summary = compared(many, other);
    expect(summary.pairs).toBe(10_000);
    expect(Math.abs(summary.rankCorrelation - 0.9239672610016267)).toBeLessThan(0.005);
    expect(summary.stability).toBeCloseTo(0.30400009811279244, 12);
    expect(compared(many, other)).toEqual(summary);
  });

  test("samples rows of the whole stretch alike", () => {
    // The second half turns the order round: half of a uniform sample each gives a correlation near that of all, 0.
    const rising = Float64Array.from({ length: 400_000 }, (_, i) => (i % 1000) / 1000);
    const turned = rising.map((value, i) => (i < 200_000 ? value : 1 - value));
    expect(Math.abs(compared(rising, turned).rankCorrelation)).toBeLessThan(0.05);
  });

  test("has no correlation or stability without scores", () => {
    expect(compared(Float64Array.of(0.5), Float64Array.of(0.5)).rankCorrelation).toBeNaN();
    const constant = compared(Float64Array.of(0.5, 0.5, 0.5), Float64Array.of(0.1, 0.2, 0.3));
    expect(constant.rankCorrelation).toBeNaN();
    const none = compared(Float64Array.of(0.5), Float64Array.of(Number.NaN));
    expect(none.stability).toBeNaN();
    expect(none).toMatchObject({ changed: 1, both: 0, onlyLive: 1, onlyOther: 0 });
  });

  test("is stable and unchanged where both say the same", () => {
    const summary = compared(a, a);
    expect(summary).toMatchObject({ changed: 0, largestDifference: 0, stability: 0 });
    expect(summary.rankCorrelation).toBeCloseTo(1, 15);
  });

  test.each([
    { live: 0.25, other: 0.25, changed: false },
    { live: 0.25, other: 0.25000000000000006, changed: true },
    { live: 0, other: -0, changed: true },
    { live: -0, other: -0, changed: false },
    { live: Number.NaN, other: Number.NaN, changed: false },
    { live: Number.NaN, other: 0, changed: true },
    { live: 1, other: Number.NaN, changed: true },
  ])("$live and $other: changed = $changed", ({ live, other, changed }) => {
    const comparison = new Comparison();
    expect(comparison.add(live, false, other, false)).toBe(changed);
    expect(comparison.summary().changed).toBe(changed ? 1 : 0);
  });

  test("counts alerts gained and lost, of rows without a score as well", () => {
    const comparison = new Comparison();
    comparison.add(0.9, true, 0.1, false);
    comparison.add(0.1, false, 0.9, true);
    comparison.add(Number.NaN, false, 0.9, true);
    comparison.add(0.9, true, 0.9, true);
    expect(comparison.summary()).toMatchObject({
      anomaliesLive: 2,
      anomaliesOther: 3,
      gained: 2,
      lost: 1,
      onlyOther: 1,
    });
  });

  test("puts scores outside of [0, 1] into the bins at the ends", () => {
    const { liveBins } = compared(
      Float64Array.of(-3, 0, 1, 7, Infinity, -Infinity),
      new Float64Array(6),
    );
    expect(liveBins[0]).toBe(3);
    expect(liveBins[19]).toBe(3);
  });
});
