import { InMemorySpanExporter, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it } from "vitest";
import type {
  TelemetryOptions,
  TelemetryService,
} from "../../../src/telemetry/create-telemetry.ts";
import type { RequestSpan } from "../../../src/telemetry/telemetry.ts";
import type { ManualClock } from "../../support/manual-clock.ts";
import { start } from "./scenario.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const sampled = `00-${traceId}-b7ad6b7169203331-01`;
const unsampled = `00-${traceId}-b7ad6b7169203331-00`;

let running: TelemetryService | undefined;
afterEach(() => running?.shutdown());

interface Traced {
  readonly telemetry: TelemetryService;
  readonly clock: ManualClock;
  readonly exporter: KeptSpans;
  ask(traceparent?: string): RequestSpan | undefined;
}

/** Keeps its spans when the telemetry shuts down. */
class KeptSpans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function traced(options: Partial<TelemetryOptions> = {}): Traced {
  const exporter = new KeptSpans();
  const both = start({ spanExporter: exporter, traceRatio: 0, ...options });
  running = both.telemetry;
  const ask = (traceparent?: string): RequestSpan | undefined =>
    both.telemetry.startRequest({
      transport: "grpc_unary",
      detector: "cards",
      rows: 3,
      traceparent,
    });
  return { ...both, exporter, ask };
}

async function finished({
  telemetry,
  exporter,
}: Traced): Promise<ReturnType<KeptSpans["getFinishedSpans"]>> {
  await telemetry.shutdown();
  running = undefined;
  return exporter.getFinishedSpans();
}

describe("a request's span", () => {
  it("is the child of the caller's context", async () => {
    const all = traced();
    all.ask(sampled)?.end({ source: 2 });
    const [span] = await finished(all);
    expect(span?.name).toBe("weir.v1.ScoringService/Score");
    expect(span?.spanContext().traceId).toBe(traceId);
    expect(span?.parentSpanContext).toMatchObject({ spanId: "b7ad6b7169203331", isRemote: true });
    expect(span?.attributes).toEqual({
      "rpc.system.name": "grpc",
      "rpc.method": "weir.v1.ScoringService/Score",
      "weir.detector": "cards",
      "weir.rows": 3,
      "weir.source": "rules",
    });
  });

  it.each([
    ["grpc_unary", "weir.v1.FeatureService/GetFeatures"],
    ["grpc_stream", "weir.v1.FeatureService/StreamFeatures"],
    ["http", "POST /v1/detectors/{name}/features"],
  ] as const)("says over %s when it reads features: %s", async (transport, name) => {
    const all = traced();
    const request = { transport, detector: "cards", rows: 8, traceparent: sampled, reads: true };
    all.telemetry.startRequest(request)?.end({});
    const [span] = await finished(all);
    expect(span?.name).toBe(name);
    expect(span?.attributes).toMatchObject({ "weir.detector": "cards", "weir.rows": 8 });
  });

  it("follows the caller's flag, whatever the ratio", () => {
    expect(traced({ traceRatio: 0 }).ask(sampled)).toBeDefined();
    expect(traced({ traceRatio: 1 }).ask(unsampled)).toBeUndefined();
  });

  it.each(["", "garbage", `00-${"0".repeat(32)}-b7ad6b7169203331-01`, `${sampled}-more`])(
    "starts a trace of its own when the caller's context is %j",
    async (traceparent) => {
      expect(traced({ traceRatio: 0 }).ask(traceparent)).toBeUndefined();
      const all = traced({ traceRatio: 1 });
      all.ask(traceparent)?.end({});
      const [span] = await finished(all);
      expect(span?.parentSpanContext).toBeUndefined();
      expect(span?.spanContext().traceId).not.toBe(traceId);
    },
  );

  it("says why the request failed", async () => {
    const all = traced();
    all.ask(sampled)?.end({ error: "KEYS_FULL" });
    const [span] = await finished(all);
    expect(span?.attributes["error.type"]).toBe("KEYS_FULL");
    expect(span?.status.code).toBe(2);
  });

  it("is named after the route over HTTP", async () => {
    const all = traced();
    const { telemetry } = all;
    telemetry
      .startRequest({ transport: "http", detector: "cards", rows: 1, traceparent: sampled })
      ?.end({});
    const [span] = await finished(all);
    expect(span?.name).toBe("POST /v1/detectors/{name}/score");
  });

  it("does not exist when spans go nowhere", () => {
    const all = traced({ spanExporter: undefined, traceRatio: 1 });
    expect(all.ask(sampled)).toBeUndefined();
  });
});

describe("sampling", () => {
  it("takes the ratio of traces that OpenTelemetry's own sampler would take", async () => {
    const all = traced({ traceRatio: 0.25, spansPerSecondMax: 1e9 });
    let taken = 0;
    for (let i = 0; i < 4000; i++) {
      const span = all.ask();
      if (span !== undefined) taken++;
      span?.end({});
    }
    expect(taken).toBeGreaterThan(800);
    expect(taken).toBeLessThan(1200);
    const spans = await finished(all);
    const sampler = new TraceIdRatioBasedSampler(0.25);
    const ids = new Set(spans.map((span) => span.spanContext().traceId));
    expect(ids.size).toBe(spans.length);
    for (const id of ids) expect(sampler.shouldSample(undefined, id).decision).toBe(2);
  });

  it("is bounded a second, and what is left out is counted", async () => {
    const all = traced({ spansPerSecondMax: 2 });
    const ask = (): number => [1, 2, 3].filter(() => all.ask(sampled) !== undefined).length;
    expect(ask()).toBe(2);
    all.clock.advance(999);
    expect(ask()).toBe(0);
    all.clock.advance(1);
    expect(ask()).toBe(2);
    expect(all.telemetry.stats().server.spansDropped).toBe(5);
  });
});

describe("a batch's span", () => {
  it("links to every sampled request that it carried, across traces", async () => {
    const all = traced({ traceRatio: 1 });
    const requests = [all.ask(sampled), all.ask(), all.ask()].filter((span) => span !== undefined);
    all.telemetry.recordBatch(requests, { rows: 9, startUnixMs: 1e12, endUnixMs: 1e12 + 2 });
    for (const request of requests) request.end({});
    const [batch, ...spans] = await finished(all);
    expect(batch?.name).toBe("weir.batch");
    expect(batch?.attributes).toEqual({ "weir.rows": 9, "weir.sampled_requests": 3 });
    expect(batch?.links.map(({ context }) => context.spanId)).toEqual(
      spans.map((span) => span.spanContext().spanId),
    );
    expect(new Set(batch?.links.map(({ context }) => context.traceId)).size).toBe(3);
    expect(batch?.duration).toEqual([0, 2e6]);
  });

  it("does not exist when none of its requests was sampled", async () => {
    const all = traced();
    all.telemetry.recordBatch([], { rows: 9, startUnixMs: 1e12, endUnixMs: 1e12 });
    expect(await finished(all)).toEqual([]);
  });
});
