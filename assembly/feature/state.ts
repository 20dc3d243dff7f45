/*
 * What a key keeps for its features: one block, with offsets and no addresses, so that it may be copied and moved.
 *
 *   ┌ State 80 B │ columns u16 │ heads, 24 B a group │ log: ring of (time, values) f64 │ bodies of the groups, each a multiple of 16 B ┐
 *
 * Positions count the events that ever entered the log, modulo 2^32; a late one moves those after it up by one. An event is at place
 * `position & (capacity - 1)`. What a body holds is written in body.ts.
 */
import {
  FILTER_AT_LEAST,
  FILTER_AT_MOST,
  FILTER_DIFFERS,
  FILTER_GREATER,
  FILTER_LESS,
  FILTER_NONE,
  Group,
  groupAt,
  Program,
} from "./program";

@unmanaged
export class State {
  kind: u32; // 0
  run: u32;
  capacity: u32; // 8, events that the log has room for, a power of two
  bytes: u32; // 12
  /** Groups that are not exact, a bit each. */
  panes: u64; // 16
  newest: f64; // 24, time of the newest event, -Infinity = none
  dropped: f64; // 32, of the newest one that left the log
  events: f64; // 40, learned
  start: u32; // 48, position of the log's oldest event
  end: u32; // 52, past its newest
  settled: u32; // 56, of the first event that settled state does not hold
  columns: u32; // 60, values of an event in the log
  /** Groups whose numbers may be off. */
  inexact: u32; // 64
  log: u32; // 68, offset
  stride: u32; // 72
  pad: u32;
}

export const STATE_HEADER: u32 = 80;

@unmanaged
export class Head {
  body: u32; // 0, offset
  aggregate: u32; // 4, bytes of one
  source: i32; // 8, column of the log; -1 = none
  filter: i32; // 12
  /** Sliding and hopping, exact: position of the first event inside. */
  tail: u32; // 16
  /** Hopping: position past the last event inside. */
  head: u32; // 20
}

const HEAD_BYTES: u32 = 24;

export function stateAt(address: u32): State {
  return changetype<State>(address);
}

export function columnAt(state: State, index: u32): u32 {
  return load<u16>(changetype<u32>(state) + STATE_HEADER + (index << 1)) as u32;
}

export function setColumn(state: State, index: u32, source: u32): void {
  store<u16>(changetype<u32>(state) + STATE_HEADER + (index << 1), source as u16);
}

/** Bytes before the log. */
export function headsEnd(columns: u32, groups: u32): u32 {
  return (STATE_HEADER + (((columns << 1) + 7) & ~7) + groups * HEAD_BYTES + 15) & ~15;
}

export function headAt(state: State, group: u32): Head {
  const heads = changetype<u32>(state) + STATE_HEADER + (((state.columns << 1) + 7) & ~7);
  return changetype<Head>(heads + group * HEAD_BYTES);
}

export function bodyOf(state: State, head: Head): u32 {
  return changetype<u32>(state) + head.body;
}

export function isPaned(state: State, group: u32): bool {
  return ((state.panes >> (group as u64)) & 1) != 0;
}

/** Address of an event in the log: its time, then its values. */
export function eventAt(state: State, position: u32): u32 {
  return changetype<u32>(state) + state.log + (position & (state.capacity - 1)) * state.stride;
}

export function timeAt(state: State, position: u32): f64 {
  return load<f64>(eventAt(state, position));
}

export function eventsIn(state: State): u32 {
  return state.end - state.start;
}

/** Position of the log's first event after a time, looking back from the newest. */
export function positionAfter(state: State, time: f64): u32 {
  let low: u32 = 0;
  let high = eventsIn(state);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeAt(state, state.start + middle) <= time) low = middle + 1;
    else high = middle;
  }
  return state.start + low;
}

/** Position of the log's first event at or after a time. */
export function positionFrom(state: State, time: f64): u32 {
  let low: u32 = 0;
  let high = eventsIn(state);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeAt(state, state.start + middle) < time) low = middle + 1;
    else high = middle;
  }
  return state.start + low;
}

