import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op } from "../../src/shard/layout.ts";
import { builds, mulberry, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput, RowOutput } from "../kernel.ts";

const base: DetectorOptions = { features: 1, trees: 3, height: 3, window: 5, burnIn: 5 };

/** Verdict packed as AMEND takes it. */
function amended(row: RowInput, score: number): RowInput {
  const packed = 3 | (1 << 8) | (2 << 16);
  return { ...row, op: Op.AMEND, values: [score, score / 2, 0.5, packed, 4, 9] };
}

const ids = fc.record({
  idsMax: fc.integer({ min: 1, max: 30 }),
  seed: fc.nat(),
  count: fc.integer({ min: 1, max: 400 }),
  shards: fc.integer({ min: 1, max: 3 }),
});

describe.each(builds)("ids, %s build", (_name, path) => {
  it("are remembered exactly for the last idsMax rows that carried one, over all shards", async () => {
    await fc.assert(
      fc.asyncProperty(ids, async ({ idsMax, seed, count, shards }) => {
        const random = mulberry(seed);
        const all = await Promise.all(
          Array.from({ length: shards }, () => TestShard.make(path, 20 << 20)),
        );
        for (const shard of all) shard.create({ ...base, idsMax });
        const remembered = new Map<string, { sequence: number; output: RowOutput }>();
        for (let sequence = 1; sequence <= count; sequence++) {
          const key = `key ${Math.floor(random() * 5)}`;
          const id = `id ${Math.floor(random() * 25)}`;
          const row = { key, id, sequence, values: [random()] };
          const [output] = all[Number(key.slice(4)) % shards]!.step([row]);
          const known = remembered.get(`${key}/${id}`);
          if (known !== undefined && sequence - known.sequence <= idsMax) {
            expect(output).toEqual({ ...known.output, replayed: 1 });
          } else {
            expect(output?.replayed).toBe(0);
            remembered.set(`${key}/${id}`, { sequence, output: output! });
          }
        }
        for (const shard of all) expect(shard.kernel.verify()).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("that come twice in one batch get the first verdict, and teach once", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create(base);
    const rows = Array.from({ length: 40 }, (_, i) => ({
      key: "a",
      id: `${i >>> 1}`,
      values: [i],
    }));
    const outputs = shard.step(rows);
    for (let i = 0; i < 40; i += 2) expect(outputs[i + 1]).toEqual({ ...outputs[i], replayed: 1 });
    expect(shard.counter("eventsLearned")).toBe(20);
  });

  it("repeat the verdict of a fallback once it is amended, whichever came first", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create(base);
    shard.step([{ key: "a", id: "1", values: [1] }]);
    const expected = {
      score: 0.75,
      raw: 0.375,
      threshold: 0.5,
      state: 3,
      anomaly: 1,
      source: 2,
      rule: 4,
      replayed: 1,
      systemAction: 0,
    };
    shard.step([amended({ key: "a", id: "1" }, 0.75), amended({ key: "a", id: "2" }, 0.75)]);
    for (const id of ["1", "2"]) {
      const [output] = shard.step([{ key: "a", id, values: [1], op: Op.SCORE_ONLY }]);
      expect(output).toMatchObject(expected);
    }
    expect(shard.counter("eventsLearned")).toBe(1);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("belong to their key", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create(base);
    const outputs = shard.step([
      { key: "a", id: "bc", values: [1] },
      { key: "ab", id: "c", values: [1] },
      { key: "a", id: "bc", values: [1] },
    ]);
    expect(outputs.map((output) => output.replayed)).toEqual([0, 0, 1]);
  });

  it("grow their ring without forgetting, up to the bound", async () => {
    const shard = await TestShard.make(path, 64 << 20);
    shard.create({ ...base, idsMax: 20_000 });
    for (let batch = 0; batch < 30; batch++) {
      shard.step(Array.from({ length: 1000 }, (_, i) => ({ id: `${batch}/${i}`, values: [i] })));
    }
    expect(shard.counter("idsRemembered")).toBe(20_000);
    expect(shard.kernel.verify()).toBe(0);
    const ask = (id: string): RowInput => ({
      id,
      values: [0],
      op: Op.SCORE_ONLY,
      sequence: 30_000,
    });
    const [old, oldest, newest] = shard.step([ask("9/998"), ask("10/0"), ask("29/999")]);
    expect([old?.replayed, oldest?.replayed, newest?.replayed]).toEqual([0, 1, 1]);
  });
});
