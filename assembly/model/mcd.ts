/*
 * mcd: the squared Mahalanobis distance by the minimum covariance determinant (fast-mcd.ts), made consistent for normal rows (Croux
 * and Haesbroeck 1999) and reweighted: location and covariance of all rows whose corrected distance is below the 97.5 % quantile of
 * chi-square. One column: the shortest half (Rousseeuw and Leroy 1987). No more than linear in the rows, but see the bounds of
 * fast-mcd.ts.
 *
 *   score(x) = (x - location)' P (x - location), P the pseudo-inverse of the covariance
 *
 * A score beyond SCORE_MAX is SCORE_MAX, so that its parts, of both signs, are still float64s.
 *
 * Explanation: y_i (P y)_i with y = x - location, column by column; the baseline is 0. Exact: the parts of the sum that the score
 * is. One of them is below 0 where a column makes up for what the correlated others did.
 *
 * Body: location, f64, padded with 0 to an even number | P as a half, entries off the diagonal twice (linear-algebra.ts)
 */
import { chiSquareBelow, chiSquareQuantile } from "./chi-square";
import {
  covarianceOf,
  estimate,
  locationOf,
  McdSearch,
  measure,
  searchFor,
  searchMinimum,
} from "./fast-mcd";
import { halfBytes, halfRow, pseudoInverse, quadratic } from "./linear-algebra";
import { bodyOf, Model, modelAt } from "./model";
import { smallest } from "./select";
import { sortNumbers } from "./sort";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { fail, FAILED_NO_SPREAD, takeScratch, work } from "./work";

const KEPT_SHARE: f64 = 0.975;
/** A variance up to this cannot be inverted. */
const VARIANCE_MIN: f64 = 1e-250;
const SCORE_MAX: f64 = 1e300;
/** How far from the location a value counts. */
const FARTHEST: f64 = 1e300;

function padded(columns: u32): u32 {
  return (columns + 1) & ~1;
}

function inverseOf(body: u32, columns: u32): u32 {
  return body + (padded(columns) << 3);
}

function bodyBytesFor(columns: u32): u64 {
  return ((padded(columns) as u64) << 3) + (halfBytes(columns) as u64);
}

/** What a covariance of the share of rows that are nearest is too small by, at the normal distribution. */
function consistency(columns: u32, share: f64): f64 {
  if (share >= 1) return 1;
  return share / chiSquareBelow(chiSquareQuantile(share, columns), columns + 2);
}

export function trainMcd(training: Training): void {
  const count = training.count;
  const columns = training.columns;
  const body = beginModel(training, bodyBytesFor(columns));
  const aboutZero = parameter(training, 0) != 0;
  const search = searchFor(training.rows, count, columns, supportOf(training));
  const all = work((count as u64) << 2);
  for (let i: u32 = 0; i < count; i++) store<u32>(all + (i << 2), i);
  const raw = columns == 1 ? shortestHalf(search, all) : searchMinimum(search);
  if (aboutZero) estimate(search, all, search.kept, search.support, raw, true);
  invertSpread(search, raw);
  measure(search, all, count, locationOf(raw));
  const limit =
    chiSquareQuantile(KEPT_SHARE, columns) *
    consistency(columns, (search.support as f64) / (count as f64));
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (load<f64>(search.distances + (i << 3)) < limit) store<u32>(search.kept + (kept++ << 2), i);
  }
  if (kept == 0) fail(FAILED_NO_SPREAD);
  estimate(search, all, search.kept, kept, raw, aboutZero);
  const covariance = covarianceOf(raw, columns);
  const factor = consistency(columns, KEPT_SHARE);
  for (let at = covariance; at < covariance + halfBytes(columns); at += 8) {
    store<f64>(at, load<f64>(at) * factor);
  }
  invertSpread(search, raw);
  memory.copy(body, locationOf(raw), padded(columns) << 3);
  memory.copy(inverseOf(body, columns), search.inverse, halfBytes(columns));
  const model = modelAt(training.model);
  for (let i: u32 = 0; i < count; i++) {
    const score = distance(model, rowOf(training, i), search.centred);
    setScore(training, i, score);
    store<f64>(training.newScores + (i << 3), score);
  }
  training.hasNewScores = 1;
}

/** Rows whose covariance is sought: h. */
function supportOf(training: Training): u32 {
  const count = training.count as f64;
  const share = parameter(training, 1);
  const wanted =
    share == share
      ? Math.floor(share * count)
      : Math.ceil(0.5 * (count + (training.columns as f64) + 1));
  return Math.max(1, Math.min(count, wanted)) as u32;
}

