/*
 * The body that ecod and copod share: of every column its different values in order, how many training rows lie below each, and
 * the central moments. A row's tails are those of the training rows and the row itself, as PyOD scores a call with one row; one
 * binary search finds them, and the skewness takes the row in by its update formula (Pébay 2008), so no row costs a pass over
 * the window.
 *
 * Of a column that is exactly symmetric the sign is one of rounding, in PyOD too, and the two may differ there.
 *
 *   ┌ rows u32, 0 u32, 0 u32, 0 u32 │ records 48 B a column │ logs: rows + 2 f64 │ values f64 ... │ counts u32 ... ┐
 *
 * Record: mean, second and third central sums, the mean contribution of the training rows (f64 each); offsets of the values and
 * of the counts from the body, number of values, 0 (u32 each). counts[i] = rows with a value below values[i], for i = all of them
 * the number of rows. logs[k] = -ln(k / (rows + 1)).
 */
import { areBounded } from "./distances";
import { bodyOf, Model } from "./model";
import { beginModel, setScore, Training } from "./training";
import { sortNumbers } from "./sort";
import { work, zeroedWork } from "./work";

const HEADER: u32 = 16;
const RECORD: u32 = 48;
const MEAN: u32 = 0;
const SECOND: u32 = 8;
const THIRD: u32 = 16;
const EXPECTED: u32 = 24;
const VALUES: u32 = 32;
const COUNTS: u32 = 36;
const DISTINCT: u32 = 40;

const EPSILON: f64 = 2.220446049250313e-16;

function recordOf(body: u32, column: u32): u32 {
  return body + HEADER + column * RECORD;
}

function logsOf(body: u32, columns: u32): u32 {
  return body + HEADER + columns * RECORD;
}

/** Fills the model, and the training's scores of both kinds: with every row doubled the tails are those of the rows. */
export function trainSortedColumns(training: Training, isEcod: bool): void {
  const count = training.count;
  const columns = training.columns;
  const sorted = work(((count * columns) as u64) << 3);
  const distinct = zeroedWork((columns as u64) << 2);
  let total: u64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const base = sorted + ((c * count) << 3);
    for (let i: u32 = 0; i < count; i++) {
      store<f64>(base + (i << 3), load<f64>(training.rows + ((i * columns + c) << 3)));
    }
    sortNumbers(base, count);
    let different: u32 = 1;
    for (let i: u32 = 1; i < count; i++) {
      if (load<f64>(base + (i << 3)) != load<f64>(base + (i << 3) - 8)) different++;
    }
    store<u32>(distinct + (c << 2), different);
    total += different;
  }
  const fixed = HEADER + columns * RECORD + ((count + 2) << 3);
  const body = beginModel(training, (fixed as u64) + total * 12 + ((columns as u64) << 2));
  store<u32>(body, count);
  fillLogs(logsOf(body, columns), count + 1);
  let values = fixed;
  let counts = fixed + ((total as u32) << 3);
  for (let c: u32 = 0; c < columns; c++) {
    const record = recordOf(body, c);
    const different = load<u32>(distinct + (c << 2));
    store<u32>(record, values, VALUES);
    store<u32>(record, counts, COUNTS);
    store<u32>(record, different, DISTINCT);
    fillColumn(body, record, sorted + ((c * count) << 3), count);
    fillMoments(training, c, record);
    values += different << 3;
    counts += (different + 1) << 2;
  }
  scoreTraining(training, body, isEcod);
}

/** -ln(k / total) for k = 1..total; 0 for k = 0, which never comes up. */
function fillLogs(logs: u32, total: u32): void {
  for (let k: u32 = 1; k <= total; k++) {
    store<f64>(logs + (k << 3), -Math.log((k as f64) / (total as f64)));
  }
}

