import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import type { FeatureRequest, FeatureValues } from "../../src/serving/features.ts";
import { ARENA_BASE, Root } from "../../src/shard/layout.ts";
import { mulberry } from "../kernel.ts";
import {
  createDetector,
  event,
  request,
  startCore,
  submit,
  type TestCore,
} from "../support/core.ts";

// The reader over the kernel: what features are read, and that reading leaves nothing behind.

const hour = 3_600_000;
const t0 = 1_700_000_000_000;
const inputs = [{ name: "amount" }, { name: "shop", type: "category", rulesOnly: true }];
const features = [
  { name: "count_1h", aggregate: "count", window: { sliding: "1h" } },
  { name: "mean_1d", of: "amount", aggregate: "mean", window: { sliding: "1d" }, defaultValue: -1 },
  { name: "shops_1d", of: "shop", aggregate: "distinct", window: { sliding: "1d" }, hidden: true },
  { name: "max_all", of: "amount", aggregate: "max", window: { last: 3 }, defaultValue: 0 },
  { name: "since", aggregate: "time_since", unit: "1m", defaultValue: -1 },
];
const spec = { inputs, features, timeoutMs: 60_000 };
/** Of features that do not look at the event itself. */
const settled = ["count_1h", "mean_1d", "shops_1d", "max_all"];

let core: TestCore;

beforeAll(async () => {
  core = await startCore();
});

afterAll(() => core.close());

function read(asked: Partial<FeatureRequest>, over: TestCore = core): Promise<FeatureValues> {
  return new Promise((resolve, reject) => {
    over.features.read(
      { detector: "cards", keys: [], timeUnixMs: 0, features: [], ...asked },
      {
        receivedAt: performance.now(),
        deadline: Infinity,
        transport: "grpc_unary",
        traceparent: undefined,
      },
      { answer: resolve, fail: reject },
    );
  });
}

interface Payment {
  readonly key: string;
  readonly timeUnixMs: number;
  readonly amount: number;
  readonly shop: string;
}

function payments(count: number, keys: number, seed = 7): Payment[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, (_, i) => ({
    key: `card-${Math.floor(random() * keys)}`,
    timeUnixMs: t0 + i * 60_000,
    amount: Math.round(random() * 10_000) / 100,
    shop: `shop-${Math.floor(random() * 5)}`,
  }));
}

function toEvents(rows: readonly Payment[]) {
  return rows.map(({ key, timeUnixMs, amount, shop }) =>
    event({ key, timeUnixMs, numbers: { amount }, categories: { shop } }),
  );
}

/** By the definitions, over a key's payments until `time`. */
function expected(rows: readonly Payment[], key: string, time: number): number[] {
  const own = rows.filter((row) => row.key === key && row.timeUnixMs <= time);
  const day = own.filter((row) => row.timeUnixMs > time - 24 * hour);
  const amounts = day.map(({ amount }) => amount);
  return [
    own.filter((row) => row.timeUnixMs > time - hour).length,
    amounts.length === 0 ? -1 : amounts.reduce((sum, x) => sum + x, 0) / amounts.length,
    new Set(day.map(({ shop }) => shop)).size,
    Math.max(...own.slice(-3).map(({ amount }) => amount), own.length === 0 ? 0 : -Infinity),
  ];
}

/** Everything that a shard keeps of its detectors, keys and counts. */
function memoryOf(over: TestCore): Buffer[] {
  return over.shards.shards.map(({ memory }) => {
    const view = new DataView(memory.buffer);
    const top = view.getUint32(Root.arenaTop, true);
    return Buffer.concat([
      Buffer.from(memory.buffer.slice(Root.slots, Root.slots + 64 * 256)),
      Buffer.from(memory.buffer.slice(ARENA_BASE, top)),
    ]);
  });
}

const reasonOf = (error: unknown): string => WeirError.from(error).reason;

async function refusedWith(promise: Promise<unknown>): Promise<WeirError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WeirError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

