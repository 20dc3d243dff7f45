import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ARENA_BASE, PAGE_BYTES, VOLATILE_ROOT } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { arenaTop, equalMemories } from "../../src/state/replay/equal-memories.ts";
import { Replica } from "../../src/state/replay/replica.ts";
import { builds } from "../kernel.ts";
import {
  LiveShard,
  outputsOf,
  replayDetectors,
  replayRows,
  replayShardBytes,
} from "../support/replay-rig.ts";

const [[, path] = ["", ""]] = builds;
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileModule(path);
});

type Doing =
  | { readonly what: "batch"; readonly rows: number; readonly seed: number }
  | { readonly what: "reset" | "recreate" | "copy"; readonly slot: number }
  | { readonly what: "train"; readonly fails: boolean }
  | { readonly what: "resize"; readonly memoryBytes: number };

const slot = fc.nat({ max: replayDetectors.length - 1 });
const doing: fc.Arbitrary<Doing> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      what: fc.constant("batch" as const),
      rows: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 150 })),
      seed: fc.nat(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant("train" as const), fails: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom("reset" as const, "recreate" as const, "copy" as const),
      slot,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("resize" as const),
      // The least that works, less than is in use by then or not, and all there is.
      memoryBytes: fc.constantFrom(18 << 20, 20 << 20, replayShardBytes),
    }),
  },
);

/** What a snapshot keeps of a memory. */
interface Kept {
  readonly at: number;
  readonly root: Uint8Array;
  readonly arena: Uint8Array;
}

function keep(shard: LiveShard): Kept {
  const { u8 } = shard.views;
  const root = u8.slice(0, PAGE_BYTES);
  for (const [offset, bytes] of VOLATILE_ROOT) root.fill(0, offset, offset + bytes);
  return { at: shard.position, root, arena: u8.slice(ARENA_BASE, arenaTop(u8)) };
}

function restore({ at, root, arena }: Kept): Replica {
  const replica = Replica.blank(module, replayShardBytes);
  replica.views.u8.set(root);
  replica.views.u8.set(arena, ARENA_BASE);
  replica.position = at;
  return replica;
}

interface Run {
  readonly live: LiveShard;
  readonly kept: readonly Kept[];
  /** Outputs by position. */
  readonly outputs: ReadonlyMap<number, Uint8Array>;
}

async function drive(doings: readonly Doing[]): Promise<Run> {
  const live = new LiveShard(module);
  live.createAll();
  const kept: Kept[] = [];
  const outputs = new Map<number, Uint8Array>();
  for (const one of doings) {
    kept.push(keep(live));
    if (one.what === "batch") {
      live.batch(replayRows(one.rows, one.seed));
      outputs.set(live.position - 1, outputsOf(live.stepped, live.views));
    } else if (one.what === "train") {
      await live.train(path, one.fails);
    } else if (one.what === "resize") {
      live.change({ kind: "resize", memoryBytes: one.memoryBytes });
    } else if (one.what === "copy") {
      live.copyDetector(one.slot, 9);
    } else if (one.what === "reset") {
      live.change({ kind: "reset", slot: one.slot });
    } else {
      live.change({ kind: "delete", slot: one.slot });
      const options = replayDetectors[one.slot];
      if (options !== undefined) live.create(one.slot, options);
    }
  }
  return { live, kept, outputs };
}

function forward(replica: Replica, entries: readonly Entry[], seen?: Run["outputs"]): void {
  for (const entry of entries) {
    if (entry.position <= replica.position) continue;
    replica.apply(entry);
    const expected = seen?.get(entry.position);
    if (expected === undefined) continue;
    const got = outputsOf(replica.region, replica.views);
    for (let row = 0; row < entry.rows; row++) {
      if (wasRead(replica, row)) continue;
      const score = [got, expected].map((all) => all.subarray(row * 48, row * 48 + 42));
      expect(Buffer.compare(score[0]!, score[1]!), `entry ${entry.position} row ${row}`).toBe(0);
    }
  }
}

/** Reads of features are not done again; what they got is no verdict. */
function wasRead(replica: Replica, row: number): boolean {
  return replica.op(row) === 0;
}

describe("a replay", () => {
  it("ends in the memory of the live run, and made the same outputs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { minLength: 1, maxLength: 14 }), async (doings) => {
        const { live, outputs } = await drive(doings);
        const replica = Replica.create(module, replayShardBytes);
        forward(replica, live.entries, outputs);
        expect(equalMemories(live.views.u8, replica.views.u8)).toBeUndefined();
        expect(replica.kernel.verify()).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it("from any snapshot ends in the same memory", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(doing, { minLength: 2, maxLength: 14 }),
        fc.nat(),
        async (doings, which) => {
          const { live, kept, outputs } = await drive(doings);
          const replica = restore(kept[which % kept.length]!);
          forward(replica, live.entries, outputs);
          expect(equalMemories(live.views.u8, replica.views.u8)).toBeUndefined();
        },
      ),
      { numRuns: 25 },
    );
  });

  it("from a snapshot taken when the arena had shrunk ends in the same memory", async () => {
    const fill: Doing[] = [];
    for (let seed = 0; seed < 6; seed++) {
      fill.push({ what: "batch", rows: 400, seed }, { what: "train", fails: false });
    }
    const emptied = replayDetectors.map((_, at): Doing => ({ what: "recreate", slot: at }));
    const copied = replayDetectors.map((_, at): Doing => ({ what: "copy", slot: at }));
    const { live, kept } = await drive([...fill, ...emptied, ...fill, ...copied]);
    expect(live.copies).toBe(copied.length);
    const shrunk = kept[fill.length + emptied.length]!;
    expect(shrunk.arena.length).toBeLessThan(kept[fill.length]!.arena.length);
    const replica = restore(shrunk);
    forward(replica, live.entries);
    expect(equalMemories(live.views.u8, replica.views.u8)).toBeUndefined();
  });

  it("of the same rows in other batches gives the same verdicts and the same keys", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        async (count, seed, sizes) => {
          const rows = replayRows(count, seed);
          const cuts = [[count], sizes].map((cut) => {
            const live = new LiveShard(module);
            live.createAll();
            for (let at = 0, i = 0; at < count; i++) {
              const size = cut[i % cut.length]!;
              live.batch(rows.slice(at, at + size));
              at += size;
            }
            const replica = Replica.create(module, replayShardBytes);
            const verdicts: string[] = [];
            for (const entry of live.entries) {
              if (replica.apply(entry) === 0) continue;
              const { region, views } = replica;
              const outputs = outputsOf(region, views);
              for (let row = 0; row < entry.rows; row++) {
                const own = outputs.subarray(row * 48, row * 48 + 42);
                verdicts.push(wasRead(replica, row) ? "read" : Buffer.from(own).toString("hex"));
              }
            }
            const digests = replayDetectors.map((_, at) => replica.kernel.detectorDigest(at));
            return { verdicts, digests };
          });
          expect(cuts[1]).toEqual(cuts[0]);
        },
      ),
      { numRuns: 20 },
    );
  });
});
