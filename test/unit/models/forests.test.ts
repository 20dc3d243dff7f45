import { beforeAll, describe, expect, test } from "vitest";
import type { EstimatorSpec, Parameters } from "../../../src/models/kinds.ts";
import { TrainingError } from "../../../src/models/training.ts";
import { spearman } from "../../golden/pyod-files.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

function normals(count: number, seed: number): Float64Array {
  const random = mulberry(seed);
  return Float64Array.from({ length: count }, () => normal(random));
}

const members = (...kinds: readonly EstimatorSpec["kind"][]): readonly EstimatorSpec[] =>
  kinds.map((kind) => ({ kind, parameters: {} }));

/** Mean and population standard deviation. */
function moments(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    const wanted = expected[i] ?? Number.NaN;
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)));
  });
}

describe("isolation_forest", () => {
  test("of two rows knows its paths", () => {
    // Two rows are apart after one split: c(2) = 1, all paths are 1, 2^-1 is the score and, negated, the offset.
    const model = bench.fit("isolation_forest", Float64Array.of(0, 1), 1);
    expect([...bench.trainingScores(2).own]).toEqual([0, 0]);
    expect([...bench.score(model, Float64Array.of(-5, 0.5, 5)).raws]).toEqual([0, 0, 0]);
  });

  test("counts the rows of a leaf as the paths they would have", () => {
    // Every tree has one split: the four equal rows are a leaf, the fifth another.
    const model = bench.fit("isolation_forest", Float64Array.of(0, 0, 1, 0, 0), 1);
    const { raws } = bench.score(model, Float64Array.of(0, 1));
    const c = (n: number): number =>
      2 * (Math.log(n - 1) + 0.577_215_664_901_532_9) - (2 * (n - 1)) / n;
    const rise = 2 ** (-1 / c(5)) - 2 ** (-(1 + c(4)) / c(5));
    // Leaves are float32.
    expect(Math.abs((raws[1] ?? Number.NaN) - (raws[0] ?? Number.NaN) - rise)).toBeLessThan(1e-7);
  });

  test("of equal rows gives c(n) as every path", () => {
    const model = bench.fit("isolation_forest", new Float64Array(600).fill(3), 2);
    // All paths are c(256) = the mean path, so that 2^-1 is every score, and minus the offset.
    for (const raw of bench.score(model, Float64Array.of(3, 3, 100, -100)).raws) {
      expect(Math.abs(raw)).toBeLessThan(1e-7);
    }
  });

  test("is the same for the same seed, and another for another", () => {
    const rows = normals(2000, 1);
    const first = bench.fit("isolation_forest", rows, 4, { seed: 5n });
    expect(bench.fit("isolation_forest", rows, 4, { seed: 5n })).toEqual(first);
    expect(bench.fit("isolation_forest", rows, 4, { seed: 6n })).not.toEqual(first);
  });

  test("scores its training rows as new rows", () => {
    const rows = normals(2000, 2);
    const model = bench.fit("isolation_forest", rows, 4);
    const { own, asNew } = bench.trainingScores(500);
    expect(asNew).toEqual(own);
    expect(bench.score(model, rows).raws).toEqual(own);
  });

  test("puts 0 at the contamination quantile", () => {
    bench.fit("isolation_forest", normals(3000, 3), 3, { contamination: 0.2 });
    const above = bench.trainingScores(1000).own.filter((score) => score > 0).length;
    expect(Math.abs(above - 200)).toBeLessThanOrEqual(2);
  });

  test.each([
    { name: "n_estimators", parameters: { n_estimators: 10 }, least: 0.8 },
    { name: "max_samples", parameters: { max_samples: 64 }, least: 0.85 },
    { name: "max_features", parameters: { max_features: 0.5 }, least: 0.85 },
    { name: "bootstrap", parameters: { bootstrap: true }, least: 0.9 },
  ])("takes $name", ({ parameters, least }) => {
    const rows = normals(4000, 4);
    const asked = normals(2000, 5).map((value) => value * 1.5);
    const plain = bench.score(bench.fit("isolation_forest", rows, 4), asked).raws;
    const model = bench.fit("isolation_forest", rows, 4, { parameters });
    const other = bench.score(model, asked).raws;
    expect(bench.check(model)).toBe(0);
    expect(other).not.toEqual(plain);
    expect(spearman(plain, other)).toBeGreaterThan(least);
  });

  test("asks no column that a tree did not draw", () => {
    const rows = normals(2000, 6);
    const model = bench.fit("isolation_forest", rows, 4, {
      parameters: { max_features: 0.25, n_estimators: 1 },
    });
    const { contributions } = bench.explain(model, Float64Array.of(3, 3, 3, 3));
    expect(contributions.filter((each) => each !== 0).length).toBe(1);
  });
});

