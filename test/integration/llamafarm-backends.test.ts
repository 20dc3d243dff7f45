import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sensor, startLlamaFarm } from "../support/llamafarm.ts";
import type { LlamaFarmClient, LlamaFarmService } from "../support/llamafarm.ts";

let service: LlamaFarmService;
let client: LlamaFarmClient;
let made = 0;
const models: string[] = [];

/** A new name; its detector is deleted when the file is done. */
function name(): string {
  const model = `backend-${made++}`;
  models.push(model);
  return model;
}

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

describe("normalization", () => {
  afterAll(clear);

  const scores = async (options: object) => {
    const model = name();
    const answer = await client.stream(model, sensor(300), {
      min_samples: 100,
      retrain_interval: 10_000,
      ...options,
    });
    return answer.results.slice(100);
  };

  it("is calibrated: about a share `contamination` of ordinary points is flagged", async () => {
    const results = await scores({ contamination: 0.1 });
    const share = results.filter(({ is_anomaly }) => is_anomaly).length / results.length;
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.25);
  });

  it("is LlamaFarm's sigmoid where it is asked for, under both names", async () => {
    const theirs = await scores({ normalization: "llamafarm_stream" });
    const same = await scores({ normalization: "standardization" });
    expect(same.map(({ score }) => score)).toEqual(theirs.map(({ score }) => score));
    // score = 1 / (1 + exp(-(raw - mean) / std)): two points tell mean and std, all others follow.
    const line = theirs.map(({ score, raw_score: raw }) => ({
      raw: raw ?? 0,
      logit: Math.log((score ?? 0) / (1 - (score ?? 0))),
    }));
    const first = line[0] ?? { raw: 0, logit: 0 };
    const other = line.find(({ raw }) => Math.abs(raw - first.raw) > 1) ?? first;
    const slope = (other.logit - first.logit) / (other.raw - first.raw);
    for (const { raw, logit } of line) {
      expect(logit).toBeCloseTo(first.logit + slope * (raw - first.raw), 6);
    }
  });

  it("is none where raw is asked for, and any threshold is one", async () => {
    const results = await scores({ normalization: "raw", threshold: 3.5 });
    for (const { score, raw_score: raw, is_anomaly: flagged } of results) {
      expect(score).toBe(raw);
      expect(flagged).toBe((raw ?? 0) > 3.5);
    }
  });

  it("is the z-score where that is asked for", async () => {
    const results = await scores({ normalization: "zscore", threshold: -2 });
    expect(results.some(({ score }) => (score ?? 0) < 0)).toBe(true);
  });
});

describe("backends", () => {
  it("are the twelve, in LlamaFarm's order", async () => {
    const list = await client.ok("GET", "/anomaly/backends");
    const data = list["data"] as Record<string, unknown>[];
    expect(data.map((each) => each["backend"])).toEqual([
      "isolation_forest",
      "local_outlier_factor",
      "one_class_svm",
      "copod",
      "ecod",
      "hbos",
      "knn",
      "mcd",
      "cblof",
      "suod",
      "loda",
      "autoencoder",
    ]);
    expect(list["total"]).toBe(12);
    expect(list["categories"]).toEqual([...new Set(data.map((each) => each["category"]))]);
    for (const each of data) {
      expect(Object.keys(each)).toEqual([
        "backend",
        "name",
        "description",
        "category",
        "speed",
        "memory",
        "parameters",
        "best_for",
        "is_legacy",
      ]);
    }
    const legacy = data.filter((each) => each["is_legacy"]).map((each) => each["backend"]);
    expect(legacy).toEqual([
      "isolation_forest",
      "local_outlier_factor",
      "one_class_svm",
      "autoencoder",
    ]);
  });

  it.each([
    "isolation_forest",
    "local_outlier_factor",
    "one_class_svm",
    "copod",
    "ecod",
    "hbos",
    "knn",
    "mcd",
    "cblof",
    "suod",
    "loda",
    "autoencoder",
  ])("%s streams and ranks an extreme point first", { timeout: 60_000 }, async (backend) => {
    const model = name();
    await client.stream(model, sensor(120, 21), { backend, min_samples: 120 });
    expect(await client.stats(model)).toMatchObject({ backend, is_ready: true });
    const calm = (await client.stream(model, sensor(20, 22))).results;
    const [wild] = (await client.stream(model, { temperature: 150, humidity: 5 })).results;
    const mean = calm.reduce((sum, { raw_score: raw }) => sum + (raw ?? Number.NaN), 0) / 20;
    expect(wild?.raw_score ?? Number.NaN).toBeGreaterThan(mean);
    expect(wild?.score).toBeGreaterThanOrEqual(0);
    expect(wild?.score).toBeLessThanOrEqual(1);
    await client.call("DELETE", `/anomaly/stream/${model}`);
  });
});
