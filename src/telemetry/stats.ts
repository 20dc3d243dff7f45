import type { Reason } from "../domain/errors.ts";
import { fallbackRows } from "./catalogue.ts";
import { mergeCounts, quantile, type Counts } from "./histogram.ts";
import { type DetectorInstruments, type Instruments, type SourceName } from "./instruments.ts";
import type { Readings } from "./metric.ts";
import type { Stage, TrainingOutcome, Transport } from "./telemetry.ts";

/** Latency over the last minute, milliseconds, within 4.5 %; null = nothing happened. */
interface Quantiles {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

interface DetectorStats {
  readonly name: string;
  readonly lastMinute: Quantiles & {
    readonly requests: number;
    readonly rows: number;
    readonly rowsPerSecond: number;
    /** Rows. */
    readonly bySource: Readonly<Record<SourceName, number>>;
    readonly anomalies: number;
  };
  /** Rows since the detector was created or the server started. */
  readonly rows: number;
  readonly fallbacks: number;
  readonly anomalies: number;
  readonly keys: number;
  readonly stateBytes: number;
  /** Models that it has had; 0 = none yet. */
  readonly modelVersion: number;
  /** That gave a model, and that did not, since the detector was created or the server started. */
  readonly trainings: number;
  readonly trainingsFailed: number;
}

/** Outcomes of trainings that should have given a model. */
const failures: readonly TrainingOutcome[] = ["failed", "thread_died", "no_memory"];

/** What `GET /v1/stats` answers. */
export interface Stats {
  readonly enabled: boolean;
  readonly uptimeSeconds: number;
  /** What "last minute" covers: 50 to 60 s, less after the start. */
  readonly lastMinuteSeconds: number;
  readonly server: {
    readonly requestsInFlight: number;
    readonly queueRows: number;
    readonly streams: number;
    readonly watchers: number;
    /** Trainings of models that wait or run. */
    readonly trainings: number;
    readonly lastMinute: Quantiles & {
      readonly requests: number;
      readonly rows: number;
      readonly rowsPerSecond: number;
      readonly refused: number;
      readonly batches: number;
      readonly rowsPerBatch: number | null;
      readonly stages: Readonly<Record<Stage, Quantiles>>;
    };
    readonly refused: Readonly<Record<Transport, Readonly<Partial<Record<Reason, number>>>>>;
    readonly stageFailures: Readonly<Record<Stage, number>>;
    readonly workerRestarts: number;
    readonly keysInDoubt: number;
    readonly alertsLost: number;
    readonly spansDropped: number;
    readonly eventLoopLagMs: { readonly p50: number; readonly p99: number; readonly max: number };
    readonly residentBytes: number;
  };
  /** In the order of names. */
  readonly detectors: readonly DetectorStats[];
}

/** Everything that is known at `nowMs` of the clock; the instruments' windows must be up to date. */
export function readStats(readings: Readings, nowMs: number): Stats {
  const { instruments, process } = readings;
  const seconds = instruments.recentSeconds(nowMs);
  const detectors = [...instruments.detectors.values()].toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return {
    enabled: true,
    uptimeSeconds: round(process.uptimeSeconds),
    lastMinuteSeconds: round(seconds),
    server: serverStats(readings, seconds),
    detectors: detectors.map((detector) => detectorStats(detector, readings, seconds)),
  };
}

function serverStats(readings: Readings, seconds: number): Stats["server"] {
  const { instruments, gauges, lag } = readings;
  const recent = [...instruments.detectors.values()].flatMap(recentBySource);
  const latency = mergeCounts(recent.map(({ latency: counts }) => counts));
  const rows = sumOf(recent.map((source) => source.rows));
  const batches = instruments.batchRows.recent();
  return {
    requestsInFlight: gauges.requestsInFlight,
    queueRows: gauges.queueRows,
    streams: gauges.streams,
    watchers: gauges.watchers,
    trainings: gauges.trainings,
    lastMinute: {
      requests: latency?.count ?? 0,
      rows,
      rowsPerSecond: round(rows / seconds),
      ...quantiles(latency),
      refused: instruments.refused.recent(),
      batches: batches.count,
      rowsPerBatch: batches.count === 0 ? null : round(batches.sum / batches.count),
      stages: stageQuantiles(instruments),
    },
    refused: {
      grpc_stream: Object.fromEntries(instruments.refusals.grpc_stream),
      grpc_unary: Object.fromEntries(instruments.refusals.grpc_unary),
      http: Object.fromEntries(instruments.refusals.http),
    },
    stageFailures: { ...instruments.stageFailures },
    workerRestarts: instruments.workerRestarts,
    keysInDoubt: instruments.keysInDoubt,
    alertsLost: instruments.alertsLost,
    spansDropped: instruments.spansDropped,
    eventLoopLagMs: {
      p50: round(lag.p50 * 1e3),
      p99: round(lag.p99 * 1e3),
      max: round(lag.max * 1e3),
    },
    residentBytes: readings.process.residentBytes,
  };
}

function detectorStats(
  detector: DetectorInstruments,
  { gauges }: Readings,
  seconds: number,
): DetectorStats {
  const recent = recentBySource(detector);
  const latency = mergeCounts(recent.map(({ latency: counts }) => counts));
  const rows = sumOf(recent.map((source) => source.rows));
  const gauge = gauges.detectors.find(({ name }) => name === detector.name);
  const bySource: Record<SourceName, number> = { model: 0, rules: 0, cached: 0, default: 0 };
  for (const source of recent) bySource[source.source] = source.rows;
  return {
    name: detector.name,
    lastMinute: {
      requests: latency?.count ?? 0,
      rows,
      rowsPerSecond: round(rows / seconds),
      ...quantiles(latency),
      bySource,
      anomalies: detector.anomalous.recent(),
    },
    rows: sumOf(detector.sources.map((source) => source.rows.total)),
    fallbacks: fallbackRows(detector.sources),
    anomalies: detector.anomalous.total,
    keys: gauge?.keys ?? 0,
    stateBytes: gauge?.stateBytes ?? 0,
    modelVersion: gauge?.modelVersion ?? 0,
    trainings: detector.trainingsEnded.get("swapped") ?? 0,
    trainingsFailed: sumOf(failures.map((outcome) => detector.trainingsEnded.get(outcome) ?? 0)),
  };
}

function recentBySource(
  detector: DetectorInstruments,
): { readonly source: SourceName; readonly rows: number; readonly latency: Counts }[] {
  return detector.sources.map(({ source, rows, latency }) => ({
    source,
    rows: rows.recent(),
    latency: latency.recent(),
  }));
}

function stageQuantiles(instruments: Instruments): Record<Stage, Quantiles> {
  const of = (stage: Stage): Quantiles => quantiles(instruments.stages[stage].recent());
  return {
    queue: of("queue"),
    batch: of("batch"),
    step: of("step"),
    journal: of("journal"),
    reply: of("reply"),
  };
}

/** Of a histogram in seconds. */
function quantiles(seconds: Counts | undefined): Quantiles {
  const ms = (share: number): number | null => {
    if (seconds === undefined || seconds.count === 0) return null;
    return round(quantile(seconds, share) * 1e3);
  };
  return { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99) };
}

/** To a thousandth: figures for people. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
