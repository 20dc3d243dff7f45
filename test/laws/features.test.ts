import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Feature, FeatureWindow } from "../../src/domain/detector.ts";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { FeatureShards } from "../support/features-rig.ts";
import { expectSame, mistakes } from "./features-compare.ts";
import { FeatureReference } from "./features-reference.ts";
import { mixedOps, programOf, streams } from "./features-streams.ts";
import type { Plan } from "./features-streams.ts";

/** All lists of so many times, of 0 .. n - 1. */
function ordersOf(length: number, n: number): number[][] {
  if (length === 0) return [[]];
  return ordersOf(length - 1, n).flatMap((order) =>
    Array.from({ length: n }, (_, time) => [...order, time]),
  );
}

/** Windows of a few ms over the events and over x. */
function everyWindow(): Plan {
  const global = { kind: "global", everyEvents: 0, everyMs: 0, onChange: false } as const;
  const windows: readonly FeatureWindow[] = [
    { kind: "sliding", sizeMs: 1 },
    { kind: "sliding", sizeMs: 2 },
    { kind: "hopping", sizeMs: 4, slideMs: 2 },
    { kind: "tumbling", sizeMs: 2 },
    { kind: "session", gapMs: 1 },
    { kind: "last", events: 2 },
    global,
    { ...global, everyEvents: 2 },
    { ...global, everyMs: 2 },
  ];
  const features = windows.flatMap((window, w) =>
    (["count", "sum", "max", "last", "zscore"] as const).map((aggregate): Feature => ({
      name: `${aggregate} ${w}`,
      seen: aggregate === "count",
      defaultValue: aggregate === "count" || aggregate === "sum" ? Number.NaN : -1,
      what: {
        kind: "aggregate",
        aggregate,
        of: aggregate === "count" ? "" : "x",
        window,
        where: undefined,
        excludeCurrent: aggregate === "max",
        quantile: 0.5,
        category: "",
        n: 1,
        unitMs: 1,
      },
    })),
  );
  const policies = { late: "score_only", futureToleranceMs: 0, future: "refuse" } as const;
  return { features, eventTime: { latenessMs: 3, exactEvents: 64, ...policies } };
}

describe.each(builds)("features, %s build", async (name, path) => {
  const module = await compileModule(path);
  const shards = new FeatureShards(module);
  const numRuns = name === "release" ? 150 : 30;

  it("are what their definitions say, of events in order", () => {
    fc.assert(
      fc.property(streams(fc.constant(Op.DERIVE), { inOrder: true }), ({ plan, rows }) => {
        shards.free();
        const shard = shards.take(programOf(plan));
        expectSame(shard, plan, rows);
        expect(shard.verify()).toBe(0);
      }),
      { numRuns },
    );
  });

  it("are what their definitions say, of late events, future ones, heartbeats and questions", () => {
    fc.assert(
      fc.property(streams(mixedOps), ({ plan, rows }) => {
        shards.free();
        const shard = shards.take(programOf(plan));
        expectSame(shard, plan, rows);
        expect(shard.verify()).toBe(0);
      }),
      { numRuns },
    );
  });

  it("are what their definitions say, of all short orders of arrival", () => {
    const plan = everyWindow();
    shards.free();
    const shard = shards.take(programOf(plan), { keysPerPartition: 100 });
    const reference = new FeatureReference(plan.features, plan.eventTime);
    const wrong: string[] = [];
    for (const times of ordersOf(5, 5)) {
      const key = times.join(" ");
      for (const [i, time] of times.entries()) {
        const timeMs = 1_700_000_000_000 + time;
        const values = new Map([["x", i + 1]]);
        const row = { key, timeMs, arrivalMs: timeMs, values };
        const found = mistakes(plan, { row, output: shard.one(row) }, reference.learn(row));
        wrong.push(...found.map((mistake) => `${i} of ${key}: ${mistake}`));
      }
    }
    expect(wrong).toEqual([]);
    expect(shard.verify()).toBe(0);
  });
});
