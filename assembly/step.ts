/*
 * The batch loop. A region's rows are worked off in blocks of a few: first their keys are looked up and loaded (which changes
 * nothing, and lets the loads overlap), then each row in order meets its key, is scaled, walked and learned, and last the
 * block's verdicts are made (pending.ts). How rows are cut into blocks or batches never changes a result.
 */
import { amend, refuse, refuseRow, replay, valuesOf } from "./answer";
import { Detector, detectorOf, isWindowModel } from "./detector";
import { AHEAD_PASSES, loadFeatures } from "./feature/ahead";
import { forgetStarts } from "./feature/features";
import { NOT_REMEMBERED, rememberId } from "./ids";
import { keyAt, KEY_HEADER } from "./key";
import { admitKey, dropKey, findLiveEntry, reserve } from "./key-life";
import { Entry, findEntry, peekKey, touch } from "./key-table";
import * as layout from "./layout";
import { Output, root, Row, slotAt } from "./layout";
import { nextEvent } from "./model/window";
import { beatHeart, deriveRow, isTimed, readKey } from "./feature-step";
import { beginPending, flush, nextPending, PENDING_ROWS_MAX } from "./pending";
import { HAS_GAPS } from "./scale/scale";
import { readMask } from "./structure";
import { meetNothing, meetTrees } from "./tree-step";
import { meetCell } from "./window-step";

/** Detectors with fewer keys live in the cache: looking ahead would only cost. */
const AHEAD_KEYS_MIN: u32 = 128;

export function step(region: i32): i32 {
  const state = root();
  if (state.magic != layout.MAGIC || region < 0 || region >= (layout.REGIONS as i32))
    return layout.BAD_REGION;
  if (state.inProgress != layout.IDLE) return layout.NEEDS_RECOVERY;
  const base = layout.regionAt(region as u32);
  const rows = load<u32>(base);
  if (rows > layout.ROWS_MAX) return layout.BAD_REGION;
  state.region = region as u32;
  state.doubt = (region as u32) + 1;
  state.row = 0;
  state.inProgress = layout.STEPPING;
  beginPending();
  forgetStarts();
  for (let first: u32 = 0; first < rows; first += PENDING_ROWS_MAX) {
    const end = min(rows, first + PENDING_ROWS_MAX);
    state.row = first;
    loadAhead(base, first, end);
    for (let index = first; index < end; index++) takeRow(base, index);
    flush();
  }
  state.doubt = 0;
  state.inProgress = layout.IDLE;
  return rows as i32;
}

function rowAt(base: u32, index: u32): Row {
  return changetype<Row>(base + layout.REGION_ROWS + index * layout.ROW_BYTES);
}

function detectorOfRow(row: Row): Detector {
  const slot = row.slot as u32;
  return slot < layout.DETECTORS_MAX ? detectorOf(slot) : changetype<Detector>(0);
}

/** Loads what the block's rows will need, each kind for all rows before the next: entries, keys, the ends of windows. */
function loadAhead(base: u32, first: u32, end: u32): void {
  let sink: u32 = 0;
  let found: u32 = 0;
  let derived: u32 = 0;
  const ahead = layout.SCRATCH_AHEAD - (first << 2);
  for (let index = first; index < end; index++) {
    const row = rowAt(base, index);
    const detector = detectorOfRow(row);
    const isWorth = changetype<u32>(detector) != 0 && slotAt(detector.slot).keys >= AHEAD_KEYS_MIN;
    const key = isWorth ? peekKey(detector, row) : 0;
    store<u32>(ahead + (index << 2), key);
    found |= key;
  }
  if (found == 0) return;
  const top = root().arenaTop;
  for (let index = first; index < end; index++) {
    const key = load<u32>(ahead + (index << 2));
    if (key == 0) continue;
    const row = rowAt(base, index);
    const past = key + KEY_HEADER + (row.keyLength as u32) + detectorOfRow(row).pairsBytes;
    // The key found may be another, shorter one: never past the arena.
    for (let at = key; at < min(past, top); at += 64) sink ^= load<u32>(at);
  }
  for (let index = first; index < end; index++) {
    const address = load<u32>(ahead + (index << 2));
    if (address == 0) continue;
    const key = keyAt(address);
    const detector = detectorOfRow(rowAt(base, index));
    const hasLog = detector.logs != 0 && key.inWindow < key.windowCapacity;
    if (hasLog) sink ^= load<u8>(nextEvent(detector, key)) as u32;
    derived |= detector.program;
  }
  for (let pass: u32 = 0; pass < AHEAD_PASSES && derived != 0; pass++) {
    for (let index = first; index < end; index++) {
      const address = load<u32>(ahead + (index << 2));
      if (address == 0) continue;
      const detector = detectorOfRow(rowAt(base, index));
      const features = keyAt(address).features;
      if (detector.program != 0 && features != 0) sink ^= loadFeatures(detector, features, pass);
    }
  }
  root().sink = sink;
}

