/*
 * Raw scores as scores that people can read.
 *
 * `calibrated` is conformal: p = the share of training scores at or above the raw score, with the row itself among them and ties
 * by half (Vovk's smoothed p-value at its middle): p(v) = (above + (equal + 1) / 2) / (count + 1) at every training score v, straight
 * lines in between. So p falls strictly where training scores differ, and of ordinary rows about a share c has p < c.
 *
 *   score = 0.5 (1 - p) / (1 - c) where p >= c, else 0.5 + 0.5 (1 - p / c)
 *
 * Above the largest training score p goes on as a generalised Pareto that is fitted to the largest tenth of the scores (at least ten,
 * where there are so many) by probability-weighted moments (Hosking and Wallis 1987). Its shape is held within 1/4..3/4, with the mean
 * excess kept: lighter tails would end, and beyond their end scores could not be told apart any more (with 1/4 and a window of 1,000
 * rows float64 tells scores apart up to 10,000 tail widths beyond the window), and of heavier ones the mean says nothing. Below the
 * smallest score p goes to 1 by 1 / (1 + distance / deviation).
 *
 * Knots: half of them values, ascending, filled up with infinity; half their p. With more different training scores than fit, the
 * largest R have a knot each, and below them there is one every r / R ranks, r being the rank from the top; R is the largest that fits
 * (about 150 of 50,000 rows with 1,024 knots). p is then exact at the knots and off by at most 1 / R of itself in between.
 */
import { knotsOf, Model } from "./model";
import { percentile } from "./preparation";
import { sortNumbers } from "./sort";
import { releaseWork, work, workTop } from "./work";

export const NORMALIZE_RAW: u32 = 0;
export const NORMALIZE_CALIBRATED: u32 = 1;
export const NORMALIZE_LLAMAFARM_STREAM: u32 = 2;
export const NORMALIZE_STANDARDIZATION: u32 = 3;
export const NORMALIZE_ZSCORE: u32 = 4;

/** Training scores, and raw scores while p is found, are held within this, so that their differences are finite. */
const RAW_MAX: f64 = 8.9e307;
const SHAPE_MIN: f64 = 0.25;
const SHAPE_MAX: f64 = 0.75;
/** With fewer scores in the tail than this their moments say nothing of its shape, which is then the middle of the range. */
const TAIL_ROWS: u32 = 10;
/** A tail is at least this wide beside its beginning: what is narrower is rounding. */
const TAIL_WIDTH_MIN: f64 = 1e-12;
/** Of `standardization`, as LlamaFarm clips it. */
const EXPONENT_MAX: f64 = 700;

/** Fills the model's statistics and knots from its training rows' own scores and their scores as new rows, `count` each. */
export function calibrate(model: Model, scores: u32, newScores: u32, count: u32): void {
  const mark = workTop();
  const asNew = sortWithin(newScores, count);
  fillStatistics(model, asNew, count);
  fillThreshold(model, asNew, count);
  releaseWork(mark);
  const own = sortWithin(scores, count);
  model.rawThreshold = percentile(own, count, 1 - model.contamination);
  fillKnots(model, own, count);
  fitTail(model, own, count);
  releaseWork(mark);
}

/** Ranks raw scores among these from now on, instead of the training rows' own. */
export function rankAmong(model: Model, scores: u32, count: u32): void {
  const mark = workTop();
  const sorted = sortWithin(scores, count);
  fillKnots(model, sorted, count);
  fitTail(model, sorted, count);
  releaseWork(mark);
}

/** A sorted copy in work memory, of scores whose differences are finite. */
function sortWithin(scores: u32, count: u32): u32 {
  const sorted = work((count as u64) << 3);
  for (let i: u32 = 0; i < count; i++) {
    store<f64>(sorted + (i << 3), rawWithin(load<f64>(scores + (i << 3))));
  }
  sortNumbers(sorted, count);
  return sorted;
}

function fillStatistics(model: Model, sorted: u32, count: u32): void {
  const least = load<f64>(sorted);
  const most = load<f64>(sorted + ((count - 1) << 3));
  model.quarter = percentile(sorted, count, 0.25);
  model.median = percentile(sorted, count, 0.5);
  model.threeQuarters = percentile(sorted, count, 0.75);
  if (least == most) {
    model.mean = least;
    model.deviation = 1;
    return;
  }
  // Powers of two keep sums and squares of huge and of tiny scores within float64, and change no bit of the others.
  const largest = max(Math.abs(least), Math.abs(most));
  const factor: f64 = largest > 1e140 ? 2 ** -540 : largest < 1e-140 ? 2 ** 540 : 1;
  let sum: f64 = 0;
  for (let i: u32 = 0; i < count; i++) sum += load<f64>(sorted + (i << 3)) * factor;
  const mean = sum / (count as f64);
  let squares: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const delta = load<f64>(sorted + (i << 3)) * factor - mean;
    squares += delta * delta;
  }
  const deviation = Math.sqrt(squares / (count as f64)) / factor;
  model.mean = max(least, min(most, mean / factor));
  model.deviation = deviation > 0 && deviation < Infinity ? deviation : 1;
}

