import { beforeAll, describe, expect, test } from "vitest";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

interface Near {
  readonly distance: number;
  readonly row: number;
}

interface Table {
  readonly rows: Float64Array;
  readonly columns: number;
  readonly p: number;
}

/** Every training row by distance, then by number, but the one to skip. */
function nearest(table: Table, query: Float64Array, wanted: number, skip: number): Near[] {
  const { rows, columns, p } = table;
  return Array.from({ length: rows.length / columns }, (_, row): Near => {
    let sum = 0;
    for (let c = 0; c < columns; c++) {
      const delta = Math.abs((rows[row * columns + c] ?? 0) - (query[c] ?? 0));
      sum += p === 2 ? delta * delta : p === 1 ? delta : delta ** p;
    }
    return { distance: p === 2 ? Math.sqrt(sum) : p === 1 ? sum : sum ** (1 / p), row };
  })
    .filter(({ row }) => row !== skip)
    .toSorted((a, b) => a.distance - b.distance || a.row - b.row)
    .slice(0, wanted);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

interface TableShape {
  readonly count: number;
  readonly columns: number;
  readonly p: number;
  /** Whole numbers with many ties, or else normal deviates. */
  readonly ties: boolean;
}

function tableOf(seed: number, { count, columns, p, ties }: TableShape): Table {
  const random = mulberry(seed);
  const rows = Float64Array.from({ length: count * columns }, () =>
    ties ? Math.floor(random() * 4) : normal(random),
  );
  return { rows, columns, p };
}

function rowAt({ rows, columns }: Table, row: number): Float64Array {
  return rows.slice(row * columns, (row + 1) * columns);
}

const shapes = [
  [3, 1],
  [40, 1],
  [31, 2],
  [300, 2],
  [257, 5],
  [700, 3],
  [520, 13],
  [500, 40],
] as const;
const cases = shapes.flatMap(([count, columns]) =>
  [true, false].flatMap((ties) => [1, 2].map((p) => ({ count, columns, ties, p }))),
);

describe("nearest rows", () => {
  test.each(cases)(
    "knn of $count x $columns is what every pair gives, p $p, ties $ties",
    ({ count, columns, ties, p }) => {
      const table = tableOf(count, { count, columns, p, ties });
      const queries = tableOf(count + 1, { count: 40, columns, p, ties });
      for (const k of [1, 4, 7]) {
        const wanted = Math.min(k, count - 1);
        const parameters = { n_neighbors: k, method: "mean", p };
        const model = bench.fit("knn", table.rows, columns, { parameters });
        const { own } = bench.trainingScores(count);
        const { raws } = bench.score(model, queries.rows);
        for (let i = 0; i < 40; i++) {
          const near = nearest(table, rowAt(queries, i), wanted, -1);
          expect(raws[i]).toBe(mean(near.map(({ distance }) => distance)));
          const row = i % count;
          const others = nearest(table, rowAt(table, row), wanted, row);
          expect(own[row]).toBe(mean(others.map(({ distance }) => distance)));
        }
      }
    },
  );

  test.each(cases)(
    "local outlier factors of $count x $columns are what every pair gives, p $p, ties $ties",
    ({ count, columns, ties, p }) => {
      const table = tableOf(count, { count, columns, p, ties });
      const queries = tableOf(count + 1, { count: 20, columns, p, ties });
      const wanted = Math.min(6, count - 1);
      const lists = Array.from({ length: count }, (_, row) =>
        nearest(table, rowAt(table, row), wanted, row),
      );
      const reaches = lists.map((list) => list[wanted - 1]?.distance ?? Number.NaN);
      const densityOf = (list: readonly Near[]): number =>
        1 / (mean(list.map((o) => Math.max(reaches[o.row] ?? Number.NaN, o.distance))) + 1e-10);
      const densities = lists.map((list) => densityOf(list));
      const factorOf = (list: readonly Near[]): number => {
        const density = densityOf(list);
        return mean(list.map(({ row }) => (densities[row] ?? Number.NaN) / density));
      };
      const model = bench.fit("local_outlier_factor", table.rows, columns, {
        parameters: { n_neighbors: 6, p },
      });
      const { own } = bench.trainingScores(count);
      expect([...own]).toEqual(lists.map((list) => factorOf(list)));
      const { raws } = bench.score(model, queries.rows);
      for (let i = 0; i < 20; i++) {
        expect(raws[i]).toBe(factorOf(nearest(table, rowAt(queries, i), wanted, -1)));
      }
    },
  );

  test.each([1.5, 3, 64])("takes Minkowski's p = %f", (p) => {
    for (const [count, columns] of shapes) {
      const table = tableOf(count, { count, columns, p, ties: false });
      const queries = tableOf(count + 1, { count: 10, columns, p, ties: false });
      const model = bench.fit("knn", table.rows, columns, { parameters: { n_neighbors: 3, p } });
      const { raws } = bench.score(model, queries.rows);
      for (let i = 0; i < 10; i++) {
        const wanted = Math.min(3, count - 1);
        const distance = nearest(table, rowAt(queries, i), wanted, -1)[wanted - 1]?.distance ?? 0;
        expect(Math.abs((raws[i] ?? Number.NaN) - distance)).toBeLessThan(1e-12 * distance);
      }
    }
  });

  test.each(["largest", "mean", "median"])("summarizes distances as the %s", (method) => {
    for (const k of [1, 3, 4]) {
      const parameters = { n_neighbors: k, method };
      const model = bench.fit("knn", Float64Array.of(0, 1, 3, 6, 10, 15), 1, { parameters });
      const { own, asNew } = bench.trainingScores(6);
      expect(own[0]).toBe(summary([1, 3, 6, 10].slice(0, k), method));
      expect(asNew[0]).toBe(summary([0, 1, 3, 6].slice(0, k), method));
      expect(bench.score(model, Float64Array.of(0)).raws[0]).toBe(asNew[0]);
    }
  });
});

function summary(distances: readonly number[], method: string): number {
  if (method === "mean") return mean(distances);
  if (method === "largest") return Math.max(...distances);
  const middle = distances.length >> 1;
  const upper = distances[middle] ?? Number.NaN;
  return distances.length % 2 === 1 ? upper : ((distances[middle - 1] ?? Number.NaN) + upper) / 2;
}

describe.each(["knn", "local_outlier_factor", "cblof"] as const)("training rows of %s", (kind) => {
  test.each([true, false])("score as new rows what they score after it, ties %s", (ties) => {
    for (const [count, columns] of shapes) {
      if (kind === "cblof" && count < 40) continue;
      for (const p of kind === "cblof" ? [2] : [1, 2, 3]) {
        const { rows } = tableOf(count, { count, columns, p, ties });
        const parameters = kind === "cblof" ? { alpha: 0.5 } : { n_neighbors: 6, p };
        const model = bench.fit(kind, rows, columns, { parameters });
        const { asNew } = bench.trainingScores(count);
        expect(asNew).toEqual(bench.score(model, rows).raws);
      }
    }
  });

  test("are the same from the same seed", () => {
    const { rows } = tableOf(5, { count: 500, columns: 4, p: 2, ties: false });
    const parameters = kind === "cblof" ? { alpha: 0.5 } : {};
    const fits = [1n, 1n, 2n].map((seed) => bench.fit(kind, rows, 4, { seed, parameters }));
    expect(fits[0]).toEqual(fits[1]);
    const scores = fits.map((model) => bench.score(model, rows).raws);
    if (kind === "cblof") expect(scores[0]).not.toEqual(scores[2]);
    else expect(scores[0]).toEqual(scores[2]);
  });
});

describe.each(["knn", "local_outlier_factor"] as const)("a window too large for %s", (kind) => {
  test("is sampled by its seed, and every row gets its score", () => {
    // 1 column, p = 3: beyond 14,142 rows.
    const count = 14_400;
    const { rows } = tableOf(9, { count, columns: 1, p: 3, ties: false });
    const fits = [1n, 1n, 2n].map((seed) => {
      const model = bench.fit(kind, rows, 1, { seed, parameters: { p: 3 } });
      return { model, scores: bench.trainingScores(count) };
    });
    const [first, again, other] = fits;
    if (first === undefined) throw new Error("no fit");
    expect(first.model).toEqual(again?.model);
    expect(first.model).not.toEqual(other?.model);
    expect(new DataView(first.model.buffer).getUint32(132, true)).toBe(14_142);
    const { raws } = bench.score(first.model, rows);
    expect(first.scores.asNew).toEqual(raws);
    expect(first.scores.own.every((score) => Number.isFinite(score))).toBe(true);
    // A row outside of the sample has one score, a row in it two: it does not find itself while training.
    const single = raws.filter((raw, i) => raw === first.scores.own[i]).length;
    expect(single).toBeGreaterThanOrEqual(count - 14_142);
    expect(single).toBeLessThan(count / 4);
  });
});
