import { describe, expect, test } from "vitest";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { systemClock } from "../../../src/domain/clock.ts";
import type { Detector } from "../../../src/domain/detector.ts";
import { State } from "../../../src/domain/verdict.ts";
import type { ModelPool } from "../../../src/models/pool.ts";
import { TrainingError, type TrainingRequest } from "../../../src/models/training.ts";
import type { ShardSet } from "../../../src/shard/shard-set.ts";
import type { TrainingCopy } from "../../../src/shard/window-models.ts";
import { noTelemetry } from "../../../src/telemetry/no-telemetry.ts";
import { Trainer } from "../../../src/trainer/trainer.ts";
import { windowSpec } from "../../support/window-models.ts";

type Models = ShardSet["windowModels"];

/** Shards that hold nothing but copies which a test puts there. */
class FakeShards {
  readonly due: TrainingCopy[] = [];
  readonly swapped: number[] = [];
  readonly dropped: (readonly [handle: number, failed: boolean])[] = [];
  readonly positions = new Map<number, number>();
  readonly models: Models;

  constructor() {
    const models: Partial<Models> = {
      onTrainingDue: undefined,
      takeTrainings: async (_shard, max) => this.due.splice(0, max),
      swapModel: async (copy) => {
        this.swapped.push(copy.handle);
        return { outcome: "swapped", position: copy.position + 1 };
      },
      dropTraining: async (copy, failed) => {
        this.dropped.push([copy.handle, failed]);
      },
      cellOf: (slot) => ({
        position: this.positions.get(slot) ?? 0,
        windowRows: 0,
        version: 0,
        trainedAt: 0,
        state: State.READY,
      }),
      counters: () => ({ trainings: 0, failed: 0, withoutMemory: 0, windowsWithoutMemory: 0 }),
    };
    this.models = models as Models;
  }

  add(handle: number, given: Partial<TrainingCopy> = {}): void {
    this.due.push({
      shard: 0,
      handle,
      slot: 0,
      keyHash: 1n,
      position: 100,
      dueAt: 100,
      version: 1,
      columns: 3,
      rows: new Float64Array(new SharedArrayBuffer(240)),
      ...given,
    });
  }
}

