import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { RowBuffer } from "../../../src/buffers/buffer.ts";
import { Buffers } from "../../../src/buffers/buffers.ts";
import { FeatureFrames, statistics } from "../../../src/buffers/features.ts";
import type { FeatureRequest } from "../../../src/buffers/features.ts";
import { limits } from "../../../src/config/limits.ts";
import { WeirError } from "../../../src/domain/errors.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { ManualClock } from "../../support/manual-clock.ts";

interface Frame {
  readonly rows: number;
  readonly columns: readonly string[];
  readonly data: readonly Readonly<Record<string, unknown>>[];
}

let frames: FeatureFrames;
beforeAll(async () => {
  frames = new FeatureFrames(await compileModule());
});

async function frameOf(buffer: RowBuffer, request: Partial<FeatureRequest> = {}): Promise<Frame> {
  const all = { windows: [], lags: [], statistics, tail: 0, ...request };
  return JSON.parse(await frames.write(buffer, all)) as Frame;
}

function filled(rows: readonly Record<string, unknown>[], windowRows = 1000): RowBuffer {
  const buffer = new RowBuffer("b", windowRows);
  buffer.append(rows);
  return buffer;
}

describe("a buffer", () => {
  test("keeps the newest rows, in order, however they came", async () => {
    const buffer = new RowBuffer("b", 33);
    for (let i = 0; i < 100; i++) buffer.append([{ v: i }]);
    buffer.append(Array.from({ length: 7 }, (_, i) => ({ v: 100 + i })));
    const { data } = await frameOf(buffer);
    expect(data.map(({ v }) => v)).toEqual(Array.from({ length: 33 }, (_, i) => 74 + i));
    expect(buffer.appended).toBe(107);
  });

  test("holds columns as they come; what a row lacks is null", async () => {
    const buffer = filled([{ a: 1 }, { b: "x" }, { a: null, c: true }, {}]);
    const frame = await frameOf(buffer);
    expect(frame.columns).toEqual(["a", "b", "c"]);
    expect(frame.data).toEqual([
      { a: 1, b: null, c: null },
      { a: null, b: "x", c: null },
      { a: null, b: null, c: true },
      { a: null, b: null, c: null },
    ]);
    expect(buffer.columns.filter((column) => column.isNumeric).map(({ name }) => name)).toEqual([
      "a",
    ]);
  });

  test("a column of numbers and text is text, of numbers and booleans numbers", async () => {
    const mixed = filled([
      { a: 1, b: true },
      { a: "x", b: 2 },
      { a: 2.5, b: false },
    ]);
    expect((await frameOf(mixed)).data).toEqual([
      { a: "1", b: 1 },
      { a: "x", b: 2 },
      { a: "2.5", b: 0 },
    ]);
  });

  test("answers as a plain list of rows would", async () => {
    const cell = fc.constantFrom(null, true, false, 0, 1.5, -7, "", "text", "null");
    const row = fc.dictionary(fc.constantFrom("a", "b", "__proto__"), cell);
    const batches = fc.array(fc.array(row, { maxLength: 25 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 10, max: 40 }), batches, async (windowRows, posted) => {
        const buffer = new RowBuffer("b", windowRows);
        const all = posted.flat();
        for (const rows of posted) buffer.append(rows);
        const cellsOf = (name: string) => all.flatMap((each) => each[name] ?? []);
        const as = (name: string, value: string | number | boolean | null | undefined) => {
          const types = new Set(cellsOf(name).map((each) => typeof each));
          if (value === null || value === undefined) return null;
          if (types.has("string")) return String(value);
          return types.has("number") ? Number(value) : value;
        };
        const { columns, data } = await frameOf(buffer);
        const kept = all.slice(-windowRows);
        expect(data.map((each) => columns.map((name) => each[name]))).toEqual(
          kept.map((each) =>
            columns.map((name) => as(name, Object.hasOwn(each, name) ? each[name] : null)),
          ),
        );
      }),
    );
  });

  test("takes all rows or none, and names the cell that is wrong", () => {
    const buffer = filled([{ a: 1 }]);
    expect(() => buffer.append([{ a: 2 }, { a: [1] }])).toThrow(/data\[1\]\.a: is a list/);
    expect(() => buffer.append([{ a: 2 }, { a: Number.POSITIVE_INFINITY }])).toThrow(
      /data\[1\]\.a: is beyond/,
    );
    const wide = Object.fromEntries(
      Array.from({ length: limits.bufferColumnsMax }, (_, i) => [`c${i}`, 1]),
    );
    expect(() => buffer.append([wide])).toThrow(/would be column 257/);
    expect(buffer.rows).toBe(1);
    expect(buffer.columns).toHaveLength(1);
  });

  test("refuses rows that would take more than there is room for", () => {
    const cell = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ maxLength: 300 }),
    );
    const row = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__", ""), cell);
    const batch = fc.record({ rows: fc.array(row, { maxLength: 40 }), room: fc.nat(4000) });
    let refused = 0;
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 60 }), fc.array(batch), (windowRows, batches) => {
        const buffer = new RowBuffer("b", windowRows);
        for (const { rows, room } of batches) {
          const before = { bytes: buffer.bytes, rows: buffer.rows, appended: buffer.appended };
          try {
            buffer.append(rows, room);
            expect(buffer.bytes - before.bytes).toBeLessThanOrEqual(room);
          } catch (error) {
            refused++;
            expect(error).toBeInstanceOf(WeirError);
            expect(buffer).toMatchObject(before);
          }
        }
      }),
    );
    expect(refused).toBeGreaterThan(0);
  });

  test("counts its texts whatever leaves before them", () => {
    const buffer = new RowBuffer("b", 16);
    const numbers = Array.from({ length: 16 }, () => ({ a: 1.234567890123456 }));
    const texts = Array.from({ length: 16 }, () => ({ a: "text" }));
    buffer.append([...texts, ...numbers]);
    const empty = buffer.bytes;
    buffer.append(texts);
    expect(buffer.bytes - empty).toBe(16 * 4 * 2);
    buffer.append(numbers);
    expect(buffer.bytes).toBe(empty);
  });

  test("names a cell that is wrong in a few words", () => {
    const name = "n".repeat(1_000_000);
    expect(() => filled([{ [name]: 1 }])).toThrow(/^data\[0\]\.n{128}: the name is longer/);
  });

  test("forgets everything when it is cleared", async () => {
    const buffer = filled([{ a: "text" }]);
    buffer.clear();
    buffer.append([{ a: 3 }]);
    expect(await frameOf(buffer, { lags: [1] })).toMatchObject({
      columns: ["a", "a_lag_1"],
      data: [{ a: 3, a_lag_1: 0 }],
    });
  });
});

