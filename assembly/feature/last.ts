/*
 * The last n members, whatever the log still holds: a ring of their times and values, and their aggregate.
 *
 *   ┌ first u32 │ count u32 │ capacity u32 │ pad │ ring of (time, value) f64 │ aggregate ┐
 */
import { aggregateAdd, aggregateClear, aggregateGrow, aggregateRemove } from "./aggregate";
import { Group } from "./program";

@unmanaged
export class Last {
  first: u32; // 0
  count: u32;
  capacity: u32; // 8
  pad: u32;
}

const HEADER: u32 = 16;

/** Members that there is room for while a log has so much. */
export function lastCapacity(group: Group, capacity: u32): u32 {
  return max(1, min(group.size, capacity as f64) as u32);
}

/** Bytes before the aggregate. */
export function lastRingBytes(group: Group, capacity: u32): u32 {
  return HEADER + (lastCapacity(group, capacity) << 4);
}

export function lastView(at: u32): u32 {
  return at + HEADER + (changetype<Last>(at).capacity << 4);
}

export function lastClear(group: Group, at: u32, capacity: u32): void {
  const last = changetype<Last>(at);
  last.first = 0;
  last.count = 0;
  last.capacity = lastCapacity(group, capacity);
  last.pad = 0;
  aggregateClear(group, lastView(at), last.capacity, false);
}

/** Address of a member, 0 = the oldest. */
export function lastMember(at: u32, index: u32): u32 {
  const last = changetype<Last>(at);
  const place = last.first + index;
  const wrapped = place < last.capacity ? place : place - last.capacity;
  return at + HEADER + (wrapped << 4);
}

/** NaN = there is none. */
export function lastOldest(at: u32): f64 {
  return changetype<Last>(at).count > 0 ? load<f64>(lastMember(at, 0)) : NaN;
}

export function lastGrow(group: Group, to: u32, capacity: u32, from: u32): void {
  lastClear(group, to, capacity);
  const last = changetype<Last>(to);
  last.count = changetype<Last>(from).count;
  for (let i: u32 = 0; i < last.count; i++) {
    memory.copy(lastMember(to, i), lastMember(from, i), 16);
  }
  aggregateGrow(group, lastView(to), last.capacity, lastView(from));
}

export function lastAdd(group: Group, at: u32, time: f64, value: f64): void {
  const last = changetype<Last>(at);
  let isWorn = false;
  if (last.count == last.capacity) isWorn = dropFirst(group, at);
  const member = lastMember(at, last.count);
  store<f64>(member, time);
  store<f64>(member, value, 8);
  last.count += 1;
  if (isWorn) renew(group, at);
  else aggregateAdd(group, lastView(at), time, value);
}

function dropFirst(group: Group, at: u32): bool {
  const last = changetype<Last>(at);
  const oldest = lastMember(at, 0);
  const isWorn = aggregateRemove(group, lastView(at), load<f64>(oldest), load<f64>(oldest, 8));
  last.first = last.first + 1 == last.capacity ? 0 : last.first + 1;
  last.count -= 1;
  return isWorn;
}

function renew(group: Group, at: u32): void {
  const last = changetype<Last>(at);
  const view = lastView(at);
  aggregateClear(group, view, last.capacity, false);
  for (let i: u32 = 0; i < last.count; i++) {
    const member = lastMember(at, i);
    aggregateAdd(group, view, load<f64>(member), load<f64>(member, 8));
  }
}

/** A late member takes its place; one that is older than all of a full ring does not. */
export function lastInsert(group: Group, at: u32, time: f64, value: f64): void {
  const last = changetype<Last>(at);
  if (last.count == last.capacity) {
    if (time < lastOldest(at)) return;
    last.first = last.first + 1 == last.capacity ? 0 : last.first + 1;
    last.count -= 1;
  }
  let place = last.count;
  last.count += 1;
  while (place > 0 && load<f64>(lastMember(at, place - 1)) > time) {
    memory.copy(lastMember(at, place), lastMember(at, place - 1), 16);
    place -= 1;
  }
  const member = lastMember(at, place);
  store<f64>(member, time);
  store<f64>(member, value, 8);
  renew(group, at);
}
