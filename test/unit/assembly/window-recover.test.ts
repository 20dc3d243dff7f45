import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import {
  DETECTORS_MAX,
  Op,
  Root,
  SLOT_BYTES,
  Status,
  StepError,
} from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { builds, hashOf, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions, RowInput, TakenTraining } from "../../kernel.ts";
import { train } from "../../window-rig.ts";

const features = 3;
const options: DetectorOptions = {
  features,
  threshold: 0.5,
  burnIn: 0,
  keysPerPartition: 8,
  windowModel: {
    kind: "ecod",
    windowRows: 200,
    minSamples: 20,
    retrainInterval: 15,
    rolling: [5],
    lags: [2],
  },
};
const bystanders = ["", ...Array.from({ length: 40 }, (_, i) => `bystander ${i}`)];
const victims = Array.from({ length: 60 }, (_, i) => `victim ${i}`);

function rowsOf(keys: readonly string[], count: number, seed: number): RowInput[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, (_, i) => ({
    key: keys[Math.floor(random() * keys.length)]!,
    arrivalMs: i,
    values: [normal(random), random() < 0.05 ? Number.NaN : random(), i % 11],
  }));
}

interface Laid {
  readonly shard: TestShard;
  /** Taken, not over: of bystanders. */
  readonly out: readonly TakenTraining[];
  readonly model: Uint8Array;
}

/** Bystanders with windows and models, some with a training that is due, some with one that is taken. */
async function lay(path: string, seed: number): Promise<Laid> {
  const shard = await TestShard.make(path, 32 << 20);
  expect(shard.create(options)).toBe(Status.OK);
  let model: Uint8Array | undefined;
  for (const row of rowsOf(bystanders, 3000, seed)) {
    shard.step([row]);
    const taken = shard.take();
    if (taken === undefined) continue;
    model ??= await train(path, "ecod", taken);
    shard.swap(taken.handle, model!);
  }
  shard.step(rowsOf(bystanders, 400, seed + 1));
  const out = [shard.take()!, shard.take()!];
  expect(shard.trainingsDue).toBe(2);
  return { shard, out, model: model! };
}

const digests = (shard: TestShard, keys: readonly string[]): bigint[] =>
  keys.map((key) => shard.digest(key));

/** Lets a thread work on the shard and kills it after a moment. */
async function killWithin(
  { shard, model }: Laid,
  module: WebAssembly.Module,
  { delayMs, work }: { delayMs: number; work: "step" | "recover" | "trainings" },
): Promise<void> {
  const worker = new Worker(new URL("victim.ts", import.meta.url), {
    workerData: { module, memory: shard.memory, work, model },
  });
  await once(worker, "message");
  const until = performance.now() + delayMs;
  while (performance.now() < until);
  await worker.terminate();
}

