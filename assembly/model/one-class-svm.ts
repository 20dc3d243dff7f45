/*
 * one_class_svm: the support of the rows (Schoelkopf and others 2001), solved by sequential minimal optimisation with the second
 * order's choice of the working set (Fan, Chen and Lin 2005), as libsvm and with its start: the first nu * n multipliers at 1.
 *
 *   min 1/2 a'Ka, 0 <= a_i <= 1, sum a = nu * n;   score(x) = rho - sum a_i K(x_i, x), positive outside of the support
 *
 * `shrinking` is taken and changes nothing: it is a shortcut of libsvm's on the way to the same solution.
 *
 * Rows of the kernel matrix are float32, as libsvm's, and made when first asked for; all of them stay. So rows are bounded:
 * above ROWS_MAX it trains on a seeded sample of ROWS_MAX rows without replacement (4,096 rows are at most 64 MiB, take about
 * 0.2 s, and keep a score below 20 us, since it costs a kernel's value for every support vector).
 *
 * Explanation: the row is reached from the column-wise median of the support vectors, one column after another, from the first
 * to the last and from the last to the first; a column's contribution is the mean of what its two steps did to the score. The
 * baseline is the score of that median.
 *
 * Body: SvmBody | multipliers, `stride` f64 | reference row, f64 | vectors in groups of four (kernel-function.ts); what pads
 * the last group has the multiplier 0.
 */
import { sampleWithout } from "../rng";
import {
  KERNEL_RBF,
  KERNEL_SIGMOID,
  KernelFunction,
  kernelValues,
  movePairSums,
  pairSums,
  pointAt,
} from "./kernel-function";
import { align16, bodyOf, Model, modelAt } from "./model";
import { median } from "./preparation";
import { minimise, multipliersOf, offsetOf, solverFor } from "./smo";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { beginScratch, releaseWork, takeScratch, work, workTop } from "./work";

const ROWS_MAX: u32 = 4096;

@unmanaged
class SvmBody {
  kernel: u32; // 0, as KernelFunction from here
  degree: u32;
  gamma: f64; // 8
  coef0: f64; // 16
  rho: f64; // 24
  vectors: u32; // 32
  /** vectors, rounded up to a multiple of 4 */
  stride: u32;
}

const BODY_HEADER: u32 = 48;

function svmOf(model: Model): SvmBody {
  return changetype<SvmBody>(bodyOf(model));
}

function kernelOf(body: SvmBody): KernelFunction {
  return changetype<KernelFunction>(changetype<u32>(body));
}

function multipliers(body: SvmBody): u32 {
  return changetype<u32>(body) + BODY_HEADER;
}

function referenceOf(body: SvmBody): u32 {
  return multipliers(body) + (body.stride << 3);
}

function vectorsOf(body: SvmBody, columns: u32): u32 {
  return referenceOf(body) + align16(columns << 3);
}

function bodyBytesFor(stride: u32, columns: u32): u64 {
  const vectors = (stride as u64) * (columns as u64) * 8;
  return (BODY_HEADER as u64) + ((stride as u64) << 3) + (align16(columns << 3) as u64) + vectors;
}

export function trainOneClassSvm(training: Training): void {
  const columns = training.columns;
  const kernel = changetype<KernelFunction>(work(offsetof<KernelFunction>()));
  const gamma = parameter(training, 2);
  kernel.kind = parameter(training, 0) as u32;
  kernel.degree = parameter(training, 1) as u32;
  kernel.gamma = gamma == gamma ? gamma : 1 / (columns as f64);
  kernel.coef0 = parameter(training, 3);
  const rows = training.count < ROWS_MAX ? training.count : ROWS_MAX;
  const sample = work((rows as u64) << 2);
  if (rows == training.count) {
    for (let i: u32 = 0; i < rows; i++) store<u32>(sample + (i << 2), i);
  } else {
    sampleWithout(rows, training.count, sample);
  }
  const solver = solverFor(training, kernel, sample, rows);
  minimise(solver, parameter(training, 5), parameter(training, 4));
  writeModel(training, kernel, sample, rows, multipliersOf(solver), offsetOf(solver));
  const model = modelAt(training.model);
  model.sampled = rows;
  for (let i: u32 = 0; i < training.count; i++) {
    beginScratch();
    const score = scoreOneClassSvm(model, rowOf(training, i));
    setScore(training, i, score);
    store<f64>(training.newScores + (i << 3), score);
  }
  training.hasNewScores = 1;
}

