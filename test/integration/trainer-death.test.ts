import { afterEach, describe, expect, test } from "vitest";
import {
  createWindowDetector,
  gaussianRows,
  pause,
  send,
  sendInTurns,
  startWindowCore,
  trainingOf,
} from "../support/window-models.ts";
import type { WindowCore } from "../support/window-models.ts";

const cores: WindowCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

/** A core with a detector whose trainings take a good part of a second. */
async function start(retrainInterval: number, epochNum = 4000): Promise<WindowCore> {
  const core = await startWindowCore();
  cores.push(core);
  await createWindowDetector(core, "d", {
    ecod: undefined,
    autoencoder: { epochNum },
    window: { rows: 100, minSamples: 50, retrainInterval },
  });
  return core;
}

/** Kills the trainer once a training runs. */
async function killInTraining(core: WindowCore, started: number): Promise<void> {
  const { trainers } = core.models;
  while (core.told.started.length < started || trainers.started === 0) await pause(1);
  await pause(60);
  expect(core.told.ended.length).toBe(started - 1);
  await trainers.killThread(0);
  await core.trainer.idle();
}

const rows = gaussianRows(300, 7);

describe("a trainer that is killed in the middle", () => {
  test("of a retraining leaves every score as it would be without", async () => {
    const [core, undisturbed] = [await start(50), await start(1_000_000)];
    for (const one of [core, undisturbed]) await sendInTurns(one, rows.slice(0, 90), 10);
    await send(core, rows.slice(90, 100));
    await send(undisturbed, rows.slice(90, 100));
    expect(trainingOf(core).state).toBe("retraining");
    await killInTraining(core, 2);
    expect(trainingOf(core).state).toBe("ready");
    const later = rows.slice(100, 149);
    const scored = await sendInTurns(core, later, 7);
    expect(scored).toEqual(await sendInTurns(undisturbed, later, 7));
    expect(new Set(scored.versions)).toEqual(new Set([1]));
    const slot = core.detectors.get("d").slot;
    expect(await core.shards.windowModels.modelOf(slot)).toEqual(
      await undisturbed.shards.windowModels.modelOf(slot),
    );
  });

  test("is told with its reason in status, log and metrics, and the next training succeeds", async () => {
    const core = await start(50);
    await sendInTurns(core, rows.slice(0, 50), 10);
    await send(core, rows.slice(50, 100));
    await killInTraining(core, 2);
    const status = trainingOf(core);
    expect(status).toMatchObject({ modelVersion: 1, state: "ready", trainings: 1, failures: 1 });
    expect(status.swaps.map(({ version }) => version)).toEqual([1]);
    expect(status.lastError).toBe(
      "training 2 of 100 rows up to row 100 failed: the trainer thread died",
    );
    expect(core.told.ended.at(-1)).toEqual({ detector: "d", outcome: "thread_died" });
    expect(core.told.warnings.at(-1)).toMatchObject({
      detector: "d",
      version: 2,
      reason: "thread_died",
      why: "the trainer thread died",
    });
    // Due again an interval after the failure was known.
    await sendInTurns(core, rows.slice(100, 149), 7);
    expect(core.told.started.length).toBe(2);
    await sendInTurns(core, rows.slice(149, 150), 1);
    expect(trainingOf(core)).toMatchObject({ modelVersion: 2, trainings: 2, failures: 1 });
    expect(trainingOf(core).swaps.at(-1)).toMatchObject({ version: 2, trainedAt: 150 });
  });

  test("of the first training leaves the detector collecting until the next one", async () => {
    const core = await start(50);
    await send(core, rows.slice(0, 50));
    const waiting = core.trainer.whenTrained(core.detectors.get("d"));
    await killInTraining(core, 1);
    expect(await waiting).toBe("failed");
    expect(trainingOf(core)).toMatchObject({ modelVersion: 0, state: "collecting", failures: 1 });
    // A quarter of min_samples later, not an interval.
    const { versions } = await sendInTurns(core, rows.slice(50, 64), 1);
    expect(versions).toEqual([...Array(13).fill(0), 1]);
  });

  test("does not cost the trainings that wait", async () => {
    const core = await start(50, 10_000);
    for (const name of ["e", "f", "g"]) await createWindowDetector(core, name);
    await send(core, rows.slice(0, 50));
    for (const detector of ["e", "f", "g"]) await send(core, rows.slice(0, 50), { detector });
    await killInTraining(core, 1);
    expect(trainingOf(core).failures).toBe(1);
    for (const detector of ["e", "f", "g"]) {
      expect(trainingOf(core, detector)).toMatchObject({ modelVersion: 1, failures: 0 });
    }
  });
});

test("a server that stops while a training runs does not wait for it", async () => {
  const core = await startWindowCore();
  await createWindowDetector(core, "d", {
    ecod: undefined,
    autoencoder: { epochNum: 10_000 },
    window: { rows: 1000, minSamples: 1000, retrainInterval: 50 },
  });
  await send(core, gaussianRows(1000));
  while (core.told.started.length === 0) await pause(1);
  const before = performance.now();
  await core.close();
  expect(performance.now() - before).toBeLessThan(1000);
  expect(core.told.ended).toEqual([]);
  expect(core.told.warnings).toEqual([]);
});
