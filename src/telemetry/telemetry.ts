import type { Reason } from "../domain/errors.ts";
import type { Source } from "../domain/verdict.ts";

/**
 * queue: admitted -> batch cut; batch: cut -> step starts (the hop to a thread); step: WASM; journal: what a request waited for the disk when all its
 * rows were stepped; reply: step ended -> answered.
 */
export type Stage = "queue" | "batch" | "step" | "journal" | "reply";
export type Transport = "grpc_stream" | "grpc_unary" | "http";

/** How a training ended: gone = the detector or key was reset or removed meanwhile; given_up = too many waited. */
export type TrainingOutcome =
  | "swapped"
  | "failed"
  | "thread_died"
  | "no_memory"
  | "gone"
  | "given_up";

/** Instruments of one detector; looked up once, when it is created. All calls are cheap enough for every request. */
export interface DetectorMeter {
  /** `rows` rows of one request answered from `source`, `latencyUs` after it was decoded. */
  answered(source: Source, rows: number, latencyUs: number): void;
  /** From event time to verdict, for one row whose client sent a time. */
  eventAge(ageMs: number): void;
  anomalies(rows: number): void;
  /** The features of `keys` keys were read for one request, `latencyUs` after it was decoded. */
  featuresRead(keys: number, latencyUs: number): void;
  trainingStarted(): void;
  /** `seconds` after it started; what was given up never did. */
  trainingEnded(outcome: TrainingOutcome, seconds: number): void;
}

/** Of a detector that sees another one's rows. */
export interface ShadowGauges {
  readonly name: string;
  /** Since when it does. */
  readonly sinceUnixMs: number;
  /** Rows that wait for it now, and that it did not see. */
  readonly rowsBehind: number;
  readonly rowsShed: number;
}

/** Of a server that keeps its state. */
export interface StateGauges {
  /** False = the journal cannot be written. */
  readonly learning: boolean;
  /** Of the newest entry, and of the newest that is on disk. */
  readonly position: number;
  readonly durable: number;
  /** Appended since the start. */
  readonly bytes: number;
  readonly queuedBytes: number;
  readonly commits: number;
  readonly lastCommitMs: number;
  readonly maxCommitMs: number;
  /** Commits below 2^(6 + b) microseconds. */
  readonly commitBuckets: readonly number[];
  readonly failures: number;
  readonly snapshots: number;
  readonly snapshotFailures: number;
  readonly snapshotPosition: number;
}

/** Sampled values, asked for when metrics are collected. */
export interface Gauges {
  readonly queueRows: number;
  readonly requestsInFlight: number;
  readonly streams: number;
  readonly watchers: number;
  /** Trainings that wait or run. */
  readonly trainings: number;
  /** Absent = nothing is kept. */
  readonly state?: StateGauges | undefined;
  readonly shadows?: readonly ShadowGauges[] | undefined;
  readonly detectors: readonly {
    readonly name: string;
    readonly keys: number;
    readonly stateBytes: number;
    readonly modelVersion: number;
    /** Of a detector that derives features: rows at the wrong time, and keys with a window that is not exact. */
    readonly features?:
      | {
          readonly rowsLate: number;
          readonly rowsFuture: number;
          readonly keysInPanes: number;
        }
      | undefined;
  }[];
}

/** A sampled request; the batch that carries it links to it. */
export interface RequestSpan {
  end(outcome: { readonly error?: Reason; readonly source?: Source }): void;
}

export interface Telemetry {
  detector(name: string): DetectorMeter;
  forgetDetector(name: string): void;
  /** `count` observations of the same duration. */
  stage(stage: Stage, durationUs: number, count: number): void;
  /** `count` requests or rows did not come through a stage: their budget ended there, or it broke. */
  stageFailed(stage: Stage, count: number): void;
  /** A batch was cut. */
  batch(rows: number): void;
  /** A request was refused. */
  refused(transport: Transport, reason: Reason): void;
  workerRestarted(): void;
  /** Keys that start cold because the batch that touched them did not end. */
  keysInDoubt(keys: number): void;
  alertsLost(alerts: number): void;
  /** Undefined when this request is not sampled. */
  startRequest(request: {
    readonly transport: Transport;
    readonly detector: string;
    readonly rows: number;
    readonly traceparent: string | undefined;
    /** Whether it reads features instead of scoring. */
    readonly reads?: boolean;
  }): RequestSpan | undefined;
  /** One span over [start, end] (Unix ms with fraction) linked to the requests it carried. */
  recordBatch(
    spans: readonly RequestSpan[],
    batch: { readonly rows: number; readonly startUnixMs: number; readonly endUnixMs: number },
  ): void;
  /** Where gauges come from; set once by the composition root. */
  observe(read: () => Gauges): void;
}
