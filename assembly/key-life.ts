/*
 * How keys come and go while rows are worked off: admitted at their first row, expired, or evicted for others' sake. Memory that a
 * row needs is found here before anything of it is learned.
 */
import { keepRing, makeCell, reserveRow } from "./cell";
import { Detector, isWindowModel, Partition, partitionOf } from "./detector";
import { destroyKey, Key, keyAt, makeCellKey, makeKey, takeModel } from "./key";
import {
  Entry,
  findEntry,
  findOldest,
  insertKey,
  isExpired,
  removeEntry,
  reserveEntry,
  sweepNext,
} from "./key-table";
import * as layout from "./layout";
import { Row, slotAt } from "./layout";
import { reserveTotals } from "./model/fold";
import { reserveEvent } from "./model/window";
import { flush } from "./pending";
import { initializeStatistics } from "./scale/scale";
import { acquireStructure } from "./structure";

/** Keys that leave a partition for one that comes, at most. */
const LEAVE_MAX: u32 = 8;

/** The row's entry, unless its key has expired; rows that write also let expired keys go. */
export function findLiveEntry(detector: Detector, row: Row, base: u32, writes: bool): u32 {
  if (writes && detector.keyTtlMs > 0) {
    const swept = sweepNext(detector, partitionOf(detector, row.hashLo), row.arrivalMs);
    if (swept != 0) expireKey(detector, changetype<Entry>(swept));
  }
  const entry = findEntry(detector, row, base + layout.REGION_TEXT + row.keyOffset);
  if (entry == 0) return 0;
  if (!isExpired(detector, keyAt(changetype<Entry>(entry).key), row.arrivalMs)) return entry;
  if (writes) expireKey(detector, changetype<Entry>(entry));
  return 0;
}

function expireKey(detector: Detector, entry: Entry): void {
  slotAt(detector.slot).keysExpired += 1;
  dropKey(detector, entry);
}

function evictKey(detector: Detector, entry: Entry): void {
  slotAt(detector.slot).keysEvicted += 1;
  dropKey(detector, entry);
}

/** Ends a key. Verdicts that wait may need it: they are made first. */
export function dropKey(detector: Detector, entry: Entry): void {
  flush();
  const key = entry.key;
  removeEntry(partitionOf(detector, keyAt(key).hashLo), entry);
  destroyKey(key);
}

/**
 * Makes the row's key, with the structure for the features whose mask was read last; under a feature program a key that has nothing but
 * its name. Status.
 */
export function admitKey(detector: Detector, row: Row, base: u32): u32 {
  const partition = partitionOf(detector, row.hashLo);
  // More than one where the bound was lowered: then keys leave by and by.
  for (let i: u32 = 0; i < LEAVE_MAX && partition.count >= detector.keysPerPartition; i++) {
    const oldest = changetype<Entry>(findOldest(partition, 0));
    if (isExpired(detector, keyAt(oldest.key), row.arrivalMs)) expireKey(detector, oldest);
    else if (detector.refuses != 0) return layout.KEYS_FULL;
    else evictKey(detector, oldest);
  }
  while (!tryAdmit(detector, partition, row, base)) {
    if (!makeRoom(detector, row.hashLo, 0)) return layout.NO_MEMORY;
  }
  return layout.OK;
}

function tryAdmit(detector: Detector, partition: Partition, row: Row, base: u32): bool {
  if (!reserveEntry(detector, partition)) return false;
  const block = makeKey(detector, row, base + layout.REGION_TEXT + row.keyOffset);
  if (block == 0) return false;
  const key = keyAt(block);
  if (detector.program == 0 && !giveModel(detector, key)) {
    destroyKey(block);
    return false;
  }
  insertKey(partition, key);
  return true;
}

/** What a key has that a model has learned nothing of yet. False = the arena is full: what was made hangs on the key. */
function giveModel(detector: Detector, key: Key): bool {
  if (isWindowModel(detector)) return makeCell(detector, key);
  key.structure = acquireStructure(detector);
  if (key.structure == 0) return false;
  initializeStatistics(detector, key);
  return true;
}

/**
 * Gives a key that a model is about to learn its first row of what the model needs, by the mask that was read last; where all keys share one
 * cell, their detector. False = the arena is full, and nothing has changed.
 */
export function giveFirst(detector: Detector, address: u32): bool {
  const key = keyAt(address);
  while (!tryGive(detector, key)) {
    if (!makeRoom(detector, key.hashLo, address)) return false;
  }
  return true;
}

function tryGive(detector: Detector, key: Key): bool {
  if (detector.oneCell == 0) {
    if (giveModel(detector, key)) return true;
    takeModel(key);
    return false;
  }
  const block = makeCellKey(detector);
  if (block == 0) return false;
  if (makeCell(detector, keyAt(block))) {
    detector.cellKey = block;
    return true;
  }
  destroyKey(block);
  return false;
}

/** What `giveFirst` gave is not needed after all. */
export function takeFirst(detector: Detector, address: u32): void {
  if (detector.oneCell == 0) return takeModel(keyAt(address));
  const cell = detector.cellKey;
  detector.cellKey = 0;
  destroyKey(cell);
}

/** Memory for everything that learning one more event may need. `spared` does not leave for it. */
export function reserve(detector: Detector, address: u32, spared: u32): bool {
  const key = keyAt(address);
  if (isWindowModel(detector)) {
    reserveWindow(detector, key, spared);
    return true;
  }
  while (
    !reserveEvent(detector, key) ||
    (key.inWindow + 1 == detector.window && !reserveTotals(detector, key))
  ) {
    if (!makeRoom(detector, key.hashLo, spared)) return false;
  }
  return true;
}

/** Evicts the longest idle key of the first partition that has one, from the row's own on. False = there is none. */
export function makeRoom(detector: Detector, hashLo: u32, spared: u32): bool {
  for (let p: u32 = 0; p < layout.PARTITIONS; p++) {
    const oldest = findOldest(partitionOf(detector, hashLo + p), spared);
    if (oldest == 0) continue;
    evictKey(detector, changetype<Entry>(oldest));
    return true;
  }
  return false;
}

/** Idle keys leave for a window that grows; where none can, it stays as it is. */
function reserveWindow(detector: Detector, key: Key, spared: u32): void {
  while (!reserveRow(detector, key)) {
    if (!makeRoom(detector, key.hashLo, spared)) return keepRing(detector, key);
  }
}
