/*
 * Isolation forest (Liu, Ting and Zhou 2008) as scikit-learn grows it and PyOD scores it: rows are cast to float32; each tree takes
 * a sample, and splits it at a uniform threshold of a random column that is not constant, to a depth of ceil(log2(sample)).
 * A row's path in a tree is its depth plus the mean path c(m) of a leaf of m rows;
 *
 *   score = 2^(-mean path / c(sample)) + offset,   offset = the contamination percentile of the negated training scores
 *
 * so that 0 is about where alerts begin. A column counts as constant when its float32s are equal (scikit-learn: when their range is
 * at most 1e-7).
 *
 *   body: scale f64, offset f64, ranges (beyond.ts), forest (forest.ts) whose leaves hold path lengths
 *   scale = 1 / (trees * c(sample))
 */
import { nextRandom, randomBelow, sampleWithout } from "../rng";
import { beyondBytes, keepRanges, shareByDistance } from "./beyond";
import {
  attributeLeaves,
  beginTree,
  castRow,
  checkForest,
  endTree,
  expectLeaves,
  Forest,
  forestAt,
  forestBytes,
  growLeaf,
  growSplit,
  Growth,
  newGrowth,
  single,
  singleBelow,
  sumLeaves,
  TREE_ROWS_MAX,
  TREES_MAX,
  writeForest,
} from "./forest";
import { bodyOf, Model, modelAt } from "./model";
import { percentile } from "./preparation";
import { sortNumbers } from "./sort";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { releaseWork, takeScratch, work, workTop, zeroedWork } from "./work";

const ESTIMATORS: u32 = 0;
const MAX_SAMPLES: u32 = 1;
const MAX_FEATURES: u32 = 2;
const BOOTSTRAP: u32 = 3;

const EULER_GAMMA: f64 = 0.5772156649015329;
const RANGES: u32 = 16;

/** Where the forest is in the body. */
function forestOffset(columns: u32): u32 {
  return RANGES + beyondBytes(columns);
}

function forestOf(model: Model): Forest {
  return forestAt(bodyOf(model) + forestOffset(model.columns));
}

/** What a tree grows from: a sample of the rows. */
@unmanaged
class Bag {
  count: u32; // 0, rows
  rows: u32; // 4, u32 each: which of the training's
  /** float32s, column by column. */
  values: u32; // 8
  /** The columns drawn for this tree, u32 each. */
  columns: u32; // 12
  drawn: u32; // 16
  /** u32 each, which of `columns` were not yet asked for the split under way. */
  candidates: u32; // 20
  /** u32 each: the bag's rows, those of a node side by side. */
  order: u32; // 24
  depth: u32; // 28, at most
  /** {node, from, to, depth} u32 each. */
  stack: u32; // 32
}

/** The mean path of an unsuccessful search in a tree of so many rows. */
function meanPath(count: u32): f64 {
  if (count <= 1) return 0;
  if (count == 2) return 1;
  const below = (count - 1) as f64;
  return 2 * (Math.log(below) + EULER_GAMMA) - (2 * below) / (count as f64);
}

/** ceil(log2(count)), at least 1. */
function depthOf(count: u32): u32 {
  return count <= 2 ? 1 : 32 - clz<u32>(count - 1);
}

export function trainIsolationForest(training: Training): void {
  const count = training.count;
  const columns = training.columns;
  const trees = max<u32>(1, min<u32>(parameter(training, ESTIMATORS) as u32, TREES_MAX));
  const asked = parameter(training, MAX_SAMPLES);
  let sample: u32 = asked != asked ? 256 : max<u32>(2, asked as u32);
  sample = min<u32>(min<u32>(sample, count), TREE_ROWS_MAX);
  const share = parameter(training, MAX_FEATURES);
  const mark = workTop();
  const bag = newBag(sample, columns, share);
  const marks = zeroedWork(count);
  const growth = newGrowth(trees);
  for (let tree: u32 = 0; tree < trees; tree++) {
    fillBag(bag, training, sample, marks);
    growTree(growth, bag);
  }
  const forest = forestOffset(columns);
  const body = beginModel(training, (forest as u64) + forestBytes(trees, growth.nodes));
  store<f64>(body, 1 / ((trees as f64) * meanPath(sample)));
  keepRanges(training, body + RANGES);
  writeForest(growth, columns, body + forest);
  // The model moves down over what it grew from.
  const length = modelAt(training.model).bytes;
  memory.copy(mark, training.model, length);
  training.model = mark;
  releaseWork(mark + length);
  scoreTraining(training);
}

