import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import { catalogue } from "../../src/telemetry/catalogue.ts";
import { createTelemetry, telemetryDefaults } from "../../src/telemetry/create-telemetry.ts";
import { startOtlpCollector, type OtlpCollector } from "../support/otlp-collector.ts";
import { exercise } from "../unit/telemetry/scenario.ts";

let collector: OtlpCollector;
beforeEach(async () => {
  collector = await startOtlpCollector();
});
afterEach(() => collector.close());

const request = { transport: "grpc_stream", detector: "cards", rows: 256 } as const;
const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** The bucket that OpenTelemetry's definition puts a value in at scale 3. */
function bucketOf(seconds: number): number {
  return Math.ceil(Math.log2(seconds) * 8) - 1;
}

describe("OTLP", () => {
  it("takes the whole catalogue to a collector, histograms exponential", async () => {
    const options = { ...telemetryDefaults, otlpEndpoint: collector.endpoint };
    const telemetry = createTelemetry(options, systemClock);
    exercise(telemetry);
    await telemetry.shutdown();
    const byName = new Map(collector.metrics.map((metric) => [metric.name, metric]));
    expect([...byName.keys()].toSorted()).toEqual(catalogue.map(({ name }) => name).toSorted());
    for (const { name, unit, labels } of catalogue) {
      expect(byName.get(name)?.unit).toBe(unit);
      for (const point of byName.get(name)?.points ?? []) {
        expect(Object.keys(point.attributes), name).toEqual(labels);
      }
    }
    const values = byName.get("weir.verdicts")?.points.map(({ value }) => value);
    expect(values).toEqual([257, 2, 3, 4]);
    expect(byName.get("weir.state.size")).toMatchObject({ kind: "gauge", unit: "By" });
    const durations = byName.get("weir.request.duration");
    expect(durations?.kind).toBe("exponential");
    const model = durations?.points.find(({ attributes }) => attributes["source"] === "model");
    if (model === undefined) throw new Error("no durations of the model");
    expect(model).toMatchObject({ count: 2, scale: 3, offset: bucketOf(0.0004) });
    expect(model.value).toBeCloseTo(0.0022, 9);
    const width = bucketOf(0.0018) - bucketOf(0.0004);
    expect(model.bucketCounts).toEqual([1, ...Array.from({ length: width - 1 }, () => 0), 1]);
  });

  it("takes spans of requests and batches to a collector", async () => {
    const options = { ...telemetryDefaults, otlpEndpoint: collector.endpoint };
    const telemetry = createTelemetry(options, systemClock);
    const span = telemetry.startRequest({ ...request, traceparent: caller });
    if (span === undefined) throw new Error("not sampled");
    telemetry.recordBatch([span], { rows: 256, startUnixMs: 1e12 + 0.25, endUnixMs: 1e12 + 1.5 });
    span.end({ source: 1 });
    await telemetry.shutdown();
    const sent = collector.spans.find(({ kind }) => kind === 2);
    expect(sent).toMatchObject({
      name: "weir.v1.ScoringService/ScoreStream",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentSpanId: "b7ad6b7169203331",
      attributes: { "weir.detector": "cards", "weir.rows": 256, "weir.source": "model" },
      resource: { "service.name": "weir", "service.version": "0.1.0" },
    });
    const batch = collector.spans.find(({ name }) => name === "weir.batch");
    expect(batch).toMatchObject({
      traceId: sent?.traceId,
      parentSpanId: sent?.spanId,
      links: [{ traceId: sent?.traceId, spanId: sent?.spanId }],
      attributes: { "weir.rows": 256 },
    });
    expect(batch?.startUnixMs).toBeCloseTo(1e12 + 0.25, 3);
    expect(batch?.endUnixMs).toBeCloseTo(1e12 + 1.5, 3);
  });

  it("counts what a collector that is away did not take, and shuts down all the same", async () => {
    collector.close();
    const options = {
      ...telemetryDefaults,
      otlpEndpoint: collector.endpoint,
      otlpIntervalMs: 500,
    };
    const telemetry = createTelemetry(options, systemClock);
    telemetry.startRequest({ ...request, traceparent: caller })?.end({});
    const before = performance.now();
    await telemetry.shutdown();
    expect(performance.now() - before).toBeLessThan(15_000);
    const { body } = await telemetry.metricsText();
    expect(body).toMatch(/weir_export_failures_total\{signal="traces"\} [1-9]/);
  });
});
