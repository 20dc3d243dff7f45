/*
 * Writes a detector's state part by part. Nothing of the shard changes: how far it is stands at the end of the transfer area, so any thread's
 * instance may write the next part.
 */
import { BLOCK_HEADER } from "../arena";
import { cellOf, modelBlockAt, modelIn, rowBytes } from "../cell";
import { structureHash } from "../configure";
import { Detector, detectorOf, isWindowModel, partitionOf } from "../detector";
import { rememberedAt } from "../ids";
import { hasModel, Key, keyAt, statisticsOf, textOf } from "../key";
import { capacityOf, entryAt } from "../key-table";
import * as layout from "../layout";
import { slotAt, TRANSFER_BASE } from "../layout";
import { MASK_BYTES, maskOf } from "../structure";
import * as parts from "./parts";
import { EndPiece, readCounters } from "./counters";
import { HeadPiece, KeyPiece, Part, TablePiece } from "./parts";

@unmanaged
class Cursor {
  magic: u32; // 0
  slot: u32;
  stage: u32; // 8
  number: u32; // of the next part
  partition: u32; // 16
  place: u32;
  /** Whose sections are being written; 0 = none. */
  key: u32; // 24
  section: u32;
  offset: u32; // 32, in the section
  pad: u32;
  id: u64; // 40, position of the next id
}

const STAGE_HEAD: u32 = 0;
const STAGE_CELL: u32 = 1;
const STAGE_TABLE: u32 = 2;
const STAGE_KEYS: u32 = 3;
const STAGE_IDS: u32 = 4;
const STAGE_END: u32 = 5;
const STAGE_DONE: u32 = 6;

const ID_BYTES: u32 = 64;
const END: u32 = TRANSFER_BASE + parts.PART_BYTES_MAX;

/** Where the next piece of the part goes. */
let at: u32 = 0;

function cursor(): Cursor {
  return changetype<Cursor>(parts.CURSOR);
}

/** Writes the next part. Its bytes; 0 = there is none. */
export function exportPart(slot: u32, start: u32): u32 {
  if (slot >= layout.DETECTORS_MAX || slotAt(slot).detector == 0) return 0;
  const detector = detectorOf(slot);
  const state = cursor();
  if (start != 0) {
    memory.fill(parts.CURSOR, 0, offsetof<Cursor>());
    state.magic = parts.PART_MAGIC;
    state.slot = slot;
    state.id = detector.idTail;
  }
  if (state.magic != parts.PART_MAGIC || state.slot != slot || state.stage >= STAGE_DONE) return 0;
  at = TRANSFER_BASE + parts.PART_HEADER;
  while (state.stage != STAGE_DONE && writeNext(detector, state)) {}
  const part = changetype<Part>(TRANSFER_BASE);
  part.magic = parts.PART_MAGIC;
  part.number = state.number;
  part.bytes = at - TRANSFER_BASE;
  part.last = state.stage == STAGE_DONE ? 1 : 0;
  state.number += 1;
  return part.bytes;
}

/** Begins a piece. Its address; 0 = the part has no room for it. */
function piece(kind: u32, bytes: u32): u32 {
  const whole = parts.PIECE_HEADER + parts.padded(bytes);
  if (whole > END - at) return 0;
  store<u32>(at, kind);
  store<u32>(at, bytes, 4);
  const body = at + parts.PIECE_HEADER;
  at += whole;
  // The padding, where there is one.
  if ((bytes & 7) != 0) store<u64>(at - 8, 0);
  return body;
}

/** Goes on by a piece. False = the part is full. */
function writeNext(detector: Detector, state: Cursor): bool {
  if (state.key != 0) return writeSection(detector, state);
  const stage = state.stage;
  if (stage == STAGE_HEAD) return writeHead(detector, state);
  if (stage == STAGE_CELL) {
    const cell = detector.cellKey;
    if (cell != 0 && !writeKey(detector, cell, 0)) return false;
    state.key = cell;
    state.stage = STAGE_TABLE;
    return true;
  }
  if (stage == STAGE_TABLE) return writeTable(detector, state);
  if (stage == STAGE_KEYS) return writeKeys(detector, state);
  return stage == STAGE_IDS ? writeIds(detector, state) : writeEnd(detector, state);
}

