import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Kind } from "../../src/models/kinds.ts";
import { readBytes, readF32, readF64 } from "./golden-files.ts";

/** float64 but for autoencoder's, which PyOD has as float32. */
const file = z.object({ file: z.string(), dtype: z.enum(["f8", "f4"]).default("f8") });

const kindSchema = z.object({
  /** A number where the kind is deterministic, else one a seed. */
  roc_auc: z.union([z.number(), z.array(z.number())]),
  roc_auc_mean: z.number().optional(),
  roc_auc_std: z.number().optional(),
  threshold: z.number().optional(),
  train: file.optional(),
  test: file.optional(),
  test_single: file.optional(),
  test_mean_over_seeds: file.optional(),
  test_seed0: file.optional(),
});

const setSchema = z.object({
  n_train: z.number(),
  n_test: z.number(),
  d: z.number(),
  lof_exact: z.boolean(),
  kinds: z.record(z.string(), kindSchema),
});

const manifestSchema = z.object({ sets: z.record(z.string(), setSchema) });

export type PyodScores = "train" | "test" | "test_single" | "test_mean_over_seeds" | "test_seed0";

/** A table that PyOD's kinds were fitted on and scored. */
export interface PyodSet {
  readonly name: string;
  readonly columns: number;
  /** Row-major. */
  readonly train: Float64Array;
  readonly test: Float64Array;
  /** 1 = an anomaly, a test row each. */
  readonly labels: Uint8Array;
  /** Whether no ties make LOF's neighbours a matter of the implementation. */
  readonly lofExact: boolean;
  /** PyOD's ROC AUC on the test rows: mean and standard deviation over its seeds (0 for a deterministic kind). */
  auc(kind: Kind): { readonly mean: number; readonly deviation: number };
  /** PyOD's scores. Throws when the manifest names none. */
  scores(kind: Kind, which: PyodScores): Float64Array;
}

export const portableRoot: string =
  process.env["WEIR_PORTABLE_GOLDEN"] ??
  fileURLToPath(new URL("../fixtures/golden", import.meta.url));

/** The tables that may not be part of the project; undefined = not on this machine, and their tests are skipped. */
export const realRoot: string | undefined = process.env["WEIR_REAL_GOLDEN"];

/** The sets of the project's fixtures, and of the real tables where WEIR_REAL_GOLDEN names them. */
export function pyodSets(): readonly PyodSet[] {
  return [portableRoot, ...(realRoot === undefined ? [] : [realRoot])].flatMap((root) =>
    readSets(root),
  );
}

function readSets(root: string): PyodSet[] {
  const path = join(root, "pyod/manifest.json");
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const { sets } = manifestSchema.parse(
    JSON.parse(readBytes(root, "pyod/manifest.json").toString()),
  );
  return Object.entries(sets).map(([name, set]) => {
    const rows = readF64(root, `data/${name}.X.f64`);
    const cut = set.n_train * set.d;
    return {
      name,
      columns: set.d,
      train: rows.slice(0, cut),
      test: rows.slice(cut, cut + set.n_test * set.d),
      labels: new Uint8Array(readBytes(root, `data/${name}.y.u8`)).slice(
        set.n_train,
        set.n_train + set.n_test,
      ),
      lofExact: set.lof_exact,
      auc: (kind) => aucOf(set.kinds[kind]),
      scores: (kind, which) => {
        const found = set.kinds[kind]?.[which];
        if (found === undefined) throw new Error(`${name} has no ${which} scores of ${kind}`);
        return found.dtype === "f4" ? readF32(root, found.file) : readF64(root, found.file);
      },
    };
  });
}

function aucOf(kind: z.infer<typeof kindSchema> | undefined): {
  readonly mean: number;
  readonly deviation: number;
} {
  if (kind === undefined) throw new Error("no such kind in the manifest");
  const { roc_auc: auc } = kind;
  if (typeof auc === "number") return { mean: auc, deviation: 0 };
  return {
    mean: kind.roc_auc_mean ?? auc.reduce((sum, each) => sum + each, 0) / auc.length,
    deviation: kind.roc_auc_std ?? 0,
  };
}

/** Area under the ROC curve, ties by half. */
export function rocAuc(scores: Float64Array, labels: Uint8Array): number {
  const ranks = ranksOf(scores);
  let positives = 0;
  let sum = 0;
  labels.forEach((label, i) => {
    if (label === 0) return;
    positives++;
    sum += ranks[i] ?? 0;
  });
  return (
    (sum - (positives * (positives + 1)) / 2) / (positives * Math.max(1, labels.length - positives))
  );
}

/** Spearman's rank correlation, ties by their mean rank. */
export function spearman(a: Float64Array, b: Float64Array): number {
  const x = ranksOf(a);
  const y = ranksOf(b);
  const mean = (a.length + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < a.length; i++) {
    const dx = (x[i] ?? 0) - mean;
    const dy = (y[i] ?? 0) - mean;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

/** Ranks from 1, equal values by their mean rank. */
function ranksOf(values: Float64Array): Float64Array {
  const order = Array.from(values.keys()).toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    const value = values[order[start] ?? 0];
    while (end < order.length && values[order[end] ?? 0] === value) end++;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