describe("suod", () => {
  const rows = normals(3000, 7);
  const asked = normals(900, 8).map((value) => value * 1.5);

  test("standardises, and averages or takes the largest", () => {
    const parts = (["hbos", "copod", "ecod"] as const).map((kind) => {
      const model = bench.fit(kind, rows, 3);
      const { mean, deviation } = moments(bench.trainingScores(1000).own);
      return bench.score(model, asked).raws.map((raw) => (raw - mean) / deviation);
    });
    const each = Array.from({ length: 300 }, (_, i) => parts.map((part) => part[i] ?? Number.NaN));
    const base_estimators = members("hbos", "copod", "ecod");
    const average = bench.fit("suod", rows, 3, { parameters: { base_estimators } });
    expectClose(
      bench.score(average, asked).raws,
      Float64Array.from(each, (values) => values.reduce((sum, value) => sum + value / 3, 0)),
    );
    const parameters: Parameters = { base_estimators, combination: "maximization" };
    const largest = bench.fit("suod", rows, 3, { parameters });
    expectClose(
      bench.score(largest, asked).raws,
      Float64Array.from(each, (values) => Math.max(...values)),
    );
  });

  test("feeds LOF the rows themselves without projection and approximation", () => {
    const lof = bench.fit("local_outlier_factor", rows, 3);
    const { mean, deviation } = moments(bench.trainingScores(1000).own);
    const expected = bench.score(lof, asked).raws.map((raw) => (raw - mean) / deviation);
    const base_estimators = members("local_outlier_factor");
    const plain = { base_estimators, rp_flag_global: false, approx_flag_global: false };
    const model = bench.fit("suod", rows, 3, { parameters: plain });
    expectClose(bench.score(model, asked).raws, expected);
    const projected = bench.fit("suod", rows, 3, {
      parameters: { ...plain, rp_flag_global: true, target_dim_frac: 1 },
    });
    expect(spearman(bench.score(projected, asked).raws, expected)).toBeLessThan(0.99);
  });

  test.each(["local_outlier_factor", "knn", "cblof", "one_class_svm"] as const)(
    "a regression forest learns %s",
    (kind) => {
      const options = (approx: boolean): Parameters => ({
        base_estimators: members(kind),
        rp_flag_global: false,
        approx_flag_global: approx,
      });
      const exact = bench.fit("suod", rows, 3, { parameters: options(false) });
      const learned = bench.score(exact, rows).raws;
      const forest = bench.fit("suod", rows, 3, { parameters: options(true) });
      const largest = Math.max(...bench.trainingScores(1000).own);
      expect(forest).not.toEqual(exact);
      expect(spearman(bench.score(forest, rows).raws, learned)).toBeGreaterThan(0.9);
      // It gives means of training scores: none beyond the largest.
      const far = bench.score(forest, Float64Array.of(1e6, -1e6, 1e6)).raws[0];
      expect(far).toBeLessThanOrEqual(largest + 1e-6);
    },
  );

  test("takes any kind but itself", () => {
    const kinds = [
      "isolation_forest",
      "one_class_svm",
      "local_outlier_factor",
      "autoencoder",
      "ecod",
      "hbos",
      "copod",
      "knn",
      "mcd",
      "cblof",
      "loda",
    ] as const;
    const parameters = { base_estimators: members(...kinds) };
    const model = bench.fit("suod", rows, 3, { parameters });
    expect(bench.check(model)).toBe(0);
    const { raws } = bench.score(model, Float64Array.of(0, 0, 0, 6, -6, 6));
    expect(raws[1]).toBeGreaterThan(raws[0] ?? Number.NaN);
    expect(() =>
      bench.fit("suod", rows, 3, { parameters: { base_estimators: members("hbos", "suod") } }),
    ).toThrow(TrainingError);
    expect(() => bench.fit("suod", rows, 3, { parameters: { base_estimators: [] } })).toThrow(
      TrainingError,
    );
  });

  test("is the same for the same seed, and another for another", () => {
    const first = bench.fit("suod", rows, 3, { seed: 5n });
    expect(bench.fit("suod", rows, 3, { seed: 5n })).toEqual(first);
    expect(bench.fit("suod", rows, 3, { seed: 6n })).not.toEqual(first);
  });

  test("learns from a bounded sample, and says so", () => {
    const many = normals(18_000, 9);
    const base_estimators = members("knn", "hbos");
    const model = bench.fit("suod", many, 3, { parameters: { base_estimators } });
    expect(new Uint32Array(model.buffer, 132, 1)[0]).toBe(4096);
    expect(model.length).toBeLessThan(8 << 20);
    expect(bench.check(model)).toBe(0);
  });
});

