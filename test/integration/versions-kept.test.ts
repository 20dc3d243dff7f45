import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { copyState, readBackup } from "../../src/state/restore-backup.ts";
import { StateOperations } from "../../src/state/state-operations.ts";
import { createDetector, frame, request, submit } from "../support/core.ts";
import { startShadow } from "../support/shadows.ts";
import { other, spec, startVersions } from "../support/versions-rig.ts";
import type { VersionRig } from "../support/versions-rig.ts";

const rigs: VersionRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    await rig.close();
    rmSync(rig.data, { recursive: true, force: true });
  }
});

async function rigWith(data?: string): Promise<VersionRig> {
  const rig = await startVersions(data);
  rigs.push(rig);
  if (data === undefined) await createDetector(rig.core, "live", spec);
  return rig;
}

/** A stop and a start over the same directory. */
async function restarted(rig: VersionRig): Promise<VersionRig> {
  rigs.splice(rigs.indexOf(rig), 1);
  await rig.close();
  return rigWith(rig.data);
}

function rows(
  count: number,
  seed: number,
  keyCount = 5,
): { readonly values: number[][]; readonly keys: string[] } {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Array.from({ length: count }, () => [next()]);
  return { values, keys: values.map(() => `key-${Math.floor(next() * keyCount)}`) };
}

async function score(rig: VersionRig, count: number, seed: number, mode = 1): Promise<Verdicts> {
  const { values, keys } = rows(count, seed);
  return submit(rig.core, request({ detector: "live", mode, frame: frame(values, keys) }));
}

function eventsOf({ core }: VersionRig, name = "live"): number {
  return core.detectors.status(core.detectors.get(name)).events;
}

/** What the detector says of rows that teach nothing. */
async function asked(rig: VersionRig): Promise<number[]> {
  return [...(await score(rig, 200, 4711, 2)).scores];
}

// States are written behind everything else: where all cores are busy that takes as long as it takes.
vi.setConfig({ testTimeout: 240_000 });

async function until(what: () => boolean): Promise<void> {
  while (!what()) await pause(25);
}

test("goes back to the settings and the state of a version before, again and again", async () => {
  const rig = await rigWith();
  for (let i = 0; i < 10; i++) await score(rig, 100, i);
  const before = await asked(rig);
  await rig.versions.update("live", normalizeSpec({ ...spec, threshold: 0.25 }));
  for (let i = 0; i < 10; i++) await score(rig, 100, 100 + i);
  const after = await asked(rig);
  expect(after).not.toEqual(before);
  const back = await rig.versions.rollback("live", 0);
  expect(back).toMatchObject({ version: 1, state: "serving", events: 1000 });
  expect(rig.core.detectors.get("live").config.threshold).toEqual({ fixed: 0.5 });
  expect(await asked(rig)).toEqual(before);
  expect(rig.versions.list("live").map(({ version, state }) => [version, state])).toEqual([
    [2, "kept"],
    [1, "serving"],
  ]);
  const again = await rig.versions.rollback("live", 2);
  expect(again).toMatchObject({ version: 2, state: "serving", events: 2000 });
  expect(await asked(rig)).toEqual(after);
  await rig.versions.close();
  expect(rig.core.shards.shards.every(({ views }) => views.u32.length > 0)).toBe(true);
  const held = Array.from({ length: 64 }, (_, slot) => rig.core.shards.holds(slot));
  expect(held.filter(Boolean)).toHaveLength(1);
});

test("goes back from another model, after a restart", async () => {
  let rig = await rigWith();
  for (let i = 0; i < 10; i++) await score(rig, 100, i);
  const before = await asked(rig);
  await rig.versions.update("live", normalizeSpec(other));
  for (let i = 0; rig.core.detectors.versionOf("live") === 1; i++) {
    await score(rig, 100, 1000 + i);
    await pause(10);
  }
  const learned = eventsOf(rig);
  rig = await restarted(rig);
  expect(eventsOf(rig)).toBe(learned);
  expect(rig.versions.list("live").map(({ version, state }) => [version, state])).toEqual([
    [2, "serving"],
    [1, "kept"],
  ]);
  const kept = rig.versions.list("live")[1];
  expect(kept?.problem).toBe("");
  expect(kept?.toPosition).toBeGreaterThan(0);
  const back = await rig.versions.rollback("live", 1);
  expect(back.state).toBe("serving");
  expect(back.events).toBe(kept?.events);
  expect(back.events).toBeGreaterThan(1000);
  expect(before).toHaveLength(200);
});

test("a version that was learning goes on after a restart, and takes over", async () => {
  let rig = await rigWith();
  for (let i = 0; i < 10; i++) await score(rig, 100, i);
  await rig.versions.update("live", normalizeSpec(other));
  await score(rig, 20, 50);
  await rig.core.shards.idle();
  rig = await restarted(rig);
  expect(rig.versions.list("live")[0]).toMatchObject({ version: 2, state: "learning", events: 20 });
  for (let i = 0; rig.core.detectors.versionOf("live") === 1; i++) {
    await score(rig, 100, 1000 + i);
    await pause(10);
  }
  expect(rig.core.detectors.get("live").config.model).toMatchObject({ trees: 7 });
});

