/*
 * Minkowski distances from one row to eight rows at a time. Eight rows are a block, column by column: 8 x columns float64s, so
 * that a lane is a row and a row's own sum is made in the order of its columns, whatever its neighbours in the block.
 *
 * Distances are compared in reduced form: squared for p = 2, as they are for all other p. Values are bounded (VALUE_MAX), so that
 * no sum of up to MODEL_COLUMNS_MAX squares leaves the finite numbers; other exponents are taken of shares of the largest
 * difference, so that they neither overflow nor vanish.
 */
import { Training } from "./training";
import { fail, FAILED_OVERFLOW } from "./work";

export const LANES: u32 = 8;
/** Bytes of a column of a block. */
export const LANE_BYTES: u32 = 64;
/** Prepared values beyond it are taken as it when a row is scored, and end a training. */
export const VALUE_MAX: f64 = 1e150;

/** Stops a training that has values beyond what squares can hold. */
export function requireMagnitudes(training: Training): void {
  const end = training.rows + ((training.count * training.columns) << 3);
  for (let at = training.rows; at < end; at += 8) {
    if (!(Math.abs(load<f64>(at)) <= VALUE_MAX)) fail(FAILED_OVERFLOW);
  }
}

/** Whether `count` float64s are all within -VALUE_MAX..VALUE_MAX. */
export function areBounded(at: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (!(Math.abs(load<f64>(at + (i << 3))) <= VALUE_MAX)) return false;
  }
  return true;
}

/** A row's values within bounds, NaN as 0; `columns` f64s and, of an odd number, a 0 behind them. */
export function boundRow(row: u32, columns: u32, out: u32): void {
  for (let i: u32 = 0; i < columns; i++) {
    const value = load<f64>(row + (i << 3));
    const bounded = value == value ? Math.min(Math.max(value, -VALUE_MAX), VALUE_MAX) : 0;
    store<f64>(out + (i << 3), bounded);
  }
  if ((columns & 1) != 0) store<f64>(out + (columns << 3), 0);
}

/** Bytes that `boundRow` writes. */
export function boundedBytes(columns: u32): u32 {
  return ((columns + 1) & ~1) << 3;
}

/** The distance that a reduced one stands for. */
export function distanceOf(reduced: f64, p: f64): f64 {
  return p == 2 ? Math.sqrt(reduced) : reduced;
}

/**
 * Reduced distances from a bounded row to the rows of a block, eight f64s into `out`; a bit for each of them that is within `limit`,
 * and only if there is one is `out` filled.
 */
export function reducedOf(block: u32, row: u32, columns: u32, p: f64, limit: f64, out: u32): u32 {
  if (p == 2) return squaresOf(block, row, columns, limit, out);
  if (p == 1) return absolutesOf(block, row, columns, limit, out);
  return powersOf(block, row, columns, p, limit, out);
}

export function squaresOf(block: u32, row: u32, columns: u32, limit: f64, out: u32): u32 {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (const end = row + (columns << 3); row < end; row += 8, block += LANE_BYTES) {
    const x = v128.load64_splat(row);
    const e = f64x2.sub(v128.load(block), x);
    const f = f64x2.sub(v128.load(block, 16), x);
    const g = f64x2.sub(v128.load(block, 32), x);
    const h = f64x2.sub(v128.load(block, 48), x);
    a = f64x2.add(a, f64x2.mul(e, e));
    b = f64x2.add(b, f64x2.mul(f, f));
    c = f64x2.add(c, f64x2.mul(g, g));
    d = f64x2.add(d, f64x2.mul(h, h));
  }
  return keep(a, b, c, d, limit, out);
}

function absolutesOf(block: u32, row: u32, columns: u32, limit: f64, out: u32): u32 {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (const end = row + (columns << 3); row < end; row += 8, block += LANE_BYTES) {
    const x = v128.load64_splat(row);
    a = f64x2.add(a, f64x2.abs(f64x2.sub(v128.load(block), x)));
    b = f64x2.add(b, f64x2.abs(f64x2.sub(v128.load(block, 16), x)));
    c = f64x2.add(c, f64x2.abs(f64x2.sub(v128.load(block, 32), x)));
    d = f64x2.add(d, f64x2.abs(f64x2.sub(v128.load(block, 48), x)));
  }
  return keep(a, b, c, d, limit, out);
}

