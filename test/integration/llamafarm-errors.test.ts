import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { scalar, startLlamaFarm, type Answer, type Json } from "../support/llamafarm.ts";
import type { LlamaFarmClient, LlamaFarmService } from "../support/llamafarm.ts";

let service: LlamaFarmService;
let client: LlamaFarmClient;

beforeAll(async () => {
  service = await startLlamaFarm();
  ({ client } = service);
});

afterAll(async () => {
  await service?.stop();
});

const model = "errors";

beforeEach(async () => {
  await client.call("DELETE", `/anomaly/stream/${model}`);
});

const post = (body: unknown): Promise<Answer> => client.call("POST", "/anomaly/stream", body);

/** The list of a 422. */
function list(answer: Answer): Json[] {
  expect(answer.status).toBe(422);
  return answer.body["detail"] as Json[];
}

describe("POST anomaly/stream refuses fields with a text that names them", () => {
  it.each<[Json, string]>([
    [{ min_samples: 5 }, "min_samples\n  Input should be greater than or equal to 10"],
    [{ min_samples: 20.5 }, "min_samples\n  Input should be a valid integer, got a number"],
    [{ min_samples: null }, "min_samples\n  Input should be a valid integer"],
    [{ min_samples: "many" }, "min_samples\n  Input should be a valid integer, unable to parse"],
    [{ retrain_interval: 9 }, "retrain_interval\n  Input should be greater than or equal to 10"],
    [{ window_size: 49 }, "window_size\n  Input should be greater than or equal to 50"],
    [{ window_size: 50_001 }, "window_size\n  Input should be less than or equal to 50000"],
    [{ contamination: 0 }, "contamination\n  Input should be greater than 0"],
    [{ contamination: 0.6 }, "contamination\n  Input should be less than or equal to 0.5"],
    [{ contamination: null }, "contamination\n  Input should be a valid number"],
    [{ threshold: 1.1 }, "threshold\n  Input should be less than or equal to 1"],
    [{ threshold: -0.1 }, "threshold\n  Input should be greater than or equal to 0"],
    [{ backend: "ECOD" }, "backend\n  Input should be 'isolation_forest',"],
    [{ backend: "half_space_trees" }, "backend\n  Input should be 'isolation_forest',"],
    [{ model: 3 }, "model\n  Input should be a valid string"],
    [{ include_lags: "maybe" }, "include_lags\n  Input should be a valid boolean"],
    [{ rolling_windows: [5, "x"] }, "rolling_windows.1\n  Input should be a valid integer"],
    [{ rolling_windows: [0] }, "rolling_windows.0\n  Input should be greater than or equal to 1"],
    [{ rolling_windows: 5 }, "rolling_windows\n  Input should be a valid list"],
    [{ rolling_windows: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, "rolling_windows\n  List should have at"],
    [{ lag_periods: [-1] }, "lag_periods.0\n  Input should be greater than or equal to 1"],
    [{ normalization: "best" }, "normalization\n  Input should be 'calibrated',"],
    [{ scaler: "cubic" }, "scaler\n  Input should be 'none',"],
    [{ flagged_rows: "maybe" }, "flagged_rows\n  Input should be 'keep' or 'drop'"],
    [{ schema: { a: "colour" } }, "schema.a\n  Unknown encoding type"],
    [{ data: 3 }, "data.dict[str,any]\n  Input should be a valid dictionary"],
    [{ data: [[1, 2]] }, "data.list[dict[str,any]].0\n  Input should be a valid dictionary"],
    [{ data: null }, "data.dict[str,any]\n  Input should be a valid dictionary"],
  ])("%j", async (fields, text) => {
    const answer = await post({ model, data: { a: 1 }, ...fields });
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body)).toEqual(["detail"]);
    expect(answer.body["detail"]).toMatch(/^\d+ validation errors? for AnomalyStreamRequest\n/);
    expect(answer.body["detail"]).toContain(text);
    // Whatever was refused made no detector.
    expect((await client.call("GET", `/anomaly/stream/${model}`)).status).toBe(404);
  });

  it("without data", async () => {
    const answer = await post({ model });
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("data\n  Field required [type=missing") },
    });
  });

  it("for hyper-parameters that the kind does not have, or out of range", async () => {
    const unknown = await post({ model, data: { a: 1 }, parameters: { bins: 3 } });
    expect(unknown.status).toBe(400);
    expect(unknown.body["detail"]).toMatch(/ecod\.bins/);
    const wrong = await post({
      model,
      data: { a: 1 },
      backend: "hbos",
      parameters: { n_bins: 100_000 },
    });
    expect(wrong.status).toBe(400);
    expect(wrong.body["detail"]).toMatch(/hbos\.n_bins/);
  });
});

