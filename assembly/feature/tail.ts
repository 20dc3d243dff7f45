/*
 * The newest members, oldest of them first, with their times. A full tail loses its oldest to a new one.
 *
 *   ┌ head, size, capacity u32 │ pad │ ring of (time, value) f64 ┐
 */

@unmanaged
class Tail {
  head: u32; // 0
  size: u32;
  capacity: u32; // 8
}

const HEADER: u32 = 16;

export function tailBytes(capacity: u32): u32 {
  return HEADER + (capacity << 4);
}

export function tailClear(at: u32, capacity: u32): void {
  memory.fill(at, 0, HEADER);
  changetype<Tail>(at).capacity = capacity;
}

export function tailSize(at: u32): u32 {
  return changetype<Tail>(at).size;
}

function entry(at: u32, index: u32): u32 {
  const tail = changetype<Tail>(at);
  const slot = tail.head + index;
  return at + HEADER + ((slot < tail.capacity ? slot : slot - tail.capacity) << 4);
}

/** Of the member at an index below the size, 0 = the oldest. */
export function tailTime(at: u32, index: u32): f64 {
  return load<f64>(entry(at, index));
}

export function tailValue(at: u32, index: u32): f64 {
  return load<f64>(entry(at, index), 8);
}

export function tailPush(at: u32, time: f64, value: f64): void {
  const tail = changetype<Tail>(at);
  if (tail.capacity == 0) return;
  if (tail.size == tail.capacity) tailPop(at);
  const to = entry(at, tail.size);
  store<f64>(to, time);
  store<f64>(to, value, 8);
  tail.size++;
}

export function tailCapacity(at: u32): u32 {
  return changetype<Tail>(at).capacity;
}

/** Where a member of a time would go: after those of equal time. */
export function tailPlace(at: u32, time: f64): u32 {
  let index = changetype<Tail>(at).size;
  while (index > 0 && load<f64>(entry(at, index - 1)) > time) index--;
  return index;
}

/**
 * Puts a member at `tailPlace`. A full tail loses its oldest, or stays as it is when that would be the new one.
 * @param holdsAll whether there are no members before those of the tail; else one that is older than all of them does not enter
 */
export function tailInsert(at: u32, time: f64, value: f64, holdsAll: bool): void {
  const tail = changetype<Tail>(at);
  let index = tailPlace(at, time);
  if (index == 0 && !holdsAll) return;
  if (tail.size == tail.capacity) {
    if (index == 0) return;
    tailPop(at);
    index--;
  }
  for (let i = tail.size; i > index; i--) v128.store(entry(at, i), v128.load(entry(at, i - 1)));
  const to = entry(at, index);
  store<f64>(to, time);
  store<f64>(to, value, 8);
  tail.size++;
}

/** The oldest leaves. */
export function tailPop(at: u32): void {
  const tail = changetype<Tail>(at);
  if (tail.size == 0) return;
  tail.head = tail.head + 1 == tail.capacity ? 0 : tail.head + 1;
  tail.size--;
}

/** The newest leaves. */
export function tailUnpush(at: u32): void {
  const tail = changetype<Tail>(at);
  if (tail.size > 0) tail.size--;
}

/** All of another tail's members, each newer than those here. */
export function tailAppend(at: u32, from: u32): void {
  const size = changetype<Tail>(from).size;
  for (let i: u32 = 0; i < size; i++) tailPush(at, tailTime(from, i), tailValue(from, i));
}

export function isTailSound(at: u32, capacity: u32): bool {
  const tail = changetype<Tail>(at);
  return tail.capacity == capacity && tail.size <= capacity && tail.head < max(capacity, 1);
}
