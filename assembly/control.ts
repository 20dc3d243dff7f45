/* Making a shard, and its detectors come and go. */
import { clearArena } from "./arena";
import { create, Detector, detectorOf, releaseFor } from "./detector";
import { forgetIds } from "./ids";
import { dropKeys } from "./key-table";
import * as layout from "./layout";
import { root, slotAt } from "./layout";

/** Makes a new memory an empty shard. Status. */
export function initialize(memoryBytes: f64): u32 {
  const held = (memory.size() as f64) * (layout.PAGE_BYTES as f64);
  const most = 65535.0 * (layout.PAGE_BYTES as f64);
  const bytes = min(min(memoryBytes, held), most);
  if (!(bytes >= (layout.MEMORY_BYTES_MIN as f64))) return layout.NO_MEMORY;
  memory.fill(0, 0, layout.PAGE_BYTES);
  const state = root();
  clearArena((bytes as u64 as u32) & ~(layout.PAGE_BYTES - 1));
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
  place.detector = 0;
  releaseFor(slot, block);
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
  dropKeys(detector);
  forgetIds(detector);
  const bytes = place.stateBytes;
  const first = offsetof<layout.Slot>("keys") as u32;
  memory.fill(changetype<u32>(place) + first, 0, layout.SLOT_BYTES - first);
  place.stateBytes = bytes;
}
