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

  test("takes all rows or none, and names the cell that is wrong", () => {
    const buffer = filled([{ a: 1 }]);
    expect(() => buffer.append([{ a: 2 }, { a: [1] }])).toThrow(/data\[1\]\.a: is a list/);
    expect(() => buffer.append([{ a: 2 }, { a: 1e999 }])).toThrow(/data\[1\]\.a: is beyond/);
    const wide = Object.fromEntries(
      Array.from({ length: limits.bufferColumnsMax }, (_, i) => [`c${i}`, 1]),
    );
    expect(() => buffer.append([wide])).toThrow(/would be column 257/);
    expect(buffer.rows).toBe(1);
    expect(buffer.columns).toHaveLength(1);
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

describe("the buffers", () => {
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
