import { beforeEach, describe, expect, test } from "vitest";
import { unknownDetector } from "../../../src/admission/admission.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { limits } from "../../../src/config/limits.ts";
import { BYTES_MAX, ROWS_MAX } from "../../../src/shard/layout.ts";
import { emptyRow } from "../../../src/shard/region.ts";
import { type Answered, keysOf, outcomeOf, ReadRig, readSpec } from "../../support/read-rig.ts";

const { batchWaitMs } = normalizeSpec(readSpec);

let rig: ReadRig;

beforeEach(() => {
  rig = new ReadRig(2);
});

describe("a large request", () => {
  test("has a few milliseconds of work in each shard at a time, and every key once", () => {
    const keys = keysOf(limits.readKeysMax);
    const answered = rig.ask({ keys });
    const parts: number[] = [];
    while (answered.replies === 0) {
      for (const { gathering } of rig.shards.shards) {
        expect(gathering.rows).toBeGreaterThan(50);
        expect(gathering.rows).toBeLessThan(400);
      }
      parts.push(rig.shards.step(outcomeOf));
    }
    expect(parts.length).toBeGreaterThan(1);
    expect(rig.shards.stepped).toHaveLength(keys.length);
    expect(new Set(rig.shards.stepped.map(({ key }) => key)).size).toBe(keys.length);
    expect(new Set(rig.shards.stepped.map(({ eventTimeMs }) => eventTimeMs)).size).toBe(1);
    expect(answered.values?.values).toEqual(
      Float64Array.from(keys.flatMap(() => [12, 12.125, 12.375, 12.25])),
    );
    expect(rig.inFlight).toBe(0);
  });

  test("as of an earlier time, which takes longer, has fewer keys at a time", () => {
    const partOf = (timeUnixMs: number): number => {
      const answered = rig.ask({ keys: keysOf(2000), timeUnixMs });
      const part = rig.shards.step(outcomeOf);
      answered.cancel();
      return part;
    };
    expect(partOf(5)).toBeLessThan(partOf(0) / 4);
  });

  test("takes turns with others of its kind, and lets small ones pass", () => {
    const large = Array.from({ length: 5 }, () => rig.ask({ keys: keysOf(2000) }));
    const one = rig.shards.shards.reduce((rows, { gathering }) => rows + gathering.rows, 0);
    expect(one).toBeLessThan(800);
    large[1]?.cancel();
    const small = rig.ask({ keys: ["small"] });
    rig.shards.step(outcomeOf);
    expect(small.replies).toBe(1);
    const endedAt = large.map(() => 0);
    for (let step = 1; rig.inFlight > 0; step++) {
      expect(rig.shards.step(outcomeOf)).toBeLessThanOrEqual(one);
      large.forEach(({ replies }, i) => {
        if (replies === 1 && endedAt[i] === 0) endedAt[i] = step;
      });
    }
    const [first = 0, , , , last = 0] = endedAt;
    // In turn, not one after the other: all end within the last round.
    expect(last - first).toBeLessThanOrEqual(4);
    expect(large.map(({ values }) => values?.values.length)).toEqual([
      8000,
      undefined,
      8000,
      8000,
      8000,
    ]);
  });

  test("has a quarter of a region at a time where its rows are cheap", () => {
    const cheap = { ...readSpec, eventTime: { exactEvents: 2 } };
    rig.detectors.set("cheap", makeDetector("cheap", 8, normalizeSpec(cheap)));
    const answered = rig.ask({ detector: "cheap", keys: keysOf(8192) });
    const parts: number[] = [];
    while (answered.replies === 0) parts.push(rig.shards.step(outcomeOf));
    expect(Math.max(...parts)).toBeLessThanOrEqual(2 * (ROWS_MAX / 4));
    expect(Math.max(...parts)).toBeGreaterThan(ROWS_MAX / 4);
  });

  test("of rows that take long is read key by key", () => {
    const long = { ...readSpec, eventTime: { exactEvents: 65_536 } };
    rig.detectors.set("long", makeDetector("long", 9, normalizeSpec(long)));
    const answered = rig.ask({ detector: "long", keys: keysOf(40) });
    while (answered.replies === 0) expect(rig.shards.step(outcomeOf)).toBeLessThanOrEqual(16);
    expect(answered.values?.keys).toHaveLength(40);
  });

  test("of the longest keys never fills a region's bytes", () => {
    const cheap = { ...readSpec, eventTime: { exactEvents: 2 } };
    rig.detectors.set("cheap", makeDetector("cheap", 8, normalizeSpec(cheap)));
    const keys = keysOf(limits.readKeysMax, limits.keyBytesMax);
    const answered = rig.ask({ detector: "cheap", keys, features: ["sum_1h"] });
    let most = 0;
    while (answered.replies === 0) most = Math.max(most, rig.shards.step(outcomeOf));
    expect(most).toBeLessThanOrEqual((2 * (BYTES_MAX / 4)) / limits.keyBytesMax);
    expect(answered.values?.values).toHaveLength(keys.length);
  });

  test("ends when its detector is deleted between its parts", () => {
    const answered = rig.ask({ keys: keysOf(8192) });
    rig.detectors.delete("cards");
    rig.shards.step(outcomeOf);
    expect(answered.error).toMatchObject({ reason: "DETECTOR_REMOVED" });
    expect(rig.shards.step(outcomeOf)).toBe(0);
    expect(rig.inFlight).toBe(0);
  });

  test("fails when scoring has left no room for its next part", () => {
    const answered = rig.ask({ keys: keysOf(8192) });
    rig.shards.step((row) => {
      // While the part is under way others fill what gathers.
      for (const { gathering } of rig.shards.shards) {
        while (gathering.fits(1, 0, 0)) gathering.putRow(emptyRow());
      }
      return outcomeOf(row);
    });
    expect(answered.error).toMatchObject({ reason: "QUEUE_FULL", retryAfterMs: batchWaitMs });
    expect(answered.replies).toBe(1);
    expect(rig.inFlight).toBe(0);
  });
});

describe("overload", () => {
  test("is refused, whole, with a hint to retry; nothing is left behind", () => {
    const admitted: Answered[] = [];
    let refused: unknown;
    while (refused === undefined) {
      try {
        admitted.push(rig.ask({ keys: keysOf(100) }));
      } catch (thrown) {
        refused = thrown;
      }
    }
    expect(refused).toMatchObject({ reason: "QUEUE_FULL", code: 8, retryAfterMs: batchWaitMs });
    expect(rig.inFlight).toBe(admitted.length);
    while (rig.shards.step(outcomeOf) > 0);
    expect(admitted.every(({ values }) => values !== undefined)).toBe(true);
    expect(rig.inFlight).toBe(0);
    expect(rig.clock.waiting.length).toBeLessThanOrEqual(1);
  });

  test("holds a bounded number of keys, whatever the shards have room for", () => {
    rig = new ReadRig(60);
    const admitted = Array.from({ length: limits.readKeysHeldMax / limits.readKeysMax }, () =>
      rig.ask({ keys: keysOf(limits.readKeysMax) }),
    );
    const one = (): Answered => rig.ask({ keys: ["a"] });
    expect(one).toThrow(expect.objectContaining({ reason: "QUEUE_FULL", retryAfterMs: 10 }));
    admitted[0]?.cancel();
    one();
    expect(rig.inFlight).toBe(admitted.length);
  });

  test("what admission refuses is refused, and not given back", () => {
    rig.refusal = unknownDetector("gate");
    expect(() => rig.ask({ keys: ["a"] })).toThrow("gate");
    expect(rig.inFlight).toBe(0);
  });
});
