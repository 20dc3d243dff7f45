/*
 * Cross-checks the whole memory: for tests, and for the host after a recovery. The answer names the first relation that does
 * not hold.
 */
import * as arena from "./arena";
import { runAt } from "./arena";
import { cellOf, rowBytes, stateOf, versionOf } from "./cell";
import {
  Detector,
  detectorOf,
  isWindowModel,
  Partition,
  partitionOf,
  STRUCTURE_HEADS,
  structureHead,
} from "./detector";
import { areFeaturesSound, isInPanes } from "./feature/features";
import { areIdsSound } from "./ids";
import { hasModel, Key, keyAt } from "./key";
import { capacityOf, entryAt } from "./key-table";
import * as layout from "./layout";
import { root, slotAt } from "./layout";
import { sketchIn } from "./model/fold";
import { structureAt } from "./structure";
import { isSketchSound } from "./threshold";
import { importOf } from "./transfer/importing";
import { countDue, countTickets, isModelSound, isTrainingSound, rowsOfTraining } from "./ticket";

const SOUND: u32 = 0;
const NO_SHARD: u32 = 1;
const IN_PROGRESS: u32 = 2;
const BROKEN_RUN: u32 = 3;
const BROKEN_SLAB: u32 = 4;
const FREE_RUNS_DIFFER: u32 = 5;
const SLAB_LISTS_DIFFER: u32 = 6;
const BLOCKS_LEAKED: u32 = 7;
const BROKEN_TABLE: u32 = 8;
const BROKEN_KEY: u32 = 9;
const BROKEN_SKETCH: u32 = 10;
const BROKEN_STRUCTURE: u32 = 11;
const KEYS_DIFFER: u32 = 12;
const BYTES_DIFFER: u32 = 13;
const BROKEN_IDS: u32 = 14;
const BROKEN_CELL: u32 = 15;
const BROKEN_MODEL: u32 = 16;
const TRAININGS_DIFFER: u32 = 17;
const BROKEN_FEATURES: u32 = 18;

/** Whether an address may be that of a run or block: garbage must not trap. */
function isInArena(address: u32): bool {
  return address >= layout.ARENA_BASE && address < root().arenaTop;
}

/** Counts of one call. */
let blocks: u32 = 0;
let bytes: f64 = 0;
let trainings: u32 = 0;
let keysWithTrees: u32 = 0;
let keysInPanes: u32 = 0;

export function verifyShard(): u32 {
  const state = root();
  if (state.magic != layout.MAGIC) return NO_SHARD;
  if (state.inProgress != layout.IDLE) return IN_PROGRESS;
  blocks = 0;
  let reachable: u32 = 0;
  let status = verifyArena();
  if (status != SOUND) return status;
  const used = blocks;
  for (let slot: u32 = 0; slot < layout.DETECTORS_MAX; slot++) {
    if (slotAt(slot).detector == 0) continue;
    blocks = 0;
    bytes = 0;
    trainings = 0;
    keysWithTrees = 0;
    keysInPanes = 0;
    status = verifyDetector(detectorOf(slot));
    if (status != SOUND) return status;
    if (bytes != slotAt(slot).stateBytes) return BYTES_DIFFER;
    reachable += blocks;
  }
  if (countDue() != state.trainingsDue) return TRAININGS_DIFFER;
  return reachable == used ? SOUND : BLOCKS_LEAKED;
}

