/*
 * Half-Space Trees, River's arithmetic on other state. River keeps two masses a node; here a finished window is folded into one
 * number a leaf, the whole sum of River's score walk that ends there (fold.ts), and the running window is a log (window.ts).
 * So a row is scored by one load a tree and learned by one byte a tree.
 */
import { BLOCK_HEADER } from "../arena";
import { Detector } from "../detector";
import { Key } from "../key";
import { HAS_GAPS, LEARNS } from "../scale/scale";
import { NODE_SHIFT, nodesOf } from "../structure";
import { countAddress, massesOf, nextEvent } from "./window";
import { PAIRS, walkFive, walkOne, walkTen } from "./walk";

/**
 * Walks all trees with the scaled row in scratch, and learns into the running window. Leaves at `leaves`, u32 a tree: by the old
 * x' in the low half, by the new one in the high half.
 */
export function walkRow(detector: Detector, key: Key, uses: u32, leaves: u32): void {
  const trees = detector.trees;
  const nodes = nodesOf(key.structure);
  if ((uses & HAS_GAPS) != 0) {
    for (let tree: u32 = 0; tree < trees; tree++) {
      store<u32>(leaves + (tree << 2), walkGaps(detector, key, tree));
    }
  } else {
    let tree: u32 = 0;
    while (tree + 10 <= trees) {
      walkTen(nodes + (tree << NODE_SHIFT), detector, leaves + (tree << 2));
      tree += 10;
    }
    if (tree + 5 <= trees) {
      walkFive(nodes + (tree << NODE_SHIFT), detector, leaves + (tree << 2));
      tree += 5;
    }
    while (tree < trees) {
      store<u32>(leaves + (tree << 2), walkOne(nodes + (tree << NODE_SHIFT), detector));
      tree++;
    }
  }
  if ((uses & LEARNS) != 0) learnLeaves(detector, key, leaves);
}

function learnLeaves(detector: Detector, key: Key, leaves: u32): void {
  const trees = detector.trees;
  if (detector.logs == 0) {
    for (let tree: u32 = 0; tree < trees; tree++) {
      const count = countAddress(detector, key, tree, load<u16>(leaves + (tree << 2), 2) as u32);
      store<u16>(count, load<u16>(count) + 1);
    }
    return;
  }
  const event = nextEvent(detector, key);
  if (detector.leafBytes == 1) {
    for (let tree: u32 = 0; tree < trees; tree++) {
      store<u8>(event + tree, load<u8>(leaves + (tree << 2), 2));
    }
  } else {
    for (let tree: u32 = 0; tree < trees; tree++) {
      store<u16>(event + (tree << 1), load<u16>(leaves + (tree << 2), 2));
    }
  }
}

/** Both walks of a tree where features may be missing; where the two part ways, the second is walked alone. */
function walkGaps(detector: Detector, key: Key, tree: u32): u32 {
  const before = walkMissing(detector, key, tree, 0);
  if (before <= 0xffff) return before | (before << 16);
  return (before & 0xffff) | (walkMissing(detector, key, tree, 8) << 16);
}

/**
 * One walk of one tree by the old (lane 0) or new (lane 8) x', where features may be missing: there River goes to the child
 * that the running window has been in more often, left when they are equal. The leaf; above 16 bits, whether the other x'
 * would have gone another way.
 */
function walkMissing(detector: Detector, key: Key, tree: u32, lane: u32): u32 {
  const stride = detector.trees << NODE_SHIFT;
  const nodes = nodesOf(key.structure) + (tree << NODE_SHIFT);
  let node: u32 = 1;
  let first: u32 = 0;
  let differ: u32 = 0;
  let half = detector.leaves >> 1;
  while (half != 0) {
    const at = nodes + node * stride;
    const pair = load<u32>(at, 8);
    const x = load<f64>(pair + lane, PAIRS);
    let left: u32 = 0;
    if (x == x) {
      const threshold = load<f64>(at);
      left = x < threshold ? 1 : 0;
      differ |= left ^ (load<f64>(pair + (lane ^ 8), PAIRS) < threshold ? 1 : 0);
    } else {
      const masses = massesOf(detector, key, tree, (first as u64) | ((half as u64) << 32));
      left = (masses as u32) > ((masses >> 32) as u32) ? 0 : 1;
    }
    node = (node << 1) | left;
    first += left * half;
    half >>= 1;
  }
  return lane == 0 ? first | (differ << 16) : first;
}

/** River's score of the leaves that `walkRow` left, by the totals at `totals`: 1 - total / largest total. */
export function scoreOf(detector: Detector, totals: u32, leaves: u32): f64 {
  const trees = detector.trees;
  const end = leaves + (trees << 2);
  let sum: u64 = 0;
  let tree = totals + BLOCK_HEADER;
  if (detector.wideTotals == 0) {
    const bytes = detector.leaves << 1;
    for (let at = leaves; at < end; at += 4) {
      sum += load<u16>(tree + ((load<u16>(at) as u32) << 1)) as u64;
      tree += bytes;
    }
  } else {
    const bytes = detector.leaves << 2;
    for (let at = leaves; at < end; at += 4) {
      sum += load<u32>(tree + ((load<u16>(at) as u32) << 2)) as u64;
      tree += bytes;
    }
  }
  const total = 2 * sum + (trees as u64) * (detector.window as u64);
  return 1 - (total as f64) / detector.scoreMax;
}
