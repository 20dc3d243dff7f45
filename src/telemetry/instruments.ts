import { limits } from "../config/limits.ts";
import type { Reason } from "../domain/errors.ts";
import { Source } from "../domain/verdict.ts";
import { Counter, Histogram } from "./histogram.ts";
import { ages, batchRows, durations, trainings } from "./layouts.ts";
import type { DetectorMeter, Gauges, Stage, TrainingOutcome, Transport } from "./telemetry.ts";

/** "Over the last minute" means the running window of 10 s and the five before it. */
const windows = 6;
export const windowMs = 10_000;

/** Sources as metrics and logs name them, by the contract's number. */
export const sourceNames = ["", "model", "rules", "cached", "default"] as const;
export type SourceName = Exclude<(typeof sourceNames)[number], "">;
export const stages: readonly Stage[] = ["queue", "batch", "step", "journal", "reply"];

/** What detectors beyond the bound are counted under, together: metrics stay bounded whatever is created. */
const overflowName = "(other)";

/** Answers of one detector from one source. */
export class SourceInstruments {
  readonly source: SourceName;
  /** Seconds from decoded to answered, one observation a request. */
  readonly latency = new Histogram(durations, windows);
  readonly rows = new Counter(windows);

  constructor(source: SourceName) {
    this.source = source;
  }
}

/** Everything counted for one detector since it was created. */
export class DetectorInstruments implements DetectorMeter {
  readonly name: string;
  readonly startUnixMs: number;
  readonly age = new Histogram(ages);
  readonly anomalous = new Counter(windows);
  /** Seconds from decoded to answered, one observation a request for features; and their keys. */
  readonly reads = new Histogram(durations, windows);
  readonly keysRead = new Counter(windows);
  trainingsStarted = 0;
  readonly trainingsEnded = new Map<TrainingOutcome, number>();
  readonly trainingSeconds = new Histogram(trainings);
  readonly sources: readonly SourceInstruments[];
  readonly #model = new SourceInstruments("model");
  readonly #rules = new SourceInstruments("rules");
  readonly #cached = new SourceInstruments("cached");
  readonly #default = new SourceInstruments("default");

  constructor(name: string, startUnixMs: number) {
    this.name = name;
    this.startUnixMs = startUnixMs;
    this.sources = [this.#model, this.#rules, this.#cached, this.#default];
  }

  answered(source: Source, rows: number, latencyUs: number): void {
    const instruments = source === Source.MODEL ? this.#model : this.#fallback(source);
    instruments.rows.add(rows);
    instruments.latency.record(latencyUs / 1e6, 1);
  }

  eventAge(ageMs: number): void {
    this.age.record(ageMs / 1e3, 1);
  }

  anomalies(rows: number): void {
    this.anomalous.add(rows);
  }

  featuresRead(keys: number, latencyUs: number): void {
    this.keysRead.add(keys);
    this.reads.record(latencyUs / 1e6, 1);
  }

  trainingStarted(): void {
    this.trainingsStarted++;
  }

  trainingEnded(outcome: TrainingOutcome, seconds: number): void {
    this.trainingsEnded.set(outcome, (this.trainingsEnded.get(outcome) ?? 0) + 1);
    if (outcome !== "given_up") this.trainingSeconds.record(seconds, 1);
  }

  rotate(): void {
    this.anomalous.rotate();
    this.reads.rotate();
    this.keysRead.rotate();
    for (const { latency, rows } of this.sources) {
      latency.rotate();
      rows.rotate();
    }
  }

  #fallback(source: Source): SourceInstruments {
    if (source === Source.RULES) return this.#rules;
    return source === Source.CACHED ? this.#cached : this.#default;
  }
}

/** Everything counted for the server since it started, and its detectors. */
export class Instruments {
  readonly startUnixMs: number;
  readonly stages: Readonly<Record<Stage, Histogram>> = {
    queue: new Histogram(durations, windows),
    batch: new Histogram(durations, windows),
    step: new Histogram(durations, windows),
    journal: new Histogram(durations, windows),
    reply: new Histogram(durations, windows),
  };
  readonly stageFailures: Record<Stage, number> = {
    queue: 0,
    batch: 0,
    step: 0,
    journal: 0,
    reply: 0,
  };
  readonly batchRows = new Histogram(batchRows, windows);
  readonly refusals: Readonly<Record<Transport, Map<Reason, number>>> = {
    grpc_stream: new Map(),
    grpc_unary: new Map(),
    http: new Map(),
  };
  readonly refused = new Counter(windows);
  workerRestarts = 0;
  keysInDoubt = 0;
  alertsLost = 0;
  spansDropped = 0;
  readonly exportFailures = { metrics: 0, traces: 0 };
  readonly detectors: Map<string, DetectorInstruments>;
  /** Undefined until the composition root has said where gauges come from. */
  readGauges: (() => Gauges) | undefined;
  readonly #startMs: number;
  #windowStartMs: number;

  /** Starts at 0; `predecessor` hands over its detectors, with what they counted, and where gauges come from. */
  constructor(nowMs: number, unixMs: number, predecessor?: Instruments) {
    this.startUnixMs = unixMs;
    this.detectors = predecessor?.detectors ?? new Map<string, DetectorInstruments>();
    this.readGauges = predecessor?.readGauges;
    this.#startMs = nowMs;
    this.#windowStartMs = nowMs;
  }

  /** The same meter for the same name until it is forgotten. Beyond the bound on detectors: one for all the others. */
  detector(name: string, unixMs: number): DetectorInstruments {
    const known = this.detectors.get(name);
    if (known !== undefined) return known;
    const isFull = this.detectors.size >= limits.detectorsMax && name !== overflowName;
    if (isFull) return this.detector(overflowName, unixMs);
    const created = new DetectorInstruments(name, unixMs);
    this.detectors.set(name, created);
    return created;
  }

  refuse(transport: Transport, reason: Reason): void {
    const byReason = this.refusals[transport];
    byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
    this.refused.add(1);
  }

  gauges(): Gauges {
    return this.readGauges?.() ?? noGauges;
  }

  /** Starts as many windows as are due. Called every window and before recent figures are read. */
  rotate(nowMs: number): boolean {
    const due = Math.floor((nowMs - this.#windowStartMs) / windowMs);
    this.#windowStartMs += Math.max(due, 0) * windowMs;
    for (let i = 0; i < Math.min(due, windows); i++) this.#rotateOnce();
    return due > 0;
  }

  /** Seconds that recent figures cover: at most a minute, less after the start; never 0. */
  recentSeconds(nowMs: number): number {
    const ofWindows = nowMs - this.#windowStartMs + (windows - 1) * windowMs;
    return Math.max(Math.min(ofWindows, nowMs - this.#startMs), 1) / 1000;
  }

  #rotateOnce(): void {
    for (const stage of stages) this.stages[stage].rotate();
    this.batchRows.rotate();
    this.refused.rotate();
    for (const detector of this.detectors.values()) detector.rotate();
  }
}

const noGauges: Gauges = {
  queueRows: 0,
  requestsInFlight: 0,
  streams: 0,
  watchers: 0,
  trainings: 0,
  detectors: [],
};
