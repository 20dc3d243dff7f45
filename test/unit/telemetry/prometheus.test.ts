import { afterEach, describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { Source } from "../../../src/domain/verdict.ts";
import { catalogue, prometheusName } from "../../../src/telemetry/catalogue.ts";
import type { TelemetryService } from "../../../src/telemetry/create-telemetry.ts";
import { noTelemetry } from "../../../src/telemetry/no-telemetry.ts";
import { parsePrometheus, type Family } from "./prometheus-parser.ts";
import { exercise, start } from "./scenario.ts";

let running: TelemetryService | undefined;
afterEach(() => running?.shutdown());

function started(): TelemetryService {
  const { telemetry } = start();
  running = telemetry;
  return telemetry;
}

async function scrape(telemetry: TelemetryService): Promise<Map<string, Family>> {
  const { body, contentType } = await telemetry.metricsText();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parsePrometheus(body);
}

function value(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string>,
): number {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name);
  const found = family?.samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
  );
  if (found === undefined) throw new Error(`no ${name} ${JSON.stringify(labels)}`);
  return found.value;
}

describe("/metrics", () => {
  it("has the whole catalogue, with the labels that the catalogue names, and nothing else", async () => {
    const telemetry = started();
    exercise(telemetry);
    const families = await scrape(telemetry);
    expect([...families.keys()]).toEqual(["target_info", ...catalogue.map(prometheusName)]);
    for (const metric of catalogue) {
      const { samples = [], type, help } = families.get(prometheusName(metric)) ?? {};
      expect(type).toBe(metric.kind);
      expect(help).toBe(metric.description);
      expect(samples.length, metric.name).toBeGreaterThan(0);
      for (const { labels } of samples) {
        const names = Object.keys(labels).filter((name) => name !== "le");
        expect(names, metric.name).toEqual(metric.labels);
      }
    }
  });

  it("tells what happened", async () => {
    const telemetry = started();
    exercise(telemetry);
    const families = await scrape(telemetry);
    const cards = { detector: "cards" };
    const byModel = { ...cards, source: "model" };
    expect(value(families, "weir_verdicts_total", byModel)).toBe(257);
    expect(value(families, "weir_verdicts_total", { ...cards, source: "cached" })).toBe(3);
    expect(value(families, "weir_fallbacks_total", cards)).toBe(9);
    expect(value(families, "weir_anomalies_total", cards)).toBe(5);
    expect(value(families, "weir_feature_request_duration_seconds_count", cards)).toBe(2);
    expect(value(families, "weir_feature_request_duration_seconds_sum", cards)).toBeCloseTo(
      0.0012,
      9,
    );
    expect(value(families, "weir_feature_keys_read_total", cards)).toBe(17);
    expect(value(families, "weir_rows_late_total", cards)).toBe(4);
    expect(value(families, "weir_rows_future_total", cards)).toBe(2);
    expect(value(families, "weir_feature_keys", { ...cards, mode: "exact" })).toBe(940);
    expect(value(families, "weir_feature_keys", { ...cards, mode: "panes" })).toBe(60);
    expect(value(families, "weir_request_duration_seconds_count", byModel)).toBe(2);
    expect(value(families, "weir_request_duration_seconds_sum", byModel)).toBeCloseTo(0.0022, 9);
    const late = { ...cards, source: "rules", le: "0.02" };
    expect(value(families, "weir_request_duration_seconds_bucket", late)).toBe(1);
    expect(value(families, "weir_stage_duration_seconds_count", { stage: "step" })).toBe(256);
    expect(value(families, "weir_stage_failures_total", { stage: "step" })).toBe(256);
    expect(value(families, "weir_event_age_seconds_sum", cards)).toBeCloseTo(0.12, 9);
    const refusal = { transport: "grpc_stream", reason: "QUEUE_FULL" };
    expect(value(families, "weir_refusals_total", refusal)).toBe(1);
    expect(value(families, "weir_batch_rows_bucket", { le: "256" })).toBe(1);
    expect(value(families, "weir_batch_rows_bucket", { le: "128" })).toBe(0);
    expect(value(families, "weir_queue_rows", {})).toBe(7);
    expect(value(families, "weir_requests_in_flight", {})).toBe(3);
    expect(value(families, "weir_streams", {})).toBe(2);
    expect(value(families, "weir_watchers", {})).toBe(1);
    expect(value(families, "weir_trainings_queued", {})).toBe(2);
    expect(value(families, "weir_model_version", { detector: "cards" })).toBe(3);
    expect(value(families, "weir_trainings_started_total", { detector: "cards" })).toBe(2);
    const outcome = { detector: "cards", outcome: "thread_died" };
    expect(value(families, "weir_trainings_ended_total", outcome)).toBe(1);
    expect(value(families, "weir_keys", cards)).toBe(1000);
    expect(value(families, "weir_state_size_bytes", cards)).toBe(9_000_000);
    expect(value(families, "weir_worker_restarts_total", {})).toBe(1);
    expect(value(families, "weir_keys_in_doubt_total", {})).toBe(11);
    expect(value(families, "weir_alerts_lost_total", {})).toBe(2);
    expect(value(families, "process_memory_usage_bytes", {})).toBeGreaterThan(1e6);
    expect(value(families, "target_info", { service_name: "weir" })).toBe(1);
  });

  it("has cumulative buckets that end with the count", async () => {
    const telemetry = started();
    exercise(telemetry);
    for (const [name, { type, samples }] of await scrape(telemetry)) {
      if (type !== "histogram") continue;
      let below = 0;
      for (const sample of samples) {
        if (sample.name === `${name}_bucket`) {
          expect(sample.value).toBeGreaterThanOrEqual(below);
          below = sample.value;
        } else if (sample.name === `${name}_count`) {
          expect(sample.value).toBe(below);
          below = 0;
        }
      }
    }
  });

  it("escapes whatever a detector may be called", async () => {
    const telemetry = started();
    const name = 'a"b, {c}="é" 名\n\\n';
    telemetry.detector(name).anomalies(3);
    expect(value(await scrape(telemetry), "weir_anomalies_total", { detector: name })).toBe(3);
  });

  it("stays bounded: forgotten detectors leave, and those beyond the bound are counted together", async () => {
    const telemetry = started();
    for (let i = 0; i < limits.detectorsMax; i++) telemetry.detector(`d${i}`).anomalies(1);
    telemetry.detector("one too many").anomalies(1);
    telemetry.detector("and another").anomalies(1);
    const full = await scrape(telemetry);
    expect(value(full, "weir_anomalies_total", { detector: "(other)" })).toBe(2);
    expect(full.get("weir_anomalies_total")?.samples.length).toBe(limits.detectorsMax + 1);
    telemetry.forgetDetector("d0");
    telemetry.forgetDetector("(other)");
    telemetry.detector("in its place").answered(Source.MODEL, 1, 1);
    const after = await scrape(telemetry);
    expect(after.get("weir_anomalies_total")?.samples.length).toBe(limits.detectorsMax);
    expect(value(after, "weir_verdicts_total", { detector: "in its place" })).toBe(1);
  });

  it("hands out the same meter until a detector is forgotten", () => {
    const telemetry = started();
    const meter = telemetry.detector("cards");
    expect(telemetry.detector("cards")).toBe(meter);
    telemetry.forgetDetector("cards");
    expect(telemetry.detector("cards")).not.toBe(meter);
  });
});

describe("telemetry that is off", () => {
  it("takes every call and answers with nothing", async () => {
    exercise(noTelemetry);
    expect([...(await scrape(noTelemetry)).keys()]).toEqual([]);
    expect(noTelemetry.stats()).toMatchObject({ enabled: false, detectors: [] });
    const request = {
      transport: "http",
      detector: "cards",
      rows: 1,
      traceparent: undefined,
    } as const;
    expect(noTelemetry.startRequest(request)).toBeUndefined();
    await noTelemetry.shutdown();
  });
});
