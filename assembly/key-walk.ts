/* The keys of a detector one after another, in the order of their addresses: for a host that looks at them between two steps. */
import { classBytes, KIND_KEY, RUN_BLOCK, RUN_HEADER, RUN_SLAB, runAt } from "./arena";
import { detectorOf } from "./detector";
import { keyAt } from "./key";
import * as layout from "./layout";
import { root } from "./layout";

/** Address of the block of the next key of a detector, by address, past `after`; 0 = there is none. The key that has no name of its own is none. */
export function nextKeyOf(slot: u32, after: u32): u32 {
  const state = root();
  if (state.magic != layout.MAGIC || slot >= layout.DETECTORS_MAX) return 0;
  if (changetype<u32>(detectorOf(slot)) == 0) return 0;
  let address = layout.ARENA_BASE;
  let index: u32 = 0;
  if (after != 0) {
    if (after < layout.ARENA_BASE || after >= state.arenaTop) return 0;
    address = load<u32>(after, 4);
    index = (after - address - RUN_HEADER) / classBytes(runAt(address).sizeClass) + 1;
    if (runAt(address).kind == RUN_BLOCK) index = 1;
  }
  while (address < state.arenaTop) {
    const run = runAt(address);
    const blocks = run.kind == RUN_SLAB ? run.bump : run.kind == RUN_BLOCK ? 1 : 0;
    const bytes = run.kind == RUN_SLAB ? classBytes(run.sizeClass) : 0;
    for (; index < blocks; index++) {
      const block = address + RUN_HEADER + index * bytes;
      if (isKeyOf(slot, block)) return block;
    }
    address += run.pages << layout.PAGE_SHIFT;
    index = 0;
  }
  return 0;
}

function isKeyOf(slot: u32, block: u32): bool {
  if (load<u32>(block) != KIND_KEY) return false;
  const key = keyAt(block);
  return (
    (key.slot as u32) == slot && key.generation == detectorOf(slot).generation && key.holdsCell == 0
  );
}
