import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { systemClock } from "../../src/domain/clock.ts";
import type { DetectorConfig } from "../../src/domain/detector.ts";
import type { ScoreRequest } from "../../src/domain/event.ts";
import { State } from "../../src/domain/verdict.ts";
import type { LlamaFarmParts } from "../../src/transport/http/llamafarm/parts.ts";
import { Streams } from "../../src/transport/http/llamafarm/stream.ts";
import { event, frame, request, submit } from "../support/core.ts";
import { LlamaFarmClient, sensor, startLlamaFarm } from "../support/llamafarm.ts";
import type { LlamaFarmService } from "../support/llamafarm.ts";
import { startTestService } from "../support/service.ts";

// One detector from both sides: LlamaFarm's endpoints, and the contract's requests as gRPC brings them.

let service: LlamaFarmService;
let client: LlamaFarmClient;

beforeAll(async () => {
  service = await startLlamaFarm();
  ({ client } = service);
});

afterAll(async () => {
  await service?.stop();
});

const model = "shared";

beforeEach(async () => {
  await fetch(`${service.url}/v1/detectors/${model}`, { method: "DELETE" });
});

const score = (given: Partial<ScoreRequest>) =>
  submit(service.service.core, request({ detector: model, ...given }));

/** Rows as events by name. */
const events = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => event({ numbers: row as Record<string, number> }));

