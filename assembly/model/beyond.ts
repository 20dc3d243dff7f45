/*
 * Models made of bins and splits score a value beyond all training values as they score the outermost one. So when two columns
 * raise a score alike, which of them was further out is not in the model. These statistics keep it: a column's least and largest
 * training value and its population standard deviation, {f64, f64, f64} a column.
 */
import { Training, rowOf } from "./training";

const COLUMN: u32 = 24;

export function beyondBytes(columns: u32): u32 {
  return columns * COLUMN;
}

export function keepRanges(training: Training, at: u32): void {
  for (let c: u32 = 0; c < training.columns; c++) {
    let least = Infinity;
    let largest = -Infinity;
    let mean: f64 = 0;
    let squares: f64 = 0;
    for (let i: u32 = 0; i < training.count; i++) {
      const value = load<f64>(rowOf(training, i) + (c << 3));
      const delta = value - mean;
      mean += delta / ((i + 1) as f64);
      squares += delta * (value - mean);
      least = min<f64>(least, value);
      largest = max<f64>(largest, value);
    }
    const spread = Math.sqrt(squares / (training.count as f64));
    const to = at + c * COLUMN;
    store<f64>(to, least);
    store<f64>(to, largest, 8);
    store<f64>(to, spread < Infinity ? spread : 0, 16);
  }
}

/**
 * Shares what raises a score (the positive f64s at `contributions`) out anew: each is weighted by 1 + the standard deviations
 * that the column's value lies beyond the training values. Their sum stays as it is; of a row within the ranges all of them do.
 */
export function shareByDistance(ranges: u32, row: u32, columns: u32, contributions: u32): void {
  let sum: f64 = 0;
  let weighted: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const contribution = load<f64>(contributions + (c << 3));
    if (!(contribution > 0)) continue;
    sum += contribution;
    weighted += contribution * weightOf(ranges + c * COLUMN, load<f64>(row + (c << 3)));
  }
  const stretch = sum / weighted;
  if (!(stretch > 0)) return;
  for (let c: u32 = 0; c < columns; c++) {
    const at = contributions + (c << 3);
    const contribution = load<f64>(at);
    if (!(contribution > 0)) continue;
    const weight = weightOf(ranges + c * COLUMN, load<f64>(row + (c << 3)));
    store<f64>(at, contribution * weight * stretch);
  }
}

/** At most 1e6, from where on it makes no difference. */
function weightOf(range: u32, value: f64): f64 {
  const beyond = max<f64>(load<f64>(range) - value, value - load<f64>(range, 8));
  const spread = load<f64>(range, 16);
  if (!(beyond > 0 && spread > 0)) return 1;
  return 1 + min<f64>(beyond / spread, 1e6);
}
