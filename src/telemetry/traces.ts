import { SpanKind, SpanStatusCode, trace, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { ExportResultCode, parseTraceParent } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import type { Resource } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  RandomIdGenerator,
  TracerProvider,
  type IdGenerator,
  type SpanExporter,
} from "@opentelemetry/sdk-trace";
import type { Clock } from "../domain/clock.ts";
import type { Reason } from "../domain/errors.ts";
import type { Source } from "../domain/verdict.ts";
import { sourceNames } from "./instruments.ts";
import type { RequestSpan, Telemetry, Transport } from "./telemetry.ts";

/** Sampled bit of a traceparent's flags. */
const sampledFlag = 1;
/** A batch may carry thousands of requests; a span links at most this many of the sampled ones. */
const linksMax = 128;

interface SpanKindOfRequest {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

function rpc(method: string, service = "weir.v1.ScoringService"): SpanKindOfRequest {
  return {
    name: `${service}/${method}`,
    attributes: { "rpc.system.name": "grpc", "rpc.method": `${service}/${method}` },
  };
}

function post(route: string): SpanKindOfRequest {
  return {
    name: `POST ${route}`,
    attributes: { "http.request.method": "POST", "http.route": route },
  };
}

const spansOf: Readonly<Record<Transport, SpanKindOfRequest>> = {
  grpc_stream: rpc("ScoreStream"),
  grpc_unary: rpc("Score"),
  http: post("/v1/detectors/{name}/score"),
};
const readSpansOf: typeof spansOf = {
  grpc_stream: rpc("StreamFeatures", "weir.v1.FeatureService"),
  grpc_unary: rpc("GetFeatures", "weir.v1.FeatureService"),
  http: post("/v1/detectors/{name}/features"),
};

/** The part of Telemetry that traces. */
export interface Traces extends Pick<Telemetry, "startRequest" | "recordBatch"> {
  /** Sends what is left, then closes. Never rejects. */
  shutdown(): Promise<void>;
}

export interface TracesOptions {
  readonly resource: Resource;
  readonly exporter: SpanExporter;
  /** Share of the requests without a caller's context that are sampled, 0..1; the others follow their caller. */
  readonly ratio: number;
  /** Sampled requests beyond it go without a span: a caller that samples everything cannot slow the server down. */
  readonly spansPerSecondMax: number;
  readonly clock: Clock;
  readonly onDropped: () => void;
  readonly onFailure: () => void;
}

/** No collector, no spans. */
export const noTraces: Traces = {
  startRequest: () => undefined,
  recordBatch: () => undefined,
  shutdown: () => Promise.resolve(),
};

class SampledRequest implements RequestSpan {
  readonly span: Span;

  constructor(span: Span) {
    this.span = span;
  }

  end(outcome: { readonly error?: Reason; readonly source?: Source }): void {
    const { error, source } = outcome;
    if (source !== undefined) this.span.setAttribute("weir.source", sourceNames[source]);
    if (error !== undefined) {
      this.span.setAttribute("error.type", error);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}

/**
 * Spans of requests and batches. Whether a request is sampled is decided before anything is built: by the caller's flag, or by
 * drawing the trace id's random words and comparing them as OpenTelemetry's TraceIdRatioBasedSampler does, so that what is not
 * sampled costs a comparison and other services that sample by the same ratio agree.
 */
export function createTraces(options: TracesOptions): Traces {
  const { clock, spansPerSecondMax, onDropped } = options;
  const ids = new DrawnIds(options.ratio);
  const provider = new TracerProvider({
    resource: options.resource,
    sampler: new AlwaysOnSampler(),
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: countFailures(options), scheduledDelayMillis: 1000 }),
    ],
  });
  const tracer = provider.getTracer("weir");
  const callers = new CallerContexts();
  const budget = new SpanBudget(spansPerSecondMax);
  return {
    startRequest({ transport, detector, rows, traceparent, reads }) {
      const caller = traceparent === undefined ? undefined : callers.parse(traceparent);
      const isSampled =
        caller === undefined ? ids.draw() : (caller.traceFlags & sampledFlag) === sampledFlag;
      if (!isSampled) return undefined;
      if (!budget.take(clock.now())) {
        onDropped();
        return undefined;
      }
      const { name, attributes } = (reads === true ? readSpansOf : spansOf)[transport];
      const span = tracer.startSpan(
        name,
        {
          kind: SpanKind.SERVER,
          attributes: { ...attributes, "weir.detector": detector, "weir.rows": rows },
        },
        caller === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, caller),
      );
      return new SampledRequest(span);
    },
    recordBatch: (spans, batch) => recordBatch(tracer, spans, batch),
    shutdown: () => provider.shutdown().catch(() => options.onFailure()),
  };
}

