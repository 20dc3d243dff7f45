/*
 * The arena: page runs, and slabs of equal blocks cut from them.
 *
 * A run is one or more 64 KiB pages; its first 64 bytes say what it is, so the whole arena can be walked from ARENA_BASE to
 * Root.arenaTop. All lists and counts are derived: `recover` rebuilds them from the kinds of runs and blocks alone.
 *
 *   run    ┌ kind u32 │ pages u32 │ class u32 │ used u32 │ freeHead u32 │ bump u32 │ next u32 │ previous u32 │ pad to 64 ┐
 *   block  ┌ kind u32 │ run u32 │ (free: next u32) │ ... │
 *
 * What makes a death at any instruction survivable is the order of stores: a block gets its kind last and loses it first; a
 * run's kind and length are one 64-bit store; a split writes the remainder's header before it shortens the run.
 */
import { ARENA_BASE, ARENA_CLASSES_BASE, PAGE_BYTES, PAGE_SHIFT, root } from "./layout";

export const RUN_FREE: u32 = 0x46524545;
export const RUN_SLAB: u32 = 0x534c4142;
export const RUN_BLOCK: u32 = 0x424c4f42;
export const RUN_HEADER: u32 = 64;

/** Kinds of blocks; 0 = free. */
export const FREE: u32 = 0;
export const KIND_DETECTOR: u32 = 1;
export const KIND_TABLE: u32 = 2;
export const KIND_KEY: u32 = 3;
export const KIND_WINDOW: u32 = 4;
export const KIND_TOTALS: u32 = 5;
export const KIND_STRUCTURE: u32 = 6;
export const KIND_RING: u32 = 7;
export const KIND_INDEX: u32 = 8;
export const KIND_CELL: u32 = 9;
export const KIND_ROWS: u32 = 10;
export const KIND_ROLLING: u32 = 11;
export const KIND_MODEL: u32 = 12;
export const KIND_COPY: u32 = 13;
export const KIND_PROGRAM: u32 = 14;
export const KIND_FEATURES: u32 = 15;
export const KIND_IMPORT: u32 = 16;
/** Set in a block's kind by the marking pass of `recover`. */
export const MARK: u32 = 0x80000000;

/** Every block begins with it: kind, run, and 8 bytes of its own. */
export const BLOCK_HEADER: u32 = 16;

/** 64, 80, 96, 112, then eight sizes an octave from 128 to 30 KiB. */
export const CLASSES: u32 = 68;
const CLASS_BYTES_MAX: u32 = 15 << 11;
/** Slabs of small blocks are one page; of others eight, so that at most a sixteenth is left over. */
const SMALL_BYTES_MAX: u32 = 2048;
const LARGE_SLAB_PAGES: u32 = 8;

@unmanaged
export class Run {
  kind: u32; // 0
  pages: u32; // 4
  sizeClass: u32; // 8
  used: u32; // 12
  freeHead: u32; // 16
  bump: u32; // 20, blocks ever handed out
  next: u32; // 24
  previous: u32; // 28
}

export function runAt(address: u32): Run {
  return changetype<Run>(address);
}

export function sizeClassOf(bytes: u32): u32 {
  if (bytes <= 128) return bytes <= 64 ? 0 : (bytes - 49) >> 4;
  const octave = 31 - clz(bytes - 1);
  return ((octave - 7) << 3) + ((bytes - 1) >> (octave - 3)) - 3;
}

export function classBytes(sizeClass: u32): u32 {
  if (sizeClass < 4) return 64 + (sizeClass << 4);
  const index = sizeClass - 4;
  return (8 + (index & 7)) << (4 + (index >> 3));
}

export function blocksOf(run: Run): u32 {
  return ((run.pages << PAGE_SHIFT) - RUN_HEADER) / classBytes(run.sizeClass);
}

function classHead(sizeClass: u32): u32 {
  return ARENA_CLASSES_BASE + (sizeClass << 2);
}

export function clearArena(end: u32): void {
  const state = root();
  state.arenaTop = ARENA_BASE;
  state.arenaEnd = end;
  clearArenaLists();
}

