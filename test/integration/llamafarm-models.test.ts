import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { modelRouteDescriptions } from "../../src/transport/http/llamafarm/model-schemas.ts";
import { call, fresh, post, refused, thirty, useService } from "../support/fitted-rig.ts";
import type { FittedAnswer, Refusal, StoredItem } from "../support/fitted-rig.ts";

useService();

const sensor = [22.1, 23.5, 21.8, 24.2, 22.7, 23.1, 21.5, 24.8, 22.3, 23.9].map((x) => [x]);

describe("the documented examples", () => {
  it("quick start: the outlier scores highest and is flagged", async () => {
    const model = fresh("quickstart");
    const five = [
      [1.0, 2.0],
      [1.1, 2.1],
      [0.9, 1.9],
      [1.2, 2.2],
      [0.8, 1.8],
    ];
    await post("fit", { data: [...five, ...five], backend: "ecod", model });
    const data = [
      [1.0, 2.0],
      [1.1, 2.1],
      [0.9, 1.9],
      [100.0, 200.0],
      [1.0, 2.0],
    ];
    const answer = await post("score", { data, backend: "ecod", model });
    const flagged = answer.data.filter((each) => each.is_anomaly);
    expect(answer).toMatchObject({ object: "list", model, backend: "ecod", total_count: 5 });
    expect(answer.data.map((each) => each.index)).toEqual([0, 1, 2, 3, 4]);
    expect(answer.data[3]).toMatchObject({
      score: Math.max(...answer.data.map((each) => each.score)),
      is_anomaly: true,
    });
    expect(answer.summary).toEqual({
      total_points: 5,
      anomaly_count: flagged.length,
      anomaly_rate: flagged.length / 5,
      threshold: expect.any(Number),
    });
    expect(Object.keys(answer.data[0] ?? {})).toEqual([
      "index",
      "score",
      "is_anomaly",
      "raw_score",
    ]);
  });

  it("a fit answers with the documented fields, and no others", async () => {
    const model = fresh("sensor-monitor");
    const answer = await post("fit", {
      model,
      backend: "isolation_forest",
      normalization: "zscore",
      contamination: 0.1,
      data: sensor,
    });
    expect(answer).toEqual({
      object: "fit_result",
      model,
      backend: "isolation_forest",
      samples_fitted: 10,
      training_time_ms: expect.any(Number),
      model_params: {
        backend: "isolation_forest",
        contamination: 0.1,
        threshold: expect.any(Number),
        input_dim: 1,
      },
      encoder: null,
      saved_path: expect.stringMatching(new RegExp(`models/${model}_isolation_forest\\.weir$`)),
      status: "fitted",
      base_name: model,
      versioned_name: model,
      overwrite: true,
    });
  });

  it("detect answers with what was flagged, and nothing else", async () => {
    const key = { model: fresh(), backend: "knn", normalization: "zscore" };
    await post("fit", { ...key, data: sensor });
    const data = [[22.4], [5.0], [50.0], [-10.0]];
    const answer = await post("detect", { ...key, data, threshold: 2.0 });
    expect(answer.data.map((each) => each.index)).toEqual([1, 2, 3]);
    expect(answer).toMatchObject({ object: "list", total_count: 3, model: key.model });
    expect(answer.summary).toEqual({ anomalies_detected: 3, threshold: 2 });
    for (const each of answer.data) {
      expect(Object.keys(each)).toEqual(["index", "score", "raw_score"]);
      expect(each.score).toBeGreaterThan(2);
    }
  });

  it("mixed types with a schema", async () => {
    const key = { model: fresh("log"), backend: "isolation_forest", normalization: "zscore" };
    const data = Array.from({ length: 40 }, (_, i) => ({
      response_time_ms: 95 + (i % 11),
      bytes: 1000 + 7 * (i % 13),
      method: ["GET", "GET", "POST"][i % 3],
      user_agent: ["Mozilla/5.0", "Chrome/90.0", "Safari/14.0"][i % 3],
    }));
    const schema = {
      response_time_ms: "numeric",
      bytes: "numeric",
      method: "label",
      user_agent: "hash",
    };
    const fitted = await post("fit", { ...key, data, schema });
    expect(fitted.model_params.input_dim).toBe(4);
    expect(fitted.encoder).toEqual({
      schema,
      features: ["bytes", "method", "response_time_ms", "user_agent"],
    });
    const asked = [
      { user_agent: "Mozilla/5.0", method: "GET", bytes: 1024, response_time_ms: 100 },
      { response_time_ms: 9000, bytes: 500_000, method: "DELETE", user_agent: "sqlmap/1.0" },
    ];
    const answer = await post("score", { ...key, data: asked, schema, threshold: 2.0 });
    const [usual, strange] = answer.data;
    expect(strange?.score).toBeGreaterThan(usual?.score ?? Infinity);
    const loaded = await post("load", { model: key.model, backend: key.backend });
    expect(loaded).toMatchObject({ encoder_loaded: true, encoder_schema: schema });
  });

  it("load, list and delete a saved model", async () => {
    const model = fresh("saved");
    await post("fit", { model, data: thirty, description: "thirty rows" });
    const loaded = await post("load", { model });
    const filename = `${model}_isolation_forest.weir`;
    expect(loaded).toEqual({
      object: "load_result",
      model,
      backend: "isolation_forest",
      normalization: "standardization",
      filename,
      is_fitted: true,
      threshold: expect.any(Number),
      encoder_loaded: false,
      encoder_schema: null,
      status: "loaded",
    });
    const { body: listing } = await call<{ data: readonly StoredItem[] }>(
      "GET",
      "/v1/ml/anomaly/models",
    );
    expect(listing).toMatchObject({ object: "list", total: listing.data.length });
    const [mine] = listing.data;
    expect(mine).toEqual({
      name: model,
      filename,
      base_name: model,
      backend: "isolation_forest",
      path: expect.stringContaining(filename),
      size_bytes: expect.any(Number),
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      is_versioned: false,
      description: "thirty rows",
    });
    const deleted = await call<object>("DELETE", `/v1/ml/anomaly/models/${filename}`);
    expect(deleted.body).toEqual({ object: "delete_result", filename, deleted: true });
    const again = await call("DELETE", `/v1/ml/anomaly/models/${filename}`);
    expect(again).toEqual({ status: 404, body: { detail: `Model file not found: ${filename}` } });
    // What is in memory stays there, and can be saved again.
    expect((await post("score", { model, data: [[1, 1]] })).data).toHaveLength(1);
    expect(await post("save", { model, description: "again" })).toEqual({
      object: "save_result",
      model,
      backend: "isolation_forest",
      filename,
      path: expect.stringContaining(filename),
      encoder_path: null,
      status: "saved",
    });
  });

  it("versions, and -latest", async () => {
    const model = fresh("ver");
    const first = await post("fit", { model, overwrite: false, data: thirty });
    const second = await post("fit", {
      model,
      overwrite: false,
      data: thirty.map(([a = 0, b = 0]) => [b, a]),
    });
    expect(first).toMatchObject({ base_name: model, overwrite: false });
    expect(first.versioned_name).toMatch(new RegExp(`^${model}_\\d{8}_\\d{6}$`));
    expect(first.model).toBe(first.versioned_name);
    expect(second.model > first.model).toBe(true);
    const asked = [
      [3, 3],
      [900, -900],
    ];
    const latest = await post("score", { model: `${model}-latest`, data: asked });
    expect(latest.model).toBe(second.model);
    expect(latest.data).toEqual((await post("score", { model: second.model, data: asked })).data);
    expect((await post("load", { model: `${model}-latest` })).model).toBe(second.model);
    const { body } = await call<{ data: readonly StoredItem[] }>("GET", "/v1/anomaly/models");
    const mine = body.data.filter((each) => each.base_name === model);
    expect(mine.map((each) => each.name)).toEqual([second.model, first.model]);
    expect(mine[0]?.is_versioned).toBe(true);
    expect((await post("fit", { model, data: thirty })).versioned_name).toBe(model);
    const plain = fresh("plain");
    await post("fit", { model: plain, data: thirty });
    expect((await post("score", { model: `${plain}-latest`, data: asked })).model).toBe(plain);
  });
});