/** Stores eight distances if one of them is within the limit; a bit for each that is. */
function keep(a: v128, b: v128, c: v128, d: v128, limit: f64, out: u32): u32 {
  const most = f64x2.splat(limit);
  const least = f64x2.pmin(f64x2.pmin(a, b), f64x2.pmin(c, d));
  if (!v128.any_true(f64x2.le(least, most))) return 0;
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
  const low = i64x2.bitmask(f64x2.le(a, most)) | (i64x2.bitmask(f64x2.le(b, most)) << 2);
  const high = i64x2.bitmask(f64x2.le(c, most)) | (i64x2.bitmask(f64x2.le(d, most)) << 2);
  return low | (high << 4);
}

function powersOf(block: u32, row: u32, columns: u32, p: f64, limit: f64, out: u32): u32 {
  let within: u32 = 0;
  for (let lane: u32 = 0; lane < LANES; lane++) {
    const at = block + (lane << 3);
    let largest: f64 = 0;
    for (let c: u32 = 0; c < columns; c++) {
      const delta = load<f64>(at + c * LANE_BYTES) - load<f64>(row + (c << 3));
      largest = Math.max(largest, Math.abs(delta));
    }
    let sum: f64 = 0;
    if (largest > 0 && largest <= limit) {
      for (let c: u32 = 0; c < columns; c++) {
        const delta = load<f64>(at + c * LANE_BYTES) - load<f64>(row + (c << 3));
        sum += Math.pow(Math.abs(delta) / largest, p);
      }
    }
    // At least 1, the share of the largest difference: so a row whose largest is beyond the limit stays beyond it.
    const distance = largest * Math.max(1, Math.pow(sum, 1 / p));
    store<f64>(out + (lane << 3), distance);
    if (distance <= limit) within |= 1 << lane;
  }
  return within;
}

/** The same from a bounded row to the nearest point of a box: `columns` lower bounds, padded as boundRow does, then upper ones. */
export function reducedToBox(box: u32, row: u32, columns: u32, p: f64): f64 {
  const bytes = boundedBytes(columns);
  const zero = f64x2.splat(0);
  if (p == 2 || p == 1) {
    let sum = zero;
    for (let at: u32 = 0; at < bytes; at += 16) {
      const x = v128.load(row + at);
      const under = f64x2.sub(v128.load(box + at), x);
      const over = f64x2.sub(x, v128.load(box + bytes + at));
      const t = f64x2.pmax(zero, f64x2.pmax(under, over));
      sum = f64x2.add(sum, p == 2 ? f64x2.mul(t, t) : t);
    }
    return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  }
  let largest: f64 = 0;
  for (let at: u32 = 0; at < bytes; at += 8)
    largest = Math.max(largest, outside(box, row, at, bytes));
  if (largest == 0) return 0;
  let sum: f64 = 0;
  for (let at: u32 = 0; at < bytes; at += 8) {
    sum += Math.pow(outside(box, row, at, bytes) / largest, p);
  }
  return largest * Math.pow(sum, 1 / p);
}

/** How far a value is outside of its column's bounds. */
function outside(box: u32, row: u32, at: u32, bytes: u32): f64 {
  const x = load<f64>(row + at);
  return Math.max(0, Math.max(load<f64>(box + at) - x, x - load<f64>(box + bytes + at)));
}

/**
 * Parts `amount` among the columns by their shares in the distance between a bounded row and a block's row, |difference|^p, and
 * adds the parts to `out`; what could not be parted, as the two are equal. @param lane address of the block's row
 */
export function addShares(lane: u32, row: u32, columns: u32, p: f64, amount: f64, out: u32): f64 {
  let largest: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const delta = load<f64>(lane + c * LANE_BYTES) - load<f64>(row + (c << 3));
    largest = Math.max(largest, Math.abs(delta));
  }
  if (largest == 0) return amount;
  let sum: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) sum += shareOf(lane, row, c, p, largest);
  for (let c: u32 = 0; c < columns; c++) {
    const at = out + (c << 3);
    store<f64>(at, load<f64>(at) + amount * (shareOf(lane, row, c, p, largest) / sum));
  }
  return 0;
}

/** |difference|^p in a column, of the largest one. */
function shareOf(lane: u32, row: u32, column: u32, p: f64, largest: f64): f64 {
  const delta = load<f64>(lane + column * LANE_BYTES) - load<f64>(row + (column << 3));
  const share = Math.abs(delta) / largest;
  return p == 2 ? share * share : p == 1 ? share : Math.pow(share, p);
}
