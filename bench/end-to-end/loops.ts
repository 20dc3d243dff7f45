import { build, type Histogram } from "hdr-histogram-js";
import { seededRandom } from "../statistics.ts";
import type { Lane } from "./lane.ts";

/** Latencies of the answers, microseconds. */
export interface Latency {
  readonly samples: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  /** Only with 10,000 samples or more. */
  readonly p999Us: number | undefined;
  readonly maxUs: number;
}

/** What one run of load came to. */
export interface LoopResult {
  readonly elapsedMs: number;
  /** Requests that the schedule asked for, a second; in a closed loop those that were sent. */
  readonly offeredPerS: number;
  /** Rows answered with a verdict inside the run, a second. */
  readonly goodputRowsPerS: number;
  readonly latency: Latency;
  /** Share of answered rows by source, over all that were answered. */
  readonly sources: Readonly<Record<"model" | "rules" | "cached" | "default", number>>;
  readonly refused: Readonly<Record<string, number>>;
  /** Sent and never answered inside the run and a second (or as long again) after it. */
  readonly unanswered: number;
  /** Never sent, because the client had as much in flight as it holds. */
  readonly unsent: number;
  /** How late the client itself sent, 99th percentile, microseconds. */
  readonly sendLagP99Us: number;
}

function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

/** Percentiles of a histogram of microseconds. */
export function latencyOf(histogram: Histogram): Latency {
  const samples = histogram.totalCount;
  return {
    samples,
    p50Us: histogram.getValueAtPercentile(50),
    p95Us: histogram.getValueAtPercentile(95),
    p99Us: histogram.getValueAtPercentile(99),
    p999Us: samples >= 10_000 ? histogram.getValueAtPercentile(99.9) : undefined,
    maxUs: samples === 0 ? 0 : histogram.maxValue,
  };
}

/** Tickets in flight: power of two, well over what any run holds. */
const ticketSlots = 1 << 20;

/** Counts one run: sending, answers, latencies from the moment a request was meant to leave. */
class Run {
  readonly lane: Lane;
  readonly latency = newHistogram();
  readonly sendLag = newHistogram();
  readonly startedAt = performance.now();
  readonly endsAt: number;
  sent = 0;
  outstanding = 0;
  unsent = 0;
  rowsInside = 0;
  onIdle: () => void = () => undefined;
  private readonly intendedAt = new Float64Array(ticketSlots);

  constructor(lane: Lane, durationMs: number) {
    this.lane = lane;
    this.endsAt = this.startedAt + durationMs;
  }

  send(intendedAt: number, now: number): void {
    const ticket = this.sent++ & (ticketSlots - 1);
    this.intendedAt[ticket] = intendedAt;
    this.outstanding++;
    this.sendLag.recordValue(Math.max(0, Math.round((now - intendedAt) * 1000)));
    this.lane.send(ticket);
  }

  /** Returns the time of the answer. */
  answered(ticket: number, ok: boolean): number {
    const now = performance.now();
    this.outstanding--;
    if (ok) {
      const latencyMs = now - (this.intendedAt[ticket] ?? now);
      this.latency.recordValue(Math.min(119_000_000, Math.max(1, Math.round(latencyMs * 1000))));
      if (now <= this.endsAt) this.rowsInside += this.lane.rowsPerRequest;
    }
    if (this.outstanding === 0 && now >= this.endsAt) this.onIdle();
    return now;
  }

  /** Resolves when nothing is in flight, at the latest `graceMs` from now. */
  drained(graceMs: number): Promise<void> {
    if (this.outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  result(offered: number): LoopResult {
    const elapsedMs = Math.min(performance.now(), this.endsAt) - this.startedAt;
    const { rowsBySource, rows, refused } = this.lane.tally;
    const share = (source: number): number => (rowsBySource[source] ?? 0) / Math.max(1, rows);
    return {
      elapsedMs,
      offeredPerS: (offered * 1000) / elapsedMs,
      goodputRowsPerS: (this.rowsInside * 1000) / elapsedMs,
      latency: latencyOf(this.latency),
      sources: { model: share(1), rules: share(2), cached: share(3), default: share(4) },
      refused: Object.fromEntries(refused),
      unanswered: this.outstanding,
      unsent: this.unsent,
      sendLagP99Us: this.sendLag.getValueAtPercentile(99),
    };
  }
}

/** Saturation: `inFlight` requests at any time, each answer sends the next one. */
export async function closedLoop(
  lane: Lane,
  options: { readonly inFlight: number; readonly durationMs: number },
): Promise<LoopResult> {
  const run = new Run(lane, options.durationMs);
  lane.onAnswer = (ticket, ok) => {
    const now = run.answered(ticket, ok);
    if (now < run.endsAt) run.send(now, now);
  };
  for (let i = 0; i < options.inFlight; i++) run.send(run.startedAt, run.startedAt);
  await new Promise((resolve) => {
    setTimeout(resolve, options.durationMs);
  });
  await run.drained(2000);
  return run.result(run.sent);
}

/** A schedule: the next instant at which a request is meant to leave, ms from the start; Infinity = no more. */
export type Schedule = () => number;

/** Poisson arrivals at `ratePerS`. */
export function poisson(ratePerS: number, seed: number): Schedule {
  const random = seededRandom(seed);
  let at = 0;
  return () => {
    at += (-Math.log(1 - random()) * 1000) / ratePerS;
    return at;
  };
}

/** `size` requests at once, then nothing until the next period begins, and again. */
export function bursts(size: number, periodMs: number): Schedule {
  let sent = 0;
  return () => Math.floor(sent++ / size) * periodMs;
}

/**
 * Requests leave when the schedule says so, whatever came back. A timer of one millisecond releases those that are due; latency
 * counts from the instant in the schedule, so that the client's own lateness is in it, on both sides of a comparison.
 */
export async function openLoop(
  lane: Lane,
  options: {
    readonly schedule: Schedule;
    readonly durationMs: number;
    /** More than this in flight is not sent but counted. */
    readonly outstandingMax: number;
  },
): Promise<LoopResult> {
  const run = new Run(lane, options.durationMs);
  lane.onAnswer = (ticket, ok) => void run.answered(ticket, ok);
  let offered = 0;
  let nextAt = options.schedule();
  await new Promise<void>((resolve) => {
    const release = (): void => {
      let now = performance.now();
      const yieldAt = now + 4;
      while (nextAt <= options.durationMs && run.startedAt + nextAt <= now && now < yieldAt) {
        offered++;
        if (run.outstanding >= options.outstandingMax) run.unsent++;
        else run.send(run.startedAt + nextAt, now);
        nextAt = options.schedule();
        now = performance.now();
      }
      if (now >= run.endsAt || nextAt > options.durationMs) {
        setTimeout(resolve, Math.max(0, run.endsAt - now));
      } else if (run.startedAt + nextAt <= now) setImmediate(release);
      else setTimeout(release, 1);
    };
    release();
  });
  await run.drained(Math.min(1000, options.durationMs));
  return run.result(offered);
}