/** The inverse of a candidate's covariance, at `search.inverse`; stops the training where it has no spread. */
function invertSpread(search: McdSearch, candidate: u32): void {
  const columns = search.columns;
  const covariance = covarianceOf(candidate, columns);
  let largest: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    largest = Math.max(largest, load<f64>(covariance + halfRow(c) + (c << 3)));
  }
  if (!(largest > VARIANCE_MIN)) fail(FAILED_NO_SPREAD);
  pseudoInverse(covariance, columns, search.inverse, search.matrices);
}

/** One column: the middle of the shortest interval that holds more than h rows, and the variance of the h rows nearest to it. */
function shortestHalf(search: McdSearch, all: u32): u32 {
  const count = search.count;
  const support = search.support;
  if (support >= count) {
    estimate(search, all, all, count, search.current);
    memory.copy(search.kept, all, count << 2);
    return search.current;
  }
  const sorted = search.distances;
  memory.copy(sorted, search.rows, count << 3);
  sortNumbers(sorted, count);
  let shortest: f64 = Infinity;
  let middles: f64 = 0;
  let ties: f64 = 0;
  for (let i: u32 = 0; i + support < count; i++) {
    const low = load<f64>(sorted + (i << 3));
    const high = load<f64>(sorted + ((i + support) << 3));
    if (high - low > shortest) continue;
    if (high - low < shortest) {
      shortest = high - low;
      middles = 0;
      ties = 0;
    }
    middles += 0.5 * low + 0.5 * high;
    ties += 1;
  }
  const location = middles / ties;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(search.rows + (i << 3));
    store<f64>(search.distances + (i << 3), Math.abs(value - location));
  }
  smallest(search.distances, count, support, search.kept, search.room);
  estimate(search, all, search.kept, support, search.current);
  store<f64>(locationOf(search.current), location);
  return search.current;
}

/** `y` is room for the padded row, of which what pads it is 0; it gets the row less the location. */
function distance(model: Model, row: u32, y: u32): f64 {
  const columns = model.columns;
  const body = bodyOf(model);
  for (let c: u32 = 0; c < columns << 3; c += 8) {
    const away = load<f64>(row + c) - load<f64>(body + c);
    store<f64>(y + c, Math.max(-FARTHEST, Math.min(FARTHEST, away)));
  }
  return Math.min(quadratic(inverseOf(body, columns), y, columns), SCORE_MAX);
}

function scratchRow(columns: u32): u32 {
  const y = takeScratch(padded(columns) << 3);
  store<f64>(y + ((padded(columns) - 1) << 3), 0);
  return y;
}

export function scoreMcd(model: Model, row: u32): f64 {
  return distance(model, row, scratchRow(model.columns));
}

export function explainMcd(model: Model, row: u32, out: u32): f64 {
  const columns = model.columns;
  const y = scratchRow(columns);
  const score = distance(model, row, y);
  memory.fill(out, 0, columns << 3);
  let farthest: u32 = 0;
  for (let c: u32 = 1; c < columns; c++) {
    if (Math.abs(load<f64>(y + (c << 3))) > Math.abs(load<f64>(y + (farthest << 3)))) farthest = c;
  }
  // Shares are the same of a row that is scaled, and its products stay within float64.
  const largest = Math.abs(load<f64>(y + (farthest << 3)));
  if (largest == 0) return 0;
  const total = addProducts(inverseOf(bodyOf(model), columns), y, 1 / largest, columns, out);
  if (!(total > 0)) {
    // Rounding has left no shares.
    memory.fill(out, 0, columns << 3);
    store<f64>(out + (farthest << 3), score);
    return 0;
  }
  for (let c: u32 = 0; c < columns << 3; c += 8) {
    store<f64>(out + c, (load<f64>(out + c) / total) * score);
  }
  return 0;
}

/** Adds y_i (P y)_i of the scaled row to every column's place in `out`; their sum. */
function addProducts(inverse: u32, y: u32, scale: f64, columns: u32, out: u32): f64 {
  let total: f64 = 0;
  for (let i: u32 = 0; i < columns; i++) {
    const entries = inverse + halfRow(i);
    const a = load<f64>(y + (i << 3)) * scale;
    for (let j: u32 = 0; j <= i; j++) {
      const product = load<f64>(entries + (j << 3)) * a * (load<f64>(y + (j << 3)) * scale);
      // Off the diagonal an entry is there twice, once for each of the two columns.
      const share = i == j ? product : 0.5 * product;
      if (i != j) store<f64>(out + (j << 3), load<f64>(out + (j << 3)) + share);
      store<f64>(out + (i << 3), load<f64>(out + (i << 3)) + share);
      total += product;
    }
  }
  return total;
}

export function checkMcd(model: Model): bool {
  const columns = model.columns;
  if (bodyBytesFor(columns) > (model.bodyBytes as u64)) return false;
  const body = bodyOf(model);
  const end = inverseOf(body, columns) + halfBytes(columns);
  for (let at = body; at < end; at += 8) {
    const value = load<f64>(at);
    if (value - value != 0) return false;
  }
  return true;
}
