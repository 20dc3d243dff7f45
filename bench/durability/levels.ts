import type { Client } from "@grpc/grpc-js";
import { detectorName, warm } from "../end-to-end/bed.ts";
import { connect, createDetector } from "../end-to-end/channel.ts";
import { closedLoop, openLoop, poisson, type LoopResult } from "../end-to-end/loops.ts";
import { scrape } from "../end-to-end/metrics.ts";
import { startWeir, type ServerProcess } from "../end-to-end/server.ts";
import { openStream } from "../end-to-end/stream-lane.ts";
import {
  detectorSpec,
  eventTemplates,
  frameTemplates,
  type Templates,
} from "../end-to-end/workload.ts";
import type { Scale } from "../options.ts";
import type { DurabilityLevel, DurabilityReport, SyncTimes } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { byRequest, patientMs, sizes } from "./sizes.ts";
import { quantile, timeSyncs, timeSyncsBeside } from "./syncs.ts";

const levels = ["none", "acknowledged", "relaxed"] as const;
type Level = (typeof levels)[number];

/** The same for all levels: enough that those that wait for the disk have work meanwhile. */
const framesInFlight = 64;
const eventsInFlight = 512;
const outstandingMax = 4000;

interface Side {
  readonly server: ServerProcess;
  readonly client: Client;
}

interface Measured {
  /** Events that were refused, and all that were answered. */
  refused: number;
  events: number;
  readonly rowsPerS: number[];
  readonly p50Us: number[];
  readonly p99Us: number[];
}

/** Three servers side by side, alike but for their durability, under load by turns. */
export async function runLevels(scale: Scale): Promise<Pick<DurabilityReport, "levels" | "sync">> {
  const frames = frameTemplates(detectorName, scale.keys);
  const events = eventTemplates(detectorName, scale.keys);
  const sides = new Map<Level, Side>();
  try {
    for (const level of levels) sides.set(level, await startSide(level, frames, scale));
    const measured = new Map(levels.map((level): [Level, Measured] => [level, newMeasured()]));
    const syncs: number[] = [];
    const loaded: number[] = [];
    const offeredPerS = (await saturated(sides, events, scale)) / 2;
    for (let pair = 0; pair < scale.pairs; pair++) {
      syncs.push(...timeSyncs(sizes[scale.name].syncs));
      for (const [level, { client }] of sides) {
        const closed = await closedRun(client, frames, framesInFlight, scale.closedMs);
        measured.get(level)?.rowsPerS.push(closed.goodputRowsPerS);
      }
      for (const [level, { client }] of sides) {
        const result = await openRun(client, events, { offeredPerS, seed: 31 + pair, scale });
        note(measured.get(level), result);
      }
      loaded.push(
        ...(await syncsBesideNone(sides, events, { offeredPerS, seed: 31 + pair, scale })),
      );
    }
    const sync = { idle: syncOf(syncs), loaded: syncOf(loaded) };
    const reports: DurabilityLevel[] = [];
    for (const level of ["acknowledged", "relaxed"] as const) {
      const commitP99Us = await commitP99(sides.get(level));
      reports.push({ level, offeredPerS, commitP99Us, ...compare(measured, level) });
    }
    return { sync, levels: reports };
  } finally {
    for (const { client } of sides.values()) client.close();
    await Promise.all([...sides.values()].map(({ server }) => server.stop()));
  }
}

/** While the server that waits for no disk has the same load: what a sync takes on such a machine. */
async function syncsBesideNone(
  sides: ReadonlyMap<Level, Side>,
  events: Templates,
  run: { readonly offeredPerS: number; readonly seed: number; readonly scale: Scale },
): Promise<number[]> {
  const none = sides.get("none");
  if (none === undefined) return [];
  const syncs = timeSyncsBeside(run.scale.openMs);
  await openRun(none.client, events, run);
  return syncs;
}

function syncOf(us: readonly number[]): SyncTimes {
  return { p50Us: quantile(us, 0.5), p99Us: quantile(us, 0.99), runs: us.length };
}

