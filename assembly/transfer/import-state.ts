/*
 * Takes a detector's state part by part. Whoever wrote it is not trusted: every length, place and number that anything is found by is checked
 * before it is used, so that what was taken is a state that this kernel could be in.
 */
import { BLOCK_HEADER } from "../arena";
import { structureHash } from "../configure";
import { Detector, detectorOf, partitionOf } from "../detector";
import { adoptRing, areEntriesSound, forgetIds, ID_BYTES, ringBytes } from "../ids";
import { dropKeys, makeTable } from "../key-table";
import * as layout from "../layout";
import { slotAt, TRANSFER_BASE } from "../layout";
import { areCountersSound, EndPiece, writeCounters } from "./counters";
import { beginKey, takeBulk } from "./import-key";
import * as progress from "./importing";
import { beginBlock, Importing, importOf } from "./importing";
import * as parts from "./parts";
import { HeadPiece, KeyPiece, Part, TablePiece } from "./parts";

const CAPACITY_MIN: u32 = 8;
const CAPACITY_MAX: u32 = 1 << 26;

/** Takes a part of so many bytes. Status. */
export function importPart(slot: u32, bytes: u32): u32 {
  const detector = detectorOf(slot);
  if (changetype<u32>(detector) == 0) return layout.UNKNOWN_DETECTOR;
  const part = changetype<Part>(TRANSFER_BASE);
  if (bytes < parts.PART_HEADER || bytes > parts.PART_BYTES_MAX) return layout.BAD_MODEL;
  if (part.magic != parts.PART_MAGIC || part.bytes != bytes) return layout.BAD_MODEL;
  if (detector.importing == 0) {
    if (part.number != 0 || !isNew(detector)) return layout.BAD_MODEL;
    if (!progress.beginImport(detector)) return layout.NO_MEMORY;
  }
  const state = importOf(detector);
  let status = part.number == state.number ? takePieces(detector, state, bytes) : layout.BAD_MODEL;
  const isDone = state.stage == progress.STAGE_DONE;
  if (status == layout.OK && isDone != (part.last == 1)) status = layout.BAD_MODEL;
  if (status != layout.OK) undo(detector);
  else if (isDone) progress.dropImport(detector);
  else state.number += 1;
  return status;
}

/** Nothing that came stays: the detector is as it was created. */
function undo(detector: Detector): void {
  progress.dropImport(detector);
  dropKeys(detector);
  forgetIds(detector);
  slotAt(detector.slot).idsRemembered = 0;
}

/** Whether a detector was just created: it has neither keys nor ids, and has learned nothing. */
function isNew(detector: Detector): bool {
  const place = slotAt(detector.slot);
  if (place.keys != 0 || place.eventsLearned != 0 || detector.cellKey != 0) return false;
  for (let p: u32 = 0; p < layout.PARTITIONS; p++) {
    if (partitionOf(detector, p).table != 0) return false;
  }
  return detector.idRing == 0;
}

function takePieces(detector: Detector, state: Importing, bytes: u32): u32 {
  let at = TRANSFER_BASE + parts.PART_HEADER;
  const end = TRANSFER_BASE + bytes;
  while (at < end) {
    if (end - at < parts.PIECE_HEADER || state.stage == progress.STAGE_DONE) {
      return layout.BAD_MODEL;
    }
    const kind = load<u32>(at);
    const length = load<u32>(at, 4);
    at += parts.PIECE_HEADER;
    if (length > bytes || parts.padded(length) > end - at) return layout.BAD_MODEL;
    const status = takePiece(detector, state, kind, at, length);
    if (status != layout.OK) return status;
    at += parts.padded(length);
  }
  return layout.OK;
}

