import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Mode } from "../../src/domain/event.ts";
import { isDiscovering } from "../../src/discovery/discovery.ts";
import { Source } from "../../src/domain/verdict.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { KeyHash } from "../../src/shard/key-hash.ts";
import { PARTITIONS } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import type { TrainingCopy } from "../../src/shard/window-models.ts";
import { equalMemories } from "../../src/state/replay/equal-memories.ts";
import { replayCold } from "../support/crash-check.ts";
import { keptModulePath } from "../support/kept-core.ts";
import { startKept } from "../support/kept-server.ts";
import type { KeptServer } from "../support/kept-server.ts";
import { createDetector, event, request, submit } from "../support/core.ts";
import { eventually } from "../support/eventually.ts";
import { stopWriter } from "../support/stop-writer.ts";

const servers: KeptServer[] = [];
const data = mkdtempSync(join(tmpdir(), "weir-failure-"));
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(data, { recursive: true, force: true });
});

async function start(): Promise<KeptServer> {
  const server = await startKept(data);
  servers.push(server);
  return server;
}

test("an encoding is after a restart what it was when the journal had failed and gone on", async () => {
  const first = await start();
  const { core } = first;
  await createDetector(core, "d", {
    inputs: [{ name: "a" }, { name: "country", type: "category", encoding: "label" }],
    ecod: {},
    window: { rows: 60, minSamples: 30, retrainInterval: 40 },
    timeoutMs: 300,
  });
  const send = async (i: number, country: string): Promise<boolean> => {
    const one = event({ id: `e${i}`, numbers: { a: (i * 0.37) % 1 }, categories: { country } });
    const { durables } = await submit(core, request({ detector: "d", events: [one] }));
    return durables[0] === 1;
  };
  for (let i = 0; i < 40; i++) expect(await send(i, "DE")).toBe(true);
  await eventually(() => expect(isDiscovering(core.detectors.get("d"))).toBe(false));
  const fail = await stopWriter(first.state.journal);
  expect(await send(100, "lost")).toBe(false);
  fail();
  expect(first.state.journal.failed).toBe(true);
  await eventually(() => expect(first.state.journal.failed).toBe(false));
  expect(await send(101, "FR")).toBe(true);
  const before = core.detectors.get("d").encoding?.state();
  await servers.pop()?.close();
  const again = await start();
  expect(again.core.detectors.get("d").encoding?.state()).toEqual(before);
});

test("trainings that end while the journal cannot be written are due again, and those of lost rows come to nothing", async () => {
  const { core, state } = await start();
  await createDetector(core, "t", {
    inputs: [{ name: "a" }, { name: "b" }],
    ecod: {},
    window: { rows: 60, minSamples: 30, retrainInterval: 20 },
    timeoutMs: 300,
  });
  const { windowModels } = core.shards;
  windowModels.onTrainingDue = undefined;
  const take = async (rows: number): Promise<TrainingCopy> => {
    const events = Array.from({ length: rows }, (_, i) =>
      event({ numbers: { a: (i * 0.37) % 1, b: (i * 0.61) % 1 } }),
    );
    await submit(core, request({ detector: "t", events }));
    const taken = await Promise.all(
      core.shards.shards.map(({ index }) => windowModels.takeTrainings(index)),
    );
    const [copy] = taken.flat();
    if (copy === undefined) throw new Error("no training is due");
    return copy;
  };
  const again = async (fail: () => void): Promise<void> => {
    fail();
    await eventually(() => expect(state.journal.failed).toBe(false));
    await core.shards.passed();
  };

  const first = await take(30);
  await eventually(() => expect(state.journal.durable).toBe(state.journal.newest));
  const failing = await stopWriter(state.journal);
  failing();
  await windowModels.dropTraining(first, false);
  await again(() => undefined);
  expect(await windowModels.dropTaken()).toBe(0);

  const lost = await (async () => {
    const fail = await stopWriter(state.journal);
    const copy = await take(60);
    await again(fail);
    return copy;
  })();
  const retaken = await take(60);
  expect(retaken.handle).toBe(lost.handle);
  expect((await windowModels.swapModel(lost, new Uint8Array(8))).outcome).toBe("gone");
  await windowModels.dropTraining(lost, false);
  await windowModels.dropTraining(retaken, false);
  expect(await windowModels.dropTaken()).toBe(0);
});

