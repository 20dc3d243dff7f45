import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ARENA_BASE, PAGE_BYTES, Root, VOLATILE_ROOT } from "../../../../src/shard/layout.ts";
import { compileModule } from "../../../../src/shard/module.ts";
import { arenaTop, equalMemories } from "../../../../src/state/replay/equal-memories.ts";
import { builds } from "../../../kernel.ts";
import { LiveShard, replayRows } from "../../../support/replay-rig.ts";

const [[, path] = ["", ""]] = builds;
let live: LiveShard;
let other: Uint8Array;
beforeAll(async () => {
  live = new LiveShard(await compileModule(path));
  live.createAll();
  for (let seed = 0; seed < 6; seed++) live.batch(replayRows(100, seed));
  other = live.views.u8.slice();
});

const isVolatile = (at: number): boolean =>
  VOLATILE_ROOT.some(([offset, bytes]) => at >= offset && at < offset + bytes);

/** What is said when one byte is another. */
function withFlipped(at: number, bit: number): string | undefined {
  other[at] = (other[at] ?? 0) ^ (1 << bit);
  const said = equalMemories(live.views.u8, other);
  other[at] = (other[at] ?? 0) ^ (1 << bit);
  return said;
}

describe("memories that are compared", () => {
  it("are equal when they are, whatever lies beside the state", () => {
    other.fill(0xa5, PAGE_BYTES, ARENA_BASE);
    other.fill(0xa5, arenaTop(other));
    for (const [offset, bytes] of VOLATILE_ROOT) other.fill(0xa5, offset, offset + bytes);
    expect(equalMemories(live.views.u8, other)).toBeUndefined();
  });

  it("differ where any bit of the root or of the arena does, by its address", () => {
    const top = arenaTop(live.views.u8);
    const address = fc.oneof(
      fc.integer({ min: 0, max: PAGE_BYTES - 1 }).filter((at) => !isVolatile(at)),
      fc.integer({ min: ARENA_BASE, max: top - 1 }),
    );
    fc.assert(
      fc.property(address, fc.nat({ max: 7 }), (at, bit) => {
        expect(withFlipped(at, bit)).toMatch(new RegExp(`^0x${at.toString(16)} \\(`));
      }),
      { numRuns: 60 },
    );
    expect(equalMemories(live.views.u8, other)).toBeUndefined();
  });

  it("say what is there", () => {
    const at = live.views.u32[Root.slots >>> 2] ?? 0;
    expect(withFlipped(at + 20, 0)).toContain(`(a detector at 0x${at.toString(16)} + 20) is `);
    expect(withFlipped(Root.tick, 0)).toContain("(root block) is ");
  });
});