/** Walks the runs; counts blocks in use. */
function verifyArena(): u32 {
  const state = root();
  let freeRuns: u32 = 0;
  let freePages: u32 = 0;
  let roomySlabs: u32 = 0;
  let address = layout.ARENA_BASE;
  while (address < state.arenaTop) {
    const run = runAt(address);
    if (run.pages == 0) return BROKEN_RUN;
    if (run.kind == arena.RUN_FREE) {
      freeRuns++;
      freePages += run.pages;
    } else if (run.kind == arena.RUN_BLOCK) {
      if (load<u32>(address + arena.RUN_HEADER) == arena.FREE) return BROKEN_RUN;
      blocks++;
    } else if (run.kind == arena.RUN_SLAB) {
      if (!isSlabSound(address)) return BROKEN_SLAB;
      if (run.used < arena.blocksOf(run)) roomySlabs++;
    } else {
      return BROKEN_RUN;
    }
    address += run.pages << layout.PAGE_SHIFT;
  }
  if (address != state.arenaTop || state.arenaTop > state.arenaEnd) return BROKEN_RUN;
  if (freePages != state.arenaFreePages || !isFreeListSound(freeRuns)) return FREE_RUNS_DIFFER;
  return areSlabListsSound(roomySlabs) ? SOUND : SLAB_LISTS_DIFFER;
}

function isSlabSound(address: u32): bool {
  const run = runAt(address);
  const size = arena.classBytes(run.sizeClass);
  if (run.bump > arena.blocksOf(run)) return false;
  let used: u32 = 0;
  for (let i: u32 = 0; i < run.bump; i++) {
    const block = address + arena.RUN_HEADER + i * size;
    if (load<u32>(block, 4) != address) return false;
    if (load<u32>(block) != arena.FREE) used++;
  }
  blocks += used;
  let free: u32 = 0;
  for (let block = run.freeHead; block != 0; block = load<u32>(block, 8)) {
    if (block < address || block >= address + (run.pages << layout.PAGE_SHIFT)) return false;
    if (load<u32>(block) != arena.FREE || ++free > run.bump) return false;
  }
  return used > 0 && used == run.used && used + free == run.bump;
}

function isFreeListSound(expected: u32): bool {
  let count: u32 = 0;
  let previous: u32 = 0;
  for (let address = root().freeRuns; address != 0; address = runAt(address).next) {
    if (!isInArena(address)) return false;
    const run = runAt(address);
    if (run.kind != arena.RUN_FREE || run.previous != previous || ++count > expected) return false;
    previous = address;
  }
  return count == expected;
}

function areSlabListsSound(expected: u32): bool {
  let count: u32 = 0;
  for (let sizeClass: u32 = 0; sizeClass < arena.CLASSES; sizeClass++) {
    let address = load<u32>(layout.ARENA_CLASSES_BASE + (sizeClass << 2));
    let previous: u32 = 0;
    while (address != 0) {
      if (!isInArena(address)) return false;
      const run = runAt(address);
      if (run.kind != arena.RUN_SLAB || run.sizeClass != sizeClass || run.previous != previous)
        return false;
      if (run.used == arena.blocksOf(run) || ++count > expected) return false;
      previous = address;
      address = run.next;
    }
  }
  return count == expected;
}

function reach(block: u32): void {
  if (block == 0) return;
  blocks++;
  bytes += arena.blockBytes(block) as f64;
}

function verifyDetector(detector: Detector): u32 {
  const place = slotAt(detector.slot);
  if (detector.kind != arena.KIND_DETECTOR || detector.generation != place.generation)
    return BROKEN_TABLE;
  reach(changetype<u32>(detector));
  if (!isProgramSound(detector)) return BROKEN_FEATURES;
  reach(detector.program);
  reach(detector.idRing);
  reach(detector.idIndex);
  let keys: u32 = 0;
  for (let p: u32 = 0; p < layout.PARTITIONS; p++) {
    const partition = partitionOf(detector, p);
    if (partition.table != 0 && !isInArena(partition.table)) return BROKEN_TABLE;
    reach(partition.table);
    const status = verifyPartition(detector, partition, p);
    if (status != SOUND) return status;
    keys += partition.count;
  }
  const status = verifyCellKey(detector);
  if (status != SOUND) return status;
  if (keys != place.keys || keysInPanes != place.keysInPanes) return KEYS_DIFFER;
  if (countTickets(detector.slot) != trainings) return TRAININGS_DIFFER;
  reachImport(detector);
  if (!areStructuresSound(detector, keysWithTrees)) return BROKEN_STRUCTURE;
  return areIdsSound(detector) ? SOUND : BROKEN_IDS;
}

