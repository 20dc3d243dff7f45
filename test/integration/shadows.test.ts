import { afterEach, expect, test } from "vitest";
import { setImmediate as turn } from "node:timers/promises";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { createDetector, frame, request, submit } from "../support/core.ts";
import { startShadow, startShadows } from "../support/shadows.ts";
import type { ShadowRig } from "../support/shadows.ts";

const rigs: ShadowRig[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map(({ core }) => core.close()));
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

/** Rows of a few keys, the same for the same seed. */
function rows(count: number, seed = 1): { readonly values: number[][]; readonly keys: string[] } {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Array.from({ length: count }, () => [next()]);
  return { values, keys: values.map(() => `key-${Math.floor(next() * 20)}`) };
}

async function score(
  rig: ShadowRig,
  count: number,
  seed?: number,
  name = "live",
): Promise<Verdicts> {
  const { values, keys } = rows(count, seed);
  return submit(rig.core, request({ detector: name, frame: frame(values, keys) }));
}

async function drained({ shadows }: ShadowRig, name: string): Promise<void> {
  while (shadows.report(name).rowsBehind > 0) await turn();
}

test("a shadow sees the same rows, and its verdicts are compared", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "same", shadowed: "live", spec });
  for (let i = 0; i < 20; i++) await score(rig, 1 + ((i * 37) % 300), i);
  await drained(rig, "same");
  const report = rig.shadows.report("same");
  expect(report.rows).toBeGreaterThan(1000);
  expect(report.rankCorrelation).toBeCloseTo(1, 12);
  expect(report.onlyLiveAlerts + report.onlyShadowAlerts).toBe(0);
  expect(report.liveScores).toEqual(report.shadowScores);
  expect(report.rowsShed).toBe(0);
  expect(report.liveRowUs).toBeGreaterThan(0);
  expect(report.shadowRowUs).toBeGreaterThan(0);
  const { core } = rig;
  const [live, same] = ["live", "same"].map((name) =>
    core.detectors.status(core.detectors.get(name)),
  );
  expect(same?.events).toBe(live?.events);
  expect(same?.events).toBeGreaterThan(1000);
});

test("nobody gets an answer from a shadow by its own name", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "same", shadowed: "live", spec });
  await expect(score(rig, 1, 1, "same")).rejects.toThrow('is the shadow of "live"');
});

test("a shadow with other inputs is refused, and says which", async () => {
  const rig = await rigWith();
  const other = { ...spec, inputs: [{ name: "amount" }, { name: "age" }] };
  await expect(startShadow(rig, { name: "other", shadowed: "live", spec: other })).rejects.toThrow(
    'differ from those of "live" in age',
  );
  expect(rig.core.detectors.find("other")).toBeUndefined();
});

test("a copied state gives the live one's scores from the next row on", async () => {
  const rig = await rigWith();
  for (let i = 0; i < 10; i++) await score(rig, 200, i);
  const inFlight: Promise<Verdicts>[] = [];
  let isOver = false;
  // So that some are cut, and others gather, when each shard is copied.
  const sending = (async (): Promise<void> => {
    // oxlint-disable-next-line no-unmodified-loop-condition -- it is, by the test around it
    for (let i = 0; !isOver; i++) {
      inFlight.push(score(rig, 50, 200 + i));
      if (i % 3 === 0) await turn();
    }
  })();
  await startShadow(rig, { name: "copy", shadowed: "live", spec, copyState: true });
  isOver = true;
  await sending;
  await Promise.all(inFlight);
  for (let i = 0; i < 10; i++) await score(rig, 200, 300 + i);
  await drained(rig, "copy");
  const report = rig.shadows.report("copy");
  expect(report.rows).toBeGreaterThan(1800);
  expect(report.rankCorrelation).toBeCloseTo(1, 12);
  expect(report.liveScores).toEqual(report.shadowScores);
  const { core } = rig;
  expect(core.detectors.status(core.detectors.get("copy")).events).toBe(
    core.detectors.status(core.detectors.get("live")).events,
  );
});

test("a state that does not fit is not copied, and said to be another model's", async () => {
  const rig = await rigWith();
  await score(rig, 200, 1);
  const another = { ...spec, halfSpaceTrees: { trees: 3 } };
  await expect(
    startShadow(rig, { name: "copy", shadowed: "live", spec: another, copyState: true }),
  ).rejects.toThrow(
    'copy_state: the state of "live" cannot be copied: the specification has another model, or other features (status 10); start cold, without copy_state',
  );
  expect(rig.core.detectors.find("copy")).toBeUndefined();
});

test("what was promoted away is gone with the shadow that it became", async () => {
  const rig = await rigWith();
  const problems = (): unknown[] => rig.versions.list("live").map(({ problem }) => problem);
  for (const [name, stop] of [
    ["stopped", () => rig.shadows.stop("stopped")],
    ["deleted", () => rig.core.detectors.remove("deleted")],
  ] as const) {
    await startShadow(rig, { name, shadowed: "live", spec });
    await rig.shadows.promote(name);
    expect(problems()[1]).toBe(`it is "${name}" now; promote that to go back`);
    await stop();
    expect(problems()[1]).toBe(`it was "${name}", which is gone`);
  }
});

