/*
 * Time of the last member of each value, of the `capacity` values that were last seen: the one longest unseen leaves first, of equal times
 * the smaller value. Open addressing as in counts.ts.
 *
 *   ┌ capacity, slots, size u32 │ pad │ slots x (value f64, NaN = free; time f64) │ ties: slots u32 ┐
 */
import { finish } from "../hash";

@unmanaged
class LastTimes {
  capacity: u32; // 0
  slots: u32;
  size: u32; // 8
}

const HEADER: u32 = 16;

function slotsFor(capacity: u32): u32 {
  return (capacity + (capacity >> 1) + 4) & ~3;
}

export function lastTimesBytes(capacity: u32): u32 {
  return HEADER + slotsFor(capacity) * 20;
}

export function lastTimesClear(at: u32, capacity: u32): void {
  const times = changetype<LastTimes>(at);
  times.capacity = capacity;
  times.slots = slotsFor(capacity);
  times.size = 0;
  for (let slot: u32 = 0; slot < times.slots; slot++) store<f64>(entry(at, slot), NaN);
}

function entry(at: u32, slot: u32): u32 {
  return at + HEADER + (slot << 4);
}

/** Members that share the value and the time. */
function tiesAt(at: u32, slot: u32): u32 {
  return at + HEADER + (changetype<LastTimes>(at).slots << 4) + (slot << 2);
}

function isFree(at: u32, slot: u32): bool {
  return isNaN(load<f64>(entry(at, slot)));
}

function home(value: f64, slots: u32): u32 {
  return (((finish(reinterpret<u64>(value)) >> 32) * (slots as u64)) >> 32) as u32;
}

function find(at: u32, value: f64): u32 {
  const slots = changetype<LastTimes>(at).slots;
  let slot = home(value, slots);
  while (!isFree(at, slot) && load<f64>(entry(at, slot)) != value) {
    slot = slot + 1 == slots ? 0 : slot + 1;
  }
  return slot;
}

/** Members of a finite value at a time, in any order. */
export function lastTimesAdd(at: u32, value: f64, time: f64, members: u32): void {
  const times = changetype<LastTimes>(at);
  let slot = find(at, value);
  if (isFree(at, slot)) {
    if (times.size == times.capacity) {
      const oldest = oldestSlot(at);
      if (!isNewer(time, value, oldest < times.slots ? entry(at, oldest) : 0)) return;
      free(at, oldest);
      slot = find(at, value);
    }
    times.size++;
    store<f64>(entry(at, slot), value);
    store<f64>(entry(at, slot), time, 8);
    store<u32>(tiesAt(at, slot), members);
    return;
  }
  const last = load<f64>(entry(at, slot), 8);
  if (time < last) return;
  store<u32>(tiesAt(at, slot), time == last ? load<u32>(tiesAt(at, slot)) + members : members);
  store<f64>(entry(at, slot), time, 8);
}

function isNewer(time: f64, value: f64, than: u32): bool {
  if (than == 0) return false;
  const other = load<f64>(than, 8);
  return time > other || (time == other && value > load<f64>(than));
}

/** Of a table that is not empty. */
function oldestSlot(at: u32): u32 {
  const slots = changetype<LastTimes>(at).slots;
  let oldest = slots;
  for (let slot: u32 = 0; slot < slots; slot++) {
    if (isFree(at, slot)) continue;
    if (oldest < slots) {
      const there = entry(at, slot);
      if (isNewer(load<f64>(there, 8), load<f64>(there), entry(at, oldest))) continue;
    }
    oldest = slot;
  }
  return oldest;
}

/** A member leaves; it matters when it was the last of its value. */
export function lastTimesRemove(at: u32, value: f64, time: f64): void {
  const slot = find(at, value);
  if (isFree(at, slot) || load<f64>(entry(at, slot), 8) != time) return;
  const ties = load<u32>(tiesAt(at, slot));
  if (ties > 1) store<u32>(tiesAt(at, slot), ties - 1);
  else free(at, slot);
}

function free(at: u32, gone: u32): void {
  const times = changetype<LastTimes>(at);
  times.size--;
  const slots = times.slots;
  let gap = gone;
  let slot = gone;
  for (;;) {
    slot = slot + 1 == slots ? 0 : slot + 1;
    if (isFree(at, slot)) break;
    const from = home(load<f64>(entry(at, slot)), slots);
    const stays = gap <= slot ? gap < from && from <= slot : gap < from || from <= slot;
    if (stays) continue;
    v128.store(entry(at, gap), v128.load(entry(at, slot)));
    store<u32>(tiesAt(at, gap), load<u32>(tiesAt(at, slot)));
    gap = slot;
  }
  store<f64>(entry(at, gap), NaN);
}

/** NaN = not seen, or too long ago. */
export function lastTimeOf(at: u32, value: f64): f64 {
  const slot = find(at, value);
  return isFree(at, slot) ? NaN : load<f64>(entry(at, slot), 8);
}

/** Members of two, in the first. */
export function lastTimesMerge(at: u32, from: u32): void {
  const slots = changetype<LastTimes>(from).slots;
  for (let slot: u32 = 0; slot < slots; slot++) {
    if (isFree(from, slot)) continue;
    const there = entry(from, slot);
    lastTimesAdd(at, load<f64>(there), load<f64>(there, 8), load<u32>(tiesAt(from, slot)));
  }
}

export function isLastTimesSound(at: u32, capacity: u32): bool {
  const times = changetype<LastTimes>(at);
  if (times.capacity != capacity || times.slots != slotsFor(capacity)) return false;
  let size: u32 = 0;
  for (let slot: u32 = 0; slot < times.slots; slot++) {
    if (!isFree(at, slot)) size++;
  }
  return size == times.size && size <= capacity;
}