/** All rows' scores without the offset, then the offset. A row scores the same whether it was trained on or not. */
function scoreTraining(training: Training): void {
  const count = training.count;
  const model = modelAt(training.model);
  const mark = workTop();
  const sorted = work((count as u64) << 3);
  const row = work((training.columns as u64) << 2);
  for (let i: u32 = 0; i < count; i++) {
    castRow(rowOf(training, i), training.columns, row);
    const score = anomalyOf(model, row);
    setScore(training, i, score);
    store<f64>(sorted + (i << 3), -score);
  }
  sortNumbers(sorted, count);
  const offset = percentile(sorted, count, training.contamination);
  store<f64>(bodyOf(model), offset, 8);
  for (let i: u32 = 0; i < count; i++) {
    setScore(training, i, load<f64>(training.scores + (i << 3)) + offset);
  }
  memory.copy(training.newScores, training.scores, count << 3);
  training.hasNewScores = 1;
  releaseWork(mark);
}

function newBag(sample: u32, columns: u32, share: f64): Bag {
  const bag = changetype<Bag>(work(offsetof<Bag>()));
  bag.drawn = max<u32>(1, min<u32>(columns, (share * (columns as f64)) as u32));
  bag.rows = work((sample as u64) << 2);
  bag.order = work((sample as u64) << 2);
  bag.columns = work((columns as u64) << 2);
  bag.candidates = work((columns as u64) << 2);
  bag.values = work(((sample as u64) * (bag.drawn as u64)) << 2);
  bag.depth = depthOf(sample);
  bag.stack = work(((bag.depth as u64) + 2) << 5);
  return bag;
}

/** Draws a tree's columns and rows. Of rows drawn twice (bootstrap) one stays, as in scikit-learn, which counts different ones. */
function fillBag(bag: Bag, training: Training, sample: u32, marks: u32): void {
  sampleWithout(bag.drawn, training.columns, bag.columns);
  if (parameter(training, BOOTSTRAP) != 0) {
    for (let i: u32 = 0; i < sample; i++) store<u8>(marks + randomBelow(training.count), 1);
    let taken: u32 = 0;
    for (let i: u32 = 0; i < training.count; i++) {
      if (load<u8>(marks + i) == 0) continue;
      store<u8>(marks + i, 0);
      store<u32>(bag.rows + (taken++ << 2), i);
    }
    bag.count = taken;
  } else {
    sampleWithout(sample, training.count, bag.rows);
    bag.count = sample;
  }
  for (let i: u32 = 0; i < bag.count; i++) {
    const row = rowOf(training, load<u32>(bag.rows + (i << 2)));
    store<u32>(bag.order + (i << 2), i);
    for (let j: u32 = 0; j < bag.drawn; j++) {
      const value = load<f64>(row + (load<u32>(bag.columns + (j << 2)) << 3));
      store<f32>(bag.values + ((j * bag.count + i) << 2), single(value));
    }
  }
}

function push(top: u32, node: u32, from: u32, to: u32, depth: u32): u32 {
  store<u32>(top, node);
  store<u32>(top, from, 4);
  store<u32>(top, to, 8);
  store<u32>(top, depth, 12);
  return top + 16;
}

function growTree(growth: Growth, bag: Bag): void {
  beginTree(growth, bag.count);
  let top = push(bag.stack, 0, 0, bag.count, 0);
  while (top != bag.stack) {
    top -= 16;
    const node = load<u32>(top);
    const from = load<u32>(top, 4);
    const to = load<u32>(top, 8);
    const depth = load<u32>(top, 12);
    const values = depth < bag.depth && to - from > 1 ? drawColumn(bag, from, to) : 0;
    if (values == 0) {
      const size = to - from;
      growLeaf(growth, node, ((depth as f64) + meanPath(size)) as f32, size);
      continue;
    }
    const threshold = drawThreshold(bag, values, from, to);
    const middle = part(bag.order, values, from, to, threshold);
    const local = (values - bag.values) / (bag.count << 2);
    const child = growSplit(growth, node, load<u32>(bag.columns + (local << 2)), threshold);
    top = push(top, child + 1, middle, to, depth + 1);
    top = push(top, child, from, middle, depth + 1);
  }
  expectLeaves(growth);
  endTree(growth);
}

