/*
 * Forests of binary trees over rows of float32, as isolation forests and regression forests have them.
 *
 *   ┌ header 16 B │ roots: (trees + 1) u32 │ nodes: 8 B each │ expected: f32 each ┐
 *
 * The nodes of tree t are roots[t] up to roots[t + 1], its root first. A node is {f32 threshold, u32 column | child << 10}: a row
 * goes to `child` when its value <= threshold, else to the node after it; both count from the tree's first node and come after
 * their parent, so that every walk ends. Child 0 says leaf: its value is where the threshold would be.
 * `expected` is the mean of the leaf values that the training rows below a node reached.
 */
import { releaseWork, work } from "./work";

@unmanaged
export class Forest {
  trees: u32; // 0
  nodes: u32; // 4
  columns: u32; // 8
  reserved: u32;
}

const HEADER: u32 = 16;
const COLUMN_BITS: u32 = 10;
const COLUMN_MASK: u32 = (1 << COLUMN_BITS) - 1;

/** Rows that a tree can grow from: the children of twice as many nodes still fit what the column leaves of a word. */
export const TREE_ROWS_MAX: u32 = 1 << (31 - COLUMN_BITS);
export const TREES_MAX: u32 = 65536;

const LARGEST: f32 = f32.MAX_VALUE;

/** As scikit-learn's trees see a value: as float32; beyond its range the largest instead of an infinity. */
export function single(value: f64): f32 {
  const rounded = value as f32;
  return rounded > LARGEST ? LARGEST : rounded < -LARGEST ? -LARGEST : rounded;
}

/** The largest float32 that is not above a finite value: a float32 is <= the one exactly when it is <= the other. */
export function singleBelow(value: f64): f32 {
  const rounded = single(value);
  if ((rounded as f64) <= value) return rounded;
  if (rounded == 0) return -f32.MIN_VALUE;
  const bits = reinterpret<u32>(rounded);
  return reinterpret<f32>(rounded > 0 ? bits - 1 : bits + 1);
}

/** A row of float64s as the trees see it: `columns` float32s at `out`. */
export function castRow(row: u32, columns: u32, out: u32): void {
  for (let i: u32 = 0; i < columns; i++) {
    store<f32>(out + (i << 2), single(load<f64>(row + (i << 3))));
  }
}

export function forestAt(address: u32): Forest {
  return changetype<Forest>(address);
}

function rootsOf(forest: Forest): u32 {
  return changetype<u32>(forest) + HEADER;
}

/** Past the roots, at a multiple of 8 from the forest's start. */
function nodesOffset(trees: u32): u32 {
  return HEADER + ((((trees + 1) << 2) + 7) & ~7);
}

function nodesOf(forest: Forest): u32 {
  return changetype<u32>(forest) + nodesOffset(forest.trees);
}

function expectedOf(forest: Forest): u32 {
  return nodesOf(forest) + (forest.nodes << 3);
}

/** Where a row goes from the node at `at`: to a child, or nowhere from a leaf. */
function stepDown(base: u32, at: u32, row: u32): u32 {
  const word = load<u32>(at, 4);
  const child = word >> COLUMN_BITS;
  const right = load<f32>(row + ((word & COLUMN_MASK) << 2)) > load<f32>(at);
  return select<u32>(base + ((child + u32(right)) << 3), at, child != 0);
}

/**
 * The sum over all trees of the leaf values that a row of float32s reaches. Four trees are walked side by side, since each walk
 * waits for memory at every step.
 */
