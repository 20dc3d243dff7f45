import { afterEach, describe, expect, test } from "vitest";
import type { WeirError } from "../../src/domain/errors.ts";
import { Source, State } from "../../src/domain/verdict.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { Pool } from "../../src/shard/pool.ts";
import type { PoolOptions, StepPool } from "../../src/shard/pool.ts";
import type { Job, JobResult } from "../../src/shard/protocol.ts";
import { createDetector, event, request, startCore } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { ManualClock } from "../support/manual-clock.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const spec = {
  inputs: [{ name: "amount" }],
  halfSpaceTrees: { window: 20 },
  burnInEvents: 1,
  timeoutMs: 20,
};

/** A pool that holds its results back while `isHeld`. */
class HeldPool implements StepPool {
  readonly threads: number;
  tasks = 0;
  isHeld = false;
  private readonly pool: Pool;
  private readonly waiting: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.pool = new Pool(options);
    this.threads = options.threads;
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    this.tasks++;
    const results = await this.pool.run(jobs);
    if (this.isHeld) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.tasks--;
    return results;
  }

  /** Lets what is held go; with `isHeld` still set, what comes later is held. */
  release(): void {
    for (const open of this.waiting.splice(0)) open();
  }

  killThread(index: number): Promise<void> {
    return this.pool.killThread(index);
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

interface Rig {
  readonly core: TestCore;
  readonly clock: ManualClock;
  readonly pool: HeldPool;
}

async function start(options: Parameters<typeof startCore>[0] = {}): Promise<Rig> {
  const clock = new ManualClock();
  const pools: HeldPool[] = [];
  const core = await startCore({
    shards: 1,
    inlineWorkMax: 0,
    clock,
    createPool: (poolOptions) => {
      const pool = new HeldPool(poolOptions);
      pools.push(pool);
      return pool;
    },
    ...options,
  });
  cores.push(core);
  const [pool] = pools;
  if (pool === undefined) throw new Error("no pool was made");
  return { core, clock, pool };
}

interface Sent {
  verdicts?: Verdicts;
  error?: WeirError;
  cancel(): void;
}

/** Sends one event and keeps what comes of it. */
function send(rig: Rig, given: Parameters<typeof event>[0], timeoutMs = 0): Sent {
  const call = {
    receivedAt: rig.clock.now(),
    deadline: Number.POSITIVE_INFINITY,
    transport: "grpc_stream",
    traceparent: undefined,
  } as const;
  const sent: Sent = { cancel: () => ticket.cancel() };
  const ticket = rig.core.admission.submit(
    request({ detector: "d", timeoutMs, events: [event(given)] }),
    call,
    {
      answer: (verdicts) => (sent.verdicts = verdicts),
      fail: (error) => (sent.error = error),
    },
  );
  return sent;
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

async function teach(rig: Rig, events: number): Promise<void> {
  for (let i = 0; i < events; i++) {
    send(rig, { key: "k", numbers: { amount: (i % 7) / 7 } });
    await rig.core.shards.idle();
  }
}

/** Sends an event and lets its budget end. */
async function fallBack(rig: Rig, given: Parameters<typeof event>[0]): Promise<Verdicts> {
  rig.pool.isHeld = true;
  const sent = send(rig, given);
  await settle();
  rig.clock.advance(20);
  if (sent.verdicts === undefined) throw new Error("no answer");
  return sent.verdicts;
}

const rules = [{ name: "big", when: "amount > 100", score: 0.99 }];

describe("anomaly of a fallback", () => {
  test("is known past burn-in, also where the cached score is no source", async () => {
    const rig = await start();
    await createDetector(rig.core, "d", {
      ...spec,
      threshold: 0.9,
      rules,
      fallback: ["rules", "default"],
    });
    await teach(rig, 30);
    const verdicts = await fallBack(rig, { key: "k", numbers: { amount: 500 } });
    expect(verdicts.sources[0]).toBe(Source.RULES);
    expect(verdicts.states[0]).toBe(State.READY);
    expect(verdicts.anomalies[0]).toBe(1);
    rig.pool.release();
  });

  test("is not told of a key that has expired", async () => {
    const rig = await start();
    await createDetector(rig.core, "d", { ...spec, threshold: 0.9, rules, keyTtlSeconds: 1 });
    await teach(rig, 30);
    rig.clock.advance(2000);
    const verdicts = await fallBack(rig, { key: "k", numbers: { amount: 500 } });
    expect(verdicts.states[0]).toBe(State.COLLECTING);
    expect(verdicts.anomalies[0]).toBe(0);
    rig.pool.release();
  });
});

test("rules see the arrival as the time of an event without one", async () => {
  const rig = await start();
  const since = new Date(rig.clock.unixMs() - 1000).toISOString();
  await createDetector(rig.core, "d", {
    ...spec,
    rules: [{ name: "recent", when: `time > timestamp("${since}")`, score: 0.7 }],
  });
  const verdicts = await fallBack(rig, { numbers: { amount: 1 } });
  expect(verdicts.sources[0]).toBe(Source.RULES);
  rig.pool.release();
});

describe("a duplicate that is on its way when the first falls back", () => {
  test.each(["by the model", "by the fallback"])("gets the first verdict: %s", async (how) => {
    const rig = await start();
    await createDetector(rig.core, "d", { ...spec, rules });
    await teach(rig, 30);
    rig.pool.isHeld = true;
    const twin = { key: "k", id: "x", numbers: { amount: 500 } };
    const first = send(rig, twin);
    await settle();
    const second = send(rig, { ...twin, numbers: { amount: 1 } }, 40);
    rig.clock.advance(20);
    expect(first.verdicts?.sources[0]).toBe(Source.RULES);
    if (how === "by the model") {
      rig.pool.isHeld = false;
      rig.pool.release();
      await settle();
    } else {
      rig.clock.advance(30);
    }
    rig.pool.isHeld = false;
    rig.pool.release();
    await rig.core.shards.idle();
    const third = send(rig, twin);
    await rig.core.shards.idle();
    for (const { verdicts } of [second, third]) {
      expect(verdicts?.replayed[0]).toBe(1);
      expect(verdicts?.sources[0]).toBe(Source.RULES);
      expect(verdicts?.scores[0]).toBe(0.99);
    }
    expect(rig.core.detectors.status(rig.core.detectors.get("d")).events).toBe(31);
  });
});

test("a row that found no room is answered the same when it is sent again", async () => {
  const rig = await start({ shardMemoryBytes: 32 * 1024 * 1024 });
  await createDetector(rig.core, "d", {
    ...spec,
    halfSpaceTrees: { trees: 128, height: 14 },
    rules,
    timeoutMs: 10_000,
  });
  const twin = { key: "k", id: "x", numbers: { amount: 500 } };
  const first = send(rig, twin);
  await rig.core.shards.idle();
  expect(first.verdicts?.sources[0]).toBe(Source.RULES);
  expect(rig.core.detectors.status(rig.core.detectors.get("d")).lastError).toContain("memory");
  await rig.core.shards.idle();
  const again = send(rig, twin);
  await rig.core.shards.idle();
  expect(again.verdicts?.replayed[0]).toBe(1);
  expect(again.verdicts?.scores[0]).toBe(0.99);
});

test("a reply that throws at the end of its budget keeps no other from being told", async () => {
  const rig = await start();
  await createDetector(rig.core, "d", spec);
  rig.pool.isHeld = true;
  const call = {
    receivedAt: rig.clock.now(),
    deadline: Number.POSITIVE_INFINITY,
    transport: "grpc_stream",
    traceparent: undefined,
  } as const;
  const one = request({ detector: "d", events: [event({ numbers: { amount: 1 } })] });
  const before = send(rig, { numbers: { amount: 1 } });
  rig.core.admission.submit(one, call, {
    answer() {
      throw new Error("broken transport");
    },
    fail: () => undefined,
  });
  const after = send(rig, { numbers: { amount: 1 } });
  await settle();
  rig.clock.advance(20);
  expect([before, after].map(({ verdicts }) => verdicts?.sources[0])).toEqual([4, 4]);
  expect(rig.core.admission.inFlight).toBe(0);
  rig.pool.release();
});

describe("a detector that refuses new keys", () => {
  test("does not count keys that are never made", async () => {
    const rig = await start();
    await createDetector(rig.core, "d", {
      ...spec,
      inputs: [{ name: "amount", missing: "model" }],
      keysMax: 1,
      atKeysMax: "refuse",
      timeoutMs: 10_000,
    });
    const numbers = { amount: 1 };
    for (let i = 0; i < 300; i++) send(rig, { key: `s${i}`, numbers, systemAction: "restart" });
    for (let i = 0; i < 300; i++) send(rig, { key: `m${i}` });
    await rig.core.shards.idle();
    const before = rig.core.detectors.status(rig.core.detectors.get("d"));
    expect(before.keys).toBe(0);
    const sent = send(rig, { key: "k", numbers });
    await rig.core.shards.idle();
    expect(sent.verdicts?.sources[0]).toBe(Source.MODEL);
  });

  test("forgets a new key whose rows were all cancelled before they were learned", async () => {
    const rig = await start();
    await createDetector(rig.core, "d", { ...spec, keysMax: 1, atKeysMax: "refuse" });
    for (let i = 0; i < 300; i++) send(rig, { key: `c${i % 40}`, numbers: { amount: 1 } }).cancel();
    const kept = send(rig, { key: "c1", numbers: { amount: 1 } });
    const alsoCancelled = send(rig, { key: "c1", numbers: { amount: 1 } });
    alsoCancelled.cancel();
    await rig.core.shards.idle();
    expect(kept.verdicts?.sources[0]).toBe(Source.MODEL);
    for (let i = 0; i < 40; i++) {
      if (i === 1) continue;
      send(rig, { key: `c${i}`, numbers: { amount: 1 } }).cancel();
    }
    expect(rig.core.detectors.status(rig.core.detectors.get("d")).keys).toBe(1);
  });
});
