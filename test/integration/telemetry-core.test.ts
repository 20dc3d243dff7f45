import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { Pool } from "../../src/shard/pool.ts";
import type { PoolOptions, StepPool } from "../../src/shard/pool.ts";
import type { Job, JobResult } from "../../src/shard/protocol.ts";
import { createTelemetry, telemetryDefaults } from "../../src/telemetry/create-telemetry.ts";
import { createDetector, event, request, startCore, type TestCore } from "../support/core.ts";
import { ManualClock } from "../support/manual-clock.ts";

let stop: () => Promise<unknown>;
afterEach(() => stop());

/** A pool that keeps its results to itself while it is held. */
class HeldPool implements StepPool {
  readonly #pool: Pool;
  #held: PromiseWithResolvers<void> | undefined;

  constructor(options: PoolOptions) {
    this.#pool = new Pool(options);
  }

  get threads(): number {
    return this.#pool.threads;
  }

  get tasks(): number {
    return this.#pool.tasks;
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    const results = await this.#pool.run(jobs);
    await this.#held?.promise;
    return results;
  }

  hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held;
    return () => held.resolve();
  }

  killThread(index: number): Promise<void> {
    return this.#pool.killThread(index);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

async function start() {
  const clock = new ManualClock();
  const telemetry = createTelemetry(telemetryDefaults, clock);
  const pools: HeldPool[] = [];
  const core = await startCore({
    shards: 1,
    inlineWorkMax: 0,
    clock,
    telemetry,
    createPool: (options) => {
      const pool = new HeldPool(options);
      pools.push(pool);
      return pool;
    },
  });
  stop = () => Promise.all([core.close(), telemetry.shutdown()]);
  await createDetector(core, "cards", { inputs: [{ name: "amount" }], halfSpaceTrees: {} });
  return { clock, telemetry, core, pool: pools[0]! };
}

function ask(core: TestCore, clock: ManualClock, rows: number): Promise<void> {
  const events = Array.from({ length: rows }, (_, i) => event({ numbers: { amount: i } }));
  return new Promise((resolve, reject) => {
    core.admission.submit(
      request({ detector: "cards", events }),
      {
        receivedAt: clock.now(),
        deadline: Infinity,
        transport: "grpc_stream",
        traceparent: undefined,
      },
      { answer: () => resolve(), fail: reject },
    );
  });
}

describe("the scorer's telemetry", () => {
  it("counts every row once in each stage, and its source", async () => {
    const { clock, telemetry, core } = await start();
    await ask(core, clock, 3);
    await ask(core, clock, 2);
    await core.shards.idle();
    const { server, detectors } = telemetry.stats();
    expect(server.lastMinute).toMatchObject({ requests: 2, rows: 5, rowsPerBatch: 2.5 });
    expect(server.stageFailures).toEqual({
      queue: 0,
      batch: 0,
      step: 0,
      journal: 0,
      reply: 0,
    });
    expect(detectors[0]?.lastMinute.bySource.model).toBe(5);
    const { body } = await telemetry.metricsText();
    for (const stage of ["queue", "batch", "step", "reply"]) {
      expect(body).toContain(`weir_stage_duration_seconds_count{stage="${stage}"} 5\n`);
    }
  });

  it("tells in which stage a budget ended", async () => {
    const { clock, telemetry, core, pool } = await start();
    const release = pool.hold();
    const inFlight = ask(core, clock, 3);
    await sleep(20);
    const queued = ask(core, clock, 2);
    await sleep(20);
    clock.advance(25);
    await Promise.all([inFlight, queued]);
    const { server, detectors } = telemetry.stats();
    expect(server.stageFailures).toEqual({
      queue: 2,
      batch: 0,
      step: 3,
      journal: 0,
      reply: 0,
    });
    expect(detectors[0]).toMatchObject({ fallbacks: 5, lastMinute: { bySource: { default: 5 } } });
    expect(detectors[0]?.lastMinute.p99Ms).toBeGreaterThan(19);
    expect(detectors[0]?.lastMinute.p99Ms).toBeLessThan(27);
    release();
    await core.shards.idle();
  });
});
