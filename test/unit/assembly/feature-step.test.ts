import { describe, expect, it } from "vitest";
import { State, Timeliness } from "../../../src/domain/verdict.ts";
import { TimePolicyNumber } from "../../../src/shard/feature-program.ts";
import { Op, ReadBits, Status } from "../../../src/shard/layout.ts";
import { builds, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions, RowInput, RowOutput } from "../../kernel.ts";
import { someProgram } from "../../support/feature-blocks.ts";
import type { ProgramShape } from "../../support/feature-blocks.ts";

const minute = 60_000;
const now = 1_700_000_000_000;
const small = { trees: 3, height: 3, window: 8, burnIn: 0, keysPerPartition: 4 };
const { refuse, score_only: scoreOnly, on_time: onTime } = TimePolicyNumber;

/** Sources: one for features alone, then two of the model's. The features: count, mean and max of the second, seconds since the last event. */
async function make(path: string, shape: Partial<ProgramShape> = {}, more: object = {}) {
  const shard = await TestShard.make(path, 24 << 20);
  const options: DetectorOptions = {
    ...small,
    ...someProgram({ sources: 3, modelFirst: 1, ...shape }),
    ...more,
  };
  expect(shard.create(options)).toBe(Status.OK);
  return shard;
}

const event = (key: string, at: number, x: number, more: Partial<RowInput> = {}): RowInput => ({
  key,
  arrivalMs: now + at,
  values: [7, x, 1],
  ...more,
});

function one(shard: TestShard, row: RowInput): RowOutput {
  const [output] = shard.step([row]);
  if (output === undefined) throw new Error("no output");
  expect(shard.kernel.verify()).toBe(0);
  return output;
}

const read = (key: string, at: number): RowInput => ({
  key,
  op: Op.READ_FEATURES,
  arrivalMs: now + at,
});

