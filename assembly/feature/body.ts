/*
 * What a group keeps in a key's state, by window and by whether the log covers it:
 *
 *   sliding, hopping          aggregate from which the oldest leave, see sliding.ts  │ panes.ts
 *   last                      ring and aggregate, see last.ts                        │ never
 *   tumbling to global        running aggregate, see running.ts                      │ one that any number may join, and, where events
 *                                                                                    │ may come late, the same of settled events only
 *
 * Events are settled when none that is accepted can come before them: up to the watermark, or when they leave the log.
 */
import { aggregateBytes, aggregateClear, aggregateGrow } from "./aggregate";
import {
  lastAdd,
  lastCapacity,
  lastClear,
  lastGrow,
  lastMember,
  lastRingBytes,
  lastView,
} from "./last";
import { panesAdd, panesAdvance, panesBytes, panesClear, panesView } from "./panes";
import { Group, groupAt, NEEDS_COUNTS, NEEDS_DISTINCT, Program, WINDOW_LAST } from "./program";
import {
  isRunning,
  Running,
  runningAdvance,
  runningBytes,
  runningClear,
  runningGrow,
  runningTake,
  runningView,
} from "./running";
import { slidingAdvance, slidingFind, slidingTake } from "./sliding";
import {
  bodyOf,
  eventAt,
  Head,
  headAt,
  isPaned,
  memberValue,
  passes,
  State,
  timeAt,
} from "./state";

export function isLast(group: Group): bool {
  return (group.window as u32) == WINDOW_LAST;
}

/** Members that an exact aggregate must have room for. */
export function aggregateRoom(program: Program, group: Group, capacity: u32): u32 {
  const room = min(capacity, program.exactEvents as u32);
  return isLast(group) ? lastCapacity(group, room) : room;
}

/** Bytes of one aggregate of a group. */
export function unitBytes(program: Program, group: Group, capacity: u32, isPane: bool): u32 {
  if (isPane) return aggregateBytes(group, 0, true);
  return aggregateBytes(group, aggregateRoom(program, group, capacity), false);
}

export function bodyBytes(program: Program, group: Group, capacity: u32, isPane: bool): u32 {
  const unit = unitBytes(program, group, capacity, isPane);
  if (isLast(group)) return lastRingBytes(group, aggregateRoom(program, group, capacity)) + unit;
  if (!isRunning(group)) return isPane ? panesBytes(unit) : unit;
  const bytes = runningBytes(group, unit);
  return isPane && program.latenessMs > 0 ? bytes << 1 : bytes;
}

/** Whether features of the group may be off while it is not exact. */
export function isApproximate(group: Group): bool {
  return !isRunning(group) || ((group.needs as u32) & (NEEDS_COUNTS | NEEDS_DISTINCT)) != 0;
}

/** Address of the state of settled events; 0 = there is none. */
export function settledOf(program: Program, state: State, g: u32): u32 {
  if (program.latenessMs <= 0 || !isPaned(state, g)) return 0;
  const group = groupAt(program, g);
  if (!isRunning(group)) return 0;
  const head = headAt(state, g);
  return bodyOf(state, head) + runningBytes(group, head.aggregate);
}

/** A body of no events. */
export function clearBody(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  const isPane = isPaned(state, g);
  const room: u32 = isPane ? 0 : aggregateRoom(program, group, state.capacity);
  if (isLast(group)) lastClear(group, at, room);
  else if (isRunning(group)) {
    runningClear(group, at, room, isPane);
    const settled = settledOf(program, state, g);
    if (settled != 0) runningClear(group, settled, 0, true);
  } else if (isPane) panesClear(group, at, head.aggregate);
  else aggregateClear(group, at, room, false);
}

/** Copies an exact body into one for a larger log. */
export function growBody(program: Program, to: State, from: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(to, g);
  const at = bodyOf(to, head);
  const old = bodyOf(from, headAt(from, g));
  const room = aggregateRoom(program, group, to.capacity);
  if (isLast(group)) lastGrow(group, at, room, old);
  else if (isRunning(group)) runningGrow(group, at, room, old);
  else aggregateGrow(group, at, room, old);
}

