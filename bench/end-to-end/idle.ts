import type { IdleReport } from "../results.ts";
import { median, spreadOf } from "../statistics.ts";
import { detectorName, type Bed } from "./bed.ts";
import type { Lane } from "./lane.ts";
import { openStream } from "./stream-lane.ts";
import { openUnary } from "./unary-lane.ts";
import { eventTemplates, unaryTemplates } from "./workload.ts";

/** Pause between requests, ms: long enough for both processes to fall asleep. */
const pauseMs = 3;

/** What Weir adds when nothing else is going on: one event at a time, Weir and echo by turns, on lanes that stay open. */
export async function runIdle(bed: Bed): Promise<readonly IdleReport[]> {
  const reports: IdleReport[] = [];
  for (const lane of ["events", "unary"] as const) {
    const templates =
      lane === "events"
        ? eventTemplates(detectorName, bed.scale.keys)
        : unaryTemplates(detectorName, bed.scale.keys);
    const open = lane === "events" ? openStream : openUnary;
    const weir = open(bed.weirClient, templates);
    const echo = open(bed.echoClient, templates);
    const weirRuns: number[][] = [];
    const echoRuns: number[][] = [];
    await pings(weir, 20);
    await pings(echo, 20);
    for (let pair = 0; pair < bed.scale.pairs; pair++) {
      weirRuns.push(await pings(weir, bed.scale.idleRequests));
      echoRuns.push(await pings(echo, bed.scale.idleRequests));
    }
    await Promise.all([weir.close(), echo.close()]);
    const weirP50 = weirRuns.map(median);
    const echoP50 = echoRuns.map(median);
    const weirP99Us = percentile(weirRuns.flat(), 0.99);
    const echoP99Us = percentile(echoRuns.flat(), 0.99);
    reports.push({
      lane,
      weirP50Us: spreadOf(weirP50),
      echoP50Us: spreadOf(echoP50),
      addedP50Us: spreadOf(weirP50.map((value, i) => value - (echoP50[i] ?? Number.NaN))),
      weirP99Us,
      echoP99Us,
      addedP99Us: weirP99Us - echoP99Us,
      samples: weirRuns.flat().length,
    });
  }
  return reports;
}

/** Latencies of single requests, microseconds. */
async function pings(lane: Lane, count: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      lane.onAnswer = () => resolve();
      lane.send(i);
    });
    latencies.push((performance.now() - startedAt) * 1000);
  }
  return latencies;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
