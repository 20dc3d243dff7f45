import { ARENA_BASE, PAGE_BYTES, Root, VOLATILE_ROOT } from "../../shard/layout.ts";

/** Whole pages first: a stretch that is equal is told at the speed of memory. */
const STRETCH = PAGE_BYTES;

/** Kinds of runs and of blocks, as assembly/arena.ts numbers them. */
const RUN_FREE = 0x4652_4545;
const RUN_SLAB = 0x534c_4142;
const RUN_HEADER = 64;
const blockNames = [
  "a free block",
  "a detector",
  "a table of keys",
  "a key",
  "a window",
  "leaf totals",
  "a structure of trees",
  "a ring of ids",
  "an index of ids",
  "a cell",
  "rows of a window",
  "rolling features",
  "a model",
  "a training's copy",
  "a feature program",
  "a key's features",
] as const;

/**
 * Compares the states of two shards bit for bit: the root page without what is no state (`VOLATILE_ROOT`), and the arena as far as it is in use.
 * Undefined = they are equal; else which address differs first, what is there, and both values.
 */
export function equalMemories(a: Uint8Array, b: Uint8Array): string | undefined {
  const top = arenaTop(a);
  const otherTop = arenaTop(b);
  const root = firstDifference(rootOf(a), rootOf(b), 0, PAGE_BYTES);
  if (root >= 0) return `${at(root)} (root block) is ${bytes(a, root)} and ${bytes(b, root)}`;
  if (top !== otherTop) return `the arenas end at ${at(top)} and ${at(otherTop)}`;
  const found = firstDifference(a, b, ARENA_BASE, top);
  if (found < 0) return undefined;
  return `${at(found)} (${whatIsAt(a, found)}) is ${bytes(a, found)} and ${bytes(b, found)}`;
}

/** First byte of the arena that was never used; 0 = no shard. */
export function arenaTop(memory: Uint8Array): number {
  return u32(memory, Root.arenaTop);
}

function rootOf(memory: Uint8Array): Uint8Array {
  const root = memory.slice(0, PAGE_BYTES);
  for (const [offset, length] of VOLATILE_ROOT) root.fill(0, offset, offset + length);
  return root;
}

/** Address of the first byte that differs in [from, to); -1 = none does. */
function firstDifference(a: Uint8Array, b: Uint8Array, from: number, to: number): number {
  for (let start = from; start < to; start += STRETCH) {
    const end = Math.min(to, start + STRETCH);
    if (Buffer.compare(a.subarray(start, end), b.subarray(start, end)) === 0) continue;
    for (let i = start; i < end; i++) if (a[i] !== b[i]) return i;
  }
  return -1;
}

/** What a run or a block of the arena is, from the headers that lead to the address. */
function whatIsAt(memory: Uint8Array, address: number): string {
  const top = arenaTop(memory);
  let run = ARENA_BASE;
  for (;;) {
    const pages = u32(memory, run + 4);
    const end = run + pages * PAGE_BYTES;
    if (pages === 0 || end > top) return "arena, not readable";
    if (address < end) break;
    run = end;
  }
  const kind = u32(memory, run);
  if (kind === RUN_FREE) return `free pages at ${at(run)}`;
  if (address < run + RUN_HEADER) return `header of a run at ${at(run)}`;
  const size = kind === RUN_SLAB ? classBytes(u32(memory, run + 8)) : Number.POSITIVE_INFINITY;
  const block = run + RUN_HEADER + skipped(address - run - RUN_HEADER, size);
  const name = blockNames[u32(memory, block)] ?? "a block of no known kind";
  return `${name} at ${at(block)} + ${address - block}`;
}

/** Bytes of whole blocks before an offset. */
function skipped(offset: number, size: number): number {
  return Number.isFinite(size) ? offset - (offset % size) : 0;
}

/** As assembly/arena.ts has it. */
function classBytes(sizeClass: number): number {
  if (sizeClass < 4) return 64 + sizeClass * 16;
  const index = sizeClass - 4;
  return (8 + (index & 7)) << (4 + (index >> 3));
}

function u32(memory: Uint8Array, address: number): number {
  return new DataView(memory.buffer, memory.byteOffset).getUint32(address, true);
}

const at = (address: number): string => `0x${address.toString(16)}`;

function bytes(memory: Uint8Array, address: number): string {
  return Buffer.from(memory.subarray(address, address + 8)).toString("hex");
}
