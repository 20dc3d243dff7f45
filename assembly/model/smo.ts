/*
 * Sequential minimal optimisation of the one-class dual (one-class-svm.ts): two multipliers at a time, which are chosen by the
 * largest violation and the second-order gain (Fan, Chen and Lin 2005, WSS 2), until the violation is below `tolerance`.
 */
import {
  KERNEL_RBF,
  KernelFunction,
  kernelOfSelf,
  kernelValues,
  pairSums,
  pointAt,
} from "./kernel-function";
import { rowOf, Training } from "./training";
import { fail, FAILED_OVERFLOW, work, zeroedWork } from "./work";

/** Stands for a curvature that is not positive. */
const CURVATURE_MIN: f64 = 1e-12;
/** Beyond, float32 rows of the kernel matrix and the squares of their differences would overflow. */
const KERNEL_MAX: f64 = 1e30;
/** Steps x rows at most, a few seconds: a kernel that is not positive definite, or values of very different sizes, might take forever. */
const STEP_ROWS_MAX: u64 = 600_000_000;

@unmanaged
export class Solver {
  kernel: KernelFunction; // 0
  training: Training;
  /** u32 row numbers of the training, `rows` of them. */
  sample: u32; // 8
  rows: u32;
  /** rows, rounded up to a multiple of 4 */
  stride: u32; // 16
  /** The rows in groups of four (kernel-function.ts). */
  points: u32;
  /** f64 a row */
  alphas: u32; // 24
  gradient: u32;
  diagonal: u32; // 32
  /** f32, stride a row; a row is made when first asked for. */
  matrix: u32;
  /** A byte a row: whether it is made. */
  made: u32; // 40
  values: u32;
}

export function multipliersOf(solver: Solver): u32 {
  return solver.alphas;
}

export function solverFor(
  training: Training,
  kernel: KernelFunction,
  sample: u32,
  rows: u32,
): Solver {
  const solver = changetype<Solver>(work(offsetof<Solver>()));
  const columns = training.columns;
  const stride = (rows + 3) & ~3;
  solver.kernel = kernel;
  solver.training = training;
  solver.sample = sample;
  solver.rows = rows;
  solver.stride = stride;
  solver.points = zeroedWork(((stride as u64) * (columns as u64)) << 3);
  solver.alphas = zeroedWork((stride as u64) << 3);
  solver.gradient = zeroedWork((stride as u64) << 3);
  solver.diagonal = zeroedWork((stride as u64) << 3);
  solver.made = zeroedWork(rows as u64);
  solver.values = work((stride as u64) << 3);
  solver.matrix = work(((stride as u64) * (rows as u64)) << 2);
  for (let i: u32 = 0; i < rows; i++) {
    const row = rowOf(training, load<u32>(sample + (i << 2)));
    for (let c: u32 = 0; c < columns; c++) {
      store<f64>(pointAt(solver.points, columns, i, c), load<f64>(row + (c << 3)));
    }
    const self = kernelOfSelf(kernel, row, columns);
    if (!(Math.abs(self) <= KERNEL_MAX)) fail(FAILED_OVERFLOW);
    store<f64>(solver.diagonal + (i << 3), self);
  }
  return solver;
}

/** A row of the kernel matrix. */
function matrixRow(solver: Solver, i: u32): u32 {
  const stride = solver.stride;
  const at = solver.matrix + i * (stride << 2);
  if (load<u8>(solver.made + i) != 0) return at;
  const columns = solver.training.columns;
  const row = rowOf(solver.training, load<u32>(solver.sample + (i << 2)));
  pairSums(solver.kernel, solver.points, stride, columns, row, solver.values);
  kernelValues(solver.kernel, solver.values, stride, solver.values);
  const isBounded = solver.kernel.kind == KERNEL_RBF;
  for (let k: u32 = 0; k < stride; k += 2) {
    const pair = v128.load(solver.values + (k << 3));
    if (!isBounded) {
      const fits = f64x2.le(f64x2.abs(pair), f64x2.splat(KERNEL_MAX));
      if (!i64x2.all_true(fits)) fail(FAILED_OVERFLOW);
    }
    v128.store64_lane(at + (k << 2), f32x4.demote_f64x2_zero(pair), 0);
  }
  store<u8>(solver.made + i, 1);
  return at;
}

/** gradient += first * a + second * b, over rows of the matrix. */
function addRows(solver: Solver, first: u32, a: f64, second: u32, b: f64): void {
  const factorA = f64x2.splat(a);
  const factorB = f64x2.splat(b);
  for (let k: u32 = 0; k < solver.stride; k += 2) {
    const at = solver.gradient + (k << 3);
    const x = f64x2.promote_low_f32x4(v128.load64_zero(first + (k << 2)));
    const y = f64x2.promote_low_f32x4(v128.load64_zero(second + (k << 2)));
    const change = f64x2.add(f64x2.mul(x, factorA), f64x2.mul(y, factorB));
    v128.store(at, f64x2.add(v128.load(at), change));
  }
}