function verifyPartition(detector: Detector, partition: Partition, number: u32): u32 {
  const table = partition.table;
  if (table == 0) return partition.count == 0 ? SOUND : BROKEN_TABLE;
  if (load<u32>(table) != arena.KIND_TABLE) return BROKEN_TABLE;
  const capacity = capacityOf(table);
  let count: u32 = 0;
  for (let i: u32 = 0; i < capacity; i++) {
    const entry = entryAt(table, i);
    if (entry.key == 0) continue;
    count++;
    if (!isInArena(entry.key)) return BROKEN_TABLE;
    const key = keyAt(entry.key);
    if (!isKeyOfDetector(detector, key) || key.holdsCell != 0) return BROKEN_KEY;
    if ((key.hashLo & 255) != number) return BROKEN_KEY;
    if (entry.tag != key.hashHi || entry.tick != key.tick) return BROKEN_TABLE;
    let home = (key.hashLo >> 8) & (capacity - 1);
    while (home != i) {
      if (entryAt(table, home).key == 0) return BROKEN_TABLE;
      home = (home + 1) & (capacity - 1);
    }
    const status = verifyKey(detector, key);
    if (status != SOUND) return status;
  }
  return count == partition.count ? SOUND : BROKEN_TABLE;
}

/** What came of a state that is on its way, and belongs to nothing yet. */
function reachImport(detector: Detector): void {
  if (detector.importing == 0) return;
  const state = importOf(detector);
  reach(detector.importing);
  reach(state.block);
  if (state.key == 0) return;
  const key = keyAt(state.key);
  reach(state.key);
  reach(key.window);
  reach(key.totals);
  reach(key.features);
  if (key.structure != 0) keysWithTrees++;
  if (!isWindowModel(detector) || key.window == 0) return;
  reach(cellOf(key).ring);
  reach(cellOf(key).rolling);
}

function isKeyOfDetector(detector: Detector, key: Key): bool {
  return (
    key.kind == arena.KIND_KEY &&
    key.generation == detector.generation &&
    (key.slot as u32) == detector.slot
  );
}

function isProgramSound(detector: Detector): bool {
  const program = detector.program;
  if (program == 0) return detector.oneCell == 0 && detector.rowValues == detector.features;
  return isInArena(program) && load<u32>(program) == arena.KIND_PROGRAM;
}

/** The key without a table, which holds the cell that all rows share. */
function verifyCellKey(detector: Detector): u32 {
  if (detector.cellKey == 0) return SOUND;
  if (detector.oneCell == 0 || !isInArena(detector.cellKey)) return BROKEN_CELL;
  const key = keyAt(detector.cellKey);
  if (!isKeyOfDetector(detector, key) || key.holdsCell == 0 || key.features != 0) return BROKEN_KEY;
  if (key.length != 0 || key.learned == 0) return BROKEN_KEY;
  reach(detector.cellKey);
  reach(key.window);
  reach(key.totals);
  return verifyCell(detector, key);
}

