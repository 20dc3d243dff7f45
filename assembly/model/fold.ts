/*
 * The end of a window: River makes the running masses the reference and starts again at 0. Here the window becomes one total a
 * leaf: what River's score walk adds up on its way to that leaf, mass * 2^depth for every node down to the first whose mass is
 * below the size limit, and the leaf.
 *
 * The root's part is always `window`, the rest is even: a total is stored as (total - window) / 2, in 16 bits where that fits.
 *
 *   totals  ┌ kind │ run │ peak f64: sum over trees of the largest total │ u16 or u32 [trees][leaves] │ sketch ┐
 */
import { BLOCK_HEADER, KIND_TOTALS } from "../arena";
import { allocateFor, Detector, totalsBlockBytes } from "../detector";
import { Key } from "../key";
import { SCRATCH_FOLD, SCRATCH_FOLD_BYTES } from "../layout";
import { clearSketch } from "../threshold";
import { clearWindow } from "./window";

/** Sum over trees of the largest leaf total, as River counts it: the score of the most crowded paths. */
export function peakOf(key: Key): f64 {
  return load<f64>(key.totals, 8);
}

/** Whether the peak of a totals block is that of its totals. */
export function arePeaksSound(detector: Detector, block: u32): bool {
  const leaves = detector.leaves;
  const wide = detector.wideTotals != 0;
  let peak: u64 = (detector.trees as u64) * (detector.window as u64);
  let at = block + BLOCK_HEADER;
  for (let tree: u32 = 0; tree < detector.trees; tree++) {
    let most: u32 = 0;
    for (let leaf: u32 = 0; leaf < leaves; leaf++) {
      most = max(most, wide ? load<u32>(at) : (load<u16>(at) as u32));
      at += wide ? 4 : 2;
    }
    peak += 2 * (most as u64);
  }
  return load<f64>(block, 8) == (peak as f64);
}

/** The sketch in a totals block. */
export function sketchIn(detector: Detector, totals: u32): u32 {
  return totals + BLOCK_HEADER + detector.totalsBytes;
}

/** Memory for the first fold. False = the arena is full. */
export function reserveTotals(detector: Detector, key: Key): bool {
  if (key.totals != 0) return true;
  const totals = allocateFor(detector.slot, totalsBlockBytes(detector));
  if (totals == 0) return false;
  memory.fill(totals + 8, 0, 8);
  if (detector.threshold != detector.threshold) clearSketch(key, sketchIn(detector, totals));
  store<u32>(totals, KIND_TOTALS);
  key.totals = totals;
  return true;
}

/** Folds a full window into the totals and starts the next. */
export function foldWindow(detector: Detector, key: Key): void {
  const trees = detector.trees;
  const leaves = detector.leaves;
  assert(key.totals != 0 && key.inWindow == detector.window, "a full window and its totals");
  const group = min(trees, SCRATCH_FOLD_BYTES / (leaves << 2));
  let peak: u64 = (trees as u64) * (detector.window as u64);
  for (let first: u32 = 0; first < trees; first += group) {
    const count = min(group, trees - first);
    countLeaves(detector, key, first, count);
    for (let tree: u32 = 0; tree < count; tree++) {
      const masses = SCRATCH_FOLD + ((tree * leaves) << 2);
      const totals =
        key.totals + BLOCK_HEADER + (((first + tree) * leaves) << (1 + detector.wideTotals));
      sumMasses(masses, leaves);
      peak +=
        2 *
        (detector.wideTotals != 0
          ? spreadWide(detector, masses, totals)
          : spreadNarrow(detector, masses, totals));
    }
  }
  store<f64>(key.totals, peak as f64, 8);
  clearWindow(detector, key);
}

/** Leaf masses of `count` trees into the lower halves of their heaps, u16 [2 * leaves] each. */
function countLeaves(detector: Detector, key: Key, first: u32, count: u32): void {
  const leaves = detector.leaves;
  const heap = leaves << 2;
  const half = leaves << 1;
  const source = key.window + BLOCK_HEADER;
  if (detector.logs == 0) {
    for (let tree: u32 = 0; tree < count; tree++) {
      memory.copy(SCRATCH_FOLD + tree * heap + half, source + (first + tree) * half, half);
    }
    return;
  }
  for (let tree: u32 = 0; tree < count; tree++)
    memory.fill(SCRATCH_FOLD + tree * heap + half, 0, half);
  const stride = detector.logStride;
  const wide = detector.leafBytes == 2;
  let event = source + first * detector.leafBytes;
  const past = event + key.inWindow * stride;
  while (event < past) {
    let masses = SCRATCH_FOLD + half;
    for (let tree: u32 = 0; tree < count; tree++) {
      const leaf: u32 = wide
        ? (load<u16>(event + (tree << 1)) as u32)
        : (load<u8>(event + tree) as u32);
      const at = masses + (leaf << 1);
      store<u16>(at, load<u16>(at) + 1);
      masses += heap;
    }
    event += stride;
  }
}

