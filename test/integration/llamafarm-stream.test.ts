import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  LlamaFarmClient,
  scalar,
  sensor,
  startLlamaFarm,
  uniform,
  type LlamaFarmService,
  type StreamResult,
} from "../support/llamafarm.ts";

let service: LlamaFarmService;
let client: LlamaFarmClient;
let made = 0;
const models: string[] = [];

/** A new name; its detector is deleted when the file is done. */
function name(): string {
  const model = `stream-${made++}`;
  models.push(model);
  return model;
}

const quick = { backend: "ecod", min_samples: 50, retrain_interval: 100, window_size: 1000 };

beforeAll(async () => {
  service = await startLlamaFarm();
  ({ client } = service);
});

afterAll(async () => {
  await service?.stop();
});

async function clear(): Promise<void> {
  for (const model of models.splice(0)) await client.call("DELETE", `/anomaly/stream/${model}`);
}

describe("the cold start", () => {
  afterAll(clear);

  it("counts down, with explicit nulls", async () => {
    const model = name();
    for (const [i, point] of sensor(20).entries()) {
      const answer = await client.stream(model, point, { min_samples: 20 });
      expect(Object.keys(answer)).toEqual([
        "object",
        "model",
        "status",
        "results",
        "model_version",
        "samples_collected",
        "samples_until_ready",
        "threshold",
      ]);
      expect(answer).toMatchObject({
        object: "streaming_result",
        model,
        status: i < 19 ? "collecting" : "ready",
        model_version: i < 19 ? 0 : 1,
        samples_collected: i + 1,
        samples_until_ready: 19 - i,
        threshold: 0.5,
      });
      expect(answer.results).toEqual([
        {
          index: 0,
          score: null,
          is_anomaly: null,
          raw_score: null,
          samples_until_ready: 19 - i,
        },
      ]);
    }
    const { results } = await client.stream(model, sensor(1)[0]);
    expect(results[0]?.score).toEqual(expect.any(Number));
    expect(results[0]?.raw_score).toEqual(expect.any(Number));
    expect(results[0]?.is_anomaly).toEqual(expect.any(Boolean));
    expect(results[0]?.samples_until_ready).toBe(0);
  });

  it("is crossed within one request", async () => {
    const model = name();
    const answer = await client.stream(model, scalar(15), { min_samples: 10 });
    expect(answer.results.map(({ index }) => index)).toEqual(
      Array.from({ length: 15 }, (_, i) => i),
    );
    expect(answer.results.map(({ score }) => score === null)).toEqual([
      ...Array.from({ length: 10 }, () => true),
      ...Array.from({ length: 5 }, () => false),
    ]);
    expect(answer).toMatchObject({ status: "ready", model_version: 1, samples_collected: 15 });
  });

  it("never ends where min_samples is over window_size", async () => {
    const model = name();
    const options = { min_samples: 60, window_size: 50 };
    const answer = await client.stream(model, scalar(80), options);
    expect(answer).toMatchObject({
      status: "collecting",
      samples_collected: 50,
      samples_until_ready: 10,
    });
    expect(answer.results.at(-1)?.samples_until_ready).toBe(10);
    expect((await client.stats(model)).total_processed).toBe(80);
  });

  it("starts with the defaults", async () => {
    const model = name();
    await client.stream(model, { a: 1 });
    expect(await client.stats(model)).toEqual({
      object: "streaming_detector",
      model_id: model,
      backend: "ecod",
      status: "collecting",
      model_version: 0,
      samples_collected: 1,
      total_processed: 1,
      samples_since_retrain: 1,
      min_samples: 50,
      retrain_interval: 100,
      window_size: 1000,
      threshold: 0.5,
      is_ready: false,
    });
  });

  it("of default-stream needs no name", async () => {
    models.push("default-stream");
    const body = await client.ok("POST", "/anomaly/stream", { data: { a: 1 } });
    expect(body["model"]).toBe("default-stream");
  });

  it("takes no points and points without fields", async () => {
    const model = name();
    const none = await client.stream(model, []);
    expect(none).toMatchObject({ results: [], samples_collected: 0, samples_until_ready: 50 });
    const empty = await client.stream(model, {});
    expect(empty.results).toHaveLength(1);
    expect(empty).toMatchObject({ samples_collected: 1 });
    const real = await client.stream(model, [{ a: 1 }, {}]);
    expect(real.samples_collected).toBe(1);
    expect((await client.stats(model)).total_processed).toBe(3);
  });

  it("says so when there is nothing to learn from", async () => {
    const model = name();
    const words = Array.from({ length: 10 }, () => ({ word: "a", yes: true }));
    await client.stream(model, words.slice(1), { min_samples: 10 });
    const answer = await client.call("POST", "/anomaly/stream", { model, data: words[0] });
    expect(answer.status).toBe(400);
    expect(answer.body["detail"]).toMatch(/^No data in buffer/);
  });

  it("answers the points of a backend that cannot train, and says why", async () => {
    const model = name();
    const same = Array.from({ length: 12 }, () => ({ a: 1, b: 1 }));
    const answer = await client.stream(model, same, { backend: "cblof", min_samples: 10 });
    expect(answer.results).toHaveLength(12);
    expect(answer.results.every(({ score }) => score === null)).toBe(true);
    expect(answer).toMatchObject({
      status: "collecting",
      samples_until_ready: 0,
      last_error: expect.stringMatching(/clusters/),
    });
  });
});