/** libsvm's start: as many multipliers as the sum has room for are 1, the next one takes the rest. */
function start(solver: Solver, nu: f64): void {
  const total = nu * (solver.rows as f64);
  let left = total;
  for (let i: u32 = 0; i < solver.rows && left > 0; i++) {
    const alpha = Math.min(1, left);
    left -= alpha;
    store<f64>(solver.alphas + (i << 3), alpha);
    const row = matrixRow(solver, i);
    addRows(solver, row, alpha, row, 0);
  }
}

/** Row that most wants to grow: below its bound, the smallest gradient. `rows` = none. */
function growing(solver: Solver): u32 {
  let best = solver.rows;
  let lowest: f64 = Infinity;
  for (let k: u32 = 0; k < solver.rows; k++) {
    const g = load<f64>(solver.gradient + (k << 3));
    if (g <= lowest && load<f64>(solver.alphas + (k << 3)) < 1) {
      lowest = g;
      best = k;
    }
  }
  return best;
}

/** Row whose shrinking against `i` gains most; `rows` = none, or the violation is below the tolerance. */
function shrinking(solver: Solver, i: u32, row: u32, tolerance: f64): u32 {
  const gradient = solver.gradient;
  const diagonal = solver.diagonal;
  const lowest = load<f64>(gradient + (i << 3));
  const self = load<f64>(diagonal + (i << 3));
  let best = solver.rows;
  let gain: f64 = Infinity;
  let highest: f64 = -Infinity;
  for (let k: u32 = 0; k < solver.rows; k++) {
    if (!(load<f64>(solver.alphas + (k << 3)) > 0)) continue;
    const g = load<f64>(gradient + (k << 3));
    if (g > highest) highest = g;
    const slope = g - lowest;
    if (!(slope > 0)) continue;
    const bend = self + load<f64>(diagonal + (k << 3)) - 2 * (load<f32>(row + (k << 2)) as f64);
    const change = -(slope * slope) / (bend > 0 ? bend : CURVATURE_MIN);
    if (change <= gain) {
      gain = change;
      best = k;
    }
  }
  return highest - lowest < tolerance ? solver.rows : best;
}

/** Moves the sum of two multipliers from `j` to `i`, as far as their bounds allow. */
function move(solver: Solver, i: u32, j: u32, first: u32): void {
  const atI = solver.alphas + (i << 3);
  const atJ = solver.alphas + (j << 3);
  const second = matrixRow(solver, j);
  const bend =
    load<f64>(solver.diagonal + (i << 3)) +
    load<f64>(solver.diagonal + (j << 3)) -
    2 * (load<f32>(first + (j << 2)) as f64);
  const slope = load<f64>(solver.gradient + (j << 3)) - load<f64>(solver.gradient + (i << 3));
  const wanted = slope / (bend > 0 ? bend : CURVATURE_MIN);
  const oldI = load<f64>(atI);
  const oldJ = load<f64>(atJ);
  const sum = oldI + oldJ;
  let newI = oldI + wanted;
  let newJ = oldJ - wanted;
  if (sum > 1) {
    if (newI > 1) {
      newI = 1;
      newJ = sum - 1;
    }
  } else if (newJ < 0) {
    newJ = 0;
    newI = sum;
  }
  store<f64>(atI, newI);
  store<f64>(atJ, newJ);
  addRows(solver, first, newI - oldI, second, newJ - oldJ);
}

/** Solves; nu in (0, 1]. Ends at the tolerance or at the bound on steps. */
export function minimise(solver: Solver, nu: f64, tolerance: f64): void {
  start(solver, nu);
  const steps = STEP_ROWS_MAX / (solver.rows as u64);
  for (let step: u64 = 0; step < steps; step++) {
    const i = growing(solver);
    if (i == solver.rows) return;
    const row = matrixRow(solver, i);
    const j = shrinking(solver, i, row, tolerance);
    if (j == solver.rows) return;
    move(solver, i, j, row);
  }
}

/**
 * rho: the mean gradient of the rows whose multipliers are between their bounds, else the middle of what the bounds leave; where
 * they leave one side open (nu = 1), the other side.
 */
export function offsetOf(solver: Solver): f64 {
  let free: u32 = 0;
  let sum: f64 = 0;
  let above: f64 = Infinity;
  let below: f64 = -Infinity;
  for (let k: u32 = 0; k < solver.rows; k++) {
    const g = load<f64>(solver.gradient + (k << 3));
    const alpha = load<f64>(solver.alphas + (k << 3));
    if (alpha >= 1) below = Math.max(below, g);
    else if (alpha <= 0) above = Math.min(above, g);
    else {
      free++;
      sum += g;
    }
  }
  if (free > 0) return sum / (free as f64);
  if (above == Infinity) return below;
  if (below == -Infinity) return above;
  return (above + below) / 2;
}