interface Rig {
  readonly shards: FakeShards;
  readonly trainer: Trainer;
  /** What runs, and what ends it. */
  readonly running: { readonly request: TrainingRequest; end(error?: Error): void }[];
  readonly outcomes: string[];
  readonly warnings: string[];
  /** Lets the trainer take what is due. */
  readonly take: () => Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig(
  detectors: readonly Detector[],
  bounds = { trainingsMax: 10, bytesMax: 1e9 },
  threads = 1,
): Rig {
  const shards = new FakeShards();
  const running: Rig["running"] = [];
  const outcomes: string[] = [];
  const warnings: string[] = [];
  const train: ModelPool["train"] = (request) =>
    new Promise((resolve, reject) => {
      running.push({
        request,
        end: (error) => (error === undefined ? resolve(new Uint8Array(8)) : reject(error)),
      });
    });
  const trainer = new Trainer({
    shards: {
      windowModels: shards.models,
      counters: () => ({
        keys: 1,
        events: 0,
        anomalies: 0,
        stateBytes: 0,
        keysEvicted: 0,
        keysExpired: 0,
        rowsRefused: 0,
        rowsLate: 0,
        rowsFuture: 0,
        keysInPanes: 0,
        heartbeatMs: Number.NEGATIVE_INFINITY,
      }),
    },
    pool: { train },
    threads,
    bounds,
    detectorAt: (slot) => detectors[slot],
    telemetry: {
      detector: (name) => ({
        ...noTelemetry.detector(name),
        trainingEnded: (outcome) => outcomes.push(`${name} ${outcome}`),
      }),
    },
    clock: systemClock,
    log: {
      info: () => undefined,
      warn: (_fields, message) => warnings.push(message),
      error: (_fields, message) => warnings.push(message),
    },
  });
  const take = async (): Promise<void> => {
    shards.models.onTrainingDue?.(0);
    await turn();
  };
  return { shards, trainer, running, outcomes, warnings, take };
}

function detector(slot: number, retrainInterval = 100, scope = "detector"): Detector {
  const window = { rows: 200, minSamples: 50, retrainInterval, scope };
  return makeDetector(`d${slot}`, slot, normalizeSpec(windowSpec({ window })));
}

describe("the queue of trainings", () => {
  test("runs the most overdue first, by rows since due as a share of the interval", async () => {
    const { shards, running, take } = rig([
      detector(0),
      detector(1, 1000),
      detector(2),
      detector(3),
    ]);
    for (const slot of [0, 1, 2, 3]) shards.add(slot, { slot });
    shards.positions.set(0, 100).set(1, 600).set(2, 170).set(3, 170);
    await take();
    // The first to come runs at once; of the others 0.7 intervals come before 0.5, and before those that came later.
    const order: number[] = [];
    for (let i = 0; i < 4; i++) {
      expect(running.length).toBe(i + 1);
      running[i]?.end();
      await turn();
      order.push(shards.swapped.at(-1) ?? -1);
    }
    expect(order).toEqual([0, 2, 3, 1]);
  });

  test("gives up the least overdue beyond its bound, and says so", async () => {
    const detectors = [0, 1, 2, 3, 4].map((slot) => detector(slot));
    const { shards, running, take, outcomes, warnings } = rig(detectors, {
      trainingsMax: 2,
      bytesMax: 1e9,
    });
    for (const slot of [0, 1, 2, 3, 4]) shards.add(slot, { slot });
    shards.positions.set(1, 130).set(2, 110).set(3, 120).set(4, 105);
    await take();
    expect(shards.dropped).toEqual([
      [2, false],
      [4, false],
    ]);
    expect(outcomes).toEqual(["d2 given_up", "d4 given_up"]);
    expect(warnings.length).toBe(1);
    for (let i = 0; i < 3; i++) {
      running[i]?.end();
      await turn();
    }
    expect(shards.swapped).toEqual([0, 1, 3]);
  });

  test("is bounded in bytes, too, but takes any one window", async () => {
    const detectors = [0, 1, 2].map((slot) => detector(slot));
    const { shards, trainer, take } = rig(detectors, { trainingsMax: 10, bytesMax: 300 });
    shards.add(0, { slot: 0 });
    shards.add(1, { slot: 1, rows: new Float64Array(new SharedArrayBuffer(2400)) });
    await take();
    expect(trainer.queued).toBe(2);
    shards.add(2, { slot: 2 });
    await take();
    expect(shards.dropped).toEqual([[2, false]]);
  });

  test("has one training a detector run at a time, whatever its keys and the threads", async () => {
    const bounds = { trainingsMax: 10, bytesMax: 1e9 };
    const { shards, running, take } = rig([detector(0, 100, "key"), detector(1)], bounds, 2);
    shards.add(0, { keyHash: 1n });
    shards.add(1, { keyHash: 2n });
    shards.add(2, { slot: 1 });
    await take();
    expect(running.length).toBe(2);
    running[1]?.end();
    await turn();
    expect(shards.swapped).toEqual([2]);
    expect(running.length).toBe(2);
    running[0]?.end();
    await turn();
    expect(running.length).toBe(3);
    running[2]?.end();
    await turn();
    expect(shards.swapped).toEqual([2, 0, 1]);
  });

  test("takes no more from the shards than it can copy in a few milliseconds at a time", async () => {
    const { shards, trainer, take } = rig([detector(0, 100, "key")]);
    for (let i = 0; i < 9; i++) shards.add(i, { keyHash: BigInt(i) });
    await take();
    await turn();
    expect(shards.due.length).toBe(0);
    expect(trainer.queued).toBe(9);
  });

  test("drops what no detector wants", async () => {
    const { shards, running, take } = rig([]);
    shards.add(7, { slot: 3 });
    await take();
    expect(running.length).toBe(0);
    expect(shards.dropped).toEqual([[7, false]]);
  });
});

describe("a detector that is forgotten", () => {
  test("has its waiting trainings dropped, and no record of what ran", async () => {
    const forgotten = detector(0, 100, "key");
    const { shards, running, trainer, take } = rig([forgotten, detector(1)]);
    shards.add(0);
    shards.add(1, { keyHash: 2n });
    shards.add(2, { slot: 1 });
    await take();
    trainer.forget(forgotten);
    await turn();
    expect(shards.dropped).toEqual([[1, false]]);
    running[0]?.end(new TrainingError("too late"));
    await turn();
    expect(trainer.statusOf(forgotten)).toMatchObject({
      lastError: "",
      training: { trainings: 0, swaps: [], lastTrainingMs: 0 },
    });
    running[1]?.end();
    await turn();
    expect(shards.swapped).toEqual([2]);
  });
});

describe("what is remembered", () => {
  test("is the last failure, of which the log tells less and less", async () => {
    const one = detector(0);
    const { shards, running, trainer, take, warnings } = rig([one]);
    const run = async (position: number, error?: Error): Promise<void> => {
      shards.add(position, { position });
      await take();
      running.at(-1)?.end(error);
      await turn();
    };
    for (let i = 1; i <= 100; i++) await run(i, new TrainingError("no"));
    expect(warnings).toHaveLength(7);
    expect(trainer.statusOf(one)?.lastError).toContain("up to row 100 failed: no");
    await run(101);
    await run(102, new TrainingError("again"));
    expect(warnings).toHaveLength(8);
  });

  test("are the last 64 swaps, the newest last", async () => {
    const one = detector(0);
    const { shards, running, trainer, take } = rig([one]);
    for (let version = 1; version <= 70; version++) {
      shards.add(version, { version, position: 100 * version });
      await take();
      running.at(-1)?.end();
      await turn();
    }
    const { swaps, trainings } = trainer.statusOf(one)?.training ?? { swaps: [], trainings: 0 };
    expect(trainings).toBe(70);
    expect(swaps.length).toBe(64);
    expect(swaps.at(-1)).toEqual({ version: 70, trainedAt: 7000, swappedAt: 7001, keyHash: "" });
  });

  test("of a model that learns in place is nothing", () => {
    const inPlace = makeDetector("d", 0, normalizeSpec({ inputs: [{ name: "a" }] }));
    const { trainer } = rig([inPlace]);
    expect(trainer.statusOf(inPlace)).toBeUndefined();
    expect(trainer.versionOf(inPlace)).toBe(1);
  });
});