/** Makes a body of the events of the log, as of the newest: exact, or no more. */
export function buildBody(program: Program, state: State, g: u32, tail: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  clearBody(program, state, g);
  if (isRunning(group)) {
    replay(program, state, g, at, state.start, state.end);
    runningAdvance(program, group, at, state.newest);
    const settled = settledOf(program, state, g);
    if (settled != 0) replay(program, state, g, settled, state.start, state.settled);
  } else if (isPaned(state, g)) {
    panesAdvance(group, at, head.aggregate, state.newest);
    for (let position = tail; position != state.end; position++) {
      const event = eventAt(state, position);
      const value = memberValue(group, head, event);
      if (value == value) panesAdd(group, at, head.aggregate, load<f64>(event), value, false);
    }
  } else slidingFind(state, group, head, state.newest);
}

/** A running aggregate takes events of the log. */
export function replay(program: Program, state: State, g: u32, at: u32, from: u32, to: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  for (let position = from; position != to; position++) {
    const event = eventAt(state, position);
    if (!passes(group, head, event)) continue;
    const time = load<f64>(event);
    runningAdvance(program, group, at, time);
    runningTake(group, at, time, memberValue(group, head, event));
  }
}

/** The running aggregate is that of settled events and those after them in the log. */
export function replaySettled(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  memory.copy(at, settledOf(program, state, g), runningBytes(group, head.aggregate));
  replay(program, state, g, at, state.settled, state.end);
  runningAdvance(program, group, at, state.newest);
}

/** All windows move to a time that is not before the newest event's. */
export function advanceBodies(program: Program, state: State, time: f64): void {
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const head = headAt(state, g);
    if (isLast(group)) continue;
    const at = bodyOf(state, head);
    if (isRunning(group)) runningAdvance(program, group, at, time);
    else if (isPaned(state, g)) panesAdvance(group, at, head.aggregate, time);
    else slidingAdvance(state, group, head, time);
  }
}

/** The newest event, which is in the log, joins all windows. They are as of its time. */
export function takeEvent(program: Program, state: State): void {
  const groups = program.groups as u32;
  const event = eventAt(state, state.end - 1);
  const time = load<f64>(event);
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const head = headAt(state, g);
    const at = bodyOf(state, head);
    const value = memberValue(group, head, event);
    if (isRunning(group)) {
      if (passes(group, head, event)) runningTake(group, at, time, value);
    } else if (isLast(group)) {
      if (value == value) lastAdd(group, at, time, value);
    } else if (!isPaned(state, g)) {
      slidingTake(state, group, head, time, value);
    } else if (value == value) {
      panesAdd(group, at, head.aggregate, time, value, false);
    }
  }
}

/** Settles events up to a position. */
export function settleUntil(program: Program, state: State, position: u32): void {
  if (state.panes != 0) {
    const groups = program.groups as u32;
    for (let g: u32 = 0; g < groups; g++) {
      const settled = settledOf(program, state, g);
      if (settled != 0) replay(program, state, g, settled, state.settled, position);
    }
  }
  state.settled = position;
}

/** Settles what no accepted event can come before. */
export function settle(program: Program, state: State): void {
  const watermark = state.newest - program.latenessMs;
  let position = state.settled;
  while (position != state.end && timeAt(state, position) <= watermark) position += 1;
  if (position != state.settled) settleUntil(program, state, position);
}

/** Address of the aggregate that features of a group read. */
export function viewOf(program: Program, state: State, g: u32): u32 {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  if (isLast(group)) return lastView(at);
  if (isRunning(group)) return runningView(group, at, head.aggregate);
  return isPaned(state, g) ? panesView(at) : at;
}

/** When the window of a group began, where that matters for its rate. */
export function viewStart(program: Program, state: State, g: u32, time: f64): f64 {
  const group = groupAt(program, g);
  const at = bodyOf(state, headAt(state, g));
  let start: f64 = NaN;
  if (isLast(group)) start = load<f64>(lastMember(at, 0));
  else if (isRunning(group)) start = changetype<Running>(at).start;
  return start == start ? start : time;
}
