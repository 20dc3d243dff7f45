/*
 * Key tables: one a (detector, partition), open addressing with linear probing, at most three quarters full.
 *
 *   ┌ kind │ run │ capacity u32 │ 0 │ capacity x { tag u32, key u32, tick u64 } ┐
 *
 * The partition is the low byte of the key's hash, the place comes from the rest of its low word, the tag is its high word;
 * the key's bytes decide. The bound on keys holds per partition, so that it does not matter which shard owns it.
 */
import { BLOCK_HEADER, KIND_TABLE } from "./arena";
import { allocateFor, Detector, Partition, partitionOf, releaseFor } from "./detector";
import { destroyKey, isKeyOf, isSameKey, Key, keyAt } from "./key";
import { root, Row, slotAt } from "./layout";

const CAPACITY_MIN: u32 = 8;

@unmanaged
export class Entry {
  tag: u32; // 0
  key: u32; // 4, 0 = empty
  tick: u64; // 8
}

export function capacityOf(table: u32): u32 {
  return load<u32>(table, 8);
}

export function entryAt(table: u32, index: u32): Entry {
  return changetype<Entry>(table + BLOCK_HEADER + (index << 4));
}

/** Address of the key's entry, 0 = not there. */
export function findEntry(detector: Detector, row: Row, text: u32): u32 {
  const table = partitionOf(detector, row.hashLo).table;
  if (table == 0) return 0;
  const mask = capacityOf(table) - 1;
  const tag = row.hashHi;
  let index = (row.hashLo >> 8) & mask;
  while (true) {
    const entry = entryAt(table, index);
    if (entry.key == 0) return 0;
    if (entry.tag == tag && isKeyOf(keyAt(entry.key), row, text)) return changetype<u32>(entry);
    index = (index + 1) & mask;
  }
}

/** The first key with the row's tag, its bytes not compared: to load it early. 0 = none. */
export function peekKey(detector: Detector, row: Row): u32 {
  const table = partitionOf(detector, row.hashLo).table;
  if (table == 0) return 0;
  const mask = capacityOf(table) - 1;
  const tag = row.hashHi;
  let index = (row.hashLo >> 8) & mask;
  while (true) {
    const entry = entryAt(table, index);
    if (entry.key == 0 || entry.tag == tag) return entry.key;
    index = (index + 1) & mask;
  }
}

/** The first key with a hash, its bytes not compared. 0 = none. */
export function keyByHash(detector: Detector, hashLo: u32, hashHi: u32): u32 {
  const table = partitionOf(detector, hashLo).table;
  if (table == 0) return 0;
  const mask = capacityOf(table) - 1;
  let index = (hashLo >> 8) & mask;
  while (true) {
    const key = entryAt(table, index).key;
    if (key == 0 || (keyAt(key).hashHi == hashHi && keyAt(key).hashLo == hashLo)) return key;
    index = (index + 1) & mask;
  }
}

/** Marks a key as the one touched last. */
export function touch(entry: Entry, arrivalMs: f64): void {
  const state = root();
  const tick = state.tick + 1;
  state.tick = tick;
  entry.tick = tick;
  const key = keyAt(entry.key);
  key.tick = tick;
  key.arrivalMs = arrivalMs;
}

/** Room for one more entry in a partition. False = the arena is full. */
export function reserveEntry(detector: Detector, partition: Partition): bool {
  const table = partition.table;
  const capacity = table != 0 ? capacityOf(table) : 0;
  if ((partition.count + 1) * 4 <= capacity * 3) return true;
  const grown = makeTable(detector.slot, capacity == 0 ? CAPACITY_MIN : capacity << 1);
  if (grown == 0) return false;
  for (let i: u32 = 0; i < capacity; i++) {
    const entry = entryAt(table, i);
    if (entry.key != 0) place(grown, entry.tag, entry.key, entry.tick);
  }
  partition.table = grown;
  releaseFor(detector.slot, table);
  return true;
}

/** The capacity that a table of so many keys has. */
export function tableCapacity(count: u32): u32 {
  let capacity = CAPACITY_MIN;
  while (count * 4 > capacity * 3) capacity <<= 1;
  return capacity;
}

export function makeTable(slot: u32, capacity: u32): u32 {
  const bytes = BLOCK_HEADER + (capacity << 4);
  const table = allocateFor(slot, bytes);
  if (table == 0) return 0;
  memory.fill(table + 8, 0, bytes - 8);
  store<u32>(table, capacity, 8);
  store<u32>(table, KIND_TABLE);
  return table;
}

/** Puts a key into its partition's table, which must have room. Its entry. */
export function insertKey(partition: Partition, key: Key): Entry {
  partition.count += 1;
  assert(partition.count * 4 <= capacityOf(partition.table) * 3, "room is reserved before");
  return place(partition.table, key.hashHi, changetype<u32>(key), key.tick);
}

