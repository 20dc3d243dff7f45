/*
 * LODA (Pevný 2016) as PyOD has it: random projections on sqrt(columns) of the columns, of each a histogram of the training rows; the
 * score is the mean over projections of -ln(share of the bin), divided by their number once more. A value is looked up among
 * the lower edges without the last, so inside bin b it takes the share of bin b + 1: PyOD's way, kept so that scores agree.
 *
 *   ┌ projections u32, weights a projection u32, 0, 0 │ column means f64 │ records 32 B a projection
 *   │ of each projection: weights f64, edges f64 (bins + 1), parts f64 (bins), columns u32 ┐
 *
 * Record: bins a unit, the training rows' mean part (f64 each), offset of the weights from the body, bins (u32 each). A part is
 * -ln(share) / projections^2.
 */
import { randomNormal, sampleWithout } from "../rng";
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
import { align16, bodyOf, Model } from "./model";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { releaseWork, work, workTop, zeroedWork } from "./work";

const HEADER: u32 = 16;
const RECORD: u32 = 32;
const SCALE: u32 = 0;
const EXPECTED: u32 = 8;
const WEIGHTS: u32 = 16;
const BINS: u32 = 20;

const P_BINS: u32 = 0;
const P_CUTS: u32 = 1;

function meansOf(body: u32): u32 {
  return body + HEADER;
}

function recordOf(body: u32, columns: u32, cut: u32): u32 {
  return body + HEADER + (columns << 3) + cut * RECORD;
}

/** Bytes of a projection's own numbers, a multiple of 16. */
function cutBytes(used: u32, bins: u32): u32 {
  return align16((used + 2 * bins + 1) * 8 + used * 4);
}

export function trainLoda(training: Training): void {
  const count = training.count;
  const columns = training.columns;
  const cuts = parameter(training, P_CUTS) as u32;
  const used = Math.sqrt(columns as f64) as u32;
  const wanted = parameter(training, P_BINS);
  // Projections before bins: how many of these there are may depend on the projected rows.
  const weights = work(((cuts * used) as u64) << 3);
  const indices = work(((cuts * used) as u64) << 2);
  const ranges = work((cuts as u64) << 4);
  const bins = work((cuts as u64) << 2);
  const projected = work((count as u64) << 3);
  let bytes: u64 = 0;
  for (let k: u32 = 0; k < cuts; k++) {
    const at = weights + ((k * used) << 3);
    const index = indices + ((k * used) << 2);
    for (let j: u32 = 0; j < used; j++) store<f64>(at + (j << 3), randomNormal());
    sampleWithout(used, columns, index);
    projectRows(training, at, index, used, projected);
    const range = ranges + (k << 4);
    fillRange(projected, count, 8, range);
    const own = wanted != wanted ? bestBins(projected, count, 8, range) : (wanted as u32);
    store<u32>(bins + (k << 2), own);
    bytes += cutBytes(used, own);
  }
  const fixed = HEADER + (columns << 3) + cuts * RECORD;
  const body = beginModel(training, (align16(fixed) as u64) + bytes);
  store<u32>(body, cuts);
  store<u32>(body, used, 4);
  fillMeans(training, meansOf(body));
  memory.fill(training.scores, 0, count << 3);
  let offset = align16(fixed);
  for (let k: u32 = 0; k < cuts; k++) {
    const own = load<u32>(bins + (k << 2));
    const record = recordOf(body, columns, k);
    const at = body + offset;
    store<u32>(record, offset, WEIGHTS);
    store<u32>(record, own, BINS);
    memory.copy(at, weights + ((k * used) << 3), used << 3);
    memory.copy(indexOf(at, used, own), indices + ((k * used) << 2), used << 2);
    projectRows(training, at, indexOf(at, used, own), used, projected);
    fillCut(training, body, record, projected, ranges + (k << 4));
    offset += cutBytes(used, own);
  }
  memory.copy(training.newScores, training.scores, count << 3);
  training.hasNewScores = 1;
}

/** Where a projection's columns are, behind its weights, edges and parts. */
function indexOf(weights: u32, used: u32, bins: u32): u32 {
  return weights + ((used + 2 * bins + 1) << 3);
}

function fillMeans(training: Training, means: u32): void {
  const count = training.count as f64;
  for (let i: u32 = 0; i < training.count; i++) {
    const row = rowOf(training, i);
    for (let at: u32 = 0; at < training.columns << 3; at += 8) {
      store<f64>(means + at, load<f64>(means + at) + load<f64>(row + at) / count);
    }
  }
}

function project(row: u32, weights: u32, index: u32, used: u32): f64 {
  let sum: f64 = 0;
  for (let j: u32 = 0; j < used; j++) {
    sum += load<f64>(weights + (j << 3)) * load<f64>(row + (load<u32>(index + (j << 2)) << 3));
  }
  return sum;
}

function projectRows(training: Training, weights: u32, index: u32, used: u32, out: u32): void {
  for (let i: u32 = 0; i < training.count; i++) {
    store<f64>(out + (i << 3), project(rowOf(training, i), weights, index, used));
  }
}