describe.each(builds)("recovery of window models, %s build", async (name, path) => {
  const module = await compileModule(path);

  it("keeps the cells, models and trainings of keys that the batch did not name", async () => {
    const random = mulberry(name.length);
    let killedInside = 0;
    for (let round = 0; round < 10; round++) {
      const laid = await lay(path, round);
      const { shard, out, model } = laid;
      const before = digests(shard, bystanders);
      shard.write(rowsOf(victims, 4000, 1000 + round));
      await killWithin(laid, module, { delayMs: random() * 12, work: "step" });
      if (new Uint32Array(shard.memory.buffer)[Root.inProgress >>> 2] !== 0) killedInside++;
      if (round % 2 === 0) {
        shard.write(rowsOf(victims, 4000, 1000 + round));
        await killWithin(laid, module, { delayMs: random() * 4, work: "recover" });
      }
      shard.kernel.recover(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, bystanders)).toEqual(before);
      expect(digests(shard, victims).every((digest) => digest === 0n)).toBe(true);
      // What was under way goes on: the trainings that were taken, and those that were due.
      expect(shard.trainingsDue).toBe(2);
      const { shard: undisturbed, out: same } = await lay(path, round);
      for (const each of [shard, undisturbed]) {
        const left = [...(each === shard ? out : same), each.take()!, each.take()!];
        for (const taken of left) expect(each.swap(taken.handle, model)).toBe(Status.OK);
      }
      const after = rowsOf([...bystanders, ...victims.slice(0, 9)], 1500, 2000 + round);
      expect(shard.step(after)).toEqual(undisturbed.step(after));
      expect(shard.kernel.detectorDigest(0)).toBe(undisturbed.kernel.detectorDigest(0));
      expect(shard.kernel.verify()).toBe(0);
    }
    expect(killedInside).toBeGreaterThan(3);
  });

  it("is sound wherever a thread died between taking, placing, swapping and dropping", async () => {
    const random = mulberry(5);
    let cut = 0;
    for (let round = 0; round < 25; round++) {
      const laid = await lay(path, round);
      const { shard } = laid;
      const others = bystanders.filter((key) => !key.endsWith("1"));
      shard.write(rowsOf(["bystander 1", "bystander 11", "victim 1"], 40, round));
      for (const taken of laid.out) shard.kernel.dropTraining(taken.handle, 1);
      while (shard.take() !== undefined);
      const before = digests(shard, others);
      await killWithin(laid, module, { delayMs: random() * 6, work: "trainings" });
      const inProgress = new Uint32Array(shard.memory.buffer)[Root.inProgress >>> 2];
      if (inProgress !== 0) cut++;
      shard.kernel.recover(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, others)).toEqual(before);
      shard.step(rowsOf(bystanders, 500, round));
      expect(shard.kernel.verify()).toBe(0);
    }
    expect(cut).toBeGreaterThan(3);
  });

  it("ends a training whose model is in, though the call was cut off before its ticket was free", async () => {
    const { shard, out, model } = await lay(path, 2);
    const [first] = out;
    const { ticket, cell } = placesOf(shard, first!);
    const numbers = new Float64Array(shard.memory.buffer);
    expect(numbers[ticket >>> 3]).toBe(first!.handle);
    expect(numbers[cell >>> 3]).toBe(first!.handle);
    expect(shard.swap(first!.handle, model)).toBe(Status.OK);
    const after = digests(shard, bystanders);
    for (const names of [[ticket], [cell], [ticket, cell]]) {
      for (const name of names) numbers[name >>> 3] = first!.handle;
      expect(shard.kernel.verify()).not.toBe(0);
      expect(shard.kernel.recover(-1)).toBe(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, bystanders)).toEqual(after);
      expect(shard.swap(first!.handle, model)).toBe(Status.GONE);
    }
  });

  it("ends the trainings of keys in doubt, and of no others", async () => {
    const { shard, out, model } = await lay(path, 1);
    const [first, second] = out;
    const doubted = bystanders.find((key) => hashName(key) === first!.keyHash)!;
    const rows = [...rowsOf([doubted], 10, 3), { key: doubted, op: Op.TRAP }];
    shard.setFaults(true);
    shard.write(rows);
    expect(() => shard.kernel.step(0)).toThrow(/unreachable/);
    expect(shard.kernel.step(0)).toBe(StepError.NEEDS_RECOVERY);
    shard.setFaults(false);
    expect(shard.kernel.recover(0)).toBe(1);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.digest(doubted)).toBe(0n);
    expect(shard.swap(first!.handle, model)).toBe(Status.GONE);
    expect(shard.swap(second!.handle, model)).toBe(Status.OK);
    expect(shard.kernel.verify()).toBe(0);
  });
});

/** Where the parts of a cell are: a ticket's key, a key's cell, a cell's training (assembly/{layout,key,cell}.ts). */
const TICKETS_BASE = Root.slots + DETECTORS_MAX * SLOT_BYTES;
const KEY_OF_TICKET = 8;
const CELL_OF_KEY = 40;
const TRAINING_OF_CELL = 24;

/** The ticket of a training, and the place where its cell names it. */
function placesOf(shard: TestShard, { handle }: TakenTraining): { ticket: number; cell: number } {
  const words = new Uint32Array(shard.memory.buffer);
  const ticket = TICKETS_BASE + (handle % 256) * 64;
  const key = words[(ticket + KEY_OF_TICKET) >>> 2]!;
  return { ticket, cell: words[(key + CELL_OF_KEY) >>> 2]! + TRAINING_OF_CELL };
}

/** The hash that a key has in a ticket. */
function hashName(key: string): bigint {
  const [lo, hi] = hashOf(key);
  return (BigInt(hi) << 32n) | BigInt(lo);
}