describe("what is read", () => {
  const rows = payments(600, 12);
  beforeAll(async () => {
    await createDetector(core, "cards", spec);
    await submit(core, request({ detector: "cards", events: toEvents(rows) }));
  });

  test.each([0, 1, 59, 60, 200, 599, 700, 1800, 5000])(
    "is what the definitions say as of minute %i",
    async (minute) => {
      const time = t0 + minute * 60_000;
      const keys = Array.from({ length: 14 }, (_, i) => `card-${i}`);
      const answer = await read({ keys, timeUnixMs: time, features: settled });
      const want = keys.map((key) => expected(rows, key, time));
      keys.forEach((_, i) => {
        const got = [...answer.values.subarray(i * 4, i * 4 + 4)];
        got.forEach((value, j) => expect(value).toBeCloseTo(want[i]?.[j] ?? Number.NaN, 9));
      });
      expect(answer.known).toEqual(Uint8Array.from(keys, (_, i) => (i < 12 ? 1 : 0)));
      expect(answer.timeUnixMs).toBe(time);
      const empty = want.map(([, mean]) => (mean === -1 ? 1 : 0));
      expect(keys.map((_, i) => answer.defaulted[i * 4 + 1])).toEqual(empty);
      expect(answer.exact.every((exact) => exact === 1)).toBe(true);
    },
  );

  test("gives features of the event itself their value as of that time, finite", async () => {
    const answer = await read({ keys: ["card-0", "nobody"], features: ["since", "count_1h"] });
    expect(answer.names).toEqual(["since", "count_1h"]);
    expect(answer.values.every(Number.isFinite)).toBe(true);
    expect([...answer.values.subarray(2)]).toEqual([-1, 0]);
    expect(answer.defaulted[2]).toBe(1);
  });

  test("is the same for a key that is asked for twice, and for 8192 times one key", async () => {
    const time = t0 + 599 * 60_000;
    const one = await read({ keys: ["card-3"], timeUnixMs: time });
    const many = await read({ keys: Array(8192).fill("card-3"), timeUnixMs: time });
    for (let i = 0; i < 8192; i++) {
      expect(many.values.subarray(i * 5, i * 5 + 5)).toEqual(one.values);
    }
  });

  test("sees every event that was admitted before, answered or not", async () => {
    const answers: Promise<unknown>[] = [];
    for (let i = 1; i <= 200; i++) {
      const timeUnixMs = t0 + 6000 * 60_000 + i;
      const sent = event({
        key: "hot",
        timeUnixMs,
        numbers: { amount: i },
        categories: { shop: "s" },
      });
      answers.push(submit(core, request({ detector: "cards", events: [sent] })));
      answers.push(
        read({ keys: ["hot"], timeUnixMs, features: ["count_1h", "max_all"] }).then((answer) =>
          expect([...answer.values]).toEqual([i, i]),
        ),
      );
    }
    await Promise.all(answers);
  });

  test("says when the log no longer reaches back, and when windows are panes", async () => {
    const small = { ...spec, eventTime: { exactEvents: 16 } };
    await createDetector(core, "small", small);
    const events = toEvents(payments(500, 1));
    await submit(core, request({ detector: "small", events }));
    const detector = "small";
    const now = await read({ detector, keys: ["card-0"], timeUnixMs: t0 + 499 * 60_000 });
    expect([now.known[0], now.exact[0]]).toEqual([1, 0]);
    const before = await read({ detector, keys: ["card-0"], timeUnixMs: t0 + 60 * 60_000 });
    expect(before.covered[0]).toBe(0);
    const unknown = await read({ detector, keys: ["card-9"] });
    expect([unknown.known[0], unknown.exact[0], unknown.covered[0]]).toEqual([0, 1, 1]);
  });
});