function writeHead(detector: Detector, state: Cursor): bool {
  const head = changetype<HeadPiece>(piece(parts.PIECE_HEAD, offsetof<HeadPiece>()));
  head.format = parts.FORMAT;
  head.keys = slotAt(detector.slot).keys;
  head.hashA = structureHash(detector, 0);
  head.hashB = structureHash(detector, 1);
  head.hasCellKey = detector.cellKey != 0 ? 1 : 0;
  head.ids = (detector.idHead - detector.idTail) as u32;
  state.stage = STAGE_CELL;
  return true;
}

function writeTable(detector: Detector, state: Cursor): bool {
  if (state.partition == layout.PARTITIONS) {
    state.stage = STAGE_IDS;
    return true;
  }
  const partition = partitionOf(detector, state.partition);
  if (partition.table == 0) {
    state.partition += 1;
    return true;
  }
  const body = piece(parts.PIECE_TABLE, offsetof<TablePiece>());
  if (body == 0) return false;
  const table = changetype<TablePiece>(body);
  table.partition = state.partition;
  table.capacity = capacityOf(partition.table);
  table.count = partition.count;
  table.cursor = partition.cursor;
  state.place = 0;
  state.stage = STAGE_KEYS;
  return true;
}

function writeKeys(detector: Detector, state: Cursor): bool {
  const table = partitionOf(detector, state.partition).table;
  const capacity = capacityOf(table);
  while (state.place < capacity) {
    const key = entryAt(table, state.place).key;
    if (key != 0) {
      if (!writeKey(detector, key, state.place)) return false;
      state.key = key;
      state.place += 1;
      return true;
    }
    state.place += 1;
  }
  state.partition += 1;
  state.stage = STAGE_TABLE;
  return true;
}

function writeKey(detector: Detector, address: u32, place: u32): bool {
  const key = keyAt(address);
  const length = key.length as u32;
  const model = hasModel(detector, key);
  const isTrees = !isWindowModel(detector);
  const statistics = model && isTrees ? detector.statisticsBytes : 0;
  const text = parts.padded(length);
  const body = piece(parts.PIECE_KEY, parts.KEY_PIECE + text + statistics);
  if (body == 0) return false;
  memory.fill(body, 0, parts.KEY_PIECE + text);
  const to = changetype<KeyPiece>(body);
  to.place = place;
  to.length = length;
  to.hashLo = key.hashLo;
  to.hashHi = key.hashHi;
  to.holdsCell = key.holdsCell;
  to.hasModel = model ? 1 : 0;
  to.uneven = key.uneven;
  to.inWindow = key.inWindow;
  to.learned = key.learned;
  to.tick = key.tick;
  to.arrivalMs = key.arrivalMs;
  to.sketchTotal = key.sketchTotal;
  to.sketchBelow = key.sketchBelow;
  to.sketchBucket = key.sketchBucket;
  to.sketchCurrent = key.sketchCurrent;
  to.modelBytes = parts.modelBytesOf(detector, key);
  to.featureBytes = parts.featureBytesOf(key);
  memory.copy(body + parts.KEY_PIECE, textOf(key), length);
  memory.copy(body + parts.KEY_PIECE + text, statisticsOf(key), statistics);
  if (!model) return true;
  if (isTrees) memory.copy(body + parts.KEY_MASK, maskOf(key.structure), MASK_BYTES);
  else writeCell(key, to);
  return true;
}

