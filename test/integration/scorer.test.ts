import { afterEach, describe, expect, test } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { Mode } from "../../src/domain/event.ts";
import { Source, State } from "../../src/domain/verdict.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { SlowPool } from "../support/slow-pool.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

async function start(options: Parameters<typeof startCore>[0] = {}): Promise<TestCore> {
  const core = await startCore(options);
  cores.push(core);
  return core;
}

const spec = {
  inputs: [{ name: "amount" }],
  scaler: "standard",
  halfSpaceTrees: { window: 20 },
  burnInEvents: 10,
  timeoutMs: 5000,
};

async function startSlow(clock: ManualClock): Promise<{ core: TestCore; pool: SlowPool }> {
  let pool: SlowPool | undefined;
  const core = await start({
    shards: 1,
    inlineWorkMax: 0,
    clock,
    createPool: (options) => (pool = new SlowPool(options)),
  });
  return { core, pool: pool! };
}

/** Submits at the clock's now and records when the answer came. */
function submitAt(core: TestCore, clock: ManualClock, toSubmit: ReturnType<typeof request>) {
  const state: { verdicts?: Verdicts; answeredAt?: number; answers: number } = { answers: 0 };
  const ticket = core.admission.submit(
    toSubmit,
    {
      receivedAt: clock.now(),
      deadline: Number.POSITIVE_INFINITY,
      transport: "grpc_stream",
      traceparent: undefined,
    },
    {
      answer(verdicts) {
        state.verdicts = verdicts;
        state.answeredAt = clock.now();
        state.answers++;
      },
      fail(error) {
        throw error;
      },
    },
  );
  return { state, ticket };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe("a key's life", () => {
  test("is COLLECTING for a window, then BURN_IN, then READY", async () => {
    const core = await start();
    await createDetector(core, "d", spec);
    const states: number[] = [];
    for (let i = 0; i < 40; i++) {
      const verdicts = await submit(
        core,
        request({ detector: "d", events: [event({ key: "k", numbers: { amount: i % 7 } })] }),
      );
      states.push(verdicts.states[0]!);
      expect(Number.isNaN(verdicts.scores[0]!)).toBe(i < 20);
      expect(verdicts.sources[0]).toBe(Source.MODEL);
      expect(verdicts.modelVersions[0]).toBe(1);
    }
    expect(states).toEqual([
      ...Array(20).fill(State.COLLECTING),
      ...Array(10).fill(State.BURN_IN),
      ...Array(10).fill(State.READY),
    ]);
    expect(core.detectors.status(core.detectors.get("d"))).toMatchObject({ events: 40, keys: 1 });
  });

  test("SCORE_ONLY makes no key and LEARN_ONLY gives no score", async () => {
    const core = await start();
    await createDetector(core, "d", spec);
    const one = (mode: Mode) =>
      submit(core, request({ detector: "d", mode, events: [event({ numbers: { amount: 1 } })] }));
    await one(Mode.SCORE_ONLY);
    expect(core.detectors.status(core.detectors.get("d"))).toMatchObject({ events: 0, keys: 0 });
    const verdicts = await one(Mode.LEARN_ONLY);
    expect(verdicts.scores[0]).toBeNaN();
    expect(core.detectors.status(core.detectors.get("d"))).toMatchObject({ events: 1, keys: 1 });
  });
});

describe("ids", () => {
  test("a duplicate gets the first verdict, in the request, in flight and later", async () => {
    const core = await start();
    await createDetector(core, "d", spec);
    for (let i = 0; i < 30; i++) {
      await submit(core, request({ detector: "d", events: [event({ numbers: { amount: i } })] }));
    }
    const twin = event({ id: "x", numbers: { amount: 3 } });
    const [first, second] = await Promise.all([
      submit(core, request({ detector: "d", events: [twin, twin] })),
      submit(core, request({ detector: "d", events: [twin] })),
    ]);
    const third = await submit(core, request({ detector: "d", events: [twin] }));
    expect([...first.replayed]).toEqual([0, 1]);
    expect([...second.replayed, ...third.replayed]).toEqual([1, 1]);
    const score = first.scores[0];
    expect([first.scores[1], second.scores[0], third.scores[0]]).toEqual([score, score, score]);
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(31);
  });

  test("the verdict of a fallback is the first one too", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", {
      ...spec,
      timeoutMs: 20,
      rules: [{ name: "big", when: "amount > 100", score: 0.9 }],
    });
    pool.slow = true;
    const twin = request({ detector: "d", events: [event({ id: "x", numbers: { amount: 500 } })] });
    const { state } = submitAt(core, clock, twin);
    await settle();
    clock.advance(20);
    expect(state.verdicts?.sources[0]).toBe(Source.RULES);
    expect(state.verdicts?.scores[0]).toBe(0.9);
    pool.release();
    await settle();
    const again = submitAt(core, clock, twin);
    await settle();
    expect(again.state.verdicts?.replayed[0]).toBe(1);
    expect(again.state.verdicts?.sources[0]).toBe(Source.RULES);
    expect(again.state.verdicts?.scores[0]).toBe(0.9);
    expect(again.state.verdicts?.rules[0]).toBe(0);
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(1);
  });

  test("at least ids_max are remembered, whatever the keys", async () => {
    const core = await start();
    await createDetector(core, "d", { ...spec, idsMax: 500 });
    const send = (i: number) =>
      submit(
        core,
        request({
          detector: "d",
          events: [event({ id: `i${i}`, key: "one", numbers: { amount: i } })],
        }),
      );
    for (let i = 0; i < 500; i++) await send(i);
    expect((await send(0)).replayed[0]).toBe(1);
    expect((await send(499)).replayed[0]).toBe(1);
  });
});

