/*
 * Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then the QL method with implicit
 * shifts (Golub and Van Loan, 8.3). All sums run along rows, two lanes at a time.
 */

const EPSILON: f64 = 2.220446049250313e-16;
/** Entries off the diagonal that count as 0, beside a matrix whose largest entry is about 1. */
const OFF_MIN: f64 = 1e-22;
const ROUNDS_MAX: u32 = 60;

function dot(a: u32, b: u32, count: u32): f64 {
  let total = f64x2.splat(0);
  const even = (count & ~1) << 3;
  for (let k: u32 = 0; k < even; k += 16) {
    total = f64x2.add(total, f64x2.mul(v128.load(a + k), v128.load(b + k)));
  }
  const sum = f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
  return (count & 1) != 0 ? sum + load<f64>(a + even) * load<f64>(b + even) : sum;
}

/** a += factor * b */
function addTimes(a: u32, b: u32, factor: f64, count: u32): void {
  const both = f64x2.splat(factor);
  const even = (count & ~1) << 3;
  for (let k: u32 = 0; k < even; k += 16) {
    v128.store(a + k, f64x2.add(v128.load(a + k), f64x2.mul(both, v128.load(b + k))));
  }
  if ((count & 1) != 0) store<f64>(a + even, load<f64>(a + even) + factor * load<f64>(b + even));
}

/** (a, b) = (c a - s b, s a + c b) */
function turn(a: u32, b: u32, c: f64, s: f64, count: u32): void {
  const cosine = f64x2.splat(c);
  const sine = f64x2.splat(s);
  const even = (count & ~1) << 3;
  for (let k: u32 = 0; k < even; k += 16) {
    const x = v128.load(a + k);
    const y = v128.load(b + k);
    v128.store(a + k, f64x2.sub(f64x2.mul(cosine, x), f64x2.mul(sine, y)));
    v128.store(b + k, f64x2.add(f64x2.mul(sine, x), f64x2.mul(cosine, y)));
  }
  if ((count & 1) == 0) return;
  const x = load<f64>(a + even);
  const y = load<f64>(b + even);
  store<f64>(a + even, c * x - s * y);
  store<f64>(b + even, s * x + c * y);
}

/**
 * Eigenvalues (f64 x n, in no order) of a symmetric matrix (n x n, finite, its largest entry about 1), eigenvectors as rows of
 * `vectors`. The matrix is used up; behind `values` there is room for 2 n float64s more.
 */
export function eigenSymmetric(matrix: u32, vectors: u32, values: u32, n: u32): void {
  const row = n << 3;
  const off = values + row;
  reduce(matrix, values, off, off + row, n);
  memory.fill(vectors, 0, n * row);
  for (let i: u32 = 0; i < n; i++) store<f64>(vectors + i * row + (i << 3), 1);
  // Reflections were kept where the entries that they made 0 had been, their factors on the diagonal.
  for (let next = n > 2 ? n - 2 : 0; next > 0; next--) {
    const k = next - 1;
    const place = (k + 1) << 3;
    const reflection = matrix + k * row + place;
    const factor = load<f64>(matrix + k * row + (k << 3));
    if (factor == 0) continue;
    for (let r = k + 1; r < n; r++) {
      const at = vectors + r * row + place;
      addTimes(at, reflection, -factor * dot(at, reflection, n - k - 1), n - k - 1);
    }
  }
  for (let l: u32 = 0; l < n; l++) {
    for (let round: u32 = 0; round < ROUNDS_MAX; round++) {
      const m = blockEnd(values, off, l, n);
      if (m == l) break;
      shift(values, off, vectors, l, m, n);
    }
  }
}

/** To three diagonals: `values` and, between i and i + 1, `off`; `room` holds n float64s. */
function reduce(matrix: u32, values: u32, off: u32, room: u32, n: u32): void {
  const row = n << 3;
  for (let k: u32 = 0; k < n; k++) {
    const diagonal = matrix + k * row + (k << 3);
    store<f64>(values + (k << 3), load<f64>(diagonal));
    store<f64>(off + (k << 3), k + 1 < n ? load<f64>(diagonal, 8) : 0);
    store<f64>(diagonal, 0);
    if (k + 2 >= n) continue;
    const count = n - k - 1;
    const v = diagonal + 8;
    if (dot(v + 8, v + 8, count - 1) == 0) continue;
    const first = load<f64>(v);
    const length = Math.sqrt(dot(v, v, count));
    const end = first > 0 ? -length : length;
    store<f64>(v, first - end);
    const factor: f64 = 2 / dot(v, v, count);
    store<f64>(off + (k << 3), end);
    store<f64>(diagonal, factor);
    // A -= v w' + w v' with w = factor A v - (factor / 2 * v' factor A v) v
    const below = v + row;
    for (let i: u32 = 0; i < count; i++) {
      store<f64>(room + (i << 3), factor * dot(below + i * row, v, count));
    }
    addTimes(room, v, -0.5 * factor * dot(room, v, count), count);
    for (let i: u32 = 0; i < count; i++) {
      addTimes(below + i * row, room, -load<f64>(v + (i << 3)), count);
      addTimes(below + i * row, v, -load<f64>(room + (i << 3)), count);
    }
  }
}

/** The last place of the block that begins at `l`: behind it the matrix falls apart. */
function blockEnd(values: u32, off: u32, l: u32, n: u32): u32 {
  let m = l;
  for (; m + 1 < n; m++) {
    const at = values + (m << 3);
    const size = Math.abs(load<f64>(at)) + Math.abs(load<f64>(at, 8));
    if (Math.abs(load<f64>(off + (m << 3))) <= EPSILON * size + OFF_MIN) break;
  }
  return m;
}

/** One QL step with Wilkinson's shift on the block from l to m. */
function shift(values: u32, off: u32, vectors: u32, l: u32, m: u32, n: u32): void {
  const row = n << 3;
  const start = load<f64>(values + (l << 3));
  const between = load<f64>(off + (l << 3));
  const half = (load<f64>(values + (l << 3), 8) - start) / (2 * between);
  const radius = Math.sqrt(half * half + 1);
  let g = load<f64>(values + (m << 3)) - start + between / (half + (half < 0 ? -radius : radius));
  let s: f64 = 1;
  let c: f64 = 1;
  let p: f64 = 0;
  for (let i = m; i > l; i--) {
    // The rotation of rows i - 1 and i.
    const at = (i - 1) << 3;
    const f = s * load<f64>(off + at);
    const b = c * load<f64>(off + at);
    let r = Math.sqrt(f * f + g * g);
    store<f64>(off + at, r, 8);
    if (r == 0) {
      store<f64>(values + at, load<f64>(values + at, 8) - p, 8);
      store<f64>(off + (m << 3), 0);
      return;
    }
    s = f / r;
    c = g / r;
    g = load<f64>(values + at, 8) - p;
    r = (load<f64>(values + at) - g) * s + 2 * c * b;
    p = s * r;
    store<f64>(values + at, g + p, 8);
    g = c * r - b;
    const vector = vectors + (i - 1) * row;
    turn(vector, vector + row, c, s, n);
  }
  store<f64>(values + (l << 3), load<f64>(values + (l << 3)) - p);
  store<f64>(off + (l << 3), g);
  store<f64>(off + (m << 3), 0);
}
