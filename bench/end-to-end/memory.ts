import type { Scale } from "../options.ts";
import type { MemoryReport } from "../results.ts";
import { detectorName, sendAll } from "./bed.ts";
import { connect, createDetector, detectorState } from "./channel.ts";
import { startWeir } from "./server.ts";
import { openStream } from "./stream-lane.ts";
import { detectorSpec, frameRows, frameTemplates } from "./workload.ts";

/** State of many distinct keys in a Weir of their own, as DetectorStatus tells it, beside what the process grew by. */
export async function runMemory(scale: Scale): Promise<MemoryReport> {
  const server = await startWeir();
  const client = connect(server.grpcPort);
  try {
    const frames = frameTemplates(detectorName, scale.memoryKeys);
    const deck = Math.ceil(scale.memoryKeys / frameRows);
    // Twice the keys, because the bound holds a partition and partitions fill unevenly.
    const spec = detectorSpec({ timeoutMs: 60_000, keysMax: 2 * scale.memoryKeys });
    await createDetector(client, detectorName, spec);
    const emptyBytes = await server.residentBytes();
    const lane = openStream(client, frames);
    await sendAll(lane, deck, 8);
    const young = await detectorState(client, detectorName);
    const startedAt = performance.now();
    const collectingRows = Math.floor(scale.memoryRowsPerKey * 0.9);
    await sendAll(lane, deck * (collectingRows - 1), 8);
    const collecting = await detectorState(client, detectorName);
    await sendAll(lane, deck * (scale.memoryRowsPerKey - collectingRows), 8);
    const requests = deck * (scale.memoryRowsPerKey - 1);
    const elapsedS = (performance.now() - startedAt) / 1000;
    const mature = await detectorState(client, detectorName);
    const grownBytes = (await server.residentBytes()) - emptyBytes;
    await lane.close();
    const refused = [...lane.tally.refused].map(([reason, count]) => `${count} x ${reason}`);
    if (refused.length > 0) throw new Error(`refused: ${refused.join(", ")}`);
    return {
      keys: mature.keys,
      rowsPerKey: scale.memoryRowsPerKey,
      youngBytesPerKey: young.stateBytes / Math.max(1, young.keys),
      collectingBytesPerKey: collecting.stateBytes / Math.max(1, collecting.keys),
      matureBytesPerKey: mature.stateBytes / Math.max(1, mature.keys),
      residentGrowthBytes: grownBytes,
      rowsPerS: (requests * frameRows) / elapsedS,
    };
  } finally {
    client.close();
    await server.stop();
  }
}
