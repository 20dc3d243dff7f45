import { instantiate } from "../shard/module.ts";

/** What the kernel offers for models; over any memory, one call at a time. Addresses are bytes in that memory. */
export interface ModelExports {
  /** Trains what lies in CONTROL and at WORK_BASE; address of the model. Traps where it cannot, see training.ts. */
  trainModel(): number;
  /** Rolling features of the table in CONTROL and at WORK_BASE: address of the derived rows. Traps without memory. */
  deriveTable(): number;
  /** Tests: where the last training left its rows' own scores, and after them (next multiple of 16) their scores as new rows. */
  trainingScores(): number;
  /** 0 = these bytes are a sound model; else why not: assembly/model/model-check.ts. */
  checkModel(address: number, bytes: number): number;
  /**
   * Scores rows (f64, row-major, NaN = missing): raw scores into `raws`, normalized ones into `scores`, f64 each.
   * @param normalization number of `normalizations`
   */
  // oxlint-disable-next-line max-params -- an ABI takes numbers, not objects
  scoreModel(
    model: number,
    rows: number,
    count: number,
    normalization: number,
    raws: number,
    scores: number,
  ): void;
  /** The contamination quantile of the training rows' normalized scores as new rows. */
  modelThreshold(model: number, normalization: number): number;
  /** Contributions of one row's columns to its normalized score into `out`, f64 each; the baseline. Their sum is the score. */
  explainModel(model: number, row: number, normalization: number, out: number): number;
}

/** By the kernel's numbers: assembly/model/calibration.ts. */
export const normalizations = [
  "raw",
  "calibrated",
  "llamafarm_stream",
  "standardization",
  "zscore",
] as const;
export type Normalization = (typeof normalizations)[number];

export function instantiateModels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): ModelExports {
  return instantiate(module, memory);
}
