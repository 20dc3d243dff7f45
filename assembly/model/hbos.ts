/*
 * HBOS (Goldstein and Dengel 2012) as PyOD has it: of every column a histogram; a value's part is -log2(density + alpha) of its
 * bin. Up to `tol` of a bin's width outside the range it is the outermost bin's, farther out the largest of all.
 *
 *   ┌ records 64 B a column │ of each column: bins + 1 edges, bins parts, f64 each ┐
 *
 * Record: bins a unit, reach below and above the range, the part outside, the training rows' mean part (f64 each), offset of the
 * edges from the body, bins (u32 each).
 */
import { areBounded } from "./distances";
import {
  BINS_MAX,
  binOf,
  binsPerUnit,
  bestBins,
  edgesBelow,
  fillEdges,
  fillRange,
} from "./histogram";
import { bodyOf, Model } from "./model";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { work, zeroedWork } from "./work";

const RECORD: u32 = 64;
const SCALE: u32 = 0;
const LOW: u32 = 8;
const HIGH: u32 = 16;
const OUTSIDE: u32 = 24;
const EXPECTED: u32 = 32;
const EDGES: u32 = 40;
const BINS: u32 = 44;

const P_BINS: u32 = 0;
const P_ALPHA: u32 = 1;
const P_TOLERANCE: u32 = 2;

/** Densities are held below this, so that a column whose values lie on the last bits of each other has a finite score. */
const DENSITY_MAX: f64 = 1e300;

function recordOf(body: u32, column: u32): u32 {
  return body + column * RECORD;
}

export function trainHbos(training: Training): void {
  const count = training.count;
  const columns = training.columns;
  const stride = columns << 3;
  const wanted = parameter(training, P_BINS);
  const ranges = work((columns as u64) << 4);
  const bins = work((columns as u64) << 2);
  let total: u64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const first = training.rows + (c << 3);
    const range = ranges + (c << 4);
    fillRange(first, count, stride, range);
    const own = wanted != wanted ? bestBins(first, count, stride, range) : (wanted as u32);
    store<u32>(bins + (c << 2), own);
    total += own;
  }
  const values = (columns as u64) + 2 * total;
  const body = beginModel(training, (columns as u64) * RECORD + (values << 3));
  let edges = columns * RECORD;
  for (let c: u32 = 0; c < columns; c++) {
    const own = load<u32>(bins + (c << 2));
    const record = recordOf(body, c);
    store<u32>(record, edges, EDGES);
    store<u32>(record, own, BINS);
    fillColumn(training, body, c, ranges + (c << 4));
    edges += (2 * own + 1) << 3;
  }
  scoreTraining(training, body);
}

function fillColumn(training: Training, body: u32, column: u32, range: u32): void {
  const record = recordOf(body, column);
  const bins = load<u32>(record, BINS);
  const edges = body + load<u32>(record, EDGES);
  const parts = edges + ((bins + 1) << 3);
  const low = load<f64>(range);
  const high = load<f64>(range, 8);
  const scale = binsPerUnit(bins, low, high);
  const count = training.count;
  fillEdges(edges, bins, low, high);
  const counts = zeroedWork((bins as u64) << 2);
  for (let i: u32 = 0; i < count; i++) {
    const bin = binOf(edges, bins, scale, load<f64>(rowOf(training, i) + (column << 3)));
    store<u32>(counts + (bin << 2), load<u32>(counts + (bin << 2)) + 1);
  }
  const alpha = parameter(training, P_ALPHA);
  let outside = -Infinity;
  for (let b: u32 = 0; b < bins; b++) {
    const inside = load<u32>(counts + (b << 2)) as f64;
    const width = load<f64>(edges + (b << 3), 8) - load<f64>(edges + (b << 3));
    const density = inside > 0 ? min(inside / width / (count as f64), DENSITY_MAX) : 0;
    const part = -Math.log2(density + alpha);
    store<f64>(parts + (b << 3), part);
    outside = max(outside, part);
  }
  const tolerance = parameter(training, P_TOLERANCE);
  const last = edges + (bins << 3);
  store<f64>(record, scale, SCALE);
  store<f64>(record, (load<f64>(edges, 8) - low) * tolerance, LOW);
  store<f64>(record, (high - load<f64>(last - 8)) * tolerance, HIGH);
  store<f64>(record, outside, OUTSIDE);
}

function scoreValue(body: u32, record: u32, value: f64): f64 {
  const bins = load<u32>(record, BINS);
  const edges = body + load<u32>(record, EDGES);
  const below = edgesBelow(edges, bins + 1, load<f64>(record), value);
  let bin = below - 1;
  if (below == 0) {
    if (!(load<f64>(edges) - value <= load<f64>(record, LOW))) return load<f64>(record, OUTSIDE);
    bin = 0;
  } else if (below > bins) {
    const over = value - load<f64>(edges + (bins << 3));
    if (!(over <= load<f64>(record, HIGH))) return load<f64>(record, OUTSIDE);
    bin = bins - 1;
  }
  return load<f64>(edges + ((bins + 1 + bin) << 3));
}

/** A training row's score is the same as a new row's. */
function scoreTraining(training: Training, body: u32): void {
  const columns = training.columns;
  const count = training.count;
  for (let i: u32 = 0; i < count; i++) {
    const row = rowOf(training, i);
    let score: f64 = 0;
    for (let c: u32 = 0; c < columns; c++) {
      const record = recordOf(body, c);
      const part = scoreValue(body, record, load<f64>(row + (c << 3)));
      score += part;
      store<f64>(record, load<f64>(record, EXPECTED) + part / (count as f64), EXPECTED);
    }
    setScore(training, i, score);
  }
  memory.copy(training.newScores, training.scores, count << 3);
  training.hasNewScores = 1;
}

export function scoreHbos(model: Model, row: u32): f64 {
  const body = bodyOf(model);
  const columns = model.columns;
  let score: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    score += scoreValue(body, recordOf(body, c), load<f64>(row + (c << 3)));
  }
  return score;
}

/**
 * What a column adds, less what it adds to a training row on average (the Shapley values of a sum of one term a column). The
 * baseline is the training rows' mean score.
 */
export function explainHbos(model: Model, row: u32, out: u32): f64 {
  const body = bodyOf(model);
  const columns = model.columns;
  let baseline: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const record = recordOf(body, c);
    const expected = load<f64>(record, EXPECTED);
    const part = scoreValue(body, record, load<f64>(row + (c << 3)));
    store<f64>(out + (c << 3), part - expected);
    baseline += expected;
  }
  return baseline;
}

export function checkHbos(model: Model): bool {
  const bytes = model.bodyBytes as u64;
  const body = bodyOf(model);
  if ((model.columns as u64) * RECORD > bytes) return false;
  for (let c: u32 = 0; c < model.columns; c++) {
    const record = recordOf(body, c);
    const bins = load<u32>(record, BINS);
    const edges = load<u32>(record, EDGES);
    if (bins < 1 || bins > BINS_MAX) return false;
    if ((edges as u64) + ((2 * bins + 1) << 3) > bytes) return false;
    if (!areBounded(record + OUTSIDE, 2)) return false;
    if (!areBounded(body + edges + ((bins + 1) << 3), bins)) return false;
  }
  return true;
}
