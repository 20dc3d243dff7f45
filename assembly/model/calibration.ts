/* Raw scores as scores that people can read. */
import { Model } from "./model";

export const NORMALIZE_RAW: u32 = 0;
export const NORMALIZE_CALIBRATED: u32 = 1;
export const NORMALIZE_LLAMAFARM_STREAM: u32 = 2;
export const NORMALIZE_STANDARDIZATION: u32 = 3;
export const NORMALIZE_ZSCORE: u32 = 4;

/** Fills the model's statistics and knots from its training rows' own scores and their scores as new rows, `count` each. */
export function calibrate(model: Model, scores: u32, newScores: u32, count: u32): void {
  // TODO
}

/** A raw score in one of the forms above. Monotonic in the raw score. */
export function normalize(model: Model, raw: f64, normalization: u32): f64 {
  return raw;
}