function fillColumn(body: u32, record: u32, sorted: u32, count: u32): void {
  const values = body + load<u32>(record, VALUES);
  const counts = body + load<u32>(record, COUNTS);
  let at: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(sorted + (i << 3));
    if (i > 0 && value == load<f64>(sorted + (i << 3) - 8)) continue;
    store<f64>(values + (at << 3), value);
    store<u32>(counts + (at << 2), i);
    at++;
  }
  store<u32>(counts + (at << 2), count);
}

/** Mean and central sums of a column in row order; of a constant one exactly that value, 0 and 0. */
function fillMoments(training: Training, column: u32, record: u32): void {
  const count = training.count;
  const stride = training.columns << 3;
  const base = training.rows + (column << 3);
  if (load<u32>(record, DISTINCT) == 1) {
    store<f64>(record, load<f64>(base), MEAN);
    return;
  }
  let mean: f64 = 0;
  for (let i: u32 = 0; i < count; i++) mean += load<f64>(base + i * stride);
  mean /= count as f64;
  let second: f64 = 0;
  let third: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const delta = load<f64>(base + i * stride) - mean;
    const square = delta * delta;
    second += square;
    third += square * delta;
  }
  store<f64>(record, mean, MEAN);
  store<f64>(record, second, SECOND);
  store<f64>(record, third, THIRD);
}

/** -1, 0 or 1; 0 where SciPy's skew sees a spread of rounding only, or none that float64 can hold. */
function signOf(second: f64, third: f64, mean: f64, count: f64): i32 {
  const noise = EPSILON * mean;
  if (second / count <= noise * noise) return 0;
  return third > 0 ? 1 : third < 0 ? -1 : 0;
}

/** The skewness's sign of a column's training rows and one more value. */
function signWith(record: u32, value: f64, count: f64): i32 {
  const delta = value - load<f64>(record, MEAN);
  const step = delta / (count + 1);
  const square = delta * step * count;
  const second = load<f64>(record, SECOND);
  const third = load<f64>(record, THIRD) + square * step * (count - 1) - 3 * step * second;
  return signOf(second + square, third, load<f64>(record, MEAN) + step, count + 1);
}

function contribution(left: f64, right: f64, sign: i32, isEcod: bool): f64 {
  const skewed = sign < 0 ? left : sign > 0 ? right : left + right;
  return max(skewed, isEcod ? max(left, right) : (left + right) * 0.5);
}

/** The number of values below `value` among a column's different ones. */
function placeOf(values: u32, distinct: u32, value: f64): u32 {
  let at = values;
  let left = distinct;
  while (left > 1) {
    const half = left >> 1;
    at += (load<f64>(at + (half << 3) - 8) < value ? half : 0) << 3;
    left -= half;
  }
  return ((at - values) >> 3) + (load<f64>(at) < value ? 1 : 0);
}

/** A column's part of the score of training rows plus this one. */
function scoreValue(body: u32, logs: u32, record: u32, value: f64, isEcod: bool): f64 {
  const rows = load<u32>(body);
  const values = body + load<u32>(record, VALUES);
  const distinct = load<u32>(record, DISTINCT);
  const place = placeOf(values, distinct, value);
  const counts = body + load<u32>(record, COUNTS) + (place << 2);
  const below = load<u32>(counts);
  const tie = place < distinct && load<f64>(values + (place << 3)) == value;
  const upTo = tie ? load<u32>(counts, 4) : below;
  const left = load<f64>(logs + (upTo << 3), 8);
  const right = load<f64>(logs + ((rows - below) << 3), 8);
  return contribution(left, right, signWith(record, value, rows as f64), isEcod);
}

/**
 * Scores the training rows among themselves, and keeps each column's mean. New rows are ranked among what the same rows would get
 * as new ones: a row beyond the window in a column counts as more extreme there than any row of the window, which short windows of
 * few columns need to flag it at all. In return more than the contamination is flagged while windows are short (19 % instead of 10 %
 * at 30 rows of 2 columns, 10.8 % at 1,000 of 5).
 */
