/*
 * The ids that a detector remembers in this shard, with the first verdict of each: a ring in order of arrival, and an index
 * over it by a 128-bit hash of (key, id).
 *
 *   ring   ┌ kind │ run │ capacity u32 │ 0 │ entries of 64 B ┐   entry `position` is at position % capacity
 *   index  ┌ kind │ run │ capacity u32 │ 0 │ u32: place in the ring + 1, 0 = empty ┐   twice the ring's capacity
 *
 * An entry counts while fewer than idsMax later rows of the detector carried ids, in whatever shard: so what is remembered does
 * not depend on the number of shards.
 */
import { BLOCK_HEADER, KIND_INDEX, KIND_RING } from "./arena";
import { isWhole, WHOLE_MAX } from "./control-block";
import { allocateFor, Detector, releaseFor } from "./detector";
import { finish, hashBytes } from "./hash";
import { BAD_MODEL, NO_MEMORY, OK, Output, Row, SCRATCH_ID, slotAt } from "./layout";

@unmanaged
export class Remembered {
  hashA: u64; // 0
  hashB: u64; // 8
  sequence: f64; // 16
  score: f64; // 24
  raw: f64; // 32
  threshold: f64; // 40
  state: u8; // 48
  anomaly: u8;
  source: u8; // 0 = the verdict is not there yet
  systemAction: u8;
  rule: i32; // 52
  modelVersion: u32; // 56
  timeliness: u8; // 60
}

const ENTRY_SHIFT: u32 = 6;
export const ID_BYTES: u32 = 1 << ENTRY_SHIFT;
const CAPACITY_MIN: u32 = 64;
const SEED_A: u64 = 0x57454952;
const SEED_B: u64 = 0x6b65792b6964;
/** Of an entry that no row may find again. */
const NEVER: f64 = -Infinity;

export const NOT_REMEMBERED: u64 = u64.MAX_VALUE;

/** Hash of the id of the row being looked at, in scratch: it is needed to find and again to remember. */
const HASH_A: u32 = SCRATCH_ID;
const HASH_B: u32 = SCRATCH_ID + 8;

function hashId(row: Row, text: u32, seed: u64): u64 {
  const key = hashBytes(seed, text + row.keyOffset, row.keyLength as u32);
  return finish(hashBytes(key, text + row.idOffset, row.idLength as u32));
}

function capacityOf(block: u32): u32 {
  return load<u32>(block, 8);
}

export function rememberedAt(detector: Detector, position: u64): Remembered {
  const place = (position as u32) & (capacityOf(detector.idRing) - 1);
  return changetype<Remembered>(detector.idRing + BLOCK_HEADER + (place << ENTRY_SHIFT));
}

function placed(detector: Detector, place: u32): Remembered {
  return changetype<Remembered>(detector.idRing + BLOCK_HEADER + (place << ENTRY_SHIFT));
}

/** Address of the index cell that holds the id, or of the empty one where it belongs. The ring exists. */
function findCell(detector: Detector, hashA: u64, hashB: u64): u32 {
  const index = detector.idIndex;
  const mask = capacityOf(index) - 1;
  let cell = (hashA as u32) & mask;
  while (true) {
    const address = index + BLOCK_HEADER + (cell << 2);
    const place = load<u32>(address);
    if (place == 0) return address;
    const entry = placed(detector, place - 1);
    if (entry.hashA == hashA && entry.hashB == hashB) return address;
    cell = (cell + 1) & mask;
  }
}

/** The remembered verdict of a row's id, 0 = none that still counts. To be called before `rememberId`. */
export function findId(detector: Detector, row: Row, text: u32): u32 {
  const hashA = hashId(row, text, SEED_A);
  const hashB = hashId(row, text, SEED_B);
  store<u64>(HASH_A, hashA);
  store<u64>(HASH_B, hashB);
  if (detector.idRing == 0) return 0;
  const cell = findCell(detector, hashA, hashB);
  const place = load<u32>(cell);
  if (place == 0) return 0;
  const entry = placed(detector, place - 1);
  return row.sequence - entry.sequence <= detector.idsMax ? changetype<u32>(entry) : 0;
}

