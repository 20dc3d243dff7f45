import { connect, createDetector, identity, isRecord, scorePath } from "../end-to-end/channel.ts";
import { startWeir } from "../end-to-end/server.ts";
import {
  detectorSpec,
  frameRequest,
  frameRows,
  makeRows,
  type Rows,
} from "../end-to-end/workload.ts";
import { decode } from "../end-to-end/wire.ts";
import type { Scale } from "../options.ts";
import type { PeersReport } from "../results.ts";
import { checksum, ratioOf, spreadOf } from "../statistics.ts";
import { stepRates } from "../step-suite.ts";
import { findPython, startPeers } from "./peers.ts";

/** River and Bytewax over the step's rows, by turns with the step. A string says why it cannot run here. */
export async function runPeers(scale: Scale): Promise<PeersReport | string> {
  const python = findPython("river, bytewax");
  if (python === undefined) return "no Python with river and bytewax; WEIR_PYTHON names one";
  const rows = makeRows(scale.peerRows, 1, 31);
  const peers = await startPeers(python, rows);
  try {
    const river: number[] = [];
    const bytewax: number[] = [];
    const step = new Map<number, number[]>();
    let riverChecksum = "";
    await peers.run("river");
    for (let pair = 0; pair < scale.pairs; pair++) {
      for (const [keys, eventsPerS] of await stepRates(scale)) {
        step.set(keys, [...(step.get(keys) ?? []), eventsPerS]);
      }
      const run = await peers.run("river");
      river.push(run.eventsPerS);
      riverChecksum = run.checksum;
      bytewax.push((await peers.run("bytewax")).eventsPerS);
    }
    return {
      versions: peers.versions,
      riverEventsPerS: spreadOf(river),
      bytewaxEventsPerS: spreadOf(bytewax),
      checksums: { river: riverChecksum, weir: await weirChecksum(rows) },
      stepOverRiver: [...step].map(([keys, rates]) => ({ keys, ratio: ratioOf(rates, river) })),
    };
  } finally {
    peers.stop();
  }
}

/** Hash of Weir's raw scores of the same rows, through the service: equal to River's when every bit is. */
async function weirChecksum(rows: Rows): Promise<string> {
  const server = await startWeir();
  const client = connect(server.grpcPort);
  try {
    await createDetector(client, "peer", detectorSpec({ timeoutMs: 60_000 }));
    const parts: Uint8Array[] = [];
    for (let from = 0; from < rows.count; from += frameRows) {
      const request = frameRequest("peer", rows, from);
      const bytes = await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(scorePath, identity, identity, request, (error, answer) => {
          if (error) reject(error);
          else resolve(answer ?? Buffer.alloc(0));
        });
      });
      const frame = decode("ScoreResponse", bytes)["frame"];
      const scores = isRecord(frame) ? frame["rawScores"] : undefined;
      if (scores instanceof Uint8Array) parts.push(scores);
    }
    return checksum(parts);
  } finally {
    client.close();
    await server.stop();
  }
}