function newMeasured(): Measured {
  return { rowsPerS: [], p50Us: [], p99Us: [], refused: 0, events: 0 };
}

function note(measured: Measured | undefined, result: LoopResult): void {
  if (measured === undefined) return;
  measured.p50Us.push(result.latency.p50Us);
  measured.p99Us.push(result.latency.p99Us);
  measured.refused += refusedOf(result);
  measured.events += result.latency.samples;
}

async function startSide(level: Level, frames: Templates, scale: Scale): Promise<Side> {
  const server = await startWeir({ env: { ...byRequest, WEIR_DURABILITY: level } });
  const client = connect(server.grpcPort);
  await createDetector(client, detectorName, detectorSpec({ timeoutMs: patientMs }));
  await warm(client, frames, scale);
  await closedRun(client, frames, framesInFlight, Math.min(300, scale.closedMs));
  return { server, client };
}

/** Events a second that `acknowledged` takes. */
async function saturated(
  sides: ReadonlyMap<Level, Side>,
  events: Templates,
  scale: Scale,
): Promise<number> {
  let perS = Number.NaN;
  for (const [level, { client }] of sides) {
    // All of them, so that none is the first to see events.
    const result = await closedRun(client, events, eventsInFlight, scale.closedMs);
    if (level === "acknowledged") perS = result.goodputRowsPerS;
  }
  return perS;
}

function compare(
  measured: ReadonlyMap<Level, Measured>,
  level: Level,
): Omit<DurabilityLevel, "level" | "offeredPerS" | "commitP99Us"> {
  const own = measured.get(level) ?? newMeasured();
  const none = measured.get("none") ?? newMeasured();
  return {
    rowsPerS: spreadOf(own.rowsPerS),
    noneRowsPerS: spreadOf(none.rowsPerS),
    ratio: ratioOf(own.rowsPerS, none.rowsPerS),
    p50Us: spreadOf(own.p50Us),
    p99Us: spreadOf(own.p99Us),
    noneP50Us: spreadOf(none.p50Us),
    noneP99Us: spreadOf(none.p99Us),
    addedP50Us: spreadOf(less(own.p50Us, none.p50Us)),
    addedP99Us: spreadOf(less(own.p99Us, none.p99Us)),
    refusedShare: own.refused / Math.max(1, own.refused + own.events),
  };
}

function less(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value - (b[i] ?? Number.NaN));
}

async function commitP99(side: Side | undefined): Promise<number> {
  if (side === undefined) return Number.NaN;
  const metrics = await scrape(side.server.httpPort);
  const p99 = metrics.find(
    ({ name, labels }) =>
      name === "weir_journal_commit_duration_seconds" && labels["quantile"] === "p99",
  );
  return (p99?.value ?? Number.NaN) * 1e6;
}

export async function closedRun(
  client: Client,
  templates: Templates,
  inFlight: number,
  durationMs: number,
): Promise<LoopResult> {
  const lane = openStream(client, templates);
  const result = await closedLoop(lane, { inFlight, durationMs });
  await lane.close();
  refuseRefusals(result);
  return result;
}

export async function openRun(
  client: Client,
  templates: Templates,
  run: {
    readonly offeredPerS: number;
    readonly seed: number;
    readonly scale: Scale;
    /** Instead of the scale's. */
    readonly durationMs?: number;
  },
): Promise<LoopResult> {
  const lane = openStream(client, templates);
  const result = await openLoop(lane, {
    schedule: poisson(run.offeredPerS / templates.rowsPerRequest, run.seed),
    durationMs: run.durationMs ?? run.scale.openMs,
    outstandingMax,
  });
  await lane.close();
  return result;
}

/** Requests that were refused. */
function refusedOf({ refused }: LoopResult): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

/** A level that refuses what another one takes would look fast. */
function refuseRefusals({ refused }: LoopResult): void {
  const reasons = Object.entries(refused);
  if (reasons.length === 0) return;
  throw new Error(`refused: ${reasons.map(([reason, n]) => `${n} x ${reason}`).join(", ")}`);
}
