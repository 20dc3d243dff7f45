import { beforeAll, describe, expect, test } from "vitest";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

const columns = 3;

/** Rows around places that are far from each other, `sizes` each. */
function heaps(sizes: readonly number[]): { rows: Float64Array; centres: number[][] } {
  const random = mulberry(4);
  const places = sizes.map((size, i) =>
    Array.from({ length: size }, () =>
      Array.from({ length: columns }, (_, c) => normal(random) + (c === i % columns ? 100 * i : 0)),
    ),
  );
  return {
    rows: Float64Array.from(places.flat(2)),
    centres: places.map((place) =>
      Array.from(
        { length: columns },
        (_, c) => place.reduce((sum, row) => sum + (row[c] ?? 0), 0) / place.length,
      ),
    ),
  };
}

function distance(row: Float64Array, centre: readonly number[]): number {
  return Math.hypot(...row.map((value, c) => value - (centre[c] ?? 0)));
}

/** Large clusters by their numbers, for sizes as given (largest first), alpha and beta. */
const partings = [
  { sizes: [60, 35, 5], alpha: 0.9, beta: 5, large: 2, why: "both conditions at the second" },
  {
    sizes: [50, 45, 5],
    alpha: 0.5,
    beta: 5,
    large: 2,
    why: "both at the second, the share alone at the first",
  },
  { sizes: [50, 30, 20], alpha: 0.8, beta: 5, large: 2, why: "the share alone" },
  { sizes: [60, 10, 10, 10, 10], alpha: 0.95, beta: 5, large: 1, why: "the drop alone" },
] as const;

describe("cblof", () => {
  test.each(partings)("parts clusters by $why", ({ sizes, alpha, beta, large }) => {
    const { rows, centres } = heaps(sizes);
    const parameters = { n_clusters: sizes.length, alpha, beta };
    const model = bench.fit("cblof", rows, columns, { parameters, seed: 3n });
    const weighted = bench.fit("cblof", rows, columns, {
      parameters: { ...parameters, use_weights: true },
      seed: 3n,
    });
    const { own } = bench.trainingScores(rows.length / columns);
    expect(own).toEqual(bench.score(weighted, rows).raws);
    const { raws } = bench.score(model, rows);
    const places = sizes.flatMap((size, place) => Array.from({ length: size }, () => place));
    places.forEach((place, i) => {
      const row = rows.slice(i * columns, (i + 1) * columns);
      const expected = Math.min(
        ...centres
          .filter((_, other) => (place < large ? other === place : other < large))
          .map((centre) => distance(row, centre)),
      );
      expect(raws[i]).toBeCloseTo(expected, 9);
      expect(own[i]).toBeCloseTo(expected * (sizes[place] ?? Number.NaN), 6);
    });
  });

  test.each([
    ["equal clusters", heaps([30, 30, 30]).rows, 3],
    ["equal rows", new Float64Array(90).fill(7), 3],
    ["two rows", Float64Array.of(1, 2, 3, 4, 5, 6), 2],
  ] as const)("fails where there is nothing to part: %s", (_name, rows, clusters) => {
    const parameters = { n_clusters: clusters, alpha: 0.9 };
    expect(() => bench.fit("cblof", rows, columns, { parameters })).toThrow(
      "the clusters cannot be parted into large and small ones",
    );
  });

  test("leaves clusters without rows out", () => {
    // Three different rows, eight clusters.
    const rows = Float64Array.from({ length: 300 }, (_, i) => {
      const row = Math.floor(i / columns);
      return row < 60 ? 1 : row < 95 ? 2 : 9;
    });
    const model = bench.fit("cblof", rows, columns);
    const { raws } = bench.score(model, Float64Array.of(1, 1, 1, 2, 2, 2, 9, 9, 9));
    expect([...raws]).toEqual([0, 0, Math.sqrt(3 * 49)]);
  });

  test("takes its centres from a sample where all rows would be too many", () => {
    const wide = 1000;
    const random = mulberry(6);
    const rows = Float64Array.from(
      { length: 260 * wide },
      (_, i) => normal(random) + (i / wide < 20 ? 50 : 0),
    );
    const parameters = { n_clusters: 1000, alpha: 0.5 };
    const model = bench.fit("cblof", rows, wide, { parameters });
    // At least two rows a cluster: there are no more than all here.
    expect(new DataView(model.buffer).getUint32(132, true)).toBe(260);
    const few = bench.fit("cblof", rows.slice(0, 130_000 * 2), 2, {
      parameters: { n_clusters: 512, alpha: 0.5 },
    });
    expect(new DataView(few.buffer).getUint32(132, true)).toBe(Math.floor(1e8 / (512 * 2)));
    expect(bench.trainingScores(130_000).own.every((score) => Number.isFinite(score))).toBe(true);
  });
});
