/*
 * Members in a row, of groups with transitions: which context, n - 1 members, leads to which member. The tail of an aggregate holds the
 * newest members, of an exact one all of them. A context of fewer members does not exist.
 */
import { Aggregate, contextMembers } from "./aggregate-layout";
import { Group } from "./program";
import * as tail from "./tail";
import {
  contextWith,
  NO_CONTEXT,
  noveltyOf,
  transitionsAdd,
  transitionsRemove,
} from "./transitions";

/** 1 - the share of the transitions out of the newest members that led to a value; 1 = never. */
export function noveltyNext(group: Group, at: u32, value: f64): f64 {
  const it = changetype<Aggregate>(at);
  const length = contextMembers(group);
  const size = sizeOf(at);
  if (size < length) return 1;
  return noveltyOf(at + it.transitions, contextAt(at + it.tail, size, length), value);
}

function sizeOf(at: u32): u32 {
  const it = changetype<Aggregate>(at);
  return it.tail == 0 ? 0 : tail.tailSize(at + it.tail);
}

/** The context of what is at an index of a tail: so many before it. */
function contextAt(at: u32, index: u32, length: u32): u64 {
  let context = NO_CONTEXT;
  for (let i = index - length; i < index; i++) {
    context = contextWith(context, tail.tailValue(at, i));
  }
  return context;
}

/** A member is about to join as the newest. */
export function follow(group: Group, at: u32, value: f64): void {
  const it = changetype<Aggregate>(at);
  const length = contextMembers(group);
  const size = sizeOf(at);
  if (size < length) return;
  transitionsAdd(at + it.transitions, contextAt(at + it.tail, size, length), value);
}

/**
 * A member is about to join among others. In a pane whose tail does not reach back by a context before its place, nothing changes: the
 * transition is not counted.
 */
export function squeeze(group: Group, at: u32, time: f64, value: f64): void {
  const it = changetype<Aggregate>(at);
  const length = contextMembers(group);
  const table = at + it.transitions;
  if (length == 0) return transitionsAdd(table, NO_CONTEXT, value);
  const members = at + it.tail;
  const size = tail.tailSize(members);
  const place = tail.tailPlace(members, time);
  if (size < it.count && place < length) return;
  for (let i = max(place, length); i < min(place + length, size); i++) {
    transitionsRemove(table, contextAt(members, i, length), tail.tailValue(members, i));
  }
  for (let i = max(place, length); i <= min(place + length, size); i++) {
    let context = NO_CONTEXT;
    for (let j = i - length; j < i; j++) {
      context = contextWith(context, valueWith(members, j, place, value));
    }
    transitionsAdd(table, context, valueWith(members, i, place, value));
  }
}

/** A tail's value once another is at its place. */
function valueWith(members: u32, index: u32, place: u32, value: f64): f64 {
  if (index == place) return value;
  return tail.tailValue(members, index < place ? index : index - 1);
}

/** The oldest of an exact aggregate's members is about to leave. */
export function leave(group: Group, at: u32, value: f64): void {
  const it = changetype<Aggregate>(at);
  const length = contextMembers(group);
  const table = at + it.transitions;
  if (length == 0) return transitionsRemove(table, NO_CONTEXT, value);
  const members = at + it.tail;
  if (tail.tailSize(members) <= length) return;
  transitionsRemove(table, contextAt(members, length, length), tail.tailValue(members, length));
}

/** A member is about to join a pane: it may be one of the first, which `heads` keeps. */
export function begin(heads: u32, time: f64, value: f64): void {
  const size = tail.tailSize(heads);
  if (size == tail.tailCapacity(heads)) {
    if (size == 0 || time >= tail.tailTime(heads, size - 1)) return;
    tail.tailUnpush(heads);
  }
  tail.tailInsert(heads, time, value, true);
}

/** The transitions from a pane's last members to the first of the pane that joins it, before their tails are one. */
export function join(group: Group, into: u32, from: u32): void {
  const it = changetype<Aggregate>(into);
  const length = contextMembers(group);
  if (length == 0) return;
  const before = into + it.tail;
  const after = from + changetype<Aggregate>(from).heads;
  const size = tail.tailSize(before);
  const heads = tail.tailSize(after);
  for (let i: u32 = 0; i < heads; i++) {
    if (size + i < length) continue;
    let context = NO_CONTEXT;
    for (let j = length; j > 0; j--) {
      const value = j > i ? tail.tailValue(before, size + i - j) : tail.tailValue(after, i - j);
      context = contextWith(context, value);
    }
    transitionsAdd(into + it.transitions, context, tail.tailValue(after, i));
  }
  const own = into + it.heads;
  for (let i: u32 = 0; i < heads && tail.tailSize(own) < length; i++) {
    tail.tailPush(own, tail.tailTime(after, i), tail.tailValue(after, i));
  }
}
