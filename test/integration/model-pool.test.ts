import { afterEach, describe, expect, test } from "vitest";
import type { ThreadPriority } from "../../src/models/priority.ts";
import { ThreadPool } from "../../src/models/thread-pool.ts";
import { TrainingError } from "../../src/models/training.ts";
import type { TrainingRequest } from "../../src/models/training.ts";
import { compileModule, releaseModulePath } from "../../src/shard/module.ts";
import { mulberry, normal } from "../kernel.ts";
import { ModelBench } from "../models.ts";
import { niceOfThreads } from "../support/threads.ts";

const path = process.env["WEIR_TEST_KERNEL"] ?? releaseModulePath;
const pools: ThreadPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

async function makePool(
  options: { nice?: number; queueMax?: number; threads?: number; memoryBytes?: number } = {},
): Promise<{ readonly pool: ThreadPool; readonly priorities: readonly ThreadPriority[] }> {
  const priorities: ThreadPriority[] = [];
  const pool = new ThreadPool({
    module: await compileModule(path),
    threads: 1,
    memoryBytes: 512 * 1024 * 1024,
    queueMax: 8,
    nice: 0,
    onStarted: (priority) => priorities.push(priority),
    ...options,
  });
  pools.push(pool);
  return { pool, priorities };
}

function gaussian(rows: number, columns: number, seed = 1): Float64Array<ArrayBuffer> {
  const random = mulberry(seed);
  return Float64Array.from({ length: rows * columns }, () => normal(random));
}

function request(given: Partial<TrainingRequest> = {}): TrainingRequest {
  return {
    kind: "ecod",
    parameters: {},
    columns: 4,
    rows: gaussian(200, 4),
    seed: 42n,
    contamination: 0.1,
    scaler: "none",
    ...given,
  };
}

/** Takes seconds, and is killed before it ends. */
const long = (): TrainingRequest =>
  request({ kind: "knn", columns: 10, rows: gaussian(50_000, 10) });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("training", () => {
  test("gives the bytes that the same training gives on this thread, and scores with them", async () => {
    const { pool } = await makePool();
    const bench = await ModelBench.make(path);
    const model = await pool.train(request());
    const here = bench.fit("ecod", gaussian(200, 4), 4);
    expect(Buffer.from(model).equals(Buffer.from(here))).toBe(true);
    expect(await pool.check(model)).toBeUndefined();
    const rows = gaussian(5000, 4, 2);
    for (const normalization of ["raw", "calibrated"] as const) {
      const scored = await pool.score({ modelId: "m", model, rows, normalization });
      expect(scored).toMatchObject(bench.score(here, rows, normalization));
    }
  });

  test("does not confuse two models, whatever came in between", async () => {
    const { pool } = await makePool();
    const rows = gaussian(50, 4, 3);
    const [a, b] = [await pool.train(request()), await pool.train(request({ kind: "hbos" }))];
    const score = async (modelId: string, model: Uint8Array) =>
      (await pool.score({ modelId, model, rows, normalization: "raw" })).raws;
    const ofA = await score("a", a);
    const ofB = await score("b", b);
    expect(ofA).not.toEqual(ofB);
    expect(await score("a", a)).toEqual(ofA);
    await pool.check(b);
    expect(await score("a", a)).toEqual(ofA);
    await pool.train(request({ seed: 1n }));
    expect(await score("a", a)).toEqual(ofA);
    const shared = new Uint8Array(new SharedArrayBuffer(b.length));
    shared.set(b);
    expect(await score("shared", shared)).toEqual(ofB);
  });

  test("leaves the rows alone, or takes them where that is asked for", async () => {
    const { pool } = await makePool();
    const kept = request();
    const first = await pool.train(kept);
    expect(kept.rows.length).toBe(800);
    const second = await pool.train(kept, { moveRows: true });
    expect(kept.rows.length).toBe(0);
    expect(Buffer.from(second).equals(Buffer.from(first))).toBe(true);
  });

  test("that cannot be done is a TrainingError with a sentence, and harms no later one", async () => {
    const { pool } = await makePool();
    const model = await pool.train(request());
    const tooFew = pool.train(request({ rows: gaussian(1, 4) }));
    await expect(tooFew).rejects.toThrow(TrainingError);
    await expect(tooFew).rejects.toThrow("fewer rows than this kind needs");
    expect(Buffer.from(await pool.train(request())).equals(Buffer.from(model))).toBe(true);
  });

  test("tells a memory that is too small, and gives big ones back", async () => {
    const { pool } = await makePool({ memoryBytes: 32 * 1024 * 1024 });
    const big = request({ columns: 100, rows: gaussian(50_000, 100) });
    await expect(pool.train(big)).rejects.toThrow("raise trainer_memory_mb");
    const { pool: roomy } = await makePool({ memoryBytes: 1024 * 1024 * 1024 });
    const before = process.memoryUsage.rss();
    const model = await roomy.train(big, { moveRows: true });
    expect(model.length).toBeGreaterThan(20e6);
    await roomy.train(request());
    // The model itself, and no work memory (which is more than three times the 40 MB of rows).
    expect(process.memoryUsage.rss() - before).toBeLessThan(model.length + 60e6);
  });
});

