/*
 * How large a key's state is to be for its next event, and which groups the log no longer covers then; and the state made so.
 */
import { KIND_FEATURES } from "../arena";
import { afterOf, startOf } from "./bounds";
import {
  bodyBytes,
  buildBody,
  clearBody,
  growBody,
  isApproximate,
  isLast,
  settledOf,
  unitBytes,
} from "./body";
import { Group, groupAt, Program, WINDOW_GLOBAL, WINDOW_SESSION } from "./program";
import { isRunning, Running } from "./running";
import {
  bodyOf,
  countColumns,
  eventAt,
  eventsIn,
  headAt,
  headsEnd,
  isPaned,
  passes,
  State,
  stateAt,
  timeAt,
  writeColumns,
} from "./state";

const CAPACITY_MIN: u32 = 8;
export const STATE_BYTES_MAX: u64 = 0x7fffffff;

/** Of the last `plan`. */
export let planCapacity: u32 = 0;
export let planPanes: u64 = 0;

/** Room of the largest log. */
export function capacityMax(program: Program): u32 {
  const events = max(program.exactEvents as u32, 1);
  return events <= 1 ? 1 : (1 as u32) << (32 - clz(events - 1));
}

/** Plans for a time, and an event of it if one comes; `address` 0 = the key has no state. False = the state may stay as it is. */
export function plan(program: Program, address: u32, time: f64, isEvent: bool): bool {
  if (address == 0) {
    planCapacity = min(CAPACITY_MIN, capacityMax(program));
    planPanes = 0;
    return true;
  }
  const state = stateAt(address);
  planCapacity = state.capacity;
  planPanes = state.panes;
  const count = eventsIn(state);
  const isFull = isEvent && count >= (program.exactEvents as u32);
  if (!isFull) {
    if (isEvent && count == state.capacity) planCapacity = state.capacity << 1;
    if (state.panes == 0) return planCapacity != state.capacity;
  }
  const leaves = isFull ? min(timeAt(state, state.start), time) : -Infinity;
  const asOf = max(time, state.newest);
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    if (isLast(groupAt(program, g))) continue;
    const bit = (1 as u64) << (g as u64);
    if (!isPaned(state, g)) {
      if (isFull && isReached(program, state, g, leaves, asOf)) planPanes |= bit;
    } else if (isCovered(program, state, g, max(state.dropped, leaves), asOf)) {
      planPanes &= ~bit;
    }
  }
  return planCapacity != state.capacity || planPanes != state.panes;
}

/** Whether the window of an exact group reaches the event that leaves, the log's oldest or the one that comes. */
function isReached(program: Program, state: State, g: u32, leaves: f64, asOf: f64): bool {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const isOldest = leaves == timeAt(state, state.start);
  if (isOldest && !passes(group, head, eventAt(state, state.start))) return false;
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL) return true;
  if (!isRunning(group)) return leaves > afterOf(group, asOf);
  if (window == WINDOW_SESSION) {
    const watermark = asOf - program.latenessMs;
    const began = changetype<Running>(bodyOf(state, head)).start;
    // A session that began later, and before the watermark: the oldest event's is over.
    if (isOldest && began > leaves && began <= watermark) return false;
    return sessionEnd(state, g, group, leaves) + group.size >= watermark;
  }
  // Late events are of the window of their own time.
  return leaves >= startOf(program, group, asOf - program.latenessMs);
}

/** Time of the last event of the session that an event is in, which is the log's oldest or older. */
function sessionEnd(state: State, g: u32, group: Group, time: f64): f64 {
  const head = headAt(state, g);
  const running = changetype<Running>(bodyOf(state, head));
  if (running.start <= time) return running.last;
  let end = time;
  for (let position = state.start; position != state.end; position++) {
    const event = eventAt(state, position);
    if (!passes(group, head, event)) continue;
    const when = load<f64>(event);
    if (when - end > group.size) break;
    end = when;
  }
  return end;
}

/**
 * Whether the log covers the window of a group in panes again. Sliding windows wait until an eighth of the log is outside: where the log
 * holds just a window, they would go to and fro.
 */
