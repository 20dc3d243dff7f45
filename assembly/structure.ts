/*
 * The trees' splits: for each tree its inner nodes in heap order, feature and threshold. They depend on the features of a key's
 * first learned row alone (and the detector's seed and limits), so all keys that began with the same features share one
 * structure; it goes when its last key goes.
 *
 *   ┌ kind │ run │ next u32 │ keys u32 │ slot u32 │ generation u32 │ maskHash u32 │ pad │ mask 32 B │
 *   │ [node][tree] x { threshold f64, column * 16 u32, 0 } ┐
 *
 * Node 1 is the root, 0 is unused; the children of node i are 2i + 1 (left: below the threshold) and 2i (right), so that a
 * comparison's mask, all ones for left, makes the next node without a branch. The trees lie side by side, so that a loop which
 * walks several at once needs one base address for all of them.
 */
import { KIND_STRUCTURE } from "./arena";
import {
  allocateFor,
  columnAt,
  Detector,
  detectorOf,
  highOf,
  lowOf,
  releaseFor,
  structureHead,
} from "./detector";
import { finish, hashBytes } from "./hash";
import { FEATURES_MAX, SCRATCH_BUILD, slotAt } from "./layout";
import { nextRandom, seedRandom } from "./rng";

@unmanaged
export class Structure {
  kind: u32; // 0
  run: u32;
  next: u32; // 8, of those with the same hash's head
  keys: u32; // 12
  slot: u32; // 16
  generation: u32; // 20
  maskHash: u32; // 24
  pad: u32; // 28
}

const MASK: u32 = 32;
export const MASK_BYTES: u32 = 32;
/** Bytes of a node, as a shift. */
export const NODE_SHIFT: u32 = 4;
export const STRUCTURE_HEADER: u32 = MASK + MASK_BYTES;

/** River's splits stay this share of a box away from its ends. */
const PADDING: f64 = 0.15;

const LOW: u32 = SCRATCH_BUILD;
const HIGH: u32 = LOW + FEATURES_MAX * 8;
const COLUMNS: u32 = HIGH + FEATURES_MAX * 8;
const WEIGHTS: u32 = COLUMNS + FEATURES_MAX * 2;
const ROW_MASK: u32 = WEIGHTS + FEATURES_MAX * 8;
/** The tree being drawn: address of its node 0, and the number of trees. */
const DRAWN: u32 = ROW_MASK + MASK_BYTES;

export function structureAt(address: u32): Structure {
  return changetype<Structure>(address);
}

export function nodesOf(structure: u32): u32 {
  return structure + STRUCTURE_HEADER;
}

/** How many features a row has; their mask is left in scratch for `acquireStructure`. */
export function readMask(detector: Detector, values: u32): u32 {
  memory.fill(ROW_MASK, 0, MASK_BYTES);
  let present: u32 = 0;
  const features = detector.features;
  for (let c: u32 = 0; c < features; c++) {
    const value = load<f64>(values + (c << 3));
    if (value == value) {
      const byte = ROW_MASK + (c >> 3);
      store<u8>(byte, ((load<u8>(byte) as u32) | ((1 as u32) << (c & 7))) as u8);
      present++;
    }
  }
  return present;
}

/** The features that a structure was drawn for, MASK_BYTES with a bit each. */
export function maskOf(structure: u32): u32 {
  return structure + MASK;
}

/** As `readMask`, of a mask that was kept. False = there is no row with such features. */
export function setMask(detector: Detector, mask: u32): bool {
  memory.copy(ROW_MASK, mask, MASK_BYTES);
  let present: u32 = 0;
  for (let c: u32 = 0; c < MASK_BYTES << 3; c++) {
    if ((((load<u8>(ROW_MASK + (c >> 3)) as u32) >> (c & 7)) & 1) == 0) continue;
    if (c >= detector.features) return false;
    present++;
  }
  return present != 0;
}

export function nodesBytes(detector: Detector): u32 {
  return (detector.trees * detector.leaves) << NODE_SHIFT;
}