/** Writes an event of a row at a position of the log. */
export function putEvent(state: State, position: u32, time: f64, values: u32): void {
  const event = eventAt(state, position);
  store<f64>(event, time);
  const columns = state.columns;
  for (let i: u32 = 0; i < columns; i++) {
    store<f64>(event + 8 + (i << 3), load<f64>(values + (columnAt(state, i) << 3)));
  }
}

/** Moves the events from a position on up by one. The log has room. */
export function openLog(state: State, position: u32): void {
  const stride = state.stride;
  for (let to = state.end; to != position; to--) {
    memory.copy(eventAt(state, to), eventAt(state, to - 1), stride);
  }
  state.end += 1;
}

/** Whether a value passes a group's filter; a missing one does not. */
function isPassing(group: Group, value: f64): bool {
  const wanted = group.filterValue;
  const op = group.filterOp as u32;
  if (op == FILTER_LESS) return value < wanted;
  if (op == FILTER_AT_MOST) return value <= wanted;
  if (op == FILTER_GREATER) return value > wanted;
  if (op == FILTER_AT_LEAST) return value >= wanted;
  if (op == FILTER_DIFFERS) return value == value && value != wanted;
  return value == wanted;
}

/** Whether an event of the log passes the group's filter. */
export function passes(group: Group, head: Head, event: u32): bool {
  const filter = head.filter;
  return filter < 0 || isPassing(group, load<f64>(event + 8 + ((filter as u32) << 3)));
}

/** The value of an event of the log; NaN = it is no member. Of the events themselves: 0. */
export function memberValue(group: Group, head: Head, event: u32): f64 {
  if (!passes(group, head, event)) return NaN;
  const source = head.source;
  return source < 0 ? 0 : load<f64>(event + 8 + ((source as u32) << 3));
}

/** As `passes`, of a row's values. */
export function rowPasses(group: Group, values: u32): bool {
  if ((group.filterOp as u32) == FILTER_NONE) return true;
  return isPassing(group, load<f64>(values + ((group.filterSource as u32) << 3)));
}

export function rowMember(group: Group, values: u32): f64 {
  if (!rowPasses(group, values)) return NaN;
  const source = group.source;
  return source < 0 ? 0 : load<f64>(values + ((source as u32) << 3));
}

/** Writes which sources the log keeps, `columns` of them, and where groups find theirs. */
export function writeColumns(program: Program, state: State): void {
  const groups = program.groups as u32;
  let count: u32 = 0;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const head = headAt(state, g);
    head.source = -1;
    head.filter = -1;
    if (group.source >= 0) {
      head.source = findColumn(state, group.source as u32, count);
      if ((head.source as u32) == count) count++;
    }
    if ((group.filterOp as u32) != FILTER_NONE) {
      head.filter = findColumn(state, group.filterSource as u32, count);
      if ((head.filter as u32) == count) count++;
    }
  }
}

/** Index of a source's column, which is added when it is not there. */
function findColumn(state: State, source: u32, count: u32): i32 {
  for (let i: u32 = 0; i < count; i++) if (columnAt(state, i) == source) return i as i32;
  setColumn(state, count, source);
  return count as i32;
}

/** How many sources the groups read. */
export function countColumns(program: Program): u32 {
  const groups = program.groups as u32;
  let count: u32 = 0;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const hasFilter = (group.filterOp as u32) != FILTER_NONE;
    if (group.source >= 0 && !isRead(program, g, group.source)) count++;
    if (!hasFilter || isRead(program, g, group.filterSource)) continue;
    if (group.source != group.filterSource) count++;
  }
  return count;
}

/** Whether a group before this one reads the source. */
function isRead(program: Program, before: u32, source: f64): bool {
  for (let g: u32 = 0; g < before; g++) {
    const group = groupAt(program, g);
    if (group.source == source) return true;
    if ((group.filterOp as u32) != FILTER_NONE && group.filterSource == source) return true;
  }
  return false;
}