describe.each(builds)("rows with features, %s build", (_name, path) => {
  it("see their key's windows with themselves in them", async () => {
    const shard = await make(path);
    one(shard, event("ann", 0, 4));
    expect(shard.featuresOf(0)).toEqual({ values: [1, 4, 4, 3600], defaults: 0b1000n });
    one(shard, event("ann", 1000, 2));
    expect(shard.featuresOf(0)).toEqual({ values: [2, 3, 4, 1], defaults: 0n });
    one(shard, event("ben", 2000, 9));
    expect(shard.featuresOf(0).values).toEqual([1, 9, 9, 3600]);
    one(shard, event("ann", 61 * minute, NaN));
    expect(shard.featuresOf(0)).toEqual({ values: [0, -1, -2, 3659], defaults: 0b110n });
    expect(shard.counter("eventsLearned")).toBe(4);
  });

  it("that are only scored change nothing, and make no key", async () => {
    const shard = await make(path);
    one(shard, event("ann", 0, 4));
    const before = shard.kernel.detectorDigest(0);
    one(shard, event("ann", 1000, 2, { op: Op.SCORE_ONLY }));
    expect(shard.featuresOf(0).values).toEqual([2, 3, 4, 1]);
    one(shard, event("new", 1000, 2, { op: Op.SCORE_ONLY }));
    expect(shard.featuresOf(0).values).toEqual([1, 2, 2, 3600]);
    expect(shard.kernel.detectorDigest(0)).toBe(before);
    expect(shard.counter("keys")).toBe(1);
    // So does a system action, but for being the key's last sign of life.
    one(shard, event("new", 2000, 2, { systemAction: true }));
    expect(shard.counter("keys")).toBe(1);
  });

  it("READ_FEATURES tells what is known, as if nothing came", async () => {
    const shard = await make(path);
    const { KNOWN, EXACT, COVERED } = ReadBits;
    expect(one(shard, read("ann", 0)).state).toBe(EXACT | COVERED);
    expect(shard.featuresOf(0)).toEqual({ values: [0, -1, -2, 3600], defaults: 0b1110n });
    shard.step([event("ann", 0, 4), event("ann", 1000, 2)]);
    const before = shard.kernel.detectorDigest(0);
    const output = one(shard, read("ann", 3000));
    expect(output).toMatchObject({ status: Status.OK, state: KNOWN | EXACT | COVERED });
    expect(output.score).toBeNaN();
    expect(shard.featuresOf(0)).toEqual({ values: [2, 3, 4, 2], defaults: 0n });
    expect(one(shard, read("ann", 500)).state).toBe(KNOWN | EXACT | COVERED);
    expect(shard.featuresOf(0).values).toEqual([1, 4, 4, 0.5]);
    expect(shard.kernel.detectorDigest(0)).toBe(before);
  });

  it("DERIVE lets a row join the windows, and no model sees it", async () => {
    const shard = await make(path);
    for (let i = 0; i < 20; i++) {
      const output = one(shard, event("ann", i * 1000, i, { op: Op.DERIVE }));
      expect(output.status).toBe(Status.OK);
      expect(output.score).toBeNaN();
      expect(shard.featuresOf(0).values).toEqual([i + 1, i / 2, i, i === 0 ? 3600 : 1]);
    }
    expect(shard.counter("eventsLearned")).toBe(0);
    expect(shard.counter("structures")).toBe(0);
    // The key has trees from the first row that a model learns, not before.
    const seen: number[] = [];
    for (let i = 20; i < 40; i++) seen.push(one(shard, event("ann", i * 1000, i)).state);
    expect(shard.counter("structures")).toBe(1);
    expect(shard.counter("eventsLearned")).toBe(20);
    expect(seen.indexOf(State.READY)).toBe(8);
  });

  it("HEARTBEAT moves the watermark of all keys, and never back", async () => {
    const shard = await make(path, { header: { late: scoreOnly, latenessMs: 2000 } });
    expect(shard.counter("heartbeatMs")).toBe(-Infinity);
    one(shard, event("ann", 0, 1));
    const beat = (at: number) => one(shard, { op: Op.HEARTBEAT, arrivalMs: now + at });
    expect(beat(10_000).status).toBe(Status.OK);
    expect(shard.counter("heartbeatMs")).toBe(now + 10_000);
    beat(5000);
    expect(shard.counter("heartbeatMs")).toBe(now + 10_000);
    expect(shard.counter("keys")).toBe(1);
    expect(one(shard, event("ann", 8000, 1)).timeliness).toBe(Timeliness.ON_TIME);
    expect(one(shard, event("ben", 7999, 1)).timeliness).toBe(Timeliness.LATE);
    expect(one(shard, event("ben", 8000, 1)).timeliness).toBe(Timeliness.ON_TIME);
    shard.kernel.resetDetector(0);
    expect(shard.counter("heartbeatMs")).toBe(-Infinity);
    expect(one(shard, event("ben", 0, 1)).timeliness).toBe(Timeliness.ON_TIME);
  });

  it.each([
    ["refuse", refuse, Timeliness.LATE_REFUSED, Timeliness.FUTURE_REFUSED],
    ["score_only", scoreOnly, Timeliness.LATE, Timeliness.FUTURE],
    ["on_time", onTime, Timeliness.LATE, Timeliness.FUTURE],
  ] as const)("late and from the future: %s", async (policy, number, late, future) => {
    const shard = await make(path, { header: { late: number, future: number } });
    one(shard, event("ann", minute, 4));
    const digest = shard.digest("ann");
    const rows = [
      event("ann", minute, 2, { eventTimeMs: now, id: "a" }),
      event("ann", minute, 2, { eventTimeMs: now + 7 * minute }),
      event("new", minute, 2, { eventTimeMs: now + 7 * minute }),
    ];
    const outputs = shard.step(rows);
    expect(outputs.map(({ timeliness }) => timeliness)).toEqual([late, future, future]);
    expect(outputs.every(({ status }) => status === Status.OK)).toBe(true);
    expect(outputs.every(({ score }) => Number.isNaN(score))).toBe(true);
    expect(shard.counter("rowsLate")).toBe(1);
    expect(shard.counter("rowsFuture")).toBe(2);
    expect(shard.counter("eventsLearned")).toBe(policy === "on_time" ? 4 : 1);
    expect(shard.counter("keys")).toBe(policy === "on_time" ? 2 : 1);
    expect(shard.counter("idsRemembered")).toBe(policy === "refuse" ? 0 : 1);
    if (policy !== "on_time") expect(shard.digest("ann")).toBe(digest);
    if (policy === "on_time") expect(shard.featuresOf(1).values).toEqual([3, 8 / 3, 4, 0]);
    // The first verdict comes again, with what it was.
    const again = one(shard, { ...rows[0], sequence: 9 });
    expect(again.timeliness).toBe(late);
    expect(again.replayed).toBe(policy === "refuse" ? 0 : 1);
    expect(one(shard, event("ann", 2 * minute, 4)).timeliness).toBe(Timeliness.ON_TIME);
  });

  it("of a time that is none are refused", async () => {
    const shard = await make(path);
    for (const eventTimeMs of [NaN, Infinity, -Infinity, 2 ** 53]) {
      for (const op of [Op.SCORE_AND_LEARN, Op.DERIVE, Op.READ_FEATURES, Op.HEARTBEAT]) {
        expect(one(shard, event("ann", 0, 1, { op, eventTimeMs })).status).toBe(Status.BAD_ROW);
      }
    }
    expect(shard.counter("keys")).toBe(0);
  });

  it("of a detector without a program are no features", async () => {
    const shard = await TestShard.make(path, 24 << 20);
    shard.create({ features: 3, ...small });
    for (const op of [Op.DERIVE, Op.READ_FEATURES, Op.HEARTBEAT]) {
      expect(one(shard, event("ann", 0, 1, { op })).status).toBe(Status.UNKNOWN_OP);
    }
    expect(shard.counter("keys")).toBe(0);
    expect(one(shard, event("ann", 0, 1, { eventTimeMs: NaN })).status).toBe(Status.OK);
  });

  it("need a column for trees, but no more for windows", async () => {
    const shard = await make(path, { seen: 0 });
    const nothing = { values: [7, NaN, NaN] };
    expect(one(shard, event("ann", 0, 1, nothing)).status).toBe(Status.OK);
    expect(shard.counter("keys")).toBe(1);
    expect(shard.counter("eventsLearned")).toBe(0);
    expect(shard.featuresOf(0).values).toEqual([0, -1, -2, 3600]);
    one(shard, event("ann", 1000, 1));
    expect(shard.featuresOf(0).values).toEqual([1, 1, 1, 1]);
    one(shard, event("ann", 2000, 1, nothing));
    expect(shard.counter("eventsLearned")).toBe(2);
    // With a feature that the model sees there always is one.
    const seeing = await make(path, { seen: 1 });
    one(seeing, event("ann", 0, 1, nothing));
    expect(seeing.counter("eventsLearned")).toBe(1);
  });
});

