/*
 * After a thread died or trapped in this memory. The blocks are the truth; every list, table and count is made anew from them:
 *
 *   1. mark   walk the arena; keys of the region's rows are in doubt and lose their kind; every other key of a living detector
 *             keeps its window, totals and structure, and a cell its training where its ticket knows it too
 *   2. sweep  whatever is not marked is free: blocks cut off half made, or half given back; free lists are made anew
 *   3. index  keys go back into tables, structures into their lists, ids into their index
 *
 * It may itself die and be called again with the same region.
 */
import * as arena from "./arena";
import { MARK, runAt } from "./arena";
import { cellOf, hideCell, showCell } from "./cell";
import { clearHeads, Detector, detectorOf, isWindowModel, partitionOf } from "./detector";
import { isInPanes } from "./feature/features";
import { equalBytes } from "./hash";
import { areIdBlocksWhole, rebuildIds } from "./ids";
import { destroyKey, hasModel, isKeyOf, Key, keyAt } from "./key";
import { insertKey, makeTable, tableCapacity } from "./key-table";
import * as layout from "./layout";
import { root, Row, slotAt } from "./layout";
import { linkStructure, structureAt } from "./structure";
import { doubtTickets, dropTickets, keepTraining } from "./ticket";

/** CONTROL holds the numbers of the rows in doubt + 1, by the hash of their key. */
const DOUBTS: u32 = layout.CONTROL_BASE;
const DOUBTS_MASK: u32 = (layout.PAGE_BYTES >> 2) - 1;

/** Keys dropped. A step that has begun and not ended is known here; the caller's region only counts where there is none. */
export function recoverShard(asked: i32): u32 {
  const state = root();
  if (state.magic != layout.MAGIC) return 0;
  const region = state.doubt != 0 ? ((state.doubt - 1) as i32) : asked;
  state.inProgress = layout.RECOVERING;
  readDoubts(region);
  walk(unmarkBlock, region);
  keepDetectors();
  const before = keysInDoubt();
  doubtTickets();
  walk(markKey, region);
  dropTickets();
  sweep();
  makeTables();
  walk(indexBlock, region);
  walk(dropUnlisted, region);
  for (let slot: u32 = 0; slot < layout.DETECTORS_MAX; slot++) {
    if (slotAt(slot).detector != 0) rebuildIds(detectorOf(slot));
  }
  state.recoveries += 1;
  state.doubt = 0;
  state.inProgress = layout.IDLE;
  return (keysInDoubt() - before) as u32;
}

function keysInDoubt(): f64 {
  let sum: f64 = 0;
  for (let slot: u32 = 0; slot < layout.DETECTORS_MAX; slot++) sum += slotAt(slot).keysInDoubt;
  return sum;
}

/** Detectors whose one cell is in doubt, a bit each: rows of whatever key have met it. */
let cellsInDoubt: u64 = 0;

/** Whether a row of this kind may have changed its key. */
function changesKey(op: u32): bool {
  return (
    op != layout.OP_SKIP &&
    op != layout.OP_SCORE_ONLY &&
    op != layout.OP_AMEND &&
    op != layout.OP_READ_FEATURES &&
    op != layout.OP_HEARTBEAT
  );
}

function readDoubts(region: i32): void {
  memory.fill(DOUBTS, 0, layout.PAGE_BYTES);
  cellsInDoubt = 0;
  if (region < 0 || region >= (layout.REGIONS as i32)) return;
  const base = layout.regionAt(region as u32);
  const rows = min(load<u32>(base), layout.ROWS_MAX);
  for (let i: u32 = 0; i < rows; i++) {
    const row = rowOf(base, i);
    const op = row.op as u32;
    if (!changesKey(op)) continue;
    const meetsCell = op != layout.OP_DERIVE && (row.slot as u32) < layout.DETECTORS_MAX;
    if (meetsCell) cellsInDoubt |= (1 as u64) << (row.slot as u64);
    let place = (row.hashLo ^ row.hashHi) & DOUBTS_MASK;
    let number = load<u32>(DOUBTS + (place << 2));
    while (number != 0 && !isSameKey(base, row, rowOf(base, number - 1))) {
      place = (place + 1) & DOUBTS_MASK;
      number = load<u32>(DOUBTS + (place << 2));
    }
    store<u32>(DOUBTS + (place << 2), i + 1);
  }
}

