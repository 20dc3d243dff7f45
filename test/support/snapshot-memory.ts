import {
  ABI_VERSION,
  ARENA_BASE,
  MAGIC,
  PAGE_BYTES,
  Root,
  VOLATILE_ROOT,
} from "../../src/shard/layout.ts";

/** The memory of a shard that no kernel made: a root page that says how long the arena is, and bytes from a seed. */
export function madeUpMemory(pages: number, seed: number, spread = 1): Uint8Array {
  const memory = new Uint8Array(ARENA_BASE + pages * PAGE_BYTES);
  let state = seed | 1;
  for (let at = 512; at < PAGE_BYTES; at += 97 * spread) memory[at] = state = next(state);
  for (let at = ARENA_BASE; at < memory.length; at += spread) memory[at] = state = next(state);
  const view = new DataView(memory.buffer);
  view.setUint32(Root.magic, MAGIC, true);
  view.setUint32(Root.abiVersion, ABI_VERSION, true);
  view.setFloat64(Root.memoryBytes, memory.length, true);
  view.setUint32(Root.arenaTop, memory.length, true);
  view.setUint32(Root.row, 4711, true);
  return memory;
}

/** What of a memory is its state, as one: the root page without what tells how steps were run, and the arena. */
export function stateOf(memory: Uint8Array): Uint8Array {
  const root = memory.slice(0, PAGE_BYTES);
  for (const [offset, bytes] of VOLATILE_ROOT) root.fill(0, offset, offset + bytes);
  const top = new DataView(memory.buffer, memory.byteOffset).getUint32(Root.arenaTop, true);
  return Buffer.concat([root, memory.subarray(ARENA_BASE, top)]);
}

function next(state: number): number {
  return (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
}
