import { beforeEach, describe, expect, test } from "vitest";
import { unknownDetector } from "../../../src/admission/admission.ts";
import { DetectorRuntime } from "../../../src/admission/runtime.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { limits } from "../../../src/config/limits.ts";
import type { Detector } from "../../../src/domain/detector.ts";
import type { WeirError } from "../../../src/domain/errors.ts";
import type { FeatureRequest, FeatureValues } from "../../../src/serving/features.ts";
import { ShardFeatures } from "../../../src/serving/shard-features.ts";
import { BYTES_MAX, Op, ROWS_MAX, Status } from "../../../src/shard/layout.ts";
import { emptyRow } from "../../../src/shard/region.ts";
import { FakeShards, type Outcome, type SteppedRow } from "../../support/fake-shards.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const windows = { sliding: "1h" };
const spec = {
  inputs: [{ name: "amount" }, { name: "shop", type: "category", rulesOnly: true }],
  features: [
    { name: "count_1h", aggregate: "count", window: windows },
    { name: "mean_1h", of: "amount", aggregate: "mean", window: windows, defaultValue: -1 },
    { name: "shops_1h", of: "shop", aggregate: "distinct", window: windows, hidden: true },
    { name: "sum_1h", of: "amount", aggregate: "sum", window: windows },
  ],
};
/** Positions in the kernel: those that the model sees first. */
const kernelOrder = ["count_1h", "mean_1h", "sum_1h", "shops_1h"];
const { batchWaitMs } = normalizeSpec(spec);
/** shop, amount. */
const sources = 2;

let shards: FakeShards;
let clock: ManualClock;
let detectors: Map<string, Detector>;
let reader: ShardFeatures;
let inFlight: number;
let read: [keys: number, latencyUs: number][];
let refusal: WeirError | undefined;

beforeEach(() => start(2));

function start(count: number): void {
  shards = new FakeShards(count);
  clock = new ManualClock();
  detectors = new Map([
    ["cards", makeDetector("cards", 5, normalizeSpec(spec))],
    ["plain", makeDetector("plain", 6, normalizeSpec({ inputs: [{ name: "amount" }] }))],
  ]);
  inFlight = 0;
  read = [];
  refusal = undefined;
  const runtimes = new Map<Detector, DetectorRuntime>();
  const meter = {
    answered: () => undefined,
    eventAge: () => undefined,
    anomalies: () => undefined,
    trainingStarted: () => undefined,
    trainingEnded: () => undefined,
    featuresRead: (keys: number, latencyUs: number) => read.push([keys, latencyUs]),
  };
  reader = new ShardFeatures({
    shards,
    find: (name) => detectors.get(name),
    admission: {
      enter: () => {
        if (refusal !== undefined) throw refusal;
        inFlight++;
      },
      leave: () => inFlight--,
      runtimeOf(detector) {
        const runtime = runtimes.get(detector) ?? new DetectorRuntime(detector, meter);
        runtimes.set(detector, runtime);
        return runtime;
      },
    },
    telemetry: { startRequest: () => undefined },
    clock,
    failed: (error) => {
      throw error;
    },
  });
}

/** Feature at position p of a key of n bytes is n + p / 8; odd positions of keys of odd length took their default. */
function outcomeOf({ key }: SteppedRow): Outcome {
  const n = Buffer.byteLength(key);
  return {
    values: [
      ...Array.from({ length: sources }, () => undefined),
      n,
      n + 1 / 8,
      n + 2 / 8,
      n + 3 / 8,
    ],
    bits: [n & 1 ? 0b1010 : 0, 0],
    state: n & 7,
    status: Status.OK,
  };
}

interface Answered {
  readonly values: FeatureValues | undefined;
  readonly error: WeirError | undefined;
  readonly replies: number;
  cancel(): void;
}

function ask(request: Partial<FeatureRequest>, deadline = Infinity): Answered {
  const answered = {
    values: undefined as FeatureValues | undefined,
    error: undefined as WeirError | undefined,
    replies: 0,
  };
  const ticket = reader.read(
    { detector: "cards", keys: [], timeUnixMs: 0, features: [], ...request },
    { receivedAt: clock.now(), deadline, transport: "grpc_unary", traceparent: undefined },
    {
      answer(values) {
        answered.values = values;
        answered.replies++;
      },
      fail(error) {
        answered.error = error;
        answered.replies++;
      },
    },
  );
  return Object.assign(answered, { cancel: () => ticket.cancel() });
}

function keysOf(count: number, bytes = 12): string[] {
  return Array.from({ length: count }, (_, i) => String(i).padStart(bytes, "k"));
}