describe("refusals", () => {
  const unfitted = "Model not fitted. Call /v1/anomaly/fit first";
  const some = [
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
  ];

  it("of a model that is not fitted", async () => {
    const request = { model: fresh("never"), backend: "ecod", data: [[1]] };
    expect(await refused("score", request)).toEqual([
      400,
      `${unfitted} or load a pre-trained model.`,
    ]);
    expect(await refused("detect", request)).toEqual([400, `${unfitted}.`]);
    expect(await refused("save", request)).toEqual([400, `${unfitted}.`]);
    expect(await refused("score", { ...request, model: "../../etc/passwd" })).toEqual([
      400,
      `${unfitted} or load a pre-trained model.`,
    ]);
  });

  it("of the same name with another backend or normalization", async () => {
    const model = fresh();
    await post("fit", { model, backend: "ecod", data: some });
    for (const other of [{ backend: "copod" }, { backend: "ecod", normalization: "raw" }]) {
      expect((await refused("score", { model, ...other, data: some }))[1]).toContain(unfitted);
    }
  });

  it("of objects without a schema, or with one that is none", async () => {
    const data = [{ a: 1 }, { a: 2 }];
    for (const schema of [undefined, null, {}]) {
      const [status, text] = await refused("fit", { model: fresh(), data, schema });
      expect(status).toBe(400);
      expect(text).toContain("Schema is required when fitting with dict-based data. Example: ");
    }
    expect(await refused("fit", { data, schema: { a: "embedding" } })).toEqual([
      400,
      "Unknown encoding type: embedding. " +
        "Available: ['numeric', 'hash', 'label', 'onehot', 'binary', 'frequency']",
    ]);
    expect((await refused("fit", { data, schema: { a: 7 } }))[0]).toBe(422);
    expect((await refused("fit", { data, schema: "numeric" }))[0]).toBe(422);
    expect(await refused("fit", { data: [{ a: [1] }], schema: { a: "hash" } })).toEqual([
      400,
      "data[0].a: got a list, expected text, a number, true, false or null",
    ]);
  });

  it("of objects for a model of lists", async () => {
    const model = fresh();
    await post("fit", { model, backend: "ecod", data: some });
    const [status, text] = await refused("score", { model, backend: "ecod", data: [{ a: 1 }] });
    expect(status).toBe(400);
    expect(text).toContain(`No encoder found for model 'anomaly:ecod:standardization:${model}'. `);
  });

  it("of data that does not fit", async () => {
    const model = fresh();
    await post("fit", { model, data: some });
    for (const path of ["fit", "score", "detect"]) {
      const [status, text] = await refused(path, { model, data: [] });
      expect([status, text]).toEqual([400, "data is empty, expected at least one row"]);
    }
    expect(await refused("score", { model, data: [[1]] })).toEqual([
      400,
      "X has 1 features, but isolation_forest is expecting 2 features as input.",
    ]);
    expect((await refused("fit", { model, data: [[1], [1, 2]] }))[0]).toBe(400);
    expect((await refused("fit", { model, data: [[1e200], [1]] }))[0]).toBe(400);
    expect((await refused("fit", { model, data: [[1]] }))[1]).toContain("fewer rows");
    // The model from before is still there.
    expect((await post("score", { model, data: some })).data).toHaveLength(4);
  });

  it("of fields, each by name", async () => {
    const bad: readonly (readonly [string, Record<string, unknown>])[] = [
      ["data", { data: undefined }],
      ["data", { data: "rows" }],
      ["data", { data: [["a"]] }],
      ["backend", { backend: "pca" }],
      ["contamination", { contamination: 0 }],
      ["contamination", { contamination: 0.51 }],
      ["normalization", { normalization: "minmax" }],
      ["epochs", { epochs: 0 }],
      ["batch_size", { batch_size: "many" }],
      ["batch_size", { backend: "autoencoder", batch_size: 1 }],
      ["overwrite", { overwrite: "maybe" }],
      ["model", { model: 5 }],
      ["parameters", { parameters: { n_estimators: 0.5 } }],
      ["parameters", { parameters: { trees: 5 } }],
      ["description", { description: "x".repeat(5000) }],
    ];
    for (const [field, change] of bad) {
      const { status, body } = await call<Refusal>("POST", "/v1/ml/anomaly/fit", {
        data: some,
        ...change,
      });
      expect(status, field).toBe(422);
      const [first] = body.detail;
      expect(first).toMatchObject({ type: expect.any(String), msg: expect.any(String) });
      expect(typeof first === "object" ? first.loc.slice(0, 2) : []).toEqual(["body", field]);
    }
    expect((await refused("score", "not JSON"))[0]).toBe(422);
    expect((await refused("score", '{"data":[[NaN]]}'))[0]).toBe(422);
    expect((await refused("score", "[]"))[0]).toBe(422);
  });

  it("of names that would leave the directory, or are no names", async () => {
    for (const model of ["../x", "a/b", "a\\b", "", "x".repeat(129)]) {
      expect(await refused("fit", { model, data: some })).toEqual([
        400,
        `Invalid model_id: ${model}`,
      ]);
    }
    for (const name of ["..%5Cx.weir", "a..b.weir", "a%5Cb"]) {
      const answer = await call("DELETE", `/v1/ml/anomaly/models/${name}`);
      expect(answer).toEqual({
        status: 400,
        body: { detail: `Invalid filename: ${decodeURIComponent(name)}` },
      });
    }
    const inside = await call("DELETE", "/v1/ml/anomaly/models/..%2Fdetectors.json");
    expect(inside.status).toBe(404);
    expect((await call("DELETE", "/v1/ml/anomaly/models/weir.lock")).status).toBe(404);
  });

  it("of loading what is not there, with what is", async () => {
    const there = fresh("there");
    await post("fit", { model: there, backend: "ecod", data: some });
    const [status, text] = await refused("load", { model: "ghost", backend: "ecod" });
    expect(status).toBe(404);
    expect(text).toContain("Model 'ghost' with backend 'ecod' not found. Available models: ['");
    expect(text).toContain(`'${there}_ecod.weir'`);
    expect((await refused("load", { model: "../x", backend: "ecod" }))[0]).toBe(404);
    expect((await refused("load", {}))[0]).toBe(422);
  });

  it("of more than a request may have", async () => {
    const rows = Array.from({ length: 100_001 }, () => "[1]").join();
    const [status, text] = await refused("fit", `{"data":[${rows}]}`);
    expect([status, text]).toEqual([413, "data has 100001 rows, at most 100000 are taken"]);
    const wide = [Array.from({ length: 1025 }, (_, i) => i)];
    expect((await refused("fit", { data: wide }))[0]).toBe(413);
    const model = fresh();
    await post("fit", { model, backend: "ecod", data: some });
    const many = Array.from({ length: 50_001 }, () => [1, 2]);
    const request = { model, backend: "ecod", data: many, explain: true };
    expect((await refused("score", request))[1]).toContain("at most 50000 are explained at once");
  });
});