function rowOf(base: u32, index: u32): Row {
  return changetype<Row>(base + layout.REGION_ROWS + index * layout.ROW_BYTES);
}

function isSameKey(base: u32, a: Row, b: Row): bool {
  const text = base + layout.REGION_TEXT;
  return (
    a.slot == b.slot &&
    a.hashLo == b.hashLo &&
    a.hashHi == b.hashHi &&
    a.keyLength == b.keyLength &&
    equalBytes(text + a.keyOffset, text + b.keyOffset, a.keyLength as u32)
  );
}

function isInDoubt(region: i32, key: Key): bool {
  if (region < 0 || region >= (layout.REGIONS as i32)) return false;
  const base = layout.regionAt(region as u32);
  let place = (key.hashLo ^ key.hashHi) & DOUBTS_MASK;
  while (true) {
    const number = load<u32>(DOUBTS + (place << 2));
    if (number == 0) return false;
    const row = rowOf(base, number - 1);
    if (row.slot == key.slot && isKeyOf(key, row, base + layout.REGION_TEXT + row.keyOffset))
      return true;
    place = (place + 1) & DOUBTS_MASK;
  }
}

/** Keeps a block of a detector. False = it is kept already. */
function mark(slot: u32, block: u32): bool {
  if (block == 0) return false;
  const kind = load<u32>(block);
  if ((kind & MARK) != 0) return false;
  store<u32>(block, kind | MARK);
  slotAt(slot).stateBytes += arena.blockBytes(block) as f64;
  return true;
}

/** Keeps the detectors' own blocks, and empties what will be made anew. */
function keepDetectors(): void {
  for (let slot: u32 = 0; slot < layout.DETECTORS_MAX; slot++) {
    const place = slotAt(slot);
    place.keys = 0;
    place.structures = 0;
    place.stateBytes = 0;
    place.keysInPanes = 0;
    hideCell(slot);
    if (place.detector == 0) continue;
    const detector = detectorOf(slot);
    detector.generation = place.generation;
    detector.cellKey = 0;
    detector.importing = 0;
    clearHeads(detector);
    mark(slot, place.detector);
    mark(slot, detector.program);
    if (!areIdBlocksWhole(detector)) {
      detector.idRing = 0;
      detector.idIndex = 0;
      detector.idTail = detector.idHead;
    }
    mark(slot, detector.idRing);
    mark(slot, detector.idIndex);
  }
}

function walk(visit: (block: u32, region: i32) => void, region: i32): void {
  let address = layout.ARENA_BASE;
  while (address < root().arenaTop) {
    const run = runAt(address);
    if (run.kind == arena.RUN_BLOCK) visit(address + arena.RUN_HEADER, region);
    else if (run.kind == arena.RUN_SLAB) {
      const bytes = arena.classBytes(run.sizeClass);
      for (let i: u32 = 0; i < run.bump; i++) visit(address + arena.RUN_HEADER + i * bytes, region);
    }
    address += run.pages << layout.PAGE_SHIFT;
  }
}

function unmarkBlock(block: u32, region: i32): void {
  store<u32>(block, load<u32>(block) & ~MARK);
}

function markKey(block: u32, region: i32): void {
  if (load<u32>(block) != arena.KIND_KEY) return;
  const key = keyAt(block);
  const slot = key.slot as u32;
  const detector = detectorOf(slot);
  if (changetype<u32>(detector) == 0 || key.generation != detector.generation) return;
  const holdsCell = key.holdsCell != 0;
  const doubtful = holdsCell ? ((cellsInDoubt >> (slot as u64)) & 1) != 0 : isInDoubt(region, key);
  if (doubtful) {
    key.kind = arena.FREE;
    slotAt(slot).keysInDoubt += 1;
    return;
  }
  mark(slot, block);
  markParts(detector, key);
  if (holdsCell) {
    detector.cellKey = block;
    return;
  }
  slotAt(slot).keys += 1;
  partitionOf(detector, key.hashLo).count += 1;
}

