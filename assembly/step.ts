/*
 * The batch loop. A region's rows are worked off in blocks of a few: first their keys are looked up and loaded (which changes
 * nothing, and lets the loads overlap), then each row in order meets its key, is scaled, walked and learned, and last the
 * block's verdicts are made (pending.ts). How rows are cut into blocks or batches never changes a result.
 */
import { Detector, detectorOf, isWindowModel } from "./detector";
import * as layout from "./layout";
import { Output, root, Row, slotAt } from "./layout";
import {
  findId,
  NOT_REMEMBERED,
  Remembered,
  rememberId,
  rememberVerdict,
  replayVerdict,
  setVerdict,
} from "./ids";
import { Key, keyAt, KEY_HEADER } from "./key";
import { admitKey, dropKey, findLiveEntry, reserve } from "./key-life";
import { Entry, findEntry, peekKey, touch } from "./key-table";
import { explainRow } from "./model/explain";
import { foldWindow } from "./model/fold";
import { walkRow } from "./model/half-space-trees";
import { nextEvent } from "./model/window";
import {
  addPending,
  beginPending,
  flush,
  leavesOf,
  nextPending,
  Pending,
  PENDING_ROWS_MAX,
} from "./pending";
import { HAS_GAPS, LEARNS, scaleRow, SCORES } from "./scale/scale";
import { readMask } from "./structure";
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
  }
  root().sink = sink;
}

function valuesOf(row: Row, base: u32): u32 {
  return base + layout.REGION_VALUES + (row.valuesOffset << 3);
}

function isRowSound(row: Row, detector: Detector): bool {
  const explains = ((row.flags as u32) & layout.FLAG_EXPLAIN) != 0;
  let values = explains ? 3 * detector.features + 1 : detector.features;
  if ((row.op as u32) == layout.OP_AMEND) values = max(values, 6);
  return (
    (row.keyOffset as u64) + (row.keyLength as u64) <= (layout.BYTES_MAX as u64) &&
    (row.idOffset as u64) + (row.idLength as u64) <= (layout.BYTES_MAX as u64) &&
    (row.valuesOffset as u64) + (values as u64) <= (layout.VALUES_MAX as u64)
  );
}

function takeRow(base: u32, index: u32): void {
  const row = rowAt(base, index);
  const output = changetype<Output>(base + layout.REGION_OUTPUTS + index * layout.OUTPUT_BYTES);
  const op = row.op as u32;
  if (op == layout.OP_SKIP) return refuse(output, layout.OK);
  if (op > layout.OP_AMEND) return refuse(output, fault(op));
  const detector = detectorOfRow(row);
  if (changetype<u32>(detector) == 0) return refuse(output, layout.UNKNOWN_DETECTOR);
  if (!isRowSound(row, detector)) return refuse(output, layout.BAD_ROW);
  if (op == layout.OP_AMEND) return amend(detector, row, base, output);
  if (((row.flags as u32) & layout.FLAG_EXPLAIN) != 0) {
    store<f64>(valuesOf(row, base) + ((3 * detector.features) << 3), NaN); // no baseline: not explained
  }
  if (((row.flags as u32) & layout.FLAG_HAS_ID) != 0 && replay(detector, row, base, output)) return;
  scoreRow(detector, row, base, output);
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

/** The output of a row that met no model. */
function refuse(output: Output, status: u32): void {
  output.score = NaN;
  output.raw = 0;
  output.threshold = 1;
  output.state = layout.STATE_COLLECTING as u8;
  output.anomaly = 0;
  output.replayed = 0;
  output.source = layout.SOURCE_MODEL as u8;
  output.modelVersion = layout.MODEL_VERSION;
  output.rule = -1;
  output.status = status;
  output.systemAction = 0;
}

/** Answers a row whose id is remembered. */
function replay(detector: Detector, row: Row, base: u32, output: Output): bool {
  const found = findId(detector, row, base + layout.REGION_TEXT);
  if (found == 0) return false;
  flush();
  replayVerdict(changetype<Remembered>(found), output);
  output.status = layout.OK;
  return true;
}

/** The verdict that a fallback gave a row with this id is the one to repeat. */
function amend(detector: Detector, row: Row, base: u32, output: Output): void {
  flush();
  const values = valuesOf(row, base);
  const packed = load<f64>(values, 24) as u32;
  refuse(output, layout.OK);
  output.score = load<f64>(values);
  output.raw = load<f64>(values, 8);
  output.threshold = load<f64>(values, 16);
  output.state = packed as u8;
  output.anomaly = (packed >> 8) as u8;
  output.source = (packed >> 16) as u8;
  output.systemAction = (packed >> 24) as u8;
  output.rule = load<f64>(values, 32) as i32;
  output.modelVersion = load<f64>(values, 40) as u32;
  const text = base + layout.REGION_TEXT;
  const found = findId(detector, row, text);
  if (found != 0) setVerdict(changetype<Remembered>(found), output);
  else rememberVerdict(detector, rememberId(detector, row.sequence), output);
}

function scoreRow(detector: Detector, row: Row, base: u32, output: Output): void {
  const op = row.op as u32;
  const writes = op != layout.OP_SCORE_ONLY;
  const values = valuesOf(row, base);
  let learns =
    writes &&
    (((row.flags as u32) & layout.FLAG_SYSTEM_ACTION) == 0 || detector.learnsSystemActions != 0);
  let entry = findLiveEntry(detector, row, base);
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
  const hasRoom = !learns || reserve(detector, key);
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
  if (key == 0) {
    pending.scores = 0;
    pending.state = layout.STATE_COLLECTING;
    addPending();
  } else {
    meetModel(detector, keyAt(key), pending, values);
  }
}

/** Scores and learns a row of a key; its verdict waits. */
function meetModel(detector: Detector, key: Key, pending: Pending, values: u32): void {
  const row = changetype<Row>(pending.row);
  const flags = row.flags as u32;
  const window = detector.window;
  const learned = key.learned;
  const scores = learned >= (window as f64);
  if (!scores) pending.state = layout.STATE_COLLECTING;
  else if (learned < (window as f64) + detector.burnIn) pending.state = layout.STATE_BURN_IN;
  else pending.state = layout.STATE_READY;
  pending.scores = scores ? 1 : 0;
  pending.totals = key.totals;
  const gaps: u32 = (flags & layout.FLAG_HAS_MISSING) != 0 ? HAS_GAPS : 0;
  const uses: u32 = gaps | (scores ? SCORES : 0) | (pending.learns != 0 ? LEARNS : 0);
  const leaves = leavesOf(pending);
  const explains = (flags & layout.FLAG_EXPLAIN) != 0 && (row.op as u32) != layout.OP_LEARN_ONLY;
  if (scores && explains) {
    scaleRow(detector, key, values, gaps | SCORES);
    walkRow(detector, key, gaps | SCORES, leaves);
    explainRow(detector, key, leaves, values);
  }
  if ((uses & (SCORES | LEARNS)) != 0) {
    scaleRow(detector, key, values, uses);
    walkRow(detector, key, uses, leaves);
  }
  addPending();
  if (pending.learns == 0) return;
  slotAt(detector.slot).eventsLearned += 1;
  key.learned = learned + 1;
  key.inWindow += 1;
  if (key.inWindow == window) {
    flush();
    foldWindow(detector, key);
  }
}

function refuseRow(detector: Detector, output: Output, status: u32): void {
  slotAt(detector.slot).rowsRefused += 1;
  refuse(output, status);
}
