/*
 * Takes a key of a detector's state, and then what belongs to it, section by section. A section's bytes go into a block of their own, which
 * the key gets when all of them came and are sound. The key joins its table last.
 */
import { BLOCK_HEADER, KIND_CELL, KIND_KEY } from "../arena";
import { Cell, cellOf, CELL_BYTES, MODEL_AT, rowBytes } from "../cell";
import { settleKey } from "../configure";
import { isWhole, WHOLE_MAX } from "../control-block";
import { allocateFor, Detector, isWindowModel, partitionOf } from "../detector";
import { isInPanes } from "../feature/features";
import { Key, keyAt, KEY_HEADER, statisticsOf } from "../key";
import { arePlacesSound, placeKey } from "../key-table";
import * as layout from "../layout";
import { root, slotAt } from "../layout";
import { LOG_EVENTS_MIN } from "../model/window";
import { areAbsencesSound } from "../scale/scale";
import { acquireStructure, setMask } from "../structure";
import { endSection } from "./check-section";
import { beginBlock, Importing } from "./importing";
import * as parts from "./parts";
import { KeyPiece } from "./parts";

/** A key, of which all else is to come. Status. */
export function beginKey(detector: Detector, state: Importing, at: u32, bytes: u32): u32 {
  const piece = changetype<KeyPiece>(at);
  const length = piece.length;
  const isTrees = !isWindowModel(detector);
  const statistics: u32 = piece.hasModel != 0 && isTrees ? detector.statisticsBytes : 0;
  if (length > 65535 || bytes != parts.KEY_PIECE + parts.padded(length) + statistics) {
    return layout.BAD_MODEL;
  }
  if (!isKeySound(detector, piece)) return layout.BAD_MODEL;
  const whole = KEY_HEADER + ((length + 15) & ~15) + detector.statisticsBytes;
  const block = allocateFor(detector.slot, whole);
  if (block == 0) return layout.NO_MEMORY;
  memory.fill(block + 8, 0, whole - 8);
  const key = keyAt(block);
  // Of no generation yet: were this cut off, recover would sweep it up.
  readKey(detector, key, piece);
  const text = at + parts.KEY_PIECE;
  memory.copy(block + KEY_HEADER, text, length);
  memory.copy(statisticsOf(key), text + parts.padded(length), statistics);
  key.kind = KIND_KEY;
  state.key = block;
  state.section = 0;
  state.done = 0;
  state.bytes = 0;
  state.tablePlace = piece.place;
  state.modelBytes = piece.modelBytes;
  state.featureBytes = piece.featureBytes;
  state.version = piece.version;
  state.trainedAt = piece.trainedAt;
  state.swappedAt = piece.swappedAt;
  if (piece.hasModel == 0) return beginSection(detector, state);
  if (!isTrees) {
    if (!makeCellOf(detector, key, piece)) return layout.NO_MEMORY;
    return beginSection(detector, state);
  }
  if (!areAbsencesSound(detector, key) || !setMask(detector, at + parts.KEY_MASK)) {
    return layout.BAD_MODEL;
  }
  key.structure = acquireStructure(detector);
  if (key.structure == 0) return layout.NO_MEMORY;
  return beginSection(detector, state);
}

function isKeySound(detector: Detector, piece: KeyPiece): bool {
  const hasModel = piece.hasModel;
  const isCellKey = piece.holdsCell;
  if (hasModel > 1 || isCellKey > 1 || piece.uneven > 1) return false;
  if (piece.tick > (WHOLE_MAX as u64) || !(Math.abs(piece.arrivalMs) <= Infinity)) return false;
  // Features where there is a program; a model where there is none; of keys that share one cell, the cell's key has it and no features.
  const derives = detector.program != 0;
  if ((piece.featureBytes != 0) != (derives && isCellKey == 0)) return false;
  if (isCellKey != 0 && (detector.oneCell == 0 || piece.length != 0)) return false;
  if (hasModel == 0 && (!derives || isCellKey != 0)) return false;
  if (hasModel != 0 && detector.oneCell != 0 && isCellKey == 0) return false;
  if (!isWhole(piece.learned, hasModel as f64, hasModel != 0 ? WHOLE_MAX : 0)) return false;
  const sketch = piece.sketchTotal | piece.sketchBelow | piece.sketchBucket | piece.sketchCurrent;
  if (hasModel == 0) return (piece.inWindow | piece.modelBytes | piece.uneven | sketch) == 0;
  return isWindowModel(detector)
    ? (sketch | piece.uneven) == 0 && isCellSound(detector, piece)
    : piece.modelBytes == 0 && isTreeKeySound(detector, piece, sketch);
}

function isTreeKeySound(detector: Detector, piece: KeyPiece, sketch: u32): bool {
  const window = detector.window as f64;
  const inWindow = piece.learned - Math.floor(piece.learned / window) * window;
  if ((piece.inWindow as f64) != inWindow) return false;
  const byShare = detector.threshold != detector.threshold;
  return sketch == 0 || (byShare && piece.learned >= window);
}

function isCellSound(detector: Detector, piece: KeyPiece): bool {
  const capacity = piece.capacity;
  if (capacity < 1 || capacity > detector.windowRows || piece.inWindow > capacity) return false;
  if ((piece.inWindow as f64) > piece.learned) return false;
  if (!(piece.dueAt >= 0 && piece.growAt >= 0 && piece.readyAt >= 0)) return false;
  if (piece.modelBytes == 0) return piece.version == 0 && piece.readyAt == 0;
  return (
    piece.version != 0 &&
    piece.trainedAt >= 0 &&
    piece.trainedAt <= piece.swappedAt &&
    piece.swappedAt <= piece.learned
  );
}

