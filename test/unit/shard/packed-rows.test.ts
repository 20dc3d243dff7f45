import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  OUTPUT_BYTES,
  REGION_BYTES,
  Region as Offset,
  ROW_BYTES,
  regionBase,
  Row,
} from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import {
  packedRowsOf,
  packVerdicts,
  unpackRows,
  verdictBytes,
  verdictIn,
} from "../../../src/shard/packed-rows.ts";
import { equalMemories } from "../../../src/state/replay/equal-memories.ts";
import { builds } from "../../kernel.ts";
import {
  LiveShard,
  outputsOf,
  pack,
  replayRows,
  replayShardBytes,
  viewsOver,
} from "../../support/replay-rig.ts";

const [[, path] = ["", ""]] = builds;
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileModule(path);
});

function shard(): LiveShard {
  const made = new LiveShard(module);
  made.createAll();
  return made;
}

/** Steps packed rows in another shard; its outputs, but those of reads, which are not stepped again. */
function stepPacked(to: LiveShard, packed: Uint8Array): void {
  const rows = unpackRows(packed, to.views, 1);
  expect(rows).toBe(packedRowsOf(packed));
  expect(to.kernel.step(1)).toBe(rows);
}

describe("packed rows", () => {
  it.each([
    ["of any kind", false],
    ["as they are", true],
  ])("%s step to the same state and outputs as the region itself", (_name, plain) => {
    const run = (sizes: readonly number[], seed: number) => {
      const live = shard();
      const other = shard();
      for (const [i, size] of sizes.entries()) {
        const region = live.gather(replayRows(size, seed + i, plain));
        const packed = pack(region, live.views);
        expect(new Uint32Array(packed.buffer, 12, 1)[0]).toBe(region.hasRoomOrGaps ? 1 : 0);
        live.stepRegion(region);
        stepPacked(other, packed);
        expect(equalMemories(live.views.u8, other.views.u8)).toBeUndefined();
        compareOutputs(live, other, packed);
      }
      expect(live.kernel.verify()).toBe(0);
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 4 }), fc.nat(), run),
      { numRuns: 12 },
    );
  });

  it("keep the bits of a NaN", () => {
    const live = shard();
    for (const plain of [true, false]) {
      const region = live.gather(replayRows(30, 5, plain));
      const values = (regionBase(region.index) + Offset.values) >>> 2;
      for (let i = 0; i < region.valuesUsed; i++) {
        live.views.u32[values + 2 * i] = 0xdead_0000 + i;
        live.views.u32[values + 2 * i + 1] = 0x7ff4_beef;
      }
      const before = live.views.u8.slice();
      const packed = pack(region, live.views);
      unpackRows(packed, live.views, region.index === 0 ? 1 : 0);
      const other = regionBase(region.index === 0 ? 1 : 0);
      let compared = 0;
      for (let row = 0; row < region.rows; row++) {
        const at = other + Offset.rows + row * ROW_BYTES;
        const offset = live.views.u32[(at + Row.valuesOffset) >>> 2] ?? 0;
        const count = live.views.u8[at + Row.op] === 0 ? 0 : region.valuesOf(row);
        const bytes = live.views.u8.slice(
          other + Offset.values + offset * 8,
          other + Offset.values + (offset + count) * 8,
        );
        const from = regionBase(region.index) + Offset.values + offset * 8;
        expect(bytes).toEqual(before.slice(from, from + count * 8));
        compared += count;
      }
      expect(compared).toBeGreaterThan(40);
    }
  });

  it("of hostile bytes are refused, or stay in their region", () => {
    const live = shard();
    const victim = shard();
    const start = regionBase(0);
    const before = victim.views.u8.slice();
    const region = live.gather(replayRows(40, 3));
    const sound = pack(region, live.views);
    const changed = fc
      .tuple(
        fc.array(
          fc.tuple(
            fc.oneof(fc.nat({ max: 63 }), fc.nat({ max: sound.length - 1 })),
            fc.nat({ max: 255 }),
          ),
          { maxLength: 6 },
        ),
        fc.oneof(fc.constant(sound.length), fc.nat({ max: sound.length })),
        fc.nat({ max: 9 }),
      )
      .map(([edits, length, shift]) => {
        const bytes = new Uint8Array(sound.length + 16);
        const packed = bytes.subarray(shift, shift + length);
        packed.set(sound.subarray(0, length));
        for (const [at, value] of edits) if (at < length) packed[at] = value;
        return packed;
      });
    const hostile = fc.oneof(changed, fc.uint8Array({ maxLength: 200 }));
    let refused = 0;
    let taken = 0;
    fc.assert(
      fc.property(hostile, (packed) => {
        const rows = unpackRows(packed, victim.views, 0);
        expect(rows === -1 || rows === packedRowsOf(packed)).toBe(true);
        if (rows === -1) refused++;
        else taken++;
      }),
      { numRuns: 800 },
    );
    expect(refused).toBeGreaterThan(50);
    expect(taken).toBeGreaterThan(20);
    const after = victim.views.u8;
    expect(Buffer.compare(after.subarray(0, start), before.subarray(0, start))).toBe(0);
    const outputs = start + Offset.outputs;
    const values = start + Offset.values;
    expect(Buffer.compare(after.subarray(outputs, values), before.subarray(outputs, values))).toBe(
      0,
    );
    const end = start + REGION_BYTES;
    expect(Buffer.compare(after.subarray(end), before.subarray(end))).toBe(0);
    expect(after.length).toBe(replayShardBytes);
  });

  it("are refused where a row names values that are not there", () => {
    const live = shard();
    const packed = pack(live.gather(replayRows(20, 4)), live.views);
    const words = new Uint32Array(packed.buffer, packed.byteOffset, packed.length >>> 2);
    const requestRow = (16 + Row.requestRow) >>> 2;
    const was = words[requestRow] ?? 0;
    for (const wrong of [was + 1, 0xffff_ffff, 0x8000_0000, 524_289]) {
      words[requestRow] = wrong;
      expect(unpackRows(packed, live.views, 0)).toBe(-1);
    }
    words[requestRow] = was;
    expect(unpackRows(packed, live.views, 0)).toBe(20);
    const offset = (16 + Row.valuesOffset) >>> 2;
    words[offset] = 0xffff_ffff;
    expect(unpackRows(packed, live.views, 0)).toBe(was === 0 ? 20 : -1);
  });
});

