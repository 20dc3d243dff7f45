import { describe, expect, it } from "vitest";
import { Op } from "../../../src/shard/layout.ts";
import { builds, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions, RowInput } from "../../kernel.ts";

const features = 10;

/** A shard whose one key has learned 1,000 rows of N(0, 1) inputs. */
async function trained(path: string, options: Partial<DetectorOptions>): Promise<TestShard> {
  const shard = await TestShard.make(path, 24 << 20);
  expect(shard.create({ features, ...options })).toBe(0);
  const random = mulberry(11);
  const rows = Array.from({ length: 1000 }, () => ({ values: row(random) }));
  shard.step(rows);
  return shard;
}

const row = (random: () => number): number[] =>
  Array.from({ length: features }, () => normal(random));

describe.each(builds)("explanations, %s build", (_name, path) => {
  it.each([0, 1, 2] as const)("sum to score - baseline, scaler %i", async (scaler) => {
    for (const shape of [{ height: 8 }, { height: 10, window: 600 }, { height: 1, trees: 3 }]) {
      const shard = await trained(path, { scaler, ...shape });
      const random = mulberry(scaler);
      for (let i = 0; i < 200; i++) {
        const values = row(random).map((x) => (random() < 0.05 ? Number.NaN : x * 3));
        const [output] = shard.step([{ values, explain: true }]);
        const { contributions, expected, baseline } = shard.explanation(0, features);
        const sum = contributions.reduce((total, c) => total + c, 0);
        expect(Math.abs(sum - (output!.score - baseline))).toBeLessThanOrEqual(1e-12);
        expect(baseline).toBeLessThanOrEqual(output!.score);
        expect(contributions.every((c) => c >= 0)).toBe(true);
        expect(expected.every((mean) => Math.abs(mean) < 1)).toBe(true);
      }
      expect(shard.kernel.verify()).toBe(0);
    }
  });

  it.each([0, 1, 2] as const)(
    "rank a shifted input first in at least 95 % of 1,000 rows, scaler %i",
    async (scaler) => {
      const shard = await trained(path, { scaler });
      const random = mulberry(5);
      let first = 0;
      for (let i = 0; i < 1000; i++) {
        const shifted = i % features;
        const values = row(random);
        values[shifted] = (values[shifted] ?? 0) + (i % 2 === 0 ? 6 : -6);
        shard.step([{ values, explain: true, op: Op.SCORE_ONLY }]);
        const { contributions } = shard.explanation(0, features);
        const best = Math.max(...contributions);
        if (contributions[shifted] === best && contributions.filter((c) => c === best).length === 1)
          first++;
      }
      expect(first).toBeGreaterThanOrEqual(950);
    },
  );

  it("change no score and teach the same", async () => {
    const explained = await trained(path, {});
    const plain = await trained(path, {});
    const random = mulberry(6);
    const rows: RowInput[] = Array.from({ length: 300 }, () => ({ values: row(random) }));
    const outputs = explained.step(rows.map((r) => ({ ...r, explain: true })));
    expect(outputs).toEqual(plain.step(rows));
    expect(explained.kernel.detectorDigest(0)).toBe(plain.kernel.detectorDigest(0));
  });

  it("are not made while collecting, nor for replayed or learn-only rows", async () => {
    const shard = await TestShard.make(path, 24 << 20);
    shard.create({ features, window: 3 });
    const random = mulberry(7);
    shard.step([{ values: row(random), explain: true, id: "a" }]);
    expect(shard.explanation(0, features).baseline).toBeNaN();
    shard.step([{ values: row(random), explain: true, id: "a" }]);
    expect(shard.explanation(0, features).baseline).toBeNaN();
    shard.step(Array.from({ length: 5 }, () => ({ values: row(random) })));
    shard.step([{ values: row(random), explain: true, op: Op.LEARN_ONLY }]);
    expect(shard.explanation(0, features).baseline).toBeNaN();
  });
});