describe("a request", () => {
  const texts = ["", "a", "karte", "日本", "a"];
  const lengths = texts.map((key) => Buffer.byteLength(key));

  test("goes to the shards of its keys and comes back by name, in its own order", () => {
    const names = ["shops_1h", "count_1h", "mean_1h"];
    const answered = ask({ keys: texts, features: names });
    shards.step(outcomeOf);
    expect(answered.values).toMatchObject({ names, keys: texts, timeUnixMs: clock.unixMs() });
    const values = lengths.flatMap((n) => names.map((name) => n + kernelOrder.indexOf(name) / 8));
    expect(answered.values?.values).toEqual(Float64Array.from(values));
    const defaulted = lengths.flatMap((n) => [n & 1, 0, n & 1]);
    expect(answered.values?.defaulted).toEqual(Uint8Array.from(defaulted));
    expect(answered.values?.known).toEqual(Uint8Array.from(lengths, (n) => n & 1));
    expect(answered.values?.exact).toEqual(Uint8Array.from(lengths, (n) => (n >> 1) & 1));
    expect(answered.values?.covered).toEqual(Uint8Array.from(lengths, (n) => (n >> 2) & 1));
    expect(inFlight).toBe(0);
    expect(read).toEqual([[5, 0]]);
  });

  test("is a row a key, stamped once with its arrival", () => {
    ask({ keys: texts });
    expect(shards.step(outcomeOf)).toBe(5);
    for (const row of shards.stepped) {
      expect(row).toMatchObject({ op: Op.READ_FEATURES, shard: shards.ownerOf(row.key) });
      expect(row.arrivalMs).toBe(clock.unixMs());
      expect(row.eventTimeMs).toBe(clock.unixMs());
    }
  });

  test("has all features, in the order of the specification, where it names none", () => {
    const answered = ask({ keys: ["ab"], timeUnixMs: -5 });
    shards.step(outcomeOf);
    expect(shards.stepped[0]).toMatchObject({ eventTimeMs: -5, arrivalMs: clock.unixMs() });
    expect(answered.values?.names).toEqual(["count_1h", "mean_1h", "shops_1h", "sum_1h"]);
    expect([...(answered.values?.values ?? [])]).toEqual([2, 2.125, 2.375, 2.25]);
    expect(answered.values?.timeUnixMs).toBe(-5);
  });

  test("may have 64 features, whose bits are two words", () => {
    const features = Array.from({ length: 64 }, (_, i) => {
      const name = `last_${i}`;
      return { name, of: "amount", aggregate: "mean", window: { last: i + 1 }, defaultValue: 0 };
    });
    const wide = makeDetector("wide", 8, normalizeSpec({ inputs: [{ name: "amount" }], features }));
    detectors.set("wide", wide);
    const answered = ask({ detector: "wide", keys: ["a"] });
    const values = [undefined, ...Array.from({ length: 64 }, (_, i) => i)];
    const bits = [0x8000_0001, 0x8000_0002] as const;
    shards.step(() => ({ values, bits, state: 0, status: Status.OK }));
    const order = wide.program?.order ?? [];
    const named = (position: number): string => features[order[position] ?? -1]?.name ?? "";
    const { names = [], defaulted = [] } = answered.values ?? {};
    expect(new Set(names.filter((_, i) => defaulted[i] === 1))).toEqual(
      new Set([0, 31, 33, 63].map(named)),
    );
  });

  test("goes to one shard where a window model has one cell, under the client's key", () => {
    const oneCell = { ...spec, ecod: {} };
    detectors.set("cell", makeDetector("cell", 7, normalizeSpec(oneCell)));
    ask({ detector: "cell", keys: keysOf(64) });
    shards.step(outcomeOf);
    expect(new Set(shards.stepped.map(({ shard }) => shard))).toEqual(
      new Set([shards.ownerOf("")]),
    );
    expect(new Set(shards.stepped.map(({ key }) => key)).size).toBe(64);
    expect(new Set(shards.stepped.map(({ hash }) => hash.join())).size).toBe(64);
  });
});

