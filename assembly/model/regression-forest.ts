/*
 * Random forest regression (Breiman 2001) as scikit-learn's RandomForestRegressor grows it by default: each tree takes as many rows
 * as there are, with replacement, and splits (all columns, largest reduction of variance, thresholds halfway between neighbours, rows
 * cast to float32) until a leaf has one row or one target. A row's value is the mean of the leaves that it reaches.
 *
 * The columns are sorted once; a split parts every column's list and keeps its order, so that a level costs rows x columns steps.
 */
import { randomBelow, sampleWithout } from "../rng";
import {
  beginTree,
  endTree,
  expectLeaves,
  growLeaf,
  growSplit,
  Growth,
  newGrowth,
  single,
  singleBelow,
} from "./forest";
import { sortIndices } from "./sort";
import { releaseWork, work, workTop } from "./work";

const REGRESSION_TREES: u32 = 50;

/**
 * Rows that a forest grows from; of more a sample. A tree of n rows has about 1.3 n nodes of 12 bytes: this many rows make 3 MB.
 */
export const REGRESSION_ROWS_MAX: u32 = 4096;

/** Targets closer than it are one target: scikit-learn's bound on the variance of a leaf that could be split. */
const VARIANCE_MIN: f64 = 2.220446049250313e-16;

/** {u32 row, f32 value} */
const ENTRY: u32 = 8;
/** Of a row in a tree: {f64 times drawn, f64 times * target} */
const DRAWN: u32 = 16;

@unmanaged
class Planting {
  rows: u32; // 0
  columns: u32; // 4
  /** f64 a row. */
  targets: u32; // 8
  /** Entries of all rows, a list a column, by value. */
  sorted: u32; // 12
  /** Entries of the rows that the tree drew, `taken` a column: within a node's range by value. */
  lists: u32; // 16
  taken: u32; // 20
  drawn: u32; // 24
  /** {node, from, to, 0} u32 each. */
  stack: u32; // 28
  /** Room for one list. */
  spare: u32; // 32
  /** Of the split under way. */
  column: u32; // 36
  threshold: f32; // 40
}

/** Grows a forest that maps rows (f64, row-major) to targets (f64 each, of a magnitude near 1). */
export function growRegressionForest(rows: u32, count: u32, columns: u32, targets: u32): Growth {
  const planting = newPlanting(min<u32>(count, REGRESSION_ROWS_MAX), columns);
  const chosen = work((planting.rows as u64) << 2);
  sampleWithout(planting.rows, count, chosen);
  for (let i: u32 = 0; i < planting.rows; i++) {
    const row = load<u32>(chosen + (i << 2));
    store<f64>(planting.targets + (i << 3), load<f64>(targets + (row << 3)));
  }
  sortColumns(planting, rows, chosen);
  const growth = newGrowth(REGRESSION_TREES);
  for (let tree: u32 = 0; tree < REGRESSION_TREES; tree++) {
    draw(planting);
    growTree(growth, planting);
  }
  return growth;
}

function newPlanting(rows: u32, columns: u32): Planting {
  const planting = changetype<Planting>(work(offsetof<Planting>()));
  const entries = (rows as u64) * ENTRY;
  planting.rows = rows;
  planting.columns = columns;
  planting.targets = work((rows as u64) << 3);
  planting.sorted = work(entries * columns);
  planting.lists = work(entries * columns);
  planting.drawn = work((rows as u64) * DRAWN);
  planting.stack = work(((rows as u64) + 2) << 4);
  planting.spare = work(entries);
  return planting;
}

function sortColumns(planting: Planting, rows: u32, chosen: u32): void {
  const count = planting.rows;
  const columns = planting.columns;
  const mark = workTop();
  const values = work((count as u64) << 3);
  const order = work((count as u64) << 2);
  for (let c: u32 = 0; c < columns; c++) {
    for (let i: u32 = 0; i < count; i++) {
      const row = rows + load<u32>(chosen + (i << 2)) * (columns << 3);
      store<f64>(values + (i << 3), single(load<f64>(row + (c << 3))) as f64);
      store<u32>(order + (i << 2), i);
    }
    sortIndices(order, count, values);
    const list = planting.sorted + c * count * ENTRY;
    for (let i: u32 = 0; i < count; i++) {
      const row = load<u32>(order + (i << 2));
      store<u32>(list + i * ENTRY, row);
      store<f32>(list + i * ENTRY, load<f64>(values + (row << 3)) as f32, 4);
    }
  }
  releaseWork(mark);
}

/** Draws a tree's rows, and keeps their entries of the sorted lists. */
function draw(planting: Planting): void {
  const count = planting.rows;
  const drawn = planting.drawn;
  memory.fill(drawn, 0, count * DRAWN);
  for (let i: u32 = 0; i < count; i++) {
    const row = randomBelow(count);
    const at = drawn + row * DRAWN;
    store<f64>(at, load<f64>(at) + 1);
    store<f64>(at, load<f64>(at, 8) + load<f64>(planting.targets + (row << 3)), 8);
  }
  let to = planting.lists;
  for (let c: u32 = 0; c < planting.columns; c++) {
    const list = planting.sorted + c * count * ENTRY;
    for (let i: u32 = 0; i < count; i++) {
      const entry = load<u64>(list + i * ENTRY);
      if (load<f64>(drawn + (entry as u32) * DRAWN) == 0) continue;
      store<u64>(to, entry);
      to += ENTRY;
    }
  }
  planting.taken = (to - planting.lists) / (ENTRY * planting.columns);
}

