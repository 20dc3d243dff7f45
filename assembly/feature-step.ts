/*
 * Rows of detectors with a feature program. What a row is for its key's windows (on time, late, from the future) is decided before anything
 * else; then it joins them, or is looked at as if it did; and then the model meets inputs and features, which lie beside each other:
 *
 *   values ┌ inputs of features alone │ inputs of the model │ features it sees │ hidden features │ bits of defaults │ explanation ┐
 *                                     └───────── the model's columns ─────────┘
 *
 * All memory is found before anything is changed. Keys have windows; what the model has learned is with them, or, where all share one cell,
 * on a key of the detector's own, which is in no table: it neither expires nor leaves for others.
 */
import { refuse, refuseRow, valuesOf } from "./answer";
import { WHOLE_MAX } from "./control-block";
import { Detector, isWindowModel } from "./detector";
import {
  countTimeliness,
  heartbeat,
  isTimely,
  peekFeatures,
  placeFeatures,
  readFeatures,
  reserveFeatures,
  timelinessOf,
} from "./feature/features";
import { LATE_REFUSED } from "./feature/program";
import { NOT_REMEMBERED, rememberId, rememberVerdict } from "./ids";
import { hasModel, keyAt } from "./key";
import {
  admitKey,
  dropKey,
  findLiveEntry,
  giveFirst,
  makeRoom,
  reserve,
  takeFirst,
} from "./key-life";
import { Entry, findEntry, touch } from "./key-table";
import * as layout from "./layout";
import { Output, Row } from "./layout";
import { nextPending } from "./pending";
import { HAS_GAPS } from "./scale/scale";
import { readMask } from "./structure";
import { meetNothing, meetTrees } from "./tree-step";
import { meetCell } from "./window-step";

/** Whether a row's times are numbers that can be told apart; NaN is not. */
export function isTimed(row: Row): bool {
  return Math.abs(row.eventTimeMs) <= WHOLE_MAX && Math.abs(row.arrivalMs) <= WHOLE_MAX;
}

/** Time has reached a row's, for all keys. It never goes back. */
export function beatHeart(detector: Detector, row: Row, output: Output): void {
  heartbeat(detector, row.eventTimeMs);
  refuse(output, layout.OK);
}

/** The features of a key as of a time, without an event. */
export function readKey(detector: Detector, row: Row, base: u32, output: Output): void {
  const entry = findLiveEntry(detector, row, base, false);
  const key = entry != 0 ? changetype<Entry>(entry).key : 0;
  refuse(output, layout.OK);
  output.state = readFeatures(detector, key, row.eventTimeMs, valuesOf(row, base)) as u8;
}

/** A row that is scored, learned or derived. */
export function deriveRow(detector: Detector, row: Row, base: u32, output: Output): void {
  if (!isTimed(row)) return refuse(output, layout.BAD_ROW);
  const writes = (row.op as u32) != layout.OP_SCORE_ONLY;
  let entry = findLiveEntry(detector, row, base, writes);
  const known = entry != 0 ? changetype<Entry>(entry).key : 0;
  const timeliness = timelinessOf(detector, known, row);
  output.timeliness = timeliness as u8;
  if (((row.flags as u32) & layout.FLAG_FLEETING) == 0) countTimeliness(detector.slot, timeliness);
  if (timeliness >= LATE_REFUSED) return refuse(output, layout.OK);
  const isAction = ((row.flags as u32) & layout.FLAG_SYSTEM_ACTION) != 0;
  const learns =
    writes && isTimely(detector, timeliness) && (!isAction || detector.learnsSystemActions != 0);
  if (learns) {
    if (known == 0) {
      const status = admitKey(detector, row, base);
      if (status != layout.OK) return refuseRow(detector, output, status);
      entry = findEntry(detector, row, base + layout.REGION_TEXT + row.keyOffset);
    }
    const key = changetype<Entry>(entry).key;
    const hasRoom = reserveDerived(detector, key, row, valuesOf(row, base), timeliness);
    // Making room may have moved the entries of this partition.
    entry = findEntry(detector, row, base + layout.REGION_TEXT + row.keyOffset);
    if (!hasRoom) {
      if (known == 0) dropKey(detector, changetype<Entry>(entry));
      return refuseRow(detector, output, layout.NO_MEMORY);
    }
  }
  if (entry != 0 && writes) touch(changetype<Entry>(entry), row.arrivalMs);
  const key = entry != 0 ? changetype<Entry>(entry).key : 0;
  const values = valuesOf(row, base);
  if (learns) placeFeatures(detector, key, row, values, timeliness);
  else peekFeatures(detector, key, row, values);
  meetModel(detector, key, row, values, output, learns);
}

