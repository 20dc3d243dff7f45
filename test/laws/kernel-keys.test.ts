import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op, Status } from "../../src/shard/layout.ts";
import { builds, hashOf, mulberry, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput } from "../kernel.ts";

/** Keys that all fall into one partition, so that its bound is met. */
const keys: readonly string[] = Array.from({ length: 20_000 }, (_, i) => `k${i}`)
  .filter((key) => (hashOf(key)[0] & 255) === 7)
  .slice(0, 24);

const base: DetectorOptions = { features: 1, trees: 2, height: 2, window: 4 };

/** What the table must do: a list of the keys by the time they were last touched, the longest idle first. */
class KeyModel {
  readonly idle: { key: string; arrivalMs: number; learned: number }[] = [];
  evicted = 0;
  private readonly bound: number;
  private readonly ttlMs: number;
  private readonly refuse: boolean;

  constructor(bound: number, ttlMs: number, refuse: boolean) {
    this.bound = bound;
    this.ttlMs = ttlMs;
    this.refuse = refuse;
  }

  /** Events learned before this one, or "full". */
  learn(key: string, nowMs: number): number | "full" {
    const live = this.idle.filter(
      (entry) => this.ttlMs === 0 || nowMs - entry.arrivalMs <= this.ttlMs,
    );
    this.idle.splice(0, this.idle.length, ...live);
    const at = this.idle.findIndex((entry) => entry.key === key);
    const entry = at < 0 ? { key, arrivalMs: nowMs, learned: 0 } : this.idle[at]!;
    if (at >= 0) this.idle.splice(at, 1);
    else if (this.idle.length >= this.bound) {
      if (this.refuse) return "full";
      this.idle.shift();
      this.evicted++;
    }
    entry.arrivalMs = nowMs;
    this.idle.push(entry);
    return entry.learned++;
  }
}

interface Script {
  readonly bound: number;
  readonly ttlMs: number;
  readonly refuse: boolean;
  readonly picks: readonly number[];
  readonly seed: number;
}

const scripts: fc.Arbitrary<Script> = fc.record({
  bound: fc.integer({ min: 1, max: 12 }),
  ttlMs: fc.constantFrom(0, 5, 40),
  refuse: fc.boolean(),
  picks: fc.array(fc.nat({ max: keys.length - 1 }), { minLength: 1, maxLength: 300 }),
  seed: fc.nat(),
});

describe.each(builds)("keys, %s build", (_name, path) => {
  it("leave, expire and are refused exactly as a list by idle time says", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async ({ bound, ttlMs, refuse, picks, seed }) => {
        const shard = await TestShard.make(path, 20 << 20);
        shard.create({ ...base, keysPerPartition: bound, keyTtlMs: ttlMs, refuse, burnIn: 1e9 });
        const model = new KeyModel(bound, ttlMs, refuse);
        const random = mulberry(seed);
        let nowMs = 0;
        const rows: RowInput[] = picks.map((pick) => {
          nowMs += Math.floor(random() * 4);
          return { key: keys[pick]!, arrivalMs: nowMs, values: [random()] };
        });
        const expected = rows.map((row) => model.learn(row.key!, row.arrivalMs!));
        const actual = rows.map((row) => shard.step([row])[0]!);
        for (const [i, learned] of expected.entries()) {
          const output = actual[i]!;
          expect(output.status).toBe(learned === "full" ? Status.KEYS_FULL : Status.OK);
          expect(output.state).toBe(learned !== "full" && learned >= 4 ? 2 : 1);
        }
        for (const { key, arrivalMs } of model.idle) {
          if (ttlMs === 0 || nowMs - arrivalMs <= ttlMs) expect(shard.digest(key)).not.toBe(0n);
        }
        if (ttlMs === 0) {
          expect(shard.counter("keys")).toBe(model.idle.length);
          expect(shard.counter("keysEvicted")).toBe(model.evicted);
        }
        expect(shard.kernel.verify()).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("leave by and by after they have expired, though nobody asks for them", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create({ ...base, keyTtlMs: 10 });
    shard.step(keys.map((key) => ({ key, arrivalMs: 0, values: [1] })));
    expect(shard.counter("keys")).toBe(keys.length);
    for (let i = 0; i < 100; i++) shard.step([{ key: keys[0]!, arrivalMs: 100 + i, values: [1] }]);
    expect(shard.counter("keys")).toBe(1);
    expect(shard.counter("keysExpired")).toBe(keys.length);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("are told apart by their bytes where their hashes agree", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create(base);
    shard.write([
      { key: "one", values: [1] },
      { key: "two", values: [2] },
      { key: "one", values: [1] },
    ]);
    const view = new DataView(shard.memory.buffer);
    const { regionBase, Region, ROW_BYTES, Row } = await import("../../src/shard/layout.ts");
    for (let row = 0; row < 3; row++) {
      const at = regionBase(0) + Region.rows + row * ROW_BYTES;
      view.setUint32(at + Row.hashLo, 5, true);
      view.setUint32(at + Row.hashHi, 6, true);
    }
    shard.kernel.step(0);
    expect(shard.counter("keys")).toBe(2);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("make room for others of their detector when the memory is full", async () => {
    const shard = await TestShard.make(path, 17 << 20);
    shard.create({ features: 2, trees: 10, height: 8, window: 30, keysPerPartition: 1e6 });
    let refused = 0;
    for (let round = 0; round < 40; round++) {
      const rows = Array.from({ length: 3000 }, (_, i) => ({
        key: `key ${(round * 7919 + (i >>> 5)) % 2500}`,
        values: [i % 7, i % 5],
      }));
      for (const output of shard.step(rows)) if (output.status !== Status.OK) refused++;
    }
    expect(refused).toBe(0);
    expect(shard.counter("keysEvicted")).toBeGreaterThan(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.kernel.deleteDetector(0)).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("are refused when the memory is full and nothing of their detector can leave", async () => {
    const shard = await TestShard.make(path, 17 << 20);
    expect(shard.create({ features: 1, trees: 50, height: 13, window: 2 })).toBe(Status.OK);
    const [output] = shard.step([{ key: "a", values: [1] }]);
    expect(output?.status).toBe(Status.NO_MEMORY);
    expect(shard.counter("rowsRefused")).toBe(1);
    expect(shard.counter("keys")).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.step([{ key: "a", values: [1], op: Op.SCORE_ONLY }])[0]?.status).toBe(Status.OK);
  });
});