function takePiece(detector: Detector, state: Importing, kind: u32, at: u32, bytes: u32): u32 {
  if (state.stage == progress.STAGE_HEAD) {
    const isHead = kind == parts.PIECE_HEAD && bytes == offsetof<HeadPiece>();
    return isHead ? takeHead(detector, state, changetype<HeadPiece>(at)) : layout.BAD_MODEL;
  }
  if (state.key != 0) {
    return kind == parts.PIECE_BULK ? takeBulk(detector, state, at, bytes) : layout.BAD_MODEL;
  }
  if (kind == parts.PIECE_KEY && bytes >= parts.KEY_PIECE)
    return takeKey(detector, state, at, bytes);
  if (state.due != 0 || state.hasCellKey != 0) return layout.BAD_MODEL;
  if (kind == parts.PIECE_TABLE && bytes == offsetof<TablePiece>()) {
    return takeTable(detector, state, changetype<TablePiece>(at));
  }
  if (state.keys != 0) return layout.BAD_MODEL;
  if (kind == parts.PIECE_IDS) return takeIds(detector, state, at, bytes);
  if (kind != parts.PIECE_END || bytes != offsetof<EndPiece>()) return layout.BAD_MODEL;
  return takeEnd(detector, state, changetype<EndPiece>(at));
}

function takeHead(detector: Detector, state: Importing, head: HeadPiece): u32 {
  if (
    head.format != parts.FORMAT ||
    head.hashA != structureHash(detector, 0) ||
    head.hashB != structureHash(detector, 1) ||
    head.hasCellKey > detector.oneCell
  ) {
    return layout.BAD_MODEL;
  }
  state.keys = head.keys;
  state.hasCellKey = head.hasCellKey;
  state.ids = head.ids;
  state.stage = progress.STAGE_TABLES;
  return layout.OK;
}

function takeTable(detector: Detector, state: Importing, table: TablePiece): u32 {
  const capacity = table.capacity;
  const count = table.count;
  if (table.partition < state.partitions || table.partition >= layout.PARTITIONS) {
    return layout.BAD_MODEL;
  }
  if (capacity < CAPACITY_MIN || capacity > CAPACITY_MAX || (capacity & (capacity - 1)) != 0) {
    return layout.BAD_MODEL;
  }
  if ((count as u64) * 4 > (capacity as u64) * 3 || count > state.keys) return layout.BAD_MODEL;
  const partition = partitionOf(detector, table.partition);
  if (partition.table != 0) return layout.BAD_MODEL;
  const block = makeTable(detector.slot, capacity);
  if (block == 0) return layout.NO_MEMORY;
  partition.table = block;
  partition.cursor = table.cursor;
  state.partitions = table.partition + 1;
  state.place = 0;
  state.due = count;
  state.keys -= count;
  return layout.OK;
}

function takeKey(detector: Detector, state: Importing, at: u32, bytes: u32): u32 {
  const piece = changetype<KeyPiece>(at);
  if ((state.hasCellKey != 0) != (piece.holdsCell == 1)) return layout.BAD_MODEL;
  if (piece.holdsCell == 0) {
    if (state.due == 0) return layout.BAD_MODEL;
    if ((piece.hashLo & (layout.PARTITIONS - 1)) + 1 != state.partitions) return layout.BAD_MODEL;
    if (piece.place < state.place) return layout.BAD_MODEL;
  }
  return beginKey(detector, state, at, bytes);
}

function takeIds(detector: Detector, state: Importing, at: u32, bytes: u32): u32 {
  const count = bytes / ID_BYTES;
  if (bytes == 0 || count * ID_BYTES != bytes || count > state.ids) return layout.BAD_MODEL;
  if (!areEntriesSound(at, count)) return layout.BAD_MODEL;
  state.ids -= count;
  // Where none are kept, none are needed.
  if (detector.idsMax == 0) return layout.OK;
  if (state.block == 0) {
    const whole = ringBytes(state.ids + count);
    if (whole == 0 || !beginBlock(detector, whole)) return layout.NO_MEMORY;
  }
  memory.copy(state.block + BLOCK_HEADER + state.idsDone * ID_BYTES, at, bytes);
  state.idsDone += count;
  return layout.OK;
}

function takeEnd(detector: Detector, state: Importing, end: EndPiece): u32 {
  if (state.ids != 0 || !areCountersSound(end)) return layout.BAD_MODEL;
  if (state.block != 0) {
    if (detector.idRing != 0) return layout.BAD_MODEL;
    const status = adoptRing(detector, state.block, state.idsDone);
    if (status == layout.NO_MEMORY) return status;
    state.block = 0;
    if (status != layout.OK) return status;
  }
  writeCounters(end, slotAt(detector.slot));
  state.stage = progress.STAGE_DONE;
  return layout.OK;
}
