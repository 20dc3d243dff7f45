import { Writable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { Source } from "../../../src/domain/verdict.ts";
import type { TelemetryService } from "../../../src/telemetry/create-telemetry.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { noTelemetry } from "../../../src/telemetry/no-telemetry.ts";
import type { ManualClock } from "../../support/manual-clock.ts";
import { exercise, start } from "./scenario.ts";

let running: TelemetryService | undefined;
afterEach(() => running?.shutdown());

function started(): { readonly telemetry: TelemetryService; readonly clock: ManualClock } {
  const both = start();
  running = both.telemetry;
  return both;
}

function memoryLog(): { readonly lines: () => unknown[]; readonly stream: Writable } {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const lines = (): unknown[] =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line));
  return { lines, stream };
}

describe("stats", () => {
  it("has the quantiles of a detector over the last minute, in milliseconds", () => {
    const { telemetry, clock } = started();
    const meter = telemetry.detector("cards");
    for (let i = 1; i <= 1000; i++) meter.answered(Source.MODEL, 1, i * 10);
    clock.advance(5000);
    const [cards] = telemetry.stats().detectors;
    expect(cards?.lastMinute.p50Ms).toBeGreaterThan(5 * 0.955);
    expect(cards?.lastMinute.p50Ms).toBeLessThan(5 * 1.045);
    expect(cards?.lastMinute.p95Ms).toBeGreaterThan(9.5 * 0.955);
    expect(cards?.lastMinute.p95Ms).toBeLessThan(9.5 * 1.045);
    expect(cards?.lastMinute.p99Ms).toBeGreaterThan(9.9 * 0.955);
    expect(cards?.lastMinute.p99Ms).toBeLessThan(9.9 * 1.045);
    expect(cards?.lastMinute).toMatchObject({ requests: 1000, rows: 1000, rowsPerSecond: 200 });
  });

  it("forgets what is older than a minute, but not the totals", () => {
    const { telemetry, clock } = started();
    const meter = telemetry.detector("cards");
    meter.answered(Source.MODEL, 10, 500_000);
    clock.advance(30_000);
    meter.answered(Source.DEFAULT, 20, 1000);
    meter.anomalies(2);
    const bySource = (): unknown => telemetry.stats().detectors[0]?.lastMinute.bySource;
    expect(bySource()).toEqual({ model: 10, rules: 0, cached: 0, default: 20 });
    clock.advance(29_999);
    expect(bySource()).toEqual({ model: 10, rules: 0, cached: 0, default: 20 });
    clock.advance(1);
    expect(bySource()).toEqual({ model: 0, rules: 0, cached: 0, default: 20 });
    expect(telemetry.stats().lastMinuteSeconds).toBe(50);
    clock.advance(40_000);
    expect(telemetry.stats().detectors[0]).toMatchObject({
      lastMinute: { requests: 0, p50Ms: null, p99Ms: null, rowsPerSecond: 0, anomalies: 0 },
      rows: 30,
      fallbacks: 20,
      anomalies: 2,
    });
  });

  it("is right when the event loop slept through several windows", () => {
    const { telemetry, clock } = started();
    telemetry.detector("cards").answered(Source.MODEL, 1, 1000);
    clock.advance(3_600_000);
    expect(telemetry.stats().detectors[0]?.lastMinute.rows).toBe(0);
    telemetry.detector("cards").answered(Source.MODEL, 3, 1000);
    clock.advance(59_999 - 10_000);
    expect(telemetry.stats().detectors[0]?.lastMinute.rows).toBe(3);
  });

  it("starts over after the warm-up, with the detectors as they were", async () => {
    const { telemetry, clock } = started();
    exercise(telemetry);
    clock.advance(3000);
    telemetry.startOver();
    clock.advance(1000);
    telemetry.stage("step", 100, 5);
    telemetry.detector("cards").answered(Source.MODEL, 1, 100);
    const stats = telemetry.stats();
    expect(stats).toMatchObject({ uptimeSeconds: 4, lastMinuteSeconds: 1 });
    expect(stats.server).toMatchObject({
      requestsInFlight: 3,
      lastMinute: { refused: 0, batches: 0 },
      refused: { grpc_stream: {} },
      workerRestarts: 0,
    });
    expect(stats.detectors[0]).toMatchObject({ name: "cards", rows: 267 });
    const { body } = await telemetry.metricsText();
    expect(body).toContain('weir_stage_duration_seconds_count{stage="step"} 5\n');
  });

  it("shows the server as a whole and its detectors by name", () => {
    const { telemetry, clock } = started();
    exercise(telemetry);
    telemetry.detector("a first").answered(Source.MODEL, 34, 700);
    clock.advance(1000);
    const stats = telemetry.stats();
    expect(stats.detectors.map(({ name }) => name)).toEqual(["a first", "cards"]);
    expect(stats.detectors[1]).toMatchObject({
      keys: 1000,
      stateBytes: 9_000_000,
      fallbacks: 9,
      modelVersion: 3,
      trainings: 1,
      trainingsFailed: 3,
    });
    expect(stats).toMatchObject({ enabled: true, uptimeSeconds: 1, lastMinuteSeconds: 1 });
    expect(stats.server).toMatchObject({
      requestsInFlight: 3,
      queueRows: 7,
      streams: 2,
      watchers: 1,
      lastMinute: { requests: 6, rows: 300, rowsPerSecond: 300, refused: 6, rowsPerBatch: 256 },
      refused: { grpc_stream: { QUEUE_FULL: 1 } },
      stageFailures: { queue: 0, step: 256 },
      workerRestarts: 1,
      keysInDoubt: 11,
      alertsLost: 2,
    });
    expect(stats.server.lastMinute.stages.step.p50Ms).toBeCloseTo(0.3, 1);
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
  });
});

describe("the log", () => {
  it("has a line a minute for the server and for every detector that answered", () => {
    const { telemetry, clock } = started();
    const { lines, stream } = memoryLog();
    telemetry.logEveryMinute(createLogger({ level: "info", destination: stream }));
    exercise(telemetry);
    telemetry.detector("idle");
    clock.advance(59_999);
    expect(lines()).toEqual([]);
    telemetry.detector("cards").answered(Source.MODEL, 1, 1000);
    clock.advance(1);
    expect(lines()).toMatchObject([
      { level: "info", msg: "last minute", rows: 1, requestsInFlight: 3 },
      { level: "info", msg: "last minute of a detector", detector: "cards", rows: 1, keys: 1000 },
    ]);
    clock.advance(60_000);
    expect(lines().length).toBe(3);
  });

  it("ends with the telemetry", async () => {
    const { telemetry, clock } = started();
    const { lines, stream } = memoryLog();
    telemetry.logEveryMinute(createLogger({ level: "info", destination: stream }));
    await telemetry.shutdown();
    running = undefined;
    clock.advance(600_000);
    expect(lines()).toEqual([]);
  });

  it("is one JSON object a line, with the level as a word and the error whole", () => {
    const { lines, stream } = memoryLog();
    const log = createLogger({ level: "warn", destination: stream });
    log.info("not this");
    log.error({ err: new Error("no"), port: 1 }, "cannot listen");
    expect(lines()).toMatchObject([
      { level: "error", msg: "cannot listen", port: 1, err: { type: "Error", message: "no" } },
    ]);
    expect(lines()).not.toHaveProperty("[0].pid");
    noTelemetry.logEveryMinute(log);
  });
});
