import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { BufferBench, counting } from "../support/llamafarm-buffers.ts";
import {
  LlamaFarmClient,
  sensor,
  startLlamaFarm,
  type LlamaFarmService,
} from "../support/llamafarm.ts";

let service: LlamaFarmService;
let client: LlamaFarmClient;
let bench: BufferBench;

beforeAll(async () => {
  service = await startLlamaFarm();
  ({ client } = service);
  bench = new BufferBench(client);
});

afterAll(async () => {
  await service?.stop();
});

afterEach(async () => {
  await bench.clear();
});

const statistics = ["mean", "std", "min", "max"] as const;

/** Mean, std, min and max of the last values, written down from their definitions. */
function rolled(values: readonly number[]): readonly number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = Math.sqrt(squares / (values.length - 1));
  return [mean, std, Math.min(...values), Math.max(...values)];
}

describe("a buffer", () => {
  it("is made, listed, told of, cleared and deleted", async () => {
    const id = bench.id();
    const before = await client.ok("GET", "/polars/buffers");
    expect(before).toEqual({ object: "list", data: [], total: 0 });
    const body = { buffer_id: id, window_size: 500, something_else: true };
    expect(await client.ok("POST", "/polars/buffers", body)).toEqual({
      object: "buffer_created",
      buffer_id: id,
      window_size: 500,
      status: "created",
    });
    await bench.append(id, [
      { a: 1.5, unit: "C", on: true, b: 2 },
      { a: 2, unit: "C", on: false, b: null },
    ]);
    const stats = await client.ok("GET", `/polars/buffers/${id}`);
    expect(stats).toEqual({
      buffer_id: id,
      size: 2,
      window_size: 500,
      columns: ["a", "unit", "on", "b"],
      numeric_columns: ["a", "b"],
      memory_bytes: expect.any(Number),
      append_count: 2,
      avg_append_ms: expect.any(Number),
    });
    expect(Number.isInteger(stats["memory_bytes"])).toBe(true);
    expect(stats["memory_bytes"]).toBeGreaterThan(0);
    expect(stats["avg_append_ms"]).toBeGreaterThan(0);
    const list = await client.ok("GET", "/polars/buffers");
    expect(list).toEqual({ object: "list", data: [stats], total: 1 });
    const cleared = await client.ok("POST", `/polars/buffers/${id}/clear`);
    expect(cleared).toEqual({ cleared: true, buffer_id: id, size: 0 });
    expect(await client.ok("GET", `/polars/buffers/${id}`)).toMatchObject({
      size: 0,
      window_size: 500,
      columns: [],
      numeric_columns: [],
      append_count: 0,
      avg_append_ms: 0,
    });
    const deleted = await client.ok("DELETE", `/polars/buffers/${id}`);
    expect(deleted).toEqual({ deleted: true, buffer_id: id });
    expect((await client.call("GET", `/polars/buffers/${id}`)).status).toBe(404);
  });

  it("takes one row, several and none", async () => {
    const id = await bench.of([]);
    expect(await bench.append(id, { v: 1 })).toEqual({
      object: "append_result",
      buffer_id: id,
      appended: 1,
      buffer_size: 1,
      avg_append_ms: expect.any(Number),
    });
    expect(await bench.append(id, counting(2, 3))).toMatchObject({ appended: 3, buffer_size: 4 });
    expect(await bench.append(id, [])).toMatchObject({ appended: 0, buffer_size: 4 });
    expect((await bench.data(id)).data).toEqual(counting(1, 4));
  });

  it("keeps the newest rows and counts all", async () => {
    const id = await bench.of([], { window_size: 12 });
    for (const row of counting(0, 20)) await bench.append(id, row);
    expect((await bench.data(id)).data).toEqual(counting(8, 12));
    expect(await bench.append(id, counting(100, 30))).toMatchObject({
      appended: 30,
      buffer_size: 12,
    });
    expect((await bench.data(id)).data).toEqual(counting(118, 12));
    expect(await client.ok("GET", `/polars/buffers/${id}`)).toMatchObject({ append_count: 50 });
  });

  it("answers what was posted, nulls and odd names included", async () => {
    const rows = `[{"__proto__":1,"constructor":"x","":2.5},{"a\\"b":null,"":-1e-300},{"\\u0000":true,"":1e300}]`;
    const id = await bench.of([]);
    await client.ok("POST", "/polars/append", `{"buffer_id":"${id}","data":${rows}}`);
    const response = await fetch(`${client.url}/v1/ml/polars/buffers/${id}/data`);
    expect(await response.text()).toBe(
      `{"object":"polars_data","buffer_id":"${id}","rows":3,"columns":["__proto__","constructor","","a\\"b","\\u0000"],"data":[` +
        `{"__proto__":1,"constructor":"x","":2.5,"a\\"b":null,"\\u0000":null},` +
        `{"__proto__":null,"constructor":null,"":-1e-300,"a\\"b":null,"\\u0000":null},` +
        `{"__proto__":null,"constructor":null,"":1e+300,"a\\"b":null,"\\u0000":true}]}`,
    );
  });

  it("of one prefix is that of the other", async () => {
    const other = new LlamaFarmClient(client.url, "/v1");
    const id = await bench.of(counting(1, 3));
    expect(await other.ok("GET", `/polars/buffers/${id}`)).toMatchObject({ size: 3 });
    const row = { buffer_id: id, data: { v: 4 } };
    expect(await other.ok("POST", "/polars/append", row)).toMatchObject({ buffer_size: 4 });
    expect((await other.ok("GET", `/polars/buffers/${id}/data`))["rows"]).toBe(4);
    expect(await other.ok("GET", "/polars/buffers")).toMatchObject({ total: 1 });
    const asked = await other.ok("POST", "/polars/features", { buffer_id: id });
    expect(asked).toEqual(await bench.features(id));
    expect(await other.ok("POST", `/polars/buffers/${id}/clear`)).toMatchObject({ size: 0 });
    expect(await other.ok("DELETE", `/polars/buffers/${id}`)).toMatchObject({ deleted: true });
    expect((await client.call("GET", `/polars/buffers/${id}`)).status).toBe(404);
  });
});