function writeModel(
  training: Training,
  kernel: KernelFunction,
  sample: u32,
  rows: u32,
  alphas: u32,
  rho: f64,
): void {
  const columns = training.columns;
  let vectors: u32 = 0;
  for (let i: u32 = 0; i < rows; i++) if (load<f64>(alphas + (i << 3)) > 0) vectors++;
  const stride = (vectors + 3) & ~3;
  const body = changetype<SvmBody>(beginModel(training, bodyBytesFor(stride, columns)));
  body.kernel = kernel.kind;
  body.degree = kernel.degree;
  body.gamma = kernel.gamma;
  body.coef0 = kernel.coef0;
  body.rho = rho;
  body.vectors = vectors;
  body.stride = stride;
  const mark = workTop();
  const rowsOfVectors = work(((vectors as u64) * (columns as u64)) << 3);
  let v: u32 = 0;
  for (let i: u32 = 0; i < rows; i++) {
    const alpha = load<f64>(alphas + (i << 3));
    if (alpha <= 0) continue;
    store<f64>(multipliers(body) + (v << 3), alpha);
    const row = rowOf(training, load<u32>(sample + (i << 2)));
    memory.copy(rowsOfVectors + v * (columns << 3), row, columns << 3);
    for (let c: u32 = 0; c < columns; c++) {
      store<f64>(pointAt(vectorsOf(body, columns), columns, v, c), load<f64>(row + (c << 3)));
    }
    v++;
  }
  for (let c: u32 = 0; c < columns; c++) {
    store<f64>(referenceOf(body) + (c << 3), median(rowsOfVectors, vectors, columns, c));
  }
  releaseWork(mark);
}

/** The score from `pairSums`; `values` is room for `stride` float64s, which may be where the sums are. */
function scoreFromSums(body: SvmBody, sums: u32, values: u32): f64 {
  const stride = body.stride;
  kernelValues(kernelOf(body), sums, stride, values);
  let total = f64x2.splat(0);
  const alphas = multipliers(body);
  for (let at: u32 = 0; at < stride << 3; at += 16) {
    total = f64x2.add(total, f64x2.mul(v128.load(alphas + at), v128.load(values + at)));
  }
  return body.rho - (f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1));
}

export function scoreOneClassSvm(model: Model, row: u32): f64 {
  const body = svmOf(model);
  const columns = model.columns;
  const sums = takeScratch(body.stride << 3);
  pairSums(kernelOf(body), vectorsOf(body, columns), body.stride, columns, row, sums);
  return scoreFromSums(body, sums, sums);
}

export function explainOneClassSvm(model: Model, row: u32, out: u32): f64 {
  const body = svmOf(model);
  const columns = model.columns;
  const stride = body.stride;
  const kernel = kernelOf(body);
  const reference = referenceOf(body);
  const vectors = vectorsOf(body, columns);
  const sums = takeScratch(stride << 3);
  const values = takeScratch(stride << 3);
  pairSums(kernel, vectors, stride, columns, row, sums);
  const score = scoreFromSums(body, sums, values);
  memory.fill(out, 0, columns << 3);
  let baseline: f64 = 0;
  for (let way: u32 = 0; way < 2; way++) {
    pairSums(kernel, vectors, stride, columns, reference, sums);
    baseline = scoreFromSums(body, sums, values);
    let before = baseline;
    for (let step: u32 = 0; step < columns; step++) {
      const c = way == 0 ? step : columns - 1 - step;
      const from = load<f64>(reference + (c << 3));
      const to = load<f64>(row + (c << 3));
      movePairSums(kernel, vectors, stride, columns, c, from, to, sums);
      // The last step ends at the row itself, whatever rounding the way there has gathered.
      const after = step + 1 == columns ? score : scoreFromSums(body, sums, values);
      store<f64>(out + (c << 3), load<f64>(out + (c << 3)) + 0.5 * (after - before));
      before = after;
    }
  }
  return baseline;
}

function isFinite64(value: f64): bool {
  return value - value == 0;
}

export function checkOneClassSvm(model: Model): bool {
  if (model.bodyBytes < BODY_HEADER) return false;
  const body = svmOf(model);
  if (body.kernel > KERNEL_SIGMOID || body.degree < 1 || body.degree > 16) return false;
  if (body.vectors > body.stride || body.stride > ROWS_MAX || (body.stride & 3) != 0) return false;
  if (bodyBytesFor(body.stride, model.columns) > (model.bodyBytes as u64)) return false;
  if (!isFinite64(body.gamma) || !isFinite64(body.coef0) || !(Math.abs(body.rho) <= 1e306)) {
    return false;
  }
  if (body.kernel == KERNEL_RBF && !(body.gamma >= 0)) return false;
  for (let v: u32 = 0; v < body.stride; v++) {
    const alpha = load<f64>(multipliers(body) + (v << 3));
    if (!(alpha >= 0 && alpha <= 1)) return false;
  }
  const end = vectorsOf(body, model.columns) + ((body.stride * model.columns) << 3);
  for (let at = referenceOf(body); at < end; at += 8) {
    if (!isFinite64(load<f64>(at))) return false;
  }
  return true;
}