/** Inner masses from those of the leaves, bottom up: a node's is the sum of its children's. */
function sumMasses(masses: u32, leaves: u32): void {
  let nodes = leaves >> 1;
  const low = i32x4.splat(0xffff);
  while (nodes >= 8) {
    for (let node = nodes; node < nodes << 1; node += 8) {
      const a = v128.load(masses + (node << 2));
      const b = v128.load(masses + (node << 2), 16);
      const sumA = i32x4.add(v128.and(a, low), i32x4.shr_u(a, 16));
      const sumB = i32x4.add(v128.and(b, low), i32x4.shr_u(b, 16));
      v128.store(masses + (node << 1), i16x8.narrow_i32x4_u(sumA, sumB));
    }
    nodes >>= 1;
  }
  for (let node = (nodes << 1) - 1; node >= 1; node--) {
    const child = masses + (node << 2);
    store<u16>(masses + (node << 1), load<u16>(child) + load<u16>(child, 2));
  }
}

/** Totals of a tree top down, in 16 bits, and the largest. Level by level in place, from its right end. */
function spreadNarrow(detector: Detector, masses: u32, totals: u32): u64 {
  const limit = detector.sizeLimit;
  store<u16>(totals, 0);
  let nodes: u32 = 1;
  let depth: u32 = 0;
  while (nodes < detector.leaves) {
    if (nodes >= 8) spreadLevel(masses + (nodes << 1), totals, nodes, (depth << 16) | limit);
    else {
      for (let i: i32 = nodes - 1; i >= 0; i--) {
        const mass = load<u16>(masses + ((nodes + i) << 1)) as u32;
        const child = masses + ((nodes + i) << 2);
        const total = load<u16>(totals + (i << 1)) as u32;
        const goesOn: u32 = mass >= limit ? 1 : 0;
        store<u16>(
          totals + (i << 2),
          (total + (((load<u16>(child) as u32) * goesOn) << depth)) as u16,
        );
        store<u16>(
          totals + (i << 2),
          (total + (((load<u16>(child, 2) as u32) * goesOn) << depth)) as u16,
          2,
        );
      }
    }
    nodes <<= 1;
    depth++;
  }
  return largestNarrow(totals, detector.leaves);
}

/** One level of `nodes` >= 8 nodes to the next; `depthAndLimit` = depth << 16 | limit. */
function spreadLevel(masses: u32, totals: u32, nodes: u32, depthAndLimit: u32): void {
  const depth = (depthAndLimit >> 16) as i32;
  const limit = i16x8.splat(depthAndLimit as i16);
  const children = masses + (nodes << 1);
  for (let i: i32 = nodes - 8; i >= 0; i -= 8) {
    const total = v128.load(totals + (i << 1));
    const goesOn = i16x8.ge_u(v128.load(masses + (i << 1)), limit);
    const left = i16x8.shl(v128.load(children + (i << 2)), depth);
    const right = i16x8.shl(v128.load(children + (i << 2), 16), depth);
    const totalLeft = v128.shuffle<i16>(total, total, 0, 0, 1, 1, 2, 2, 3, 3);
    const totalRight = v128.shuffle<i16>(total, total, 4, 4, 5, 5, 6, 6, 7, 7);
    const onLeft = v128.shuffle<i16>(goesOn, goesOn, 0, 0, 1, 1, 2, 2, 3, 3);
    const onRight = v128.shuffle<i16>(goesOn, goesOn, 4, 4, 5, 5, 6, 6, 7, 7);
    v128.store(totals + (i << 2), i16x8.add(totalLeft, v128.and(left, onLeft)));
    v128.store(totals + (i << 2), i16x8.add(totalRight, v128.and(right, onRight)), 16);
  }
}

function largestNarrow(totals: u32, leaves: u32): u64 {
  let largest: u32 = 0;
  let leaf: u32 = 0;
  if (leaves >= 8) {
    let most = i16x8.splat(0);
    for (; leaf < leaves; leaf += 8) most = i16x8.max_u(most, v128.load(totals + (leaf << 1)));
    most = i16x8.max_u(most, v128.shuffle<i64>(most, most, 1, 0));
    const lanes = i64x2.extract_lane(most, 0);
    for (let i: i64 = 0; i < 64; i += 16) largest = max(largest, ((lanes >> i) & 0xffff) as u32);
  }
  for (; leaf < leaves; leaf++) largest = max(largest, load<u16>(totals + (leaf << 1)) as u32);
  return largest as u64;
}

/** The same in 32 bits, for windows and heights whose totals do not fit in 16. */
function spreadWide(detector: Detector, masses: u32, totals: u32): u64 {
  const limit = detector.sizeLimit;
  store<u32>(totals, 0);
  let nodes: u32 = 1;
  let depth: u32 = 0;
  let largest: u32 = 0;
  while (nodes < detector.leaves) {
    for (let i: i32 = nodes - 1; i >= 0; i--) {
      const mass = load<u16>(masses + ((nodes + i) << 1)) as u32;
      const child = masses + ((nodes + i) << 2);
      const total = load<u32>(totals + (i << 2));
      const goesOn: u32 = mass >= limit ? 1 : 0;
      const left = total + (((load<u16>(child) as u32) * goesOn) << depth);
      const right = total + (((load<u16>(child, 2) as u32) * goesOn) << depth);
      store<u32>(totals + (i << 3), left);
      store<u32>(totals + (i << 3), right, 4);
      largest = max(largest, max(left, right));
    }
    nodes <<= 1;
    depth++;
  }
  return largest as u64;
}
