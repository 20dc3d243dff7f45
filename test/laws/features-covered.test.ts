import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op, ReadBits } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, mulberry } from "../kernel.ts";
import { FeatureShards, plainAggregate } from "../support/features-rig.ts";
import { answerOf, mistakes } from "./features-compare.ts";
import { FeatureReference } from "./features-reference.ts";
import { mixedOps, programOf, streams } from "./features-streams.ts";
import type { Plan } from "./features-streams.ts";

const eventTime = {
  latenessMs: 0,
  late: "score_only",
  futureToleranceMs: 1e9,
  future: "refuse",
  exactEvents: 8,
} as const;

/** The sum of x, which is not negative: more events are never less. */
function hopping(sizeMs: number, slideMs: number, latenessMs: number): Plan {
  const what = {
    ...plainAggregate,
    aggregate: "sum" as const,
    of: "x",
    window: { kind: "hopping" as const, sizeMs, slideMs },
  };
  const features = [{ name: "sum", seen: true, defaultValue: Number.NaN, what }];
  return { features, eventTime: { ...eventTime, latenessMs } };
}

describe.each(builds)("features of the past, %s build", async (name, path) => {
  const module = await compileModule(path);
  const shards = new FeatureShards(module);
  const numRuns = name === "release" ? 60 : 15;

  it("are exact where they say that the log covers them", () => {
    let compared = 0;
    fc.assert(
      fc.property(streams(mixedOps, { exactEvents: [10] }), ({ plan, rows }) => {
        shards.free();
        const shard = shards.take(programOf(plan));
        const reference = new FeatureReference(plan.features, plan.eventTime);
        const whole = ReadBits.KNOWN | ReadBits.EXACT | ReadBits.COVERED;
        for (const [i, row] of rows.entries()) {
          answerOf(reference, row);
          shard.one(row);
          const read = { ...row, op: Op.READ_FEATURES };
          const output = shard.one(read);
          if ((output.state & whole) !== whole) continue;
          compared++;
          expect(
            mistakes(plan, { row: read, output }, answerOf(reference, read)),
            `row ${i}`,
          ).toEqual([]);
        }
      }),
      { numRuns },
    );
    expect(compared).toBeGreaterThan(numRuns);
  });

  it.each([
    { slides: 10, latenessMs: 0 },
    { slides: 32, latenessMs: 40 },
    { slides: 33, latenessMs: 0 },
    { slides: 100, latenessMs: 0 },
    { slides: 100, latenessMs: 40 },
    { slides: 1000, latenessMs: 300 },
  ])("count nothing after a slide in panes, $slides slides, $latenessMs ms late", (given) => {
    const slideMs = 10;
    const sizeMs = given.slides * slideMs;
    const paneMs = Math.ceil(given.slides / 32) * slideMs;
    const plan = hopping(sizeMs, slideMs, given.latenessMs);
    const wide = hopping(sizeMs + (paneMs === slideMs ? 0 : paneMs), slideMs, given.latenessMs);
    const least = new FeatureReference(plan.features, plan.eventTime);
    const most = new FeatureReference(wide.features, wide.eventTime);
    shards.free();
    const shard = shards.take(programOf(plan));
    const random = mulberry(given.slides);
    let clock = 1_700_000_000_000;
    let newest = 0;
    let inPanes = 0;
    for (let i = 0; i < 1500; i++) {
      clock += random() < 0.01 ? Math.floor(random() * sizeMs * 2) : Math.floor(random() * 8);
      const timeMs = clock - Math.floor(random() * given.latenessMs);
      const row = { key: "ann", timeMs, arrivalMs: clock, values: new Map([["x", 2 ** (i % 40)]]) };
      const low = least.learn(row).values?.[0]?.value;
      const high = most.learn(row).values?.[0]?.value;
      const [sum] = shard.one(row).values;
      inPanes += shard.shard.counter("keysInPanes");
      if (timeMs < newest) continue;
      newest = timeMs;
      expect(sum, `row ${i}`).toBeGreaterThanOrEqual(low ?? Number.NaN);
      expect(sum, `row ${i}`).toBeLessThanOrEqual(high ?? Number.NaN);
    }
    expect(inPanes).toBeGreaterThan(1000);
    expect(shard.verify()).toBe(0);
  });
});
