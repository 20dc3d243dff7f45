import { beforeAll, describe, expect, test } from "vitest";
import type { Parameters } from "../../../src/models/kinds.ts";
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

const few: Parameters = {
  base_estimators: [
    { kind: "isolation_forest", parameters: {} },
    { kind: "hbos", parameters: {} },
    { kind: "copod", parameters: {} },
  ],
};

/** Whether one column alone has the largest contribution. */
function isFirst(contributions: Float64Array, column: number): boolean {
  const largest = contributions[column] ?? Number.NaN;
  return contributions.every((each, i) => i === column || each < largest);
}

describe.each([
  { name: "isolation_forest", kind: "isolation_forest", parameters: {} },
  { name: "suod", kind: "suod", parameters: {} },
  { name: "suod of LlamaFarm's kinds", kind: "suod", parameters: few },
  { name: "suod, the largest", kind: "suod", parameters: { combination: "maximization" } },
  {
    name: "suod, approximated and not projected",
    kind: "suod",
    parameters: { rp_flag_global: false },
  },
] as const)("explanations of $name", ({ kind, parameters }) => {
  test.each(["raw", "calibrated", "standardization"] as const)(
    "sum to the %s score less the baseline",
    (normalization) => {
      const model = bench.fit(kind, rows, columns, { parameters });
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

  test("rank a shifted column first in at least 95 % of 1,000 rows", () => {
    const model = bench.fit(kind, rows, columns, { parameters });
    const random = mulberry(3);
    let first = 0;
    for (let i = 0; i < 1000; i++) {
      const row = Float64Array.from({ length: columns }, () => normal(random));
      const shifted = i % columns;
      row[shifted] = (row[shifted] ?? 0) + (i % 2 === 0 ? 6 : -6);
      first += Number(isFirst(bench.explain(model, row, "calibrated").contributions, shifted));
    }
    expect(first).toBeGreaterThanOrEqual(950);
  });
});

test("a row within the training values is explained by the forest's paths alone, from one baseline", () => {
  const model = bench.fit("isolation_forest", rows, columns);
  const baselines = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const row = rows.slice(i * columns, (i + 1) * columns);
    baselines.add(bench.explain(model, row).baseline);
  }
  expect(baselines.size).toBe(1);
});

test("a column that no tree splits has no part in a score", () => {
  const random = mulberry(4);
  const flat = Float64Array.from({ length: 3000 }, (_, i) => (i % 3 === 1 ? 5 : normal(random)));
  for (const kind of ["isolation_forest", "suod"] as const) {
    const model = bench.fit(kind, flat, 3, {
      parameters:
        kind === "suod" ? { base_estimators: [{ kind: "isolation_forest", parameters: {} }] } : {},
    });
    const { contributions } = bench.explain(model, Float64Array.of(4, 100, 0));
    expect(contributions[1]).toBe(0);
    expect(contributions[0]).toBeGreaterThan(Math.abs(contributions[2] ?? Number.NaN));
  }
});