function push(top: u32, node: u32, from: u32, to: u32): u32 {
  store<u32>(top, node);
  store<u32>(top, from, 4);
  store<u32>(top, to, 8);
  return top + 16;
}

function growTree(growth: Growth, planting: Planting): void {
  beginTree(growth, planting.taken);
  let top = push(planting.stack, 0, 0, planting.taken);
  while (top != planting.stack) {
    top -= 16;
    const node = load<u32>(top);
    const from = load<u32>(top, 4);
    const to = load<u32>(top, 8);
    let weight: f64 = 0;
    let sum: f64 = 0;
    for (let i = from; i < to; i++) {
      const at = planting.drawn + load<u32>(planting.lists + i * ENTRY) * DRAWN;
      weight += load<f64>(at);
      sum += load<f64>(at, 8);
    }
    const mean = sum / weight;
    if (isOneTarget(planting, from, to, mean) || !findSplit(planting, from, to, weight, mean)) {
      growLeaf(growth, node, single(mean), weight as u32);
      continue;
    }
    const middle = partLists(planting, from, to);
    const child = growSplit(growth, node, planting.column, planting.threshold);
    top = push(top, child + 1, middle, to);
    top = push(top, child, from, middle);
  }
  expectLeaves(growth);
  endTree(growth);
}

function isOneTarget(planting: Planting, from: u32, to: u32, mean: f64): bool {
  if (to - from < 2) return true;
  let squares: f64 = 0;
  let weight: f64 = 0;
  for (let i = from; i < to; i++) {
    const row = load<u32>(planting.lists + i * ENTRY);
    const times = load<f64>(planting.drawn + row * DRAWN);
    const delta = load<f64>(planting.targets + (row << 3)) - mean;
    squares += times * delta * delta;
    weight += times;
  }
  return squares <= weight * VARIANCE_MIN;
}

/**
 * Finds the column and threshold whose sides differ most: the gain is weight * (difference of the sides' means)^2 * share * share.
 * False = no column has two values. Of equal gains the first.
 */
function findSplit(planting: Planting, from: u32, to: u32, weight: f64, mean: f64): bool {
  const drawn = planting.drawn;
  let best: f64 = -1;
  for (let c: u32 = 0; c < planting.columns; c++) {
    const list = planting.lists + c * planting.taken * ENTRY;
    const last = list + (to - 1) * ENTRY;
    let left: f64 = 0;
    let rise: f64 = 0;
    for (let at = list + from * ENTRY; at < last; at += ENTRY) {
      const row = drawn + load<u32>(at) * DRAWN;
      const times = load<f64>(row);
      left += times;
      rise += load<f64>(row, 8) - times * mean;
      const value = load<f32>(at, 4);
      const next = load<f32>(at, 4 + ENTRY);
      if (!(next > value)) continue;
      const gain = (rise * rise) / (left * (weight - left));
      if (!(gain > best)) continue;
      best = gain;
      planting.column = c;
      planting.threshold = halfway(value, next);
    }
  }
  return best >= 0;
}

/** The largest float32 not above the middle of two, and below the second. */
function halfway(value: f32, next: f32): f32 {
  const middle = singleBelow((value as f64) * 0.5 + (next as f64) * 0.5);
  return middle < next ? middle : value;
}

/** Parts every column's entries of a node by the split found; where the right side begins. */
function partLists(planting: Planting, from: u32, to: u32): u32 {
  const split = planting.lists + planting.column * planting.taken * ENTRY;
  let middle = from;
  while (load<f32>(split + middle * ENTRY, 4) <= planting.threshold) middle++;
  // Rows to the left are marked by the sign of their number of draws.
  markLeft(planting, split, from, middle);
  for (let c: u32 = 0; c < planting.columns; c++) {
    if (c == planting.column) continue;
    const list = planting.lists + c * planting.taken * ENTRY;
    let left = list + from * ENTRY;
    let right = planting.spare;
    for (let at = left; at < list + to * ENTRY; at += ENTRY) {
      const entry = load<u64>(at);
      if (load<f64>(planting.drawn + (entry as u32) * DRAWN) < 0) {
        store<u64>(left, entry);
        left += ENTRY;
      } else {
        store<u64>(right, entry);
        right += ENTRY;
      }
    }
    memory.copy(left, planting.spare, right - planting.spare);
  }
  markLeft(planting, split, from, middle);
  return middle;
}

/** Turns the sign of the draws of these rows. */
function markLeft(planting: Planting, list: u32, from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const at = planting.drawn + load<u32>(list + i * ENTRY) * DRAWN;
    store<f64>(at, -load<f64>(at));
  }
}