describe("a detector with a model", () => {
  afterAll(clear);

  it("scores an outlier above ordinary points and flags it", async () => {
    const model = name();
    await client.stream(model, sensor(50), quick);
    const [calm] = (await client.stream(model, { temperature: 72, humidity: 45 })).results;
    const [wild] = (await client.stream(model, { temperature: 150, humidity: 10 })).results;
    expect(wild?.score ?? 0).toBeGreaterThan(calm?.score ?? 1);
    expect(wild?.raw_score ?? 0).toBeGreaterThan(calm?.raw_score ?? 1);
    expect([calm?.is_anomaly, wild?.is_anomaly]).toEqual([false, true]);
  });

  it("keeps the configuration of the request that made it", async () => {
    const model = name();
    await client.stream(model, { a: 1 }, { threshold: 0.7, backend: "hbos", min_samples: 20 });
    const answer = await client.stream(model, { a: 2 }, { threshold: 0.2, backend: "knn" });
    expect(answer.threshold).toBe(0.7);
    expect(await client.stats(model)).toMatchObject({ backend: "hbos", min_samples: 20 });
  });

  it("gives the same scores point by point and in one request", async () => {
    const [a, b] = [name(), name()];
    await client.stream(a, scalar(20), { min_samples: 20 });
    for (const point of scalar(20)) await client.stream(b, point, { min_samples: 20 });
    const probe = scalar(6, 40);
    const together = (await client.stream(a, probe)).results;
    for (const [i, point] of probe.entries()) {
      const [alone] = (await client.stream(b, point)).results;
      expect(alone?.score).toBe(together[i]?.score);
      expect(alone?.raw_score).toBe(together[i]?.raw_score);
    }
  });

  it("matches features by name: order, other fields, missing ones and nulls do no harm", async () => {
    const model = name();
    await client.stream(model, sensor(60), { ...quick, retrain_interval: 1000 });
    const score = async (point: unknown) =>
      (await client.stream(model, point)).results[0]?.raw_score;
    const straight = await score({ temperature: 75, humidity: 41 });
    expect(await score({ humidity: 41, temperature: 75 })).toBe(straight);
    expect(await score({ humidity: 41, note: "x", flag: true, temperature: 75, more: 9 })).toBe(
      straight,
    );
    const lacking = await score({ humidity: 41 });
    expect(lacking).toEqual(expect.any(Number));
    expect(await score({ humidity: 41, temperature: null })).toBe(lacking);
    expect(await score({ humidity: 41, temperature: "75" })).toBe(lacking);
    expect(await score({})).toEqual(expect.any(Number));
  });

  it("trains on windows with nulls", async () => {
    const model = name();
    const points = sensor(20).map((point, i) =>
      i % 5 === 0 ? { ...point, humidity: null } : point,
    );
    const answer = await client.stream(model, points, { min_samples: 20 });
    expect(answer.status).toBe("ready");
    const { results } = await client.stream(model, sensor(1, 3)[0]);
    expect(results[0]?.score).toEqual(expect.any(Number));
  });

  it("keeps its window's size and goes on counting", async () => {
    const model = name();
    await client.stream(model, scalar(70), {
      min_samples: 10,
      window_size: 50,
      retrain_interval: 1000,
    });
    expect(await client.stats(model)).toMatchObject({
      samples_collected: 50,
      total_processed: 70,
      samples_since_retrain: 60,
      window_size: 50,
    });
  });

  it("retrains after exactly the interval", async () => {
    const model = name();
    await client.stream(model, scalar(10), { min_samples: 10, retrain_interval: 20 });
    const statuses = new Set<string>();
    for (const point of scalar(19, 2)) statuses.add((await client.stream(model, point)).status);
    expect(await client.stats(model)).toMatchObject({
      model_version: 1,
      samples_since_retrain: 19,
    });
    // The one that makes it due is answered as ready.
    statuses.add((await client.stream(model, scalar(1, 3)[0])).status);
    expect([...statuses]).toEqual(["ready"]);
    const after = await client.until(
      model,
      (stats) => stats.model_version >= 2 && stats.status === "ready",
    );
    expect(after).toMatchObject({
      model_version: 2,
      status: "ready",
      is_ready: true,
      samples_since_retrain: 0,
      total_processed: 30,
    });
  });

  it("retrains once for a batch that is longer than the interval", async () => {
    const model = name();
    await client.stream(model, scalar(10), { min_samples: 10, retrain_interval: 10 });
    await client.stream(model, scalar(18, 4));
    const after = await client.until(
      model,
      (stats) => stats.model_version >= 2 && stats.status === "ready",
    );
    expect(after.model_version).toBe(2);
  });

  it("scores every point while it retrains", async () => {
    const model = name();
    await client.stream(model, scalar(10), { min_samples: 10, retrain_interval: 10 });
    let last: StreamResult | undefined;
    const versions: number[] = [];
    for (let i = 0; i < 400 && (last?.model_version ?? 0) < 3; i++) {
      last = await client.stream(model, scalar(1, i)[0]);
      versions.push(last.model_version);
      expect(["ready", "retraining"]).toContain(last.status);
      expect(last.results[0]?.score).toEqual(expect.any(Number));
      expect(last.samples_until_ready).toBe(0);
    }
    expect(versions.at(-1)).toBeGreaterThanOrEqual(3);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  it("answers requests that come together in their order", async () => {
    const model = name();
    const answers = await Promise.all(
      scalar(40).map((point) => client.stream(model, point, { min_samples: 10 })),
    );
    const scored = answers.filter(({ results }) => results[0]?.score !== null);
    expect(scored).toHaveLength(30);
    const untilReady = answers
      .map(({ results }) => results[0]?.samples_until_ready ?? -1)
      .filter((left) => left > 0);
    expect(untilReady.toSorted((a, b) => b - a)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect((await client.stats(model)).total_processed).toBe(40);
  });

  it("remembers recent points where rolling features are asked for", async () => {
    const model = name();
    const options = {
      backend: "knn",
      min_samples: 40,
      retrain_interval: 1000,
      rolling_windows: [5],
      include_lags: true,
    };
    await client.stream(model, scalar(40), options);
    const probe = async () =>
      (await client.stream(model, { value: 12 })).results[0]?.raw_score ?? 0;
    const before = await probe();
    await client.stream(model, [{ value: 200 }, { value: 200 }, { value: 200 }]);
    expect(await probe()).toBeGreaterThan(before);
  });

  it("takes a whole request of 10,000 points", async () => {
    const model = name();
    const answer = await client.stream(model, scalar(10_000), { min_samples: 100 });
    expect(answer.results).toHaveLength(10_000);
    expect(answer.results.filter(({ score }) => score === null)).toHaveLength(100);
    expect((await client.stats(model)).total_processed).toBe(10_000);
  });

  it("takes parameters, a scaler, and rows that are flagged or not", async () => {
    const model = name();
    const answer = await client.stream(model, sensor(40), {
      backend: "isolation_forest",
      min_samples: 20,
      parameters: { n_estimators: 10, max_samples: 16 },
      scaler: "robust",
      flagged_rows: "drop",
    });
    expect(answer.status).toBe("ready");
    const detector = await fetch(`${service.url}/v1/detectors/${model}`).then((r) => r.json());
    expect(detector).toMatchObject({
      spec: {
        isolationForest: { nEstimators: 10, maxSamples: 16 },
        scaler: "SCALER_ROBUST",
        window: { flaggedRows: "FLAGGED_ROWS_DROP" },
      },
    });
  });
});

describe("management", () => {
  afterAll(clear);

  it("lists detectors without `object`, in both places alike", async () => {
    const model = name();
    await client.stream(model, sensor(3));
    for (const prefix of ["/v1/ml", "/v1"]) {
      const there = new LlamaFarmClient(service.url, prefix);
      const list = await there.ok("GET", "/anomaly/stream/detectors");
      const data = list["data"] as Record<string, unknown>[];
      expect(list["object"]).toBe("list");
      expect(list["total"]).toBe(data.length);
      const mine = data.find((each) => each["model_id"] === model);
      const { object: _, ...stats } = await there.ok("GET", `/anomaly/stream/${model}`);
      expect(mine).toEqual(stats);
    }
  });

  it("resets to the cold start and discovers fields anew", async () => {
    const model = name();
    await client.stream(model, sensor(12), { min_samples: 10, threshold: 0.6 });
    expect(await client.ok("POST", `/anomaly/stream/${model}/reset`)).toEqual({
      object: "reset_result",
      model,
      status: "collecting",
      reset: true,
    });
    expect(await client.stats(model)).toMatchObject({
      status: "collecting",
      model_version: 0,
      samples_collected: 0,
      total_processed: 0,
      samples_since_retrain: 0,
      is_ready: false,
      min_samples: 10,
      threshold: 0.6,
    });
    const answer = await client.stream(model, scalar(12));
    expect(answer.results.filter(({ score }) => score === null)).toHaveLength(10);
    expect(answer).toMatchObject({ status: "ready", model_version: 1 });
  });

  it("deletes, and the next request makes another", async () => {
    const model = name();
    await client.stream(model, sensor(12), { min_samples: 10 });
    expect(await client.ok("DELETE", `/anomaly/stream/${model}`)).toEqual({
      object: "delete_result",
      model,
      deleted: true,
    });
    expect((await client.call("GET", `/anomaly/stream/${model}`)).status).toBe(404);
    await client.stream(model, { a: 1 }, { backend: "knn" });
    expect((await client.stats(model)).backend).toBe("knn");
  });

  it("survives a reset in the middle of everything", async () => {
    const model = name();
    const random = uniform(3);
    const work = Array.from({ length: 60 }, () => {
      if (random() < 0.2) return client.call("POST", `/anomaly/stream/${model}/reset`);
      if (random() < 0.1) return client.call("DELETE", `/anomaly/stream/${model}`);
      return client.call("POST", "/anomaly/stream", {
        model,
        data: scalar(7, made++),
        min_samples: 10,
        retrain_interval: 10,
      });
    });
    for (const { status } of await Promise.all(work)) expect([200, 404]).toContain(status);
    await client.stream(model, scalar(30), { min_samples: 10 });
    expect((await client.stats(model)).is_ready).toBe(true);
  });
});