test("repeats of one id do not push the others out of the memory", async () => {
  const core = await start();
  await createDetector(core, "d", { ...spec, idsMax: 100 });
  const send = (ids: readonly string[]) =>
    submit(
      core,
      request({ detector: "d", events: ids.map((id) => event({ id, numbers: { amount: 1 } })) }),
    );
  await send(["kept"]);
  for (let i = 0; i < 20; i++) await send(Array.from({ length: 1000 }, () => "again"));
  expect((await send(["kept"])).replayed[0]).toBe(1);
});

describe("deadlines", () => {
  test("with a slowed pool exactly no answer is late, and the late results still teach", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", { ...spec, timeoutMs: 20, defaultScore: 0.25 });
    pool.slow = true;
    const all = [];
    for (let i = 0; i < 200; i++) {
      const timeoutMs = 1 + (i % 40);
      const sentAt = clock.now();
      const { state } = submitAt(
        core,
        clock,
        request({
          detector: "d",
          timeoutMs,
          events: [event({ key: `k${i % 5}`, numbers: { amount: i } })],
        }),
      );
      all.push({ state, due: sentAt + timeoutMs });
      clock.advance(0.7);
      if (i % 20 === 0) await settle();
    }
    clock.advance(100);
    for (const { state, due } of all) {
      expect(state.answers).toBe(1);
      expect(state.answeredAt).toBeLessThanOrEqual(due);
      expect(state.verdicts?.sources[0]).toBe(Source.DEFAULT);
      expect(state.verdicts?.scores[0]).toBe(0.25);
    }
    pool.release();
    await core.shards.idle();
    const status = core.detectors.status(core.detectors.get("d"));
    expect(status).toMatchObject({ events: 200, fallbacks: 200, keys: 5 });
  });

  test("the caller's deadline shortens the budget", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", spec);
    pool.slow = true;
    let answeredAt = 0;
    const sentAt = clock.now();
    core.admission.submit(
      request({ detector: "d", events: [event({ numbers: { amount: 1 } })] }),
      { receivedAt: sentAt, deadline: sentAt + 7, transport: "grpc_unary", traceparent: undefined },
      { answer: () => (answeredAt = clock.now()), fail: () => undefined },
    );
    await settle();
    clock.advance(50);
    expect(answeredAt).toBe(sentAt + 7);
    pool.release();
  });

  test("the cached score answers while it is fresh", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", { ...spec, timeoutMs: 20, cachedMaxAgeMs: 1000 });
    const one = () =>
      submitAt(
        core,
        clock,
        request({ detector: "d", events: [event({ key: "k", numbers: { amount: 1 } })] }),
      );
    let last = 0;
    for (let i = 0; i < 40; i++) {
      const { state } = one();
      await core.shards.idle();
      last = state.verdicts!.scores[0]!;
    }
    pool.slow = true;
    const fresh = one();
    await settle();
    clock.advance(20);
    expect(fresh.state.verdicts?.sources[0]).toBe(Source.CACHED);
    expect(fresh.state.verdicts?.scores[0]).toBe(last);
    expect(fresh.state.verdicts?.states[0]).toBe(State.READY);
    clock.advance(2000);
    const stale = one();
    await settle();
    clock.advance(20);
    expect(stale.state.verdicts?.sources[0]).toBe(Source.DEFAULT);
    pool.release();
  });
});

