/*
 * Features as of a time before the newest event's, by what the log has: each group's window is made of the events of the log in it, in a
 * buffer. Nothing of the state changes. Settled state and panes stand in for events that have left the log, where they hold none of a
 * later time.
 */
import { allocate, release, spaceAbove } from "../arena";
import { SCRATCH_FOLD, SCRATCH_FOLD_BYTES } from "../layout";
import { aggregateAdd, aggregateBytes, aggregateClear } from "./aggregate";
import { endOf, startOf } from "./bounds";
import { isLast, replay, settledOf } from "./body";
import { beginMoment, evaluateGroup, finishMoment } from "./evaluate";
import { Last, lastMember } from "./last";
import { lowestPane, mergePanes, paneOf } from "./panes";
import { Group, groupAt, Program, WINDOW_GLOBAL, WINDOW_HOPPING, WINDOW_SESSION } from "./program";
import {
  isRunning,
  Running,
  runningAdvance,
  runningBytes,
  runningClear,
  runningTake,
  runningView,
} from "./running";
import {
  bodyOf,
  eventAt,
  headAt,
  isPaned,
  memberValue,
  passes,
  positionAfter,
  positionFrom,
  rowMember,
  rowPasses,
  State,
} from "./state";

/** The moment: its values, time, and the position in the log that it comes at. */
let values: u32 = 0;
let time: f64 = 0;
let hasEvent: bool = false;
let stop: u32 = 0;
/** Whether all windows were there in full. */
let isWhole: bool = true;

let buffer: u32 = 0;
let borrowed: u32 = 0;

/** Scratch of so many bytes, from the arena where there are many. 0 = there is none. Given back by `giveBack`. */
export function borrow(bytes: u64): u32 {
  if (bytes <= (SCRATCH_FOLD_BYTES as u64)) return SCRATCH_FOLD;
  if (bytes > 0x7fffffff) return 0;
  // Above the top first: then a row that only looks changes nothing of the arena.
  const above = spaceAbove(bytes);
  if (above != 0) return above;
  const block = allocate(bytes as u32);
  borrowed = block;
  return block;
}

export function giveBack(): void {
  if (borrowed != 0) release(borrowed);
  borrowed = 0;
}

/** Writes the features. Returns whether every window was covered. */
export function scan(program: Program, state: State, ofTime: f64, at: u32, isEvent: bool): bool {
  values = at;
  time = ofTime;
  hasEvent = isEvent;
  stop = positionAfter(state, ofTime);
  isWhole = true;
  beginMoment(at, ofTime, isEvent);
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    if (isRunning(group)) scanRunning(program, state, g);
    else if (isLast(group)) scanLast(program, state, g);
    else scanSliding(program, state, g);
    giveBack();
  }
  finishMoment(program);
  return isWhole;
}

/** Writes what features are while there is no memory to compute them in. */
export function scanNothing(program: Program, ofTime: f64, at: u32, isEvent: bool): void {
  time = ofTime;
  beginMoment(at, ofTime, isEvent);
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) without(program, g);
  finishMoment(program);
}

function without(program: Program, g: u32): void {
  evaluateGroup(program, g, 0, time, true);
  evaluateGroup(program, g, 0, time, false);
  isWhole = false;
}

function scanRunning(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const settled = settledOf(program, state, g);
  const knowsSettled = time >= state.dropped && stop - state.start >= state.settled - state.start;
  const usesSettled = settled != 0 && knowsSettled;
  const from = usesSettled ? state.settled : firstOf(program, state, group);
  // As many as it may be asked to take; what has settled is in a form that takes any number.
  const isPane = usesSettled;
  const room = stop - from + 1;
  const unit = aggregateBytes(group, isPane ? 0 : room, isPane);
  const at = borrow(runningBytes(group, unit) as u64);
  if (at == 0) return without(program, g);
  if (usesSettled) memory.copy(at, settled, runningBytes(group, unit));
  else runningClear(group, at, room, false);
  replay(program, state, g, at, from, stop);
  runningAdvance(program, group, at, time);
  const running = changetype<Running>(at);
  if (!usesSettled) noteRunning(program, state, group, running);
  else if (running.isUnsure != 0) isWhole = false;
  const view = runningView(group, at, unit);
  evaluateGroup(program, g, view, startOr(running.start), true);
  if (hasEvent && rowPasses(group, values)) runningTake(group, at, time, rowMember(group, values));
  evaluateGroup(program, g, view, startOr(running.start), false);
}

function startOr(start: f64): f64 {
  return start == start ? start : time;
}

/** Position of the first event that a running window may have. */
function firstOf(program: Program, state: State, group: Group): u32 {
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL || window == WINDOW_SESSION) return state.start;
  const from = positionFrom(state, startOf(program, group, time));
  return stop - state.start < from - state.start ? stop : from;
}