describe("POST anomaly/stream takes", () => {
  it.each<[Json]>([
    [{ min_samples: 10 }],
    [{ min_samples: "20" }],
    [{ min_samples: 20.0 }],
    [{ retrain_interval: 10 }],
    [{ window_size: 50 }],
    [{ contamination: 0.5 }],
    [{ contamination: 0.001 }],
    [{ contamination: "0.3" }],
    [{ threshold: 0 }],
    [{ threshold: 1 }],
    [{ rolling_windows: null }],
    [{ rolling_windows: [] }],
    [{ rolling_windows: [5, 5] }],
    [{ lag_periods: null }],
    [{ include_lags: "yes" }],
    [{ schema: {} }],
    [{ schema: null }],
    [{ feature_names: ["x"], whatever: [] }],
  ])("%j", async (fields) => {
    const answer = await post({ model, data: { a: 1 }, ...fields });
    expect(answer.body).toMatchObject({ samples_collected: 1 });
  });
});

describe("a body that is no request", () => {
  it.each<[string, string | undefined, string]>([
    ["half an object", '{"data":', "json_invalid"],
    ["a literal NaN", `{"model":"${model}","data":{"a":NaN}}`, "json_invalid"],
    ["a literal Infinity", `{"model":"${model}","data":{"a":Infinity}}`, "json_invalid"],
    ["a list", "[]", "dict_type"],
    ["text", '"x"', "dict_type"],
    ["null", "null", "dict_type"],
    ["nothing", undefined, "missing"],
  ])("such as %s is 422", async (_what, body, type) => {
    const [problem] = list(await post(body));
    expect(problem).toMatchObject({ type, loc: expect.arrayContaining(["body"]) });
  });

  it("such as one of another type is 422", async () => {
    const response = await fetch(`${service.url}/v1/ml/anomaly/stream`, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: '{"data":{"a":1}}',
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ detail: [{ type: "dict_type", loc: ["body"] }] });
  });

  it("such as a number that no model takes is 400, before and after the first training", async () => {
    const early = await post(`{"model":"${model}","data":[{"a":1},{"a":1e999}]}`);
    expect(early.status).toBe(400);
    expect(early.body["detail"]).toMatch(/^data\[1\]\.a: /);
    expect((await client.call("GET", `/anomaly/stream/${model}`)).status).toBe(404);
    await client.stream(model, scalar(12), { min_samples: 10 });
    const late = await post({ model, data: { value: 1e101 } });
    expect(late.status).toBe(400);
    expect(late.body["detail"]).toMatch(/^data\[0\]\.value: /);
    expect((await client.stats(model)).total_processed).toBe(12);
  });
});

