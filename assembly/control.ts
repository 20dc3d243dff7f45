/* Making a shard, and its detectors come and go. */
import { clearArena } from "./arena";
import { configure } from "./configure";
import { create, Detector, detectorOf, isWindowModel, releaseFor } from "./detector";
import { forgetIds, newestSequence } from "./ids";
import { dropKeys, keyByHash } from "./key-table";
import { keyAt } from "./key";
import { MODEL_AT } from "./cell";
import * as layout from "./layout";
import { root, slotAt } from "./layout";
import * as ticket from "./ticket";
import { dropImport } from "./transfer/importing";
import { importPart } from "./transfer/import-state";

const MEMORY_BYTES_MAX: f64 = 65535.0 * 65536.0;

/** Past the last whole page of so many bytes. */
function arenaEnd(bytes: f64): u32 {
  return (bytes as u64 as u32) & ~(layout.PAGE_BYTES - 1);
}

/** Makes a new memory an empty shard. Status. */
export function initialize(memoryBytes: f64): u32 {
  const held = (memory.size() as f64) * (layout.PAGE_BYTES as f64);
  const bytes = min(min(memoryBytes, held), MEMORY_BYTES_MAX);
  if (!(bytes >= (layout.MEMORY_BYTES_MIN as f64))) return layout.NO_MEMORY;
  const state = root();
  // Of a shard that starts anew: trainings that were under way must not meet new ones of their name.
  const trainings = state.magic == layout.MAGIC ? state.trainings : 0;
  memory.fill(0, 0, layout.PAGE_BYTES);
  state.trainings = trainings;
  clearArena(arenaEnd(bytes));
  state.memoryBytes = bytes;
  state.abiVersion = layout.ABI_VERSION;
  state.magic = layout.MAGIC;
  return layout.OK;
}

function begin(slot: u32): u32 {
  const state = root();
  if (state.magic != layout.MAGIC) return layout.NOT_INITIALIZED;
  if (slot >= layout.DETECTORS_MAX) return layout.UNKNOWN_DETECTOR;
  state.inProgress = layout.CHANGING;
  return layout.OK;
}

function end(status: u32): u32 {
  root().inProgress = layout.IDLE;
  return status;
}

export function createDetector(slot: u32): u32 {
  const status = begin(slot);
  return status != layout.OK ? status : end(create(slot));
}

export function configureDetector(slot: u32): u32 {
  const status = begin(slot);
  return status != layout.OK ? status : end(configure(slot));
}

/** The memory may be used up to here. Status. */
export function resize(memoryBytes: f64): u32 {
  const status = begin(0);
  if (status != layout.OK) return status;
  const held = (memory.size() as f64) * (layout.PAGE_BYTES as f64);
  const bytes = min(memoryBytes, MEMORY_BYTES_MAX);
  if (!(bytes >= (layout.MEMORY_BYTES_MIN as f64) && bytes <= held)) return end(layout.NO_MEMORY);
  const last = arenaEnd(bytes);
  const state = root();
  if (state.arenaTop > last) return end(layout.NO_MEMORY);
  state.arenaEnd = last;
  state.memoryBytes = bytes;
  return end(layout.OK);
}

export function importState(slot: u32, bytes: u32): u32 {
  const status = begin(slot);
  return status != layout.OK ? status : end(importPart(slot, bytes));
}

export function idSequence(slot: u32): f64 {
  if (slot >= layout.DETECTORS_MAX || slotAt(slot).detector == 0) return 0;
  return newestSequence(detectorOf(slot));
}

export function resetDetector(slot: u32): u32 {
  const status = begin(slot);
  if (status != layout.OK) return status;
  const detector = detectorOf(slot);
  if (changetype<u32>(detector) == 0) return end(layout.UNKNOWN_DETECTOR);
  empty(detector);
  return end(layout.OK);
}

export function deleteDetector(slot: u32): u32 {
  const status = begin(slot);
  if (status != layout.OK) return status;
  const place = slotAt(slot);
  const block = place.detector;
  if (block == 0) return end(layout.UNKNOWN_DETECTOR);
  empty(changetype<Detector>(block));
  const program = changetype<Detector>(block).program;
  place.detector = 0;
  releaseFor(slot, block);
  releaseFor(slot, program);
  memory.fill(
    changetype<u32>(place) + offsetof<layout.Slot>("keys"),
    0,
    layout.SLOT_BYTES - offsetof<layout.Slot>("keys"),
  );
  return end(layout.OK);
}

/** Forgets all keys and ids. The new generation comes first: were this cut off, recover would drop what has the old one. */
function empty(detector: Detector): void {
  const place = slotAt(detector.slot);
  place.generation += 1;
  detector.generation = place.generation;
  dropImport(detector);
  dropKeys(detector);
  forgetIds(detector);
  const bytes = place.stateBytes;
  const first = offsetof<layout.Slot>("keys") as u32;
  memory.fill(changetype<u32>(place) + first, 0, layout.SLOT_BYTES - first);
  place.stateBytes = bytes;
  place.heartbeatMs = -Infinity;
}

export function takeTraining(): u32 {
  if (begin(0) != layout.OK) return 0;
  return end(ticket.take());
}

export function releaseRows(handle: f64): void {
  if (begin(0) != layout.OK) return;
  ticket.releaseRowsOf(handle);
  end(layout.OK);
}

export function placeModel(handle: f64, bytes: u32): u32 {
  if (begin(0) != layout.OK) return 0;
  return end(ticket.place(handle, bytes));
}

export function swapModel(handle: f64, model: u32): u32 {
  const status = begin(0);
  return status != layout.OK ? status : end(ticket.swap(handle, model));
}

export function dropTraining(handle: f64, failed: u32): u32 {
  const status = begin(0);
  return status != layout.OK ? status : end(ticket.drop(handle, failed));
}

export function findModel(slot: u32, hashLo: u32, hashHi: u32): u32 {
  if (slot >= layout.DETECTORS_MAX || slotAt(slot).detector == 0) return 0;
  const detector = detectorOf(slot);
  if (!isWindowModel(detector)) return 0;
  const key = detector.oneCell != 0 ? detector.cellKey : keyByHash(detector, hashLo, hashHi);
  return key != 0 && keyAt(key).totals != 0 ? keyAt(key).totals + MODEL_AT : 0;
}