/** Keeps what hangs on a key that is kept. */
function markParts(detector: Detector, key: Key): void {
  const slot = detector.slot;
  if (mark(slot, key.features) && isInPanes(key.features)) slotAt(slot).keysInPanes += 1;
  // All of it is there, or a feature program is, and no model has learned a row of the key.
  if (!hasModel(detector, key)) return;
  mark(slot, key.window);
  mark(slot, key.totals);
  if (isWindowModel(detector)) {
    const cell = cellOf(key);
    mark(slot, keepTraining(key));
    mark(slot, cell.ring);
    mark(slot, cell.rolling);
    showCell(detector, key);
    return;
  }
  const structure = structureAt(key.structure);
  if (mark(slot, key.structure)) structure.keys = 0;
  structure.keys += 1;
}

/** Frees what is not marked, and lists what is free. */
function sweep(): void {
  const state = root();
  arena.clearArenaLists();
  let address = layout.ARENA_BASE;
  while (address < state.arenaTop) {
    const run = runAt(address);
    if (run.kind == arena.RUN_BLOCK) {
      const block = address + arena.RUN_HEADER;
      const kind = load<u32>(block);
      store<u32>(block, kind & ~MARK);
      if ((kind & MARK) == 0) run.kind = arena.RUN_FREE;
    } else if (run.kind == arena.RUN_SLAB) {
      sweepSlab(address);
    }
    address += run.pages << layout.PAGE_SHIFT;
  }
  arena.mergeFreeRuns();
}

function sweepSlab(address: u32): void {
  const run = runAt(address);
  const bytes = arena.classBytes(run.sizeClass);
  let used: u32 = 0;
  let free: u32 = 0;
  for (let i: u32 = 0; i < run.bump; i++) {
    const block = address + arena.RUN_HEADER + i * bytes;
    const kind = load<u32>(block);
    if ((kind & MARK) != 0) {
      store<u32>(block, kind & ~MARK);
      used++;
    } else {
      store<u32>(block, arena.FREE);
      store<u32>(block, free, 8);
      free = block;
    }
  }
  run.used = used;
  run.freeHead = free;
  if (used == 0) run.kind = arena.RUN_FREE;
  else if (free != 0 || run.bump < arena.blocksOf(run)) arena.linkSlab(address);
}

/** New tables, each of the size that its partition's keys need. */
function makeTables(): void {
  for (let slot: u32 = 0; slot < layout.DETECTORS_MAX; slot++) {
    if (slotAt(slot).detector == 0) continue;
    const detector = detectorOf(slot);
    for (let p: u32 = 0; p < layout.PARTITIONS; p++) {
      const partition = partitionOf(detector, p);
      if (partition.count != 0) partition.table = makeTable(slot, tableCapacity(partition.count));
      partition.count = 0;
    }
  }
}

function indexBlock(block: u32, region: i32): void {
  const kind = load<u32>(block);
  if (kind == arena.KIND_STRUCTURE) {
    linkStructure(detectorOf(structureAt(block).slot), block);
  } else if (kind == arena.KIND_KEY) {
    const key = keyAt(block);
    if (key.holdsCell != 0) return;
    const partition = partitionOf(detectorOf(key.slot as u32), key.hashLo);
    if (partition.table != 0) insertKey(partition, key);
  }
}

/** Keys whose partition got no table: there was no memory for it. */
function dropUnlisted(block: u32, region: i32): void {
  if (load<u32>(block) != arena.KIND_KEY) return;
  const key = keyAt(block);
  const slot = key.slot as u32;
  if (key.holdsCell != 0) return;
  if (partitionOf(detectorOf(slot), key.hashLo).table != 0) return;
  slotAt(slot).keysInDoubt += 1;
  destroyKey(block);
}
