/*
 * Members by value: how often each occurs, how many differ, and the entropy of their shares. Open addressing with linear probing; what
 * is removed leaves no mark (backward shift, Knuth 6.4 algorithm R). Values beyond `capacity` different ones are counted together as one
 * "other", which has no share; exact windows have a capacity of all their members and no other.
 *
 *   ┌ header 64 B │ values: slots f64 │ counts: slots u32, 0 = free ┐
 *
 * Entropy = ln n - (sum of c ln c) / n, from a double-double sum: the same bits are added and subtracted, so nothing drifts.
 */
import { finish } from "../hash";
import { ddAdd } from "./double-double";

@unmanaged
class Counts {
  capacity: u32; // 0
  slots: u32;
  size: u32; // 8
  unused: u32;
  total: f64; // 16, with other
  other: f64;
  sum: f64; // 32, of c ln c
  sumLow: f64;
}

const HEADER: u32 = 64;
const SUM: u32 = 32;

function slotsFor(capacity: u32): u32 {
  return (capacity + (capacity >> 1) + 4) & ~1;
}

export function countsBytes(capacity: u32): u32 {
  return (HEADER + slotsFor(capacity) * 12 + 15) & ~15;
}

/** At most `capacity` different values. */
export function countsClear(at: u32, capacity: u32): void {
  memory.fill(at, 0, countsBytes(capacity));
  changetype<Counts>(at).capacity = capacity;
  changetype<Counts>(at).slots = slotsFor(capacity);
}

function valueAt(at: u32, slot: u32): u32 {
  return at + HEADER + (slot << 3);
}

function countAt(at: u32, slot: u32): u32 {
  return at + HEADER + (changetype<Counts>(at).slots << 3) + (slot << 2);
}

function home(value: f64, slots: u32): u32 {
  return (((finish(reinterpret<u64>(value)) >> 32) * (slots as u64)) >> 32) as u32;
}

/** The slot of a value, or the free one where it would go. */
function find(at: u32, value: f64): u32 {
  const slots = changetype<Counts>(at).slots;
  let slot = home(value, slots);
  while (load<u32>(countAt(at, slot)) != 0 && load<f64>(valueAt(at, slot)) != value) {
    slot = slot + 1 == slots ? 0 : slot + 1;
  }
  return slot;
}

function weight(count: f64): f64 {
  return count > 1 ? count * Math.log(count) : 0;
}

function change(at: u32, before: f64, after: f64): void {
  const counts = changetype<Counts>(at);
  counts.total += after - before;
  if (before > 1) ddAdd(at + SUM, -weight(before), 0);
  if (after > 1) ddAdd(at + SUM, weight(after), 0);
}

/** A finite value, so many times more. */
export function countsAdd(at: u32, value: f64, times: u32): void {
  const counts = changetype<Counts>(at);
  if (times == 0) return;
  const slot = find(at, value);
  const count = load<u32>(countAt(at, slot));
  if (count == 0) {
    if (counts.size == counts.capacity) return addOther(at, times as f64);
    store<f64>(valueAt(at, slot), value);
    counts.size++;
  }
  store<u32>(countAt(at, slot), count + times);
  change(at, count as f64, (count as f64) + (times as f64));
}

function addOther(at: u32, times: f64): void {
  const counts = changetype<Counts>(at);
  change(at, counts.other, counts.other + times);
  counts.other += times;
}

export function countsRemove(at: u32, value: f64): void {
  const counts = changetype<Counts>(at);
  const slot = find(at, value);
  const count = load<u32>(countAt(at, slot));
  if (count == 0) {
    if (counts.other > 0) addOther(at, -1);
    return;
  }
  store<u32>(countAt(at, slot), count - 1);
  change(at, count as f64, (count - 1) as f64);
  if (count > 1) return;
  counts.size--;
  free(at, slot);
}

/** Closes the gap at a slot by those after it that may be nearer to their home. */
function free(at: u32, gone: u32): void {
  const slots = changetype<Counts>(at).slots;
  let gap = gone;
  let slot = gone;
  for (;;) {
    slot = slot + 1 == slots ? 0 : slot + 1;
    const count = load<u32>(countAt(at, slot));
    if (count == 0) return;
    const value = load<f64>(valueAt(at, slot));
    const from = home(value, slots);
    const stays = gap <= slot ? gap < from && from <= slot : gap < from || from <= slot;
    if (stays) continue;
    store<f64>(valueAt(at, gap), value);
    store<u32>(countAt(at, gap), count);
    store<u32>(countAt(at, slot), 0);
    gap = slot;
  }
}

export function countsOf(at: u32, value: f64): u32 {
  return load<u32>(countAt(at, find(at, value)));
}

export function countsTotal(at: u32): f64 {
  return changetype<Counts>(at).total;
}

/** Different values, other as one. */
export function countsDistinct(at: u32): u32 {
  const counts = changetype<Counts>(at);
  return counts.size + (counts.other > 0 ? 1 : 0);
}

/** In nats, other as one value; NaN = no members. */
export function countsEntropy(at: u32): f64 {
  const counts = changetype<Counts>(at);
  if (counts.total == 0) return NaN;
  if (countsDistinct(at) == 1) return 0;
  return max(Math.log(counts.total) - counts.sum / counts.total, 0);
}

/** Members of two, in the first. */
export function countsMerge(at: u32, from: u32): void {
  const other = changetype<Counts>(from);
  for (let slot: u32 = 0; slot < other.slots; slot++) {
    const count = load<u32>(countAt(from, slot));
    if (count > 0) countsAdd(at, load<f64>(valueAt(from, slot)), count);
  }
  if (other.other > 0) addOther(at, other.other);
}

export function isCountsSound(at: u32, capacity: u32): bool {
  const counts = changetype<Counts>(at);
  if (counts.capacity != capacity || counts.slots != slotsFor(capacity)) return false;
  let size: u32 = 0;
  for (let slot: u32 = 0; slot < counts.slots; slot++) {
    if (load<u32>(countAt(at, slot)) != 0) size++;
  }
  return size == counts.size && size <= capacity;
}