function readKey(detector: Detector, key: Key, piece: KeyPiece): void {
  key.hashLo = piece.hashLo;
  key.hashHi = piece.hashHi;
  key.slot = detector.slot as u16;
  key.length = piece.length as u16;
  key.holdsCell = piece.holdsCell;
  key.uneven = piece.uneven;
  key.inWindow = piece.inWindow;
  key.learned = piece.learned;
  key.tick = piece.tick;
  key.arrivalMs = piece.arrivalMs;
  key.sketchTotal = piece.sketchTotal;
  key.sketchBelow = piece.sketchBelow;
  key.sketchBucket = piece.sketchBucket;
  key.sketchCurrent = piece.sketchCurrent;
}

/** The key's cell, its ring to come. */
function makeCellOf(detector: Detector, key: Key, piece: KeyPiece): bool {
  const block = allocateFor(detector.slot, CELL_BYTES);
  if (block == 0) return false;
  memory.fill(block + 8, 0, CELL_BYTES - 8);
  const cell = changetype<Cell>(block);
  cell.capacity = piece.capacity;
  cell.next = piece.inWindow == piece.capacity ? 0 : piece.inWindow;
  cell.dueAt = piece.dueAt;
  cell.growAt = piece.growAt;
  cell.readyAt = piece.readyAt;
  cell.kind = KIND_CELL;
  key.window = block;
  return true;
}

/** Bytes of the present section, and before them in its block; 0 = the key has no such section. */
function sectionBytes(detector: Detector, state: Importing, key: Key): u64 {
  const section = state.section;
  if (section == parts.SECTION_FEATURES) return state.featureBytes as u64;
  if (section == parts.SECTION_MODEL) return state.modelBytes as u64;
  if (key.learned == 0) return 0;
  if (isWindowModel(detector)) {
    if (section == parts.SECTION_ROLLING) return parts.rollingBytesOf(detector);
    if (section == parts.SECTION_TOTALS) return 0;
    return (key.inWindow as u64) * (rowBytes(detector) as u64);
  }
  return parts.blockBytesOf(detector, key, section) as u64;
}

/** Bytes of a section's block before its own. */
function headerOf(section: u32): u32 {
  if (section == parts.SECTION_MODEL) return MODEL_AT;
  return section == parts.SECTION_TOTALS || section == parts.SECTION_FEATURES ? 8 : BLOCK_HEADER;
}

/** Bytes of a section's block. A window has room for what will come, too. */
function blockBytes(detector: Detector, state: Importing, key: Key, bytes: u64): u64 {
  if (state.section == parts.SECTION_WINDOW && isWindowModel(detector)) {
    return (BLOCK_HEADER as u64) + (cellOf(key).capacity as u64) * (rowBytes(detector) as u64);
  }
  if (state.section == parts.SECTION_WINDOW && detector.logs != 0) {
    const events = min(detector.window, max(LOG_EVENTS_MIN, key.inWindow));
    return (BLOCK_HEADER as u64) + (events as u64) * (detector.logStride as u64);
  }
  return bytes + (headerOf(state.section) as u64);
}

/** Makes room for the next section that the key has; where none is left, the key is whole. Status. */
function beginSection(detector: Detector, state: Importing): u32 {
  const key = keyAt(state.key);
  while (state.section < parts.SECTIONS) {
    const bytes = sectionBytes(detector, state, key);
    // A window is there even while nothing is in it.
    const isThere = bytes != 0 || (state.section == parts.SECTION_WINDOW && key.learned != 0);
    if (isThere) {
      const whole = blockBytes(detector, state, key, bytes);
      if (whole > 0x7fffffff || !beginBlock(detector, whole as u32)) return layout.NO_MEMORY;
      state.bytes = bytes as u32;
      state.done = 0;
      if (bytes != 0) return layout.OK;
      const status = closeSection(detector, state, key);
      if (status != layout.OK) return status;
    } else {
      state.section += 1;
    }
  }
  return endKey(detector, state, key);
}

/** Some bytes of the present section. Status. */
export function takeBulk(detector: Detector, state: Importing, at: u32, bytes: u32): u32 {
  if (bytes == 0 || bytes > state.bytes - state.done) return layout.BAD_MODEL;
  memory.copy(state.block + headerOf(state.section) + state.done, at, bytes);
  state.done += bytes;
  if (state.done < state.bytes) return layout.OK;
  const status = closeSection(detector, state, keyAt(state.key));
  return status == layout.OK ? beginSection(detector, state) : status;
}

function closeSection(detector: Detector, state: Importing, key: Key): u32 {
  if (!endSection(detector, state, key)) return layout.BAD_MODEL;
  state.block = 0;
  state.section += 1;
  return layout.OK;
}

/** All of the key came: it is one like others from now on. Status. */
function endKey(detector: Detector, state: Importing, key: Key): u32 {
  const place = slotAt(detector.slot);
  const address = state.key;
  const shard = root();
  if (key.holdsCell != 0) {
    if (detector.cellKey != 0) return layout.BAD_MODEL;
    detector.cellKey = address;
    state.hasCellKey = 0;
  } else {
    const partition = partitionOf(detector, key.hashLo);
    if (!placeKey(partition, key, state.tablePlace)) return layout.BAD_MODEL;
    state.place = state.tablePlace + 1;
    state.due -= 1;
    place.keys += 1;
    if (isInPanes(key.features)) place.keysInPanes += 1;
  }
  key.generation = detector.generation;
  state.key = 0;
  shard.tick = max(shard.tick, key.tick);
  settleKey(detector, key);
  const isLast = key.holdsCell == 0 && state.due == 0;
  return !isLast || arePlacesSound(partitionOf(detector, key.hashLo))
    ? layout.OK
    : layout.BAD_MODEL;
}
