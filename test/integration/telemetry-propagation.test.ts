import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { catalogue, prometheusName } from "../../src/telemetry/catalogue.ts";
import { startOtlpCollector, type OtlpCollector } from "../support/otlp-collector.ts";
import { parsePrometheus } from "../unit/telemetry/prometheus-parser.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const client = fileURLToPath(new URL("../support/traced-client.ts", import.meta.url));

/** Only what a caller samples is sampled. */
const config = (collector: string): string => `
telemetry: { otlp_endpoint: "${collector}", trace_sample_ratio: 0, metrics_interval_ms: 200 }
detectors:
  cards: { inputs: [{ name: amount }], half_space_trees: {} }
`;
const serving = z.object({
  msg: z.literal("serving"),
  grpcPort: z.number(),
  httpPort: z.number(),
});

let directory: string;
let collector: OtlpCollector;
let server: ChildProcess;
let ports: z.infer<typeof serving>;
let metrics: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-telemetry-"));
  collector = await startOtlpCollector();
  const file = join(directory, "weir.yaml");
  await writeFile(file, config(collector.endpoint));
  const addresses = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const place = ["--data", join(directory, "data"), "--config", file];
  server = spawn(process.execPath, [main, "start", ...addresses, ...place], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  ports = await untilServing(server);
  const origin = `http://127.0.0.1:${ports.httpPort}`;
  const address = `127.0.0.1:${ports.grpcPort}`;
  await promisify(execFile)(process.execPath, [client, address, origin, collector.endpoint]);
  metrics = await (await fetch(`${origin}/metrics`)).text();
  const exited = once(server, "exit");
  server.kill("SIGTERM");
  expect((await exited)[0]).toBe(0);
});

afterAll(async () => {
  server.kill("SIGKILL");
  collector.close();
  await rm(directory, { recursive: true, force: true });
});

/** Reads the server's log until it says which ports it took. */
async function untilServing(process: ChildProcess): Promise<z.infer<typeof serving>> {
  if (process.stdout === null) throw new Error("no output");
  for await (const line of createInterface({ input: process.stdout })) {
    const parsed = serving.safeParse(JSON.parse(line));
    if (!parsed.success) continue;
    process.stdout.resume();
    return parsed.data;
  }
  throw new Error("the server ended before it served");
}

describe("a caller's trace, over two processes", () => {
  it.each([
    { call: "caller unary", name: "weir.v1.ScoringService/Score", requests: 1 },
    { call: "caller stream", name: "weir.v1.ScoringService/ScoreStream", requests: 2 },
    { call: "caller http", name: "POST /v1/detectors/{name}/score", requests: 1 },
  ])("goes on in the server: $call", ({ call, name, requests }) => {
    const caller = collector.spans.find((span) => span.name === call);
    expect(caller?.parentSpanId).toBe("");
    const spans = collector.spans.filter((span) => span.name === name);
    expect(spans.length).toBe(requests);
    for (const span of spans) {
      expect(span.resource["service.name"]).toBe("weir");
      expect(span.traceId).toBe(caller?.traceId);
      expect(span.parentSpanId).toBe(caller?.spanId);
      expect(span.kind).toBe(2);
      expect(span.attributes).toMatchObject({ "weir.detector": "cards", "weir.rows": 1 });
      expect(span.startUnixMs).toBeGreaterThanOrEqual((caller?.startUnixMs ?? Infinity) - 5);
      expect(span.endUnixMs).toBeLessThanOrEqual((caller?.endUnixMs ?? 0) + 5);
    }
  });

  it("leads from each request to the batch that carried it", () => {
    const requests = collector.spans.filter(({ kind }) => kind === 2);
    const batches = collector.spans.filter(({ name }) => name === "weir.batch");
    const linked = new Set(batches.flatMap(({ links }) => links.map(({ spanId }) => spanId)));
    expect(requests.length).toBe(4);
    for (const { spanId } of requests) expect(linked).toContain(spanId);
    for (const { traceId } of batches) {
      expect(requests.map((request) => request.traceId)).toContain(traceId);
    }
  });

  it("is the only thing that is traced", () => {
    const names = new Set(collector.spans.map(({ attributes }) => attributes["weir.detector"]));
    expect(names).toEqual(new Set(["cards", undefined]));
  });
});

describe("a running server's metrics", () => {
  it("are the catalogue, scraped and over OTLP", () => {
    const families = [...parsePrometheus(metrics).keys()];
    expect(families).toEqual(["target_info", ...catalogue.map(prometheusName)]);
    const exported = collector.metrics.map(({ name }) => name);
    expect(exported.toSorted()).toEqual(catalogue.map(({ name }) => name).toSorted());
  });

  it("count what the caller sent", () => {
    const { samples = [] } = parsePrometheus(metrics).get("weir_verdicts_total") ?? {};
    const cards = samples.filter(({ labels }) => labels["detector"] === "cards");
    expect(cards.reduce((rows, { value }) => rows + value, 0)).toBe(4);
    const verdicts = collector.metrics.find(({ name }) => name === "weir.verdicts");
    const sent = verdicts?.points.filter(({ attributes }) => attributes["detector"] === "cards");
    expect(sent?.reduce((rows, { value }) => rows + value, 0)).toBe(4);
  });
});