export function clearArenaLists(): void {
  const state = root();
  state.arenaFreePages = 0;
  state.freeRuns = 0;
  memory.fill(ARENA_CLASSES_BASE, 0, CLASSES << 2);
}

/** A block of at least `bytes`, its kind still FREE: the caller fills it and stores the kind last. 0 = the arena is full. */
export function allocate(bytes: u32): u32 {
  if (bytes > CLASS_BYTES_MAX) return allocateLarge(bytes);
  const sizeClass = sizeClassOf(bytes);
  let address = load<u32>(classHead(sizeClass));
  if (address == 0) {
    address = makeSlab(sizeClass);
    if (address == 0) return 0;
  }
  const run = runAt(address);
  let block = run.freeHead;
  if (block != 0) {
    run.freeHead = load<u32>(block, 8);
  } else {
    block = address + RUN_HEADER + run.bump * classBytes(sizeClass);
    store<u32>(block, FREE);
    store<u32>(block, address, 4);
    run.bump += 1;
  }
  run.used += 1;
  if (run.freeHead == 0 && run.bump == blocksOf(run)) unlinkSlab(run);
  return block;
}

/** Bytes that a block takes of the arena. */
export function blockBytes(block: u32): u32 {
  const run = runAt(load<u32>(block, 4));
  return run.kind == RUN_BLOCK ? run.pages << PAGE_SHIFT : classBytes(run.sizeClass);
}

/** Bytes of a block that can be written. */
export function roomOf(block: u32): u32 {
  const run = runAt(load<u32>(block, 4));
  return run.kind == RUN_BLOCK ? (run.pages << PAGE_SHIFT) - RUN_HEADER : classBytes(run.sizeClass);
}

export function release(block: u32): void {
  const address = load<u32>(block, 4);
  const run = runAt(address);
  assert(load<u32>(block) != FREE || run.kind == RUN_BLOCK, "released twice");
  assert(run.kind == RUN_SLAB || run.kind == RUN_BLOCK, "not a block");
  store<u32>(block, FREE);
  if (run.kind == RUN_BLOCK) {
    releaseRun(address);
    return;
  }
  if (run.freeHead == 0 && run.bump == blocksOf(run)) linkSlab(address);
  store<u32>(block, run.freeHead, 8);
  run.freeHead = block;
  run.used -= 1;
  if (run.used == 0) {
    unlinkSlab(run);
    releaseRun(address);
  }
}

function allocateLarge(bytes: u32): u32 {
  const pages = (((bytes as u64) + RUN_HEADER + PAGE_BYTES - 1) >> PAGE_SHIFT) as u32;
  const address = allocateRun(pages);
  if (address == 0) return 0;
  const block = address + RUN_HEADER;
  store<u32>(block, FREE);
  store<u32>(block, address, 4);
  setRun(address, RUN_BLOCK, pages);
  return block;
}

function makeSlab(sizeClass: u32): u32 {
  const bytes = classBytes(sizeClass);
  let pages = bytes <= SMALL_BYTES_MAX ? 1 : LARGE_SLAB_PAGES;
  let address = allocateRun(pages);
  if (address == 0 && pages > 1) {
    pages = 1;
    address = allocateRun(pages);
  }
  if (address == 0) return 0;
  const run = runAt(address);
  run.sizeClass = sizeClass;
  run.used = 0;
  run.freeHead = 0;
  run.bump = 0;
  setRun(address, RUN_SLAB, pages);
  linkSlab(address);
  return address;
}

export function linkSlab(address: u32): void {
  const run = runAt(address);
  const head = classHead(run.sizeClass);
  const first = load<u32>(head);
  run.next = first;
  run.previous = 0;
  if (first != 0) runAt(first).previous = address;
  store<u32>(head, address);
}

function unlinkSlab(run: Run): void {
  if (run.next != 0) runAt(run.next).previous = run.previous;
  if (run.previous != 0) runAt(run.previous).next = run.next;
  else store<u32>(classHead(run.sizeClass), run.next);
}