function scoreTraining(training: Training, body: u32, isEcod: bool): void {
  const count = training.count;
  const columns = training.columns;
  const newLogs = logsOf(body, columns);
  const ranked = zeroedWork((count as u64) << 3);
  training.ranked = ranked;
  const logs = work(((count as u64) + 1) << 3);
  fillLogs(logs, count);
  memory.fill(training.scores, 0, count << 3);
  for (let c: u32 = 0; c < columns; c++) {
    const record = recordOf(body, c);
    const values = body + load<u32>(record, VALUES);
    const counts = body + load<u32>(record, COUNTS);
    const distinct = load<u32>(record, DISTINCT);
    const second = load<f64>(record, SECOND);
    const sign = signOf(second, load<f64>(record, THIRD), load<f64>(record, MEAN), count as f64);
    let sum: f64 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const value = load<f64>(training.rows + ((i * columns + c) << 3));
      const place = placeOf(values, distinct, value);
      const upTo = load<u32>(counts + (place << 2), 4) << 3;
      const from = (count - load<u32>(counts + (place << 2))) << 3;
      const left = load<f64>(logs + upTo);
      const right = load<f64>(logs + from);
      const newLeft = load<f64>(newLogs + upTo, 8);
      const newRight = load<f64>(newLogs + from, 8);
      const newSign = signWith(record, value, count as f64);
      const newPart = contribution(newLeft, newRight, newSign, isEcod);
      store<f64>(ranked + (i << 3), load<f64>(ranked + (i << 3)) + newPart);
      const part = contribution(left, right, sign, isEcod);
      sum += part;
      setScore(training, i, load<f64>(training.scores + (i << 3)) + part);
    }
    store<f64>(record, sum / (count as f64), EXPECTED);
  }
  memory.copy(training.newScores, training.scores, count << 3);
  training.hasNewScores = 1;
}

export function scoreSortedColumns(model: Model, row: u32, isEcod: bool): f64 {
  const body = bodyOf(model);
  const columns = model.columns;
  const logs = logsOf(body, columns);
  let score: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    score += scoreValue(body, logs, recordOf(body, c), load<f64>(row + (c << 3)), isEcod);
  }
  return score;
}

/**
 * What a column adds, less what it adds to a training row on average: of a sum of one term a column these are the Shapley values.
 * The baseline is the training rows' mean score.
 */
export function explainSortedColumns(model: Model, row: u32, out: u32, isEcod: bool): f64 {
  const body = bodyOf(model);
  const columns = model.columns;
  const logs = logsOf(body, columns);
  let baseline: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const record = recordOf(body, c);
    const expected = load<f64>(record, EXPECTED);
    const part = scoreValue(body, logs, record, load<f64>(row + (c << 3)), isEcod);
    store<f64>(out + (c << 3), part - expected);
    baseline += expected;
  }
  return baseline;
}

export function checkSortedColumns(model: Model): bool {
  const bytes = model.bodyBytes as u64;
  const body = bodyOf(model);
  const records = (HEADER as u64) + (model.columns as u64) * (RECORD as u64);
  if (records > bytes) return false;
  const rows = load<u32>(body);
  if (rows < 1 || records + (((rows as u64) + 2) << 3) > bytes) return false;
  if (!areBounded(logsOf(body, model.columns), rows + 2)) return false;
  for (let c: u32 = 0; c < model.columns; c++) {
    const record = recordOf(body, c);
    const distinct = load<u32>(record, DISTINCT) as u64;
    const values = load<u32>(record, VALUES) as u64;
    const counts = load<u32>(record, COUNTS) as u64;
    if (distinct < 1 || values + (distinct << 3) > bytes) return false;
    if (counts + ((distinct + 1) << 2) > bytes) return false;
    if (!areBounded(record + EXPECTED, 1)) return false;
    for (let i: u32 = 0; i <= (distinct as u32); i++) {
      if (load<u32>(body + (counts as u32) + (i << 2)) > rows) return false;
    }
  }
  return true;
}