/** Where the values of a random column are that is not constant among these rows; 0 = all are. */
function drawColumn(bag: Bag, from: u32, to: u32): u32 {
  for (let j: u32 = 0; j < bag.drawn; j++) store<u32>(bag.candidates + (j << 2), j);
  for (let left = bag.drawn; left > 0; left--) {
    const at = bag.candidates + (randomBelow(left) << 2);
    const column = load<u32>(at);
    store<u32>(at, load<u32>(bag.candidates + ((left - 1) << 2)));
    const values = bag.values + ((column * bag.count) << 2);
    const first = load<f32>(values + (load<u32>(bag.order + (from << 2)) << 2));
    for (let i = from + 1; i < to; i++) {
      if (load<f32>(values + (load<u32>(bag.order + (i << 2)) << 2)) != first) return values;
    }
  }
  return 0;
}

/** Uniform between the least and the largest value, and below the largest. */
function drawThreshold(bag: Bag, values: u32, from: u32, to: u32): f32 {
  let least = load<f32>(values + (load<u32>(bag.order + (from << 2)) << 2));
  let largest = least;
  for (let i = from + 1; i < to; i++) {
    const value = load<f32>(values + (load<u32>(bag.order + (i << 2)) << 2));
    least = min<f32>(least, value);
    largest = max<f32>(largest, value);
  }
  const width = (largest as f64) - (least as f64);
  const threshold = singleBelow((least as f64) + nextRandom() * width);
  return threshold < largest ? threshold : least;
}

/** Puts the rows that go left before the others; where the others begin. */
function part(order: u32, values: u32, from: u32, to: u32, threshold: f32): u32 {
  let left = from;
  let right = to;
  while (left < right) {
    const row = load<u32>(order + (left << 2));
    if (load<f32>(values + (row << 2)) <= threshold) {
      left++;
    } else {
      right--;
      store<u32>(order + (left << 2), load<u32>(order + (right << 2)));
      store<u32>(order + (right << 2), row);
    }
  }
  return left;
}

/** 2^(-mean path / c) of a row of float32s. */
function anomalyOf(model: Model, row: u32): f64 {
  return anomalyOfPath(model, sumLeaves(forestOf(model), row));
}

function anomalyOfPath(model: Model, path: f64): f64 {
  return Math.pow(2, -path * load<f64>(bodyOf(model)));
}

export function scoreIsolationForest(model: Model, row: u32): f64 {
  const cast = takeScratch(model.columns << 2);
  castRow(row, model.columns, cast);
  return anomalyOf(model, cast) + load<f64>(bodyOf(model), 8);
}

/**
 * By path attribution: each split changes the path that is to be expected, and the change goes to the split's column (see
 * attributeLeaves). The baseline is the score of the path that is expected at the roots. Lengths are stretched to the score, which
 * falls as the path grows; what raises it is then shared out by distance (beyond.ts).
 */
export function explainIsolationForest(model: Model, row: u32, out: u32): f64 {
  const columns = model.columns;
  const body = bodyOf(model);
  const cast = takeScratch(columns << 2);
  castRow(row, columns, cast);
  memory.fill(out, 0, columns << 3);
  const expected = attributeLeaves(forestOf(model), cast, out);
  let longer: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) longer += load<f64>(out + (c << 3));
  const offset = load<f64>(body, 8);
  const baseline = anomalyOfPath(model, expected);
  const score = anomalyOf(model, cast);
  // Where the paths are equal the stretch is the slope of the score.
  const slope = -Math.LN2 * load<f64>(body) * baseline;
  const stretch = Math.abs(longer) > 1e-9 ? (score - baseline) / longer : slope;
  for (let c: u32 = 0; c < columns; c++) {
    // Adding 0 keeps -0 out of answers.
    store<f64>(out + (c << 3), load<f64>(out + (c << 3)) * stretch + 0);
  }
  shareByDistance(body + RANGES, row, columns, out);
  return baseline + offset;
}

export function checkIsolationForest(model: Model): bool {
  const forest = forestOffset(model.columns);
  if (model.bodyBytes < forest) return false;
  const body = bodyOf(model);
  const scale = load<f64>(body);
  const offset = load<f64>(body, 8);
  if (!(scale > 0 && scale <= 1 && Math.abs(offset) <= 1)) return false;
  return checkForest(body + forest, model.bodyBytes - forest, model.columns, 0);
}