function isCovered(program: Program, state: State, g: u32, dropped: f64, asOf: f64): bool {
  const group = groupAt(program, g);
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL) return false;
  if (!isRunning(group)) {
    const after = afterOf(group, asOf);
    if (dropped > after) return false;
    const spare = (program.exactEvents as u32) >> 3;
    return spare >= eventsIn(state) || timeAt(state, state.start + spare) <= after;
  }
  const settled = settledOf(program, state, g);
  if (settled != 0 && changetype<Running>(settled).start <= dropped) return false;
  if (window != WINDOW_SESSION) return startOf(program, group, asOf) > dropped;
  const running = changetype<Running>(bodyOf(state, headAt(state, g)));
  return running.start > dropped || asOf - running.last > group.size;
}

/** Bytes of a state. */
export function stateBytes(program: Program, capacity: u32, panes: u64): u64 {
  const columns = countColumns(program);
  const groups = program.groups as u32;
  let bytes = headsEnd(columns, groups) as u64;
  bytes += ((((capacity as u64) * ((1 + columns) as u64)) << 3) + 15) & ~(15 as u64);
  for (let g: u32 = 0; g < groups; g++) {
    const isPane = ((panes >> (g as u64)) & 1) != 0;
    bytes += bodyBytes(program, groupAt(program, g), capacity, isPane) as u64;
  }
  return bytes;
}

/** The most that a key's state can take: each group in its larger form, at the largest log. */
export function stateBytesMax(program: Program): u64 {
  const capacity = capacityMax(program);
  let panes: u64 = 0;
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    if (isLast(group)) continue;
    const exact = bodyBytes(program, group, capacity, false);
    if (bodyBytes(program, group, capacity, true) > exact) panes |= (1 as u64) << (g as u64);
  }
  return stateBytes(program, capacity, panes);
}

/** Writes where everything is; what is there is not yet. */
function layOut(program: Program, state: State, capacity: u32, panes: u64): void {
  const groups = program.groups as u32;
  const columns = countColumns(program);
  state.capacity = capacity;
  state.panes = panes;
  state.columns = columns;
  state.stride = (1 + columns) << 3;
  state.log = headsEnd(columns, groups);
  let at = state.log + ((capacity * state.stride + 15) & ~15);
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const isPane = isPaned(state, g);
    const head = headAt(state, g);
    head.body = at;
    head.aggregate = unitBytes(program, group, capacity, isPane);
    at += bodyBytes(program, group, capacity, isPane);
  }
  state.bytes = at;
  rewriteDerived(program, state);
}

/** Writes what of a state follows from its program and its panes alone. */
export function rewriteDerived(program: Program, state: State): void {
  const groups = program.groups as u32;
  state.inexact = 0;
  for (let g: u32 = 0; g < groups; g++) {
    if (isPaned(state, g) && isApproximate(groupAt(program, g))) state.inexact += 1;
  }
  writeColumns(program, state);
}

/** Makes `stateBytes` bytes at `to` the planned state of what is at `from`, 0 = of no events. Its kind is not written. */
export function makeState(program: Program, to: u32, from: u32): void {
  const capacity = planCapacity;
  const panes = planPanes;
  memory.fill(to + 8, 0, (stateBytes(program, capacity, panes) as u32) - 8);
  const state = stateAt(to);
  const groups = program.groups as u32;
  if (from == 0) {
    layOut(program, state, capacity, panes);
    state.newest = -Infinity;
    state.dropped = -Infinity;
    for (let g: u32 = 0; g < groups; g++) clearBody(program, state, g);
    return;
  }
  const old = stateAt(from);
  memory.copy(to + 8, from + 8, headsEnd(old.columns, groups) - 8);
  layOut(program, state, capacity, panes);
  for (let position = old.start; position != old.end; position++) {
    memory.copy(eventAt(state, position), eventAt(old, position), state.stride);
  }
  for (let g: u32 = 0; g < groups; g++) {
    const wasPaned = isPaned(old, g);
    const head = headAt(state, g);
    const isSame = isPaned(state, g) == wasPaned;
    if (isSame && (wasPaned || old.capacity == capacity)) {
      const group: Group = groupAt(program, g);
      const bytes = bodyBytes(program, group, capacity, wasPaned);
      memory.copy(bodyOf(state, head), bodyOf(old, headAt(old, g)), bytes);
    } else if (isSame) growBody(program, state, old, g);
    else buildBody(program, state, g, head.tail);
  }
}

/** Makes a block of a state one that lives. */
export function bringToLife(block: u32): void {
  store<u32>(block, KIND_FEATURES);
}
