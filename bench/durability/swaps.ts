import type { Client } from "@grpc/grpc-js";
import { detectorName } from "../end-to-end/bed.ts";
import { call } from "../end-to-end/channel.ts";
import { detectorSpec, eventTemplates } from "../end-to-end/workload.ts";
import type { Scale } from "../options.ts";
import type { DurabilityReport } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { closedRun, openRun } from "./levels.ts";
import { patientMs, sizes } from "./sizes.ts";
import { startFull } from "./snapshots.ts";

const eventsInFlight = 512;
/** Of the saturation that is offered. */
const load = 0.5;
/** A swap is a moment: pairs are short, and more than elsewhere. */
const pairsOfEach = 3;
const shadow = "bench-shadow";

/**
 * p99 of events at half load in a short run with a swap of versions in its midst, and in one without, by turns. An update that keeps its state answers
 * from the swap on; a shadow with a copy of it runs beside in both runs, and is promoted in one.
 */
export async function runSwaps(scale: Scale): Promise<DurabilityReport["swaps"]> {
  const { swapKeys, rowsPerKey, swapRunMs } = sizes[scale.name];
  const { client, stop } = await startFull(swapKeys, rowsPerKey);
  try {
    const events = eventTemplates(detectorName, swapKeys);
    await closedRun(client, events, eventsInFlight, Math.min(300, scale.closedMs));
    const closed = await closedRun(client, events, eventsInFlight, scale.closedMs);
    const offeredPerS = closed.goodputRowsPerS * load;
    const measure = async (
      what: string,
      swap: (client: Client, nth: number) => Promise<unknown>,
    ) => {
      const p99Us = { still: [] as number[], swap: [] as number[] };
      for (let pair = 0; pair < scale.pairs * pairsOfEach; pair++) {
        const run = { offeredPerS, seed: 61 + pair, scale, durationMs: swapRunMs };
        const still = await openRun(client, events, run);
        p99Us.still.push(still.latency.p99Us);
        const swapped = new Promise((resolve) => {
          setTimeout(() => resolve(swap(client, pair)), swapRunMs / 2);
        });
        const [beside] = await Promise.all([openRun(client, events, run), swapped]);
        p99Us.swap.push(beside.latency.p99Us);
      }
      return {
        what,
        keys: swapKeys,
        offeredPerS,
        stillP99Us: spreadOf(p99Us.still),
        swapP99Us: spreadOf(p99Us.swap),
        ratio: ratioOf(p99Us.swap, p99Us.still),
      };
    };
    // Warm: what is measured is a swap, not the first one of a server.
    await update(client, 99);
    const updated = await measure("an update", update);
    await startShadow(client);
    await call(client, "AdminService/PromoteShadow", { name: shadow });
    const promoted = await measure("a promotion", (to) =>
      call(to, "AdminService/PromoteShadow", { name: shadow }),
    );
    return [updated, promoted];
  } finally {
    await stop();
  }
}

/** A setting that keeps the state. */
function update(client: Client, nth: number): Promise<unknown> {
  const spec = { ...specOf(), alertShare: 0.01 + (nth + 1) / 10_000 };
  return call(client, "AdminService/UpdateDetector", { name: detectorName, spec });
}

async function startShadow(client: Client): Promise<void> {
  const spec = specOf();
  const of = { name: shadow, shadowed: detectorName, spec, copyState: true };
  await call(client, "AdminService/StartShadow", of);
}

function specOf(): Record<string, unknown> {
  return detectorSpec({ timeoutMs: patientMs });
}