describe("rows", () => {
  it.each([
    ["", 30],
    ["?tail=7", 7],
    ["?tail=1000", 30],
    ["?tail=0", 30],
    ["?tail=-3", 30],
  ])("of data%s", async (query, rows) => {
    const id = await bench.of(counting(1, 30));
    const frame = await bench.data(id, query);
    expect(frame).toEqual({
      object: "polars_data",
      buffer_id: id,
      rows,
      columns: ["v"],
      data: counting(31 - rows, rows),
    });
  });

  it("come with the default features where they are asked for", async () => {
    const id = await bench.of(counting(1, 25));
    const frame = await bench.data(id, "?with_features=true&tail=4");
    expect(frame).toEqual(await bench.features(id, { tail: 4 }));
    expect(frame.data.at(-1)).toMatchObject({ v: 25, v_rolling_mean_5: 23, v_lag_3: 22 });
    expect(await bench.data(id, "?with_features=false")).toEqual(await bench.data(id));
  });

  it("of an empty buffer are none", async () => {
    const id = await bench.of([]);
    const empty = { object: "polars_data", buffer_id: id, rows: 0, columns: [], data: [] };
    expect(await bench.data(id)).toEqual(empty);
    expect(await bench.features(id)).toEqual(empty);
    expect(await client.ok("GET", `/polars/buffers/${id}`)).toMatchObject({ avg_append_ms: 0 });
  });
});

