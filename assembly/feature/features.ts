/*
 * The derived features of a key, as the rest of the kernel sees them: what time a row is of, memory for one more event, and the numbers.
 *
 * A learned row joins the key's windows in order (join.ts), after its state was made fit for it (plan.ts). A row that is only scored joins
 * a copy of the state; one that is of the past is scored by what the log has (scan.ts).
 */
import { KIND_IMPORT } from "../arena";
import { allocateFor, Detector, releaseFor } from "../detector";
import { Key, keyAt } from "../key";
import { READ_COVERED, READ_EXACT, READ_KNOWN, Row, slotAt } from "../layout";
import { areFeaturesSound, digestFeatures } from "./check";
import { joinLate, joinNewest, readNewest } from "./join";
import {
  bringToLife,
  makeState,
  plan,
  planCapacity,
  planPanes,
  rewriteDerived,
  STATE_BYTES_MAX,
  stateBytes,
  stateBytesMax,
} from "./plan";
import {
  FUTURE,
  FUTURE_REFUSED,
  groupAt,
  LATE,
  LATE_REFUSED,
  ON_TIME,
  POLICY_ON_TIME,
  POLICY_REFUSE,
  Program,
  programIn,
} from "./program";
import { borrow, giveBack, scan, scanNothing } from "./scan";
import { isRunning, Running } from "./running";
import { bodyOf, headAt, State, stateAt } from "./state";

export { forgetStarts } from "./bounds";
export { areFeaturesSound, digestFeatures };

function programOf(detector: Detector): Program {
  return programIn(detector.program);
}

function stateOf(key: u32): u32 {
  return key != 0 ? keyAt(key).features : 0;
}

function newestOf(state: u32): f64 {
  return state != 0 ? stateAt(state).newest : -Infinity;
}

/** Newest time that lateness is measured from: the key's, or the heartbeat's. */
function reachedBy(detector: Detector, state: u32): f64 {
  return max(newestOf(state), slotAt(detector.slot).heartbeatMs);
}

/** Whether a row comes late or from the future, and what its policy makes of that. A pure function of the key, the heartbeat and the row. */
export function timelinessOf(detector: Detector, key: u32, row: Row): u32 {
  const program = programOf(detector);
  const time = row.eventTimeMs;
  if (time > row.arrivalMs + program.futureToleranceMs) {
    return (program.future as u32) == POLICY_REFUSE ? FUTURE_REFUSED : FUTURE;
  }
  if (time < reachedBy(detector, stateOf(key)) - program.latenessMs) {
    return (program.late as u32) == POLICY_REFUSE ? LATE_REFUSED : LATE;
  }
  return ON_TIME;
}

/** Whether a row of that timeliness may be learned. */
export function isTimely(detector: Detector, timeliness: u32): bool {
  if (timeliness == ON_TIME) return true;
  const program = programOf(detector);
  if (timeliness == LATE) return (program.late as u32) == POLICY_ON_TIME;
  return timeliness == FUTURE && (program.future as u32) == POLICY_ON_TIME;
}

/** Counts a row that came late, or from the future. */
export function countTimeliness(slot: u32, timeliness: u32): void {
  const place = slotAt(slot);
  if (timeliness == LATE || timeliness == LATE_REFUSED) place.rowsLate += 1;
  else if (timeliness != ON_TIME) place.rowsFuture += 1;
}

/** The time that a row counts at: its own, or what its policy puts in its place. */
function placedTime(detector: Detector, state: u32, row: Row, timeliness: u32): f64 {
  if (timeliness == ON_TIME || !isTimely(detector, timeliness)) return row.eventTimeMs;
  const reached = reachedBy(detector, state);
  // What has settled stays: nothing is placed before the watermark, whatever the clock of arrivals says.
  if (timeliness == FUTURE) return max(row.arrivalMs, reached - programOf(detector).latenessMs);
  return max(row.eventTimeMs, reached);
}

/**
 * Memory for one more event, which is `row`. A window that the log no longer covers becomes panes here, and exact again when it does.
 * False = the arena is full: nothing has changed, and the caller may make room and try again.
 */