async function create(spec: object): Promise<void> {
  const response = await fetch(`${service.url}/v1/detectors/${model}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(spec),
  });
  expect(response.status, await response.text()).toBe(201);
}

const window = { rows: 100, min_samples: 20, retrain_interval: 1000 };

describe("a detector that LlamaFarm's endpoint made", () => {
  it("collects, trains and scores over gRPC, and gives both sides the same score", async () => {
    await client.stream(model, sensor(5), { min_samples: 20, window_size: 100 });
    const early = await score({ events: events(sensor(14, 2)) });
    expect([...early.states]).toEqual(Array.from({ length: 14 }, () => State.COLLECTING));
    expect((await client.stats(model)).samples_collected).toBe(19);
    const { detectors } = service.service.core;
    expect(detectors.status(detectors.get(model))).toMatchObject({
      events: 19,
      modelVersion: 0,
      training: { state: "collecting", windowRows: 19, rowsUntilReady: 1 },
    });
    await score({ events: events(sensor(1, 3)) });
    const ready = await client.until(model, ({ is_ready: isReady }) => isReady);
    expect(ready).toMatchObject({ model_version: 1, samples_collected: 20, total_processed: 20 });
    const row = { temperature: 80, humidity: 40 };
    const verdicts = await score({ events: events([row]), mode: 2 });
    const [item] = (await client.stream(model, row)).results;
    expect(verdicts.states[0]).toBe(State.READY);
    expect(verdicts.scores[0]).toBe(item?.score);
    expect(verdicts.modelVersions[0]).toBe(1);
  });

  it("counts and keeps every row of a request that passes the first training", async () => {
    await client.stream(model, [{}, {}], { min_samples: 20, window_size: 100 });
    const rows = events(sensor(90)).map((each, i) => ({ ...each, id: `${i}` }));
    await score({ events: rows });
    const ready = await client.until(model, ({ is_ready: isReady }) => isReady);
    expect(ready).toMatchObject({ samples_collected: 90, total_processed: 92 });
    const again = await score({ events: rows.slice(0, 1) });
    expect([...again.replayed]).toEqual([1]);
    expect((await client.stats(model)).total_processed).toBe(92);
    await client.ok("POST", `/anomaly/stream/${model}/reset`);
    expect((await client.stats(model)).total_processed).toBe(0);
  });

  it("refuses frames until its inputs are known, and takes them from then on", async () => {
    await client.stream(model, sensor(5), { min_samples: 20, window_size: 100 });
    const rows = frame([[72, 45]], [""]);
    await expect(score({ frame: rows })).rejects.toMatchObject({ reason: "INPUTS_UNKNOWN" });
    await client.stream(model, sensor(15, 2));
    const verdicts = await score({ frame: rows });
    expect(verdicts.states[0]).toBe(State.READY);
  });

  it("refuses unknown names over gRPC once its inputs are known", async () => {
    await client.stream(model, sensor(20), { min_samples: 20, window_size: 100 });
    await expect(score({ events: events([{ temperature: 1, other: 2 }]) })).rejects.toMatchObject({
      reason: "UNKNOWN_NAME",
    });
  });

  it("shows its inputs when they are known", async () => {
    const inputs = async () => {
      const response = await fetch(`${service.url}/v1/detectors/${model}`);
      const body = (await response.json()) as { spec: { inputs: { name: string }[] } };
      return body.spec.inputs.map(({ name }) => name);
    };
    await client.stream(model, sensor(5), { min_samples: 20, window_size: 100 });
    expect(await inputs()).toEqual([]);
    await client.stream(model, sensor(15, 2));
    expect(await inputs()).toEqual(["temperature", "humidity"]);
  });
});

describe("a detector that was declared", () => {
  it("without inputs is a streaming detector like any other", async () => {
    await create({ knn: {}, window });
    expect(await client.stats(model)).toMatchObject({ backend: "knn", status: "collecting" });
    const answer = await client.stream(model, sensor(25));
    expect(answer.results.filter(({ score: each }) => each === null)).toHaveLength(20);
    expect(answer.status).toBe("ready");
  });

  it("while a first request was on its way decides, as an earlier request would", async () => {
    const { admission: scorer, detectors, discovery, trainer } = service.service.core;
    const second = async (name: string, config: DetectorConfig) => {
      await detectors.create(name, normalizeSpec({ knn: {}, window }));
      return await detectors.create(name, config);
    };
    const registry = Object.create(detectors, { create: { value: second } });
    const parts = { registry, scorer, clock: systemClock } as unknown as LlamaFarmParts;
    const streams = new Streams(parts, {
      discovery,
      whenTrained: (detector) => trainer.whenTrained(detector),
    });
    const body = { model, data: sensor(25), backend: "ecod", min_samples: 10 };
    const answer = await streams.post(Buffer.from(JSON.stringify(body)), undefined);
    expect(answer).toMatchObject({ status: "ready", samples_collected: 25, model_version: 1 });
    expect(await client.stats(model)).toMatchObject({ backend: "knn", min_samples: 20 });
  });

  it("with inputs crosses its cold start within a request, too", async () => {
    await create({
      ecod: {},
      window,
      inputs: [{ name: "temperature" }, { name: "humidity", missing: "model" }],
    });
    const answer = await client.stream(
      model,
      sensor(30).map((row) => ({ ...row, more: 1 })),
    );
    expect(answer.results.map(({ samples_until_ready: left }) => left).slice(0, 21)).toEqual(
      [...Array(20).keys()].map((i) => 19 - i).concat(0),
    );
    expect(answer.results.filter(({ score: each }) => each === null)).toHaveLength(20);
    const lacking = await client.call("POST", "/anomaly/stream", { model, data: { humidity: 1 } });
    expect(lacking.status).toBe(400);
    expect(lacking.body["detail"]).toMatch(/temperature/);
  });

  it("again with the same spec is there, also when its inputs have been discovered", async () => {
    await create({ knn: {}, window });
    await client.stream(model, sensor(25));
    const again = (spec: object) =>
      fetch(`${service.url}/v1/detectors/${model}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(spec),
      });
    expect((await again({ knn: {}, window })).status).toBe(200);
    expect((await again({ lof: {}, window })).status).not.toBe(200);
  });

  it("is no streaming detector when each key has a model", async () => {
    await create({ ecod: {}, window: { ...window, scope: "key" }, inputs: [{ name: "a" }] });
    expect((await client.call("GET", `/anomaly/stream/${model}`)).status).toBe(404);
    await fetch(`${service.url}/v1/detectors/${model}`, { method: "DELETE" });
  });
});