describe("packed verdicts", () => {
  it("say of every row what its output says", () => {
    const live = shard();
    for (let seed = 0; seed < 6; seed++) {
      const region = live.gather(replayRows(80, seed));
      live.stepRegion(region);
      const into = viewsOver(new ArrayBuffer(8 + verdictBytes(region.rows)));
      expect(packVerdicts(region, live.views, into, 8)).toBe(verdictBytes(region.rows));
      const packed = into.u8.subarray(8);
      for (let row = 0; row < region.rows; row++) {
        expect(verdictIn(packed, row)).toEqual({
          score: region.score(row),
          state: region.state(row),
          anomaly: region.anomaly(row) === 1,
          replayed: region.replayed(row) === 1,
          source: region.source(row),
          timeliness: region.timeliness(row),
          systemAction: region.systemAction(row) === 1,
          status: region.status(row),
        });
      }
      expect(verdictIn(packed, region.rows)).toBeUndefined();
      expect(verdictIn(packed, -1)).toBeUndefined();
      expect(verdictIn(packed.subarray(0, packed.length - 8), 0)).toBeUndefined();
      expect(verdictIn(packed.subarray(0, 4), 0)).toBeUndefined();
    }
  });
});

function compareOutputs(live: LiveShard, other: LiveShard, packed: Uint8Array): void {
  const region = live.stepped;
  const a = outputsOf(region, live.views);
  const base = regionBase(1);
  const b = other.views.u8.subarray(base + Offset.outputs);
  const head = new Uint32Array(packed.buffer, packed.byteOffset, 4);
  for (let row = 0; row < region.rows; row++) {
    const at = regionBase(region.index) + Offset.rows + row * ROW_BYTES;
    if (live.views.u8[at + Row.op] === 5) continue;
    const same = Buffer.compare(
      a.subarray(row * OUTPUT_BYTES, row * OUTPUT_BYTES + 42),
      b.subarray(row * OUTPUT_BYTES, row * OUTPUT_BYTES + 42),
    );
    expect(same, `row ${row} of form ${head[3]}`).toBe(0);
  }
}