function writeCell(key: Key, to: KeyPiece): void {
  const cell = cellOf(key);
  to.capacity = cell.capacity;
  to.dueAt = cell.dueAt;
  to.growAt = cell.growAt;
  to.readyAt = cell.readyAt;
  if (key.totals == 0) return;
  const block = modelBlockAt(key.totals);
  to.version = block.version;
  to.trainedAt = block.trainedAt;
  to.swappedAt = block.swappedAt;
}

/** Bytes of a section of a key that is there. */
function bytesOf(detector: Detector, key: Key, section: u32): u32 {
  if (section == parts.SECTION_FEATURES) return parts.featureBytesOf(key);
  if (section == parts.SECTION_MODEL) return parts.modelBytesOf(detector, key);
  return hasModel(detector, key) ? parts.blockBytesOf(detector, key, section) : 0;
}

/** Address of a section, which lies in one piece: all but the window of a cell. */
function sectionAt(detector: Detector, key: Key, section: u32): u32 {
  if (section == parts.SECTION_WINDOW) return key.window + BLOCK_HEADER;
  if (section == parts.SECTION_TOTALS) return key.totals + 8;
  if (section == parts.SECTION_ROLLING) return cellOf(key).rolling + BLOCK_HEADER;
  if (section == parts.SECTION_MODEL) return changetype<u32>(modelIn(key.totals));
  return key.features + 8;
}

/** Writes as much of a key's present section as there is room for. */
function writeSection(detector: Detector, state: Cursor): bool {
  const key = keyAt(state.key);
  const section = state.section;
  const left = bytesOf(detector, key, section) - state.offset;
  if (left == 0) {
    state.offset = 0;
    state.section = section + 1;
    if (state.section < parts.SECTIONS) return true;
    state.section = 0;
    state.key = 0;
    return true;
  }
  const room = END - at;
  if (room < parts.PIECE_HEADER + 8) return false;
  const bytes = min(left, (room - parts.PIECE_HEADER) & ~7);
  const to = piece(parts.PIECE_BULK, bytes);
  if (section == parts.SECTION_WINDOW && isWindowModel(detector)) {
    copyRing(detector, key, state.offset, bytes, to);
  } else {
    memory.copy(to, sectionAt(detector, key, section) + state.offset, bytes);
  }
  state.offset += bytes;
  return true;
}

/** Some bytes of a cell's window, as if its rows lay oldest first. */
function copyRing(detector: Detector, key: Key, offset: u32, bytes: u32, to: u32): void {
  const cell = cellOf(key);
  const stride = rowBytes(detector);
  const first: u32 = key.inWindow < cell.capacity ? 0 : cell.next * stride;
  const whole = key.inWindow * stride;
  const rows = cell.ring + BLOCK_HEADER;
  const from = first + offset < whole ? first + offset : first + offset - whole;
  const straight = min(bytes, whole - from);
  memory.copy(to, rows + from, straight);
  memory.copy(to + straight, rows, bytes - straight);
}

function writeIds(detector: Detector, state: Cursor): bool {
  const left = detector.idHead - state.id;
  if (left == 0) {
    state.stage = STAGE_END;
    return true;
  }
  const room = END - at;
  if (room < parts.PIECE_HEADER + ID_BYTES) return false;
  const count = min(left, ((room - parts.PIECE_HEADER) / ID_BYTES) as u64) as u32;
  const to = piece(parts.PIECE_IDS, count * ID_BYTES);
  for (let i: u32 = 0; i < count; i++) {
    const entry = rememberedAt(detector, state.id + (i as u64));
    memory.copy(to + i * ID_BYTES, changetype<u32>(entry), ID_BYTES);
  }
  state.id += count as u64;
  return true;
}

function writeEnd(detector: Detector, state: Cursor): bool {
  const body = piece(parts.PIECE_END, offsetof<EndPiece>());
  if (body == 0) return false;
  readCounters(changetype<EndPiece>(body), slotAt(detector.slot));
  state.stage = STAGE_DONE;
  return true;
}
