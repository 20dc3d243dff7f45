import type { Detector, DetectorConfig } from "../domain/detector.ts";
import type { Verdicts } from "../domain/verdict.ts";
import type { Position } from "../shard/journal.ts";

/** When a row counts as kept: see ResolvedOptions.state. */
export type Durability = "acknowledged" | "relaxed" | "none";

export interface SnapshotInfo {
  /** Everything up to this entry of the journal is in it. */
  readonly position: Position;
  /** When it was made, Unix ms. */
  readonly timeUnixMs: number;
  /** Bytes of state in it, and bytes that its files take. */
  readonly stateBytes: number;
  readonly fileBytes: number;
}

/** What is on disk, how far it is, and whether the server learns. Positions are 0 where there is none. */
export interface StateReport {
  readonly durability: Durability;
  /** False = the journal cannot be written: events are scored, and teach nothing. */
  readonly learning: boolean;
  /** Why, and what to do; "" = none. */
  readonly problem: string;
  /** Last entry of the journal. */
  readonly position: Position;
  /** Last entry on disk. */
  readonly durablePosition: Position;
  /** First entry that is still there. */
  readonly oldestPosition: Position;
  readonly journalBytes: number;
  readonly shards: number;
  /** The newest first. */
  readonly snapshots: readonly SnapshotInfo[];
}

/** One thing that was read, and whether it is as it was written. */
export interface Finding {
  /** A file, or a stretch of the journal. */
  readonly what: string;
  readonly sound: boolean;
  /** What is wrong and where; "" = nothing. */
  readonly problem: string;
  /** Of the whole, 0..1. */
  readonly progress: number;
}

/** Which past verdict: by the event's id, or by its place in the journal. */
export type VerdictQuery =
  | { readonly detector: string; readonly key: string; readonly eventId: string }
  | { readonly position: Position; readonly row: number };

export interface ExplainedVerdict {
  readonly position: Position;
  readonly row: number;
  /** As it was then. */
  readonly detector: Detector;
  /** Of the detector's specification, at that time. */
  readonly version: number;
  readonly key: string;
  /** "" = it had none. */
  readonly eventId: string;
  readonly timeUnixMs: number;
  readonly arrivalUnixMs: number;
  /** One row: what the client got; undefined = nobody waited for it (learn-only rows of a heartbeat or of discovery). */
  readonly answered: Verdicts | undefined;
  /** One row: what the model said, with reasons. */
  readonly modelled: Verdicts;
}

/** learning: beside the one that answers; kept: can be gone back to. */
export type VersionState = "learning" | "serving" | "kept";

export interface VersionInfo {
  /** 1, 2, ... */
  readonly version: number;
  readonly state: VersionState;
  readonly config: DetectorConfig;
  readonly madeUnixMs: number;
  /** It answers from the next entry on; 0 = not yet. */
  readonly fromPosition: Position;
  /** 0 = it still answers, or has not yet. */
  readonly toPosition: Position;
  /** Events that it has learned from. */
  readonly events: number;
  /** Of a version that is still learning, about; else 0. */
  readonly eventsUntilReady: number;
  /** It began with the state of the one before. */
  readonly keptState: boolean;
  /** Why it cannot be gone back to; "" = it can. */
  readonly problem: string;
}

export interface ShadowStart {
  /** Of the shadow: a new detector. */
  readonly name: string;
  /** The live detector. */
  readonly shadowed: string;
  readonly config: DetectorConfig;
  /** Begin with the live one's state; false = cold. */
  readonly copyState: boolean;
  /** Of keys that the shadow answers, 0..1. */
  readonly share: number;
}

/** A shadow beside the live detector, over the rows that both scored since `sinceUnixMs`. */
export interface ShadowReport {
  readonly name: string;
  readonly shadowed: string;
  readonly share: number;
  readonly rows: number;
  /** That the shadow did not see: it was too slow. */
  readonly rowsShed: number;
  /** That wait for it now. */
  readonly rowsBehind: number;
  /** Spearman's rho over a sample; undefined = too few rows, or all scores of one are the same. */
  readonly rankCorrelation: number | undefined;
  readonly bothAlert: number;
  readonly onlyLiveAlerts: number;
  readonly onlyShadowAlerts: number;
  /** PSI of the shadow's scores against the live ones', over the live ones' tenths; undefined = too few rows. */
  readonly populationStability: number | undefined;
  /** Rows by score, 20 bins of 0.05. */
  readonly liveScores: readonly number[];
  readonly shadowScores: readonly number[];
  /** Of one row through the step, mean. */
  readonly liveRowUs: number;
  readonly shadowRowUs: number;
  /** Rows that the shadow answered. */
  readonly answered: number;
  readonly sinceUnixMs: number;
}

/**
 * What an operator asks of a running server, beside scoring. Everything that is refused, or fails, is a WeirError: UNKNOWN_DETECTOR for a name
 * that there is not, UNIMPLEMENTED (NO_JOURNAL) for what needs the journal where durability is none, UNAVAILABLE (NOT_LEARNING) for changes
 * while the journal cannot be written. Names, shares and specifications come checked; a `DetectorConfig` is normalized.
 */
export interface Operations {
  state(): Promise<StateReport>;
  /** Resolves when it is on disk. ABORTED (SNAPSHOT_RUNNING) when one is being written. */
  createSnapshot(): Promise<SnapshotInfo>;
  /** The newest first. */
  listSnapshots(): Promise<readonly SnapshotInfo[]>;
  /**
   * A data directory of its own at `directory`: absolute, and not there or empty; else FAILED_PRECONDITION (DIRECTORY_NOT_EMPTY). `journal`: with
   * the past, to be replayed and explained.
   */
  backUp(directory: string, journal: boolean): Promise<SnapshotInfo>;
  /** Reads everything; `deep` also replays. What ends the iteration early ends the work. What is damaged is a finding, not an error. */
  verify(deep: boolean): AsyncIterable<Finding>;
  /** NOT_FOUND (UNKNOWN_VERDICT) when the journal has no such row any more, or never had. */
  explainVerdict(query: VerdictQuery): Promise<ExplainedVerdict>;

  /** Chunks of any size, produced as they are taken and valid until the next is asked for. What ends the iteration early ends the work. */
  exportDetector(name: string): AsyncIterable<Uint8Array>;
  /**
   * Whole or not at all: where `chunks` throws, or ends too early (INVALID_ARGUMENT, DAMAGED), nothing is there. The bytes must say themselves where
   * they end: a client that goes away may look like an end. Chunks are as long as they come and valid until the next is asked for. `name` "" = as it was called. ALREADY_EXISTS (DETECTOR_EXISTS).
   */
  importDetector(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Detector>;

  /** Another specification for the detector, as a new version. The same one again makes none: the newest is returned. */
  updateDetector(name: string, config: DetectorConfig): Promise<VersionInfo>;
  /** The newest first. */
  versions(name: string): Promise<readonly VersionInfo[]>;
  /** `version` 0 = the one before. NOT_FOUND (UNKNOWN_VERSION). `replay`: perhaps still learning when it resolves. */
  rollback(name: string, version: number, replay: boolean): Promise<VersionInfo>;

  startShadow(start: ShadowStart): Promise<Detector>;
  /** `name` of these is the shadow's; FAILED_PRECONDITION (NOT_A_SHADOW) for a detector that is none. */
  setShadowShare(name: string, share: number): Promise<void>;
  shadowReport(name: string): Promise<ShadowReport>;
  /** Resolves to the live one, as it is from now on. */
  promoteShadow(name: string): Promise<Detector>;
  stopShadow(name: string): Promise<void>;
}