describe("features", () => {
  const ramp = Array.from({ length: 30 }, (_, i) => ({ v: i + 1, t: "x" }));

  test("the tail is taken after they are computed", async () => {
    const frame = await frameOf(filled(ramp), { windows: [20, 5], lags: [3], tail: 1 });
    expect(frame.rows).toBe(1);
    expect(frame.columns).toEqual([
      "v",
      "t",
      ...[20, 5].flatMap((w) => statistics.map((s) => `v_rolling_${s}_${w}`)),
      "v_lag_3",
    ]);
    expect(frame.data[0]).toMatchObject({
      v: 30,
      v_rolling_mean_20: 20.5,
      v_rolling_min_5: 26,
      v_rolling_max_5: 30,
      v_lag_3: 27,
    });
  });

  test("the same numbers with a tail and without", async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ v: Math.sin(i * 7) * 1e3, w: i % 7 }));
    const buffer = filled(rows, 250);
    const request = { windows: [3, 40], lags: [1, 9] };
    const all = await frameOf(buffer, request);
    const tail = await frameOf(buffer, { ...request, tail: 20 });
    expect(tail.columns).toEqual(all.columns);
    for (const [i, row] of tail.data.entries()) {
      const whole = all.data[230 + i];
      for (const name of tail.columns) {
        expect(Number(row[name])).toBeCloseTo(Number(whole?.[name]), 9);
      }
    }
  });

  test("selects the statistics that were asked for", async () => {
    const frame = await frameOf(filled(ramp), { windows: [5], statistics: ["min", "std"] });
    expect(frame.columns).toEqual(["v", "t", "v_rolling_min_5", "v_rolling_std_5"]);
    expect(frame.data[9]).toMatchObject({ v_rolling_min_5: 6 });
    expect(frame.data[9]?.["v_rolling_std_5"]).toBeCloseTo(Math.sqrt(2.5), 12);
  });

  test("a feature takes the place of a column that was posted under its name", async () => {
    const rows = [1, 2, 3].map((v) => ({ v_lag_1: "posted", v }));
    const frame = await frameOf(filled(rows), { lags: [1, 2] });
    expect(frame.columns).toEqual(["v_lag_1", "v", "v_lag_2"]);
    expect(frame.data[2]).toEqual({ v_lag_1: 2, v: 3, v_lag_2: 1 });
    expect((await frameOf(filled(rows))).data[2]).toEqual({ v_lag_1: "posted", v: 3 });
  });

  test("no statistics are lags alone", async () => {
    const frame = await frameOf(filled(ramp), { windows: [5], lags: [1], statistics: [] });
    expect(frame.columns).toEqual(["v", "t", "v_lag_1"]);
    expect(frame.data[9]).toMatchObject({ v: 10, v_lag_1: 9 });
  });

  test("windows and lags that are longer than the buffer are zeros", async () => {
    const frame = await frameOf(filled(ramp), { windows: [31, 90_000], lags: [30, 90_000] });
    const { v, t, ...derived } = frame.data[29] ?? {};
    expect([v, t]).toEqual([30, "x"]);
    expect(Object.values(derived)).toEqual(Array.from({ length: 10 }, () => 0));
  });

  test("an answer is bounded", async () => {
    const buffer = new RowBuffer("b", 50_000);
    const rows = Array.from({ length: 50_000 }, (_, i) => ({ a: i, b: i, c: i, d: i }));
    buffer.append(rows);
    const request = { windows: [5, 10, 20], lags: [1, 2, 3], statistics, tail: 0 };
    await expect(frames.write(buffer, request)).rejects.toThrow(/ask for a tail/);
    const some = JSON.parse(await frames.write(buffer, { ...request, tail: 1000 })) as Frame;
    expect(some.rows).toBe(1000);
  });
});