/** The structure for the row whose mask was read last, made if there is none. 0 = the arena is full. */
export function acquireStructure(detector: Detector): u32 {
  const maskHash = finish(hashBytes(0, ROW_MASK, MASK_BYTES)) as u32;
  let address = load<u32>(structureHead(detector, maskHash));
  while (address != 0) {
    if (memory.compare(address + MASK, ROW_MASK, MASK_BYTES) == 0) {
      structureAt(address).keys += 1;
      return address;
    }
    address = structureAt(address).next;
  }
  const block = allocateFor(detector.slot, STRUCTURE_HEADER + nodesBytes(detector));
  if (block == 0) return 0;
  const structure = structureAt(block);
  structure.keys = 1;
  structure.slot = detector.slot;
  structure.generation = detector.generation;
  structure.maskHash = maskHash;
  memory.copy(block + MASK, ROW_MASK, MASK_BYTES);
  build(detector, block);
  structure.kind = KIND_STRUCTURE;
  linkStructure(detector, block);
  return block;
}

export function linkStructure(detector: Detector, address: u32): void {
  const structure = structureAt(address);
  const head = structureHead(detector, structure.maskHash);
  structure.next = load<u32>(head);
  store<u32>(head, address);
  slotAt(detector.slot).structures += 1;
}

/** A key lets go of its structure. */
export function releaseStructure(slot: u32, address: u32): void {
  const structure = structureAt(address);
  assert(structure.keys != 0, "a structure goes with its last key");
  structure.keys -= 1;
  if (structure.keys != 0) return;
  let link = structureHead(detectorOf(slot), structure.maskHash);
  while (load<u32>(link) != address) link = load<u32>(link) + offsetof<Structure>("next");
  store<u32>(link, structure.next);
  slotAt(slot).structures -= 1;
  releaseFor(slot, address);
}

/** Draws all trees as River does: pre-order, two draws an inner node, features in the order of their names. */
function build(detector: Detector, structure: u32): void {
  seedRandom(detector.seedLo, detector.seedHi);
  let present: u32 = 0;
  for (let position: u32 = 0; position < detector.features; position++) {
    const column = columnAt(detector, position);
    if ((((load<u8>(ROW_MASK + (column >> 3)) as u32) >> (column & 7)) & 1) == 0) continue;
    store<u16>(COLUMNS + (present << 1), column as u16);
    store<f64>(LOW + (present << 3), lowOf(detector, column));
    store<f64>(HIGH + (present << 3), highOf(detector, column));
    present++;
  }
  const nodes = nodesOf(structure);
  const trees = detector.trees;
  memory.fill(nodes, 0, trees << NODE_SHIFT);
  store<u32>(DRAWN, trees, 4);
  for (let tree: u32 = 0; tree < trees; tree++) {
    store<u32>(DRAWN, nodes + (tree << NODE_SHIFT));
    split(1, detector.leaves, present);
  }
}

/** Splits node `node` and all below it, within the boxes in scratch. */
function split(node: u32, leaves: u32, present: u32): void {
  let total: f64 = 0;
  for (let i: u32 = 0; i < present; i++) {
    total += load<f64>(HIGH + (i << 3)) - load<f64>(LOW + (i << 3));
    store<f64>(WEIGHTS + (i << 3), total);
  }
  const drawn = nextRandom() * total;
  let chosen: u32 = 0;
  while (chosen < present - 1 && load<f64>(WEIGHTS + (chosen << 3)) <= drawn) chosen++;
  const low = load<f64>(LOW + (chosen << 3));
  const high = load<f64>(HIGH + (chosen << 3));
  const least = low + PADDING * (high - low);
  const most = high - PADDING * (high - low);
  const at = least + (most - least) * nextRandom();
  const place = load<u32>(DRAWN) + ((node * load<u32>(DRAWN, 4)) << NODE_SHIFT);
  store<f64>(place, at);
  store<u64>(place, (load<u16>(COLUMNS + (chosen << 1)) as u64) << 4, 8);
  if (node * 2 >= leaves) return;
  store<f64>(HIGH + (chosen << 3), at);
  split(node * 2 + 1, leaves, present);
  store<f64>(HIGH + (chosen << 3), high);
  store<f64>(LOW + (chosen << 3), at);
  split(node * 2, leaves, present);
  store<f64>(LOW + (chosen << 3), low);
}
