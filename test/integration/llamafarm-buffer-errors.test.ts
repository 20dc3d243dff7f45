import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { BufferBench, counting } from "../support/llamafarm-buffers.ts";
import {
  LlamaFarmClient,
  startLlamaFarm,
  type Json,
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

describe.each(["/v1/ml", "/v1"])("%s/polars refuses", (prefix) => {
  const own = () => new LlamaFarmClient(client.url, prefix);
  const unknown = "Buffer 'nobody' not found. Create it first with POST /v1/polars/buffers";

  it.each<[string, string, Json | undefined, string]>([
    ["GET", "/polars/buffers/nobody", undefined, unknown],
    ["GET", "/polars/buffers/nobody/data", undefined, unknown],
    ["POST", "/polars/buffers/nobody/clear", undefined, unknown],
    ["POST", "/polars/append", { buffer_id: "nobody", data: { v: 1 } }, unknown],
    ["POST", "/polars/features", { buffer_id: "nobody" }, unknown],
    ["DELETE", "/polars/buffers/nobody", undefined, "Buffer 'nobody' not found"],
    ["GET", "/polars/buffers/a%2Fb", undefined, "Not Found"],
    ["GET", "/polars/nothing", undefined, "Not Found"],
  ])("%s %s with 404", async (method, path, body, detail) => {
    const answer = await own().call(method, path, body);
    expect(answer).toEqual({ status: 404, body: { detail } });
    expect(await client.ok("GET", "/polars/buffers")).toMatchObject({ total: 0 });
  });

  it.each(["a..b", "a%5Cb"])("the id %s with 400", async (id) => {
    const detail = `Invalid buffer_id: ${decodeURIComponent(id)}`;
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/clear"],
    ] as const) {
      const answer = await own().call(method, `/polars/buffers/${id}${path}`);
      expect(answer).toEqual({ status: 400, body: { detail } });
    }
  });

  it.each(["", "a/b", "a\\b", ".."])("a new buffer with the id %j with 400", async (id) => {
    const answer = await own().call("POST", "/polars/buffers", { buffer_id: id });
    expect(answer.status).toBe(400);
    expect(answer.body["detail"]).toContain(`Invalid buffer_id: ${id}`);
  });

  it("a second buffer of the same id with 409", async () => {
    const id = await bench.of(counting(1, 3));
    const answer = await own().call("POST", "/polars/buffers", { buffer_id: id, window_size: 20 });
    const detail = `Buffer '${id}' already exists. Use DELETE to remove it first.`;
    expect(answer).toEqual({ status: 409, body: { detail } });
    const stats = await own().ok("GET", `/polars/buffers/${id}`);
    expect(stats).toMatchObject({ size: 3, window_size: 1000 });
    await own().ok("DELETE", `/polars/buffers/${id}`);
    const again = { buffer_id: id, window_size: "20" };
    expect(await own().ok("POST", "/polars/buffers", again)).toMatchObject({ window_size: 20 });
  });

  const id = "never-made";
  it.each<[string, unknown, Json]>([
    ["buffers", {}, { type: "missing", loc: ["buffer_id"], msg: "Field required" }],
    ["buffers", { buffer_id: 7 }, { type: "string_type", loc: ["buffer_id"], input: 7 }],
    ["buffers", { buffer_id: null }, { type: "string_type", loc: ["buffer_id"], input: null }],
    [
      "buffers",
      { buffer_id: "i".repeat(257) },
      { type: "string_too_long", loc: ["buffer_id"], ctx: { max_length: 256 } },
    ],
    [
      "buffers",
      { buffer_id: id, window_size: 9 },
      {
        type: "greater_than_equal",
        loc: ["window_size"],
        msg: "Input should be greater than or equal to 10",
        input: 9,
        ctx: { ge: 10 },
      },
    ],
    [
      "buffers",
      { buffer_id: id, window_size: limits.bufferRowsMax + 1 },
      { type: "less_than_equal", loc: ["window_size"] },
    ],
    [
      "buffers",
      { buffer_id: id, window_size: 20.5 },
      { type: "int_from_float", loc: ["window_size"] },
    ],
    ["buffers", { buffer_id: id, window_size: null }, { type: "int_type", loc: ["window_size"] }],
    ["buffers", [], { type: "dict_type", loc: [] }],
    ["append", { buffer_id: id }, { type: "missing", loc: ["data"] }],
    ["append", { data: {} }, { type: "missing", loc: ["buffer_id"] }],
    ["append", { buffer_id: id, data: 3 }, { type: "dict_type", loc: ["data", "dict[str,any]"] }],
    ["features", {}, { type: "missing", loc: ["buffer_id"] }],
    [
      "features",
      { buffer_id: id, rolling_windows: [5, "x"] },
      { type: "int_parsing", loc: ["rolling_windows", 1], input: "x" },
    ],
    [
      "features",
      { buffer_id: id, rolling_windows: [0] },
      { type: "greater_than_equal", loc: ["rolling_windows", 0] },
    ],
    [
      "features",
      { buffer_id: id, rolling_windows: [1, 2, 3, 4, 5, 6, 7, 8, 9] },
      { type: "too_long", loc: ["rolling_windows"] },
    ],
    [
      "features",
      { buffer_id: id, include_rolling_stats: ["median"] },
      {
        type: "literal_error",
        loc: ["include_rolling_stats", 0],
        msg: "Input should be 'mean', 'std', 'min' or 'max'",
        input: "median",
        ctx: { expected: "'mean', 'std', 'min' or 'max'" },
      },
    ],
    [
      "features",
      { buffer_id: id, include_lags: "maybe" },
      { type: "bool_parsing", loc: ["include_lags"] },
    ],
    [
      "features",
      { buffer_id: id, lag_periods: 1 },
      { type: "list_type", loc: ["lag_periods"], msg: "Input should be a valid list" },
    ],
    [
      "features",
      { buffer_id: id, lag_periods: [-1] },
      { type: "greater_than_equal", loc: ["lag_periods", 0], input: -1 },
    ],
    ["features", { buffer_id: id, tail: "ten" }, { type: "int_parsing", loc: ["tail"] }],
  ])("%s of %j with 422", async (path, body, problem) => {
    const answer = await own().call("POST", `/polars/${path}`, body);
    expect(answer.status).toBe(422);
    expect(Object.keys(answer.body)).toEqual(["detail"]);
    const loc = ["body", ...(problem["loc"] as unknown[])];
    const list = answer.body["detail"] as Json[];
    expect(list[0]).toMatchObject({ ...problem, loc });
    for (const each of list) {
      expect(Object.keys(each).filter((key) => key !== "ctx")).toEqual([
        "type",
        "loc",
        "msg",
        "input",
      ]);
    }
    expect(await client.ok("GET", "/polars/buffers")).toMatchObject({ total: 0 });
  });

  it("all that is wrong at once", async () => {
    const body = { window_size: 1, buffer_id: [] };
    const { status, body: answer } = await own().call("POST", "/polars/buffers", body);
    expect(status).toBe(422);
    const locs = (answer["detail"] as Json[]).map(({ loc }) => loc);
    expect(locs).toEqual([
      ["body", "buffer_id"],
      ["body", "window_size"],
    ]);
  });

  it.each(["{", '{"buffer_id":NaN}', "", '{"buffer_id":"b","data":{"v":Infinity}}'])(
    "the body %j with 422",
    async (body) => {
      for (const path of ["buffers", "append", "features"]) {
        const answer = await own().call("POST", `/polars/${path}`, body);
        expect(answer.status).toBe(422);
        const [problem] = answer.body["detail"] as Json[];
        expect(problem?.["type"]).toBe(body === "" ? "missing" : "json_invalid");
      }
    },
  );

  it("what is wrong with a query, and says that it is the query", async () => {
    const made = await bench.of(counting(1, 3));
    for (const [query, type, name] of [
      ["tail=x", "int_parsing", "tail"],
      ["tail=1.5", "int_parsing", "tail"],
      ["with_features=maybe", "bool_parsing", "with_features"],
    ] as const) {
      const answer = await own().call("GET", `/polars/buffers/${made}/data?${query}`);
      expect(answer.status).toBe(422);
      expect(answer.body["detail"]).toMatchObject([{ type, loc: ["query", name] }]);
    }
  });

  it("rows with what is no cell, and takes none of them", async () => {
    const made = await bench.of(counting(1, 3));
    for (const [bad, text] of [
      ['{"v":[1]}', /^data\[1\]\.v: is a list or an object/],
      ['{"v":1e999}', /^data\[1\]\.v: is beyond what a float64 holds/],
      [`{"${"n".repeat(129)}":1}`, /the name is longer than 128 characters/],
      [`{"v":"${"x".repeat(4097)}"}`, /^data\[1\]\.v: is longer than 4096 characters/],
    ] as const) {
      const body = `{"buffer_id":"${made}","data":[{"v":4},${bad}]}`;
      const answer = await own().call("POST", "/polars/append", body);
      expect(answer.status).toBe(400);
      expect(answer.body["detail"]).toMatch(text);
    }
    expect((await bench.data(made)).data).toEqual(counting(1, 3));
  });

  it("more than it holds, with a sentence", async () => {
    const made = await bench.of([]);
    const many = Array.from({ length: limits.bufferAppendRowsMax + 1 }, () => ({}));
    const rows = await own().call("POST", "/polars/append", { buffer_id: made, data: many });
    expect(rows.status).toBe(413);
    expect(rows.body["detail"]).toMatch(/^data has 10001 rows, at most 10000 are taken at once/);
    const wide = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`c${i}`, i]));
    const columns = await own().call("POST", "/polars/append", { buffer_id: made, data: wide });
    expect(columns.status).toBe(413);
    expect(columns.body["detail"]).toMatch(/would be column 257, at most 256 are kept/);
    expect(await client.ok("GET", `/polars/buffers/${made}`)).toMatchObject({ append_count: 0 });
  });
});
