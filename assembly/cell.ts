/*
 * What a key has under a window model: its cell with the window and the rolling state, and its model.
 *
 *   cell     ┌ kind │ run │ addresses and positions ┐                                        Key.window
 *   ring     ┌ header 16 │ rows of columns f64: the last Key.inWindow that entered ┐         Cell.ring
 *   rolling  ┌ header 16 │ state, see feature/rolling.ts ┐                                   Cell.rolling
 *   model    ┌ kind │ run │ version u32 │ slot u32 │ trainedAt f64 │ swappedAt f64 │ Model ┐ Key.totals
 *
 * The ring begins small and doubles until it holds the window, so a young key takes little memory; where there is none to
 * grow, it goes on as it is and its oldest rows leave. A model has its version in its own block: one store swaps both.
 */
import { BLOCK_HEADER, KIND_CELL, KIND_MODEL, KIND_ROLLING, KIND_ROWS, roomOf } from "./arena";
import { allocateFor, Detector, lagListOf, releaseFor, rollingListOf } from "./detector";
import { rollingBytes, rollingInit } from "./feature/rolling";
import { Key } from "./key";
import * as layout from "./layout";
import { slotAt } from "./layout";
import { Model, modelAt } from "./model/model";

@unmanaged
export class Cell {
  kind: u32; // 0
  run: u32;
  ring: u32; // 8
  capacity: u32; // 12, rows
  next: u32; // 16, place of the row that comes next; the oldest row's when the ring is full
  rolling: u32; // 20, 0 = the detector has neither windows nor lags
  training: f64; // 24, handle of the training that is due or under way; 0 = none
  dueAt: f64; // 32, position from which on a training is due; 0 = not known before min_samples
  growAt: f64; // 40, position before which growing is not tried again
  readyAt: f64; // 48, position at which the first model came
}

export const CELL_BYTES: u32 = 64;
const RING_ROWS_MIN: u32 = 16;
const BYTES_MAX: u64 = 0x7fffffff;

@unmanaged
export class ModelBlock {
  kind: u32; // 0
  run: u32;
  version: u32; // 8
  slot: u32; // 12
  trainedAt: f64; // 16
  swappedAt: f64; // 24
}

export const MODEL_AT: u32 = 32;

export function cellOf(key: Key): Cell {
  return changetype<Cell>(key.window);
}

export function modelBlockAt(address: u32): ModelBlock {
  return changetype<ModelBlock>(address);
}

export function modelIn(block: u32): Model {
  return modelAt(block + MODEL_AT);
}

/** 0 = the key has no model yet. */
export function versionOf(key: Key): u32 {
  return key.totals != 0 ? modelBlockAt(key.totals).version : 0;
}

/** How far a key's model is, for a row that comes now. */
export function stateOf(detector: Detector, key: Key): u32 {
  if (key.totals == 0) return layout.STATE_COLLECTING;
  const cell = cellOf(key);
  if (key.learned < cell.readyAt + detector.burnIn) return layout.STATE_BURN_IN;
  return cell.training != 0 ? layout.STATE_RETRAINING : layout.STATE_READY;
}

/** Gives a new key its cell. False = the arena is full: what was made hangs on the key and goes with it. */
export function makeCell(detector: Detector, key: Key): bool {
  const slot = detector.slot;
  const block = allocateFor(slot, CELL_BYTES);
  if (block == 0) return false;
  memory.fill(block + 8, 0, CELL_BYTES - 8);
  const cell = changetype<Cell>(block);
  cell.kind = KIND_CELL;
  key.window = block;
  if (detector.rollingCount + detector.lagCount != 0 && !makeRolling(detector, cell)) return false;
  return growRing(detector, key, min(RING_ROWS_MIN, detector.windowRows));
}

function makeRolling(detector: Detector, cell: Cell): bool {
  const windows = detector.rollingCount;
  const lags = detector.lagCount;
  const windowList = rollingListOf(detector);
  const lagList = lagListOf(detector);
  const bytes = rollingBytes(detector.features, windows, windowList, lags, lagList);
  if (bytes > BYTES_MAX) return false;
  const block = allocateFor(detector.slot, BLOCK_HEADER + (bytes as u32));
  if (block == 0) return false;
  rollingInit(block + BLOCK_HEADER, detector.features, windows, windowList, lags, lagList);
  store<u32>(block, KIND_ROLLING);
  cell.rolling = block;
  return true;
}