it("the OpenAPI document describes every endpoint once", async () => {
  const { body } = await call<{ paths: Record<string, Record<string, { operationId: string }>> }>(
    "GET",
    "/openapi.json",
  );
  const ids = Object.entries(body.paths)
    .filter(([path]) => /anomaly\/(?:fit|score|detect|save|load|models)/.test(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { operationId }]) => `${method} ${path} ${operationId}`,
      ),
    );
  expect(ids.toSorted()).toEqual([
    "delete /v1/ml/anomaly/models/{filename} deleteModel",
    "get /v1/ml/anomaly/models listModels",
    "post /v1/ml/anomaly/detect detectAnomalies",
    "post /v1/ml/anomaly/fit fitModel",
    "post /v1/ml/anomaly/load loadModel",
    "post /v1/ml/anomaly/save saveModel",
    "post /v1/ml/anomaly/score scoreRows",
  ]);
  const { body: listing } = await call<unknown>("GET", "/v1/ml/anomaly/models");
  expect(modelRouteDescriptions.list.answer.parse(listing)).toEqual(listing);
});

it("both prefixes lead to the same models, and nothing is left half written", async () => {
  const model = fresh("both");
  const { body } = await call<FittedAnswer>("POST", "/v1/anomaly/fit", {
    model,
    backend: "ecod",
    data: thirty,
  });
  expect(body.status).toBe("fitted");
  expect((await post("score", { model, backend: "ecod", data: [[1, 1]] })).data).toHaveLength(1);
  const directory = body.saved_path.replace(/\/[^/]*$/, "");
  expect(readdirSync(directory).filter((name) => !name.endsWith(".weir"))).toEqual([]);
});
