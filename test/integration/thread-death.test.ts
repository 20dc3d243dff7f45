import { afterEach, describe, expect, test } from "vitest";
import { Source } from "../../src/domain/verdict.ts";
import { Op, Root } from "../../src/shard/layout.ts";
import { KeyHash } from "../../src/shard/key-hash.ts";
import { emptyRow } from "../../src/shard/region.ts";
import type { RowsOwner, Shard } from "../../src/shard/shard.ts";
import { noTelemetry } from "../../src/telemetry/no-telemetry.ts";
import { createDetector, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const spec = {
  inputs: [{ name: "a" }, { name: "b" }],
  scaler: "standard",
  halfSpaceTrees: { window: 20 },
  burnInEvents: 10,
  timeoutMs: 30_000,
};

const keysA = Array.from({ length: 40 }, (_, i) => `quiet${i}`);
const keysB = Array.from({ length: 40 }, (_, i) => `busy${i}`);

function rowsFor(keys: readonly string[], round: number) {
  const rows = keys.map((_, i) => [Math.sin(round * 7 + i) * 3, Math.cos(round + i * 5)]);
  return request({ detector: "d", frame: frame(rows, keys) });
}

async function scores(core: TestCore, keys: readonly string[], round: number): Promise<number[]> {
  return [...(await submit(core, rowsFor(keys, round))).rawScores];
}

async function start(counted: { restarts: number; inDoubt: number }): Promise<TestCore> {
  const core = await startCore({
    shards: 2,
    threads: 1,
    inlineWorkMax: 0,
    telemetry: {
      ...noTelemetry,
      workerRestarted: () => counted.restarts++,
      keysInDoubt: (keys) => (counted.inDoubt += keys),
    },
  });
  cores.push(core);
  await createDetector(core, "d", spec);
  return core;
}

/** Puts one faulty row for `key` into the shard that owns it. */
function addFault(core: TestCore, key: string, op: number): Promise<"done" | "lost"> {
  const bytes = new TextEncoder().encode(key);
  const hash = new KeyHash();
  hash.of(bytes, 0, bytes.length);
  const shard: Shard = core.shards.shardOf(hash.lo);
  shard.views.u32[Root.faults >>> 2] = 1;
  return new Promise((resolve) => {
    const owner: RowsOwner = {
      span: undefined,
      done: () => resolve("done"),
      lost: () => resolve("lost"),
    };
    const { gathering } = shard;
    const first = gathering.putRow({
      ...emptyRow(),
      op,
      hashLo: hash.lo,
      hashHi: hash.hi,
      keyOffset: gathering.putBytes(bytes, 0, bytes.length),
      keyLength: bytes.length,
      valuesOffset: gathering.putValues(Float64Array.of(1, 1), 0, 2, 0),
      arrivalMs: Date.now(),
    });
    shard.add({ owner, first, count: 1, admittedAt: performance.now() }, 10, 1);
    core.shards.wake();
  });
}

describe.each([
  ["a step that traps", Op.TRAP, false],
  ["a thread that is killed in a step", Op.SPIN, true],
] as const)("%s", (_name, op, kill) => {
  test("its rows fall back, its keys start cold, all other keys go on bit for bit", async () => {
    const counted = { restarts: 0, inDoubt: 0 };
    const [core, undisturbed] = [await start(counted), await start({ restarts: 0, inDoubt: 0 })];
    for (let round = 0; round < 60; round++) {
      await Promise.all([
        scores(core, keysA, round),
        scores(core, keysB, round),
        scores(undisturbed, keysA, round),
      ]);
    }
    const faults = keysB.slice(0, 4).map((key) => addFault(core, key, op));
    const beside = submit(core, rowsFor(keysB, 60));
    if (kill) {
      for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        await core.shards.killThread(0);
      }
    }
    expect(await Promise.all(faults)).toContain("lost");
    const answered = await beside;
    expect(answered.sources.some((source) => source !== Source.MODEL)).toBe(true);
    await core.shards.idle();
    expect(counted.inDoubt).toBeGreaterThan(0);
    if (kill) expect(counted.restarts).toBeGreaterThan(0);
    for (let round = 61; round < 90; round++) {
      expect(await scores(core, keysA, round)).toEqual(await scores(undisturbed, keysA, round));
    }
    const { keys } = core.detectors.status(core.detectors.get("d"));
    expect(keys).toBeLessThan(keysA.length + keysB.length);
    const learned = await submit(core, rowsFor(keysB, 91));
    expect(learned.sources.every((source) => source === Source.MODEL)).toBe(true);
  });
});

test("a thread killed at random points under load loses nothing but the keys in its batches", async () => {
  const counted = { restarts: 0, inDoubt: 0 };
  const core = await start(counted);
  let answered = 0;
  let sent = 0;
  const until = Date.now() + 4000;
  const load = async (keys: readonly string[]): Promise<void> => {
    for (let round = 0; Date.now() < until; round++) {
      sent++;
      const verdicts = await submit(core, rowsFor(keys, round));
      expect(verdicts.sources.every((source) => source !== 0)).toBe(true);
      answered++;
    }
  };
  const killer = async (): Promise<void> => {
    while (Date.now() < until - 500) {
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
      await core.shards.killThread(0);
    }
  };
  await Promise.all([load(keysA), load(keysB), killer()]);
  await core.shards.idle();
  expect(answered).toBe(sent);
  expect(counted.restarts).toBeGreaterThan(3);
  const verdicts = await submit(core, rowsFor(keysA, 0));
  expect(verdicts.sources.every((source) => source === Source.MODEL)).toBe(true);
});
