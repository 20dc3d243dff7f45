/*
 * How far the import of a detector's state is: a block of the arena, so that any thread's instance goes on with it, and a copy of the memory too.
 * Blocks that are not whole yet hang on it and nowhere else.
 */
import { KIND_IMPORT } from "../arena";
import { allocateFor, Detector, releaseFor } from "../detector";
import { destroyKey, keyAt } from "../key";
import { slotAt } from "../layout";

@unmanaged
export class Importing {
  kind: u32; // 0
  run: u32;
  /** Of the part that comes next. */
  number: u32; // 8
  stage: u32;
  /** Past the last partition that came. */
  partitions: u32; // 16
  /** Place that the partition's next key must reach. */
  place: u32;
  /** Keys of the partition that have not come. */
  due: u32; // 24
  /** Keys of all partitions that have not come, but for those of `due`. */
  keys: u32;
  hasCellKey: u32; // 32
  ids: u32; // that have not come
  /** The key whose sections come; 0 = none. It is in no table, and of no generation. */
  key: u32; // 40
  section: u32;
  /** Bytes of the section that came, and that are to come. */
  done: u32; // 48
  bytes: u32;
  /** What the section, or the ids, are written into; 0 = nothing yet. Of the kind KIND_IMPORT. */
  block: u32; // 56
  /** Of the key, see KeyPiece. */
  tablePlace: u32;
  modelBytes: u32; // 64
  featureBytes: u32;
  version: u32; // 72
  pad: u32;
  trainedAt: f64; // 80
  swappedAt: f64;
  /** Ids that came. */
  idsDone: u32; // 96
}

const IMPORTING_BYTES: u32 = 112;

export const STAGE_HEAD: u32 = 0;
export const STAGE_TABLES: u32 = 1;
export const STAGE_DONE: u32 = 2;

export function importOf(detector: Detector): Importing {
  return changetype<Importing>(detector.importing);
}

/** False = the arena is full. */
export function beginImport(detector: Detector): bool {
  const block = allocateFor(detector.slot, IMPORTING_BYTES);
  if (block == 0) return false;
  memory.fill(block + 8, 0, IMPORTING_BYTES - 8);
  store<u32>(block, KIND_IMPORT);
  detector.importing = block;
  return true;
}

/** A block that is not whole yet. False = the arena is full. */
export function beginBlock(detector: Detector, bytes: u32): bool {
  const block = allocateFor(detector.slot, bytes);
  if (block == 0) return false;
  store<u64>(block, 0, 8);
  store<u32>(block, KIND_IMPORT);
  importOf(detector).block = block;
  return true;
}

/** Forgets an import, with what came and belongs to nothing yet. */
export function dropImport(detector: Detector): void {
  const block = detector.importing;
  if (block == 0) return;
  const state = importOf(detector);
  const part = state.block;
  const key = state.key;
  const slot = detector.slot;
  detector.importing = 0;
  releaseFor(slot, block);
  releaseFor(slot, part);
  if (key == 0) return;
  // Counted by nobody so far, as keys are that go.
  if (keyAt(key).holdsCell == 0) slotAt(slot).keys += 1;
  destroyKey(key);
}
