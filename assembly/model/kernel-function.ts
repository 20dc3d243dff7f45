/*
 * Kernel functions of a row and many points at once. Points lie in groups of four, and a group column by column (four float64s
 * a column), so that a row meets four points in two registers and memory is read in order. `stride` is the points' number, a multiple
 * of 4.
 */
import { exponentials } from "./exponential";

export const KERNEL_RBF: u32 = 0;
export const KERNEL_LINEAR: u32 = 1;
export const KERNEL_POLY: u32 = 2;
export const KERNEL_SIGMOID: u32 = 3;

/** A kernel's value is cut to +-this, so that sums over all points stay finite. */
const VALUE_MAX: f64 = 1e300;

/** Which kernel: exp(-gamma |x - y|^2), x.y, (gamma x.y + coef0)^degree, tanh(gamma x.y + coef0). */
@unmanaged
export class KernelFunction {
  kind: u32; // 0
  /** 1 to 16 */
  degree: u32;
  gamma: f64; // 8
  coef0: f64; // 16
}

/** Where a point's value is among grouped points. */
export function pointAt(points: u32, columns: u32, point: u32, column: u32): u32 {
  return points + (((point >> 2) * columns + column) << 5) + ((point & 3) << 3);
}

/** What a kernel is a function of, for every point: the squared distance to the row (rbf) or the product with it. */
export function pairSums(
  kernel: KernelFunction,
  points: u32,
  stride: u32,
  columns: u32,
  row: u32,
  out: u32,
): void {
  const isDistance = kernel.kind == KERNEL_RBF;
  let at = points;
  for (let p: u32 = 0; p < stride << 3; p += 32) {
    let first = f64x2.splat(0);
    let second = f64x2.splat(0);
    if (isDistance) {
      for (let c: u32 = 0; c < columns; c++) {
        const x = v128.load64_splat(row + (c << 3));
        const a = f64x2.sub(v128.load(at), x);
        const b = f64x2.sub(v128.load(at, 16), x);
        first = f64x2.add(first, f64x2.mul(a, a));
        second = f64x2.add(second, f64x2.mul(b, b));
        at += 32;
      }
    } else {
      for (let c: u32 = 0; c < columns; c++) {
        const x = v128.load64_splat(row + (c << 3));
        first = f64x2.add(first, f64x2.mul(v128.load(at), x));
        second = f64x2.add(second, f64x2.mul(v128.load(at, 16), x));
        at += 32;
      }
    }
    v128.store(out + p, first);
    v128.store(out + p, second, 16);
  }
}

/** Column `column` of a row changes from `before` to `after`: what `pairSums` gave, brought up to date. */
export function movePairSums(
  kernel: KernelFunction,
  points: u32,
  stride: u32,
  columns: u32,
  column: u32,
  before: f64,
  after: f64,
  sums: u32,
): void {
  for (let p: u32 = 0; p < stride; p++) {
    const at = sums + (p << 3);
    const point = load<f64>(pointAt(points, columns, p, column));
    if (kernel.kind == KERNEL_RBF) {
      const old = point - before;
      const now = point - after;
      store<f64>(at, Math.max(0, load<f64>(at) - old * old) + now * now);
    } else {
      store<f64>(at, load<f64>(at) + point * (after - before));
    }
  }
}

function valueOf(kernel: KernelFunction, sum: f64): f64 {
  let value = sum;
  if (kernel.kind == KERNEL_POLY) {
    const base = kernel.gamma * sum + kernel.coef0;
    value = 1;
    for (let i: u32 = 0; i < kernel.degree; i++) value *= base;
  } else if (kernel.kind == KERNEL_SIGMOID) {
    value = Math.tanh(kernel.gamma * sum + kernel.coef0);
  }
  // A sum of overflowing products of both signs is no number; nothing can be said of it.
  if (value != value) return 0;
  return Math.min(Math.max(value, -VALUE_MAX), VALUE_MAX);
}

/** The kernel's values from sums, `count` (even) float64s from `sums` to `out`, which may be `sums`. */
export function kernelValues(kernel: KernelFunction, sums: u32, count: u32, out: u32): void {
  if (kernel.kind == KERNEL_RBF) {
    const factor = f64x2.splat(-kernel.gamma);
    for (let at: u32 = 0; at < count << 3; at += 16) {
      v128.store(out + at, exponentials(f64x2.mul(v128.load(sums + at), factor)));
    }
    return;
  }
  for (let at: u32 = 0; at < count << 3; at += 8) {
    store<f64>(out + at, valueOf(kernel, load<f64>(sums + at)));
  }
}

/** The kernel of a row with itself. */
export function kernelOfSelf(kernel: KernelFunction, row: u32, columns: u32): f64 {
  if (kernel.kind == KERNEL_RBF) return 1;
  let sum: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const x = load<f64>(row + (c << 3));
    sum += x * x;
  }
  return valueOf(kernel, sum);
}
