/*
 * Training rows to find nearest ones in (neighbour-search.ts): rows in blocks of eight, under a KD-tree where that pays.
 *
 *   ┌ Neighbours 32 B │ boxes: 2 x leaves nodes, each its columns' least and greatest values │ order: u32 a position │ blocks ┐
 *
 * Positions are rows in the tree's order; `order` says which row of the training each is. The tree is a complete binary one in
 * heap order (1 = root, children of i: 2i, 2i + 1) over a power of two of leaves; a node's blocks follow from its number, so
 * that nothing read from a model file is used as an address. One leaf means no tree: every block is looked at.
 *
 * Measured on normal deviates without any structure, the worst case for a tree, k = 5, microseconds a search, tree / every block:
 *
 *   rows \ columns      2            5            10           30
 *   200            0.3 / 0.3    0.4 / 0.4    0.5 / 0.6    1.0 / 1.0
 *   1,000          0.2 / 1.1    0.7 / 1.5    2.0 / 2.0    4.7 / 4.2
 *   10,000         0.3 / 5.6    2.0 / 8.8    9.8 / 14     42 / 39
 *
 * So a tree is planted wherever there are rows for two leaves, with leaves of two blocks and more with more columns: a box costs as
 * much as a block of half as many rows, which keeps what a useless tree costs near a tenth.
 */
import { areBounded, boundedBytes, LANE_BYTES, LANES, VALUE_MAX } from "./distances";
import { align16 } from "./model";
import { sortIndices } from "./sort";
import { releaseWork, work, workTop } from "./work";

/** The least number of blocks in a leaf, see above; of many columns half as many as columns. */
const LEAF_BLOCKS: u32 = 2;

/** Rows squared x columns of a training. */
const WORK_MAX: f64 = 4e9;
const ROWS_MIN: f64 = 2000;
const ROWS_MAX: f64 = 20000;
/** Neighbours in all lists of a training. */
const LISTED_MAX: u32 = 4194304;

@unmanaged
export class Neighbours {
  rows: u32; // 0
  columns: u32; // 4
  leaves: u32; // 8, a power of two
  reserved: u32;
  /** Minkowski's exponent, 1..64. */
  p: f64; // 16
  reserved2: f64;
}

const HEADER: u32 = 32;

export function blocksOf(rows: u32): u32 {
  return (rows + LANES - 1) / LANES;
}

export function boxOf(neighbours: Neighbours, node: u32): u32 {
  return changetype<u32>(neighbours) + HEADER + node * (boundedBytes(neighbours.columns) << 1);
}

export function orderOf(neighbours: Neighbours): u32 {
  const nodes: u32 = neighbours.leaves > 1 ? neighbours.leaves << 1 : 0;
  return boxOf(neighbours, nodes);
}

export function blocksAt(neighbours: Neighbours): u32 {
  return orderOf(neighbours) + align16(blocksOf(neighbours.rows) * LANES * 4);
}

/** Address of a value of the row at a position; its next column is LANE_BYTES further. */
export function valuesOf(neighbours: Neighbours, position: u32): u32 {
  const block = position / LANES;
  return blocksAt(neighbours) + block * neighbours.columns * LANE_BYTES + ((position % LANES) << 3);
}

/** The first block of a leaf or inner node that is the `index`th of `nodes` on its level. */
export function firstBlock(blocks: u32, index: u32, nodes: u32): u32 {
  return (((index as u64) * (blocks as u64)) / (nodes as u64)) as u32;
}

/** How many leaves the rows should have: 1 where two levels would not have blocks enough. */
export function planLeaves(rows: u32, columns: u32): u32 {
  const least = max(LEAF_BLOCKS, columns / 2);
  const blocks = blocksOf(rows);
  let leaves: u32 = 1;
  while (blocks / (leaves << 1) >= least) leaves <<= 1;
  return leaves;
}

/**
 * Rows that a training may search among: each is searched for, so the time grows with rows squared x columns. A search with a p
 * other than 1 and 2 takes powers, about 20 times as long. Lists of neighbours are kept, which bounds rows x k.
 */
export function searchBound(columns: u32, p: f64, wanted: u32): u32 {
  const cost: f64 = p == 1 || p == 2 ? 1 : 20;
  const rows = Math.sqrt(WORK_MAX / ((columns as f64) * cost));
  return min(Math.max(ROWS_MIN, Math.min(rows, ROWS_MAX)) as u32, LISTED_MAX / wanted);
}

export function neighboursBytes(rows: u32, columns: u32, leaves: u32): u64 {
  const nodes: u64 = leaves > 1 ? (leaves as u64) << 1 : 0;
  const blocks = ((rows as u64) + LANES - 1) / LANES;
  return (
    HEADER +
    nodes * ((boundedBytes(columns) as u64) << 1) +
    blocks * LANES * 4 +
    blocks * (columns as u64) * LANE_BYTES
  );
}