describe("paths", () => {
  it.each<[string, string]>([
    ["GET", "/anomaly/stream/nobody"],
    ["DELETE", "/anomaly/stream/nobody"],
    ["POST", "/anomaly/stream/nobody/reset"],
  ])("%s %s is 404", async (method, path) => {
    expect(await client.call(method, path)).toEqual({
      status: 404,
      body: { detail: "Streaming detector not found: nobody" },
    });
  });

  it.each<[string, string]>([
    ["GET", "/anomaly/stream/a%5Cb"],
    ["GET", "/anomaly/stream/a..b"],
    ["DELETE", "/anomaly/stream/a..b"],
    ["POST", "/anomaly/stream/a..b/reset"],
  ])("%s %s is 400", async (method, path) => {
    const answer = await client.call(method, path);
    expect(answer.status).toBe(400);
    expect(answer.body["detail"]).toMatch(/^Invalid model_id: a/);
  });

  it.each<[string, string, number, string]>([
    ["GET", "/anomaly/stream/a%2Fb", 404, "Not Found"],
    ["GET", "/anomaly/nothing/here", 404, "Not Found"],
    ["GET", "/anomaly/stream", 405, "Method Not Allowed"],
    ["PUT", "/anomaly/stream/x", 405, "Method Not Allowed"],
    ["POST", "/anomaly/backends", 405, "Method Not Allowed"],
  ])("%s %s is %i", async (method, path, status, detail) => {
    expect(await client.call(method, path)).toEqual({ status, body: { detail } });
  });

  it("elsewhere keep Weir's own problem details", async () => {
    const response = await fetch(`${service.url}/v1/nothing`);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  });

  it("take a reset from no page of another site", async () => {
    await client.stream(model, { a: 1 });
    const response = await fetch(`${service.url}/v1/ml/anomaly/stream/${model}/reset`, {
      method: "POST",
      headers: { "sec-fetch-site": "cross-site" },
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toEqual({ detail: expect.any(String) });
  });
});

describe("bounds", () => {
  it("refuse more than 10,000 points in a request with 413", async () => {
    const data = Array.from({ length: limits.llamafarmRowsMax + 1 }, () => ({ a: 1 }));
    const answer = await post({ model, data });
    expect(answer.status).toBe(413);
    expect(answer.body["detail"]).toMatch(/10001 points are over 10000/);
  });

  it("refuse more fields than a detector has inputs with 413", async () => {
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, i]));
    const answer = await post({ model, data: wide });
    expect(answer.status).toBe(413);
    expect(answer.body["detail"]).toMatch(/300 fields/);
    // The options of a refused request bind nobody.
    expect((await client.call("GET", `/anomaly/stream/${model}`)).status).toBe(404);
    const again = await post({ model, backend: "knn", data: { f0: 1 } });
    expect(again.status).toBe(200);
    const shown = await client.call("GET", `/anomaly/stream/${model}`);
    expect(shown.body["backend"]).toBe("knn");
  });

  it("refuse a body of more than 4 MiB with 413", async () => {
    const answer = await post({ model, data: { a: "x".repeat(5 * 1024 * 1024) } });
    expect(answer.status).toBe(413);
    expect(answer.body["detail"]).toEqual(expect.any(String));
  });

  it("refuse names that are none with 400", async () => {
    for (const wrong of ["", "a/b", "x".repeat(200), "a\nb"]) {
      const answer = await post({ model: wrong, data: { a: 1 } });
      expect(answer.status).toBe(400);
      expect(answer.body["detail"]).toMatch(/^model: /);
    }
    const field = await post({ model, data: { ["f".repeat(200)]: 1 } });
    expect(field.status).toBe(400);
  });

  it("refuse more detectors than there are places with 429", async () => {
    const names = Array.from({ length: limits.detectorsMax }, (_, i) => `many-${i}`);
    for (const each of names) await client.stream(each, { a: 1 });
    const answer = await post({ model: "one-more", data: { a: 1 } });
    expect(answer.status).toBe(429);
    expect(answer.body["detail"]).toMatch(/63 detectors, the limit/);
    for (const each of names) await client.ok("DELETE", `/anomaly/stream/${each}`);
  });

  it("leave detectors that are no streaming detectors alone", async () => {
    const spec = { inputs: [{ name: "a" }] };
    const create = await fetch(`${service.url}/v1/detectors/trees`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(spec),
    });
    expect(create.status).toBe(201);
    expect((await post({ model: "trees", data: { a: 1 } })).status).toBe(409);
    expect((await client.call("GET", "/anomaly/stream/trees")).status).toBe(404);
    expect((await client.call("DELETE", "/anomaly/stream/trees")).status).toBe(404);
    expect((await client.call("POST", "/anomaly/stream/trees/reset")).status).toBe(404);
  });
});