/** Remembers the id that `findId` looked for last, its verdict to be filled in. Its position; NOT_REMEMBERED when ids are not kept or nothing fits. */
export function rememberId(detector: Detector, sequence: f64): u64 {
  if (!(detector.idsMax > 0)) return NOT_REMEMBERED;
  const hashA = load<u64>(HASH_A);
  const hashB = load<u64>(HASH_B);
  forgetOld(detector, sequence);
  if (!reserveId(detector)) return NOT_REMEMBERED;
  // The same id from longer ago than counts: its entry stays in the ring, out of the index.
  const stale = findCell(detector, hashA, hashB);
  if (load<u32>(stale) != 0) {
    placed(detector, load<u32>(stale) - 1).sequence = NEVER;
    removeCell(detector, stale);
  }
  const position = detector.idHead;
  const entry = rememberedAt(detector, position);
  entry.source = 0;
  entry.hashA = hashA;
  entry.hashB = hashB;
  entry.sequence = sequence;
  detector.idHead = position + 1;
  store<u32>(findCell(detector, hashA, hashB), placeOf(detector, entry) + 1);
  slotAt(detector.slot).idsRemembered = (detector.idHead - detector.idTail) as u32;
  return position;
}

function placeOf(detector: Detector, entry: Remembered): u32 {
  return (changetype<u32>(entry) - detector.idRing - BLOCK_HEADER) >> ENTRY_SHIFT;
}

/** Drops from the ring's tail what counts no more, and the oldest where there are idsMax. */
function forgetOld(detector: Detector, sequence: f64): void {
  while (detector.idTail < detector.idHead) {
    const entry = rememberedAt(detector, detector.idTail);
    const full = ((detector.idHead - detector.idTail) as f64) >= detector.idsMax;
    if (!full && sequence - entry.sequence < detector.idsMax) return;
    forgetTail(detector);
  }
}

function forgetTail(detector: Detector): void {
  const entry = rememberedAt(detector, detector.idTail);
  if (entry.sequence != NEVER) {
    const cell = findCell(detector, entry.hashA, entry.hashB);
    if (load<u32>(cell) == placeOf(detector, entry) + 1) removeCell(detector, cell);
  }
  detector.idTail += 1;
}

/** Empties a cell and closes the gap behind it. */
function removeCell(detector: Detector, cell: u32): void {
  const index = detector.idIndex;
  const cells = index + BLOCK_HEADER;
  const mask = capacityOf(index) - 1;
  let hole = (cell - cells) >> 2;
  let at = hole;
  while (true) {
    at = (at + 1) & mask;
    const place = load<u32>(cells + (at << 2));
    if (place == 0) break;
    const home = (placed(detector, place - 1).hashA as u32) & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      store<u32>(cells + (hole << 2), place);
      hole = at;
    }
  }
  store<u32>(cells + (hole << 2), 0);
}

/** Room for one more entry: by growing, else by dropping the oldest. */
function reserveId(detector: Detector): bool {
  const ring = detector.idRing;
  const capacity = ring != 0 ? capacityOf(ring) : 0;
  const used = detector.idHead - detector.idTail;
  if (used < (capacity as u64)) return true;
  if (growRing(detector, capacity == 0 ? CAPACITY_MIN : capacity << 1)) return true;
  if (capacity == 0) return false;
  forgetTail(detector);
  return true;
}