/** Between the same two scores as numpy's linear percentile, (1 - contamination) * 100. */
function fillThreshold(model: Model, sorted: u32, count: u32): void {
  const place = (((1 - model.contamination) * 100) / 100) * ((count - 1) as f64);
  const below = Math.floor(place) as u32;
  model.lowerThreshold = load<f64>(sorted + (below << 3));
  model.upperThreshold = load<f64>(sorted + (min(below + 1, count - 1) << 3));
  model.thresholdPart = place - Math.floor(place);
}

/**
 * The contamination quantile of the training rows' normalized scores as new rows: numpy's linear percentile of those scores, which is
 * not the same as the normalized percentile of the raw ones.
 */
export function thresholdOf(model: Model, normalization: u32): f64 {
  const a = normalize(model, model.lowerThreshold, normalization);
  const b = normalize(model, model.upperThreshold, normalization);
  const t = model.thresholdPart;
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

function rawWithin(raw: f64): f64 {
  return max(-RAW_MAX, min(RAW_MAX, raw));
}

/** Scores above the group of equals that `index` of the sorted ones is in. */
function aboveGroup(sorted: u32, count: u32, index: u32): u32 {
  const value = load<f64>(sorted + (index << 3));
  let last = index;
  while (last + 1 < count && load<f64>(sorted + ((last + 1) << 3)) == value) last++;
  return count - 1 - last;
}

/** The first of the group of equals that `index` is in. */
function groupStart(sorted: u32, index: u32): u32 {
  const value = load<f64>(sorted + (index << 3));
  let first = index;
  while (first > 0 && load<f64>(sorted + ((first - 1) << 3)) == value) first--;
  return first;
}

/**
 * Walks from the largest score down, a knot for each of the largest `exact` and then one every rank / exact. Writes knots from
 * `values` + capacity downwards where `values` is not 0. Their number; more than capacity = too many.
 */
function placeKnots(sorted: u32, count: u32, exact: u32, values: u32, capacity: u32): u32 {
  let placed: u32 = 0;
  let rank: u32 = 0;
  while (placed <= capacity) {
    const index = count - 1 - rank;
    const first = groupStart(sorted, index);
    if (values != 0 && placed < capacity) {
      const at = values + ((capacity - 1 - placed) << 3);
      const above = aboveGroup(sorted, count, index);
      const equal = (count - above - first) as f64;
      store<f64>(at, load<f64>(sorted + (index << 3)));
      store<f64>(at + (capacity << 3), ((above as f64) + (equal + 1) * 0.5) / ((count as f64) + 1));
    }
    placed++;
    if (first == 0) break;
    const next = min(count - 1, rank + max<u32>(1, rank / exact));
    rank = max(next, count - first);
  }
  return placed;
}

function fillKnots(model: Model, sorted: u32, count: u32): void {
  const capacity = model.knots >> 1;
  const values = knotsOf(model);
  const shares = values + (capacity << 3);
  let exact = count;
  if (placeKnots(sorted, count, exact, 0, capacity) > capacity) {
    let tooMany = exact;
    exact = 1;
    while (tooMany - exact > 1) {
      const middle = (exact + tooMany) >> 1;
      if (placeKnots(sorted, count, middle, 0, capacity) > capacity) tooMany = middle;
      else exact = middle;
    }
  }
  const placed = placeKnots(sorted, count, exact, values, capacity);
  const unused = capacity - placed;
  memory.copy(values, values + (unused << 3), placed << 3);
  memory.copy(shares, shares + (unused << 3), placed << 3);
  for (let i = placed; i < capacity; i++) {
    store<f64>(values + (i << 3), Infinity);
    store<f64>(shares + (i << 3), 0);
  }
  model.tailShare = load<f64>(shares + ((placed - 1) << 3));
}

function fitTail(model: Model, sorted: u32, count: u32): void {
  const rows = min(count - 1, max(TAIL_ROWS, count / 10));
  const from = count - rows;
  const largest = load<f64>(sorted + ((count - 1) << 3));
  const begin = load<f64>(sorted + ((from - 1) << 3));
  const tailRows = rows as f64;
  let mean: f64 = 0;
  let weighted: f64 = 0;
  for (let i: u32 = 0; i < rows; i++) {
    const excess = (load<f64>(sorted + ((from + i) << 3)) - begin) / tailRows;
    mean += excess;
    weighted += excess * (1 - ((i as f64) + 0.65) / tailRows);
  }
  let shape = (SHAPE_MIN + SHAPE_MAX) * 0.5;
  if (rows >= TAIL_ROWS && mean > 0) {
    const own = mean > 2 * weighted ? 2 - mean / (mean - 2 * weighted) : SHAPE_MIN;
    shape = max(SHAPE_MIN, min(SHAPE_MAX, own));
  }
  // A tail cut at a higher place is one of the same shape, and wider by shape times the way.
  const width = mean * (1 - shape) + shape * (largest - begin);
  model.tailShape = shape;
  model.tailScale = width > Math.abs(largest) * TAIL_WIDTH_MIN ? width : fallbackWidth(model);
}

/** Where the largest scores are all alike: the spread of all scores. */
function fallbackWidth(model: Model): f64 {
  return max(model.deviation, Math.abs(model.mean) * TAIL_WIDTH_MIN);
}

/** Whether every raw score gets a number that people can read: ascending knots, shares within 0..1 that fall, a tail. */
export function checkCalibration(model: Model): bool {
  const capacity = model.knots >> 1;
  const values = knotsOf(model);
  const shares = values + (capacity << 3);
  if (!(Math.abs(load<f64>(values)) <= RAW_MAX && load<f64>(shares) <= 1)) return false;
  let ended = false;
  for (let i: u32 = 0; i < capacity; i++) {
    const value = load<f64>(values + (i << 3));
    const share = load<f64>(shares + (i << 3));
    if (value == Infinity) ended = true;
    else if (ended || !(value <= RAW_MAX && share > 0)) return false;
    if (i == 0 || ended) continue;
    if (!(load<f64>(values + (i << 3) - 8) < value)) return false;
    if (!(load<f64>(shares + (i << 3) - 8) >= share)) return false;
  }
  if (!(model.quarter <= model.median && model.median <= model.threeQuarters)) return false;
  if (!(model.lowerThreshold <= model.upperThreshold)) return false;
  if (!(model.thresholdPart >= 0 && model.thresholdPart <= 1)) return false;
  if (!(model.contamination > 0 && model.contamination <= 0.5)) return false;
  if (!(model.tailShape >= SHAPE_MIN && model.tailShape <= SHAPE_MAX)) return false;
  if (!(model.tailShare > 0 && model.tailShare <= 1)) return false;
  if (!(model.tailScale > 0 && model.tailScale < Infinity)) return false;
  return model.deviation > 0 && model.deviation < Infinity && model.mean - model.mean == 0;
}

/** The smoothed share of training scores at or above a raw score. */
function shareAtOrAbove(model: Model, score: f64): f64 {
  const raw = rawWithin(score);
  const capacity = model.knots >> 1;
  const values = knotsOf(model);
  let at = values;
  let left = capacity;
  while (left > 1) {
    const half = left >> 1;
    at += (load<f64>(at + (half << 3)) <= raw ? half : 0) << 3;
    left -= half;
  }
  const a = load<f64>(at);
  const shares = capacity << 3;
  if (raw < a) {
    const width = model.deviation;
    return 1 - (1 - load<f64>(at + shares)) * (width / (width + (a - raw)));
  }
  const b = at + 8 < values + shares ? load<f64>(at, 8) : Infinity;
  if (b == Infinity) {
    const shape = model.tailShape;
    const over = ((raw - a) / model.tailScale) * shape;
    return over == 0 ? model.tailShare : model.tailShare * Math.exp(-Math.log1p(over) / shape);
  }
  const share = load<f64>(at + shares);
  const next = load<f64>(at + shares, 8);
  return max(next, share + (next - share) * ((raw - a) / (b - a)));
}

/** 0..1; 0.5 where p = c. */
function calibrated(model: Model, raw: f64): f64 {
  const c = model.contamination;
  const p = shareAtOrAbove(model, raw);
  const score = p >= c ? (0.5 * (1 - p)) / (1 - c) : 0.5 + 0.5 * (1 - p / c);
  return max(0, min(1, score));
}

function sigmoid(exponent: f64): f64 {
  return 1 / (1 + Math.exp(-exponent));
}

/** In quarters and halves, so that differences of huge scores are finite; else no bit is another. */
function standardized(model: Model, raw: f64): f64 {
  const half = model.threeQuarters * 0.5 - model.quarter * 0.5;
  const scale = half > 0 ? half : max(model.deviation * 0.25, f64.MIN_VALUE);
  const exponent = (raw * 0.25 - model.median * 0.25) / scale;
  return sigmoid(max(-EXPONENT_MAX, min(EXPONENT_MAX, exponent)));
}

function deviationsAbove(model: Model, raw: f64): f64 {
  const deviations = (raw - model.mean) / model.deviation;
  return max(-f64.MAX_VALUE, min(f64.MAX_VALUE, deviations));
}

/** A raw score in one of the forms above. Monotonic in the raw score. */
export function normalize(model: Model, raw: f64, normalization: u32): f64 {
  switch (normalization) {
    case NORMALIZE_CALIBRATED:
      return calibrated(model, raw);
    case NORMALIZE_LLAMAFARM_STREAM:
      return sigmoid(deviationsAbove(model, raw));
    case NORMALIZE_STANDARDIZATION:
      return standardized(model, raw);
    case NORMALIZE_ZSCORE:
      return deviationsAbove(model, raw);
    default:
      return raw;
  }
}