test("a promoted shadow answers under the live one's name, and goes back", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "next", shadowed: "live", spec: { ...spec, defaultScore: 0.9 } });
  for (let i = 0; i < 5; i++) await score(rig, 100, i);
  const { detectors } = rig.core;
  const [live, next] = [detectors.get("live").slot, detectors.get("next").slot];
  const answers: Promise<Verdicts>[] = [];
  for (let i = 0; i < 40; i++) answers.push(score(rig, 30, 50 + i));
  const promoted = rig.shadows.promote("next");
  for (let i = 0; i < 40; i++) answers.push(score(rig, 30, 100 + i));
  expect((await promoted).name).toBe("live");
  await Promise.all(answers);
  expect(detectors.get("live").slot).toBe(next);
  expect(detectors.get("live").config.defaultScore).toBe(0.9);
  expect(detectors.get("next").slot).toBe(live);
  for (let i = 0; i < 5; i++) await score(rig, 100, 200 + i);
  await drained(rig, "next");
  const events = (name: string): number => detectors.status(detectors.get(name)).events;
  expect(events("live")).toBe(500 + 2400 + 500);
  expect(events("next")).toBe(events("live"));
  expect(rig.shadows.report("next").liveScores).toEqual(rig.shadows.report("next").shadowScores);
  await rig.shadows.promote("next");
  expect(detectors.get("live").slot).toBe(live);
});

test("a share of the keys is answered by the shadow, always the same ones", async () => {
  const rig = await rigWith({ ...spec, threshold: 0.5 });
  await startShadow(rig, {
    name: "b",
    shadowed: "live",
    spec: { ...spec, threshold: 0.25 },
    share: 0.5,
  });
  const thresholds = new Map<string, Set<number>>();
  for (let i = 0; i < 20; i++) {
    const { values, keys } = rows(100, i);
    const verdicts = await submit(
      rig.core,
      request({ detector: "live", frame: frame(values, keys) }),
    );
    keys.forEach((key, row) => {
      const seen = thresholds.get(key) ?? new Set();
      thresholds.set(key, seen.add(verdicts.thresholds[row] ?? 0));
    });
  }
  expect([...thresholds.values()].every((seen) => seen.size === 1)).toBe(true);
  const byShadow = [...thresholds.values()].filter((seen) => seen.has(0.25)).length;
  expect(byShadow).toBeGreaterThan(3);
  expect(byShadow).toBeLessThan(17);
  const { answered, rows: compared } = rig.shadows.report("b");
  expect(answered).toBeGreaterThan(300);
  expect(answered).toBeLessThan(1700);
  expect(compared).toBeGreaterThan(1000);
  await rig.shadows.setShare("b", 0);
  await score(rig, 100, 77);
  await drained(rig, "b");
  const { detectors } = rig.core;
  const events = (name: string): number => detectors.status(detectors.get(name)).events;
  expect(events("b")).toBe(events("live"));
});

test("a cancelled request teaches neither", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "same", shadowed: "live", spec });
  const { core } = rig;
  const call = {
    receivedAt: performance.now(),
    deadline: Number.POSITIVE_INFINITY,
    transport: "grpc_stream",
    traceparent: undefined,
  } as const;
  const never = { answer: () => undefined, fail: () => undefined };
  const { values, keys } = rows(40);
  const ticket = core.admission.submit(
    request({ detector: "live", frame: frame(values, keys) }),
    call,
    never,
  );
  ticket.cancel();
  await score(rig, 10, 3);
  await drained(rig, "same");
  expect(core.detectors.status(core.detectors.get("live")).events).toBe(10);
  expect(core.detectors.status(core.detectors.get("same")).events).toBe(10);
});

test("what waits for a stopped shadow is dropped, and another detector may take its place", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "same", shadowed: "live", spec });
  const { slot } = rig.core.detectors.get("same");
  const answers = Array.from({ length: 20 }, (_, i) => score(rig, 100, i));
  const stopped = rig.shadows.stop("same");
  await stopped;
  await createDetector(rig.core, "other", spec);
  expect(rig.core.detectors.get("other").slot).toBe(slot);
  await Promise.all(answers);
  await rig.core.shards.idle();
  await turn();
  expect(rig.core.detectors.status(rig.core.detectors.get("other")).events).toBe(0);
  await expect(rig.shadows.promote("same")).rejects.toThrow('no detector "same"');
});

test("rows beyond the bound are shed, and the live one goes on", async () => {
  const rig = await rigWith();
  await startShadow(rig, { name: "same", shadowed: "live", spec });
  const { core } = rig;
  const aside = core.shards.aside.bind(core.shards);
  const held: Parameters<typeof aside>[] = [];
  // Shards that never have a moment for what nobody waits for.
  core.shards.aside = (...batch) => void held.push(batch);
  for (let i = 0; i < 40; i++) await score(rig, 2048, i);
  const { rowsShed, rowsBehind } = rig.shadows.report("same");
  expect(rowsBehind).toBeLessThanOrEqual(65_536);
  expect(rowsShed).toBe(40 * 2048 - rowsBehind);
  expect(rowsShed).toBeGreaterThan(0);
  core.shards.aside = aside;
  for (const batch of held) aside(...batch);
  await drained(rig, "same");
  const events = (name: string): number => core.detectors.status(core.detectors.get(name)).events;
  expect(events("live")).toBe(40 * 2048);
  expect(events("same")).toBe(40 * 2048 - rowsShed);
});