describe("a schema", () => {
  const schema = { amount: "numeric", country: "frequency", known: "binary", agent: "onehot" };
  const rows = Array.from({ length: 60 }, (_, i) => ({
    amount: 50 + (i % 7),
    country: ["GB", "GB", "DE", "GB"][i % 4],
    known: i % 10 !== 0,
    agent: ["a", "b"][i % 2],
  }));

  it("makes numbers of categories, so that a rare one stands out", async () => {
    await client.stream(model, rows, { min_samples: 50, window_size: 100, schema });
    const scored = async (row: unknown) =>
      (await client.stream(model, row)).results[0]?.raw_score ?? Number.NaN;
    const usual = await scored({ amount: 52, country: "GB", known: true, agent: "a" });
    expect(await scored({ amount: 52, country: "XX", known: true, agent: "a" })).toBeGreaterThan(
      usual,
    );
    expect(await scored({ amount: 52, country: "GB", known: false, agent: "a" })).toBeGreaterThan(
      usual,
    );
    expect(await scored({ amount: 52, country: "GB", known: "yes", agent: "a", x: 1 })).toBe(usual);
  });

  it("is seen over gRPC, where categories go as text", async () => {
    await client.stream(model, rows, { min_samples: 50, window_size: 100, schema });
    const row = { amount: 55, country: "DE", known: true, agent: "b" };
    const verdicts = await score({
      events: [
        event({
          numbers: { amount: 55 },
          categories: { country: "DE", known: "true", agent: "b" },
        }),
      ],
      mode: 2,
    });
    const [item] = (await client.stream(model, row)).results;
    expect(verdicts.scores[0]).toBe(item?.score);
  });

  it("gives a row the same score alone and among others", async () => {
    const other = `${model}-2`;
    await client.call("DELETE", `/anomaly/stream/${other}`);
    const options = { min_samples: 50, window_size: 100, retrain_interval: 1000, schema };
    await client.stream(model, rows, options);
    await client.stream(other, rows.slice(0, 50), options);
    const alone: (number | null | undefined)[] = [];
    for (const row of rows.slice(50))
      alone.push((await client.stream(other, row)).results[0]?.score);
    await client.call("POST", `/anomaly/stream/${model}/reset`);
    const together = await client.stream(model, rows);
    expect(together.results.slice(50).map((item) => item.score)).toEqual(alone);
    await client.ok("DELETE", `/anomaly/stream/${other}`);
  });

  it("refuses a request whole for a text that is too long, however late it comes", async () => {
    await client.stream(model, rows, { min_samples: 50, window_size: 100, schema });
    const data = Array.from({ length: 2100 }, () => rows[0]);
    const long = { amount: 1, country: "x".repeat(300) };
    const refused = await client.call("POST", "/anomaly/stream", { model, data: [...data, long] });
    expect(refused.status).toBe(400);
    expect(refused.body["detail"]).toMatch(/^data\[2100\]\.country/);
    expect((await client.stats(model)).total_processed).toBe(60);
    const short = { ...long, country: "x" };
    await client.ok("POST", "/anomaly/stream", { model, data: [...data, short] });
    expect((await client.stats(model)).total_processed).toBe(60 + 2101);
  });

  it("of numbers only needs no discovery", async () => {
    const answer = await client.stream(
      model,
      sensor(12).map((row, i) => (i === 3 ? { ...row, humidity: "45" } : row)),
      { min_samples: 10, schema: { temperature: "numeric", humidity: "numeric" } },
    );
    expect(answer.results.filter(({ score: each }) => each === null)).toHaveLength(10);
  });
});

describe("a restart", () => {
  it("keeps streaming detectors with their inputs, what they have learned and their model", async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), "weir-restart-"));
    const before = await startTestService({ dataDirectory });
    const first = new LlamaFarmClient(before.url);
    const trained = await first.stream(model, sensor(25), { min_samples: 20 });
    expect(trained).toMatchObject({ status: "ready", model_version: 1 });
    const known = await first.stats(model);
    await before.stop();
    const after = await startTestService({ dataDirectory });
    const again = new LlamaFarmClient(after.url);
    try {
      expect(await again.stats(model)).toMatchObject({
        samples_collected: known.samples_collected,
        total_processed: known.total_processed,
        model_version: 1,
      });
      expect(await again.stream(model, sensor(1))).toMatchObject({
        status: "ready",
        model_version: 1,
      });
    } finally {
      await after.stop();
      rmSync(dataDirectory, { recursive: true });
    }
  });
});
