import type { Client } from "@grpc/grpc-js";
import type { Scale } from "../options.ts";
import type { WarmupReport } from "../results.ts";
import { median, ratioOf, spreadOf } from "../statistics.ts";
import { detectorName, warm } from "./bed.ts";
import { connect, createDetector, identity } from "./channel.ts";
import { openLoop, poisson } from "./loops.ts";
import { startWeir } from "./server.ts";
import { openStream } from "./stream-lane.ts";
import { detectorSpec, eventTemplates, frameTemplates } from "./workload.ts";

const requestsPerS = 500;

/** The first requests after SERVING beside the same load later on, over fresh starts of the server. */
export async function runWarmup(scale: Scale): Promise<WarmupReport> {
  const requests = scale.name === "tiny" ? 50 : 1000;
  const startMs: number[] = [];
  const first: number[] = [];
  const steady: number[] = [];
  for (let start = 0; start < scale.starts; start++) {
    const server = await startWeir();
    const client = connect(server.grpcPort);
    try {
      startMs.push(server.startMs);
      await serving(client);
      await createDetector(client, detectorName, detectorSpec());
      first.push(await p99(client, { requests, keys: scale.keys, seed: 21 }));
      await warm(client, frameTemplates(detectorName, scale.keys), scale);
      const later: number[] = [];
      for (let run = 0; run < 3; run++) {
        later.push(await p99(client, { requests, keys: scale.keys, seed: 22 + run }));
      }
      steady.push(median(later));
    } finally {
      client.close();
      await server.stop();
    }
  }
  return {
    startMs: spreadOf(startMs),
    firstP99Us: spreadOf(first),
    steadyP99Us: spreadOf(steady),
    ratio: ratioOf(first, steady),
    requests,
  };
}

async function p99(
  client: Client,
  load: { readonly requests: number; readonly keys: number; readonly seed: number },
): Promise<number> {
  const lane = openStream(client, eventTemplates(detectorName, load.keys));
  const result = await openLoop(lane, {
    schedule: poisson(requestsPerS, load.seed),
    durationMs: (load.requests * 1000) / requestsPerS,
    outstandingMax: 10_000,
  });
  await lane.close();
  return result.latency.p99Us;
}

/** Waits until health says SERVING. */
export async function serving(client: Client): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const status = await new Promise<number>((resolve) => {
      client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        identity,
        identity,
        Buffer.alloc(0),
        (error, bytes) => resolve(error ? 0 : (bytes?.[1] ?? 0)),
      );
    });
    if (status === 1) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error("the server never said SERVING");
}