export function reserveFeatures(detector: Detector, key: Key, row: Row, timeliness: u32): bool {
  const program = programOf(detector);
  const old = key.features;
  if (!plan(program, old, placedTime(detector, old, row, timeliness), true)) return true;
  const bytes = stateBytes(program, planCapacity, planPanes);
  if (bytes > STATE_BYTES_MAX) return false;
  const block = allocateFor(detector.slot, bytes as u32);
  if (block == 0) return false;
  makeState(program, block, old);
  bringToLife(block);
  key.features = block;
  const place = slotAt(detector.slot);
  if (isInPanes(block)) place.keysInPanes += 1;
  releaseFeatures(detector.slot, old);
  return true;
}

/** A learned row joins the windows of its key; its features and their default bits are written after its sources. Needs reserveFeatures. */
export function placeFeatures(
  detector: Detector,
  key: u32,
  row: Row,
  values: u32,
  timeliness: u32,
): void {
  const program = programOf(detector);
  const state = stateAt(keyAt(key).features);
  const time = placedTime(detector, changetype<u32>(state), row, timeliness);
  if (time >= state.newest) return joinNewest(program, state, time, values);
  scan(program, state, time, values, true);
  joinLate(program, state, time, values);
}

/** The features of a row as if it came; nothing changes. `key` 0 = unknown. */
export function peekFeatures(detector: Detector, key: u32, row: Row, values: u32): void {
  const state = stateOf(key);
  const timeliness = timelinessOf(detector, key, row);
  const time = placedTime(detector, state, row, timeliness);
  look(programOf(detector), state, time, values, true);
}

/** The features of a key as if nothing came at that time. READ_* bits. */
export function readFeatures(detector: Detector, key: u32, timeMs: f64, values: u32): u32 {
  const state = stateOf(key);
  const isWhole = look(programOf(detector), state, timeMs, values, false);
  if (state == 0) return isWhole ? READ_EXACT | READ_COVERED : 0;
  return READ_KNOWN | (isInPanes(state) ? 0 : READ_EXACT) | (isWhole ? READ_COVERED : 0);
}

/** Features as of a time. Returns whether all windows were covered. */
function look(program: Program, state: u32, time: f64, values: u32, isEvent: bool): bool {
  if (time < newestOf(state)) return scan(program, stateAt(state), time, values, isEvent);
  plan(program, state, time, isEvent);
  const copy = borrow(stateBytes(program, planCapacity, planPanes));
  if (copy != 0) {
    makeState(program, copy, state);
    if (isEvent) joinNewest(program, stateAt(copy), time, values);
    else readNewest(program, stateAt(copy), time, values);
  }
  const isSure = copy != 0 && areWindowsSure(program, stateAt(copy));
  giveBack();
  if (copy != 0) return isSure;
  // Without memory for a copy, the log has to do.
  if (state != 0) return scan(program, stateAt(state), time, values, isEvent);
  scanNothing(program, time, values, isEvent);
  return false;
}

/** Whether late events changed nothing that was not known any more. */
function areWindowsSure(program: Program, state: State): bool {
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    if (!isRunning(groupAt(program, g))) continue;
    if (changetype<Running>(bodyOf(state, headAt(state, g))).isUnsure != 0) return false;
  }
  return true;
}

/** Moves the watermark of a detector's quiet keys. It never goes back. */
export function heartbeat(detector: Detector, timeMs: f64): void {
  const place = slotAt(detector.slot);
  place.heartbeatMs = max(place.heartbeatMs, timeMs);
}

/**
 * Gives a key a state of so many bytes, past its kind and run, that someone else wrote into the block. False = it is none of this program; the
 * key is without it. Slot.keysInPanes does not know of it yet.
 */
export function adoptFeatures(detector: Detector, key: Key, block: u32, bytes: u32): bool {
  bringToLife(block);
  key.features = block;
  const state = stateAt(block);
  if (areFeaturesSound(detector, key) && state.bytes - 8 == bytes) {
    rewriteDerived(programOf(detector), state);
    return true;
  }
  key.features = 0;
  store<u32>(block, KIND_IMPORT);
  return false;
}

/** Gives a key's state back, 0 = it had none. */
export function releaseFeatures(slot: u32, block: u32): void {
  if (block == 0) return;
  if (isInPanes(block)) slotAt(slot).keysInPanes -= 1;
  releaseFor(slot, block);
}

/** Whether numbers of the state may be off: what Slot.keysInPanes counts. */
export function isInPanes(block: u32): bool {
  return block != 0 && stateAt(block).inexact != 0;
}

/** The most bytes that the features of a key of this detector take. */
export function featureBytesMax(detector: Detector): f64 {
  return stateBytesMax(programOf(detector)) as f64;
}