test("inputs that are found as the journal fails are found again, from all rows that were kept", async () => {
  const { core, state } = await start();
  await createDetector(core, "f", {
    inputs: [{ name: "a" }, { name: "country", type: "category", encoding: "label" }],
    ecod: {},
    window: { rows: 60, minSamples: 30, retrainInterval: 40 },
    timeoutMs: 200,
  });
  const send = async (from: number, to: number): Promise<number> => {
    let durable = 0;
    for (let i = from; i < to; i++) {
      const categories = { country: i % 2 === 0 ? "DE" : "FR" };
      const one = event({ id: `e${i}`, numbers: { a: (i * 0.37) % 1 }, categories });
      const { durables } = await submit(core, request({ detector: "f", events: [one] }));
      durable += durables[0] ?? 0;
    }
    return durable;
  };
  expect(await send(0, 29)).toBe(29);
  const fail = await stopWriter(state.journal);
  expect(await send(29, 30)).toBe(0);
  fail();
  await eventually(() => expect(isDiscovering(core.detectors.get("f"))).toBe(true));
  await eventually(() => expect(state.journal.failed).toBe(false));
  expect(await send(30, 31)).toBe(1);
  await eventually(() => expect(isDiscovering(core.detectors.get("f"))).toBe(false));
  await eventually(() => send(31, 32).then((durable) => expect(durable).toBe(1)));
  const { events } = core.detectors.status(core.detectors.get("f"));
  expect(events).toBe(32);
  await servers.pop()?.close();
  const again = await start();
  expect(again.core.detectors.status(again.core.detectors.get("f")).events).toBe(32);
});

test("where only the disk is late, each row has the score that the model gave it, not that of a later one", async () => {
  const { core, state } = await start();
  const trees = { trees: 10, height: 6, window: 50, limits: { a: { low: 0, high: 1000 } } };
  const inputs = [{ name: "a" }];
  const model = { inputs, halfSpaceTrees: trees, burnInEvents: 100, threshold: 0.9 };
  await createDetector(core, "o", { ...model, timeoutMs: 300 });
  const send = (values: readonly number[]): Promise<Verdicts> => {
    const events = values.map((a) => event({ key: "k", numbers: { a } }));
    return submit(core, request({ detector: "o", events }));
  };
  const usual = Array.from({ length: 200 }, (_, i) => 20 + (i % 7));
  await send(usual);
  const mode = Mode.SCORE_ONLY;
  const values = [20, 900, 20];
  const expected = await submit(
    core,
    request({
      detector: "o",
      mode,
      events: values.map((a) => event({ key: "k", numbers: { a } })),
    }),
  );
  const fail = await stopWriter(state.journal);
  const { sources, scores, rawScores, anomalies, durables } = await send(values);
  fail();
  await eventually(() => expect(state.journal.failed).toBe(false));
  expect([...sources]).toEqual(values.map(() => Source.CACHED));
  expect([...durables]).toEqual([0, 0, 0]);
  expect(rawScores[0]).toBe(expected.rawScores[0]);
  expect(rawScores[1]).toBe(expected.rawScores[1]);
  expect(scores[1]).toBeGreaterThan(scores[0] ?? 1);
  expect(scores[2]).toBeLessThan(scores[1] ?? 0);
  expect([...anomalies]).toEqual([0, 1, 0]);
});

test("a reply that throws when its rows are on disk keeps no other from its own", async () => {
  const { core } = await start();
  await createDetector(core, "r", { inputs: [{ name: "a" }], timeoutMs: 5000 });
  const events = [event({ numbers: { a: 0.5 } })];
  const call = { receivedAt: 0, deadline: Number.POSITIVE_INFINITY, traceparent: undefined };
  core.admission.submit(
    request({ detector: "r", events }),
    { ...call, receivedAt: performance.now(), transport: "grpc_stream" },
    {
      answer: () => {
        throw new Error("the stream is gone");
      },
      fail: () => undefined,
    },
  );
  const { durables } = await submit(core, request({ detector: "r", events }));
  expect(durables[0]).toBe(1);
});

