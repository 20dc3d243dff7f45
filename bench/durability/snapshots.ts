import type { Client } from "@grpc/grpc-js";
import { detectorName, sendAll } from "../end-to-end/bed.ts";
import { call, connect, createDetector, detectorState, isRecord } from "../end-to-end/channel.ts";
import { startWeir } from "../end-to-end/server.ts";
import { openStream } from "../end-to-end/stream-lane.ts";
import { detectorSpec, eventTemplates, frameRows, frameTemplates } from "../end-to-end/workload.ts";
import type { Scale } from "../options.ts";
import type { DurabilityReport } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { closedRun, openRun } from "./levels.ts";
import { byRequest, patientMs, sizes } from "./sizes.ts";

const eventsInFlight = 512;
/** Of the saturation that is offered. */
const load = 0.5;

interface Snapshot {
  readonly seconds: number;
  readonly stateBytes: number;
  readonly fileBytes: number;
}

/** Asks for a snapshot and waits until it is on disk. */
async function takeSnapshot(client: Client): Promise<Snapshot> {
  const startedAt = performance.now();
  const { snapshot } = await call(client, "AdminService/CreateSnapshot", {});
  const seconds = (performance.now() - startedAt) / 1000;
  const of = isRecord(snapshot) ? snapshot : {};
  return {
    seconds,
    stateBytes: Number(of["stateBytes"] ?? 0),
    fileBytes: Number(of["fileBytes"] ?? 0),
  };
}

/** A server with so many mature keys. */
export async function startFull(keys: number, rowsPerKey: number) {
  const server = await startWeir({ env: byRequest });
  const client = connect(server.grpcPort);
  const frames = frameTemplates(detectorName, keys);
  const keysMax = 2 * keys;
  await createDetector(client, detectorName, detectorSpec({ timeoutMs: patientMs, keysMax }));
  const lane = openStream(client, frames);
  await sendAll(lane, Math.ceil((keys * rowsPerKey) / frameRows), 16);
  await lane.close();
  const stop = async (): Promise<void> => {
    client.close();
    await server.stop();
  };
  return { server, client, frames, stop };
}

/** How long a snapshot of many keys takes and how large it is, when a tenth of their rows came since the one before. */
export async function runSnapshot(scale: Scale): Promise<DurabilityReport["snapshot"]> {
  const { snapshotKeys, rowsPerKey } = sizes[scale.name];
  const { client, frames, stop } = await startFull(snapshotKeys, rowsPerKey);
  try {
    await takeSnapshot(client);
    const before = await detectorState(client, detectorName);
    const lane = openStream(client, frames);
    await sendAll(lane, Math.ceil((snapshotKeys * rowsPerKey) / 10 / frameRows), 16);
    await lane.close();
    const after = await detectorState(client, detectorName);
    const snapshot = await takeSnapshot(client);
    return { ...snapshot, keys: after.keys, rows: after.events - before.events };
  } finally {
    await stop();
  }
}

/** p99 at half load with a snapshot being made and without, by turns. */
export async function runWhileSnapshot(scale: Scale): Promise<DurabilityReport["whileSnapshot"]> {
  const { liveBytes, rowsPerKey } = sizes[scale.name];
  const keys = Math.ceil(liveBytes / (await bytesPerKey(rowsPerKey)));
  const { client, stop } = await startFull(keys, rowsPerKey);
  try {
    const events = eventTemplates(detectorName, keys);
    await closedRun(client, events, eventsInFlight, Math.min(300, scale.closedMs));
    const closed = await closedRun(client, events, eventsInFlight, scale.closedMs);
    const offeredPerS = closed.goodputRowsPerS * load;
    // The first one replays everything; the second one is what the runs below meet.
    await takeSnapshot(client);
    await openRun(client, events, { offeredPerS, seed: 40, scale });
    const first = await takeSnapshot(client);
    const p99Us = { still: [] as number[], snapshot: [] as number[] };
    const seconds: number[] = [];
    // Shorter than the snapshot, so that all of a run is beside it.
    const durationMs = Math.max(50, Math.min(scale.openMs, first.seconds * 1000));
    for (let pair = 0; pair < scale.pairs; pair++) {
      const run = { offeredPerS, seed: 41 + pair, scale, durationMs };
      const still = await openRun(client, events, run);
      p99Us.still.push(still.latency.p99Us);
      const [busy, taken] = await Promise.all([openRun(client, events, run), takeSnapshot(client)]);
      p99Us.snapshot.push(busy.latency.p99Us);
      seconds.push(taken.seconds);
    }
    return {
      stateBytes: first.stateBytes,
      offeredPerS,
      snapshotSeconds: spreadOf(seconds).median,
      stillP99Us: spreadOf(p99Us.still),
      snapshotP99Us: spreadOf(p99Us.snapshot),
      ratio: ratioOf(p99Us.snapshot, p99Us.still),
    };
  } finally {
    await stop();
  }
}

/** State of a key with so many rows. */
async function bytesPerKey(rowsPerKey: number): Promise<number> {
  const { client, stop } = await startFull(500, rowsPerKey);
  try {
    const { stateBytes, keys } = await detectorState(client, detectorName);
    return stateBytes / Math.max(1, keys);
  } finally {
    await stop();
  }
}