describe("a large request", () => {
  test("has a few milliseconds of work in each shard at a time, and every key once", () => {
    const keys = keysOf(limits.readKeysMax);
    const answered = ask({ keys });
    const parts: number[] = [];
    while (answered.replies === 0) {
      for (const { gathering } of shards.shards) {
        expect(gathering.rows).toBeGreaterThan(50);
        expect(gathering.rows).toBeLessThan(400);
      }
      parts.push(shards.step(outcomeOf));
    }
    expect(parts.length).toBeGreaterThan(1);
    expect(shards.stepped).toHaveLength(keys.length);
    expect(new Set(shards.stepped.map(({ key }) => key)).size).toBe(keys.length);
    expect(new Set(shards.stepped.map(({ eventTimeMs }) => eventTimeMs)).size).toBe(1);
    expect(answered.values?.values).toEqual(
      Float64Array.from(keys.flatMap(() => [12, 12.125, 12.375, 12.25])),
    );
    expect(inFlight).toBe(0);
  });

  test("as of an earlier time, which takes longer, has fewer keys at a time", () => {
    const partOf = (timeUnixMs: number): number => {
      const answered = ask({ keys: keysOf(2000), timeUnixMs });
      const part = shards.step(outcomeOf);
      answered.cancel();
      return part;
    };
    expect(partOf(5)).toBeLessThan(partOf(0) / 4);
  });

  test("has a quarter of a region at a time where its rows are cheap", () => {
    const cheap = { ...spec, eventTime: { exactEvents: 2 } };
    detectors.set("cheap", makeDetector("cheap", 8, normalizeSpec(cheap)));
    const answered = ask({ detector: "cheap", keys: keysOf(8192) });
    const parts: number[] = [];
    while (answered.replies === 0) parts.push(shards.step(outcomeOf));
    expect(Math.max(...parts)).toBeLessThanOrEqual(2 * (ROWS_MAX / 4));
    expect(Math.max(...parts)).toBeGreaterThan(ROWS_MAX / 4);
  });

  test("of rows that take long is read key by key", () => {
    const long = { ...spec, eventTime: { exactEvents: 65_536 } };
    detectors.set("long", makeDetector("long", 9, normalizeSpec(long)));
    const answered = ask({ detector: "long", keys: keysOf(40) });
    while (answered.replies === 0) expect(shards.step(outcomeOf)).toBeLessThanOrEqual(16);
    expect(answered.values?.keys).toHaveLength(40);
  });

  test("of the longest keys never fills a region's bytes", () => {
    const cheap = { ...spec, eventTime: { exactEvents: 2 } };
    detectors.set("cheap", makeDetector("cheap", 8, normalizeSpec(cheap)));
    const keys = keysOf(limits.readKeysMax, limits.keyBytesMax);
    const answered = ask({ detector: "cheap", keys, features: ["sum_1h"] });
    let most = 0;
    while (answered.replies === 0) most = Math.max(most, shards.step(outcomeOf));
    expect(most).toBeLessThanOrEqual((2 * (BYTES_MAX / 4)) / limits.keyBytesMax);
    expect(answered.values?.values).toHaveLength(keys.length);
  });

  test("ends when its detector is deleted between its parts", () => {
    const answered = ask({ keys: keysOf(8192) });
    detectors.delete("cards");
    shards.step(outcomeOf);
    expect(answered.error).toMatchObject({ reason: "DETECTOR_REMOVED" });
    expect(shards.step(outcomeOf)).toBe(0);
    expect(inFlight).toBe(0);
  });

  test("fails when scoring has left no room for its next part", () => {
    const answered = ask({ keys: keysOf(8192) });
    shards.step((row) => {
      // While the part is under way others fill what gathers.
      for (const { gathering } of shards.shards) {
        while (gathering.fits(1, 0, 0)) gathering.putRow(emptyRow());
      }
      return outcomeOf(row);
    });
    expect(answered.error).toMatchObject({ reason: "QUEUE_FULL", retryAfterMs: batchWaitMs });
    expect(answered.replies).toBe(1);
    expect(inFlight).toBe(0);
  });
});

describe("overload", () => {
  test("is refused, whole, with a hint to retry; nothing is left behind", () => {
    const admitted: Answered[] = [];
    let refused: unknown;
    while (refused === undefined) {
      try {
        admitted.push(ask({ keys: keysOf(100) }));
      } catch (thrown) {
        refused = thrown;
      }
    }
    expect(refused).toMatchObject({ reason: "QUEUE_FULL", code: 8, retryAfterMs: batchWaitMs });
    expect(inFlight).toBe(admitted.length);
    while (shards.step(outcomeOf) > 0);
    expect(admitted.every(({ values }) => values !== undefined)).toBe(true);
    expect(inFlight).toBe(0);
    expect(clock.waiting.length).toBeLessThanOrEqual(1);
  });

  test("holds a bounded number of keys, whatever the shards have room for", () => {
    start(60);
    const admitted = Array.from({ length: limits.readKeysHeldMax / limits.readKeysMax }, () =>
      ask({ keys: keysOf(limits.readKeysMax) }),
    );
    const one = (): Answered => ask({ keys: ["a"] });
    expect(one).toThrow(expect.objectContaining({ reason: "QUEUE_FULL", retryAfterMs: 10 }));
    admitted[0]?.cancel();
    one();
    expect(inFlight).toBe(admitted.length);
  });

  test("what admission refuses is refused, and not given back", () => {
    refusal = unknownDetector("gate");
    expect(() => ask({ keys: ["a"] })).toThrow("gate");
    expect(inFlight).toBe(0);
  });
});