test("rows that are scored while the journal cannot be written leave nothing behind", async () => {
  const { core, state } = await startKept(data, { shards: 1, memoryBytes: 32 << 20 });
  servers.push({ core, state, close: () => core.close() });
  await createDetector(core, "l", {
    inputs: [{ name: "a" }],
    features: [{ name: "n", aggregate: "count", window: { sliding: "1h" } }],
    eventTime: {
      allowedLateness: "1s",
      late: "score_only",
      futureTolerance: "1h",
      future: "refuse",
    },
    timeoutMs: 5000,
  });
  const send = (timeUnixMs: number, mode = 0) =>
    submit(
      core,
      request({ detector: "l", mode, events: [event({ numbers: { a: 0.5 }, timeUnixMs })] }),
    );
  const now = Date.now();
  const oddTimes = [now - 60_000, now + 7_200_000];
  const sendAll = async (): Promise<void> => {
    await send(now);
    for (const time of oddTimes) {
      await send(time);
      await send(time, Mode.SCORE_ONLY);
    }
  };
  await sendAll();
  const counters = (): object => {
    const { rowsLate, rowsFuture } = core.shards.counters(core.detectors.get("l").slot);
    return { rowsLate, rowsFuture };
  };
  expect(counters()).toEqual({ rowsLate: 2, rowsFuture: 2 });
  const fail = await stopWriter(state.journal);
  fail();
  await core.shards.idle();
  expect(state.journal.failed).toBe(true);
  await sendAll();
  expect(counters()).toEqual({ rowsLate: 2, rowsFuture: 2 });
  await eventually(() => expect(state.journal.failed).toBe(false));
  await sendAll();
  expect(counters()).toEqual({ rowsLate: 4, rowsFuture: 4 });
  await core.close();
  const module = await compileModule(keptModulePath);
  const { shards } = replayCold(data, { module, shards: 1, memoryBytes: 32 << 20 });
  const live = core.shards.shards[0]?.views.u8 ?? new Uint8Array();
  expect(equalMemories(live, shards[0]?.views.u8 ?? new Uint8Array())).toBeUndefined();
});

/** Keys of one partition: of each the detector below keeps one. */
function neighbours(count: number, partition: number): string[] {
  const hash = new KeyHash();
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = Buffer.from(`k${i}`);
    hash.of(key, 0, key.length);
    if (hash.lo % PARTITIONS === partition) keys.push(key.toString());
  }
  return keys;
}

test("keys that only undone rows had made take no place", async () => {
  const { core, state } = await start();
  await createDetector(core, "k", {
    inputs: [{ name: "a" }],
    keysMax: PARTITIONS,
    atKeysMax: "refuse",
    timeoutMs: 300,
  });
  const send = (key = ""): Promise<Verdicts> => {
    const one = event({ id: `e ${key}`, key, numbers: { a: 0.5 } });
    return submit(core, request({ detector: "k", events: [one] }));
  };
  const kept = neighbours(2, 1);
  const undone = neighbours(2, 2);
  expect((await send(kept[0])).durables[0]).toBe(1);
  const fail = await stopWriter(state.journal);
  expect((await send(undone[0])).durables[0]).toBe(0);
  fail();
  await eventually(() => expect(state.journal.failed).toBe(false));
  const { sequence } = core.admission.runtimeOf(core.detectors.get("k"));
  expect(sequence).toBe(1);
  expect((await send(undone[1])).durables[0]).toBe(1);
  await expect(send(undone[0])).rejects.toThrow("a new key does not fit");
  await expect(send(kept[1])).rejects.toThrow("a new key does not fit");
  expect((await send(kept[0])).replayed[0]).toBe(1);
  expect(core.detectors.status(core.detectors.get("k")).keys).toBe(2);
});
