/*
 * Sliding and hopping windows that the log covers: an aggregate of the events from `tail` on, of hopping ones up to `head`.
 */
import { Aggregate, aggregateAdd, aggregateClear, aggregateRemove } from "./aggregate";
import { endOf } from "./bounds";
import { Group, WINDOW_HOPPING } from "./program";
import {
  bodyOf,
  eventAt,
  eventsIn,
  Head,
  memberValue,
  positionAfter,
  State,
  timeAt,
} from "./state";

/** Events that have been put in the aggregate end here. */
export function insideEnd(state: State, group: Group, head: Head): u32 {
  return (group.window as u32) == WINDOW_HOPPING ? head.head : state.end;
}

/** The window moves to a time that is not before the last one. */
export function slidingAdvance(state: State, group: Group, head: Head, time: f64): void {
  const at = bodyOf(state, head);
  const end = endOf(group, time);
  const after = end - group.size;
  if ((group.window as u32) == WINDOW_HOPPING) enter(state, group, head, end);
  const stop = insideEnd(state, group, head);
  let tail = head.tail;
  let isWorn = false;
  while (tail != stop) {
    const event = eventAt(state, tail);
    const when = load<f64>(event);
    if (when > after) break;
    const value = memberValue(group, head, event);
    if (value == value && aggregateRemove(group, at, when, value)) isWorn = true;
    tail += 1;
  }
  head.tail = tail;
  if (isWorn) slidingRenew(state, group, head);
}

/** Hopping: events up to the end of the window enter it. */
function enter(state: State, group: Group, head: Head, end: f64): void {
  const at = bodyOf(state, head);
  let next = head.head;
  while (next != state.end) {
    const event = eventAt(state, next);
    const when = load<f64>(event);
    if (when > end) break;
    const value = memberValue(group, head, event);
    if (value == value) aggregateAdd(group, at, when, value);
    next += 1;
  }
  head.head = next;
}

/** The newest event of the log, which has just been put there, joins. */
export function slidingTake(state: State, group: Group, head: Head, time: f64, value: f64): void {
  if ((group.window as u32) == WINDOW_HOPPING) {
    if (endOf(group, time) != time) return;
    head.head = state.end;
  }
  if (value == value) aggregateAdd(group, bodyOf(state, head), time, value);
}

/** Makes the aggregate anew of what is inside. */
export function slidingRenew(state: State, group: Group, head: Head): void {
  const at = bodyOf(state, head);
  aggregateClear(group, at, changetype<Aggregate>(at).capacity, false);
  const stop = insideEnd(state, group, head);
  for (let position = head.tail; position != stop; position++) {
    const event = eventAt(state, position);
    const value = memberValue(group, head, event);
    if (value == value) aggregateAdd(group, at, load<f64>(event), value);
  }
}

/** Finds the window in the log anew, as of a time. */
export function slidingFind(state: State, group: Group, head: Head, time: f64): void {
  const end = endOf(group, time);
  head.tail = positionAfter(state, end - group.size);
  head.head = positionAfter(state, end);
  slidingRenew(state, group, head);
}

/** A late event has been put in the log at a position: it joins, or moves what comes after it. */
export function slidingInsert(
  state: State,
  group: Group,
  head: Head,
  position: u32,
  value: f64,
): void {
  const time = timeAt(state, position);
  const end = endOf(group, state.newest);
  if (time <= end - group.size) {
    head.tail += 1;
    head.head += 1;
  } else if (time <= end) {
    head.head += 1;
    if (value == value) slidingRenew(state, group, head);
  }
}

/** The log's oldest event is about to leave; the window does not reach it. */
export function slidingDrop(state: State, head: Head): void {
  const start = state.start;
  if (head.tail == start) head.tail += 1;
  if (eventsIn(state) > 0 && head.head == start) head.head += 1;
}
