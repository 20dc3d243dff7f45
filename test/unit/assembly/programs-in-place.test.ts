import { describe, expect, it } from "vitest";
import { FeatureNumber, NeedBits, WindowNumber } from "../../../src/shard/feature-program.ts";
import { Status } from "../../../src/shard/layout.ts";
import { builds, TestShard } from "../../kernel.ts";
import type { DetectorOptions } from "../../kernel.ts";
import { programBlock } from "../../support/feature-blocks.ts";

const hour = 3_600_000;

/** Events of the local day, in a zone that is so far from UTC. */
function daily(offsetMs: number): DetectorOptions {
  return {
    features: 2,
    trees: 1,
    height: 2,
    window: 10,
    program: programBlock({
      header: { sources: 1, modelColumns: 2, futureToleranceMs: hour },
      groups: [
        { window: WindowNumber.day, zoneTransitions: 1, source: -1, needs: NeedBits.moments },
      ],
      features: [{ kind: FeatureNumber.count, source: -1, category: NaN, defaultValue: NaN }],
      transitions: [[-1e15, offsetMs]],
    }),
  };
}

describe.each(builds)("feature programs in %s", (_name, path) => {
  it("know nothing of the days of one that was in their place", async () => {
    const shard = await TestShard.make(path, 20 << 20);
    const midnight = 20_000 * 24 * hour;
    const row = { key: "a", arrivalMs: midnight + hour, values: [1] };
    expect(shard.create(daily(0))).toBe(Status.OK);
    shard.step([row]);
    expect(shard.kernel.deleteDetector(0)).toBe(Status.OK);
    expect(shard.create(daily(-2 * hour))).toBe(Status.OK);
    shard.step([row]);
    const fresh = await TestShard.make(path, 20 << 20);
    expect(fresh.create(daily(-2 * hour))).toBe(Status.OK);
    fresh.step([row]);
    expect(shard.kernel.detectorDigest(0)).toBe(fresh.kernel.detectorDigest(0));
    // Two hours behind, it is the day before until two: the third event is the first of a day.
    const later = [30, 70].map((minutes) => ({
      ...row,
      arrivalMs: row.arrivalMs + minutes * 60_000,
    }));
    shard.step(later);
    expect(later.map((_, i) => shard.featuresOf(i).values[0])).toEqual([2, 1]);
  });
});