function place(table: u32, tag: u32, key: u32, tick: u64): Entry {
  const mask = capacityOf(table) - 1;
  assert((capacityOf(table) & mask) == 0, "a capacity is a power of two");
  let index = (keyAt(key).hashLo >> 8) & mask;
  while (entryAt(table, index).key != 0) index = (index + 1) & mask;
  const entry = entryAt(table, index);
  entry.tag = tag;
  entry.tick = tick;
  entry.key = key;
  return entry;
}

/** Puts a key at a place of its partition's table. False = the place is none, or taken, or the table is full. */
export function placeKey(partition: Partition, key: Key, place: u32): bool {
  const table = partition.table;
  if (table == 0 || place >= capacityOf(table)) return false;
  if ((partition.count + 1) * 4 > capacityOf(table) * 3) return false;
  const entry = entryAt(table, place);
  if (entry.key != 0) return false;
  entry.tag = key.hashHi;
  entry.tick = key.tick;
  entry.key = changetype<u32>(key);
  partition.count += 1;
  return true;
}

/** Farthest that a key may be from where it belongs, in a table that someone else made: hashes that are no accident are refused. */
const PROBES_MAX: u32 = 4096;

/** Whether every key of a partition is found where it is, and only once. */
export function arePlacesSound(partition: Partition): bool {
  const table = partition.table;
  const mask = capacityOf(table) - 1;
  for (let i: u32 = 0; i <= mask; i++) {
    const address = entryAt(table, i).key;
    if (address == 0) continue;
    const key = keyAt(address);
    let at = (key.hashLo >> 8) & mask;
    for (let probes: u32 = 0; at != i; probes++) {
      const other = entryAt(table, at).key;
      if (other == 0 || probes == PROBES_MAX || isSameKey(keyAt(other), key)) return false;
      at = (at + 1) & mask;
    }
  }
  return true;
}

/** Takes an entry out and closes the gap behind it. */
export function removeEntry(partition: Partition, entry: Entry): void {
  const table = partition.table;
  const mask = capacityOf(table) - 1;
  let hole = (changetype<u32>(entry) - table - BLOCK_HEADER) >> 4;
  partition.count -= 1;
  let index = hole;
  while (true) {
    index = (index + 1) & mask;
    const next = entryAt(table, index);
    if (next.key == 0) break;
    const home = (keyAt(next.key).hashLo >> 8) & mask;
    if (((index - home) & mask) >= ((index - hole) & mask)) {
      const gap = entryAt(table, hole);
      gap.tag = next.tag;
      gap.key = next.key;
      gap.tick = next.tick;
      hole = index;
    }
  }
  entryAt(table, hole).key = 0;
}

/** The entry of a partition that was touched least recently, never that of `spared`; 0 = none. */
export function findOldest(partition: Partition, spared: u32): u32 {
  const table = partition.table;
  if (table == 0) return 0;
  const capacity = capacityOf(table);
  let oldest: u32 = 0;
  let tick: u64 = u64.MAX_VALUE;
  for (let i: u32 = 0; i < capacity; i++) {
    const entry = entryAt(table, i);
    if (entry.key != 0 && entry.key != spared && entry.tick < tick) {
      tick = entry.tick;
      oldest = changetype<u32>(entry);
    }
  }
  return oldest;
}

export function isExpired(detector: Detector, key: Key, nowMs: f64): bool {
  return detector.keyTtlMs > 0 && nowMs - key.arrivalMs > detector.keyTtlMs;
}

/**
 * Looks at one further entry of the partition, so that keys nobody asks for any more leave by and by. The entry when it has
 * expired, else 0.
 */
export function sweepNext(detector: Detector, partition: Partition, nowMs: f64): u32 {
  const table = partition.table;
  if (table == 0) return 0;
  const index = (partition.cursor + 1) & (capacityOf(table) - 1);
  partition.cursor = index;
  const entry = entryAt(table, index);
  if (entry.key == 0 || !isExpired(detector, keyAt(entry.key), nowMs)) return 0;
  return changetype<u32>(entry);
}

/** Gives all keys and tables of a detector back, for a reset or the end. */
export function dropKeys(detector: Detector): void {
  const cell = detector.cellKey;
  detector.cellKey = 0;
  if (cell != 0) destroyKey(cell);
  for (let p: u32 = 0; p < 256; p++) {
    const partition = partitionOf(detector, p);
    const table = partition.table;
    if (table == 0) continue;
    const capacity = capacityOf(table);
    for (let i: u32 = 0; i < capacity; i++) {
      const key = entryAt(table, i).key;
      if (key != 0) destroyKey(key);
    }
    partition.table = 0;
    partition.count = 0;
    partition.cursor = 0;
    releaseFor(detector.slot, table);
  }
  slotAt(detector.slot).keys = 0;
}
