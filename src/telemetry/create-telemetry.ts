import { defaultResource, resourceFromAttributes, type Resource } from "@opentelemetry/resources";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Clock } from "../domain/clock.ts";
import { watchEventLoop, type LagMonitor } from "./event-loop.ts";
import { Instruments, windowMs } from "./instruments.ts";
import type { Readings } from "./metric.ts";
import { exportMetrics, type MetricsExport } from "./metrics-export.ts";
import { logEveryMinute, type InfoLog } from "./minute-log.ts";
import { prometheusContentType, prometheusText } from "./prometheus.ts";
import { readStats, type Stats } from "./stats.ts";
import type { DetectorMeter, Telemetry } from "./telemetry.ts";
import { createTraces, noTraces, otlpSpanExporter, type Traces } from "./traces.ts";

export interface TelemetryOptions {
  /** Weir's version, in the resource of everything exported. */
  readonly version: string;
  /** An OpenTelemetry collector's gRPC address, "http://127.0.0.1:4317"; undefined = metrics and spans are not sent. */
  readonly otlpEndpoint: string | undefined;
  /** How often metrics are sent, ms, at least 1. */
  readonly otlpIntervalMs: number;
  /** Share of requests without a caller's trace context that get a span, 0..1; the others follow their caller's flag. */
  readonly traceRatio: number;
  /** Spans of requests a second at most. */
  readonly spansPerSecondMax: number;
  /** Where spans go instead of the collector. */
  readonly spanExporter: SpanExporter | undefined;
}

/** What is not configured. */
export const telemetryDefaults: TelemetryOptions = {
  version: "0.1.0",
  otlpEndpoint: undefined,
  otlpIntervalMs: 10_000,
  traceRatio: 0.01,
  // A span costs 2 us and its export some more: less than a hundredth of a core.
  spansPerSecondMax: 1000,
  spanExporter: undefined,
};

/** Telemetry with its ways out. */
export interface TelemetryService extends Telemetry {
  /** Forgets what the server did before it served (warming up); its detectors keep what they counted. */
  startOver(): void;
  /** What `GET /metrics` answers: Prometheus text. */
  metricsText(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** What `GET /v1/stats` answers. */
  stats(): Stats;
  /** A line a minute for the server and for every detector that did something, until shutdown. Called once. */
  logEveryMinute(log: InfoLog): void;
  /** Sends what was not sent yet, then stops. Never rejects; takes at most some seconds when the collector is away. */
  shutdown(): Promise<void>;
}

/** Counts in memory at once; timers start here and end with `shutdown`. */
export function createTelemetry(options: TelemetryOptions, clock: Clock): TelemetryService {
  return new WorkingTelemetry(options, clock);
}

class WorkingTelemetry implements TelemetryService {
  readonly #clock: Clock;
  readonly #createdMs: number;
  #instruments: Instruments;
  readonly #resourceLabels: Readonly<Record<string, string>>;
  readonly #resource: Resource;
  readonly #lag: LagMonitor = watchEventLoop();
  readonly #traces: Traces;
  readonly #metricsExport: MetricsExport | undefined;
  #cancelRotation: () => void;
  #cancelLog: () => void = () => undefined;

  readonly startRequest: Telemetry["startRequest"];
  readonly recordBatch: Telemetry["recordBatch"];

  constructor(options: TelemetryOptions, clock: Clock) {
    this.#clock = clock;
    this.#createdMs = clock.now();
    this.#instruments = new Instruments(this.#createdMs, clock.unixMs());
    this.#resourceLabels = { "service.name": "weir", "service.version": options.version };
    this.#resource = defaultResource().merge(resourceFromAttributes(this.#resourceLabels));
    this.#traces = this.#createTraces(options);
    this.startRequest = this.#traces.startRequest;
    this.recordBatch = this.#traces.recordBatch;
    this.#metricsExport = this.#exportMetrics(options);
    const rotate = (): void => {
      this.#cancelRotation = clock.after(windowMs, rotate);
      this.#rotate();
    };
    this.#cancelRotation = clock.after(windowMs, rotate);
  }

  detector(name: string): DetectorMeter {
    return this.#instruments.detector(name, this.#clock.unixMs());
  }

  forgetDetector(name: string): void {
    this.#instruments.detectors.delete(name);
  }

  stage(...[stage, durationUs, count]: Parameters<Telemetry["stage"]>): void {
    this.#instruments.stages[stage].record(durationUs / 1e6, count);
  }

  stageFailed(...[stage, count]: Parameters<Telemetry["stageFailed"]>): void {
    this.#instruments.stageFailures[stage] += count;
  }

  batch(rows: number): void {
    this.#instruments.batchRows.record(rows, 1);
  }

  refused(...[transport, reason]: Parameters<Telemetry["refused"]>): void {
    this.#instruments.refuse(transport, reason);
  }

  workerRestarted(): void {
    this.#instruments.workerRestarts++;
  }

  keysInDoubt(keys: number): void {
    this.#instruments.keysInDoubt += keys;
  }

  alertsLost(alerts: number): void {
    this.#instruments.alertsLost += alerts;
  }

  observe(...[read]: Parameters<Telemetry["observe"]>): void {
    this.#instruments.readGauges = read;
  }

  startOver(): void {
    this.#instruments = new Instruments(this.#clock.now(), this.#clock.unixMs(), this.#instruments);
    this.#lag.startOver();
  }

  metricsText(): Promise<{ readonly contentType: string; readonly body: string }> {
    const body = prometheusText(this.#resourceLabels, this.#read());
    return Promise.resolve({ contentType: prometheusContentType, body });
  }

  stats(): Stats {
    this.#rotate();
    return readStats(this.#read(), this.#clock.now());
  }

  logEveryMinute(log: InfoLog): void {
    this.#cancelLog();
    this.#cancelLog = logEveryMinute(log, this.#clock, () => this.stats());
  }

  async shutdown(): Promise<void> {
    this.#cancelRotation();
    this.#cancelLog();
    this.#lag.stop();
    await Promise.all([this.#metricsExport?.shutdown(), this.#traces.shutdown()]);
  }

  #rotate(): void {
    if (this.#instruments.rotate(this.#clock.now())) this.#lag.rotate();
  }

  #read(): Readings {
    const { user, system } = process.cpuUsage();
    return {
      instruments: this.#instruments,
      gauges: this.#instruments.gauges(),
      lag: this.#lag.read(),
      process: {
        residentBytes: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        uptimeSeconds: (this.#clock.now() - this.#createdMs) / 1000,
      },
    };
  }

  #createTraces(options: TelemetryOptions): Traces {
    const { otlpEndpoint, spanExporter } = options;
    const exporter =
      spanExporter ?? (otlpEndpoint === undefined ? undefined : otlpSpanExporter(otlpEndpoint));
    if (exporter === undefined) return noTraces;
    return createTraces({
      resource: this.#resource,
      exporter,
      ratio: options.traceRatio,
      spansPerSecondMax: options.spansPerSecondMax,
      clock: this.#clock,
      onDropped: () => void this.#instruments.spansDropped++,
      onFailure: () => void this.#instruments.exportFailures.traces++,
    });
  }

  #exportMetrics(options: TelemetryOptions): MetricsExport | undefined {
    if (options.otlpEndpoint === undefined) return undefined;
    return exportMetrics({
      endpoint: options.otlpEndpoint,
      intervalMs: options.otlpIntervalMs,
      resource: this.#resource,
      read: () => this.#read(),
      unixMs: () => this.#clock.unixMs(),
      onFailure: () => void this.#instruments.exportFailures.metrics++,
    });
  }
}
