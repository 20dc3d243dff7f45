import fc from "fast-check";
import { expect, test } from "vitest";
import { setImmediate as turn } from "node:timers/promises";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import type { Detector } from "../../src/domain/detector.ts";
import type { EventInput } from "../../src/domain/event.ts";
import { compileModule, instantiate } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { event, request, submit } from "../support/core.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startShadow, startShadows } from "../support/shadows.ts";
import type { ShadowRig } from "../support/shadows.ts";

const modulePath = builds[0]?.[1] ?? "";

/** Of two kinds: a model that learns in place, and features that are derived. */
const specs = [
  { inputs: [{ name: "x" }], halfSpaceTrees: { window: 8, trees: 3 }, idsMax: 50 },
  {
    inputs: [{ name: "x" }],
    halfSpaceTrees: { window: 8, trees: 3 },
    scaler: "SCALER_STANDARD",
    features: [
      { name: "mean", aggregate: "mean", of: "x", window: { sliding: "1m" }, defaultValue: 0 },
    ],
  },
] as const;

/** A request, and how many turns of the event loop are between it and the next. */
interface Step {
  readonly events: readonly EventInput[];
  readonly mode: number;
  readonly turns: number;
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    events: fc.array(
      fc
        .record({
          key: fc.constantFrom("a", "b", "c", "d"),
          id: fc.constantFrom("", "", "1", "2", "3"),
          x: fc.double({ min: 0, max: 1, noNaN: true }),
        })
        .map(({ key, id, x }) => event({ key, id, numbers: { x } })),
      { minLength: 1, maxLength: 40 },
    ),
    mode: fc.constantFrom(1, 1, 1, 2, 3),
    turns: fc.integer({ min: 0, max: 4 }),
  }),
  { minLength: 1, maxLength: 25 },
);

/** The newest number of an id that each shard remembers: it depends on when duplicates were noticed, so on the cut. */
async function idsOf({ core }: ShadowRig, { slot }: Detector): Promise<readonly number[]> {
  const module = await compileModule(modulePath);
  return core.shards.shards.map(({ memory }) => instantiate(module, memory).idSequence(slot));
}

/** What every row got, and the state that is left. */
interface Run {
  readonly ids: readonly number[];
  readonly shadowIds: readonly number[];
  readonly scores: readonly number[];
  readonly digests: readonly bigint[];
  readonly shadow: readonly bigint[];
}

async function run(spec: unknown, given: readonly Step[], shadow: unknown): Promise<Run> {
  const clock = new ManualClock();
  const rig = await startShadows({ modulePath, clock, shardMemoryBytes: 64 << 20 });
  try {
    await rig.core.detectors.create("live", normalizeSpec(spec));
    if (shadow !== undefined) {
      await startShadow(rig, { name: "shadow", shadowed: "live", spec: shadow });
    }
    const answers = [];
    for (const { events, mode, turns } of given) {
      answers.push(
        submit(rig.core, request({ detector: "live", mode, events, timeoutMs: 60_000 })),
      );
      for (let i = 0; i < turns; i++) await turn();
    }
    const verdicts = await Promise.all(answers);
    for (;;) {
      if (shadow === undefined || rig.shadows.report("shadow").rowsBehind === 0) break;
      await turn();
    }
    await rig.core.shards.idle();
    const { detectors } = rig.core;
    const beside = detectors.find("shadow");
    return {
      ids: await idsOf(rig, detectors.get("live")),
      shadowIds: beside === undefined ? [] : await idsOf(rig, beside),
      scores: verdicts.flatMap(({ scores }) => [...scores]),
      digests: await digestsOf(rig, detectors.get("live")),
      shadow: beside === undefined ? [] : await digestsOf(rig, beside),
    };
  } finally {
    await rig.core.close();
  }
}

async function digestsOf({ core }: ShadowRig, { slot }: Detector): Promise<readonly bigint[]> {
  const module = await compileModule(modulePath);
  return core.shards.shards.map(({ memory }) => instantiate(module, memory).detectorDigest(slot));
}

test.each(specs)(
  "a shadow changes nothing of the live one, and becomes what it is",
  async (spec) => {
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const alone = await run(spec, given, undefined);
        const beside = await run(spec, given, spec);
        expect(beside.scores).toEqual(alone.scores);
        expect(beside.digests).toEqual(alone.digests);
        expect(beside.shadow).toEqual(beside.digests);
        expect(beside.shadowIds).toEqual(beside.ids);
      }),
      { numRuns: 8, endOnFailure: true },
    );
  },
);

const [plain, derived] = specs;
const others = [{ ...plain, halfSpaceTrees: { window: 5, trees: 2 } }, derived];

test.each(others)("nor does a shadow of another model, or with features", async (other) => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const alone = await run(plain, given, undefined);
      const beside = await run(plain, given, other);
      expect(beside.scores).toEqual(alone.scores);
      expect(beside.digests).toEqual(alone.digests);
    }),
    { numRuns: 8, endOnFailure: true },
  );
});