test("a shadow is one after a restart, with its share", async () => {
  let rig = await rigWith();
  await startShadow(rig, { name: "b", shadowed: "live", spec: other, share: 0.25 });
  for (let i = 0; i < 10; i++) await score(rig, 100, i);
  rig = await restarted(rig);
  expect(eventsOf(rig, "b")).toBe(1000);
  expect(rig.shadows.report("b")).toMatchObject({ shadowed: "live", share: 0.25, rows: 0 });
  await score(rig, 100, 77);
  expect(eventsOf(rig, "b")).toBe(1100);
  await expect(
    submit(rig.core, request({ detector: "b", frame: frame([[1]], ["a"]) })),
  ).rejects.toThrow("answers nobody");
  await rig.shadows.promote("b");
  rig = await restarted(rig);
  expect(rig.core.detectors.get("live").config.model).toMatchObject({ trees: 7 });
  expect(rig.versions.list("live").map(({ version, state }) => [version, state])).toEqual([
    [2, "serving"],
    [1, "kept"],
  ]);
  await expect(rig.versions.rollback("live", 1)).rejects.toThrow('it is "b" now');
});

test("only the last versions are kept", async () => {
  const rig = await rigWith();
  await score(rig, 100, 1);
  for (let i = 1; i <= 6; i++) {
    await rig.versions.update("live", normalizeSpec({ ...spec, threshold: 0.5 + i / 100 }));
    await until(() => rig.versions.list("live").every(({ problem }) => problem === ""));
  }
  expect(rig.versions.list("live").map(({ version }) => version)).toEqual([7, 6, 5, 4]);
  await expect(rig.versions.rollback("live", 2)).rejects.toThrow("no version 2");
});

test("replayed to now, a version is what it would be if it had never gone", async () => {
  const rig = await rigWith();
  await createDetector(rig.core, "never", spec);
  const both = async (count: number, seed: number): Promise<void> => {
    const { values, keys } = rows(count, seed);
    const given = { frame: frame(values, keys) };
    await Promise.all([
      submit(rig.core, request({ detector: "live", ...given })),
      submit(rig.core, request({ detector: "never", ...given })),
    ]);
  };
  for (let i = 0; i < 10; i++) await both(100, i);
  await rig.versions.update("live", normalizeSpec(other));
  const answers: Promise<void>[] = [];
  let seed = 1000;
  // Without a pause, so that rows gather, are cut and wait at every moment of a swap.
  const sendWhile = async (goesOn: () => boolean): Promise<void> => {
    while (goesOn()) {
      answers.push(both(20, seed++));
      if (seed % 2 === 0) await turn();
      if (seed % 8 === 0) await Promise.all(answers.splice(0));
      if (seed % 16 === 0) await pause(2);
    }
  };
  await sendWhile(() => rig.core.detectors.versionOf("live") === 1);
  const last = seed + 200;
  await sendWhile(() => seed < last);
  const going = rig.versions.rollback("live", 1, true);
  await sendWhile(() => rig.core.detectors.versionOf("live") === 2);
  expect(await going).toMatchObject({ version: 1 });
  await Promise.all(answers);
  for (let i = 0; i < 5; i++) await both(100, 4000 + i);
  const { values, keys } = rows(300, 5000);
  const given = { mode: 2, frame: frame(values, keys) };
  const [live, never] = await Promise.all([
    submit(rig.core, request({ detector: "live", ...given })),
    submit(rig.core, request({ detector: "never", ...given })),
  ]);
  expect(rig.core.detectors.get("live").config.model).toMatchObject({ trees: 10 });
  expect(eventsOf(rig)).toBe(eventsOf(rig, "never"));
  expect([...(live?.scores ?? [])]).toEqual([...(never?.scores ?? [])]);
});

test("a backup and a restored directory have the versions that are kept, and fitted models", async () => {
  const rig = await rigWith();
  for (let i = 0; i < 10; i++) await score(rig, 100, i);
  const before = await asked(rig);
  await rig.versions.update("live", normalizeSpec({ ...spec, threshold: 0.25 }));
  await score(rig, 100, 11);
  // The state of the first is on disk.
  await rig.versions.close();
  mkdirSync(join(rig.data, "models"));
  writeFileSync(join(rig.data, "models", "a_knn.weir"), "fitted");
  const { shards, detectors, keeping } = rig.core;
  const operations = new StateOperations({
    data: rig.data,
    durability: "relaxed",
    shards: 2,
    detectors,
    settled: () => shards.settled,
    keeping,
  });
  const away = mkdtempSync(join(tmpdir(), "weir-away-"));
  onTestFinished(() => rmSync(away, { recursive: true, force: true }));
  const [backup, ofBackup, ofData] = ["backup", "of-backup", "of-data"].map((name) => {
    return join(away, name);
  });
  if (backup === undefined || ofBackup === undefined || ofData === undefined) throw new Error();
  await operations.backUp(backup, false);
  rigs.splice(rigs.indexOf(rig), 1);
  await rig.close();
  for (const [from, to] of [
    [backup, ofBackup],
    [rig.data, ofData],
  ] as const) {
    await copyState(readBackup(from, expect.unreachable), to);
    expect(readFileSync(join(to, "models", "a_knn.weir"), "utf8")).toBe("fitted");
    const again = await rigWith(to);
    const back = await again.versions.rollback("live", 1);
    expect(back).toMatchObject({ version: 1, state: "serving", events: 1000 });
    expect(await asked(again)).toEqual(before);
  }
  rmSync(rig.data, { recursive: true, force: true });
});
