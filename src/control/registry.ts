import type { Detector, DetectorConfig } from "../domain/detector.ts";

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
