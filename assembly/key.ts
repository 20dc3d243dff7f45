/*
 * A key's block.
 *
 *   ┌ header 96 B │ key bytes, padded to 16 │ statistics of the scaler ┐
 *
 * Its other parts are blocks of their own: the running window (a log of leaf indices that grows with the key, or counts), and
 * once a window is complete the leaf totals with the sketch. A key that is still COLLECTING takes a few hundred bytes. Under a
 * window model they are its cell and its model (cell.ts), and it has no structure. Under a feature program it also has what its features are
 * derived from, in one block; and until a model learns a row of it, that is all it has.
 */
import { KIND_CELL, KIND_KEY } from "./arena";
import { Cell, hideCell, releaseCell } from "./cell";
import { allocateFor, Detector, isWindowModel, releaseFor } from "./detector";
import { releaseFeatures } from "./feature/features";
import { equalBytes } from "./hash";
import { Row, slotAt } from "./layout";
import { releaseStructure } from "./structure";
import { endTraining } from "./ticket";

@unmanaged
export class Key {
  kind: u32; // 0
  run: u32;
  hashLo: u32; // 8
  hashHi: u32;
  slot: u16; // 16
  length: u16; // of the key's bytes
  generation: u32; // 20
  learned: f64; // 24, events
  inWindow: u32; // 32, events of the running window, or rows of a cell's
  windowCapacity: u32; // 36, events that the log has room for
  window: u32; // 40, address of the log or counts, or of the cell
  totals: u32; // 44, or the cell's model
  structure: u32; // 48
  /** 1 = a feature has been missing at least once: features have counts of their own. */
  uneven: u32; // 52
  tick: u64; // 56
  arrivalMs: f64; // 64
  sketchTotal: u32; // 72, scores in the sketch
  sketchBelow: u32; // 76, of them in buckets past the quantile's
  sketchBucket: u32; // 80, the quantile's bucket
  sketchCurrent: u32; // 84, scores in it
  features: u32; // 88, address of the state that its features are derived from; 0 = none yet
  /** 1 = it has no name and is in no table: it holds the one cell of a detector whose rows come with keys of their own. */
  holdsCell: u32; // 92
}

export const KEY_HEADER: u32 = 96;

export function keyAt(address: u32): Key {
  return changetype<Key>(address);
}

export function textOf(key: Key): u32 {
  return changetype<u32>(key) + KEY_HEADER;
}

export function statisticsOf(key: Key): u32 {
  return changetype<u32>(key) + KEY_HEADER + (((key.length as u32) + 15) & ~15);
}

export function isKeyOf(key: Key, row: Row, text: u32): bool {
  return (
    key.hashLo == row.hashLo &&
    key.hashHi == row.hashHi &&
    key.length == row.keyLength &&
    equalBytes(textOf(key), text, row.keyLength as u32)
  );
}

export function isSameKey(a: Key, b: Key): bool {
  return (
    a.hashLo == b.hashLo &&
    a.hashHi == b.hashHi &&
    a.length == b.length &&
    equalBytes(textOf(a), textOf(b), a.length as u32)
  );
}

/** A key block without a window, zeroed and not in any table yet. 0 = the arena is full. */
export function makeKey(detector: Detector, row: Row, text: u32): u32 {
  const length = row.keyLength as u32;
  const bytes = KEY_HEADER + ((length + 15) & ~15) + detector.statisticsBytes;
  const block = allocateFor(detector.slot, bytes);
  if (block == 0) return 0;
  memory.fill(block + 8, 0, bytes - 8);
  const key = keyAt(block);
  key.hashLo = row.hashLo;
  key.hashHi = row.hashHi;
  key.slot = detector.slot as u16;
  key.length = length as u16;
  key.generation = detector.generation;
  memory.copy(block + KEY_HEADER, text, length);
  key.kind = KIND_KEY;
  slotAt(detector.slot).keys += 1;
  return block;
}

/** The key that holds the one cell of a detector whose rows come with keys of their own; as `makeKey`. */
export function makeCellKey(detector: Detector): u32 {
  const block = allocateFor(detector.slot, KEY_HEADER);
  if (block == 0) return 0;
  memory.fill(block + 8, 0, KEY_HEADER - 8);
  const key = keyAt(block);
  key.slot = detector.slot as u16;
  key.generation = detector.generation;
  key.holdsCell = 1;
  key.kind = KIND_KEY;
  return block;
}

/** Gives a key's blocks back. It must have left its table. */
export function destroyKey(block: u32): void {
  const key = keyAt(block);
  const slot = key.slot as u32;
  const window = key.window;
  const totals = key.totals;
  const structure = key.structure;
  const features = key.features;
  const isNameless = key.length == 0;
  // Losing its kind is what kills a key: were this call cut off here, recover would sweep up its parts.
  if (key.holdsCell == 0) slotAt(slot).keys -= 1;
  releaseFor(slot, block);
  if (isNameless && isCell(window)) hideCell(slot);
  releaseModel(slot, window, totals, structure);
  if (features != 0) releaseFeatures(slot, features);
}

function isCell(window: u32): bool {
  return window != 0 && load<u32>(window) == KIND_CELL;
}

function releaseModel(slot: u32, window: u32, totals: u32, structure: u32): void {
  if (isCell(window)) {
    endTraining(changetype<Cell>(window));
    releaseCell(slot, window);
  } else {
    releaseFor(slot, window);
  }
  releaseFor(slot, totals);
  if (structure != 0) releaseStructure(slot, structure);
}

/** Whether a key has what a model needs to learn a row of it. Without a feature program every key has. */
export function hasModel(detector: Detector, key: Key): bool {
  return (isWindowModel(detector) ? key.window : key.structure) != 0;
}

/** Takes what a model needs from a key that has learned nothing. */
export function takeModel(key: Key): void {
  assert(key.learned == 0, "what is learned stays");
  const slot = key.slot as u32;
  const window = key.window;
  const totals = key.totals;
  const structure = key.structure;
  key.window = 0;
  key.windowCapacity = 0;
  key.totals = 0;
  key.structure = 0;
  releaseModel(slot, window, totals, structure);
}
