import type { Client } from "@grpc/grpc-js";
import type { Scale } from "../options.ts";
import type { TelemetryReport } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { detectorName, warm } from "./bed.ts";
import { connect, createDetector } from "./channel.ts";
import { closedLoop } from "./loops.ts";
import { startWeir } from "./server.ts";
import { openStream } from "./stream-lane.ts";
import { detectorSpec, eventTemplates, frameTemplates } from "./workload.ts";

/** Saturation of two Weirs side by side, one with its telemetry and one without, by turns. */
export async function runTelemetry(scale: Scale): Promise<TelemetryReport> {
  const servers = {
    on: await startWeir({ telemetry: true }),
    off: await startWeir({ telemetry: false }),
  };
  const clients = { on: connect(servers.on.grpcPort), off: connect(servers.off.grpcPort) };
  try {
    const frames = frameTemplates(detectorName, scale.keys);
    const events = eventTemplates(detectorName, scale.keys);
    for (const client of [clients.on, clients.off]) {
      await createDetector(client, detectorName, detectorSpec());
      await warm(client, frames, scale);
    }
    const lanes: TelemetryReport["lanes"][number][] = [];
    for (const lane of ["frames", "events"] as const) {
      const templates = lane === "frames" ? frames : events;
      const inFlight = lane === "frames" ? 16 : 128;
      const run = async (client: Client, durationMs: number): Promise<number> => {
        const stream = openStream(client, templates);
        const result = await closedLoop(stream, { inFlight, durationMs });
        await stream.close();
        return result.goodputRowsPerS;
      };
      const on: number[] = [];
      const off: number[] = [];
      await run(clients.on, 300);
      await run(clients.off, 300);
      for (let pair = 0; pair < scale.pairs; pair++) {
        on.push(await run(clients.on, scale.closedMs));
        off.push(await run(clients.off, scale.closedMs));
      }
      lanes.push({
        lane,
        onRowsPerS: spreadOf(on),
        offRowsPerS: spreadOf(off),
        ratio: ratioOf(on, off),
      });
    }
    return { lanes };
  } finally {
    clients.on.close();
    clients.off.close();
    await Promise.all([servers.on.stop(), servers.off.stop()]);
  }
}
