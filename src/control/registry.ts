import type { Detector, DetectorConfig } from "../domain/detector.ts";

/** A new model took the place of the old one, between two batches. Positions count the rows that the window's owner has learned. */
export interface Swap {
  /** 1 = the first model. */
  readonly version: number;
  /** The last row that the model was trained on. */
  readonly trainedAt: number;
  /** The last row before the swap. */
  readonly swappedAt: number;
  /** Whose model it is: the 64 bits of the key's hash in hexadecimal; "" = of all keys. */
  readonly keyHash: string;
}

export type TrainingState = "collecting" | "ready" | "retraining";

/** How the models of a detector come about. Of windows that are each key's own: the state of the detector as a whole, trainings, failures and swaps. */
export interface TrainingStatus {
  readonly state: TrainingState;
  /** Rows in the window now. */
  readonly windowRows: number;
  /** Rows that the window lacks before the first training. */
  readonly rowsUntilReady: number;
  /** Since the row that the model's window ended with. */
  readonly rowsSinceTraining: number;
  /** That gave a model which was swapped in. */
  readonly trainings: number;
  readonly failures: number;
  /** Of the last one that ended; 0 = none has. */
  readonly lastTrainingMs: number;
  /** The last 64, the newest last. */
  readonly swaps: readonly Swap[];
}

/** How the events of a detector with features come in, and how its windows are kept. */
export interface FeatureStatus {
  /** Rows before their key's watermark, and beyond the tolerance, whatever became of them. */
  readonly rowsLate: number;
  readonly rowsFuture: number;
  /** Keys of which at least one window is made of panes. */
  readonly keysInPanes: number;
  /** The newest heartbeat, Unix ms; undefined = none came. */
  readonly heartbeatMs: number | undefined;
}

/** What a detector is doing: the contract's DetectorStatus. */
export interface DetectorStatus {
  /** Learned from since created or reset. */
  readonly events: number;
  readonly keys: number;
  readonly anomalies: number;
  readonly fallbacks: number;
  readonly modelVersion: number;
  readonly stateBytes: number;
  readonly schema: number;
  /** Of a model that trains on a window; undefined = it learns in place. */
  readonly training: TrainingStatus | undefined;
  /** Of a detector that derives features. */
  readonly features?: FeatureStatus | undefined;
  /** Why something that runs in the background failed; "" = nothing did. */
  readonly lastError: string;
}

/** The control plane behind every transport. Names are unique; every change reaches all shards or none. */
export interface Registry {
  /** Undefined when there is none: the hot path's look-up. */
  find(name: string): Detector | undefined;
  /** NOT_FOUND with reason UNKNOWN_DETECTOR when there is none. */
  get(name: string): Detector;
  /** In the order of names (code points). */
  list(): readonly Detector[];
  status(detector: Detector): DetectorStatus;
  /** The same name and configuration again is no error and returns the one that is there; another configuration is ALREADY_EXISTS. */
  create(name: string, config: DetectorConfig): Promise<Detector>;
  /** Forgets all state. Rows admitted before are learned before. */
  reset(name: string): Promise<Detector>;
  /** Rows admitted before are answered before. */
  remove(name: string): Promise<void>;
}
