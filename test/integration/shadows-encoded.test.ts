import { afterEach, expect, test } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { createDetector, request, startCore, submit } from "../support/core.ts";
import { EncodedRig, payments, said, spec, trainedOnce } from "../support/encoded-rig.ts";
import { eventually } from "../support/eventually.ts";
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

test("a shadow with the state of the live one stays what that is, and answers its share as that", async () => {
  const to = await start();
  await startShadow(to.rig, { name: "b", shadowed: "live", spec, copyState: true });
  await to.learn(40, 100);
  const live = await to.asked();
  await to.rig.shadows.setShare("b", 1);
  expect(await to.asked()).toEqual(live);
  expect(to.rig.shadows.report("b").answered).toBe(150);
  // Rows that both answer teach their one encoding once.
  const other = await start();
  await to.learn(140, 60);
  await other.learn(40, 160);
  expect(await to.asked()).toEqual(await other.asked());
  const encodings = ["live", "b"].map((name) => to.rig.core.detectors.get(name).encoding);
  expect(encodings[0]).toBe(encodings[1]);
  expect(encodings[0]?.state()).toEqual(other.rig.core.detectors.get("live").encoding?.state());
  await to.rig.shadows.promote("b");
  expect(await to.asked()).toEqual(await other.asked());
});

test("a cold shadow is what the same detector is alone", async () => {
  // Codes are those of the rows that the live one saw first; a share would be of other rows.
  const inputs = spec.inputs.map((input) =>
    input.name === "city" ? { ...input, encoding: undefined } : input,
  );
  const to = await start({ ...trainedOnce, inputs });
  await startShadow(to.rig, {
    name: "b",
    shadowed: "live",
    spec: { ...trainedOnce, inputs, knn: undefined, hbos: {} },
  });
  await to.learn(0, 120);
  await to.settled();
  await to.rig.shadows.promote("b");
  const promoted = await to.asked();
  const alone = await startCore();
  try {
    await createDetector(alone, "d", { ...trainedOnce, inputs, knn: undefined, hbos: {} });
    for (let at = 0; at < 120; at += 4) {
      await submit(alone, request({ detector: "d", events: payments(at, 4) }));
    }
    await eventually(() => expect(alone.detectors.get("d").encoding).toBeDefined());
    await alone.shards.idle();
    await alone.trainer.idle();
    const events = [...payments(0, 120), ...payments(0, 30, true)];
    const scores = said(await submit(alone, request({ detector: "d", events, mode: 2 })));
    expect(promoted).toEqual(scores);
    expect(new Set(scores).size).toBeGreaterThan(10);
  } finally {
    await alone.close();
  }
});

test.each(["kill", "restart"] as const)(
  "a shadow is the same after a %s, and takes over",
  async (end) => {
    const to = await start();
    await startShadow(to.rig, { name: "b", shadowed: "live", spec, copyState: true });
    await to.learn(40, 50);
    await to[end]();
    const { detectors } = to.rig.core;
    expect(detectors.get("b").encoding).toBe(detectors.get("live").encoding);
    await to.learn(90, 50);
    const live = await to.asked();
    await to.rig.shadows.promote("b");
    expect(await to.asked()).toEqual(live);
    await to[end]();
    expect(await to.asked()).toEqual(live);
    const other = await start();
    await other.learn(40, 100);
    expect(live).toEqual(await other.asked());
    // The one that answered is the shadow now, and goes back.
    await to.learn(140, 30);
    await other.learn(140, 30);
    await to.rig.shadows.promote("b");
    expect(await to.asked()).toEqual(await other.asked());
  },
);

test("what a stopped shadow shared is the live one's alone", async () => {
  const to = await start();
  await startShadow(to.rig, { name: "b", shadowed: "live", spec });
  await to.learn(40, 20);
  await to.rig.shadows.stop("b");
  await to.learn(60, 20);
  // Its slot is another one's, which has no encoding yet.
  await createDetector(to.rig.core, "c", spec);
  await to.kill();
  const other = await start();
  await other.learn(40, 40);
  expect(await to.asked()).toEqual(await other.asked());
});

test("a shadow that is reset begins anew with the same columns", async () => {
  const to = await start();
  await startShadow(to.rig, { name: "b", shadowed: "live", spec, copyState: true });
  await to.restart();
  await to.rig.core.detectors.reset("b");
  expect(to.rig.core.detectors.get("b").encoding).toBe(to.rig.core.detectors.get("live").encoding);
  await to.learn(40, 50);
  await to.settled();
  expect(to.rig.core.detectors.status(to.rig.core.detectors.get("b")).events).toBe(50);
});

test("another encoding is refused, and named", async () => {
  const to = await start();
  const inputs = spec.inputs.map((input) =>
    input.name === "merchant" ? { ...input, encoding: "hash" } : input,
  );
  await expect(
    startShadow(to.rig, { name: "b", shadowed: "live", spec: { ...spec, inputs } }),
  ).rejects.toThrow("merchant is encoded as label, not as hash");
  await expect(to.rig.versions.update("live", normalizeSpec({ ...spec, inputs }))).rejects.toThrow(
    "merchant is encoded as label, not as hash",
  );
});