describe("features", () => {
  it("have their defaults, in order, and nulls mean the defaults too", async () => {
    const id = await bench.of(counting(1, 25).map((row) => ({ t: "x", ...row })));
    const frame = await bench.features(id);
    expect(frame.columns).toEqual([
      "t",
      "v",
      ...[5, 10, 20].flatMap((w) => statistics.map((s) => `v_rolling_${s}_${w}`)),
      ...[1, 2, 3].map((lag) => `v_lag_${lag}`),
    ]);
    expect(Object.keys(frame.data[0] ?? {})).toEqual(frame.columns);
    const nulls = { rolling_windows: null, include_rolling_stats: null, lag_periods: null };
    expect(await bench.features(id, { ...nulls, tail: null })).toEqual(frame);
  });

  it("are what their definitions say, zero before a window is full", async () => {
    const rows = sensor(40, 13);
    const id = await bench.of(rows, { window_size: 30 });
    const kept = rows.slice(-30);
    const frame = await bench.features(id, { rolling_windows: [4, 7], lag_periods: [2, 50] });
    expect(frame.rows).toBe(30);
    for (const column of ["temperature", "humidity"]) {
      const values = kept.map((row) => Number(row[column]));
      for (const [i, row] of frame.data.entries()) {
        expect(row[`${column}_lag_2`]).toBe(i < 2 ? 0 : values[i - 2]);
        expect(row[`${column}_lag_50`]).toBe(0);
        for (const window of [4, 7]) {
          const full = i + 1 >= window;
          const expected = full ? rolled(values.slice(i + 1 - window, i + 1)) : [0, 0, 0, 0];
          for (const [s, statistic] of statistics.entries()) {
            const got = Number(row[`${column}_rolling_${statistic}_${window}`]);
            expect(got).toBeCloseTo(expected[s] ?? Number.NaN, 9);
          }
        }
      }
    }
  });

  it("are zero where a window holds a null, which stays null itself", async () => {
    const id = await bench.of([{ v: 1 }, { v: null }, { v: 3 }, { v: 5 }]);
    const frame = await bench.features(id, { rolling_windows: [2], lag_periods: [1] });
    expect(frame.data.map((row) => row["v"])).toEqual([1, null, 3, 5]);
    expect(frame.data.map((row) => row["v_rolling_mean_2"])).toEqual([0, 0, 0, 4]);
    expect(frame.data.map((row) => row["v_lag_1"])).toEqual([0, 1, 0, 3]);
  });

  it("are those that were asked for, of the tail that was asked for", async () => {
    const id = await bench.of(counting(1, 30));
    const frame = await bench.features(id, {
      rolling_windows: ["20", 3.0],
      include_rolling_stats: ["max", "mean"],
      include_lags: "no",
      lag_periods: [1],
      tail: 2,
    });
    const names = ["v_rolling_mean_20", "v_rolling_max_20", "v_rolling_mean_3", "v_rolling_max_3"];
    expect(frame.columns).toEqual(["v", ...names]);
    const [first, last] = [
      [29, 19.5, 29, 28, 29],
      [30, 20.5, 30, 29, 30],
    ];
    expect(frame.data.map((row) => Object.values(row))).toEqual([first, last]);
    const none = await bench.features(id, { rolling_windows: [], include_lags: false });
    expect(none).toEqual(await bench.data(id));
  });

  it("named twice are there once", async () => {
    const id = await bench.of(counting(1, 5));
    const asked = { rolling_windows: [2, 2], include_rolling_stats: ["min"], lag_periods: [1, 1] };
    expect((await bench.features(id, asked)).columns).toEqual(["v", "v_rolling_min_2", "v_lag_1"]);
  });
});

it("holds so many buffers and no more", async () => {
  for (let i = 0; i < limits.buffersMax; i++) await bench.of([]);
  const answer = await client.call("POST", "/polars/buffers", { buffer_id: "one-more" });
  expect(answer.status).toBe(429);
  expect(answer.body["detail"]).toMatch(/there are 1000 buffers, the limit; delete one first/);
});