export function rowBytes(detector: Detector): u32 {
  return detector.columns << 3;
}

function ringRow(detector: Detector, cell: Cell, place: u32): u32 {
  return cell.ring + BLOCK_HEADER + place * rowBytes(detector);
}

/** Room for one more row, or a full window, whose oldest row then leaves. False = the arena is full. */
export function reserveRow(detector: Detector, key: Key): bool {
  const cell = cellOf(key);
  const capacity = cell.capacity;
  if (key.inWindow < capacity || capacity == detector.windowRows || key.learned < cell.growAt) {
    return true;
  }
  return growRing(detector, key, min(capacity << 1, detector.windowRows));
}

/** There is no memory to grow: the ring stays as it is for as many rows as it holds. */
export function keepRing(detector: Detector, key: Key): void {
  const cell = cellOf(key);
  cell.growAt = key.learned + (cell.capacity as f64);
  slotAt(detector.slot).windowsWithoutMemory += 1;
}

function growRing(detector: Detector, key: Key, rows: u32): bool {
  const cell = cellOf(key);
  const stride = rowBytes(detector);
  const block = allocateFor(detector.slot, BLOCK_HEADER + rows * stride);
  if (block == 0) return false;
  const old = cell.ring;
  if (old != 0) copyWindow(detector, key, block + BLOCK_HEADER);
  store<u32>(block, KIND_ROWS);
  cell.ring = block;
  cell.capacity = min(detector.windowRows, (roomOf(block) - BLOCK_HEADER) / max(stride, 1));
  cell.next = key.inWindow;
  releaseFor(detector.slot, old);
  return true;
}

/** Copies the window's rows, oldest first. */
export function copyWindow(detector: Detector, key: Key, to: u32): void {
  const cell = cellOf(key);
  const rows = key.inWindow;
  const first: u32 = rows < cell.capacity ? 0 : cell.next;
  const stride = rowBytes(detector);
  memory.copy(to, ringRow(detector, cell, first), (rows - first) * stride);
  memory.copy(to + (rows - first) * stride, ringRow(detector, cell, 0), first * stride);
}

export function appendRow(detector: Detector, key: Key, row: u32): void {
  const cell = cellOf(key);
  memory.copy(ringRow(detector, cell, cell.next), row, rowBytes(detector));
  cell.next = cell.next + 1 == cell.capacity ? 0 : cell.next + 1;
  if (key.inWindow < cell.capacity) key.inWindow += 1;
}

/** A block for a model of so many bytes. 0 = the arena is full. */
export function makeModelBlock(slot: u32, bytes: u32): u32 {
  if ((bytes as u64) + (MODEL_AT as u64) > BYTES_MAX) return 0;
  const block = allocateFor(slot, MODEL_AT + bytes);
  if (block == 0) return 0;
  memory.fill(block + 8, 0, MODEL_AT - 8);
  modelBlockAt(block).slot = slot;
  store<u32>(block, KIND_MODEL);
  return block;
}

/** Gives back what hangs on a cell's address, and the cell: of a key that is dead already. */
export function releaseCell(slot: u32, block: u32): void {
  const cell = changetype<Cell>(block);
  const ring = cell.ring;
  const rolling = cell.rolling;
  releaseFor(slot, block);
  releaseFor(slot, ring);
  releaseFor(slot, rolling);
}

/** Shows the host how far the cell of the key "" is. */
export function showCell(detector: Detector, key: Key): void {
  if (key.length != 0) return;
  const place = slotAt(detector.slot);
  place.cellPosition = key.learned;
  place.cellRows = key.inWindow;
  place.cellVersion = versionOf(key);
  place.cellTrainedAt = key.totals != 0 ? modelBlockAt(key.totals).trainedAt : 0;
  place.cellState = stateOf(detector, key);
}

/** The key "" has gone. */
export function hideCell(slot: u32): void {
  const place = slotAt(slot);
  place.cellState = 0;
  place.cellPosition = 0;
  place.cellRows = 0;
  place.cellVersion = 0;
  place.cellTrainedAt = 0;
}
