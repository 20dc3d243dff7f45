import { afterAll, beforeAll, expect } from "vitest";
import { modelRouteDescriptions } from "../../src/transport/http/llamafarm/model-schemas.ts";
import { startTestService } from "./service.ts";
import type { TestService } from "./service.ts";

export interface ScoredItem {
  readonly index: number;
  readonly score: number;
  readonly raw_score: number;
  readonly is_anomaly: boolean;
  readonly explanation: {
    readonly baseline: number;
    readonly contributions: readonly { readonly feature: string; readonly contribution: number }[];
  };
}

/** Whatever the endpoints of fitted models answer with; a test reads the fields of its own endpoint. */
export interface FittedAnswer {
  readonly model: string;
  readonly status: string;
  readonly versioned_name: string;
  readonly saved_path: string;
  readonly threshold: number;
  readonly model_params: { readonly threshold: number; readonly input_dim: number };
  readonly encoder: unknown;
  readonly data: readonly ScoredItem[];
  readonly summary: { readonly threshold: number; readonly anomaly_count: number };
}

export interface StoredItem {
  readonly name: string;
  readonly base_name: string;
  readonly is_versioned: boolean;
}

export interface Refusal {
  readonly detail: string | readonly { readonly type: string; readonly loc: readonly unknown[] }[];
}

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

let service: TestService | undefined;
let names = 0;

/** The whole service for the tests of one file. */
export function useService(): void {
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service?.stop());
}

/** A string goes as it is. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { "content-type": "application/json" };
  const sent = body === undefined ? {} : { headers, body: text };
  const response = await fetch(`${service?.url}${path}`, { method, ...sent });
  return { status: response.status, body: (await response.json()) as T };
}

type Path = "fit" | "score" | "detect" | "save" | "load";

/** An answer that is as the OpenAPI document says, field by field. */
export async function post(path: Path, body: unknown): Promise<FittedAnswer> {
  const answer = await call<FittedAnswer>("POST", `/v1/ml/anomaly/${path}`, body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
  expect(modelRouteDescriptions[path].answer.parse(answer.body)).toEqual(answer.body);
  return answer.body;
}

/** Status and text of a refusal. */
export async function refused(path: string, body: unknown): Promise<readonly [number, string]> {
  const answer = await call<Refusal>("POST", `/v1/ml/anomaly/${path}`, body);
  expect(Object.keys(answer.body)).toEqual(["detail"]);
  const { detail } = answer.body;
  return [answer.status, typeof detail === "string" ? detail : JSON.stringify(detail)];
}

/** A model's name that no other test has. */
export function fresh(stem = "m"): string {
  return `${stem}-${++names}`;
}

/** A hundred rows without ties, skewed, two columns. */
export const grid: readonly (readonly [number, number])[] = Array.from({ length: 100 }, (_, i) => [
  Math.exp(i / 17) + i * 1e-5,
  ((i * 37) % 101) / 7 + i * 1e-6,
]);

export const thirty: readonly (readonly number[])[] = Array.from({ length: 30 }, (_, i) => [
  i,
  i % 5,
]);