describe("bytes that are no model", () => {
  test("are told from models, and not scored with", async () => {
    const { pool } = await makePool();
    const model = await pool.train(request());
    const damaged = model.slice();
    damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 1;
    expect(await pool.check(damaged)).toContain("checksum");
    expect(await pool.check(new Uint8Array(0))).toContain("not a model");
    expect(await pool.check(model.slice(0, -16))).toBeDefined();
    const rows = gaussian(2, 4);
    const scored = pool.score({ modelId: "x", model: damaged, rows, normalization: "raw" });
    await expect(scored).rejects.toThrow("checksum");
    await pool.score({ modelId: "x", model, rows, normalization: "raw" });
    const uneven = pool.score({
      modelId: "x",
      model,
      rows: rows.slice(1),
      normalization: "raw",
    });
    await expect(uneven).rejects.toThrow("4 columns");
  });
});

describe("threads", () => {
  test("refuse what waits beyond the bound, but not what has a bound of its own", async () => {
    const { pool } = await makePool({ queueMax: 2 });
    const jobs = Array.from({ length: 5 }, () => pool.train(request()));
    const own = pool.train(request(), { unbounded: true });
    expect(pool.queued).toBe(4);
    const results = await Promise.allSettled([...jobs, own]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    await expect(jobs[4]).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    expect(pool.queued).toBe(0);
  });

  test("that die reject their own job alone, and are replaced", async () => {
    const { pool } = await makePool();
    const expected = await pool.train(request());
    const killed = pool.train(long());
    const waiting = [pool.train(request()), pool.train(request())];
    await pause(150);
    await pool.killThread(0);
    await expect(killed).rejects.toThrow(new TrainingError("the trainer thread died"));
    for (const model of await Promise.all(waiting)) {
      expect(Buffer.from(model).equals(Buffer.from(expected))).toBe(true);
    }
  });

  test("that die again and again, also while they start, lose no job that waits", async () => {
    const { pool } = await makePool({ threads: 2 });
    let ended = 0;
    const jobs = Array.from({ length: 8 }, async () => {
      await pool.train(request()).catch((error: unknown) => {
        expect(error).toEqual(new TrainingError("the trainer thread died"));
      });
      ended++;
    });
    for (let i = 0; i < 12 && ended < jobs.length; i++) {
      await pause(20 * (i % 4));
      await pool.killThread(i % 2);
    }
    await Promise.all(jobs);
    expect(pool.queued).toBe(0);
    await pool.train(request());
  });

  test("close at once, whatever runs or waits", async () => {
    const { pool } = await makePool();
    const jobs = [pool.train(long()), pool.train(long()), pool.train(request())];
    const settled = Promise.allSettled(jobs);
    await pause(100);
    const before = performance.now();
    await pool.close();
    expect(performance.now() - before).toBeLessThan(1000);
    for (const result of await settled) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { message: "the server is stopping" },
      });
    }
    expect(pool.queued).toBe(0);
  });

  test.runIf(process.platform === "linux")(
    "for trainings give way to everything else, and nothing else does",
    async () => {
      const { pool, priorities } = await makePool({ nice: 10 });
      const { pool: scorers } = await makePool();
      const model = await pool.train(request());
      const rows = gaussian(2, 4);
      await scorers.score({ modelId: "m", model, rows, normalization: "raw" });
      expect(priorities).toEqual([{ threadId: expect.any(Number), nice: 10, problem: undefined }]);
      const trainer = priorities[0]?.threadId ?? 0;
      const nices = niceOfThreads();
      expect(nices.get(trainer)).toBe(10);
      expect(nices.get(process.pid)).toBe(0);
      const others = [...nices].filter(([thread]) => thread !== trainer);
      expect(others.length).toBeGreaterThan(1);
      expect(others.filter(([, nice]) => nice !== 0)).toEqual([]);
      await pool.killThread(0);
      await pool.train(request());
      expect(priorities.length).toBe(2);
      expect(niceOfThreads().get(priorities[1]?.threadId ?? 0)).toBe(10);
    },
  );
});