function growRing(detector: Detector, capacity: u32): bool {
  const slot = detector.slot;
  const index = makeBlock(slot, capacity << 1, 2, KIND_INDEX);
  if (index == 0) return false;
  const ring = makeBlock(slot, capacity, ENTRY_SHIFT, KIND_RING);
  if (ring == 0) {
    releaseFor(slot, index);
    return false;
  }
  for (let position = detector.idTail; position < detector.idHead; position++) {
    const to = ring + BLOCK_HEADER + (((position as u32) & (capacity - 1)) << ENTRY_SHIFT);
    memory.copy(to, changetype<u32>(rememberedAt(detector, position)), 1 << ENTRY_SHIFT);
  }
  const oldRing = detector.idRing;
  const oldIndex = detector.idIndex;
  // One store for both: a death in between would leave a ring and an index that do not fit.
  store<u64>(
    changetype<u32>(detector) + offsetof<Detector>("idRing"),
    (ring as u64) | ((index as u64) << 32),
  );
  releaseFor(slot, oldRing);
  releaseFor(slot, oldIndex);
  indexRing(detector);
  return true;
}

function makeBlock(slot: u32, capacity: u32, shift: u32, kind: u32): u32 {
  const bytes = ((capacity as u64) << (shift as u64)) + (BLOCK_HEADER as u64);
  if (bytes > 0x7fffffff) return 0;
  const block = allocateFor(slot, bytes as u32);
  if (block == 0) return 0;
  store<u32>(block, capacity, 8);
  memory.fill(block + BLOCK_HEADER, 0, capacity << shift);
  store<u32>(block, kind);
  return block;
}

/** Fills the index, which is zeroed, from the ring. Of entries with the same id the newest counts. */
function indexRing(detector: Detector): void {
  for (let position = detector.idTail; position < detector.idHead; position++) {
    const entry = rememberedAt(detector, position);
    if (entry.sequence == NEVER) continue;
    const cell = findCell(detector, entry.hashA, entry.hashB);
    const older = load<u32>(cell);
    if (older != 0) placed(detector, older - 1).sequence = NEVER;
    store<u32>(cell, placeOf(detector, entry) + 1);
  }
}

/** After a death: entries without a verdict are forgotten, the index is made anew, in place. */
export function rebuildIds(detector: Detector): void {
  if (detector.idRing == 0) return;
  for (let position = detector.idTail; position < detector.idHead; position++) {
    const entry = rememberedAt(detector, position);
    if (entry.source == 0) entry.sequence = NEVER;
  }
  memory.fill(detector.idIndex + BLOCK_HEADER, 0, capacityOf(detector.idIndex) << 2);
  indexRing(detector);
  slotAt(detector.slot).idsRemembered = (detector.idHead - detector.idTail) as u32;
}

/** Whether ring and index are there, or neither is, and fit each other. */
export function areIdBlocksWhole(detector: Detector): bool {
  const ring = detector.idRing;
  const index = detector.idIndex;
  if (ring == 0 || index == 0) return ring == index;
  return (
    load<u32>(ring) == KIND_RING &&
    load<u32>(index) == KIND_INDEX &&
    capacityOf(index) == capacityOf(ring) << 1 &&
    detector.idHead - detector.idTail <= (capacityOf(ring) as u64)
  );
}

/** Whether ring and index are of fitting sizes and every index cell finds its entry. */
export function areIdsSound(detector: Detector): bool {
  if (detector.idRing == 0) return detector.idIndex == 0 && detector.idHead == detector.idTail;
  if (!areIdBlocksWhole(detector)) return false;
  const capacity = capacityOf(detector.idRing);
  let counted: u32 = 0;
  for (let position = detector.idTail; position < detector.idHead; position++) {
    const entry = rememberedAt(detector, position);
    if (entry.sequence == NEVER) continue;
    const cell = findCell(detector, entry.hashA, entry.hashB);
    if (load<u32>(cell) != placeOf(detector, entry) + 1) return false;
    counted++;
  }
  let cells: u32 = 0;
  for (let i: u32 = 0; i < capacity << 1; i++) {
    if (load<u32>(detector.idIndex + BLOCK_HEADER + (i << 2)) != 0) cells++;
  }
  return cells == counted;
}

/** Bytes of the block of a ring for so many entries; 0 = there is none so large. */
export function ringBytes(count: u32): u32 {
  let capacity: u64 = CAPACITY_MIN;
  while (capacity < (count as u64)) capacity <<= 1;
  const bytes = (capacity << ENTRY_SHIFT) + BLOCK_HEADER;
  return bytes > 0x7fffffff ? 0 : (bytes as u32);
}

