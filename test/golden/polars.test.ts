import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { deriveTable } from "../../src/buffers/derive.ts";
import { builds } from "../kernel.ts";
import { ModelBench } from "../models.ts";
import { readBytes, readF64 } from "./golden-files.ts";
import { portableRoot, realRoot } from "./pyod-files.ts";

const file = z.object({ file: z.string() });
const manifestSchema = z.record(
  z.string(),
  z.object({
    rows: z.number(),
    columns: z.array(z.string()),
    input: file,
    filled: file,
  }),
);

const windows = [5, 10, 20];
const lags = [1, 2, 3, 5];
const ours = [
  "value",
  ...windows.flatMap((w) => ["mean", "std", "min", "max"].map((s) => `value_rolling_${s}_${w}`)),
  ...lags.map((lag) => `value_lag_${lag}`),
];

const roots = [portableRoot, ...(realRoot === undefined ? [] : [realRoot])];
const series = roots.flatMap((root) => {
  if (!existsSync(join(root, "polars/manifest.json"))) return [];
  const manifest = manifestSchema.parse(
    JSON.parse(readBytes(root, "polars/manifest.json").toString()),
  );
  return Object.entries(manifest).map(([name, entry]) => ({ root, name, ...entry }));
});

describe.each(builds)("rolling features by the %s kernel", (_, path) => {
  let bench: ModelBench;
  beforeAll(async () => {
    bench = await ModelBench.make(path);
  });

  test("there are series to compare with", () => {
    expect(series.length).toBeGreaterThanOrEqual(3);
  });

  test.each(series)("$name: equal to Polars", ({ root, rows, columns, input, filled }) => {
    const values = readF64(root, input.file);
    expect(values.length).toBe(rows);
    const table = { columns: 1, rows: values, windows, lags };
    const derived = deriveTable(bench.kernel, bench.memory, table);
    const expected = readF64(root, filled.file);
    let compared = 0;
    for (const [column, name] of columns.entries()) {
      const own = ours.indexOf(name);
      if (own < 0) continue;
      let worst = 0;
      for (let row = 0; row < rows; row++) {
        const a = derived[row * ours.length + own] ?? Number.NaN;
        const b = expected[row * columns.length + column] ?? Number.NaN;
        const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
        if (!(error <= worst)) worst = error;
        compared++;
      }
      expect(worst, name).toBeLessThanOrEqual(1e-9);
    }
    expect(compared).toBe(rows * (ours.length - 1));
  });
});
