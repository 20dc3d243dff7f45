/* Rows through a trained model: prepared, scored, normalized, explained. */
import { normalize } from "./calibration";
import { explainKind, scoreKind } from "./kinds";
import { Model, prepareRow } from "./model";
import { beginScratch, takeScratch } from "./work";

/** The raw score of a row as it came; NaN = missing. */
export function rawScore(model: Model, row: u32): f64 {
  beginScratch();
  const prepared = takeScratch(model.columns << 3);
  prepareRow(model, row, prepared);
  return scoreKind(model, prepared);
}

export function scoreRows(
  model: Model,
  rows: u32,
  count: u32,
  normalization: u32,
  raws: u32,
  scores: u32,
): void {
  const stride = model.columns << 3;
  for (let i: u32 = 0; i < count; i++) {
    const raw = rawScore(model, rows + i * stride);
    store<f64>(raws + (i << 3), raw);
    store<f64>(scores + (i << 3), normalize(model, raw, normalization));
  }
}

/** Contributions whose sum is smaller than this share of the raw score are rounding, and say nothing. */
const SHARE_MIN: f64 = 1e-12;

/**
 * What each column did to a row's normalized score, into `out`; the baseline: together they are the score. The kind's own
 * decomposition of the raw score is stretched, since a normalization changes lengths but never the order.
 */
export function explainScore(model: Model, row: u32, normalization: u32, out: u32): f64 {
  const score = normalize(model, rawScore(model, row), normalization);
  beginScratch();
  const columns = model.columns;
  const prepared = takeScratch(columns << 3);
  prepareRow(model, row, prepared);
  const rawBaseline = explainKind(model, prepared, out);
  let sum: f64 = 0;
  for (let i: u32 = 0; i < columns; i++) sum += load<f64>(out + (i << 3));
  if (!(abs(sum) > SHARE_MIN * max(1.0, abs(rawBaseline)))) {
    memory.fill(out, 0, columns << 3);
    return score;
  }
  const baseline = normalize(model, rawBaseline, normalization);
  const stretch = (score - baseline) / sum;
  for (let i: u32 = 0; i < columns; i++) {
    store<f64>(out + (i << 3), load<f64>(out + (i << 3)) * stretch);
  }
  return baseline;
}
