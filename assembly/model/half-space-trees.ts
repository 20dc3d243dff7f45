/*
 * Half-Space Trees, River's arithmetic on other state. River keeps two masses a node; here a finished window is folded into one
 * number a leaf, the whole sum of River's score walk that ends there (fold.ts), and the running window is a log (window.ts).
 * So a row is scored by one load a tree and learned by one byte a tree.
 */
import { BLOCK_HEADER } from "../arena";
import { Detector } from "../detector";
import { Key } from "../key";
import { SCRATCH_PAIRS } from "../layout";
import { HAS_GAPS, LEARNS, SCORES } from "../scale/scale";
import { featuresOf, thresholdsOf } from "../structure";
import { countAddress, massOf, nextEvent } from "./window";

/**
 * Walks all trees with the scaled row in scratch. Learns into the running window, and leaves the addresses of the leaf totals
 * that make the score at `addresses`, one u32 a tree.
 */
export function walkRow(detector: Detector, key: Key, uses: u32, addresses: u32): void {
  const trees = detector.trees;
  const leaves = detector.leaves;
  const structure = key.structure;
  const scores = (uses & SCORES) != 0;
  const totals = key.totals + BLOCK_HEADER;
  const shift = 1 + detector.wideTotals;
  let thresholds = thresholdsOf(structure);
  let features = featuresOf(structure, detector);
  const height = detector.height;
  let event: u32 = (uses & LEARNS) != 0 ? nextEvent(detector, key) : 0;
  const gaps = (uses & HAS_GAPS) != 0;
  for (let tree: u32 = 0; tree < trees; tree++) {
    const both = gaps ? walkGaps(detector, key, tree) : walkBoth(thresholds, features, height);
    if (scores)
      store<u32>(addresses + (tree << 2), totals + ((tree * leaves + (both & 0xffff)) << shift));
    if (event != 0) {
      learnLeaf(detector, key, tree, both >> 16, event);
      event += detector.leafBytes;
    }
    thresholds += leaves << 3;
    features += leaves << 1;
  }
}

function learnLeaf(detector: Detector, key: Key, tree: u32, leaf: u32, event: u32): void {
  if (detector.logs == 0) {
    const count = countAddress(detector, key, tree, leaf);
    store<u16>(count, load<u16>(count) + 1);
  } else if (detector.leafBytes == 1) {
    store<u8>(event, leaf as u8);
  } else {
    store<u16>(event, leaf as u16);
  }
}

/** Both walks of one tree: leaf by the old x' in the low half, leaf by the new one in the high half. */
function walkBoth(thresholds: u32, features: u32, height: u32): u32 {
  let node: u32 = 1;
  let differ: u32 = 0;
  for (let depth: u32 = 0; depth < height; depth++) {
    const pair = v128.load(SCRATCH_PAIRS + (load<u16>(features + (node << 1)) as u32));
    const threshold = v128.load64_splat(thresholds + (node << 3));
    const left = i64x2.bitmask(f64x2.lt(pair, threshold)) as u32;
    differ |= left ^ (left >> 1);
    node = (node << 1) | (~left & 1);
  }
  const leaf = node & ((1 << height) - 1);
  if ((differ & 1) == 0) return leaf | (leaf << 16);
  return leaf | (walkNew(thresholds, features, height) << 16);
}

function walkNew(thresholds: u32, features: u32, height: u32): u32 {
  let node: u32 = 1;
  for (let depth: u32 = 0; depth < height; depth++) {
    const x = load<f64>(SCRATCH_PAIRS + (load<u16>(features + (node << 1)) as u32), 8);
    node = (node << 1) | (x < load<f64>(thresholds + (node << 3)) ? 0 : 1);
  }
  return node & ((1 << height) - 1);
}

function walkGaps(detector: Detector, key: Key, tree: u32): u32 {
  const before = walkMissing(detector, key, tree, 0);
  return before | (walkMissing(detector, key, tree, 8) << 16);
}

/**
 * One walk of one tree by the old (lane 0) or new (lane 8) x', where features may be missing: there River goes to the child
 * that the running window has been in more often, left when they are equal.
 */
function walkMissing(detector: Detector, key: Key, tree: u32, lane: u32): u32 {
  const leaves = detector.leaves;
  const thresholds = thresholdsOf(key.structure) + ((tree * leaves) << 3);
  const features = featuresOf(key.structure, detector) + ((tree * leaves) << 1);
  let node: u32 = 1;
  let first: u32 = 0;
  let half = leaves >> 1;
  while (half != 0) {
    const x = load<f64>(SCRATCH_PAIRS + (load<u16>(features + (node << 1)) as u32) + lane);
    const middle = first + half;
    let right: u32 = 0;
    if (x == x) {
      right = x < load<f64>(thresholds + (node << 3)) ? 0 : 1;
    } else {
      const onLeft = massOf(detector, key, tree, (first as u64) | ((middle as u64) << 32));
      const onRight = massOf(
        detector,
        key,
        tree,
        (middle as u64) | (((middle + half) as u64) << 32),
      );
      right = onRight > onLeft ? 1 : 0;
    }
    node = (node << 1) | right;
    first += right * half;
    half >>= 1;
  }
  return first;
}

/** River's score from the leaf totals at the addresses that `walkRow` left: 1 - total / largest total. */
export function scoreOf(detector: Detector, addresses: u32): f64 {
  const trees = detector.trees;
  let sum: u64 = 0;
  if (detector.wideTotals == 0) {
    for (let tree: u32 = 0; tree < trees; tree++) {
      sum += load<u16>(load<u32>(addresses + (tree << 2))) as u64;
    }
  } else {
    for (let tree: u32 = 0; tree < trees; tree++) {
      sum += load<u32>(load<u32>(addresses + (tree << 2))) as u64;
    }
  }
  const total = 2 * sum + (trees as u64) * (detector.window as u64);
  return 1 - (total as f64) / detector.scoreMax;
}