describe("answers", () => {
  const all = { windows: [], lags: [], statistics, tail: 0 };

  test("are bounded in characters: of names", async () => {
    const names = Array.from({ length: 256 }, (_, i) => `${i}-`.padEnd(128, "n"));
    const row = Object.fromEntries(names.map((name) => [name, 1]));
    const buffer = filled([row, ...Array.from({ length: 7000 }, () => ({}))], 10_000);
    await expect(frames.write(buffer, all)).rejects.toThrow(/characters.*ask for a tail/);
    expect(await frameOf(buffer, { tail: 2 })).toMatchObject({ rows: 2 });
  });

  test("are bounded in characters: of texts, as JSON writes them", async () => {
    const row = { a: "\u0001".repeat(limits.bufferTextCharsMax) };
    const buffer = filled(
      Array.from({ length: 5600 }, () => row),
      10_000,
    );
    await expect(frames.write(buffer, all)).rejects.toThrow(/characters.*ask for a tail/);
    expect((await frameOf(buffer, { tail: 1 })).data).toEqual([row]);
  });

  test("wait for those before them, and not too many do", async () => {
    const buffer = filled([{ a: 1 }]);
    const answers = Array.from({ length: limits.bufferAnswersMax }, () =>
      frames.write(buffer, all),
    );
    await expect(frames.write(buffer, all)).rejects.toThrow(/requests for buffers' rows wait/);
    expect(new Set(await Promise.all(answers)).size).toBe(1);
    expect((await frameOf(buffer)).rows).toBe(1);
  });

  test("are refused while too many are not taken", async () => {
    const buffer = filled([{ a: 1 }]);
    const taken = frames.hold(limits.bufferAnswersCharsMax + 1);
    await expect(frames.write(buffer, all)).rejects.toThrow(/not taken yet/);
    taken();
    expect((await frameOf(buffer)).rows).toBe(1);
  });
});

describe("the buffers", () => {
  test("share their memory, and give back what is cleared, deleted or left alone", () => {
    const clock = new ManualClock();
    const buffers = new Buffers(clock, 1000, 64_000);
    const rows = Array.from({ length: 1000 }, () => ({ a: 1, b: 2 }));
    const gives = [
      () => buffers.clear("first"),
      () => buffers.remove("first"),
      () => clock.advance(1001),
    ];
    for (const give of gives) {
      if (buffers.list().every(({ id }) => id !== "first")) buffers.create("first", 2000);
      buffers.append("first", rows);
      clock.advance(500);
      if (buffers.list().every(({ id }) => id !== "second")) buffers.create("second", 3000);
      for (let i = 0; i < 3; i++) {
        expect(() => buffers.append("second", [...rows, ...rows, ...rows])).toThrow(
          /of the memory of all buffers \d+ are left/,
        );
      }
      expect(buffers.get("second").rows).toBe(0);
      give();
      if (buffers.list().every(({ id }) => id !== "second")) buffers.create("second", 3000);
      expect(buffers.append("second", [...rows, ...rows, ...rows]).rows).toBe(3000);
      buffers.clear("second");
    }
  });

  test("are bounded in number, and leave when nobody comes", () => {
    const clock = new ManualClock();
    const buffers = new Buffers(clock, 1000);
    for (let i = 0; i < limits.buffersMax; i++) buffers.create(`b${i}`, 10);
    expect(() => buffers.create("more", 10)).toThrow(WeirError);
    clock.advance(600);
    buffers.get("b7");
    clock.advance(600);
    expect(buffers.list().map(({ id }) => id)).toEqual(["b7"]);
    expect(() => buffers.get("b0")).toThrow(
      "Buffer 'b0' not found. Create it first with POST /v1/polars/buffers",
    );
    expect(() => buffers.create("b7", 10)).toThrow(
      "already exists. Use DELETE to remove it first.",
    );
  });
});