/** Whether entries that someone else wrote have numbers for sequences. */
export function areEntriesSound(at: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    const sequence = changetype<Remembered>(at + (i << ENTRY_SHIFT)).sequence;
    if (sequence != NEVER && !isWhole(sequence, 0, WHOLE_MAX)) return false;
  }
  return true;
}

/** Farthest that an id may be from where it belongs, of ids that someone else wrote: hashes that are no accident are refused. */
const PROBES_MAX: u32 = 4096;

/** Makes a block of `ringBytes` with so many entries the ring of a detector that has none. Status; at NO_MEMORY the block is the caller's. */
export function adoptRing(detector: Detector, ring: u32, count: u32): u32 {
  let capacity: u32 = CAPACITY_MIN;
  while (capacity < count) capacity <<= 1;
  const index = makeBlock(detector.slot, capacity << 1, 2, KIND_INDEX);
  if (index == 0) return NO_MEMORY;
  store<u32>(ring, capacity, 8);
  store<u32>(ring, KIND_RING);
  detector.idTail = 0;
  detector.idHead = count as u64;
  detector.idRing = ring;
  detector.idIndex = index;
  slotAt(detector.slot).idsRemembered = count;
  const mask = (capacity << 1) - 1;
  for (let i: u32 = 0; i < count; i++) {
    const entry = placed(detector, i);
    if (entry.sequence == NEVER) continue;
    let cell = (entry.hashA as u32) & mask;
    let probes: u32 = 0;
    while (load<u32>(index + BLOCK_HEADER + (cell << 2)) != 0) {
      const other = placed(detector, load<u32>(index + BLOCK_HEADER + (cell << 2)) - 1);
      const isTwice = other.hashA == entry.hashA && other.hashB == entry.hashB;
      if (isTwice || ++probes > PROBES_MAX) return BAD_MODEL;
      cell = (cell + 1) & mask;
    }
    store<u32>(index + BLOCK_HEADER + (cell << 2), i + 1);
  }
  return OK;
}

/** The newest sequence that is remembered; 0 = none. */
export function newestSequence(detector: Detector): f64 {
  for (let position = detector.idHead; position > detector.idTail; position--) {
    const sequence = rememberedAt(detector, position - 1).sequence;
    if (sequence != NEVER) return sequence;
  }
  return 0;
}

export function forgetIds(detector: Detector): void {
  const ring = detector.idRing;
  const index = detector.idIndex;
  detector.idTail = detector.idHead;
  detector.idRing = 0;
  detector.idIndex = 0;
  releaseFor(detector.slot, ring);
  releaseFor(detector.slot, index);
}

/** Fills in the verdict of the entry at a position, if it is still there. */
export function rememberVerdict(detector: Detector, position: u64, output: Output): void {
  if (position == NOT_REMEMBERED || position < detector.idTail) return;
  setVerdict(rememberedAt(detector, position), output);
}

export function setVerdict(entry: Remembered, output: Output): void {
  entry.source = 0;
  entry.score = output.score;
  entry.raw = output.raw;
  entry.threshold = output.threshold;
  entry.state = output.state;
  entry.anomaly = output.anomaly;
  entry.systemAction = output.systemAction;
  entry.timeliness = output.timeliness;
  entry.rule = output.rule;
  entry.modelVersion = output.modelVersion;
  entry.source = output.source;
}

export function replayVerdict(entry: Remembered, output: Output): void {
  output.score = entry.score;
  output.raw = entry.raw;
  output.threshold = entry.threshold;
  output.state = entry.state;
  output.anomaly = entry.anomaly;
  output.replayed = 1;
  output.source = entry.source;
  output.modelVersion = entry.modelVersion;
  output.rule = entry.rule;
  output.systemAction = entry.systemAction;
  output.timeliness = entry.timeliness;
}