describe("cancellation", () => {
  test("before its batch is cut nothing is learned, after it everything is", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", spec);
    const one = () =>
      submitAt(
        core,
        clock,
        request({ detector: "d", events: [event({ numbers: { amount: 1 } })] }),
      );
    pool.slow = true;
    const cut = one();
    await settle();
    const waiting = one();
    waiting.ticket.cancel();
    cut.ticket.cancel();
    expect(core.admission.inFlight).toBe(0);
    pool.release();
    await core.shards.idle();
    expect(cut.state.answers + waiting.state.answers).toBe(0);
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(1);
  });
});

describe("bounds", () => {
  test("new keys are refused whole where the detector says so", async () => {
    const core = await start();
    await createDetector(core, "d", { ...spec, keysMax: 256, atKeysMax: "refuse" });
    const events = Array.from({ length: 300 }, (_, i) =>
      event({ key: `k${i}`, numbers: { amount: 1 } }),
    );
    await expect(submit(core, request({ detector: "d", events }))).rejects.toMatchObject({
      code: 8,
      reason: "KEYS_FULL",
      message: expect.stringContaining("keys_max = 256"),
    });
    expect(core.detectors.status(core.detectors.get("d")).keys).toBe(0);
    const verdicts = await submit(core, request({ detector: "d", events: events.slice(0, 1) }));
    expect(verdicts.sources[0]).toBe(Source.MODEL);
  });

  test("keys stay under keys_max with eviction", async () => {
    const core = await start();
    await createDetector(core, "d", { ...spec, keysMax: 512 });
    for (let i = 0; i < 20; i++) {
      const events = Array.from({ length: 100 }, (_, j) =>
        event({ key: `k${i * 100 + j}`, numbers: { amount: 1 } }),
      );
      await submit(core, request({ detector: "d", events }));
    }
    const { keys, events } = core.detectors.status(core.detectors.get("d"));
    expect(keys).toBeLessThanOrEqual(512);
    expect(keys).toBeGreaterThan(450);
    expect(events).toBe(2000);
  });

  test("a full queue is RESOURCE_EXHAUSTED with a retry hint, and nothing is half-applied", async () => {
    const clock = new ManualClock();
    const { core, pool } = await startSlow(clock);
    await createDetector(core, "d", { ...spec, timeoutMs: 50_000 });
    pool.slow = true;
    const rows = Array.from({ length: 1500 }, (_, i) => [i]);
    const packed = frame(
      rows,
      rows.map(() => "k"),
    );
    let admitted = 0;
    let refused: unknown;
    for (let i = 0; i < 20 && refused === undefined; i++) {
      try {
        submitAt(core, clock, request({ detector: "d", frame: packed }));
        admitted++;
        await settle();
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toBeInstanceOf(WeirError);
    expect(refused).toMatchObject({ code: 8, reason: "QUEUE_FULL" });
    expect((refused as WeirError).retryAfterMs).toBeGreaterThan(0);
    pool.release();
    await core.shards.idle();
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(admitted * 1500);
  });
});
