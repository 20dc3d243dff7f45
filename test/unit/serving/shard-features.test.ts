import { beforeEach, describe, expect, test } from "vitest";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { limits } from "../../../src/config/limits.ts";
import { Op, Status } from "../../../src/shard/layout.ts";
import { kernelOrder, keysOf, outcomeOf, ReadRig, readSpec } from "../../support/read-rig.ts";

const { batchWaitMs } = normalizeSpec(readSpec);

let rig: ReadRig;

beforeEach(() => {
  rig = new ReadRig(2);
});

describe("a request", () => {
  const texts = ["", "a", "karte", "日本", "a"];
  const lengths = texts.map((key) => Buffer.byteLength(key));

  test("goes to the shards of its keys and comes back by name, in its own order", () => {
    const names = ["shops_1h", "count_1h", "mean_1h"];
    const answered = rig.ask({ keys: texts, features: names });
    rig.shards.step(outcomeOf);
    expect(answered.values).toMatchObject({ names, keys: texts, timeUnixMs: rig.clock.unixMs() });
    const values = lengths.flatMap((n) => names.map((name) => n + kernelOrder.indexOf(name) / 8));
    expect(answered.values?.values).toEqual(Float64Array.from(values));
    const defaulted = lengths.flatMap((n) => [n & 1, 0, n & 1]);
    expect(answered.values?.defaulted).toEqual(Uint8Array.from(defaulted));
    expect(answered.values?.known).toEqual(Uint8Array.from(lengths, (n) => n & 1));
    expect(answered.values?.exact).toEqual(Uint8Array.from(lengths, (n) => (n >> 1) & 1));
    expect(answered.values?.covered).toEqual(Uint8Array.from(lengths, (n) => (n >> 2) & 1));
    expect(rig.inFlight).toBe(0);
    expect(rig.read).toEqual([[5, 0]]);
  });

  test("is a row a key, stamped once with its arrival", () => {
    rig.ask({ keys: texts });
    expect(rig.shards.step(outcomeOf)).toBe(5);
    for (const row of rig.shards.stepped) {
      expect(row).toMatchObject({ op: Op.READ_FEATURES, shard: rig.shards.ownerOf(row.key) });
      expect(row.arrivalMs).toBe(rig.clock.unixMs());
      expect(row.eventTimeMs).toBe(rig.clock.unixMs());
    }
  });

  test("has all features, in the order of the specification, where it names none", () => {
    const answered = rig.ask({ keys: ["ab"], timeUnixMs: -5 });
    rig.shards.step(outcomeOf);
    expect(rig.shards.stepped[0]).toMatchObject({ eventTimeMs: -5, arrivalMs: rig.clock.unixMs() });
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
    rig.detectors.set("wide", wide);
    const answered = rig.ask({ detector: "wide", keys: ["a"] });
    const values = [undefined, ...Array.from({ length: 64 }, (_, i) => i)];
    const bits = [0x8000_0001, 0x8000_0002] as const;
    rig.shards.step(() => ({ values, bits, state: 0, status: Status.OK }));
    const order = wide.program?.order ?? [];
    const named = (position: number): string => features[order[position] ?? -1]?.name ?? "";
    const { names = [], defaulted = [] } = answered.values ?? {};
    expect(new Set(names.filter((_, i) => defaulted[i] === 1))).toEqual(
      new Set([0, 31, 33, 63].map(named)),
    );
  });

  test("goes to one shard where a window model has one cell, under the client's key", () => {
    const oneCell = { ...readSpec, ecod: {} };
    rig.detectors.set("cell", makeDetector("cell", 7, normalizeSpec(oneCell)));
    rig.ask({ detector: "cell", keys: keysOf(64) });
    rig.shards.step(outcomeOf);
    expect(new Set(rig.shards.stepped.map(({ shard }) => shard))).toEqual(
      new Set([rig.shards.ownerOf("")]),
    );
    expect(new Set(rig.shards.stepped.map(({ key }) => key)).size).toBe(64);
    expect(new Set(rig.shards.stepped.map(({ hash }) => hash.join())).size).toBe(64);
  });
});

describe("a request that does not come back", () => {
  test("fails at its deadline, and what waits is not stepped", () => {
    const answered = rig.ask({ keys: keysOf(10) }, rig.clock.now() + 20);
    rig.clock.advance(30);
    expect(answered.error).toMatchObject({ reason: "DEADLINE_EXCEEDED", code: 4 });
    rig.shards.step(outcomeOf);
    expect(rig.shards.stepped.map(({ op }) => op)).toEqual(keysOf(10).map(() => Op.SKIP));
    expect(answered.replies).toBe(1);
    expect(rig.inFlight).toBe(0);
  });

  test("fails at the server's own deadline where its caller has none", () => {
    const answered = rig.ask({ keys: ["a"] });
    rig.clock.advance(limits.readTimeoutMs - 5);
    expect(answered.replies).toBe(0);
    rig.clock.advance(10);
    expect(answered.error).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("is not stepped and not answered when it is cancelled", () => {
    const answered = rig.ask({ keys: ["a", "b"] });
    answered.cancel();
    answered.cancel();
    rig.shards.step(outcomeOf);
    rig.clock.advance(limits.readTimeoutMs * 2);
    expect(rig.shards.stepped.map(({ op }) => op)).toEqual([Op.SKIP, Op.SKIP]);
    expect(answered.replies).toBe(0);
    expect(rig.inFlight).toBe(0);
  });

  test("can be sent again when its batch died", () => {
    const answered = rig.ask({ keys: keysOf(64) });
    rig.shards.lose();
    expect(answered.error).toMatchObject({
      code: 14,
      reason: "BATCH_LOST",
      retryAfterMs: batchWaitMs,
    });
    expect(answered.replies).toBe(1);
    expect(rig.inFlight).toBe(0);
  });

  test.each([
    [Status.UNKNOWN_DETECTOR, "DETECTOR_REMOVED"],
    [Status.BAD_ROW, "INTERNAL"],
  ])("fails when the kernel answers status %i: %s", (status, reason) => {
    const answered = rig.ask({ keys: ["a", "b"] });
    rig.shards.step((row) => ({ ...outcomeOf(row), status }));
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
      rig.ask(request);
    } catch (thrown) {
      refused = thrown;
    }
    expect(refused).toMatchObject({ reason, violations: [{ field }] });
    expect(rig.inFlight).toBe(0);
    expect(rig.shards.step(outcomeOf)).toBe(0);
  });

  test("is told the nearest name, and what to do about a detector without features", () => {
    expect(() => rig.ask({ keys: ["a"], features: ["mean_1hh"] })).toThrow(
      'did you mean "mean_1h"?',
    );
    expect(() => rig.ask({ detector: "plain", keys: ["a"] })).toThrow("declare `features`");
  });

  test("has at most 16 violations, however much is wrong", () => {
    const keys = Array.from({ length: 8192 }, () => long);
    const violations = keys.slice(0, 16).map((_, i) => {
      return { field: `keys[${i}]`, message: "is longer than 256 bytes of UTF-8" };
    });
    expect(() => rig.ask({ keys })).toThrow(expect.objectContaining({ violations }));
  });
});
