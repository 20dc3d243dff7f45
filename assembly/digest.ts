/*
 * Hashes of state for tests: two keys with the same digest will answer all rows alike. What depends on where blocks lie, or on
 * which other keys share the memory (addresses, ticks), does not enter.
 */
import { BLOCK_HEADER } from "./arena";
import { cellOf, modelBlockAt, modelIn, rowBytes } from "./cell";
import {
  Detector,
  detectorOf,
  isWindowModel,
  lagListOf,
  partitionOf,
  rollingListOf,
  totalsBlockBytes,
} from "./detector";
import { digestFeatures } from "./feature/features";
import { rollingBytes } from "./feature/rolling";
import { finish, hashBytes, mix } from "./hash";
import { hasModel, Key, keyAt, statisticsOf, textOf } from "./key";
import { capacityOf, Entry, entryAt, findEntry } from "./key-table";
import {
  DETECTORS_MAX,
  PARTITIONS,
  regionAt,
  REGION_ROWS,
  REGION_TEXT,
  Row,
  ROW_BYTES,
} from "./layout";
import { nodesBytes, nodesOf } from "./structure";

export function keyDigestOf(region: u32, index: u32): u64 {
  const base = regionAt(region);
  const row = changetype<Row>(base + REGION_ROWS + index * ROW_BYTES);
  if ((row.slot as u32) >= DETECTORS_MAX) return 0;
  const detector = detectorOf(row.slot as u32);
  if (changetype<u32>(detector) == 0) return 0;
  const entry = findEntry(detector, row, base + REGION_TEXT + row.keyOffset);
  return entry != 0 ? digest(detector, keyAt(changetype<Entry>(entry).key)) : 0;
}

export function detectorDigestOf(slot: u32): u64 {
  if (slot >= DETECTORS_MAX) return 0;
  const detector = detectorOf(slot);
  if (changetype<u32>(detector) == 0) return 0;
  let sum: u64 = detector.cellKey != 0 ? digest(detector, keyAt(detector.cellKey)) : 0;
  for (let p: u32 = 0; p < PARTITIONS; p++) {
    const table = partitionOf(detector, p).table;
    if (table == 0) continue;
    const capacity = capacityOf(table);
    for (let i: u32 = 0; i < capacity; i++) {
      const key = entryAt(table, i).key;
      if (key != 0) sum += digest(detector, keyAt(key));
    }
  }
  return sum;
}

function digest(detector: Detector, key: Key): u64 {
  let h = hashBytes(1, textOf(key), key.length as u32);
  h = mix(h, ((key.hashHi as u64) << 32) | (key.hashLo as u64));
  h = mix(h, reinterpret<u64>(key.learned));
  h = mix(h, reinterpret<u64>(key.arrivalMs));
  h = mix(h, ((key.inWindow as u64) << 32) | (key.uneven as u64));
  h = mix(h, ((key.sketchTotal as u64) << 32) | (key.sketchBelow as u64));
  h = mix(h, ((key.sketchBucket as u64) << 32) | (key.sketchCurrent as u64));
  if (key.features != 0) h = digestFeatures(detector, key, h);
  if (!hasModel(detector, key)) return numbered(h);
  if (isWindowModel(detector)) return digestCell(detector, key, h);
  h = hashBytes(h, statisticsOf(key), detector.statisticsBytes);
  h = hashBytes(h, nodesOf(key.structure), nodesBytes(detector));
  if (key.window != 0) {
    const used = detector.logs != 0 ? key.inWindow * detector.logStride : detector.windowBytesMax;
    h = hashBytes(h, key.window + BLOCK_HEADER, used);
  }
  // Totals may have been reserved for a row that was refused.
  if (key.learned >= (detector.window as f64)) {
    h = hashBytes(h, key.totals + 8, totalsBlockBytes(detector) - 8);
  }
  return numbered(h);
}

/** 0 is for no key. */
function numbered(h: u64): u64 {
  const hash = finish(h);
  return hash != 0 ? hash : 1;
}

/** The window in order, wherever its ring begins; which training is under way, but not its handle. */
function digestCell(detector: Detector, key: Key, seed: u64): u64 {
  const cell = cellOf(key);
  const stride = rowBytes(detector);
  const first: u32 = key.inWindow < cell.capacity ? 0 : cell.next;
  let h = seed;
  for (let i: u32 = 0; i < key.inWindow; i++) {
    const place = first + i < cell.capacity ? first + i : first + i - cell.capacity;
    h = hashBytes(h, cell.ring + BLOCK_HEADER + place * stride, stride);
  }
  if (cell.rolling != 0) {
    const state = cell.rolling + BLOCK_HEADER;
    const windows = detector.rollingCount;
    const lags = detector.lagCount;
    const bytes = rollingBytes(
      detector.features,
      windows,
      rollingListOf(detector),
      lags,
      lagListOf(detector),
    );
    h = hashBytes(h, state, bytes as u32);
  }
  h = mix(h, cell.training != 0 ? 1 : 0);
  h = mix(h, reinterpret<u64>(cell.dueAt));
  h = mix(h, reinterpret<u64>(cell.readyAt));
  if (key.totals != 0) {
    const block = modelBlockAt(key.totals);
    const model = modelIn(key.totals);
    h = mix(h, block.version as u64);
    h = mix(h, reinterpret<u64>(block.trainedAt));
    h = mix(h, reinterpret<u64>(block.swappedAt));
    h = hashBytes(h, changetype<u32>(model), model.bytes);
  }
  return numbered(h);
}
