/*
 * The largest (sign 1) or smallest (sign -1) of members that leave oldest first: a monotone deque. It holds the members that no newer one
 * beats, oldest first; the front is the answer. Members of equal value all stay, so that each can leave by its time and value.
 *
 *   ┌ head, size, capacity u32 │ pad │ ring of (time, value) f64 ┐
 */

@unmanaged
class Deque {
  head: u32; // 0
  size: u32;
  capacity: u32; // 8
}

const HEADER: u32 = 16;

/** Bytes for so many members. */
export function dequeBytes(capacity: u32): u32 {
  return HEADER + (capacity << 4);
}

export function dequeClear(at: u32, capacity: u32): void {
  memory.fill(at, 0, HEADER);
  changetype<Deque>(at).capacity = capacity;
}

function entry(at: u32, index: u32): u32 {
  const deque = changetype<Deque>(at);
  const slot = deque.head + index;
  return at + HEADER + ((slot < deque.capacity ? slot : slot - deque.capacity) << 4);
}

/** A member no older than the others joins. */
export function dequePush(at: u32, time: f64, value: f64, sign: f64): void {
  const deque = changetype<Deque>(at);
  let size = deque.size;
  while (size > 0 && (load<f64>(entry(at, size - 1), 8) - value) * sign < 0) size--;
  deque.size = size;
  append(at, time, value);
}

function append(at: u32, time: f64, value: f64): void {
  const deque = changetype<Deque>(at);
  if (deque.capacity == 0) return;
  if (deque.size == deque.capacity) popFront(deque);
  const to = entry(at, deque.size);
  store<f64>(to, time);
  store<f64>(to, value, 8);
  deque.size++;
}

function popFront(deque: Deque): void {
  deque.head = deque.head + 1 == deque.capacity ? 0 : deque.head + 1;
  deque.size--;
}

/** A member joins after those of equal time and before newer ones. */
export function dequeInsert(at: u32, time: f64, value: f64, sign: f64): void {
  const deque = changetype<Deque>(at);
  let next = deque.size;
  while (next > 0 && load<f64>(entry(at, next - 1)) > time) next--;
  if (next == deque.size) return dequePush(at, time, value, sign);
  if ((load<f64>(entry(at, next), 8) - value) * sign > 0) return;
  let keep = next;
  while (keep > 0 && (load<f64>(entry(at, keep - 1), 8) - value) * sign < 0) keep--;
  if (keep == next) {
    if (deque.size == deque.capacity) return;
    for (let i = deque.size; i > next; i--) move(at, i - 1, i);
    deque.size++;
  } else {
    const gap = next - keep - 1;
    if (gap > 0) for (let i = next; i < deque.size; i++) move(at, i, i - gap);
    deque.size -= gap;
  }
  const to = entry(at, keep);
  store<f64>(to, time);
  store<f64>(to, value, 8);
}

function move(at: u32, from: u32, to: u32): void {
  v128.store(entry(at, to), v128.load(entry(at, from)));
}

/** The oldest member leaves; one that is not in front was beaten before. */
export function dequeRemove(at: u32, time: f64, value: f64): void {
  const deque = changetype<Deque>(at);
  if (deque.size == 0) return;
  const front = entry(at, 0);
  if (load<f64>(front) == time && load<f64>(front, 8) == value) popFront(deque);
}

/** NaN = no members. */
export function dequeFront(at: u32): f64 {
  return changetype<Deque>(at).size == 0 ? NaN : load<f64>(entry(at, 0), 8);
}

/** Copies a deque into one of no member. */
export function dequeCopy(to: u32, from: u32): void {
  const size = changetype<Deque>(from).size;
  for (let i: u32 = 0; i < size; i++) {
    const at = entry(from, i);
    append(to, load<f64>(at), load<f64>(at, 8));
  }
}

export function isDequeSound(at: u32, capacity: u32): bool {
  const deque = changetype<Deque>(at);
  return deque.capacity == capacity && deque.size <= capacity && deque.head < max(capacity, 1);
}