describe("a request that does not come back", () => {
  test("fails at its deadline, and what waits is not stepped", () => {
    const answered = ask({ keys: keysOf(10) }, clock.now() + 20);
    clock.advance(30);
    expect(answered.error).toMatchObject({ reason: "DEADLINE_EXCEEDED", code: 4 });
    shards.step(outcomeOf);
    expect(shards.stepped.map(({ op }) => op)).toEqual(keysOf(10).map(() => Op.SKIP));
    expect(answered.replies).toBe(1);
    expect(inFlight).toBe(0);
  });

  test("fails at the server's own deadline where its caller has none", () => {
    const answered = ask({ keys: ["a"] });
    clock.advance(limits.readTimeoutMs - 5);
    expect(answered.replies).toBe(0);
    clock.advance(10);
    expect(answered.error).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("is not stepped and not answered when it is cancelled", () => {
    const answered = ask({ keys: ["a", "b"] });
    answered.cancel();
    answered.cancel();
    shards.step(outcomeOf);
    clock.advance(limits.readTimeoutMs * 2);
    expect(shards.stepped.map(({ op }) => op)).toEqual([Op.SKIP, Op.SKIP]);
    expect(answered.replies).toBe(0);
    expect(inFlight).toBe(0);
  });

  test("can be sent again when its batch died", () => {
    const answered = ask({ keys: keysOf(64) });
    shards.lose();
    expect(answered.error).toMatchObject({
      code: 14,
      reason: "BATCH_LOST",
      retryAfterMs: batchWaitMs,
    });
    expect(answered.replies).toBe(1);
    expect(inFlight).toBe(0);
  });

  test.each([
    [Status.UNKNOWN_DETECTOR, "DETECTOR_REMOVED"],
    [Status.BAD_ROW, "INTERNAL"],
  ])("fails when the kernel answers status %i: %s", (status, reason) => {
    const answered = ask({ keys: ["a", "b"] });
    shards.step((row) => ({ ...outcomeOf(row), status }));
    expect(answered.error).toMatchObject({ reason });
    expect(answered.replies).toBe(1);
  });
});

describe("a request that is wrong", () => {
  const long = "k".repeat(limits.keyBytesMax + 1);
  test.each([
    [{ detector: "nobody", keys: ["a"] }, "UNKNOWN_DETECTOR", "detector"],
    [{ detector: "plain", keys: ["a"] }, "NO_FEATURES", "detector"],
    [{ keys: [] }, "NO_ROWS", "keys"],
    [{ keys: keysOf(8193) }, "TOO_MANY_ROWS", "keys"],
    [{ keys: ["a", long] }, "KEY_TOO_LONG", "keys[1]"],
    [{ keys: ["a", "é".repeat(129)] }, "KEY_TOO_LONG", "keys[1]"],
    [{ keys: ["\ud800"] }, "INVALID_TEXT", "keys[0]"],
    [{ keys: ["a"], timeUnixMs: 2 ** 53 }, "TIME_OUT_OF_RANGE", "time_unix_ms"],
    [{ keys: ["a"], timeUnixMs: 0.5 }, "TIME_OUT_OF_RANGE", "time_unix_ms"],
    [{ keys: ["a"], features: ["count_1h", "mean_1hh"] }, "UNKNOWN_NAME", "features[1]"],
    [{ keys: ["a"], features: Array(5).fill("count_1h") }, "WRONG_LENGTH", "features"],
  ] as const)("is refused by path: %#", (request, reason, field) => {
    let refused: unknown;
    try {
      ask(request);
    } catch (thrown) {
      refused = thrown;
    }
    expect(refused).toMatchObject({ reason, violations: [{ field }] });
    expect(inFlight).toBe(0);
    expect(shards.step(outcomeOf)).toBe(0);
  });

  test("is told the nearest name, and what to do about a detector without features", () => {
    expect(() => ask({ keys: ["a"], features: ["mean_1hh"] })).toThrow('did you mean "mean_1h"?');
    expect(() => ask({ detector: "plain", keys: ["a"] })).toThrow("declare `features`");
  });

  test("has at most 16 violations, however much is wrong", () => {
    const keys = Array.from({ length: 8192 }, () => long);
    const violations = keys.slice(0, 16).map((_, i) => {
      return { field: `keys[${i}]`, message: "is longer than 256 bytes of UTF-8" };
    });
    expect(() => ask({ keys })).toThrow(expect.objectContaining({ violations }));
  });
});
