/*
 * What happens to rows before a kind sees them: a missing value takes its column's median, then the column is scaled.
 */
import { work, workTop, releaseWork } from "./work";
import { sortNumbers } from "./sort";

export const SCALE_NONE: u32 = 0;
/** (x - mean) / population standard deviation */
export const SCALE_STANDARD: u32 = 1;
/** (x - min) / (max - min) */
export const SCALE_MIN_MAX: u32 = 2;
/** (x - median) / (75th - 25th percentile, linear), as scikit-learn's RobustScaler */
export const SCALE_ROBUST: u32 = 3;

/** The present values of a column, sorted, in work memory; their number is stored before them as f64. */
function sortedColumn(rows: u32, count: u32, columns: u32, column: u32): u32 {
  const sorted = work(((count as u64) + 2) << 3) + 16;
  let present: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(rows + ((i * columns + column) << 3));
    if (value == value) store<f64>(sorted + (present++ << 3), value);
  }
  sortNumbers(sorted, present);
  store<f64>(sorted - 8, present as f64);
  return sorted;
}

/** numpy's linear percentile of sorted numbers, `share` within 0..1. */
export function percentile(sorted: u32, count: u32, share: f64): f64 {
  const place = share * ((count - 1) as f64);
  const below = Math.floor(place) as u32;
  const a = load<f64>(sorted + (below << 3));
  if (below + 1 >= count) return a;
  const b = load<f64>(sorted + ((below + 1) << 3));
  const t = place - Math.floor(place);
  // numpy's lerp: from the nearer end.
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

/** The median of a column's present values, 0 without any. */
export function median(rows: u32, count: u32, columns: u32, column: u32): f64 {
  const mark = workTop();
  const sorted = sortedColumn(rows, count, columns, column);
  const present = load<f64>(sorted - 8) as u32;
  const result = present == 0 ? 0 : percentile(sorted, present, 0.5);
  releaseWork(mark);
  return result;
}

/**
 * Fills and scales all rows in place; `preparation` holds the fills and takes offsets and scales behind them, `columns` each.
 */
export function scaleColumns(
  scaler: u32,
  rows: u32,
  count: u32,
  columns: u32,
  preparation: u32,
): void {
  for (let c: u32 = 0; c < columns; c++) {
    const fill = load<f64>(preparation + (c << 3));
    for (let i: u32 = 0; i < count; i++) {
      const at = rows + ((i * columns + c) << 3);
      const value = load<f64>(at);
      if (value != value) store<f64>(at, fill);
    }
    let offset: f64 = 0;
    let width: f64 = 1;
    const mark = workTop();
    if (scaler == SCALE_STANDARD) {
      let mean: f64 = 0;
      let squares: f64 = 0;
      for (let i: u32 = 0; i < count; i++) {
        const value = load<f64>(rows + ((i * columns + c) << 3));
        const delta = value - mean;
        mean += delta / ((i + 1) as f64);
        squares += delta * (value - mean);
      }
      offset = mean;
      width = Math.sqrt(squares / (count as f64));
    } else if (scaler != SCALE_NONE) {
      const sorted = sortedColumn(rows, count, columns, c);
      if (scaler == SCALE_MIN_MAX) {
        offset = load<f64>(sorted);
        width = load<f64>(sorted + ((count - 1) << 3)) - offset;
      } else {
        offset = percentile(sorted, count, 0.5);
        width = percentile(sorted, count, 0.75) - percentile(sorted, count, 0.25);
      }
    }
    releaseWork(mark);
    // A column without a width, or one whose inverse is no number, stays as it is.
    const inverse = 1 / width;
    const scale = inverse > 0 && inverse < Infinity ? width : 1;
    store<f64>(preparation + ((columns + c) << 3), offset);
    store<f64>(preparation + ((2 * columns + c) << 3), scale);
    for (let i: u32 = 0; i < count; i++) {
      const at = rows + ((i * columns + c) << 3);
      store<f64>(at, (load<f64>(at) - offset) / scale);
    }
  }
}
