import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { FeatureShards } from "../support/features-rig.ts";
import { expectSame } from "./features-compare.ts";
import { mixedOps, programOf, streams } from "./features-streams.ts";

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
});
