import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { replay } from "../../src/cli/replay.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { compileModule } from "../../src/shard/module.ts";
import { verifyState } from "../../src/state/verify/verify.ts";
import { createDetector, request, submit } from "../support/core.ts";
import { copyOf, EncodedRig, payments, spec, trainedOnce } from "../support/encoded-rig.ts";
import { eventually } from "../support/eventually.ts";
import { keptModulePath } from "../support/kept-core.ts";
import { startShadow } from "../support/shadows.ts";

const rigs: EncodedRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function start(given?: object): Promise<EncodedRig> {
  const rig = await EncodedRig.start(given);
  rigs.push(rig);
  return rig;
}

// States are written behind everything else: where all cores are busy that takes as long as it takes.
vi.setConfig({ testTimeout: 240_000 });

const settings = { ...spec, threshold: 0.9 };
const model = { ...spec, knn: undefined, ecod: {} };

async function update(to: EncodedRig, given: object): Promise<void> {
  await to.rig.versions.update("live", normalizeSpec(given));
}

function serving({ rig }: EncodedRig): number {
  return rig.core.detectors.versionOf("live");
}

async function kept({ rig }: EncodedRig): Promise<void> {
  while (rig.versions.list("live").some(({ problem }) => problem !== "")) await pause(25);
}

/** Until another version answers; the number of the row after the last. */
async function learnUntilServed(to: EncodedRig, from: number): Promise<number> {
  const before = serving(to);
  let at = from;
  for (; serving(to) === before && at < from + 1000; at += 20) {
    await to.learn(at, 20);
    await to.settled();
  }
  // It is looked for now and then.
  await eventually(() => expect(serving(to)).not.toBe(before));
  return at;
}

test("goes back with what the encoding knew then, again and again, over restarts", async () => {
  const to = await start();
  await to.learn(40, 60);
  const before = await to.asked();
  await update(to, settings);
  await to.learn(100, 100);
  const after = await to.asked();
  expect(after).not.toEqual(before);
  await kept(to);
  await to.kill();
  await to.rig.versions.rollback("live", 1);
  expect(await to.asked()).toEqual(before);
  await kept(to);
  await to.kill();
  expect(await to.asked()).toEqual(before);
  await to.rig.versions.rollback("live", 2);
  expect(await to.asked()).toEqual(after);
  await to.rig.versions.rollback("live", 1);
  await to.learn(100, 40);
  const gone = await to.asked();
  await to.restart();
  expect(await to.asked()).toEqual(gone);
  // As if there had been no other version.
  const other = await start();
  await other.learn(40, 100);
  expect(gone).toEqual(await other.asked());
});

test("another model learns beside the old one, over a kill, and takes over", async () => {
  const to = await start();
  await update(to, model);
  await startShadow(to.rig, { name: "same", shadowed: "live", spec: model });
  await to.learn(40, 20);
  await to.kill();
  expect(to.rig.versions.list("live")[0]).toMatchObject({ state: "learning", events: 20 });
  const next = await learnUntilServed(to, 60);
  expect(to.rig.core.detectors.get("live").config.model.kind).toBe("ecod");
  await to.learn(next, 20);
  const live = await to.asked();
  await to.kill();
  expect(await to.asked()).toEqual(live);
  await to.rig.shadows.promote("same");
  expect(await to.asked()).toEqual(live);
  expect(new Set(live).size).toBeGreaterThan(10);
});

test("goes back from another model", async () => {
  // A training that is under way when the version goes is none of what it had.
  const to = await start(trainedOnce);
  const other = await start(trainedOnce);
  await update(to, { ...model, window: trainedOnce.window });
  const next = await learnUntilServed(to, 40);
  await kept(to);
  const { events = 0 } = to.rig.versions.list("live")[1] ?? {};
  await other.learn(40, events - 40);
  await to.learn(next, 40);
  await to.kill();
  await to.rig.versions.rollback("live", 1);
  expect(await to.asked()).toEqual(await other.asked());
  await to.learn(next + 40, 40);
  await other.learn(next + 40, 40);
  expect(await to.asked()).toEqual(await other.asked());
  expect(to.rig.core.detectors.get("live").encoding?.state()).toEqual(
    other.rig.core.detectors.get("live").encoding?.state(),
  );
});

