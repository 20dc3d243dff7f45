import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One table that River scored. */
export interface GoldenCase {
  readonly name: string;
  readonly data: string;
  readonly rows: number;
  readonly features: readonly string[];
  readonly scaler: "StandardScaler" | "MinMaxScaler" | null;
  readonly hst: {
    readonly n_trees: number;
    readonly height: number;
    readonly window_size: number;
    readonly seed: number;
    readonly limits?: Readonly<Record<string, readonly [number, number]>>;
  };
  readonly missing_rule: "A" | "B" | null;
  readonly per_key?: string;
  readonly scores: { readonly file: string };
}

/** The cases of a golden folder: its `river/manifest.json`. */
export function readCases(root: string): readonly GoldenCase[] {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "river/manifest.json"), "utf8"));
  return (manifest as { readonly cases: readonly GoldenCase[] }).cases;
}

export function readBytes(root: string, file: string): Buffer {
  const path = join(root, file.replace(/\.gz$/, ""));
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}

export function readF64(root: string, file: string): Float64Array {
  const bytes = readBytes(root, file);
  return Float64Array.from({ length: bytes.length >>> 3 }, (_, i) => bytes.readDoubleLE(8 * i));
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
