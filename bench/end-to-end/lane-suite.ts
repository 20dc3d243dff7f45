import type { Client } from "@grpc/grpc-js";
import type { LaneName, LaneReport, OpenReport } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { saturateHttp } from "./autocannon.ts";
import { detectorName, type Bed } from "./bed.ts";
import { laneChecksum } from "./checksum.ts";
import { openHttp } from "./http-lane.ts";
import type { Lane } from "./lane.ts";
import { bursts, closedLoop, openLoop, poisson, type Schedule } from "./loops.ts";
import { histogramDelta, scrape, shareAbove } from "./metrics.ts";
import { openStream } from "./stream-lane.ts";
import { openUnary } from "./unary-lane.ts";
import { eventTemplates, httpTemplates, unaryTemplates, type Templates } from "./workload.ts";

/** How a lane is driven. */
interface LaneKind {
  /** Requests in flight to try for saturation, ascending. */
  readonly inFlight: readonly number[];
  /** Requests that the client holds in flight in an open loop. */
  readonly outstandingMax: number;
  /** Loads beyond saturation that this client can really offer. */
  readonly overloads: readonly number[];
  templates(bed: Bed): Templates;
}

const kinds: Readonly<Record<LaneName, LaneKind>> = {
  frames: {
    inFlight: [8, 16, 32],
    outstandingMax: 400,
    overloads: [2, 10],
    templates: (bed) => bed.frames,
  },
  events: {
    // Below some 200 the server waits for its client between two batches: busy, not saturated.
    inFlight: [256, 512],
    outstandingMax: 4000,
    overloads: [2],
    templates: (bed) => eventTemplates(detectorName, bed.scale.keys),
  },
  unary: {
    inFlight: [16, 32, 64],
    outstandingMax: 1000,
    overloads: [2],
    templates: (bed) => unaryTemplates(detectorName, bed.scale.keys),
  },
  http: {
    inFlight: [16, 32, 64],
    outstandingMax: 1000,
    overloads: [2],
    templates: (bed) => httpTemplates(bed.scale.keys),
  },
};

/** Budget of the bench's detector and what an answer may be late, seconds. */
const lateAfterS = 0.025;

/** Every measurement of one lane: saturation in pairs, then arrivals on schedules. */
export async function runLane(bed: Bed, name: LaneName): Promise<LaneReport> {
  const kind = kinds[name];
  const templates = kind.templates(bed);
  const open = {
    weir: () => openLane(bed, { name, target: "weir", templates }),
    echo: () => openLane(bed, { name, target: "echo", templates }),
  };
  const hash = await laneChecksum(bed, name);
  const inFlight = await mostInFlight(bed, open.weir, kind.inFlight);
  const saturation = await saturate(bed, open, inFlight);
  const weirPerS = saturation.weirRowsPerS.median / templates.rowsPerRequest;
  const reports: OpenReport[] = [];
  for (const load of [0.25, 0.5, 0.8]) {
    const schedule = (): Schedule => poisson(weirPerS * load, 11);
    const run = { load, arrivals: "poisson", schedule, saturationPerS: weirPerS } as const;
    for (const target of ["weir", "echo"] as const) {
      reports.push(await arrive(bed, { ...run, target, kind, open: open[target] }));
    }
  }
  for (const load of kind.overloads) {
    const schedule = (): Schedule => poisson(weirPerS * load, 13);
    const run = { load, arrivals: "poisson", schedule, saturationPerS: weirPerS } as const;
    reports.push(await arrive(bed, { ...run, target: "weir", kind, open: open.weir }));
  }
  const schedule = (): Schedule => bursts(Math.max(1, Math.round(weirPerS / 10)), 500);
  const burst = { load: 0.2, arrivals: "burst", schedule, saturationPerS: weirPerS } as const;
  reports.push(await arrive(bed, { ...burst, target: "weir", kind, open: open.weir }));
  const autocannon =
    name === "http" ? await saturateHttp(bed, { templates, connections: inFlight }) : undefined;
  return {
    lane: name,
    rowsPerRequest: templates.rowsPerRequest,
    requestBytes: templates.messages[0]?.length ?? 0,
    answerBytes: saturation.answerBytes,
    checksum: hash,
    saturation: {
      inFlight,
      weirRowsPerS: saturation.weirRowsPerS,
      echoRowsPerS: saturation.echoRowsPerS,
      ratio: saturation.ratio,
      modelShare: saturation.modelShare,
      meanBatchRows: saturation.meanBatchRows,
      ...(autocannon === undefined ? {} : { autocannon }),
    },
    open: reports,
  };
}

