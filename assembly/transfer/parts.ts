/*
 * A detector's state on its way to another memory: a stream of parts, each of pieces one after another. No address is in it.
 *
 *   part   ┌ magic u32 │ number u32, from 0 on │ bytes u32, of the whole part │ last u32, 1 = no part follows │ pieces ┐
 *   piece  ┌ kind u32 │ bytes u32, of what follows, without the padding │ ... │ padding to 8 ┐
 *
 *   HEAD  once, first
 *   KEY   the key that holds the one cell of a detector, where there is one; its BULK pieces
 *   TABLE a partition with a table, by number; then a KEY for each of its keys, in their places' order, each with its BULK pieces
 *   BULK  of the key before it, up to a length that the key tells: window, totals, rolling state, model, features; as many pieces as it takes
 *   IDS   remembered ids, oldest first; as many pieces as it takes
 *   END   once, last: the counters
 *
 * Trainings under way are not in it: a cell that has one is due again. Structures are not: they follow from their masks.
 */
import { modelIn, rowBytes } from "../cell";
import { Detector, isWindowModel, lagListOf, rollingListOf, totalsBlockBytes } from "../detector";
import { rollingBytes } from "../feature/rolling";
import { stateAt } from "../feature/state";
import { Key } from "../key";
import { TRANSFER_BASE, TRANSFER_BYTES } from "../layout";

export const PART_MAGIC: u32 = 0x50494557;
export const FORMAT: u32 = 1;
/** Bytes at the end of the transfer area where an export keeps how far it is. */
const CURSOR_BYTES: u32 = 4096;
export const CURSOR: u32 = TRANSFER_BASE + TRANSFER_BYTES - CURSOR_BYTES;
export const PART_BYTES_MAX: u32 = TRANSFER_BYTES - CURSOR_BYTES;

export const PIECE_HEAD: u32 = 1;
export const PIECE_TABLE: u32 = 2;
export const PIECE_KEY: u32 = 3;
export const PIECE_BULK: u32 = 4;
export const PIECE_IDS: u32 = 5;
export const PIECE_END: u32 = 6;
export const PIECE_HEADER: u32 = 8;

@unmanaged
export class Part {
  magic: u32; // 0
  number: u32;
  bytes: u32; // 8
  last: u32;
}

export const PART_HEADER: u32 = 16;

@unmanaged
export class HeadPiece {
  format: u32; // 0
  keys: u32; // 4, in tables
  /** structureHash by two seeds. */
  hashA: u64; // 8
  hashB: u64; // 16
  hasCellKey: u32; // 24
  ids: u32; // 28
}

@unmanaged
export class TablePiece {
  partition: u32; // 0
  capacity: u32;
  count: u32; // 8
  cursor: u32;
}

/** Then the key's bytes, padded to 8, and its statistics, where a model of trees has them. */
@unmanaged
export class KeyPiece {
  place: u32; // 0, in its table
  length: u32;
  hashLo: u32; // 8
  hashHi: u32;
  holdsCell: u32; // 16
  hasModel: u32;
  uneven: u32; // 24
  inWindow: u32;
  learned: f64; // 32
  tick: u64; // 40
  arrivalMs: f64; // 48
  sketchTotal: u32; // 56
  sketchBelow: u32;
  sketchBucket: u32; // 64
  sketchCurrent: u32;
  /** Of the ring of a cell, rows. */
  capacity: u32; // 72
  version: u32; // 76, of the model of a cell
  modelBytes: u32; // 80
  featureBytes: u32;
  dueAt: f64; // 88
  growAt: f64; // 96
  readyAt: f64; // 104
  trainedAt: f64; // 112
  swappedAt: f64; // 120
}

/** Of the features that the key began with, 32 B, after KeyPiece. */
export const KEY_MASK: u32 = 128;
export const KEY_PIECE: u32 = 160;

export const SECTION_WINDOW: u32 = 0;
export const SECTION_TOTALS: u32 = 1;
export const SECTION_ROLLING: u32 = 2;
export const SECTION_MODEL: u32 = 3;
export const SECTION_FEATURES: u32 = 4;
export const SECTIONS: u32 = 5;

export function padded(bytes: u32): u32 {
  return (bytes + 7) & ~7;
}

/** Bytes of a key's window of Half-Space Trees. */
function logBytes(detector: Detector, key: Key): u32 {
  return detector.logs != 0 ? key.inWindow * detector.logStride : detector.windowBytesMax;
}

/** Whether a key of trees has folded a window. */
export function hasTotals(detector: Detector, key: Key): bool {
  return !isWindowModel(detector) && key.learned >= (detector.window as f64);
}

/** Bytes of the rolling state of a cell; 0 = it has none. */
export function rollingBytesOf(detector: Detector): u64 {
  const windows = detector.rollingCount;
  const lags = detector.lagCount;
  if (windows + lags == 0) return 0;
  return rollingBytes(
    detector.features,
    windows,
    rollingListOf(detector),
    lags,
    lagListOf(detector),
  );
}

/** Bytes of a section that follow from the key and its detector. The key has what a model needs. */
export function blockBytesOf(detector: Detector, key: Key, section: u32): u32 {
  const isCell = isWindowModel(detector);
  if (section == SECTION_WINDOW) {
    return isCell ? key.inWindow * rowBytes(detector) : logBytes(detector, key);
  }
  if (section == SECTION_TOTALS) {
    return hasTotals(detector, key) ? totalsBlockBytes(detector) - 8 : 0;
  }
  return isCell && section == SECTION_ROLLING ? (rollingBytesOf(detector) as u32) : 0;
}

/** Bytes of a key's model of a window, and of its features. */
export function modelBytesOf(detector: Detector, key: Key): u32 {
  return isWindowModel(detector) && key.totals != 0 ? modelIn(key.totals).bytes : 0;
}

export function featureBytesOf(key: Key): u32 {
  return key.features != 0 ? stateAt(key.features).bytes - 8 : 0;
}