describe.each(builds)("keys with features, %s build", (_name, path) => {
  const random = mulberry(5);
  const crowd = (count: number, keys: number, from = 0): RowInput[] =>
    Array.from({ length: count }, (_, i) => {
      const op = [Op.SCORE_AND_LEARN, Op.DERIVE, Op.LEARN_ONLY, Op.SCORE_ONLY][i % 4] ?? 0;
      return event(`key ${Math.floor(random() * keys)}`, from + i * 10, normal(random), { op });
    });

  it("give all their memory back when they leave, expire, are reset or deleted", async () => {
    const shard = await make(path, {}, { keysPerPartition: 1, keyTtlMs: 30_000 });
    const empty = shard.counter("stateBytes");
    shard.step(crowd(6000, 1500));
    expect(shard.counter("keysEvicted")).toBeGreaterThan(100);
    expect(shard.counter("keys")).toBeLessThanOrEqual(256);
    expect(shard.kernel.verify()).toBe(0);
    shard.step(crowd(4000, 40, 60 * minute));
    shard.step(crowd(4000, 40, 70 * minute));
    expect(shard.counter("keysExpired")).toBeGreaterThan(30);
    expect(shard.kernel.verify()).toBe(0);
    shard.kernel.resetDetector(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.counter("stateBytes")).toBe(empty);
    shard.step(crowd(2000, 100));
    expect(shard.counter("keys")).toBeGreaterThan(50);
    shard.kernel.deleteDetector(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.counter("stateBytes")).toBe(0);
  });

  it("are counted while a window of theirs is made of panes", async () => {
    const shard = await make(path, { header: { exactEvents: 8 } });
    shard.step(Array.from({ length: 40 }, (_, i) => event("ann", i * 1000, i)));
    shard.step([event("ben", 0, 1)]);
    expect(shard.counter("keysInPanes")).toBe(1);
    expect(one(shard, read("ann", 40_000)).state & ReadBits.EXACT).toBe(0);
    expect(shard.kernel.recover(-1)).toBe(0);
    expect(shard.counter("keysInPanes")).toBe(1);
    expect(shard.kernel.verify()).toBe(0);
    shard.kernel.resetDetector(0);
    expect(shard.counter("keysInPanes")).toBe(0);
  });

  it("survive a trap in the middle of others' rows, with their program", async () => {
    const shard = await make(path);
    shard.step(crowd(3000, 60));
    const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`);
    const bystanders = keys.slice(0, 30);
    const before = bystanders.map((key) => shard.digest(key));
    const rows: RowInput[] = crowd(900, 30, 40_000).map((row, i) => ({
      ...row,
      key: `key ${30 + (i % 30)}`,
      op: i % 3 === 0 ? Op.DERIVE : Op.SCORE_AND_LEARN,
    }));
    // Rows of these change nothing: their keys are not in doubt.
    const asking = bystanders.map((key) => ({ ...read(key, 50_000) }));
    shard.write([
      ...asking,
      { op: Op.HEARTBEAT, arrivalMs: now + 40_000 },
      ...rows.slice(0, 500),
      { op: Op.TRAP },
      ...rows.slice(500),
    ]);
    shard.setFaults(true);
    expect(() => shard.kernel.step(0)).toThrow();
    shard.setFaults(false);
    expect(shard.kernel.recover(0)).toBe(30);
    expect(shard.kernel.verify()).toBe(0);
    expect(bystanders.map((key) => shard.digest(key))).toEqual(before);
    expect(keys.slice(30).every((key) => shard.digest(key) === 0n)).toBe(true);
    // What comes next is as in a shard that never met them, but for the heartbeat.
    expect(shard.counter("heartbeatMs")).toBe(now + 40_000);
    one(shard, event("key 40", 50_000, 4));
    expect(shard.featuresOf(0).values).toEqual([1, 4, 4, 3600]);
    shard.kernel.deleteDetector(0);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("are told from ones whose state is damaged", async () => {
    const shard = await make(path);
    shard.step(crowd(500, 10));
    const bytes = new Uint32Array(shard.memory.buffer);
    const first = bytes.indexOf(15, (12 << 20) >>> 2);
    expect(bytes[first]).toBe(15);
    const kind = bytes[first];
    bytes[first] = 4;
    expect(shard.kernel.verify()).not.toBe(0);
    bytes[first] = kind ?? 0;
    expect(shard.kernel.verify()).toBe(0);
  });
});
