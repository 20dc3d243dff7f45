/*
 * The running window of a key: what its trees have seen since the last fold.
 *
 *   log     ┌ header 16 │ event 0: leaf of tree 0, 1, ... │ event 1 ... ┐   u8 a leaf up to height 8, else u16
 *   counts  ┌ header 16 │ u16 [trees][leaves] ┐
 *
 * A log takes one short write an event, and memory as the key ages; it is used where it is no larger than counts.
 */
import { BLOCK_HEADER, KIND_WINDOW, roomOf } from "../arena";
import { allocateFor, Detector, releaseFor } from "../detector";
import { Key } from "../key";

export const LOG_EVENTS_MIN: u32 = 16;

/** Makes room for one more event. False = the arena is full. */
export function reserveEvent(detector: Detector, key: Key): bool {
  if (detector.logs != 0) return key.inWindow < key.windowCapacity || growLog(detector, key);
  if (key.window != 0) return true;
  const counts = allocateFor(detector.slot, BLOCK_HEADER + detector.windowBytesMax);
  if (counts == 0) return false;
  memory.fill(counts + 8, 0, detector.windowBytesMax + 8);
  store<u32>(counts, KIND_WINDOW);
  key.window = counts;
  return true;
}

function growLog(detector: Detector, key: Key): bool {
  const events = min(detector.window, max(LOG_EVENTS_MIN, key.windowCapacity * 2));
  const log = allocateFor(detector.slot, BLOCK_HEADER + events * detector.logStride);
  if (log == 0) return false;
  const old = key.window;
  const used = key.inWindow * detector.logStride;
  if (old != 0) memory.copy(log + BLOCK_HEADER, old + BLOCK_HEADER, used);
  store<u32>(log, KIND_WINDOW);
  key.window = log;
  key.windowCapacity = min(detector.window, (roomOf(log) - BLOCK_HEADER) / detector.logStride);
  releaseFor(detector.slot, old);
  return true;
}

/** Whether a block's log or counts are of so many events: every leaf is one of its tree. */
export function isWindowSound(detector: Detector, events: u32, block: u32): bool {
  const leaves = detector.leaves;
  let at = block + BLOCK_HEADER;
  if (detector.logs != 0) {
    const end = at + events * detector.logStride;
    const bytes = detector.leafBytes;
    for (; at < end; at += bytes) {
      if ((bytes == 2 ? (load<u16>(at) as u32) : (load<u8>(at) as u32)) >= leaves) return false;
    }
    return true;
  }
  for (let tree: u32 = 0; tree < detector.trees; tree++) {
    let sum: u32 = 0;
    for (const end = at + (leaves << 1); at < end; at += 2) sum += load<u16>(at) as u32;
    if (sum != events) return false;
  }
  return true;
}

/** Where the next event's leaves go. */
export function nextEvent(detector: Detector, key: Key): u32 {
  assert(detector.logs != 0 || key.windowCapacity == 0, "counts have no capacity");
  return key.window + BLOCK_HEADER + key.inWindow * detector.logStride;
}

export function countAddress(detector: Detector, key: Key, tree: u32, leaf: u32): u32 {
  return key.window + BLOCK_HEADER + ((tree * detector.leaves + leaf) << 1);
}

/** Forgets the window's events: they have been folded. */
export function clearWindow(detector: Detector, key: Key): void {
  key.inWindow = 0;
  if (detector.logs == 0) memory.fill(key.window + BLOCK_HEADER, 0, detector.windowBytesMax);
}

/**
 * l_mass of two siblings: events of the window in the `half` leaves from `first`, and, in the upper 32 bits, in the `half`
 * leaves after those.
 */
export function massesOf(detector: Detector, key: Key, tree: u32, range: u64): u64 {
  const first = range as u32;
  const half = (range >> 32) as u32;
  let lower: u32 = 0;
  let upper: u32 = 0;
  if (key.inWindow == 0) return 0;
  if (detector.logs == 0) {
    let at = countAddress(detector, key, tree, first);
    const middle = at + (half << 1);
    const past = middle + (half << 1);
    for (; at < middle; at += 2) lower += load<u16>(at) as u32;
    for (; at < past; at += 2) upper += load<u16>(at) as u32;
    return (lower as u64) | ((upper as u64) << 32);
  }
  const wide = detector.leafBytes == 2;
  const stride = detector.logStride;
  let at = key.window + BLOCK_HEADER + tree * detector.leafBytes;
  const past = at + key.inWindow * stride;
  while (at < past) {
    const place = (wide ? (load<u16>(at) as u32) : (load<u8>(at) as u32)) - first;
    lower += place < half ? 1 : 0;
    upper += place - half < half ? 1 : 0;
    at += stride;
  }
  return (lower as u64) | ((upper as u64) << 32);
}