test("replayed to now, a version is what it would be if it had never gone", async () => {
  const to = await start(trainedOnce);
  const other = await start(trainedOnce);
  await update(to, model);
  const next = await learnUntilServed(to, 40);
  await to.learn(next, 60);
  await other.learn(40, next + 20);
  await to.rig.versions.rollback("live", 1, true);
  await eventually(() => expect(serving(to)).toBe(1));
  expect(await to.asked()).toEqual(await other.asked());
  await to.kill();
  await to.learn(next + 60, 40);
  await other.learn(next + 60, 40);
  expect(await to.asked()).toEqual(await other.asked());
});

test("what another version's encoding encoded is not replayed", async () => {
  const to = await start(trainedOnce);
  await update(to, { ...trainedOnce, threshold: 0.9 });
  await to.learn(40, 40);
  await kept(to);
  await to.rig.versions.rollback("live", 1);
  await to.learn(80, 40);
  await kept(to);
  await to.kill();
  await expect(to.rig.versions.rollback("live", 2, true)).rejects.toThrow(
    "its rows were encoded by what another version had learned",
  );
  // What went on since can be.
  await update(to, { ...trainedOnce, threshold: 0.8 });
  await to.learn(120, 20);
  await kept(to);
  const now = await to.asked();
  await to.rig.versions.rollback("live", 1, true);
  await eventually(() => expect(serving(to)).toBe(1));
  expect(await to.asked()).toEqual(now);
});

test("shadows keep their own encoding when the live one goes back", async () => {
  const to = await start();
  await startShadow(to.rig, { name: "b", shadowed: "live", spec, copyState: true });
  await startShadow(to.rig, { name: "c", shadowed: "live", spec, copyState: true });
  await update(to, settings);
  await to.learn(40, 60);
  await kept(to);
  await to.rig.versions.rollback("live", 1);
  await to.rig.shadows.setShare("b", 0.5);
  await to.learn(100, 40);
  await to.kill();
  const { detectors } = to.rig.core;
  expect(detectors.get("b").encoding).not.toBe(detectors.get("live").encoding);
  expect(detectors.get("b").encoding).toBe(detectors.get("c").encoding);
  await to.learn(140, 40);
  await to.rig.shadows.setShare("b", 0);
  const other = await start();
  await other.learn(40, 140);
  const never = await other.asked();
  const live = await to.asked();
  expect(live).not.toEqual(never);
  await to.rig.shadows.promote("c");
  expect(await to.asked()).toEqual(never);
  await to.rig.shadows.promote("b");
  expect(await to.asked()).toEqual(never);
  await to.rig.shadows.promote("b");
  await to.rig.shadows.promote("c");
  expect(await to.asked()).toEqual(live);
});

test("all of it is replayed bit for bit", async () => {
  const to = await start();
  await startShadow(to.rig, { name: "b", shadowed: "live", spec, copyState: true });
  await to.learn(40, 20);
  await to.rig.core.keeping?.keeper.snapshot();
  await update(to, settings);
  await to.learn(60, 40);
  await kept(to);
  await to.rig.versions.rollback("live", 1);
  await to.learn(100, 20);
  await to.rig.core.keeping?.keeper.snapshot();
  await update(to, model);
  const next = await learnUntilServed(to, 120);
  await to.rig.shadows.promote("b");
  await to.learn(next, 20);
  await to.settled();
  await to.rig.core.keeping?.keeper.snapshot();
  await to.restart();
  const deep = await compileModule(keptModulePath);
  const findings = [...verifyState({ data: to.rig.data, deep })];
  expect(findings.filter(({ problem }) => problem !== "")).toEqual([]);
  expect(findings.length).toBeGreaterThan(5);
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const terminal = { print, error: print, interactive: false };
  await replay(["--detector", "live", "--data", to.rig.data], terminal, keptModulePath);
  expect(lines[0]).toMatch(/^Everything is equal: \d+ verdicts/);
});