/** A child of the first request, so that it shows in a trace that somebody looks at, with links to all of them. */
function recordBatch(
  tracer: Tracer,
  ...[spans, batch]: Parameters<Telemetry["recordBatch"]>
): void {
  const contexts = spans
    .filter((span) => span instanceof SampledRequest)
    .slice(0, linksMax)
    .map(({ span }) => span.spanContext());
  const [first] = contexts;
  if (first === undefined) return;
  tracer
    .startSpan(
      "weir.batch",
      {
        kind: SpanKind.INTERNAL,
        attributes: { "weir.rows": batch.rows, "weir.sampled_requests": spans.length },
        links: contexts.map((context) => ({ context })),
        startTime: batch.startUnixMs,
      },
      within(first),
    )
    .end(batch.endUnixMs);
}

function within(parent: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** Parses `traceparent` headers; remembers the last, since all requests of a stream carry the same one. */
class CallerContexts {
  #text = "";
  #context: SpanContext | undefined;

  /** Undefined when it is malformed: the trace starts anew, as W3C Trace Context says. */
  parse(text: string): SpanContext | undefined {
    if (text === this.#text) return this.#context;
    const parsed = parseTraceParent(text);
    this.#text = text;
    this.#context = parsed === null ? undefined : { ...parsed, isRemote: true };
    return this.#context;
  }
}

/** Decides for a trace id before the id is text; the id of the next span that starts is the one drawn. */
class DrawnIds implements IdGenerator {
  readonly #words = Buffer.alloc(16);
  readonly #random = new RandomIdGenerator();
  /** The xor of the id's words must be below. */
  readonly #upperBound: number;
  #isDrawn = false;

  constructor(ratio: number) {
    this.#upperBound = ratio >= 1 ? 2 ** 32 : Math.floor(Math.max(ratio, 0) * 0xffffffff);
  }

  /** Draws a trace id; true when it is in the ratio. */
  draw(): boolean {
    if (this.#upperBound === 0) return false;
    const a = (Math.random() * 2 ** 32) >>> 0;
    const b = (Math.random() * 2 ** 32) >>> 0;
    const c = (Math.random() * 2 ** 32) >>> 0;
    const d = (Math.random() * 2 ** 32) >>> 0;
    if ((a ^ b ^ c ^ d) >>> 0 >= this.#upperBound || (a | b | c | d) === 0) return false;
    this.#words.writeUInt32BE(a, 0);
    this.#words.writeUInt32BE(b, 4);
    this.#words.writeUInt32BE(c, 8);
    this.#words.writeUInt32BE(d, 12);
    this.#isDrawn = true;
    return true;
  }

  generateTraceId(): string {
    const isDrawn = this.#isDrawn;
    this.#isDrawn = false;
    return isDrawn ? this.#words.toString("hex") : this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }
}

/** So many in any second of the clock. */
class SpanBudget {
  readonly #perSecondMax: number;
  #secondStartMs = -Infinity;
  #taken = 0;

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
  }

  take(nowMs: number): boolean {
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#taken = 0;
    }
    if (this.#taken >= this.#perSecondMax) return false;
    this.#taken++;
    return true;
  }
}

/** The exporter, with its failures counted. */
function countFailures({ exporter, onFailure }: TracesOptions): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) onFailure();
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/** Sends spans to an OpenTelemetry collector (OTLP over gRPC). */
export function otlpSpanExporter(endpoint: string): SpanExporter {
  return new OTLPTraceExporter({ url: endpoint });
}