/** Notes whether events that left the log may be of the window, which was made of those in it. */
function noteRunning(program: Program, state: State, group: Group, running: Running): void {
  if (state.dropped == -Infinity) return;
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL) isWhole = false;
  else if (window == WINDOW_SESSION) {
    if (startOr(running.start) - state.dropped <= group.size) isWhole = false;
  } else if (state.dropped >= startOf(program, group, time)) isWhole = false;
}

function scanLast(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const ring = bodyOf(state, head);
  const wanted = group.size as u32;
  let from = stop;
  let found: u32 = 0;
  while (from != state.start && found < wanted) {
    from -= 1;
    const value = memberValue(group, head, eventAt(state, from));
    if (value == value) found += 1;
  }
  // Members of the ring that have left the log are its oldest.
  let older: u32 = 0;
  if (found < wanted) older = olderMembers(state, g, ring);
  const taken = min(older, wanted - found);
  if (state.dropped != -Infinity && found + taken < wanted) isWhole = false;
  const room = found + taken + 1;
  const at = borrow(aggregateBytes(group, room, false) as u64);
  if (at == 0) return without(program, g);
  const first = older - taken;
  aggregateClear(group, at, room, false);
  let oldest = fillLast(state, group, g, at, first, older, from);
  evaluateGroup(program, g, at, startOr(oldest), true);
  const own = hasEvent ? rowMember(group, values) : NaN;
  if (own == own) {
    if (found + taken == wanted) {
      // The oldest member makes room.
      aggregateClear(group, at, room, false);
      if (taken > 0) oldest = fillLast(state, group, g, at, first + 1, older, from);
      else oldest = fillLast(state, group, g, at, older, older, from + 1);
    }
    aggregateAdd(group, at, time, own);
  }
  evaluateGroup(program, g, at, startOr(oldest), false);
}

/** Adds members of the ring, and those in the log from a position on. Returns the time of the first, NaN = there is none. */
function fillLast(
  state: State,
  group: Group,
  g: u32,
  at: u32,
  first: u32,
  older: u32,
  from: u32,
): f64 {
  const head = headAt(state, g);
  const ring = bodyOf(state, head);
  let oldest: f64 = NaN;
  for (let i = first; i < older; i++) {
    const member = lastMember(ring, i);
    if (oldest != oldest) oldest = load<f64>(member);
    aggregateAdd(group, at, load<f64>(member), load<f64>(member, 8));
  }
  for (let position = from; position != stop; position++) {
    const event = eventAt(state, position);
    const value = memberValue(group, head, event);
    if (value != value) continue;
    if (oldest != oldest) oldest = load<f64>(event);
    aggregateAdd(group, at, load<f64>(event), value);
  }
  return oldest;
}

/** How many of a ring's members have left the log, up to the moment: all but those in it. */
function olderMembers(state: State, g: u32, ring: u32): u32 {
  if (state.dropped == -Infinity) return 0;
  const first = load<f64>(eventAt(state, state.start));
  const count = changetype<Last>(ring).count;
  let older: u32 = 0;
  while (older < count) {
    const when = load<f64>(lastMember(ring, older));
    if (when >= first || when > time) break;
    older += 1;
  }
  return older;
}

function scanSliding(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const end = endOf(group, time);
  const after = end - group.size;
  if (state.dropped > after) {
    isWhole = false;
    if (isPaned(state, g)) return scanPanes(program, state, g);
  }
  const from = positionAfter(state, after);
  const to = (group.window as u32) == WINDOW_HOPPING ? positionAfter(state, end) : stop;
  const room = to - from + 1;
  const at = borrow(aggregateBytes(group, room, false) as u64);
  if (at == 0) return without(program, g);
  aggregateClear(group, at, room, false);
  for (let position = from; position != to; position++) {
    const event = eventAt(state, position);
    const value = memberValue(group, head, event);
    if (value == value) aggregateAdd(group, at, load<f64>(event), value);
  }
  finishSliding(program, g, at, end);
}

/** Whole panes before the moment's, and of its own the events in the log that are not after it. */
function scanPanes(program: Program, state: State, g: u32): void {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const panes = bodyOf(state, head);
  const end = endOf(group, time);
  const current = paneOf(group, end);
  const at = borrow(head.aggregate as u64);
  if (at == 0) return without(program, g);
  aggregateClear(group, at, 0, true);
  mergePanes(group, panes, head.aggregate, at, lowestPane(group, time), current - 1);
  const position = positionAfter(state, end);
  let from = position;
  while (from != state.start && paneOf(group, load<f64>(eventAt(state, from - 1))) == current) {
    from -= 1;
  }
  for (; from != position; from++) {
    const event = eventAt(state, from);
    const value = memberValue(group, head, event);
    if (value == value) aggregateAdd(group, at, load<f64>(event), value);
  }
  finishSliding(program, g, at, end);
}

function finishSliding(program: Program, g: u32, at: u32, end: f64): void {
  const group = groupAt(program, g);
  evaluateGroup(program, g, at, time, true);
  const own = hasEvent && end == time ? rowMember(group, values) : NaN;
  if (own == own) aggregateAdd(group, at, time, own);
  evaluateGroup(program, g, at, time, false);
}
