import type { Detector, DetectorConfig, RowEncoding } from "../domain/detector.ts";
import type { DetectorStatus } from "./registry.ts";

export interface MakeOptions {
  /** Of the specification; absent = the one that serves by the name. */
  readonly version?: number;
  /** What encodes its rows; absent = it encodes nothing, or finds out itself. */
  readonly encoding?: RowEncoding | undefined;
}

/** How detectors are made and changed by others than their clients: shadows and versions. Whatever awaits happens in a `change`. */
export interface Workshop {
  /** Changes are made one after the other. */
  change<T>(make: () => Promise<T>): Promise<T>;
  find(name: string): Detector | undefined;
  get(name: string): Detector;
  status(detector: Detector): DetectorStatus;
  /** A detector with an empty state in every shard, that nobody finds by its name. */
  make(name: string, config: DetectorConfig, given?: MakeOptions): Promise<Detector>;
  /** What it would be under another configuration; nothing is made. */
  sketch(detector: Detector, config: DetectorConfig): Detector;
  /** Its state goes from every shard. */
  unmake(detector: Detector): Promise<void>;
  /** It is found by its name from now on. */
  show(detector: Detector): void;
  hide(detector: Detector): void;
  /**
   * Each gets the state and the configuration of the other and keeps its name; requests that are in flight go on as they are. Synchronous. What
   * `other` is now is found by its name where it was before.
   */
  swap(live: Detector, other: Detector): { readonly live: Detector; readonly other: Detector };
  /**
   * The same state under another configuration, in all shards between two batches. `found` is called in the turn in which it is found. Rejects when
   * the kernel cannot keep the state.
   */
  configure(
    detector: Detector,
    config: DetectorConfig,
    version: number,
    found: (detector: Detector) => void,
  ): Promise<Detector>;
  /** Of the specification that serves by this name. */
  setVersion(name: string, version: number): void;
  versionOf(name: string): number;
  /** Keeps what there is now. */
  save(): Promise<void>;
}
