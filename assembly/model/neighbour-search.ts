/*
 * The exact k nearest rows of one row. Ties go to the row that came first in the training, so the result is the same with a tree
 * and without. Branches are left out only when their box is certainly farther than the k-th row so far: by more than the
 * rounding of two sums of up to 1,024 terms (2^-42 relative).
 */
import {
  boundRow,
  boundedBytes,
  distanceOf,
  LANE_BYTES,
  LANES,
  reducedOf,
  reducedToBox,
} from "./distances";
import { blocksAt, blocksOf, boxOf, firstBlock, Neighbours, orderOf } from "./neighbours";
import { releaseScratch, scratchTop, takeScratch } from "./work";

/** A row found, 16 B. */
@unmanaged
export class Found {
  /** Reduced while the search runs. */
  distance: f64; // 0
  position: u32; // 8
  /** Its number in the training. */
  row: u32; // 12
}

export const FOUND_BYTES: u32 = 16;
/** For `nearest`: no row is left out. */
export const NONE: u32 = 0xffffffff;
/** Share of a bound on a box that certainly lies below the distance of every row in it. */
const CERTAIN: f64 = 1 - 1.0 / 1099511627776.0;
/** Bytes of a pending branch: its bound, its number. A path has at most 32. */
const BRANCH_BYTES: u32 = 16;
const BRANCHES_BYTES: u32 = 32 * BRANCH_BYTES;

@unmanaged
class Search {
  neighbours: Neighbours; // 0
  /** The bounded row. */
  row: u32;
  /** A heap with the farthest row first. */
  found: u32; // 8
  count: u32;
  wanted: u32; // 16
  /** Number of the row that is left out. */
  skip: u32;
  /** Reduced distance of the farthest row found, infinite until there are as many as wanted. */
  limit: f64; // 24
  /** Eight distances. */
  lanes: u32; // 32
  reserved: u32;
}

export function foundAt(list: u32, index: u32): Found {
  return changetype<Found>(list + index * FOUND_BYTES);
}

/**
 * The `wanted` nearest rows of a prepared row, nearest first, as a list of Found in scratch memory, which is the caller's to give
 * back. @param skip number of a training row that is left out, or NONE. There must be as many rows as wanted besides it.
 */
export function nearest(neighbours: Neighbours, row: u32, wanted: u32, skip: u32): u32 {
  const list = takeScratch(wanted * FOUND_BYTES);
  const mark = scratchTop();
  const search = changetype<Search>(takeScratch(offsetof<Search>()));
  search.neighbours = neighbours;
  search.row = takeScratch(boundedBytes(neighbours.columns));
  boundRow(row, neighbours.columns, search.row);
  search.found = list;
  search.count = 0;
  search.wanted = wanted;
  search.skip = skip;
  search.limit = Infinity;
  search.lanes = takeScratch(LANES << 3);
  if (neighbours.leaves > 1) searchTree(search, takeScratch(BRANCHES_BYTES));
  else scan(search, 0, blocksOf(neighbours.rows));
  sortFound(search);
  releaseScratch(mark);
  return list;
}

/** Goes down to the nearer child first and keeps the other for later. */
function searchTree(search: Search, branches: u32): void {
  const neighbours = search.neighbours;
  const leaves = neighbours.leaves;
  const blocks = blocksOf(neighbours.rows);
  const columns = neighbours.columns;
  const p = neighbours.p;
  store<f64>(branches, 0);
  store<u32>(branches, 1, 8);
  let top = branches + BRANCH_BYTES;
  while (top > branches) {
    top -= BRANCH_BYTES;
    let bound = load<f64>(top);
    let node = load<u32>(top, 8);
    while (node < leaves && !(bound * CERTAIN > search.limit)) {
      node <<= 1;
      bound = reducedToBox(boxOf(neighbours, node), search.row, columns, p);
      let other = reducedToBox(boxOf(neighbours, node + 1), search.row, columns, p);
      let far = node + 1;
      if (other < bound) {
        const nearer = other;
        other = bound;
        bound = nearer;
        far = node++;
      }
      store<f64>(top, other);
      store<u32>(top, far, 8);
      top += BRANCH_BYTES;
    }
    if (bound * CERTAIN > search.limit) continue;
    const first = firstBlock(blocks, node - leaves, leaves);
    scan(search, first, firstBlock(blocks, node - leaves + 1, leaves));
  }
}

/** Offers all rows of blocks from `first` to before `end`. */
function scan(search: Search, first: u32, end: u32): void {
  const neighbours = search.neighbours;
  const columns = neighbours.columns;
  const p = neighbours.p;
  const order = orderOf(neighbours);
  const stride = columns * LANE_BYTES;
  const lanes = search.lanes;
  let block = blocksAt(neighbours) + first * stride;
  for (let i = first; i < end; i++, block += stride) {
    let within = reducedOf(block, search.row, columns, p, search.limit, lanes);
    for (; within != 0; within &= within - 1) {
      const lane = ctz(within);
      const position = i * LANES + lane;
      // The last block may have free lanes.
      if (position >= neighbours.rows) break;
      const row = load<u32>(order + (position << 2));
      if (row != search.skip) offer(search, load<f64>(lanes + (lane << 3)), position, row);
    }
  }
}

/** Whether a row comes after a found one: by distance, then by number. */
function isAfter(distance: f64, row: u32, other: Found): bool {
  return distance > other.distance || (distance == other.distance && row > other.row);
}

function offer(search: Search, distance: f64, position: u32, row: u32): void {
  const list = search.found;
  if (search.count == search.wanted) {
    if (isAfter(distance, row, foundAt(list, 0))) return;
    sinkFound(list, search.count, distance, position, row);
    search.limit = foundAt(list, 0).distance;
    return;
  }
  let at = search.count++;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isAfter(distance, row, foundAt(list, parent))) break;
    v128.store(list + at * FOUND_BYTES, v128.load(list + parent * FOUND_BYTES));
    at = parent;
  }
  place(foundAt(list, at), distance, position, row);
  if (search.count == search.wanted) search.limit = foundAt(list, 0).distance;
}

function place(found: Found, distance: f64, position: u32, row: u32): void {
  found.distance = distance;
  found.position = position;
  found.row = row;
}

/** Puts a row into a heap of `count` in place of its first. */
function sinkFound(list: u32, count: u32, distance: f64, position: u32, row: u32): void {
  let at: u32 = 0;
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    let larger = foundAt(list, child);
    if (child + 1 < count) {
      const right = foundAt(list, child + 1);
      if (isAfter(right.distance, right.row, larger)) {
        larger = right;
        child++;
      }
    }
    if (isAfter(distance, row, larger)) break;
    v128.store(list + at * FOUND_BYTES, v128.load(list + child * FOUND_BYTES));
    at = child;
  }
  place(foundAt(list, at), distance, position, row);
}

/** The heap as a list, nearest first, with distances that are no longer reduced. */
function sortFound(search: Search): void {
  const list = search.found;
  for (let end = search.count; end > 1; end--) {
    const last = foundAt(list, end - 1);
    const distance = last.distance;
    const position = last.position;
    const row = last.row;
    v128.store(list + (end - 1) * FOUND_BYTES, v128.load(list));
    sinkFound(list, end - 1, distance, position, row);
  }
  for (let i: u32 = 0; i < search.count; i++) {
    const found = foundAt(list, i);
    found.distance = distanceOf(found.distance, search.neighbours.p);
  }
}
