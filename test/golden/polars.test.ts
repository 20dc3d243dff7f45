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
    /** How far Polars is from a two-pass computation: [absolute, relative] by statistic and window. */
    max_abs_and_rel_diff_to_two_pass_numpy: z.record(z.string(), z.tuple([z.number(), z.number()])),
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

  test.each(series)("$name: equal to Polars", (entry) => {
    const { root, rows, columns, input, filled } = entry;
    const values = readF64(root, input.file);
    expect(values.length).toBe(rows);
    const table = { columns: 1, rows: values, windows, lags };
    const derived = deriveTable(bench.kernel, bench.memory, table);
    const expected = readF64(root, filled.file);
    const shared = ours.filter((name) => columns.includes(name));
    expect(shared.length).toBeGreaterThanOrEqual(15);
    for (const name of shared) {
      const own = ours.indexOf(name);
      const column = columns.indexOf(name);
      let worst = 0;
      for (let row = 0; row < rows; row++) {
        const a = derived[row * ours.length + own] ?? Number.NaN;
        const b = expected[row * columns.length + column] ?? Number.NaN;
        const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
        if (!(error <= worst)) worst = error;
      }
      // Beside an offset of 1e9 Polars itself is wrong by up to 1e-7, as its manifest says.
      const key = name.replace("value_rolling_", "");
      const [known] = entry.max_abs_and_rel_diff_to_two_pass_numpy[key] ?? [0];
      expect(worst, name).toBeLessThanOrEqual(1e-9 + known);
    }
  });

  test("a deviation beside an offset is that of exact arithmetic, however long the stream", () => {
    const values = Float64Array.from(
      { length: 200_000 },
      (__, i) => 1e9 + Math.round(Math.sin(i * 12.9898) * 2 ** 20) / 2 ** 20,
    );
    const table = { columns: 1, rows: values, windows: [7, 100], lags: [] };
    const derived = deriveTable(bench.kernel, bench.memory, table);
    for (const [index, w] of [7, 100].entries()) {
      for (let row = values.length - 500; row < values.length; row++) {
        const [mean, std] = exactly(values.subarray(row + 1 - w, row + 1));
        const at = row * 9 + 1 + index * 4;
        expect(Math.abs((derived[at] ?? 0) - mean)).toBeLessThanOrEqual(2.4e-7);
        expect(Math.abs((derived[at + 1] ?? 0) - std)).toBeLessThanOrEqual(1e-13);
      }
    }
  });
});

/** Mean and sample deviation by whole numbers of 2^-20, in which the values are exact. */
function exactly(values: Float64Array): readonly [mean: number, std: number] {
  const units = Array.from(values, (value) => BigInt(value * 2 ** 20));
  const count = BigInt(units.length);
  const sum = units.reduce((total, unit) => total + unit, 0n);
  const squares = units.reduce((total, unit) => total + (unit * count - sum) ** 2n, 0n);
  const variance = Number(squares) / Number(count) ** 2 / (Number(count) - 1) / 2 ** 40;
  return [Number(sum) / Number(count) / 2 ** 20, Math.sqrt(variance)];
}
