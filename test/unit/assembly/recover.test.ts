import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import {
  ARENA_BASE,
  CONTROL_BASE,
  Op,
  PAGE_BYTES,
  Root,
  Slot,
  slotBase,
  StepError,
} from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { builds, controlBlock, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions, RowInput } from "../../kernel.ts";

const memoryBytes = 32 << 20;
const options: DetectorOptions = {
  features: 3,
  trees: 10,
  height: 6,
  window: 40,
  burnIn: 20,
  keysPerPartition: 8,
};
const bystanders = Array.from({ length: 200 }, (_, i) => `bystander ${i}`);
const victims = Array.from({ length: 300 }, (_, i) => `victim ${i}`);

function rowsOf(keys: readonly string[], count: number, seed: number): RowInput[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, (_, i) => ({
    key: keys[Math.floor(random() * keys.length)]!,
    arrivalMs: i,
    values: [normal(random), random() < 0.05 ? Number.NaN : random(), i % 11],
    ...(random() < 0.3 ? { id: `${seed}/${i}` } : {}),
  }));
}

async function makeShard(path: string, seed: number): Promise<TestShard> {
  const shard = await TestShard.make(path, memoryBytes);
  expect(shard.create(options)).toBe(0);
  for (let batch = 0; batch < 3; batch++) shard.step(rowsOf(bystanders, 4000, seed + batch));
  return shard;
}

const digests = (shard: TestShard, keys: readonly string[]): bigint[] =>
  keys.map((key) => shard.digest(key));

/** Lets a thread work on the shard and kills it after a moment. */
async function killWithin(
  shard: TestShard,
  module: WebAssembly.Module,
  { delayMs, work }: { delayMs: number; work: "step" | "recover" | "detectors" },
): Promise<void> {
  const worker = new Worker(new URL("victim.ts", import.meta.url), {
    workerData: { module, memory: shard.memory, work },
  });
  await once(worker, "message");
  const until = performance.now() + delayMs;
  while (performance.now() < until);
  await worker.terminate();
}