export function sumLeaves(forest: Forest, row: u32): f64 {
  const trees = forest.trees;
  const roots = rootsOf(forest);
  const nodes = nodesOf(forest);
  let sum: f64 = 0;
  for (let tree: u32 = 0; tree < trees; tree += 4) {
    // Past the last tree the last one is walked again, and not added.
    const last = trees - 1;
    const baseA = nodes + (load<u32>(roots + (tree << 2)) << 3);
    const baseB = nodes + (load<u32>(roots + (min<u32>(tree + 1, last) << 2)) << 3);
    const baseC = nodes + (load<u32>(roots + (min<u32>(tree + 2, last) << 2)) << 3);
    const baseD = nodes + (load<u32>(roots + (min<u32>(tree + 3, last) << 2)) << 3);
    let a = baseA;
    let b = baseB;
    let c = baseC;
    let d = baseD;
    while (true) {
      const words = load<u32>(a, 4) | load<u32>(b, 4) | load<u32>(c, 4) | load<u32>(d, 4);
      if (words >> COLUMN_BITS == 0) break;
      a = stepDown(baseA, a, row);
      b = stepDown(baseB, b, row);
      c = stepDown(baseC, c, row);
      d = stepDown(baseD, d, row);
    }
    sum += load<f32>(a) as f64;
    if (tree + 1 < trees) sum += load<f32>(b) as f64;
    if (tree + 2 < trees) sum += load<f32>(c) as f64;
    if (tree + 3 < trees) sum += load<f32>(d) as f64;
  }
  return sum;
}

/**
 * The same sum taken apart by the columns that its splits ask (Saabas 2014): the roots' expected values are the baseline, which
 * is returned; what each step down adds to the expected value goes to the step's column, onto the f64s at `out`.
 */
export function attributeLeaves(forest: Forest, row: u32, out: u32): f64 {
  const trees = forest.trees;
  const roots = rootsOf(forest);
  const nodes = nodesOf(forest);
  const expected = expectedOf(forest);
  let baseline: f64 = 0;
  for (let tree: u32 = 0; tree < trees; tree++) {
    const first = load<u32>(roots + (tree << 2));
    let node = first;
    let mean = load<f32>(expected + (node << 2)) as f64;
    baseline += mean;
    let word = load<u32>(nodes + (node << 3), 4);
    while (word >> COLUMN_BITS != 0) {
      const column = word & COLUMN_MASK;
      const right = load<f32>(row + (column << 2)) > load<f32>(nodes + (node << 3));
      node = first + (word >> COLUMN_BITS) + u32(right);
      const next = load<f32>(expected + (node << 2)) as f64;
      const to = out + (column << 3);
      store<f64>(to, load<f64>(to) + (next - mean));
      mean = next;
      word = load<u32>(nodes + (node << 3), 4);
    }
  }
  return baseline;
}

/**
 * Whether a forest over this many columns lies within `bytes`, all walks stay in their tree and all values are finite and not
 * below `lowest`.
 */
export function checkForest(address: u32, bytes: u32, columns: u32, lowest: f32): bool {
  if (bytes < HEADER) return false;
  const forest = forestAt(address);
  const trees = forest.trees;
  if (trees < 1 || trees > TREES_MAX || forest.columns != columns) return false;
  if (columns < 1 || columns > COLUMN_MASK + 1) return false;
  if (forestBytes(trees, forest.nodes) > (bytes as u64)) return false;
  const roots = rootsOf(forest);
  if (load<u32>(roots) != 0 || load<u32>(roots + (trees << 2)) != forest.nodes) return false;
  for (let tree: u32 = 0; tree < trees; tree++) {
    const from = load<u32>(roots + (tree << 2));
    const to = load<u32>(roots + (tree << 2), 4);
    if (from >= to || to > forest.nodes) return false;
    if (!checkTree(forest, from, to, lowest)) return false;
  }
  return true;
}

function checkTree(forest: Forest, from: u32, to: u32, lowest: f32): bool {
  const columns = forest.columns;
  const nodes = nodesOf(forest);
  const expected = expectedOf(forest);
  for (let node = from; node < to; node++) {
    const mean = load<f32>(expected + (node << 2));
    if (!(mean >= lowest && mean <= LARGEST)) return false;
    const word = load<u32>(nodes + (node << 3), 4);
    const child = word >> COLUMN_BITS;
    const value = load<f32>(nodes + (node << 3));
    if (child == 0) {
      if (!(value >= lowest && value <= LARGEST)) return false;
    } else if (
      value != value ||
      (word & COLUMN_MASK) >= columns ||
      child <= node - from ||
      child + 1 >= to - from
    ) {
      return false;
    }
  }
  return true;
}

