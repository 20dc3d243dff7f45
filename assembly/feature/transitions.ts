/*
 * How often a context (the hash of some members in a row) was followed by each value. Contexts and transitions share one table of `capacity`
 * entries; the one longest unused leaves, a context after all of its transitions. So what is kept is the newest; how often a
 * transition came is a lower bound once entries have left.
 *
 *   ┌ capacity, slots, size, clock u32 │ slots x (hash u64, 0 = free; count u32; used u32) ┐
 */
import { finish, mix } from "../hash";

@unmanaged
class Transitions {
  capacity: u32; // 0
  slots: u32;
  size: u32; // 8
  clock: u32;
}

const HEADER: u32 = 16;
/** Of no members. */
export const NO_CONTEXT: u64 = 0x77656972;

function slotsFor(capacity: u32): u32 {
  return capacity + (capacity >> 1) + 2;
}

export function transitionsBytes(capacity: u32): u32 {
  return HEADER + (slotsFor(capacity) << 4);
}

/** @param capacity at least 2 */
export function transitionsClear(at: u32, capacity: u32): void {
  memory.fill(at, 0, transitionsBytes(capacity));
  changetype<Transitions>(at).capacity = capacity;
  changetype<Transitions>(at).slots = slotsFor(capacity);
}

/** The context of one member more; of all but the last, oldest first. */
export function contextWith(context: u64, value: f64): u64 {
  return mix(context, reinterpret<u64>(value));
}

function named(hash: u64): u64 {
  const name = finish(hash);
  return name == 0 ? 1 : name;
}

function transitionName(context: u64, value: f64): u64 {
  return named(~contextWith(context, value));
}

function entry(at: u32, slot: u32): u32 {
  return at + HEADER + (slot << 4);
}

function home(name: u64, slots: u32): u32 {
  return (((name >> 32) * (slots as u64)) >> 32) as u32;
}

function find(at: u32, name: u64): u32 {
  const slots = changetype<Transitions>(at).slots;
  let slot = home(name, slots);
  let there = load<u64>(entry(at, slot));
  while (there != name && there != 0) {
    slot = slot + 1 == slots ? 0 : slot + 1;
    there = load<u64>(entry(at, slot));
  }
  return slot;
}

export function transitionsAdd(at: u32, context: u64, value: f64): void {
  const transitions = changetype<Transitions>(at);
  transitions.clock += 2;
  put(at, transitionName(context, value), 1, transitions.clock - 1);
  put(at, named(context), 1, transitions.clock);
}

function put(at: u32, name: u64, count: u32, used: u32): void {
  const transitions = changetype<Transitions>(at);
  let slot = find(at, name);
  if (load<u64>(entry(at, slot)) == 0) {
    if (transitions.size == transitions.capacity) {
      free(at, leastUsed(at));
      slot = find(at, name);
    }
    transitions.size++;
    store<u64>(entry(at, slot), name);
    store<u32>(entry(at, slot), 0, 8);
  }
  const to = entry(at, slot);
  store<u32>(to, load<u32>(to, 8) + count, 8);
  store<u32>(to, used, 12);
}

function leastUsed(at: u32): u32 {
  const slots = changetype<Transitions>(at).slots;
  let least: u32 = 0;
  let used: u32 = u32.MAX_VALUE;
  for (let slot: u32 = 0; slot < slots; slot++) {
    const there = entry(at, slot);
    if (load<u64>(there) == 0 || load<u32>(there, 12) >= used) continue;
    least = slot;
    used = load<u32>(there, 12);
  }
  return least;
}

/** A transition that was added leaves. */
export function transitionsRemove(at: u32, context: u64, value: f64): void {
  take(at, transitionName(context, value));
  take(at, named(context));
}

function take(at: u32, name: u64): void {
  const slot = find(at, name);
  const there = entry(at, slot);
  if (load<u64>(there) == 0) return;
  const count = load<u32>(there, 8);
  if (count > 1) store<u32>(there, count - 1, 8);
  else free(at, slot);
}

function free(at: u32, gone: u32): void {
  const transitions = changetype<Transitions>(at);
  const slots = transitions.slots;
  if (load<u64>(entry(at, gone)) == 0) return;
  transitions.size--;
  let gap = gone;
  let slot = gone;
  for (;;) {
    slot = slot + 1 == slots ? 0 : slot + 1;
    const name = load<u64>(entry(at, slot));
    if (name == 0) break;
    const from = home(name, slots);
    const stays = gap <= slot ? gap < from && from <= slot : gap < from || from <= slot;
    if (stays) continue;
    v128.store(entry(at, gap), v128.load(entry(at, slot)));
    gap = slot;
  }
  store<u64>(entry(at, gap), 0);
}

/** 1 - the share of the context's transitions that led to the value; 1 = never, or the context is unknown. */
export function noveltyOf(at: u32, context: u64, value: f64): f64 {
  const any = entry(at, find(at, named(context)));
  if (load<u64>(any) == 0) return 1;
  const one = entry(at, find(at, transitionName(context, value)));
  if (load<u64>(one) == 0) return 1;
  return max(1 - (load<u32>(one, 8) as f64) / (load<u32>(any, 8) as f64), 0);
}

/** Another's transitions, each later than those here. */
export function transitionsMerge(at: u32, from: u32): void {
  const transitions = changetype<Transitions>(at);
  const other = changetype<Transitions>(from);
  for (let slot: u32 = 0; slot < other.slots; slot++) {
    const there = entry(from, slot);
    const name = load<u64>(there);
    if (name == 0) continue;
    put(at, name, load<u32>(there, 8), transitions.clock + load<u32>(there, 12));
  }
  transitions.clock += other.clock;
}

export function isTransitionsSound(at: u32, capacity: u32): bool {
  const transitions = changetype<Transitions>(at);
  if (transitions.capacity != capacity || transitions.slots != slotsFor(capacity)) return false;
  let size: u32 = 0;
  for (let slot: u32 = 0; slot < transitions.slots; slot++) {
    if (load<u64>(entry(at, slot)) != 0) size++;
  }
  return size == transitions.size && size <= capacity;
}
