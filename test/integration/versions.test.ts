import { afterEach, expect, test } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { createDetector, frame, request, submit } from "../support/core.ts";
import { startShadow, startShadows } from "../support/shadows.ts";
import type { ShadowRig } from "../support/shadows.ts";

const rigs: ShadowRig[] = [];
afterEach(async () => {
  await Promise.all(
    rigs.splice(0).map(async ({ core, versions }) => {
      await versions.close();
      await core.close();
    }),
  );
});

const spec = {
  inputs: [{ name: "amount" }],
  halfSpaceTrees: { window: 20 },
  timeoutMs: 5000,
  burnInEvents: 5,
};

async function rigWith(live: unknown = spec): Promise<ShadowRig> {
  const rig = await startShadows();
  rigs.push(rig);
  await createDetector(rig.core, "live", live);
  return rig;
}

async function score(rig: ShadowRig, count: number, seed = 1): Promise<Verdicts> {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Array.from({ length: count }, () => [next()]);
  const keys = values.map(() => `key-${Math.floor(next() * 5)}`);
  return submit(rig.core, request({ detector: "live", frame: frame(values, keys) }));
}

function eventsOf({ core }: ShadowRig): number {
  return core.detectors.status(core.detectors.get("live")).events;
}

async function served(rig: ShadowRig, version: number): Promise<void> {
  for (let i = 0; rig.core.detectors.versionOf("live") !== version; i++) {
    if (i === 200) throw new Error(`version ${version} does not serve`);
    await pause(20);
  }
}

test("settings that leave the state as it is serve at once, with what was learned", async () => {
  const rig = await rigWith({ ...spec, threshold: 0.5 });
  await score(rig, 500);
  const { slot } = rig.core.detectors.get("live");
  const changed = { ...spec, threshold: 0.25, defaultScore: 0.7, keysMax: 5000, idsMax: 500 };
  const made = await rig.versions.update("live", normalizeSpec(changed));
  expect(made).toMatchObject({ version: 2, state: "serving", keptState: true });
  const live = rig.core.detectors.get("live");
  expect(live.slot).toBe(slot);
  expect(live.config.defaultScore).toBe(0.7);
  const verdicts = await score(rig, 10, 3);
  expect(verdicts.thresholds[0]).toBe(0.25);
  expect(Number.isNaN(verdicts.scores[0])).toBe(false);
  expect(eventsOf(rig)).toBe(510);
  const versions = rig.versions.list("live");
  expect(versions.map(({ version, state }) => [version, state])).toEqual([
    [2, "serving"],
    [1, "kept"],
  ]);
  expect(versions[1]?.events).toBe(500);
  expect(versions[1]?.problem).toContain("durability is none");
});

test("the same specification again makes no version", async () => {
  const rig = await rigWith();
  const again = await rig.versions.update("live", normalizeSpec(spec));
  expect(again).toMatchObject({ version: 1, state: "serving" });
  expect(rig.versions.list("live")).toHaveLength(1);
});

test("another model learns beside the one that answers, and takes over when it is as far", async () => {
  const rig = await rigWith();
  for (let i = 0; i < 20; i++) await score(rig, 100, i);
  const { slot } = rig.core.detectors.get("live");
  const changed = { ...spec, halfSpaceTrees: { window: 30, trees: 7 }, defaultScore: 0.3 };
  const made = await rig.versions.update("live", normalizeSpec(changed));
  expect(made).toMatchObject({ version: 2, state: "learning", keptState: false, events: 0 });
  expect(made.eventsUntilReady).toBeGreaterThan(1);
  expect((await rig.versions.update("live", normalizeSpec(changed))).version).toBe(2);
  const first = await score(rig, 100, 100);
  expect(first.scores.every((each) => !Number.isNaN(each))).toBe(true);
  await pause(120);
  expect(rig.core.detectors.versionOf("live")).toBe(1);
  for (let i = 0; i < 20; i++) {
    const verdicts = await score(rig, 100, 200 + i);
    expect(verdicts.scores.every((each) => !Number.isNaN(each))).toBe(true);
  }
  await served(rig, 2);
  const live = rig.core.detectors.get("live");
  expect(live.slot).not.toBe(slot);
  expect(live.config.defaultScore).toBe(0.3);
  const after = await score(rig, 100, 500);
  expect(after.scores.every((each) => !Number.isNaN(each))).toBe(true);
  expect(eventsOf(rig)).toBe(2200);
  expect(rig.versions.list("live").map(({ state }) => state)).toEqual(["serving", "kept"]);
  await expect(rig.versions.rollback("live", 1)).rejects.toThrow("durability is none");
  // The slot of the old one is free again.
  await rig.versions.close();
  await createDetector(rig.core, "other", spec);
  expect(rig.core.detectors.get("other").slot).toBe(slot);
});

test("a version that learns gives way to a newer wish", async () => {
  const rig = await rigWith();
  for (let i = 0; i < 5; i++) await score(rig, 100, i);
  const other = { ...spec, halfSpaceTrees: { window: 30 } };
  expect((await rig.versions.update("live", normalizeSpec(other))).state).toBe("learning");
  const back = await rig.versions.update("live", normalizeSpec(spec));
  expect(back).toMatchObject({ version: 1, state: "serving" });
  expect(rig.versions.list("live")).toHaveLength(1);
  await score(rig, 100, 9);
  await createDetector(rig.core, "other", spec);
  expect(rig.core.detectors.get("other").slot).toBe(1);
  expect(rig.core.detectors.status(rig.core.detectors.get("other")).events).toBe(0);
});

test("other inputs need another detector", async () => {
  const rig = await rigWith();
  const wider = { ...spec, inputs: [{ name: "amount" }, { name: "age" }] };
  await expect(rig.versions.update("live", normalizeSpec(wider))).rejects.toThrow(
    "create another detector instead",
  );
});

test("a detector that is shadowed stays; with it goes the version that learns", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "b", shadowed: "live", spec });
  await startShadow(rig, { name: "c", shadowed: "live", spec });
  await expect(rig.core.detectors.remove("live")).rejects.toMatchObject({
    reason: "SHADOWED",
    message:
      'detector "live" is shadowed by "b" and "c", which would be deleted with it; stop them first, or promote one and delete that',
  });
  expect(rig.core.detectors.list()).toHaveLength(3);
  await rig.shadows.stop("c");
  await rig.core.detectors.remove("b");
  await rig.versions.update("live", normalizeSpec({ ...spec, halfSpaceTrees: { window: 30 } }));
  await score(rig, 100);
  await rig.core.detectors.remove("live");
  expect(rig.core.detectors.list()).toEqual([]);
  for (const slot of [0, 1, 2]) expect(rig.core.shards.holds(slot)).toBe(false);
});

test("what a version is now is told as it goes on", async () => {
  const rig = await rigWith();
  const problems = (name: string): unknown =>
    rig.versions.list(name).map(({ version, problem }) => [version, problem]);
  await startShadow(rig, { name: "b", shadowed: "live", spec });
  await rig.shadows.promote("b");
  expect(problems("live")).toEqual([
    [2, ""],
    [1, 'it is "b" now; promote that to go back'],
  ]);
  await rig.shadows.promote("b");
  expect(problems("live")).toEqual([
    [3, ""],
    [2, 'it is "b" now; promote that to go back'],
    [1, "it went on as version 3"],
  ]);
  await rig.shadows.stop("b");
  expect(problems("live")).toEqual([
    [3, ""],
    [2, 'it went on as "b", which is gone'],
    [1, "it went on as version 3"],
  ]);
});
