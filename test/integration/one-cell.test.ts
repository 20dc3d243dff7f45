import { afterEach, describe, expect, test } from "vitest";
import { Mode } from "../../src/domain/event.ts";
import { Source, State } from "../../src/domain/verdict.ts";
import { mulberry, normal } from "../kernel.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

async function start(given: object = {}, options: Parameters<typeof startCore>[0] = {}) {
  const core = await startCore({ shards: 3, ...options });
  cores.push(core);
  await createDetector(core, "d", {
    inputs: [{ name: "a" }, { name: "b" }],
    ecod: {},
    window: { rows: 200, minSamples: 50, retrainInterval: 100 },
    timeoutMs: 30_000,
    ...given,
  });
  return core;
}

function rowsOf(count: number, seed: number): number[][] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => [normal(random), normal(random)]);
}

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `key ${i % 9}`);

describe("a detector of one cell", () => {
  test("learns the rows of all keys in one window, in one shard", async () => {
    const core = await start();
    await submit(core, request({ detector: "d", frame: frame(rowsOf(60, 1), keysOf(60)) }));
    await core.trainer.idle();
    const { slot } = core.detectors.get("d");
    expect(core.shards.counters(slot).keys).toBe(1);
    expect(core.shards.windowModels.cellOf(slot)).toMatchObject({
      position: 60,
      windowRows: 60,
      version: 1,
    });
    const verdicts = await submit(
      core,
      request({ detector: "d", frame: frame(rowsOf(9, 2), keysOf(9)), mode: Mode.SCORE_ONLY }),
    );
    expect([...verdicts.states]).toEqual(Array.from({ length: 9 }, () => State.READY));
    expect(verdicts.scores.every((score) => score > 0 && score < 1)).toBe(true);
  });

  test("gives the scores of a detector that has no keys, whatever keys its rows have", async () => {
    const core = await start();
    await createDetector(core, "plain", {
      inputs: [{ name: "a" }, { name: "b" }],
      ecod: {},
      window: { rows: 200, minSamples: 50, retrainInterval: 100 },
      timeoutMs: 30_000,
    });
    for (const [count, seed] of [
      [50, 1],
      [40, 2],
      [7, 3],
    ] as const) {
      const rows = rowsOf(count, seed);
      const keyed = await submit(
        core,
        request({ detector: "d", frame: frame(rows, keysOf(count)) }),
      );
      const plain = await submit(
        core,
        request({
          detector: "plain",
          frame: frame(
            rows,
            rows.map(() => ""),
          ),
        }),
      );
      expect(keyed.scores).toEqual(plain.scores);
      await core.trainer.idle();
    }
  });

  test("tells the same id of two keys apart, and remembers the id of each", async () => {
    const core = await start();
    const send = async (key: string, id: string, a: number) => {
      const { replayed } = await submit(
        core,
        request({ detector: "d", events: [event({ key, id, numbers: { a, b: 0 } })] }),
      );
      return replayed[0];
    };
    expect(await send("one", "1", 1)).toBe(0);
    expect(await send("two", "1", 2)).toBe(0);
    expect(await send("one", "1", 3)).toBe(1);
    expect(await send("two", "1", 4)).toBe(1);
    // The same bytes, cut elsewhere.
    expect(await send("one1", "", 5)).toBe(0);
    expect(await send("on", "e1", 5)).toBe(0);
    expect(core.shards.windowModels.cellOf(core.detectors.get("d").slot)?.position).toBe(4);
  });

  test("keeps the score of each client's key for the fallback, and amends by key and id", async () => {
    const core = await start({ fallback: ["CACHED", "DEFAULT"], defaultScore: 0.125 });
    await submit(core, request({ detector: "d", frame: frame(rowsOf(60, 1), keysOf(60)) }));
    await core.trainer.idle();
    const ask = (key: string, id: string, timeoutMs: number) =>
      submit(
        core,
        request({
          detector: "d",
          events: [event({ key, id, numbers: { a: 3, b: -3 } })],
          timeoutMs,
        }),
      );
    const first = await ask("key 1", "", 30_000);
    // No batch is cut before the budget ends: its timer is due in the same turn.
    const late = core.shards.shards.map((shard) => {
      shard.busy = true;
      return shard;
    });
    const cached = await ask("key 1", "late", 1);
    const unknown = await ask("another", "late", 1);
    for (const shard of late) shard.busy = false;
    core.shards.wake();
    await core.shards.idle();
    expect(cached.sources[0]).toBe(Source.CACHED);
    expect(cached.scores[0]).toBe(first.scores[0]);
    expect(cached.states[0]).toBe(State.READY);
    expect(unknown.sources[0]).toBe(Source.DEFAULT);
    // Duplicates get what the clients got, each by its key.
    const again = await ask("key 1", "late", 30_000);
    expect([again.replayed[0], again.sources[0], again.scores[0]]).toEqual([
      1,
      Source.CACHED,
      first.scores[0],
    ]);
    const other = await ask("another", "late", 30_000);
    expect([other.replayed[0], other.sources[0], other.scores[0]]).toEqual([
      1,
      Source.DEFAULT,
      0.125,
    ]);
  });

  test("goes on when a thread dies amid its rows: its cell starts cold, others do not", async () => {
    const core = await start({}, { inlineWorkMax: 0 });
    await createDetector(core, "other", {
      inputs: [{ name: "a" }, { name: "b" }],
      hbos: {},
      window: { rows: 200, minSamples: 50, retrainInterval: 100 },
      timeoutMs: 30_000,
    });
    for (const detector of ["d", "other"]) {
      await submit(core, request({ detector, frame: frame(rowsOf(60, 1), keysOf(60)) }));
    }
    await core.trainer.idle();
    const { slot } = core.detectors.get("other");
    const before = await core.shards.windowModels.modelOf(slot);
    const [dying] = await Promise.allSettled([
      submit(core, request({ detector: "d", frame: frame(rowsOf(2000, 4), keysOf(2000)) })),
      core.shards.killThread(0),
    ]);
    expect(dying.status).toBe("fulfilled");
    await core.shards.idle();
    expect(await core.shards.windowModels.modelOf(slot)).toEqual(before);
    const verdicts = await submit(
      core,
      request({ detector: "other", frame: frame(rowsOf(5, 5), keysOf(5)) }),
    );
    expect(verdicts.sources.every((source) => source === Source.MODEL)).toBe(true);
    expect(verdicts.modelVersions.every((version) => version === 1)).toBe(true);
  });

  test("takes a model of several MiB in slices, and rows that come meanwhile wait for it or go before", async () => {
    const forest = { ecod: undefined, isolationForest: { nEstimators: 1000, maxSamples: 1000 } };
    const window = { rows: 2000, minSamples: 1500, retrainInterval: 100_000 };
    const core = await start({ ...forest, window });
    await submit(core, request({ detector: "d", frame: frame(rowsOf(1500, 1), keysOf(1500)) }));
    const trained = core.trainer.idle().then(() => true);
    const versions: number[] = [];
    const states = new Set<number>();
    for (let over = false; !over;) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const verdicts = await submit(
        core,
        request({ detector: "d", frame: frame(rowsOf(3, 2), keysOf(3)) }),
      );
      versions.push(...verdicts.modelVersions);
      for (const state of verdicts.states) states.add(state);
      expect(verdicts.sources.every((source) => source === Source.MODEL)).toBe(true);
      // oxlint-disable-next-line no-await-in-loop -- only looks
      over = await Promise.race([trained, Promise.resolve(false)]);
    }
    const model = await core.shards.windowModels.modelOf(core.detectors.get("d").slot);
    expect(model?.length).toBeGreaterThan(2 << 20);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(states.has(State.COLLECTING)).toBe(true);
    const [last] = (
      await submit(core, request({ detector: "d", events: [event({ numbers: { a: 1, b: 1 } })] }))
    ).modelVersions;
    expect(last).toBe(1);
    expect(core.shards.windowModels.cellOf(core.detectors.get("d").slot)?.position).toBe(
      1500 + versions.length + 1,
    );
  });
});
