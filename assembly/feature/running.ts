/*
 * Windows that only begin anew, and never lose single events: tumbling, calendar, session and global ones.
 *
 *   ┌ Running 48 B │ aggregate of the window │ the same as of the last firing, of triggered ones ┐
 */
import {
  Aggregate,
  aggregateAdd,
  aggregateBytes,
  aggregateClear,
  aggregateGrow,
  aggregateInsert,
} from "./aggregate";
import { startOf } from "./bounds";
import { Group, Program, WINDOW_GLOBAL, WINDOW_SESSION, WINDOW_TUMBLING } from "./program";

@unmanaged
export class Running {
  /** When the window began; of sessions and global ones, its first event. NaN = it is empty. */
  start: f64; // 0
  /** Of the newest event that passed the filter; NaN = none. */
  last: f64; // 8
  /** Of the last firing. */
  fired: f64; // 16
  /** Of the newest member. */
  value: f64; // 24
  members: f64; // 32
  /** 1 = a late event came before what is known: another firing may be the last, or the session longer. */
  isUnsure: f64;
}

export const RUNNING_HEADER: u32 = 48;

export function isRunning(group: Group): bool {
  const window = group.window as u32;
  return window >= WINDOW_TUMBLING && (window <= WINDOW_SESSION || window == WINDOW_GLOBAL);
}

export function isTriggered(group: Group): bool {
  return (
    (group.window as u32) == WINDOW_GLOBAL &&
    (group.slide > 0 || group.every > 0 || group.onChange != 0)
  );
}

export function runningBytes(group: Group, aggregate: u32): u32 {
  return RUNNING_HEADER + (isTriggered(group) ? aggregate << 1 : aggregate);
}

/** The aggregate that features read. */
export function runningView(group: Group, at: u32, aggregate: u32): u32 {
  return at + RUNNING_HEADER + (isTriggered(group) ? aggregate : 0);
}

export function runningClear(group: Group, at: u32, capacity: u32, isPane: bool): void {
  const running = changetype<Running>(at);
  running.start = NaN;
  running.last = NaN;
  running.fired = -Infinity;
  running.value = NaN;
  running.members = 0;
  running.isUnsure = 0;
  aggregateClear(group, at + RUNNING_HEADER, capacity, isPane);
  if (!isTriggered(group)) return;
  const bytes = aggregateBytes(group, capacity, isPane);
  aggregateClear(group, at + RUNNING_HEADER + bytes, capacity, isPane);
}

/** Empties it, as it is. */
export function runningRestart(group: Group, at: u32): void {
  const aggregate = changetype<Aggregate>(at + RUNNING_HEADER);
  runningClear(group, at, aggregate.capacity, aggregate.isPane != 0);
}

export function runningGrow(group: Group, to: u32, capacity: u32, from: u32): void {
  memory.copy(to, from, RUNNING_HEADER);
  aggregateGrow(group, to + RUNNING_HEADER, capacity, from + RUNNING_HEADER);
  if (!isTriggered(group)) return;
  const old = aggregateBytes(group, changetype<Aggregate>(from + RUNNING_HEADER).capacity, false);
  const bytes = aggregateBytes(group, capacity, false);
  aggregateGrow(group, to + RUNNING_HEADER + bytes, capacity, from + RUNNING_HEADER + old);
}

/** Begins anew where the window of that time is another one. */
export function runningAdvance(program: Program, group: Group, at: u32, time: f64): void {
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL) return;
  const running = changetype<Running>(at);
  if (window == WINDOW_SESSION) {
    if (!(time - running.last > group.size)) return;
    running.start = NaN;
    running.last = NaN;
    running.isUnsure = 0;
  } else {
    const start = startOf(program, group, time);
    if (start == running.start) return;
    const isFirst = running.start != running.start;
    running.start = start;
    if (isFirst) return;
  }
  const aggregate = changetype<Aggregate>(at + RUNNING_HEADER);
  aggregateClear(group, at + RUNNING_HEADER, aggregate.capacity, aggregate.isPane != 0);
}

/** An event that passes the filter joins; the window is at its time. `value` NaN = it is no member. */
export function runningTake(group: Group, at: u32, time: f64, value: f64): void {
  const running = changetype<Running>(at);
  const window = group.window as u32;
  if (window == WINDOW_SESSION) {
    if (running.start != running.start) running.start = time;
    running.last = time;
  }
  if (value != value) return;
  aggregateAdd(group, at + RUNNING_HEADER, time, value);
  if (window != WINDOW_GLOBAL) return;
  if (running.members == 0) running.start = time;
  running.members += 1;
  if (isTriggered(group)) fire(group, at, time, value);
  running.value = value;
}

function fire(group: Group, at: u32, time: f64, value: f64): void {
  const running = changetype<Running>(at);
  const count = group.slide;
  const every = group.every;
  const isDue =
    (count > 0 && Math.floor(running.members / count) * count == running.members) ||
    (every > 0 && Math.floor(time / every) * every > running.fired) ||
    (group.onChange != 0 && value != running.value);
  if (!isDue) return;
  running.fired = time;
  running.isUnsure = 0;
  const aggregate = changetype<Aggregate>(at + RUNNING_HEADER);
  const bytes = aggregateBytes(group, aggregate.capacity, aggregate.isPane != 0);
  memory.copy(at + RUNNING_HEADER + bytes, at + RUNNING_HEADER, bytes);
}

/**
 * A late event joins where its order does not matter, or is not known any more. It passes the filter. Settled windows may be older ones:
 * they move to its time.
 */
export function runningInsert(
  program: Program,
  group: Group,
  at: u32,
  time: f64,
  value: f64,
): void {
  const running = changetype<Running>(at);
  const window = group.window as u32;
  if (window == WINDOW_SESSION) {
    if (running.start - time > group.size) return;
    runningAdvance(program, group, at, time);
    const isEmpty = running.last != running.last;
    if (!isEmpty && time < running.start) running.isUnsure = 1;
    running.start = isEmpty ? time : min(running.start, time);
    running.last = isEmpty ? time : max(running.last, time);
  } else if (window != WINDOW_GLOBAL) {
    if (startOf(program, group, time) < running.start) return;
    runningAdvance(program, group, at, time);
  }
  if (value != value) return;
  if (window == WINDOW_GLOBAL) {
    const view = changetype<Aggregate>(at + RUNNING_HEADER);
    if (view.count == 0 || time >= view.newest) return runningTake(group, at, time, value);
    running.start = min(running.start, time);
    running.members += 1;
    if (isTriggered(group)) running.isUnsure = 1;
  }
  aggregateInsert(group, at + RUNNING_HEADER, time, value);
}

/** Whether an event of that time is of the window that is running. */
export function isOfRunning(program: Program, group: Group, at: u32, time: f64): bool {
  const running = changetype<Running>(at);
  const window = group.window as u32;
  if (window == WINDOW_GLOBAL) return true;
  if (window == WINDOW_SESSION) return !(running.start - time > group.size);
  return startOf(program, group, time) == running.start;
}
