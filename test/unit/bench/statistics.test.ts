import { describe, expect, test } from "vitest";
import { checksum, median, normalFrom, ratioOf, seededRandom } from "../../../bench/statistics.ts";

describe("statistics", () => {
  test("the median of an even number of values is the mean of the middle two", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBeNaN();
  });

  test("ratios are taken pair by pair, not of the medians", () => {
    expect(ratioOf([1, 10, 100], [2, 10, 50])).toEqual({ median: 1, low: 0.5, high: 2, runs: 3 });
  });

  test("the generator gives the same numbers everywhere", () => {
    const random = seededRandom(1);
    expect([random(), random()]).toEqual([0.6270739405881613, 0.002735721180215478]);
  });

  test("normal values have mean 0 and deviation 1", () => {
    const normal = normalFrom(seededRandom(2));
    const values = Array.from({ length: 20_000 }, normal);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });

  test("a checksum does not depend on how the bytes were cut", () => {
    expect(checksum([Buffer.from("ab"), Buffer.from("c")])).toBe(checksum([Buffer.from("abc")]));
  });
});
