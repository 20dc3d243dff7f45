import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { z } from "zod";

const limits = z.tuple([z.number(), z.number()]);

const caseSchema = z.object({
  name: z.string(),
  data: z.string(),
  rows: z.number(),
  features: z.array(z.string()),
  scaler: z.enum(["StandardScaler", "MinMaxScaler"]).nullable(),
  // River's own defaults where the manifest names none.
  hst: z.object({
    n_trees: z.number().default(10),
    height: z.number().default(8),
    window_size: z.number().default(250),
    seed: z.number(),
    limits: z.record(z.string(), limits).optional(),
  }),
  missing_rule: z.enum(["A", "B"]).nullable(),
  per_key: z.string().optional(),
  scores: z.object({ file: z.string() }),
});
const manifestSchema = z.object({ cases: z.array(caseSchema) });

/** One table that River scored. */
export type GoldenCase = z.infer<typeof caseSchema>;

/** The cases of a golden folder: its `river/manifest.json`. */
export function readCases(root: string): readonly GoldenCase[] {
  return manifestSchema.parse(JSON.parse(readFileSync(join(root, "river/manifest.json"), "utf8")))
    .cases;
}

export function readBytes(root: string, file: string): Buffer {
  const path = join(root, file.replace(/\.gz$/, ""));
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}

export function readF64(root: string, file: string): Float64Array {
  const bytes = readBytes(root, file);
  return Float64Array.from({ length: bytes.length >>> 3 }, (_, i) => bytes.readDoubleLE(8 * i));
}

export function readF32(root: string, file: string): Float64Array {
  const bytes = readBytes(root, file);
  return Float64Array.from({ length: bytes.length >>> 2 }, (_, i) => bytes.readFloatLE(4 * i));
}

/** Whether a row lacks a column, by the manifest's rules. */
export function lacks(
  rule: "A" | "B" | null,
  row: number,
  column: number,
  columns: number,
): boolean {
  if (rule === "A") return row % 5 === 0 && column === (Math.floor(row / 5) * 7) % columns;
  if (rule !== "B") return false;
  if (row < 400 && column === columns - 1) return true;
  return row % 3 === 1 && (column === row % columns || column === (row + 4) % columns);
}
