import { setTimeout as sleep } from "node:timers/promises";
import { startTestService, type TestService } from "./service.ts";

export type Json = Record<string, unknown>;

export interface StreamResult {
  readonly object: string;
  readonly model: string;
  readonly status: string;
  readonly results: readonly {
    readonly index: number;
    readonly score: number | null;
    readonly is_anomaly: boolean | null;
    readonly raw_score: number | null;
    readonly samples_until_ready: number;
  }[];
  readonly model_version: number;
  readonly samples_collected: number;
  readonly samples_until_ready: number;
  readonly threshold: number;
}

export interface Stats {
  readonly model_id: string;
  readonly backend: string;
  readonly status: string;
  readonly model_version: number;
  readonly samples_collected: number;
  readonly total_processed: number;
  readonly samples_since_retrain: number;
  readonly min_samples: number;
  readonly retrain_interval: number;
  readonly window_size: number;
  readonly threshold: number;
  readonly is_ready: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** LlamaFarm's clients, in a few lines. */
export class LlamaFarmClient {
  readonly url: string;
  private readonly prefix: string;

  constructor(url: string, prefix = "/v1/ml") {
    this.url = url;
    this.prefix = prefix;
  }

  /** A string body goes as it is. */
  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.url + this.prefix + path, {
      method,
      ...(body === undefined
        ? {}
        : {
            headers: { "content-type": "application/json" },
            body: typeof body === "string" ? body : JSON.stringify(body),
          }),
    });
    const json: unknown = await response.json();
    return { status: response.status, body: json as Json };
  }

  async ok(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.call(method, path, body);
    if (answer.status !== 200) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  async stream(model: string, data: unknown, options: Json = {}): Promise<StreamResult> {
    const body = await this.ok("POST", "/anomaly/stream", { model, data, ...options });
    return body as unknown as StreamResult;
  }

  async stats(model: string): Promise<Stats> {
    const body = await this.ok("GET", `/anomaly/stream/${encodeURIComponent(model)}`);
    return body as unknown as Stats;
  }

  /** Asks until `good` holds, 10 s at most. */
  async until(model: string, good: (stats: Stats) => boolean): Promise<Stats> {
    for (let left = 500; ; left--) {
      const stats = await this.stats(model);
      if (good(stats) || left === 0) return stats;
      await sleep(20);
    }
  }
}

export interface LlamaFarmService extends TestService {
  readonly client: LlamaFarmClient;
}

export async function startLlamaFarm(): Promise<LlamaFarmService> {
  const test = await startTestService();
  return { ...test, client: new LlamaFarmClient(test.url) };
}

/** Uniform in 0..1, the same on every machine. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

/** Two sensors, about normal. */
export function sensor(count: number, seed = 7): Json[] {
  const random = uniform(seed);
  const normal = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random();
    return sum;
  };
  return Array.from({ length: count }, () => ({
    temperature: 72 + 2 * normal(),
    humidity: 45 + 3 * normal(),
  }));
}

/** One skewed column without ties. */
export function scalar(count: number, seed = 11): { value: number }[] {
  const random = uniform(seed);
  return Array.from({ length: count }, (_, i) => ({
    value: 10 - 2 * Math.log(1 - random()) + i * 1e-6,
  }));
}
