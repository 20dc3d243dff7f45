import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op } from "../../src/shard/layout.ts";
import { builds, mulberry, normal, TestShard } from "../kernel.ts";
import type { DetectorOptions } from "../kernel.ts";

const base: DetectorOptions = { features: 2, trees: 5, window: 20, burnIn: 30, scaler: 1 };

const cases = fc.record({
  height: fc.constantFrom(2, 6, 10),
  alertShare: fc.constantFrom(0.001, 0.01, 0.1, 0.5, 0.99),
  seed: fc.nat(),
  count: fc.integer({ min: 50, max: 1500 }),
});

describe.each(builds)("threshold, %s build", (_name, path) => {
  it("lies within a sixteenth of the exact quantile of 1 - score, of the scores before", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ height, alertShare, seed, count }) => {
        const shard = await TestShard.make(path, 20 << 20);
        shard.create({ ...base, height, alertShare });
        const random = mulberry(seed);
        const outputs = shard.step(
          Array.from({ length: count }, () => ({ values: [normal(random), random() ** 3] })),
        );
        const distances: number[] = [];
        for (const output of outputs) {
          if (Number.isNaN(output.score) || distances.length === 0) {
            expect(output.threshold).toBe(1);
          } else {
            const sorted = distances.toSorted((a, b) => a - b);
            const exact = sorted[Math.max(0, Math.ceil(alertShare * sorted.length) - 1)]!;
            expect(Math.abs(1 - output.threshold - exact)).toBeLessThanOrEqual(exact / 16 + 1e-12);
          }
          if (!Number.isNaN(output.score)) distances.push(1 - output.score);
        }
        expect(shard.kernel.verify()).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it("holds after the counts were halved", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create({ ...base, trees: 1, height: 2, alertShare: 0.1 });
    const random = mulberry(1);
    let anomalies = 0;
    for (let batch = 0; batch < 20; batch++) {
      const rows = Array.from({ length: 8000 }, () => ({ values: [normal(random), random()] }));
      for (const output of shard.step(rows)) anomalies += output.anomaly;
    }
    expect(shard.kernel.verify()).toBe(0);
    expect(anomalies / 160_000).toBeLessThan(0.13);
    expect(shard.counter("anomalies")).toBe(anomalies);
  });

  it("is the fixed one where there is one", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create({ ...base, threshold: 0.7, burnIn: 0 });
    const random = mulberry(2);
    const rows = Array.from({ length: 500 }, () => ({ values: [normal(random), random()] }));
    for (const output of shard.step(rows)) {
      expect(output.threshold).toBe(0.7);
      expect(output.anomaly).toBe(output.score > 0.7 ? 1 : 0);
    }
  });

  it("raises no anomaly while collecting, burning in, or during a system action", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    shard.create({ ...base, threshold: 0 });
    const rows = Array.from({ length: 120 }, (_, i) => ({
      values: [i % 3, i % 7],
      systemAction: i >= 100,
    }));
    const outputs = shard.step(rows);
    expect(outputs.map((output) => output.state)).toEqual(
      rows.map((_, i) => (i < 20 ? 1 : i < 50 ? 2 : 3)),
    );
    for (const [i, output] of outputs.entries()) {
      expect(Number.isNaN(output.score)).toBe(i < 20);
      expect(output.systemAction).toBe(i >= 100 ? 1 : 0);
      if (i < 50 || i >= 100) expect(output.anomaly).toBe(0);
      else expect(output.anomaly).toBe(output.score > 0 ? 1 : 0);
    }
    expect(shard.counter("eventsLearned")).toBe(100);
    const [asked] = shard.step([{ values: [1, 1], op: Op.SCORE_ONLY, systemAction: true }]);
    expect(asked?.systemAction).toBe(1);
  });
});
