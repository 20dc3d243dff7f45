/*
 * Events join a key's windows: in order, in amortised constant time a group; or late, at their own time, with what comes after them
 * moved up and the aggregates whose order they change made anew from the log.
 */
import {
  advanceBodies,
  isLast,
  replay,
  replaySettled,
  settle,
  settledOf,
  settleUntil,
  takeEvent,
} from "./body";
import { beginMoment, evaluate, finishMoment } from "./evaluate";
import { lastInsert } from "./last";
import { panesAdd } from "./panes";
import {
  Group,
  groupAt,
  NEEDS_LABELS,
  NEEDS_LAGS,
  NEEDS_LAST_TIMES,
  NEEDS_TRANSITIONS,
  Program,
  WINDOW_SESSION,
} from "./program";
import {
  isOfRunning,
  isRunning,
  isTriggered,
  runningAdvance,
  runningInsert,
  runningRestart,
} from "./running";
import { slidingDrop, slidingInsert } from "./sliding";
import {
  bodyOf,
  eventsIn,
  headAt,
  isPaned,
  openLog,
  positionAfter,
  putEvent,
  rowMember,
  rowPasses,
  State,
  timeAt,
} from "./state";

/** What an order of members decides. */
const NEEDS_ORDER: u32 = NEEDS_LAGS | NEEDS_LAST_TIMES | NEEDS_LABELS | NEEDS_TRANSITIONS;

export function isLogFull(program: Program, state: State): bool {
  return eventsIn(state) >= (program.exactEvents as u32);
}

/** An event that is not before the newest joins, and its features are written. The state has room for it. */
export function joinNewest(program: Program, state: State, time: f64, values: u32): void {
  beginMoment(values, time, true);
  advanceBodies(program, state, time);
  evaluate(program, state, true);
  if (isLogFull(program, state)) dropOldest(program, state);
  putEvent(state, state.end, time, values);
  state.end += 1;
  state.newest = time;
  state.events += 1;
  takeEvent(program, state);
  evaluate(program, state, false);
  finishMoment(program);
  settle(program, state);
}

/** The features as of a time that is not before the newest event's, as if nothing came. The state is a copy, and used up. */
export function readNewest(program: Program, state: State, time: f64, values: u32): void {
  beginMoment(values, time, false);
  advanceBodies(program, state, time);
  evaluate(program, state, true);
  evaluate(program, state, false);
  finishMoment(program);
}

/** The log's oldest event leaves. Exact windows do not reach it, see plan.ts. */
function dropOldest(program: Program, state: State): void {
  const start = state.start;
  if (state.settled == start) settleUntil(program, state, start + 1);
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    if (isLast(group) || isRunning(group) || isPaned(state, g)) continue;
    slidingDrop(state, headAt(state, g));
  }
  state.dropped = max(state.dropped, timeAt(state, start));
  state.start = start + 1;
}

/** A late event joins; its features have been written. The state has room for it. */
export function joinLate(program: Program, state: State, time: f64, values: u32): void {
  const isFull = isLogFull(program, state);
  const position = positionAfter(state, time);
  const isKept = !isFull || position != state.start;
  let isSettled = false;
  if (isKept) {
    if (isFull) dropOldest(program, state);
    isSettled = position - state.start < state.settled - state.start;
    openLog(state, position);
    putEvent(state, position, time, values);
    if (isSettled) state.settled += 1;
  } else {
    isSettled = true;
    state.dropped = max(state.dropped, time);
  }
  state.events += 1;
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    if (isRunning(group)) insertRunning(program, state, g, time, values, isSettled);
    else if (isLast(group) || isPaned(state, g)) insertMember(program, state, g, time, values);
    else if (isKept)
      slidingInsert(state, group, headAt(state, g), position, rowMember(group, values));
  }
}

function insertMember(program: Program, state: State, g: u32, time: f64, values: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  const value = rowMember(group, values);
  if (value != value) return;
  if (isLast(group)) lastInsert(group, at, time, value);
  else panesAdd(group, at, head.aggregate, time, value, true);
}

function isOrdered(group: Group): bool {
  return ((group.needs as u32) & NEEDS_ORDER) != 0 || isTriggered(group);
}

function insertRunning(
  program: Program,
  state: State,
  g: u32,
  time: f64,
  values: u32,
  isSettled: bool,
): void {
  const group = groupAt(program, g);
  if (!rowPasses(group, values)) return;
  const value = rowMember(group, values);
  const at = bodyOf(state, headAt(state, g));
  const settled = settledOf(program, state, g);
  if (settled != 0) {
    if (isSettled) runningInsert(program, group, settled, time, value);
    replaySettled(program, state, g);
  } else if (isPaned(state, g)) {
    runningInsert(program, group, at, time, value);
  } else if (isOfRunning(program, group, at, time)) {
    if (!isOrdered(group) && (group.window as u32) != WINDOW_SESSION) {
      return runningInsert(program, group, at, time, value);
    }
    runningRestart(group, at);
    replay(program, state, g, at, state.start, state.end);
    runningAdvance(program, group, at, state.newest);
  }
}