/** Makes a projection's histogram, and adds its parts to the training rows' scores. */
function fillCut(training: Training, body: u32, record: u32, projected: u32, range: u32): void {
  const mark = workTop();
  const count = training.count;
  const cuts = load<u32>(body) as f64;
  const bins = load<u32>(record, BINS);
  const edges = body + load<u32>(record, WEIGHTS) + (load<u32>(body, 4) << 3);
  const parts = edges + ((bins + 1) << 3);
  const scale = binsPerUnit(bins, load<f64>(range), load<f64>(range, 8));
  const counts = zeroedWork((bins as u64) << 2);
  fillEdges(edges, bins, load<f64>(range), load<f64>(range, 8));
  store<f64>(record, scale, SCALE);
  for (let i: u32 = 0; i < count; i++) {
    const bin = binOf(edges, bins, scale, load<f64>(projected + (i << 3)));
    store<u32>(counts + (bin << 2), load<u32>(counts + (bin << 2)) + 1);
  }
  const sum = (count as f64) + (bins as f64) * 1e-12;
  for (let b: u32 = 0; b < bins; b++) {
    const share = ((load<u32>(counts + (b << 2)) as f64) + 1e-12) / sum;
    store<f64>(parts + (b << 3), -Math.log(share) / cuts / cuts);
  }
  let expected: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const place = edgesBelow(edges, bins - 1, scale, load<f64>(projected + (i << 3)));
    const part = load<f64>(parts + (place << 3));
    setScore(training, i, load<f64>(training.scores + (i << 3)) + part);
    expected += part;
  }
  store<f64>(record, expected / (count as f64), EXPECTED);
  releaseWork(mark);
}

/** A projection's part of a row's score. */
function scoreCut(body: u32, record: u32, used: u32, row: u32): f64 {
  const weights = body + load<u32>(record, WEIGHTS);
  const bins = load<u32>(record, BINS);
  const value = project(row, weights, indexOf(weights, used, bins), used);
  const edges = weights + (used << 3);
  const place = edgesBelow(edges, bins - 1, load<f64>(record), value);
  return load<f64>(edges + ((bins + 1 + place) << 3));
}

export function scoreLoda(model: Model, row: u32): f64 {
  const body = bodyOf(model);
  const cuts = load<u32>(body);
  const used = load<u32>(body, 4);
  let record = recordOf(body, model.columns, 0);
  let score: f64 = 0;
  for (let k: u32 = 0; k < cuts; k++) {
    score += scoreCut(body, record, used, row);
    record += RECORD;
  }
  return score;
}

/**
 * What a projection adds, less what it adds to a training row on average, is shared among its columns by how far each moved the
 * projected value from that of the mean row, |weight (value - mean)|. The baseline is the training rows' mean score.
 */
export function explainLoda(model: Model, row: u32, out: u32): f64 {
  const body = bodyOf(model);
  const cuts = load<u32>(body);
  const used = load<u32>(body, 4);
  const means = meansOf(body);
  memory.fill(out, 0, model.columns << 3);
  let baseline: f64 = 0;
  for (let k: u32 = 0; k < cuts; k++) {
    const record = recordOf(body, model.columns, k);
    const weights = body + load<u32>(record, WEIGHTS);
    const index = indexOf(weights, used, load<u32>(record, BINS));
    const expected = load<f64>(record, EXPECTED);
    const excess = scoreCut(body, record, used, row) - expected;
    baseline += expected;
    let all: f64 = 0;
    for (let j: u32 = 0; j < used; j++) all += moved(row, means, weights, index, j);
    for (let j: u32 = 0; j < used; j++) {
      const at = out + (load<u32>(index + (j << 2)) << 3);
      const share =
        all > 0 && all < Infinity ? moved(row, means, weights, index, j) / all : 1 / (used as f64);
      store<f64>(at, load<f64>(at) + excess * share);
    }
  }
  return baseline;
}

/** How far the projection's j-th column moved the projected value. */
function moved(row: u32, means: u32, weights: u32, index: u32, j: u32): f64 {
  const column = load<u32>(index + (j << 2)) << 3;
  return Math.abs(
    load<f64>(weights + (j << 3)) * (load<f64>(row + column) - load<f64>(means + column)),
  );
}

export function checkLoda(model: Model): bool {
  const bytes = model.bodyBytes as u64;
  const columns = model.columns;
  const body = bodyOf(model);
  if ((HEADER as u64) > bytes) return false;
  const cuts = load<u32>(body);
  const used = load<u32>(body, 4);
  if (used < 1 || used > columns || cuts < 1) return false;
  if ((HEADER as u64) + ((columns as u64) << 3) + (cuts as u64) * RECORD > bytes) return false;
  for (let k: u32 = 0; k < cuts; k++) {
    const record = recordOf(body, columns, k);
    const bins = load<u32>(record, BINS);
    const weights = load<u32>(record, WEIGHTS);
    if (bins < 1 || bins > BINS_MAX) return false;
    const numbers = (used + 2 * bins + 1) << 3;
    if ((weights as u64) + ((numbers + (used << 2)) as u64) > bytes) return false;
    if (!areBounded(record + EXPECTED, 1)) return false;
    if (!areBounded(body + weights + ((used + bins + 1) << 3), bins)) return false;
    const index = indexOf(body + weights, used, bins);
    for (let j: u32 = 0; j < used; j++) {
      if (load<u32>(index + (j << 2)) >= columns) return false;
    }
  }
  return true;
}
