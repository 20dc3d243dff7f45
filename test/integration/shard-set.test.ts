import { afterEach, expect, test } from "vitest";
import { Source } from "../../src/domain/verdict.ts";
import { KeyHash } from "../../src/shard/key-hash.ts";
import { Pool } from "../../src/shard/pool.ts";
import type { PoolOptions, StepPool } from "../../src/shard/pool.ts";
import type { Job, JobResult } from "../../src/shard/protocol.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const spec = { inputs: [{ name: "amount" }], timeoutMs: 5000, batchWaitMs: 50 };

/** A pool that can claim to have no free thread, hold jobs back, and notices two jobs at once over one shard. */
class WatchedPool implements StepPool {
  readonly threads: number;
  overlaps = 0;
  tasks = 0;
  /** Jobs of this kind die after they were done, this often. */
  deaths: { kind: string; left: number } = { kind: "step", left: 0 };
  readonly kinds: string[] = [];
  held: Promise<void> = Promise.resolve();
  private readonly pool: Pool;
  private readonly running = new Set<number>();

  constructor(options: PoolOptions) {
    this.pool = new Pool(options);
    this.threads = options.threads;
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    this.tasks++;
    for (const { shard } of jobs) {
      if (this.running.has(shard)) this.overlaps++;
      this.running.add(shard);
    }
    try {
      const results = await this.pool.run(jobs);
      await this.held;
      this.kinds.push(...jobs.map(kindOf));
      if (jobs.some((job) => kindOf(job) === this.deaths.kind) && this.deaths.left-- > 0) {
        throw new Error("the thread died");
      }
      return results;
    } finally {
      this.tasks--;
      for (const { shard } of jobs) this.running.delete(shard);
    }
  }

  killThread(index: number): Promise<void> {
    return this.pool.killThread(index);
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

function kindOf(job: Job): string {
  return job.kind === "change" ? job.change.kind : job.kind;
}

async function start(threads: number): Promise<{ core: TestCore; pool: WatchedPool }> {
  const pools: WatchedPool[] = [];
  const core = await startCore({
    shards: 2,
    threads,
    createPool: (options) => {
      const made = new WatchedPool(options);
      pools.push(made);
      return made;
    },
  });
  cores.push(core);
  await createDetector(core, "d", spec);
  const [pool] = pools;
  if (pool === undefined) throw new Error("no pool was made");
  return { core, pool };
}

/** A key that lives in this shard. */
function keyIn(core: TestCore, shard: number): string {
  const hash = new KeyHash();
  for (let i = 0; ; i++) {
    const bytes = new TextEncoder().encode(`k${i}`);
    hash.of(bytes, 0, bytes.length);
    if (core.shards.indexOf(hash.lo) === shard) return `k${i}`;
  }
}

function many(key: string, rows: number): ReturnType<typeof request> {
  const packed = frame(
    Array.from({ length: rows }, (_, i) => [i]),
    Array.from({ length: rows }, () => key),
  );
  return request({ detector: "d", frame: packed });
}

test("a shard is never stepped twice at once, even when an inline batch wakes the set in the middle of a flush", async () => {
  const { core, pool } = await start(2);
  const [first, second] = [keyIn(core, 0), keyIn(core, 1)];
  pool.tasks += 2;
  const waiting = submit(core, many(first, 1500));
  pool.tasks -= 2;
  const idle = core.shards.idle();
  const inline = submit(
    core,
    request({ detector: "d", events: [event({ key: second, numbers: { amount: 1 } })] }),
  );
  await Promise.all([waiting, inline, idle]);
  expect(pool.overlaps).toBe(0);
  expect(core.shards.shards.every((shard) => !shard.busy)).toBe(true);
  expect(core.detectors.status(core.detectors.get("d")).events).toBe(1501);
});

test("a thread that gets free takes what waits in another shard at once", async () => {
  const { core, pool } = await start(1);
  let open = (): void => undefined;
  pool.held = new Promise((resolve) => (open = resolve));
  const busy = submit(core, many(keyIn(core, 0), 100));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const sentAt = performance.now();
  const waiting = submit(core, many(keyIn(core, 1), 100));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  pool.held = Promise.resolve();
  open();
  await busy;
  await waiting;
  expect(performance.now() - sentAt).toBeLessThan(30);
});

test.each(["create", "reset", "delete"] as const)(
  "a %s whose thread died is made again, in a shard that was put in order first",
  async (kind) => {
    const { core, pool } = await start(1);
    pool.deaths = { kind, left: 1 };
    const learn = (detector: string) =>
      submit(core, { ...many(keyIn(core, 0), 100), detector }).then(() => undefined);
    await createDetector(core, "other", spec);
    await learn("other");
    await core.detectors.reset("other");
    await learn("other");
    expect(core.detectors.status(core.detectors.get("other")).events).toBe(100);
    await core.detectors.remove("other");
    expect(pool.kinds.filter((each) => each === "recover")).toHaveLength(1);
    await learn("d");
    expect(core.detectors.status(core.detectors.get("d"))).toMatchObject({ events: 100, keys: 1 });
  },
);

test("an owner that throws when it hears of a lost batch harms nobody else", async () => {
  const { core, pool } = await start(1);
  pool.deaths = { kind: "step", left: 1 };
  const [shard] = core.shards.shards;
  if (shard === undefined) throw new Error("no shards");
  const owner = {
    span: undefined,
    done: () => undefined,
    lost: () => {
      throw new Error("broken owner");
    },
  };
  shard.add({ owner, first: 0, count: 0, admittedAt: performance.now() }, 10, 0);
  const verdicts = await submit(core, many(keyIn(core, 0), 100));
  expect(verdicts.sources[99]).not.toBe(0);
  await core.shards.idle();
  const after = await submit(core, many(keyIn(core, 0), 100));
  expect(after.sources[99]).toBe(Source.MODEL);
});

test("explained rows weigh more: what is stepped inline stays short", async () => {
  const { core } = await start(1);
  const [shard] = core.shards.shards;
  const rows = many(keyIn(core, 0), 10);
  const plain = submit(core, rows);
  expect(shard?.work).toBe(10);
  const explained = submit(core, { ...rows, explain: true });
  expect(shard?.work).toBeGreaterThan(100);
  await Promise.all([plain, explained]);
});