describe.each(builds)("recovery, %s build", async (name, path) => {
  const module = await compileModule(path);

  it("drops the keys of a batch whose thread was killed, and no others", async () => {
    const random = mulberry(name.length);
    let killedInside = 0;
    for (let round = 0; round < 20; round++) {
      const shard = await makeShard(path, round);
      const before = digests(shard, bystanders);
      shard.write(rowsOf(victims, 4000, 1000 + round));
      await killWithin(shard, module, { delayMs: random() * 12, work: "step" });
      const inProgress = new Uint32Array(shard.memory.buffer)[Root.inProgress >>> 2];
      if (inProgress !== 0) {
        killedInside++;
        expect(shard.kernel.step(0)).toBe(StepError.NEEDS_RECOVERY);
      }
      shard.kernel.recover(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, bystanders)).toEqual(before);
      expect(digests(shard, victims).every((digest) => digest === 0n)).toBe(true);
      expect(shard.counter("keys")).toBe(before.filter((digest) => digest !== 0n).length);
      // From here on it is as a shard that never met the victims.
      const undisturbed = await makeShard(path, round);
      const after = rowsOf([...bystanders, ...victims.slice(0, 20)], 3000, 2000 + round);
      const plain = after.map(({ id: _, ...row }) => row);
      expect(shard.step(plain)).toEqual(undisturbed.step(plain));
      expect(shard.kernel.detectorDigest(0)).toBe(undisturbed.kernel.detectorDigest(0));
      expect(shard.kernel.verify()).toBe(0);
    }
    expect(killedInside).toBeGreaterThan(5);
  });

  it("keeps what other keys' eviction left whole when the thread died amid evictions", async () => {
    const random = mulberry(3);
    const crowd = Array.from({ length: 6000 }, (_, i) => `crowd ${i}`);
    for (let round = 0; round < 8; round++) {
      const shard = await makeShard(path, round);
      const before = digests(shard, bystanders);
      shard.write(rowsOf(crowd, 8000, round));
      await killWithin(shard, module, { delayMs: random() * 10, work: "step" });
      shard.kernel.recover(0);
      expect(shard.kernel.verify()).toBe(0);
      // A bystander may have been evicted, but never half.
      for (const [i, digest] of digests(shard, bystanders).entries()) {
        expect([0n, before[i]]).toContain(digest);
      }
      shard.step(rowsOf(crowd, 2000, 77));
      expect(shard.kernel.verify()).toBe(0);
    }
  });

  it.each(["recover", "detectors"] as const)("can be cut off and begun again: %s", async (work) => {
    const random = mulberry(4);
    for (let round = 0; round < 6; round++) {
      const shard = await makeShard(path, round);
      const before = digests(shard, bystanders);
      shard.write(rowsOf(victims, 4000, round));
      shard.write(
        rowsOf(victims, 300, round).map((row) => ({ ...row, slot: 1 })),
        1,
      );
      new Float64Array(shard.memory.buffer).set(controlBlock(options), CONTROL_BASE >>> 3);
      if (work === "recover") await killWithin(shard, module, { delayMs: 3, work: "step" });
      await killWithin(shard, module, { delayMs: random() * 6, work });
      shard.kernel.recover(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, bystanders)).toEqual(before);
    }
  });

  it("survives a trap in the middle of a batch", async () => {
    const shard = await makeShard(path, 1);
    const before = digests(shard, bystanders);
    const rows = rowsOf(victims, 900, 5);
    rows[500] = { op: Op.TRAP };
    shard.write(rows);
    expect(shard.kernel.step(0)).toBe(900);
    expect(shard.output(500).status).not.toBe(0);
    shard.setFaults(true);
    expect(() => shard.kernel.step(0)).toThrow(/unreachable/);
    expect(shard.kernel.step(0)).toBe(StepError.NEEDS_RECOVERY);
    shard.setFaults(false);
    const dropped = shard.kernel.recover(0);
    expect(dropped).toBeGreaterThan(0);
    expect(shard.counter("keysInDoubt")).toBe(dropped);
    expect(shard.kernel.verify()).toBe(0);
    expect(digests(shard, bystanders)).toEqual(before);
  });

  it("makes every index anew from the blocks", async () => {
    const shard = await makeShard(path, 2);
    const before = digests(shard, bystanders);
    const digest = shard.kernel.detectorDigest(0);
    const again = rowsOf(bystanders, 4000, 4).filter((row) => row.id !== undefined);
    for (const damage of damages) {
      damage(shard);
      expect(shard.kernel.verify()).not.toBe(0);
      expect(shard.kernel.recover(-1)).toBe(0);
      expect(shard.kernel.verify()).toBe(0);
      expect(digests(shard, bystanders)).toEqual(before);
      expect(shard.kernel.detectorDigest(0)).toBe(digest);
      const asked = again.slice(-200).map((row) => ({ ...row, op: Op.SCORE_ONLY, sequence: 1 }));
      expect(shard.step(asked).every((output) => output.replayed === 1)).toBe(true);
    }
  });
});

/** Where a detector's block has the heads of its structures and its partitions (assembly/detector.ts). */
const HEADS = { first: 320, bytes: 256 };
const PARTITIONS = { first: 5184, bytes: 4096 };
const ID_INDEX = 148;
const CLASS_HEADS = { first: 256, bytes: 68 * 4 };

const words = (shard: TestShard): Uint32Array => new Uint32Array(shard.memory.buffer);

function detectorOf(shard: TestShard): number {
  return words(shard)[(slotBase(0) + Slot.detector) >>> 2]!;
}

function scribble(shard: TestShard, first: number, bytes: number): void {
  words(shard).fill(0xdead_bee0, first >>> 2, (first + bytes) >>> 2);
}

const damages: readonly ((shard: TestShard) => void)[] = [
  (shard) => scribble(shard, CLASS_HEADS.first, CLASS_HEADS.bytes),
  (shard) => scribble(shard, 56, 4), // the list of free runs
  (shard) => scribble(shard, slotBase(0) + Slot.keys, 8),
  (shard) => scribble(shard, detectorOf(shard) + HEADS.first, HEADS.bytes),
  (shard) => scribble(shard, detectorOf(shard) + PARTITIONS.first, PARTITIONS.bytes),
  (shard) => {
    const index = words(shard)[(detectorOf(shard) + ID_INDEX) >>> 2]!;
    words(shard).fill(0, (index + 16) >>> 2, (index + 16 + 512) >>> 2);
  },
  (shard) => {
    // The free list of every slab, and how many of its blocks are in use.
    const memory = words(shard);
    const top = memory[Root.arenaTop >>> 2]!;
    for (let run = ARENA_BASE; run < top; run += memory[(run + 4) >>> 2]! * PAGE_BYTES) {
      if (memory[run >>> 2] === 0x534c_4142) scribble(shard, run + 12, 8);
    }
  },
  (shard) => {
    words(shard)[Root.inProgress >>> 2] = 1;
  },
];