function setRun(address: u32, kind: u32, pages: u32): void {
  store<u64>(address, (kind as u64) | ((pages as u64) << 32));
}

/** A run of pages that still says FREE: the caller stores its kind. */
function allocateRun(pages: u32): u32 {
  let address = takeFreeRun(pages);
  if (address != 0) return address;
  address = extend(pages);
  if (address != 0) return address;
  if (root().arenaFreePages < pages) return 0;
  mergeFreeRuns();
  address = takeFreeRun(pages);
  return address != 0 ? address : extend(pages);
}

function extend(pages: u32): u32 {
  const state = root();
  const address = state.arenaTop;
  if ((address as u64) + ((pages as u64) << PAGE_SHIFT) > (state.arenaEnd as u64)) return 0;
  // What lies above the top is no state: a copy of this memory does not have it.
  memory.fill(address, 0, pages << PAGE_SHIFT);
  setRun(address, RUN_FREE, pages);
  state.arenaTop = address + (pages << PAGE_SHIFT);
  return address;
}

/** Address of `bytes` above the arena's top, which hold anything and are nobody's until the next allocation. 0 = there are not so many. */
export function spaceAbove(bytes: u64): u32 {
  const state = root();
  return (state.arenaTop as u64) + bytes <= (state.arenaEnd as u64) ? state.arenaTop : 0;
}

function takeFreeRun(pages: u32): u32 {
  let address = root().freeRuns;
  while (address != 0) {
    const run = runAt(address);
    if (run.pages >= pages) {
      unlinkFreeRun(run);
      const rest = run.pages - pages;
      if (rest > 0) {
        const remainder = address + (pages << PAGE_SHIFT);
        setRun(remainder, RUN_FREE, rest);
        setRun(address, RUN_FREE, pages);
        linkFreeRun(remainder);
      }
      return address;
    }
    address = run.next;
  }
  return 0;
}

function releaseRun(address: u32): void {
  const state = root();
  let pages = runAt(address).pages;
  setRun(address, RUN_FREE, pages);
  const after = address + (pages << PAGE_SHIFT);
  if (after < state.arenaTop && runAt(after).kind == RUN_FREE) {
    const next = runAt(after);
    unlinkFreeRun(next);
    pages += next.pages;
    setRun(address, RUN_FREE, pages);
  }
  if (address + (pages << PAGE_SHIFT) == state.arenaTop) state.arenaTop = address;
  else linkFreeRun(address);
}

function linkFreeRun(address: u32): void {
  const state = root();
  const run = runAt(address);
  run.next = state.freeRuns;
  run.previous = 0;
  if (state.freeRuns != 0) runAt(state.freeRuns).previous = address;
  state.freeRuns = address;
  state.arenaFreePages += run.pages;
}

function unlinkFreeRun(run: Run): void {
  const state = root();
  if (run.next != 0) runAt(run.next).previous = run.previous;
  if (run.previous != 0) runAt(run.previous).next = run.next;
  else state.freeRuns = run.next;
  state.arenaFreePages -= run.pages;
}

/** Walks the arena, joins neighbouring free runs and lists them anew; free pages at the end go back to the top. */
export function mergeFreeRuns(): void {
  const state = root();
  state.freeRuns = 0;
  state.arenaFreePages = 0;
  let address = ARENA_BASE;
  while (address < state.arenaTop) {
    const run = runAt(address);
    if (run.kind == RUN_FREE) {
      let pages = run.pages;
      let after = address + (pages << PAGE_SHIFT);
      while (after < state.arenaTop && runAt(after).kind == RUN_FREE) {
        pages += runAt(after).pages;
        after = address + (pages << PAGE_SHIFT);
      }
      setRun(address, RUN_FREE, pages);
      if (after >= state.arenaTop) {
        state.arenaTop = address;
        return;
      }
      linkFreeRun(address);
      address = after;
    } else {
      address += run.pages << PAGE_SHIFT;
    }
  }
}