test("rows that come all the while are encoded, learned and replayed in their order", async () => {
  const to = await start(trainedOnce);
  const { core, versions } = to.rig;
  await createDetector(core, "never", trainedOnce);
  await to.learn(0, 40, "never");
  await eventually(() => expect(core.detectors.get("never").encoding).toBeDefined());
  await to.settled();
  const answers: Promise<unknown>[] = [];
  let at = 40;
  // Without a pause, so that rows gather, are cut and wait at every moment of a swap.
  const sendWhile = async (goesOn: () => boolean): Promise<void> => {
    while (goesOn()) {
      const events = payments(at, 10);
      for (const detector of ["live", "never"]) {
        answers.push(submit(core, request({ detector, events })));
      }
      at += 10;
      if (at % 20 === 0) await turn();
      if (at % 80 === 0) await Promise.all(answers.splice(0));
      if (at % 160 === 0) await pause(2);
    }
  };
  await startShadow(to.rig, { name: "b", shadowed: "live", spec: trainedOnce, copyState: true });
  await update(to, { ...model, window: trainedOnce.window });
  await sendWhile(() => serving(to) === 1);
  await to.rig.shadows.setShare("b", 0.5);
  const last = at + 2000;
  await sendWhile(() => at < last);
  const going = versions.rollback("live", 1, true);
  await sendWhile(() => serving(to) === 2);
  await going;
  await Promise.all(answers);
  await to.rig.shadows.setShare("b", 0);
  await sendWhile(() => at % 200 !== 0);
  await Promise.all(answers);
  const never = await to.asked("never");
  expect(await to.asked()).toEqual(never);
  const [one, other] = ["live", "never"].map((name) => core.detectors.get(name).encoding?.state());
  expect(one).toEqual(other);
  expect(to.rig.shadows.report("b").rowsShed).toBe(0);
  await to.rig.shadows.promote("b");
  expect(await to.asked()).toEqual(never);
});

test("whenever it is killed, those that had one encoding have one again", async () => {
  const to = await start(trainedOnce);
  const { core, data, shadows, versions } = to.rig;
  const copies: string[] = [];
  let at = 40;
  const traffic = { goesOn: true };
  const going = (async (): Promise<void> => {
    for (; traffic.goesOn; at += 10) {
      await submit(core, request({ detector: "live", events: payments(at, 10) }));
      await pause(5);
    }
  })();
  const rows = async (count: number): Promise<void> => {
    const until = at + count;
    await eventually(() => expect(at).toBeGreaterThan(until));
    copies.push(copyOf(data));
  };
  await startShadow(to.rig, { name: "b", shadowed: "live", spec: trainedOnce, copyState: true });
  await rows(0);
  await update(to, { ...trainedOnce, threshold: 0.9 });
  await rows(100);
  await versions.rollback("live", 1);
  await rows(0);
  await update(to, { ...model, window: trainedOnce.window });
  await rows(0);
  await eventually(() => expect(serving(to)).toBe(3));
  await rows(0);
  await shadows.promote("b");
  await rows(100);
  await shadows.stop("b");
  await rows(0);
  traffic.goesOn = false;
  await going;
  const found = new Set<string>();
  for (const copy of copies) {
    const again = await EncodedRig.over(copy);
    rigs.push(again);
    const { detectors } = again.rig.core;
    const { encoding } = detectors.get("live");
    const shadow = detectors.find("b");
    const isOne = shadow !== undefined && shadow.encoding === encoding;
    found.add(shadow === undefined ? "alone" : isOne ? "one" : "two");
    if (shadow !== undefined && !isOne)
      expect(shadow.encoding?.state()).not.toEqual(encoding?.state());
    expect(encoding).toBeDefined();
    await again.learn(at, 8);
    const slots = ["live", "b"].flatMap((name) => detectors.find(name)?.slot ?? []);
    expect(slots.every((slot) => again.rig.core.shards.holds(slot))).toBe(true);
    await again.close();
    rigs.splice(rigs.indexOf(again), 1);
  }
  expect([...found].toSorted()).toEqual(["alone", "one", "two"]);
});