/** Bytes of a forest, a multiple of 8. */
export function forestBytes(trees: u32, nodes: u32): u64 {
  const bytes = (nodesOffset(trees) as u64) + (nodes as u64) * 12;
  return (bytes + 7) & ~(7 as u64);
}

/**
 * A forest that grows at the top of work memory: nodes of 16 B, {f32 threshold or value, u32 column and child, f32 expected,
 * u32 size}, one tree after the other. What else the growing needs is taken before.
 */
@unmanaged
export class Growth {
  trees: u32; // 0, done
  nodes: u32; // 4, of these
  roots: u32; // 8, u32 a tree
  first: u32; // 12, address of the first node
  /** Of the tree under way: address and nodes. */
  tree: u32; // 16
  count: u32; // 20
}

const GROWN: u32 = 16;

/** Takes room for a growth of this many trees; its nodes follow from the next `beginTree` on. */
export function newGrowth(trees: u32): Growth {
  const growth = changetype<Growth>(work(offsetof<Growth>()));
  growth.trees = 0;
  growth.nodes = 0;
  growth.roots = work((trees as u64) << 2);
  growth.first = 0;
  return growth;
}

/** Begins a tree, with a root alone, over `size` different rows: at most 2 * size - 1 nodes. */
export function beginTree(growth: Growth, size: u32): void {
  growth.tree = work(2 * (size as u64) * GROWN);
  if (growth.trees == 0) growth.first = growth.tree;
  growth.count = 1;
}

export function endTree(growth: Growth): void {
  releaseWork(growth.tree + growth.count * GROWN);
  store<u32>(growth.roots + (growth.trees << 2), growth.nodes);
  growth.trees++;
  growth.nodes += growth.count;
}

/** Makes a node of the tree under way a leaf. */
export function growLeaf(growth: Growth, node: u32, value: f32, size: u32): void {
  const at = growth.tree + node * GROWN;
  store<f32>(at, value);
  store<u32>(at, 0, 4);
  store<f32>(at, value, 8);
  store<u32>(at, size, 12);
}

/** Makes it a split; its first child. */
export function growSplit(growth: Growth, node: u32, column: u32, threshold: f32): u32 {
  const at = growth.tree + node * GROWN;
  const child = growth.count;
  growth.count += 2;
  store<f32>(at, threshold);
  store<u32>(at, column | (child << COLUMN_BITS), 4);
  return child;
}

/** From the leaves up: what the rows below each split of the tree under way reach on average. */
export function expectLeaves(growth: Growth): void {
  for (let node = growth.count; node > 0; node--) {
    const at = growth.tree + (node - 1) * GROWN;
    const child = load<u32>(at, 4) >> COLUMN_BITS;
    if (child == 0) continue;
    const left = growth.tree + child * GROWN;
    const right = left + GROWN;
    const a = load<u32>(left, 12) as f64;
    const b = load<u32>(right, 12) as f64;
    const mean = ((load<f32>(left, 8) as f64) * a + (load<f32>(right, 8) as f64) * b) / (a + b);
    store<f32>(at, mean as f32, 8);
    store<u32>(at, (a + b) as u32, 12);
  }
}

/** Writes what has grown as a forest, into forestBytes(trees, nodes) zeroed bytes. */
export function writeForest(growth: Growth, columns: u32, address: u32): void {
  const forest = forestAt(address);
  forest.trees = growth.trees;
  forest.nodes = growth.nodes;
  forest.columns = columns;
  memory.copy(rootsOf(forest), growth.roots, growth.trees << 2);
  store<u32>(rootsOf(forest) + (growth.trees << 2), growth.nodes);
  const nodes = nodesOf(forest);
  const expected = expectedOf(forest);
  for (let i: u32 = 0; i < growth.nodes; i++) {
    const from = growth.first + i * GROWN;
    store<u64>(nodes + (i << 3), load<u64>(from));
    store<f32>(expected + (i << 2), load<f32>(from, 8));
  }
}
