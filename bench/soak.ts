import { parseArgs } from "node:util";
import type { Client } from "@grpc/grpc-js";
import { detectorName, sendAll } from "./end-to-end/bed.ts";
import { connect, createDetector, identity, scoreStreamPath } from "./end-to-end/channel.ts";
import { closedLoop, openLoop, poisson } from "./end-to-end/loops.ts";
import { startWeir, type ServerProcess } from "./end-to-end/server.ts";
import { openStream } from "./end-to-end/stream-lane.ts";
import { detectorSpec, frameTemplates, type Templates } from "./end-to-end/workload.ts";
import { patchRequestId, requestIdFirst, requestIds } from "./end-to-end/wire.ts";
import { median } from "./statistics.ts";

/**
 * `npm run soak`: ten minutes of packed frames at half of saturation, with a second client that sends as much as it may and reads almost
 * nothing. Passes (status 0) when the server's resident memory grows by less than 5 % after minute 3.
 */

const growthMax = 0.05;
const sampleEveryMs = 2000;

/** A client that sends 200 frames a second, with at most 400 unanswered, and reads ten answers a second. */
class SlowReader {
  sent = 0;
  answers = 0;
  readonly #timers: NodeJS.Timeout[];
  readonly #cancel: () => void;

  constructor(client: Client, { messages }: Templates) {
    const call = client.makeBidiStreamRequest(scoreStreamPath, identity, identity);
    this.#cancel = () => call.cancel();
    call.on("error", () => undefined);
    call.on("data", () => {
      this.answers++;
      call.pause();
    });
    const send = (): void => {
      if (this.sent - this.answers >= 400) return;
      const message = Buffer.from(messages[this.sent % messages.length] ?? Buffer.alloc(0));
      patchRequestId(message, requestIdFirst + (this.sent++ % requestIds));
      call.write(message);
    };
    this.#timers = [setInterval(send, 5), setInterval(() => call.resume(), 100)];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#cancel();
  }
}

interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
}

/** Resident memory of the server every two seconds. */
function watchMemory(server: ServerProcess): { readonly samples: Sample[]; stop(): void } {
  const startedAt = performance.now();
  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    const residentBytes = await server.residentBytes();
    samples.push({ atMs: performance.now() - startedAt, residentBytes });
  };
  const timer = setInterval(() => {
    void sample();
  }, sampleEveryMs);
  return { samples, stop: () => clearInterval(timer) };
}

/** Median of the half minute (or tenth of a short run) that starts at `fromMs`. */
function residentAt(samples: readonly Sample[], fromMs: number, spanMs: number): number {
  return median(
    samples
      .filter(({ atMs }) => atMs >= fromMs && atMs <= fromMs + spanMs)
      .map(({ residentBytes }) => residentBytes),
  );
}

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    keys: { type: "string", default: "1000" },
  },
});
const totalMs = Number(values.minutes) * 60_000;
const keys = Number(values.keys);
const server = await startWeir();
const client = connect(server.grpcPort);
const slowClient = connect(server.grpcPort);
await createDetector(client, detectorName, detectorSpec());
const templates = frameTemplates(detectorName, keys);
const warmLane = openStream(client, templates);
await sendAll(warmLane, Math.ceil((keys * 544) / templates.rowsPerRequest), 8);
await warmLane.close();
const fullLane = openStream(client, templates);
const full = await closedLoop(fullLane, { inFlight: 16, durationMs: Math.min(5000, totalMs / 10) });
await fullLane.close();
const framesPerS = full.goodputRowsPerS / templates.rowsPerRequest / 2;
console.log(
  `saturation ${Math.round(full.goodputRowsPerS)} rows/s; soaking at half of it, ${values.minutes} minutes`,
);
const slow = new SlowReader(slowClient, templates);
const memory = watchMemory(server);
const startedAt = performance.now();
for (let round = 0; performance.now() - startedAt < totalMs - 100; round++) {
  const lane = openStream(client, templates);
  const left = totalMs - (performance.now() - startedAt);
  const result = await openLoop(lane, {
    schedule: poisson(framesPerS, 100 + round),
    durationMs: Math.min(30_000, left),
    outstandingMax: 2000,
  });
  await lane.close();
  const minutes = (performance.now() - startedAt) / 60_000;
  const resident = memory.samples.at(-1)?.residentBytes ?? Number.NaN;
  console.log(
    `${minutes.toFixed(1).padStart(5)} min  ${Math.round(result.goodputRowsPerS)} rows/s  p99 ${(result.latency.p99Us / 1000).toFixed(1)} ms  ` +
      `model ${(result.sources.model * 100).toFixed(2)} %  resident ${(resident / 1e6).toFixed(0)} MB  ` +
      `slow reader: ${slow.sent} sent, ${slow.answers} read`,
  );
}
memory.stop();
slow.stop();
client.close();
slowClient.close();
await server.stop();
const span = Math.min(30_000, totalMs / 5);
const before = residentAt(memory.samples, Math.min(180_000, totalMs * 0.3), span);
const after = residentAt(memory.samples, totalMs - span, span);
const growth = after / before - 1;
const passed = growth < growthMax;
console.log(
  `resident ${(before / 1e6).toFixed(0)} MB at ${totalMs >= 600_000 ? "minute 3" : "30 %"}, ${(after / 1e6).toFixed(0)} MB at the end: ` +
    `${(growth * 100).toFixed(1)} % (less than ${growthMax * 100} %: ${passed ? "yes" : "NO"})`,
);
process.exitCode = passed ? 0 : 1;
