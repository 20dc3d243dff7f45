import { ValueType } from "@opentelemetry/api";
import { ExportResultCode, millisToHrTime } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type ExponentialHistogram,
  type MetricData,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { catalogue } from "./catalogue.ts";
import type { Metric, Point, Readings } from "./metric.ts";
import { exponentialScale, type Counts } from "./histogram.ts";

/** Sends metrics to an OpenTelemetry collector on an interval. */
export interface MetricsExport {
  /** Sends what there is, then closes. Never rejects. */
  shutdown(): Promise<void>;
}

/** Exports over OTLP (gRPC): cumulative, histograms exponential. Nothing goes through OpenTelemetry's API an event. */
export function exportMetrics(options: {
  readonly endpoint: string;
  readonly intervalMs: number;
  readonly resource: Resource;
  readonly read: () => Readings;
  readonly unixMs: () => number;
  readonly onFailure: () => void;
}): MetricsExport {
  const { endpoint, intervalMs, resource, read, unixMs, onFailure } = options;
  const collect = (): MetricData[] => metricData(read(), unixMs());
  const reader = new PeriodicExportingMetricReader({
    exporter: countFailures(new OTLPMetricExporter({ url: endpoint }), onFailure),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, 10_000),
    metricProducers: [
      {
        collect: () => {
          const scopeMetrics = [{ scope: { name: "weir" }, metrics: collect() }];
          return Promise.resolve({ resourceMetrics: { resource, scopeMetrics }, errors: [] });
        },
      },
    ],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { shutdown: () => provider.shutdown().catch(onFailure) };
}

/** The whole catalogue in OpenTelemetry's shape. */
function metricData(readings: Readings, unixMs: number): MetricData[] {
  const times = { startUnixMs: readings.instruments.startUnixMs, endUnixMs: unixMs };
  return catalogue.map((metric) => toMetricData(metric, readings, times));
}

/** Of a collection: when the server started, and now. */
interface Times {
  readonly startUnixMs: number;
  readonly endUnixMs: number;
}

function toMetricData(metric: Metric, readings: Readings, times: Times): MetricData {
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  const descriptor = {
    name: metric.name,
    description: metric.description,
    unit: metric.unit,
    valueType: metric.unit === "s" ? ValueType.DOUBLE : ValueType.INT,
  };
  if (metric.kind === "histogram") {
    const dataPoints = metric
      .read(readings)
      .map((point) => toDataPoint(point, exponential(point.value), times));
    const dataPointType = DataPointType.EXPONENTIAL_HISTOGRAM;
    return { descriptor, aggregationTemporality, dataPointType, dataPoints };
  }
  const dataPoints = metric.read(readings).map((point) => toDataPoint(point, point.value, times));
  if (metric.kind === "gauge") {
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints };
  }
  const dataPointType = DataPointType.SUM;
  return { descriptor, aggregationTemporality, dataPointType, isMonotonic: true, dataPoints };
}

function toDataPoint<T>(point: Point<unknown>, value: T, times: Times): DataPoint<T> {
  return {
    startTime: millisToHrTime(point.startUnixMs ?? times.startUnixMs),
    endTime: millisToHrTime(times.endUnixMs),
    attributes: { ...point.labels },
    value,
  };
}

/** Whole buckets summed into OpenTelemetry's exponential ones, from the first that is not empty to the last. */
export function exponential({ layout, counts, count, sum }: Counts): ExponentialHistogram {
  const first = counts.findIndex((n) => n > 0);
  const last = counts.findLastIndex((n) => n > 0);
  const offset = first === -1 ? 0 : (layout.exponentialIndex[first] ?? 0);
  const length = first === -1 ? 0 : (layout.exponentialIndex[last] ?? 0) - offset + 1;
  const bucketCounts = Array.from({ length }, () => 0);
  for (let i = Math.max(first, 0); i <= last; i++) {
    const index = (layout.exponentialIndex[i] ?? 0) - offset;
    bucketCounts[index] = (bucketCounts[index] ?? 0) + (counts[i] ?? 0);
  }
  return {
    count,
    sum,
    scale: exponentialScale,
    zeroCount: 0,
    positive: { offset, bucketCounts },
    negative: { offset: 0, bucketCounts: [] },
  };
}

/** The exporter, with its failures counted: a collector that is away must show somewhere. */
function countFailures(exporter: PushMetricExporter, onFailure: () => void): PushMetricExporter {
  return {
    export(metrics, done) {
      exporter.export(metrics, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) onFailure();
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}
