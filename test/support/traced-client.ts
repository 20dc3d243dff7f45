import { credentials, makeClientConstructor, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { ROOT_CONTEXT, SpanKind, trace, type Span } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { AlwaysOnSampler, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { loadContract } from "../../src/transport/grpc/definitions.ts";

/**
 * A caller with traces of its own, run as a process: sends the events of the detector "cards" over each kind of call, each inside a
 * span whose context goes along, and its spans to the collector.
 * Arguments: the server's gRPC address, its HTTP origin, the collector's endpoint.
 */
const [grpcAddress = "", httpOrigin = "", collector = ""] = process.argv.slice(2);

const provider = new TracerProvider({
  sampler: new AlwaysOnSampler(),
  spanProcessors: [
    new SimpleSpanProcessor({ exporter: new OTLPTraceExporter({ url: collector }) }),
  ],
});
const tracer = provider.getTracer("caller");
const propagator = new W3CTraceContextPropagator();

const service = loadContract()["weir.v1.ScoringService"];
if (service === undefined || "format" in service) throw new Error("no ScoringService");
const Client = makeClientConstructor(service, "ScoringService");
const client = new Client(grpcAddress, credentials.createInsecure());
const request = { detector: "cards", events: [{ key: "a", numbers: { amount: 12.5 } }] };

/** The headers that carry a span's context. */
function headersOf(span: Span): Record<string, string> {
  const headers: Record<string, string> = {};
  propagator.inject(trace.setSpan(ROOT_CONTEXT, span), headers, {
    set: (carrier: Record<string, string>, name, value) => void (carrier[name] = value),
  });
  return headers;
}

function metadataOf(span: Span): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headersOf(span))) metadata.set(name, value);
  return metadata;
}

function method(name: string): MethodDefinition<object, object> {
  const found = service === undefined || "format" in service ? undefined : service[name];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

async function within(name: string, call: (span: Span) => Promise<void>): Promise<void> {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT }, ROOT_CONTEXT);
  await call(span);
  span.end();
}

function unary(span: Span): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = method("Score");
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadataOf(span),
      (error) => (error === null ? resolve() : reject(error)),
    );
  });
}

function stream(span: Span): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = method("ScoreStream");
  const call = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    metadataOf(span),
  );
  return new Promise((resolve, reject) => {
    call.on("data", () => undefined);
    call.on("end", resolve);
    call.on("error", reject);
    call.write({ requestId: 1, request });
    call.write({ requestId: 2, request });
    call.end();
  });
}

async function http(span: Span): Promise<void> {
  const answer = await fetch(`${httpOrigin}/v1/detectors/cards/score`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headersOf(span) },
    body: JSON.stringify({ events: request.events }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

await within("caller unary", unary);
await within("caller stream", stream);
await within("caller http", http);
await provider.shutdown();
client.close();