/** Whether the bytes are what `buildNeighbours` could have written. */
export function checkNeighbours(at: u32, bytes: u64, columns: u32): bool {
  if (bytes < HEADER) return false;
  const neighbours = changetype<Neighbours>(at);
  const rows = neighbours.rows;
  const leaves = neighbours.leaves;
  if (rows < 1 || neighbours.columns != columns) return false;
  if (leaves < 1 || (leaves & (leaves - 1)) != 0) return false;
  if (!(neighbours.p >= 1 && neighbours.p <= 64)) return false;
  // In 64 bits, so that it bounds rows and leaves: what comes after may count in 32.
  if (neighboursBytes(rows, columns, leaves) != bytes) return false;
  const order = orderOf(neighbours);
  for (let i: u32 = 0; i < rows; i++) {
    if (load<u32>(order + (i << 2)) >= rows) return false;
  }
  const blocks = blocksAt(neighbours);
  if (!areBounded(blocks, (((at as u64) + bytes - (blocks as u64)) >> 3) as u32)) return false;
  return areBounded(at + HEADER, (order - at - HEADER) >> 3);
}

/** Lays out row-major rows at `at`, `neighboursBytes` long and zeroed. */
export function buildNeighbours(
  at: u32,
  rows: u32,
  count: u32,
  columns: u32,
  p: f64,
  leaves: u32,
): void {
  const neighbours = changetype<Neighbours>(at);
  neighbours.rows = count;
  neighbours.columns = columns;
  neighbours.leaves = leaves;
  neighbours.p = p;
  const order = orderOf(neighbours);
  for (let i: u32 = 0; i < count; i++) store<u32>(order + (i << 2), i);
  if (leaves > 1) plantTree(neighbours, rows);
  const blocks = blocksAt(neighbours);
  const slots = blocksOf(count) * LANES;
  for (let position: u32 = 0; position < slots; position++) {
    const row = load<u32>(order + (min(position, count - 1) << 2));
    const from = rows + row * (columns << 3);
    const to = valuesOf(neighbours, position);
    for (let c: u32 = 0; c < columns; c++) {
      store<f64>(to + c * LANE_BYTES, load<f64>(from + (c << 3)));
    }
  }
}

/** Orders the rows so that each node's halves part at a block's end, along the column where the node is widest. */
function plantTree(neighbours: Neighbours, rows: u32): void {
  const mark = workTop();
  const leaves = neighbours.leaves;
  const blocks = blocksOf(neighbours.rows);
  const order = orderOf(neighbours);
  const values = work((neighbours.rows as u64) << 3);
  let nodes: u32 = 1;
  for (let node: u32 = 1; node < leaves << 1; node++) {
    if (node == nodes << 1) nodes <<= 1;
    const first = firstBlock(blocks, node - nodes, nodes) * LANES;
    const last = min(firstBlock(blocks, node - nodes + 1, nodes) * LANES, neighbours.rows);
    const widest = frame(neighbours, rows, node, first, last);
    if (node >= leaves) continue;
    for (let i = first; i < last; i++) {
      const row = load<u32>(order + (i << 2));
      const value = load<f64>(rows + ((row * neighbours.columns + widest) << 3));
      store<f64>(values + (row << 3), value);
    }
    sortIndices(order + (first << 2), last - first, values);
  }
  releaseWork(mark);
}

/** Fills a node's box with the bounds of the rows at positions first..last - 1; the column where it is widest. */
function frame(neighbours: Neighbours, rows: u32, node: u32, first: u32, last: u32): u32 {
  const columns = neighbours.columns;
  const low = boxOf(neighbours, node);
  const high = low + boundedBytes(columns);
  const order = orderOf(neighbours);
  for (let c: u32 = 0; c < columns; c++) {
    store<f64>(low + (c << 3), VALUE_MAX);
    store<f64>(high + (c << 3), -VALUE_MAX);
  }
  for (let i = first; i < last; i++) {
    const row = rows + load<u32>(order + (i << 2)) * (columns << 3);
    for (let c: u32 = 0; c < columns; c++) {
      const at = c << 3;
      const value = load<f64>(row + at);
      store<f64>(low + at, Math.min(load<f64>(low + at), value));
      store<f64>(high + at, Math.max(load<f64>(high + at), value));
    }
  }
  let widest: u32 = 0;
  let width: f64 = -1;
  for (let c: u32 = 0; c < columns; c++) {
    const spread = load<f64>(high + (c << 3)) - load<f64>(low + (c << 3));
    if (spread > width) {
      width = spread;
      widest = c;
    }
  }
  return widest;
}
