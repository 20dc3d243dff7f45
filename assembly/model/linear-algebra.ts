/*
 * Symmetric matrices. A *half* is the lower triangle, row by row, each row padded to an even number of float64s, so that two lanes
 * work on it: row i has i + 1 entries at `halfRow(i)`.
 */
import { eigenSymmetric } from "./eigen";

/** Pivots below this share of the largest variance: the triangular factor is not to be relied on. */
const PIVOT_MIN: f64 = 1e-10;
const EPSILON: f64 = 2.220446049250313e-16;

/** Bytes that a pseudo-inverse works in. */
export function roomFor(n: u32): u64 {
  const size = n as u64;
  return (2 * size * size + 3 * size) << 3;
}

/** Bytes from a half's start to its row i. */
export function halfRow(i: u32): u32 {
  // Rows 2m and 2m + 1 have 2m + 2 entries each.
  const m = i >> 1;
  return (2 * m * (m + 1) + (i & 1) * (2 * m + 2)) << 3;
}

export function halfBytes(n: u32): u32 {
  return halfRow(n);
}

function entry(matrix: u32, n: u32, i: u32, j: u32): u32 {
  return matrix + ((i * n + j) << 3);
}

/** half += y y'; `y` holds an even number of float64s, what pads it is 0. */
export function addOuter(half: u32, y: u32, n: u32): void {
  let at = half;
  for (let i: u32 = 0; i < n; i++) {
    const factor = v128.load64_splat(y + (i << 3));
    const end = ((i + 2) & ~1) << 3;
    for (let j: u32 = 0; j < end; j += 16) {
      v128.store(at, f64x2.add(v128.load(at), f64x2.mul(factor, v128.load(y + j))));
      at += 16;
    }
  }
}

/**
 * y'Ay, where `half` holds A's diagonal and its other entries twice; `y` as in `addOuter`. Never below 0, and Infinity where it
 * overflows.
 */
export function quadratic(half: u32, y: u32, n: u32): f64 {
  let at = half;
  let total = f64x2.splat(0);
  for (let i: u32 = 0; i < n; i++) {
    const end = ((i + 2) & ~1) << 3;
    let sum = f64x2.splat(0);
    for (let j: u32 = 0; j < end; j += 16) {
      sum = f64x2.add(sum, f64x2.mul(v128.load(at), v128.load(y + j)));
      at += 16;
    }
    total = f64x2.add(total, f64x2.mul(sum, v128.load64_splat(y + (i << 3))));
  }
  const result = f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
  if (result != result) return Infinity;
  return Math.max(0, result);
}

/** A half as a whole matrix. */
function unfold(half: u32, n: u32, matrix: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const row = half + halfRow(i);
    for (let j: u32 = 0; j <= i; j++) {
      const value = load<f64>(row + (j << 3));
      store<f64>(entry(matrix, n, i, j), value);
      store<f64>(entry(matrix, n, j, i), value);
    }
  }
}

/** A = LL' in the lower triangle; ln det A, or NaN where a pivot is too small. */
function factorise(matrix: u32, n: u32, largest: f64): f64 {
  let logDeterminant: f64 = 0;
  for (let j: u32 = 0; j < n; j++) {
    const rowJ = entry(matrix, n, j, 0);
    for (let i = j; i < n; i++) {
      const rowI = entry(matrix, n, i, 0);
      let sum = load<f64>(rowI + (j << 3));
      for (let k: u32 = 0; k < j << 3; k += 8) sum -= load<f64>(rowI + k) * load<f64>(rowJ + k);
      if (i > j) {
        store<f64>(rowI + (j << 3), sum / load<f64>(rowJ + (j << 3)));
        continue;
      }
      if (!(sum > PIVOT_MIN * largest)) return NaN;
      logDeterminant += Math.log(sum);
      store<f64>(rowJ + (j << 3), Math.sqrt(sum));
    }
  }
  return logDeterminant;
}

/** The inverse of LL' into a half, its entries off the diagonal twice; `inverse` is room for n x n. */
function invertFactor(factor: u32, n: u32, inverse: u32, half: u32): void {
  // Column by column of the inverse of L, kept as rows, so that the sums run along memory.
  for (let c: u32 = 0; c < n; c++) {
    const column = entry(inverse, n, c, 0);
    store<f64>(column + (c << 3), 1 / load<f64>(entry(factor, n, c, c)));
    for (let i = c + 1; i < n; i++) {
      const row = entry(factor, n, i, 0);
      let sum: f64 = 0;
      for (let k = c << 3; k < i << 3; k += 8) sum -= load<f64>(row + k) * load<f64>(column + k);
      store<f64>(column + (i << 3), sum / load<f64>(row + (i << 3)));
    }
  }
  for (let i: u32 = 0; i < n; i++) {
    for (let j: u32 = 0; j <= i; j++) {
      const a = entry(inverse, n, i, 0);
      const b = entry(inverse, n, j, 0);
      let sum: f64 = 0;
      for (let k = i << 3; k < n << 3; k += 8) sum += load<f64>(a + k) * load<f64>(b + k);
      store<f64>(half + halfRow(i) + (j << 3), i == j ? sum : 2 * sum);
    }
  }
}

/**
 * The pseudo-inverse of a covariance (a half) as a half whose entries off the diagonal are twice what they are, as `quadratic`
 * wants them. Directions whose eigenvalue is at most n * 2^-52 of the largest have none. Returns ln det, to which those directions
 * add the logarithm of that bound, so that it stays finite and comparable; -Infinity for no spread at all. `room` holds
 * `roomFor(n)` bytes.
 */
export function pseudoInverse(covariance: u32, n: u32, inverse: u32, room: u32): f64 {
  let largest: f64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    largest = Math.max(largest, load<f64>(covariance + halfRow(i) + (i << 3)));
  }
  memory.fill(inverse, 0, halfBytes(n));
  if (!(largest > 0)) return -Infinity;
  const second = room + ((n * n) << 3);
  unfold(covariance, n, room);
  const logDeterminant = factorise(room, n, largest);
  if (logDeterminant == logDeterminant) {
    invertFactor(room, n, second, inverse);
    return logDeterminant;
  }
  unfold(covariance, n, room);
  for (let at = room; at < second; at += 8) store<f64>(at, load<f64>(at) / largest);
  const values = second + ((n * n) << 3);
  eigenSymmetric(room, second, values, n);
  return invertByVectors(values, second, n, largest, inverse);
}

function invertByVectors(values: u32, vectors: u32, n: u32, scale: f64, inverse: u32): f64 {
  let top: f64 = 0;
  for (let i: u32 = 0; i < n; i++) top = Math.max(top, load<f64>(values + (i << 3)));
  const cutoff = top * EPSILON * (n as f64);
  let logDeterminant: f64 = 0;
  for (let e: u32 = 0; e < n; e++) {
    const value = load<f64>(values + (e << 3));
    logDeterminant += Math.log(Math.max(value, cutoff)) + Math.log(scale);
    if (value <= cutoff) continue;
    const vector = entry(vectors, n, e, 0);
    const factor: f64 = 1 / (value * scale);
    for (let i: u32 = 0; i < n; i++) {
      const row = inverse + halfRow(i);
      const x = load<f64>(vector + (i << 3)) * factor;
      for (let j: u32 = 0; j <= i; j++) {
        const product = x * load<f64>(vector + (j << 3));
        const at = row + (j << 3);
        store<f64>(at, load<f64>(at) + (i == j ? product : 2 * product));
      }
    }
  }
  return logDeterminant;
}