function isRowSound(row: Row, detector: Detector): bool {
  const explains = ((row.flags as u32) & layout.FLAG_EXPLAIN) != 0;
  let values = detector.rowValues + (explains ? 2 * detector.features + 1 : 0);
  if ((row.op as u32) >= layout.OP_AMEND) values = otherValues(row.op as u32, values);
  return (
    (row.keyOffset as u64) + (row.keyLength as u64) <= (layout.BYTES_MAX as u64) &&
    (row.idOffset as u64) + (row.idLength as u64) <= (layout.BYTES_MAX as u64) &&
    (row.valuesOffset as u64) + (values as u64) <= (layout.VALUES_MAX as u64)
  );
}

/** float64s of rows that are no events of a key. */
function otherValues(op: u32, values: u32): u32 {
  if (op == layout.OP_AMEND) return max(values, 6);
  return op == layout.OP_HEARTBEAT ? 0 : values;
}

function takeRow(base: u32, index: u32): void {
  const row = rowAt(base, index);
  const output = changetype<Output>(base + layout.REGION_OUTPUTS + index * layout.OUTPUT_BYTES);
  const op = row.op as u32;
  output.timeliness = 0;
  if (op == layout.OP_SKIP) return refuse(output, layout.OK);
  if (op > layout.OP_HEARTBEAT) return refuse(output, fault(op));
  const detector = detectorOfRow(row);
  if (changetype<u32>(detector) == 0) return refuse(output, layout.UNKNOWN_DETECTOR);
  if (!isRowSound(row, detector)) return refuse(output, layout.BAD_ROW);
  if (op >= layout.OP_AMEND) {
    if (op == layout.OP_AMEND) return amend(detector, row, base, output);
    if (detector.program == 0) return refuse(output, layout.UNKNOWN_OP);
    if (!isTimed(row)) return refuse(output, layout.BAD_ROW);
    if (op == layout.OP_HEARTBEAT) return beatHeart(detector, row, output);
    if (op == layout.OP_READ_FEATURES) return readKey(detector, row, base, output);
  }
  if (((row.flags as u32) & layout.FLAG_EXPLAIN) != 0) {
    const baseline = detector.rowValues + 2 * detector.features;
    store<f64>(valuesOf(row, base) + (baseline << 3), NaN); // no baseline: not explained
  }
  if (((row.flags as u32) & layout.FLAG_HAS_ID) != 0 && replay(detector, row, base, output)) return;
  if (detector.program != 0) deriveRow(detector, row, base, output);
  else scoreRow(detector, row, base, output);
}

/** The fault operations of tests: only where the host has set Root.faults. */
function fault(op: u32): u32 {
  if (root().faults == 0) return layout.UNKNOWN_OP;
  if (op == layout.OP_TRAP) unreachable();
  if (op == layout.OP_SPIN) {
    while (atomic.load<u32>(offsetof<layout.Root>("faults")) != 0) {}
    return layout.OK;
  }
  return layout.UNKNOWN_OP;
}

function scoreRow(detector: Detector, row: Row, base: u32, output: Output): void {
  const op = row.op as u32;
  const writes = op != layout.OP_SCORE_ONLY;
  const values = valuesOf(row, base);
  let learns =
    writes &&
    (((row.flags as u32) & layout.FLAG_SYSTEM_ACTION) == 0 || detector.learnsSystemActions != 0);
  let entry = findLiveEntry(detector, row, base, writes);
  if (entry == 0 && learns) {
    if (readMask(detector, values) == 0) {
      learns = false; // nothing to draw trees for
    } else {
      const status = admitKey(detector, row, base);
      if (status != layout.OK) return refuseRow(detector, output, status);
      entry = findEntry(detector, row, base + layout.REGION_TEXT + row.keyOffset);
    }
  }
  const key = entry != 0 ? changetype<Entry>(entry).key : 0;
  const hasRoom = !learns || reserve(detector, key, key);
  // Making room may have moved the entries of this partition.
  if (entry != 0 && changetype<Entry>(entry).key != key) {
    entry = findEntry(detector, row, base + layout.REGION_TEXT + row.keyOffset);
  }
  if (!hasRoom) {
    if (keyAt(key).learned == 0) dropKey(detector, changetype<Entry>(entry));
    return refuseRow(detector, output, layout.NO_MEMORY);
  }
  if (entry != 0 && writes) touch(changetype<Entry>(entry), row.arrivalMs);
  const pending = nextPending();
  pending.detector = changetype<u32>(detector);
  pending.key = key;
  pending.row = changetype<u32>(row);
  pending.output = changetype<u32>(output);
  pending.learns = learns ? 1 : 0;
  pending.idPosition =
    writes && ((row.flags as u32) & layout.FLAG_HAS_ID) != 0
      ? rememberId(detector, row.sequence)
      : NOT_REMEMBERED;
  if (isWindowModel(detector)) return meetCell(detector, pending, values);
  if (key == 0) return meetNothing(pending);
  const gaps: u32 = ((row.flags as u32) & layout.FLAG_HAS_MISSING) != 0 ? HAS_GAPS : 0;
  meetTrees(detector, keyAt(key), pending, values, gaps);
}
