import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** The part of OpenTelemetry's protocol that tests look at; field numbers of opentelemetry-proto 1.x. */
const schema = `
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }

message TraceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Status { string message = 2; int32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Link links = 13; Status status = 15;
}

message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message ScopeMetrics { repeated Metric metrics = 2; }
message Metric { string name = 1; string unit = 3; Numbers gauge = 5; Numbers sum = 7; Exponentials exponential_histogram = 10; }
message Numbers { repeated NumberPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message NumberPoint { double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
message Exponentials { repeated ExponentialPoint data_points = 1; int32 aggregation_temporality = 2; }
message ExponentialPoint {
  repeated KeyValue attributes = 1; fixed64 count = 4; double sum = 5; sint32 scale = 6; fixed64 zero_count = 7; Buckets positive = 8;
}
message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }
`;

const types = protobuf.parse(schema, { keepCase: false }).root;

type Attributes = Readonly<Record<string, string | number>>;

interface CollectedSpan {
  /** Hex. */
  readonly traceId: string;
  readonly spanId: string;
  /** Hex; "" = a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's number: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startUnixMs: number;
  readonly endUnixMs: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly resource: Attributes;
}

interface CollectedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "sum" | "exponential";
  readonly points: readonly {
    readonly attributes: Attributes;
    /** Of a gauge or a sum; a histogram's sum. */
    readonly value: number;
    /** Of a histogram. */
    readonly count: number;
    readonly scale: number;
    readonly offset: number;
    readonly bucketCounts: readonly number[];
  }[];
}

/** An OpenTelemetry collector (OTLP over gRPC) that keeps what it is sent. */
export interface OtlpCollector {
  /** "http://127.0.0.1:port" */
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Of the last export. */
  readonly metrics: readonly CollectedMetric[];
  close(): void;
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const server = new Server();
  const spans: CollectedSpan[] = [];
  let metrics: readonly CollectedMetric[] = [];
  server.addService(exportService("trace.v1.TraceService"), {
    export: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      spans.push(...readSpans(call.request));
      done(null, Buffer.alloc(0));
    },
  });
  server.addService(exportService("metrics.v1.MetricsService"), {
    export: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      metrics = readMetrics(call.request);
      done(null, Buffer.alloc(0));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    get metrics() {
      return metrics;
    },
    close: () => server.forceShutdown(),
  };
}

const asIs = (value: Buffer): Buffer => value;

function exportService(name: string): ServiceDefinition {
  return {
    export: {
      path: `/opentelemetry.proto.collector.${name}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  };
}

/** protobufjs' decoded messages, as far as they are looked at. */
type Decoded = Readonly<Record<string, unknown>>;

function decode(type: string, bytes: Buffer): Decoded {
  const message = types.lookupType(type);
  return message.toObject(message.decode(bytes), {
    longs: Number,
    bytes: String,
    defaults: true,
    oneofs: true,
  });
}

function isDecoded(value: unknown): value is Decoded {
  return typeof value === "object" && value !== null;
}

/** A message in a field; the empty one where there is none. */
function child(value: unknown): Decoded {
  return isDecoded(value) ? value : {};
}

function list(value: unknown): readonly Decoded[] {
  return Array.isArray(value) ? value.filter(isDecoded) : [];
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function hex(base64: unknown): string {
  return Buffer.from(String(base64), "base64").toString("hex");
}

function attributes(pairs: unknown): Attributes {
  return Object.fromEntries(
    list(pairs).map(({ key, value }) => {
      const any = child(value);
      const held = any[String(any["value"])];
      return [String(key), typeof held === "number" ? held : String(held)];
    }),
  );
}

function readSpans(bytes: Buffer): CollectedSpan[] {
  return list(decode("TraceRequest", bytes)["resourceSpans"]).flatMap((group) =>
    list(group["scopeSpans"])
      .flatMap((scope) => list(scope["spans"]))
      .map((span) => ({
        traceId: hex(span["traceId"]),
        spanId: hex(span["spanId"]),
        parentSpanId: hex(span["parentSpanId"]),
        name: String(span["name"]),
        kind: Number(span["kind"]),
        startUnixMs: Number(span["startTimeUnixNano"]) / 1e6,
        endUnixMs: Number(span["endTimeUnixNano"]) / 1e6,
        attributes: attributes(span["attributes"]),
        links: list(span["links"]).map((link) => ({
          traceId: hex(link["traceId"]),
          spanId: hex(link["spanId"]),
        })),
        status: Number(child(span["status"])["code"] ?? 0),
        resource: attributes(child(group["resource"])["attributes"]),
      })),
  );
}

function readMetrics(bytes: Buffer): CollectedMetric[] {
  return list(decode("MetricsRequest", bytes)["resourceMetrics"]).flatMap((group) =>
    list(group["scopeMetrics"])
      .flatMap((scope) => list(scope["metrics"]))
      .map((metric) => readMetric(metric)),
  );
}

function readMetric(metric: Decoded): CollectedMetric {
  const kinds = { gauge: "gauge", sum: "sum", exponentialHistogram: "exponential" } as const;
  for (const [field, kind] of Object.entries(kinds)) {
    const data = metric[field];
    if (!isDecoded(data)) continue;
    const points = list(data["dataPoints"]).map((point) => {
      const positive = child(point["positive"]);
      return {
        attributes: attributes(point["attributes"]),
        value: Number(point["sum"] ?? (Number(point["asDouble"]) || Number(point["asInt"]))),
        count: Number(point["count"] ?? 0),
        scale: Number(point["scale"] ?? 0),
        offset: Number(positive["offset"] ?? 0),
        bucketCounts: numbers(positive["bucketCounts"]),
      };
    });
    return { name: String(metric["name"]), unit: String(metric["unit"]), kind, points };
  }
  throw new Error(`${String(metric["name"])} has no data that is known`);
}