describe("reading", () => {
  test("changes no byte of what the shards keep", async () => {
    await createDetector(core, "still", {
      ...spec,
      eventTime: { exactEvents: 32, allowedLateness: "10m" },
    });
    await submit(core, request({ detector: "still", events: toEvents(payments(2000, 20)) }));
    await core.shards.idle();
    const before = memoryOf(core);
    for (const minute of [0, 100, 1999, 1990, 5000]) {
      const keys = Array.from({ length: 40 }, (_, i) => `card-${i}`);
      await read({ detector: "still", keys, timeUnixMs: t0 + minute * 60_000 });
    }
    await read({ detector: "still", keys: Array.from({ length: 8192 }, (_, i) => `new-${i}`) });
    await core.shards.idle();
    const after = memoryOf(core);
    expect(after.map((bytes, i) => bytes.equals(before[i] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
    ]);
    expect(core.detectors.status(core.detectors.get("still")).keys).toBe(20);
  });

  test("leaves every later verdict as it would have been, to the bit", async () => {
    const rows = payments(3000, 30, 11);
    for (const name of ["read", "unread"]) {
      await createDetector(core, name, {
        ...spec,
        halfSpaceTrees: { window: 25 },
        burnInEvents: 50,
      });
    }
    for (let at = 0; at < rows.length; at += 150) {
      const events = toEvents(rows.slice(at, at + 150));
      const reads = Array.from({ length: 5 }, (_, i) =>
        read({ detector: "read", keys: [`card-${i}`, `x-${at}`], timeUnixMs: t0 + at * 30_000 }),
      );
      const [seen, unseen] = await Promise.all([
        submit(core, request({ detector: "read", events, features: true })),
        submit(core, request({ detector: "unread", events, features: true })),
      ]);
      await Promise.all(reads);
      expect(seen.scores).toEqual(unseen.scores);
      expect(seen.thresholds).toEqual(unseen.thresholds);
      expect(seen.features).toEqual(unseen.features);
    }
  });

  test("of a detector with one cell reads each key's own features", async () => {
    const detector = "cell";
    const window = { rows: 200, minSamples: 50, retrainInterval: 100 };
    await createDetector(core, detector, { ...spec, ecod: {}, window });
    const rows = payments(300, 6);
    await submit(core, request({ detector, events: toEvents(rows) }));
    const time = t0 + 299 * 60_000;
    const keys = Array.from({ length: 6 }, (_, i) => `card-${i}`);
    const answer = await read({ detector, keys, timeUnixMs: time, features: settled });
    const want = keys.flatMap((key) => expected(rows, key, time));
    answer.values.forEach((value, i) => expect(value).toBeCloseTo(want[i] ?? Number.NaN, 9));
    expect([...answer.known]).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe("meanwhile", () => {
  test("a detector that is deleted, or reset, ends its reads cleanly", async () => {
    await createDetector(core, "gone", spec);
    await submit(core, request({ detector: "gone", events: toEvents(payments(500, 50)) }));
    const keys = Array.from({ length: 8192 }, (_, i) => `card-${i}`);
    const outcomes: Promise<string>[] = [];
    const start = (asked = keys): void => {
      const outcome = read({ detector: "gone", keys: asked, timeUnixMs: t0 });
      outcomes.push(outcome.then(() => "read", reasonOf));
    };
    start();
    const reset = core.detectors.reset("gone");
    start();
    await reset;
    start();
    start(["card-1"]);
    const removed = core.detectors.remove("gone");
    for (let i = 0; i < 50; i++) {
      start();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await removed;
    start();
    const seen = new Set(await Promise.all(outcomes));
    expect(seen).toContain("read");
    expect(seen).toContain("UNKNOWN_DETECTOR");
    for (const outcome of seen) {
      expect(["read", "DETECTOR_REMOVED", "UNKNOWN_DETECTOR", "QUEUE_FULL"]).toContain(outcome);
    }
    expect(core.admission.inFlight).toBe(0);
  });

  test("a thread that dies with a read fails that read, and the next one works", async () => {
    const pooled = await startCore({ inlineWorkMax: 0 });
    try {
      await createDetector(pooled, "cards", spec);
      await submit(pooled, request({ detector: "cards", events: toEvents(payments(500, 50)) }));
      const keys = Array.from({ length: 8192 }, (_, i) => `card-${i}`);
      const outcomes = Array.from({ length: 3 }, () =>
        read({ keys }, pooled).then(() => "read", reasonOf),
      );
      await new Promise((resolve) => setImmediate(resolve));
      await pooled.shards.killThread(0);
      for (const outcome of await Promise.all(outcomes)) {
        expect(["read", "BATCH_LOST", "QUEUE_FULL"]).toContain(outcome);
      }
      expect((await read({ keys }, pooled)).keys).toHaveLength(8192);
      expect(pooled.admission.inFlight).toBe(0);
    } finally {
      await pooled.close();
    }
  });
});

describe("an answer", () => {
  const long = Array.from({ length: 24 }, (_, i) => ({
    name: `${"feature".repeat(14)}${i}`,
    of: "amount",
    aggregate: "mean",
    window: { sliding: `${i + 1}h` },
    defaultValue: 0,
  }));

  test("over 4 MiB is refused with what would help", async () => {
    await createDetector(core, "long", { inputs, features: long });
    const keys = Array.from({ length: 8192 }, (_, i) => `k${i}`);
    const error = await refusedWith(read({ detector: "long", keys }));
    expect(error.reason).toBe("ANSWER_TOO_LARGE");
    expect(error.message).toContain("ask for fewer keys or features");
    const fewer = await read({ detector: "long", keys: keys.slice(0, 1500) });
    expect(fewer.defaulted.every((bit) => bit === 1)).toBe(true);
    expect(core.admission.inFlight).toBe(0);
  });

  test("needs a detector whose features are known", async () => {
    const detector = core.detectors.find("long");
    expect(detector?.program).toBeDefined();
    await createDetector(core, "plain", { inputs: [{ name: "amount" }] });
    const error = await refusedWith(read({ detector: "plain", keys: ["a"] }));
    expect(error).toMatchObject({ reason: "NO_FEATURES", code: 9 });
  });

  test("is refused while the gate is shut", async () => {
    core.admission.gate = "draining";
    const error = await refusedWith(read({ keys: ["card-0"] }));
    core.admission.gate = "open";
    expect(error).toMatchObject({ reason: "DRAINING", code: 14 });
  });
});
