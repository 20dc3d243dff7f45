import { afterEach, describe, expect, test } from "vitest";
import { State } from "../../src/domain/verdict.ts";
import { TrainingError } from "../../src/models/training.ts";
import { frame, request } from "../support/core.ts";
import { niceOfThreads } from "../support/threads.ts";
import {
  createWindowDetector,
  gaussianRows,
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

async function start(options: Parameters<typeof startWindowCore>[0] = {}): Promise<WindowCore> {
  const core = await startWindowCore(options);
  cores.push(core);
  return core;
}

/** A core with one detector. */
async function startOne(
  given: object = {},
  options: Parameters<typeof startWindowCore>[0] = {},
): Promise<WindowCore> {
  const core = await start(options);
  await createWindowDetector(core, "d", given);
  return core;
}

/** Trains once, and never again. */
const once = { window: { rows: 200, minSamples: 50, retrainInterval: 1_000_000 } };

describe("a window model", () => {
  test("trains at min_samples, then every retrain_interval rows, a version a swap", async () => {
    const core = await startOne();
    const { versions, scores } = await sendInTurns(core, gaussianRows(360), 1);
    const expected = [0, 1, 2, 3, 4].flatMap((version) => {
      const rows = [50, 100, 100, 100, 10][version] ?? 0;
      return Array.from({ length: rows }, () => version);
    });
    expect(versions).toEqual(expected);
    expect(scores.map(Number.isNaN)).toEqual(expected.map((version) => version === 0));
    const status = trainingOf(core);
    expect(status.swaps).toEqual(
      [50, 150, 250, 350].map((position, i) => ({
        version: i + 1,
        trainedAt: position,
        swappedAt: position,
        keyHash: "",
      })),
    );
    expect(status).toMatchObject({
      state: "ready",
      modelVersion: 4,
      windowRows: 200,
      rowsUntilReady: 0,
      rowsSinceTraining: 10,
      trainings: 4,
      failures: 0,
      lastError: "",
    });
    expect(status.lastTrainingMs).toBeGreaterThan(0);
    expect(core.told.started).toEqual(["d", "d", "d", "d"]);
    expect(core.told.ended.map(({ outcome }) => outcome)).toEqual(Array(4).fill("swapped"));
    expect(core.told.infos.at(-1)).toMatchObject({
      detector: "d",
      version: 4,
      trainedAt: 350,
      swappedAt: 350,
      rows: 200,
    });
  });

  test("says how far it is before its first model", async () => {
    const core = await startOne();
    expect(trainingOf(core)).toMatchObject({
      state: "collecting",
      modelVersion: 0,
      windowRows: 0,
      rowsUntilReady: 50,
    });
    const verdicts = await send(core, gaussianRows(20));
    expect([...verdicts.states]).toEqual(Array(20).fill(State.COLLECTING));
    expect(trainingOf(core)).toMatchObject({
      state: "collecting",
      windowRows: 20,
      rowsUntilReady: 30,
      rowsSinceTraining: 20,
      swaps: [],
    });
  });

  test.each([1, 64, 1000])("overshot in requests of %i rows retrains once", async (size) => {
    const core = await startOne();
    await sendInTurns(core, gaussianRows(50), 50);
    await sendInTurns(core, gaussianRows(1000, 2), size);
    const { swaps } = trainingOf(core);
    expect(core.told.started.length).toBe(swaps.length);
    expect(swaps.map(({ version }) => version)).toEqual(swaps.map((_, i) => i + 1));
    // The first window that is due is copied where it became due, however many rows come with it.
    expect(swaps[1]?.trainedAt).toBe(150);
    if (size === 1000) {
      expect(swaps.length).toBe(2);
      expect(swaps[1]?.swappedAt).toBe(1050);
    }
  });

  test("gives the same scores, versions and bytes when the same rows come again", async () => {
    const given = { ecod: undefined, isolationForest: { nEstimators: 20 } };
    const [first, second] = await Promise.all([
      startOne(given),
      startOne(given, { shards: 1, inlineWorkMax: 0 }),
    ]);
    const rows = gaussianRows(400);
    const [a, b] = [await sendInTurns(first, rows, 32), await sendInTurns(second, rows, 32)];
    expect(b).toEqual(a);
    expect(trainingOf(second).swaps).toEqual(trainingOf(first).swaps);
    const slot = first.detectors.get("d").slot;
    const models = await Promise.all(
      [first, second].map((core) => core.shards.windowModels.modelOf(slot)),
    );
    expect(models[0]?.length).toBeGreaterThan(1000);
    expect(models[1]).toEqual(models[0]);
  });

  test("takes another seed for every version, and the same one for the same version", async () => {
    const given = { ecod: undefined, isolationForest: { nEstimators: 20 } };
    const seeds: bigint[] = [];
    const core = await startOne({ ...given, modelSeed: "18446744073709551615" });
    const train = core.models.train.bind(core.models);
    core.models.train = (asked, options) => {
      seeds.push(asked.seed);
      return train(asked, options);
    };
    await sendInTurns(core, gaussianRows(250), 10);
    expect(seeds).toEqual([2n ** 64n - 1n, 0n, 1n]);
  });

  test("scores on while a training runs", async () => {
    const core = await startOne({
      ecod: undefined,
      autoencoder: { epochNum: 4000 },
      window: { rows: 100, minSamples: 50, retrainInterval: 50 },
    });
    await sendInTurns(core, gaussianRows(50), 50);
    await send(core, gaussianRows(50, 2));
    let during = 0;
    for (let i = 0; trainingOf(core).modelVersion === 1; i++) {
      const verdicts = await send(core, gaussianRows(5, i));
      if (trainingOf(core).modelVersion > 1) break;
      expect([...verdicts.states]).toEqual(Array(5).fill(State.RETRAINING));
      expect([...verdicts.modelVersions]).toEqual(Array(5).fill(1));
      expect(trainingOf(core).state).toBe("retraining");
      during += 5;
    }
    expect(during).toBeGreaterThan(10);
    expect(core.told.started.length).toBe(2);
    const [, swap] = trainingOf(core).swaps;
    expect(swap).toMatchObject({ version: 2, trainedAt: 100 });
    expect(swap?.swappedAt).toBeGreaterThanOrEqual(100 + during);
    expect(trainingOf(core).lastTrainingMs).toBeGreaterThan(50);
  });

  test("of each key trains apart, one at a time", async () => {
    const scope = { window: { rows: 100, minSamples: 20, retrainInterval: 30, scope: "key" } };
    const core = await startOne(scope);
    const rows = gaussianRows(200);
    let running = 0;
    let most = 0;
    const train = core.models.train.bind(core.models);
    core.models.train = async (asked, options) => {
      most = Math.max(most, ++running);
      try {
        return await train(asked, options);
      } finally {
        running--;
      }
    };
    const keys = rows.map((_, i) => `k${i % 4}`);
    const { versions } = await sendInTurns(core, rows, 200, { keys });
    expect(versions).toEqual(Array(200).fill(0));
    expect(most).toBe(1);
    const { swaps } = trainingOf(core);
    expect(
      swaps.map(({ version, trainedAt, swappedAt }) => [version, trainedAt, swappedAt]),
    ).toEqual(Array.from({ length: 4 }, () => [1, 20, 50]));
    expect(new Set(swaps.map(({ keyHash }) => keyHash)).size).toBe(4);
    expect(trainingOf(core)).toMatchObject({ state: "ready", modelVersion: 1, trainings: 4 });
    const next = await sendInTurns(core, rows.slice(0, 4), 4, { keys: keys.slice(0, 4) });
    expect(next.versions).toEqual([1, 1, 1, 1]);
    expect(next.scores.some(Number.isNaN)).toBe(false);
  });
});

test("what finds no place in the queue is given up, counted, and trained later", async () => {
  const core = await startOne(
    { window: { rows: 100, minSamples: 20, retrainInterval: 1000, scope: "key" } },
    { trainerQueueMax: 1, shards: 1 },
  );
  const keys = ["k0", "k1", "k2", "k3"];
  const rounds = Array.from({ length: 20 }, () => keys).flat();
  await sendInTurns(core, gaussianRows(80), 80, { keys: rounds });
  const outcomes = core.told.ended.map(({ outcome }) => outcome);
  expect(outcomes.toSorted()).toEqual(["given_up", "given_up", "swapped", "swapped"]);
  expect(trainingOf(core)).toMatchObject({ trainings: 2, failures: 0, lastError: "" });
  expect(core.told.warnings.length).toBe(1);
  // A quarter of min_samples later.
  const later = await sendInTurns(core, gaussianRows(24, 2), 1, { keys: rounds.slice(0, 24) });
  expect(later.versions.slice(0, 16).filter((version) => version === 0).length).toBe(8);
  expect(later.versions.slice(20)).toEqual([1, 1, 1, 1]);
  expect(trainingOf(core)).toMatchObject({ trainings: 4, failures: 0 });
});

test.runIf(process.platform === "linux")(
  "trainer threads give way, and they alone: main thread and shard threads do not",
  async () => {
    const core = await startOne({}, { threads: 1, inlineWorkMax: 0 });
    await sendInTurns(core, gaussianRows(60), 10);
    expect(trainingOf(core).modelVersion).toBe(1);
    const nices = niceOfThreads();
    expect(nices.get(process.pid)).toBe(0);
    expect([...nices.values()].filter((nice) => nice !== 0)).toEqual([19]);
    expect(nices.size).toBeGreaterThan(3);
  },
);

describe("a training that fails", () => {
  test("leaves every score as it would be without, and says why", async () => {
    const [core, undisturbed] = [await startOne(), await startOne(once)];
    const rows = gaussianRows(400);
    const first = rows.slice(0, 100);
    expect(await sendInTurns(core, first, 10)).toEqual(await sendInTurns(undisturbed, first, 10));
    const train = core.models.train.bind(core.models);
    core.models.train = () => Promise.reject(new TrainingError("all rows are alike"));
    const later = rows.slice(100);
    expect(await sendInTurns(core, later, 10)).toEqual(await sendInTurns(undisturbed, later, 10));
    // Due at 150, and again an interval after each failure was known.
    expect(core.told.started.length).toBe(1 + 3);
    const status = trainingOf(core);
    expect(status).toMatchObject({ modelVersion: 1, state: "ready", trainings: 1, failures: 3 });
    expect(status.swaps.length).toBe(1);
    expect(status.lastError).toContain("all rows are alike");
    expect(status.lastError).toContain("training 2 of 200 rows");
    expect(core.told.ended.at(-1)).toEqual({ detector: "d", outcome: "failed" });
    expect(core.told.warnings.at(-1)).toMatchObject({
      detector: "d",
      version: 2,
      reason: "failed",
      why: "all rows are alike",
    });
    core.models.train = train;
    await sendInTurns(core, gaussianRows(100, 3), 10);
    expect(trainingOf(core)).toMatchObject({ modelVersion: 2, trainings: 2, failures: 3 });
  });

  test("in the kernel, of the first model, is tried again after a quarter of min_samples", async () => {
    const core = await startOne({
      ecod: undefined,
      cblof: { nClusters: 3 },
      window: { rows: 100, minSamples: 40, retrainInterval: 100 },
    });
    const alike = Array.from({ length: 45 }, () => [1, 2, 3]);
    await sendInTurns(core, alike, 1);
    expect(trainingOf(core)).toMatchObject({ state: "collecting", modelVersion: 0, failures: 1 });
    expect(trainingOf(core).lastError).toContain("clusters cannot be parted");
    await sendInTurns(core, gaussianRows(60), 1);
    const status = trainingOf(core);
    expect(status.modelVersion).toBe(1);
    expect((status.swaps[0]?.trainedAt ?? 0) % 10).toBe(0);
  });
});

describe("a reset or a removal during a training", () => {
  const slow = {
    ecod: undefined,
    autoencoder: { epochNum: 3000 },
    window: { rows: 100, minSamples: 50, retrainInterval: 50 },
  };

  test("brings its model to nothing, and the next life begins as the first did", async () => {
    const [core, fresh] = [await startOne(slow), await startOne(slow)];
    const rows = gaussianRows(60, 5);
    await send(core, gaussianRows(50));
    await core.detectors.reset("d");
    expect(trainingOf(core)).toMatchObject({ state: "collecting", modelVersion: 0, windowRows: 0 });
    const again = send(core, rows.slice(0, 20));
    expect([...(await again).modelVersions]).toEqual(Array(20).fill(0));
    await core.trainer.idle();
    expect(core.told.ended).toEqual([{ detector: "d", outcome: "gone" }]);
    expect(trainingOf(core)).toMatchObject({
      state: "collecting",
      modelVersion: 0,
      windowRows: 20,
      trainings: 0,
      failures: 0,
      swaps: [],
      lastError: "",
      lastTrainingMs: 0,
    });
    await sendInTurns(core, rows.slice(20), 10);
    await sendInTurns(fresh, rows, 10);
    const probe = gaussianRows(10, 6);
    expect(await sendInTurns(core, probe, 10)).toEqual(await sendInTurns(fresh, probe, 10));
    expect(trainingOf(core).swaps).toEqual(trainingOf(fresh).swaps);
  });

  test("leaves no trace of what was trained, or failed, before", async () => {
    const core = await startOne();
    await sendInTurns(core, gaussianRows(150), 10);
    core.models.train = () => Promise.reject(new TrainingError("no"));
    await sendInTurns(core, gaussianRows(100), 10);
    expect(trainingOf(core)).toMatchObject({ trainings: 2, failures: 1 });
    await core.detectors.reset("d");
    expect(trainingOf(core)).toMatchObject({
      modelVersion: 0,
      trainings: 0,
      failures: 0,
      swaps: [],
      lastTrainingMs: 0,
      lastError: "",
    });
  });

  test("of one detector does not touch another in its slot", async () => {
    const core = await startOne(slow);
    await send(core, gaussianRows(50));
    await core.detectors.remove("d");
    await createWindowDetector(core, "e");
    await sendInTurns(core, gaussianRows(60), 10, { detector: "e" });
    await core.trainer.idle();
    expect(core.told.ended.map(({ outcome }) => outcome).toSorted()).toEqual(["gone", "swapped"]);
    expect(trainingOf(core, "e")).toMatchObject({ modelVersion: 1, failures: 0, trainings: 1 });
  });
});

describe("whenTrained", () => {
  test("waits for the first model, and for nothing else", async () => {
    const core = await startOne();
    const detector = core.detectors.get("d");
    expect(await core.trainer.whenTrained(detector)).toBe("none");
    await send(core, gaussianRows(49));
    expect(await core.trainer.whenTrained(detector)).toBe("none");
    await send(core, gaussianRows(1));
    expect(await core.trainer.whenTrained(detector)).toBe("trained");
    const verdicts = await send(core, gaussianRows(200, 2));
    expect(verdicts.modelVersions[0]).toBe(1);
    expect(await core.trainer.whenTrained(detector)).toBe("trained");
  });

  test("knows what has just become due, when it is asked from within the answer", async () => {
    const core = await startOne();
    await send(core, gaussianRows(49));
    const outcome = await new Promise((resolve, reject) => {
      core.admission.submit(
        request({ detector: "d", frame: frame(gaussianRows(1), ["k"]) }),
        {
          receivedAt: performance.now(),
          deadline: Number.POSITIVE_INFINITY,
          transport: "grpc_stream",
          traceparent: undefined,
        },
        {
          answer: () => resolve(core.trainer.whenTrained(core.detectors.get("d"))),
          fail: reject,
        },
      );
    });
    expect(outcome).toBe("trained");
  });

  test("tells a failure, a reset and an end", async () => {
    const core = await startOne();
    const detector = core.detectors.get("d");
    core.models.train = () => Promise.reject(new TrainingError("no"));
    await send(core, gaussianRows(50));
    expect(await core.trainer.whenTrained(detector)).toBe("failed");
    const { promise, reject } = Promise.withResolvers<never>();
    core.models.train = () => promise;
    await sendInTurnsWithoutIdle(core, 30);
    const waiting = core.trainer.whenTrained(detector);
    await new Promise((resolve) => setTimeout(resolve, 20));
    core.trainer.close();
    expect(await waiting).toBe("none");
    reject(new TrainingError("stopped"));
  });
});

async function sendInTurnsWithoutIdle(core: WindowCore, count: number): Promise<void> {
  for (const row of gaussianRows(count, 9)) await send(core, [row]);
}