/** The key whose model rows of a key meet; 0 = there is none yet. */
function modelKeyOf(detector: Detector, key: u32): u32 {
  if (detector.oneCell != 0) return detector.cellKey;
  return key != 0 && hasModel(detector, keyAt(key)) ? key : 0;
}

/** Memory for everything that a learned row of a key needs. False = the arena is full, and nothing of the key has changed. */
function reserveDerived(
  detector: Detector,
  key: u32,
  row: Row,
  values: u32,
  timeliness: u32,
): bool {
  const known = modelKeyOf(detector, key);
  if ((row.op as u32) != layout.OP_DERIVE) {
    if (known == 0 && hasColumn(detector, values) && !giveFirst(detector, key)) return false;
    const model = modelKeyOf(detector, key);
    if (model != 0 && !reserve(detector, model, key)) {
      if (known == 0) takeFirst(detector, key);
      return false;
    }
  }
  while (!reserveFeatures(detector, keyAt(key), row, timeliness)) {
    if (makeRoom(detector, keyAt(key).hashLo, key)) continue;
    if (known == 0 && modelKeyOf(detector, key) != 0) takeFirst(detector, key);
    return false;
  }
  return true;
}

/** Whether a row has a value for any column of the model; which they are is left in scratch. Features always have one. */
function hasColumn(detector: Detector, values: u32): bool {
  memory.fill(values + (detector.sources << 3), 0, detector.derived << 3);
  return readMask(detector, values + (detector.modelFirst << 3)) != 0;
}

/** Lets the model score and learn a row that has its features, and remembers what came of it. */
function meetModel(
  detector: Detector,
  key: u32,
  row: Row,
  values: u32,
  output: Output,
  learns: bool,
): void {
  const position =
    (row.op as u32) != layout.OP_SCORE_ONLY && ((row.flags as u32) & layout.FLAG_HAS_ID) != 0
      ? rememberId(detector, row.sequence)
      : NOT_REMEMBERED;
  if ((row.op as u32) == layout.OP_DERIVE) {
    refuse(output, layout.OK);
    output.systemAction = ((row.flags as u32) & layout.FLAG_SYSTEM_ACTION) as u8;
    return rememberVerdict(detector, position, output);
  }
  const model = modelKeyOf(detector, key);
  const pending = nextPending();
  pending.detector = changetype<u32>(detector);
  pending.key = model;
  pending.row = changetype<u32>(row);
  pending.output = changetype<u32>(output);
  pending.learns = learns && model != 0 ? 1 : 0;
  pending.idPosition = position;
  const columns = values + (detector.modelFirst << 3);
  if (isWindowModel(detector)) return meetCell(detector, pending, columns);
  if (model == 0) return meetNothing(pending);
  meetTrees(detector, keyAt(model), pending, columns, gapsIn(detector, values));
}

/** HAS_GAPS when an input of the model is missing; features never are. */
function gapsIn(detector: Detector, values: u32): u32 {
  const end = values + (detector.sources << 3);
  for (let at = values + (detector.modelFirst << 3); at < end; at += 8) {
    const value = load<f64>(at);
    if (value != value) return HAS_GAPS;
  }
  return 0;
}