function verifyKey(detector: Detector, key: Key): u32 {
  reach(changetype<u32>(key));
  reach(key.window);
  reach(key.totals);
  if (detector.program != 0) {
    if (!isStateSound(detector, key)) return BROKEN_FEATURES;
    if (!hasModel(detector, key)) return isBare(key) ? SOUND : BROKEN_KEY;
    if (detector.oneCell != 0 || key.learned == 0) return BROKEN_KEY;
  }
  if (isWindowModel(detector)) return verifyCell(detector, key);
  if (key.structure == 0 || load<u32>(key.structure) != arena.KIND_STRUCTURE)
    return BROKEN_STRUCTURE;
  keysWithTrees++;
  if (key.window == 0 || load<u32>(key.window) != arena.KIND_WINDOW) return BROKEN_KEY;
  const window = detector.window as f64;
  if ((key.inWindow as f64) != key.learned - Math.floor(key.learned / window) * window)
    return BROKEN_KEY;
  if (key.learned >= window) {
    if (key.totals == 0 || load<u32>(key.totals) != arena.KIND_TOTALS) return BROKEN_KEY;
    const byShare = detector.threshold != detector.threshold;
    if (byShare && !isSketchSound(key, sketchIn(detector, key.totals))) return BROKEN_SKETCH;
  }
  return SOUND;
}

/** What a key's features are derived from; a key comes with the first event that joins its windows. */
function isStateSound(detector: Detector, key: Key): bool {
  const block = key.features;
  if (block == 0 || !isInArena(block) || load<u32>(block) != arena.KIND_FEATURES) return false;
  reach(block);
  if (isInPanes(block)) keysInPanes++;
  return areFeaturesSound(detector, key);
}

/** Whether a key that no model has learned a row of has nothing of a model's. */
function isBare(key: Key): bool {
  return (
    key.learned == 0 &&
    key.inWindow == 0 &&
    key.window == 0 &&
    key.totals == 0 &&
    key.structure == 0
  );
}

function verifyCell(detector: Detector, key: Key): u32 {
  if (key.structure != 0 || key.window == 0 || load<u32>(key.window) != arena.KIND_CELL)
    return BROKEN_CELL;
  const cell = cellOf(key);
  reach(cell.ring);
  if (cell.ring == 0 || load<u32>(cell.ring) != arena.KIND_ROWS) return BROKEN_CELL;
  const room = arena.BLOCK_HEADER + cell.capacity * rowBytes(detector);
  if (cell.capacity > detector.windowRows || room > arena.roomOf(cell.ring)) return BROKEN_CELL;
  if (key.inWindow > cell.capacity || (key.inWindow as f64) > key.learned) return BROKEN_CELL;
  if (key.inWindow < cell.capacity ? cell.next != key.inWindow : cell.next >= cell.capacity)
    return BROKEN_CELL;
  const derives = detector.rollingCount + detector.lagCount != 0;
  if (derives != (cell.rolling != 0)) return BROKEN_CELL;
  reach(cell.rolling);
  if (derives && load<u32>(cell.rolling) != arena.KIND_ROLLING) return BROKEN_CELL;
  if (!isModelSound(detector, key)) return BROKEN_MODEL;
  if (cell.training != 0) {
    if (!isTrainingSound(key)) return BROKEN_CELL;
    trainings++;
    reach(rowsOfTraining(key));
  }
  return isShown(detector, key) ? SOUND : BROKEN_CELL;
}

/** What the host reads of the key "". */
function isShown(detector: Detector, key: Key): bool {
  const place = slotAt(detector.slot);
  return (
    key.length != 0 ||
    (place.cellPosition == key.learned &&
      place.cellRows == key.inWindow &&
      place.cellVersion == versionOf(key) &&
      place.cellState == stateOf(detector, key))
  );
}

function areStructuresSound(detector: Detector, keys: u32): bool {
  let held: u32 = 0;
  let count: u32 = 0;
  for (let hash: u32 = 0; hash < STRUCTURE_HEADS; hash++) {
    let address = load<u32>(structureHead(detector, hash));
    while (address != 0) {
      if (!isInArena(address)) return false;
      const structure = structureAt(address);
      if (structure.kind != arena.KIND_STRUCTURE || structure.slot != detector.slot) return false;
      if (structure.keys == 0 || ++count > slotAt(detector.slot).structures) return false;
      held += structure.keys;
      reach(address);
      address = structure.next;
    }
  }
  return held == keys && count == slotAt(detector.slot).structures;
}