function openLane(
  bed: Bed,
  way: {
    readonly name: LaneName;
    readonly target: "weir" | "echo";
    readonly templates: Templates;
  },
): Lane {
  const client: Client = way.target === "weir" ? bed.weirClient : bed.echoClient;
  if (way.name === "unary") return openUnary(client, way.templates);
  if (way.name !== "http") return openStream(client, way.templates);
  const path = `/v1/detectors/${detectorName}/score`;
  return openHttp({ port: bed[way.target].httpPort, path, connections: 64 }, way.templates);
}

/** Share of rows that the model must answer for a throughput to count as sustained. */
const modelShareMin = 0.999;

/** The number in flight with which Weir answers most rows while nearly all are the model's own; the same is then given to the echo. */
async function mostInFlight(
  bed: Bed,
  open: () => Lane,
  candidates: readonly number[],
): Promise<number> {
  let best = { inFlight: candidates[0] ?? 1, rowsPerS: 0 };
  if (bed.scale.name === "tiny") return best.inFlight;
  await closed(open, best.inFlight, 500);
  for (const inFlight of candidates) {
    const { lane, result } = await closed(open, inFlight, 600);
    if ((lane.tally.rowsBySource[1] ?? 0) < modelShareMin * lane.tally.rows) continue;
    // A little more for a lot more in flight is not worth the latency.
    if (result.goodputRowsPerS > 1.03 * best.rowsPerS) {
      best = { inFlight, rowsPerS: result.goodputRowsPerS };
    }
  }
  return best.inFlight;
}

type OpenBoth = Readonly<Record<"weir" | "echo", () => Lane>>;

/** Weir, echo, Weir, echo, ...: closed loops, the ratio taken pair by pair. */
async function saturate(bed: Bed, open: OpenBoth, inFlight: number) {
  const rates = { weir: [] as number[], echo: [] as number[] };
  const answerBytes = { weir: 0, echo: 0 };
  let modelRows = 0;
  let rows = 0;
  for (const target of ["weir", "echo"] as const) await closed(open[target], inFlight, 300);
  const before = await scrape(bed.weir.httpPort);
  for (let pair = 0; pair < bed.scale.pairs; pair++) {
    for (const target of ["weir", "echo"] as const) {
      const { lane, result } = await closed(open[target], inFlight, bed.scale.closedMs);
      rates[target].push(result.goodputRowsPerS);
      answerBytes[target] = Math.round(lane.tally.bytes / Math.max(1, lane.tally.answers));
      if (target === "weir") {
        modelRows += lane.tally.rowsBySource[1] ?? 0;
        rows += lane.tally.rows;
      }
    }
  }
  const batches = histogramDelta(before, await scrape(bed.weir.httpPort), "weir_batch_rows");
  return {
    weirRowsPerS: spreadOf(rates.weir),
    echoRowsPerS: spreadOf(rates.echo),
    ratio: ratioOf(rates.weir, rates.echo),
    modelShare: modelRows / Math.max(1, rows),
    meanBatchRows: batches === undefined ? undefined : batches.sum / Math.max(1, batches.count),
    answerBytes,
  };
}

async function closed(open: () => Lane, inFlight: number, durationMs: number) {
  const lane = open();
  const result = await closedLoop(lane, { inFlight, durationMs });
  await lane.close();
  return { lane, result };
}

interface Arrival {
  readonly target: "weir" | "echo";
  readonly arrivals: "poisson" | "burst";
  readonly load: number;
  readonly kind: LaneKind;
  readonly open: () => Lane;
  readonly schedule: () => Schedule;
  /** Requests a second. */
  readonly saturationPerS: number;
}

/** One open loop, with the server's own histogram and the control timer read around it. */
async function arrive(bed: Bed, arrival: Arrival): Promise<OpenReport> {
  const before = await scrape(bed.weir.httpPort);
  await bed.control.lateShare();
  const lane = arrival.open();
  const result = await openLoop(lane, {
    schedule: arrival.schedule(),
    durationMs: bed.scale.openMs,
    outstandingMax: arrival.kind.outstandingMax,
  });
  const controlLateShare = await bed.control.lateShare();
  await lane.close();
  const requests =
    arrival.target === "weir"
      ? histogramDelta(before, await scrape(bed.weir.httpPort), "weir_request_duration_seconds")
      : undefined;
  const late = requests && shareAbove(requests, lateAfterS);
  const saturationRowsPerS = arrival.saturationPerS * lane.rowsPerRequest;
  return {
    target: arrival.target,
    arrivals: arrival.arrivals,
    load: arrival.load,
    result,
    goodputOfSaturation: result.goodputRowsPerS / saturationRowsPerS,
    late: late && { share: late.share, boundS: late.bound },
    controlLateShare,
  };
}