test.each(["isolation_forest", "suod"] as const)("%s takes 1,024 columns", (kind) => {
  const columns = 1024;
  const rows = normals(60 * columns, 12);
  const model = bench.fit(kind, rows, columns);
  expect(bench.check(model)).toBe(0);
  const row = normals(columns, 13);
  const raw = bench.score(model, row).raws[0] ?? Number.NaN;
  const { baseline, contributions } = bench.explain(model, row);
  const sum = contributions.reduce((total, each) => total + each, baseline);
  expect(Math.abs(sum - raw)).toBeLessThan(1e-9 * Math.max(1, Math.abs(raw)));
});

const base = (count: number, columns: number): Float64Array => normals(count * columns, 10);

const windows: readonly {
  readonly name: string;
  readonly columns: number;
  readonly rows: () => Float64Array;
}[] = [
  { name: "constant", columns: 3, rows: () => new Float64Array(600).fill(7) },
  { name: "one column", columns: 1, rows: () => base(200, 1) },
  {
    name: "duplicates",
    columns: 2,
    rows: () => Float64Array.from({ length: 600 }, (_, i) => (i % 7 < 3 ? 1 : 2)),
  },
  { name: "two rows", columns: 3, rows: () => base(2, 3) },
  { name: "two equal rows", columns: 3, rows: () => new Float64Array(6).fill(-1) },
  { name: "huge", columns: 3, rows: () => base(200, 3).map((value) => value * 1e100) },
  { name: "tiny", columns: 3, rows: () => base(200, 3).map((value) => value * 1e-300) },
  {
    name: "mixed magnitudes",
    columns: 3,
    rows: () => base(200, 3).map((value, i) => value * 10 ** ((i % 3) * 100 - 100)),
  },
  {
    name: "one far row",
    columns: 2,
    rows: () => base(200, 2).map((value, i) => (i < 2 ? 1e100 : value)),
  },
];

const magnitudes = [1, 1e-300, 1e-10, 1e10, 1e38, 1e39, 1e100, 0];

describe.each([
  { name: "isolation_forest", kind: "isolation_forest", parameters: {} },
  { name: "suod", kind: "suod", parameters: {} },
  {
    name: "suod without replacement",
    kind: "suod",
    parameters: { approx_flag_global: false, combination: "maximization" },
  },
] as const)("$name", ({ kind, parameters }) => {
  test.each(windows)("of a window that is $name has finite scores", ({ rows, columns }) => {
    const model = bench.fit(kind, rows(), columns, { parameters });
    expect(bench.check(model)).toBe(0);
    const random = mulberry(11);
    const asked = Float64Array.from({ length: 10_000 * columns }, () => {
      const magnitude = magnitudes[Math.floor(random() * magnitudes.length)] ?? 1;
      return random() < 0.02 ? Number.NaN : normal(random) * magnitude;
    });
    const { raws, scores } = bench.score(model, asked, "calibrated");
    expect(raws.every((raw) => Number.isFinite(raw))).toBe(true);
    expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
    for (let i = 0; i < 100; i++) {
      const { baseline, contributions } = bench.explain(
        model,
        asked.slice(i * columns, (i + 1) * columns),
      );
      const sum = contributions.reduce((total, each) => total + each, baseline);
      const raw = raws[i] ?? Number.NaN;
      expect(Math.abs(sum - raw)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(raw)));
    }
  });
});
