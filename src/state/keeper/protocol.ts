import type { Position } from "../../shard/journal.ts";
import type { Snapshot } from "../snapshot/format.ts";

/** What the keeper's thread knows of the data directory that it works in. */
export interface KeeperSetting {
  readonly module: WebAssembly.Module;
  /** The data directory: `journal` and `snapshots` are in it. */
  readonly data: string;
  readonly shards: number;
  /** Of a shard now. What a replica needs is this, or more where a snapshot was of larger ones. */
  readonly memoryBytes: number;
  /** 1 or more. */
  readonly snapshotsKept: number;
  /** Segments leave when the journal is longer than this, or they are older, and no kept snapshot needs them. */
  readonly journalBytesMax: number;
  readonly journalAgeMsMax: number;
}

export type KeeperRequest =
  /** Everything up to this position, which is durable and whose rows were stepped or left out. */
  | { readonly kind: "snapshot"; readonly until: Position }
  /** A segment that is not written any more: what is in its log goes into its file. */
  | { readonly kind: "seal"; readonly path: string }
  /** The journal and older snapshots, into a backup (copy-past.ts). */
  | { readonly kind: "copy"; readonly backup: string }
  /** The state that a detector had at a position, into a file (export-file.ts). */
  | {
      readonly kind: "export";
      readonly slot: number;
      readonly at: Position;
      readonly file: string;
      /** What the file says of the detector. */
      readonly about: ExportAbout;
    };

/** What a file of a detector's state says of it. */
export interface ExportAbout {
  readonly name: string;
  readonly version: number;
  /** The canonical JSON of the DetectorSpec, with discovered inputs filled in. */
  readonly spec: unknown;
  /** Names of encoded columns, and what the encoding has learned; absent = it encodes nothing. */
  readonly encoded?: readonly string[];
  readonly encoding?: unknown;
}

export interface SnapshotDone {
  readonly kind: "snapshot";
  readonly snapshot: Snapshot;
  /** Rows that were replayed for it. */
  readonly rows: number;
  /** Shards that had no entry since the snapshot before: their files were used again. */
  readonly shared: number;
  /** Positions of snapshots that were removed. */
  readonly removed: readonly Position[];
  /** Of the oldest snapshot that is kept. */
  readonly oldest: Position;
  /** Segments that left the journal. */
  readonly segmentsRemoved: number;
  /** Snapshots that turned out not to be sound, and older ones were used instead. */
  readonly damaged: readonly string[];
  /** When the first entry of the newest segment was appended, Unix ms; 0 = it is empty. */
  readonly newestSegmentSince: number;
}

export interface ExportDone {
  readonly kind: "export";
  readonly bytes: number;
  readonly rows: number;
}

export type KeeperDone = SnapshotDone | ExportDone | { readonly kind: "seal" | "copy" };

/** What the thread tells. Classes of errors do not survive the way between threads. */
export type KeeperMessage =
  | { readonly progress: KeeperProgress }
  | { readonly done: KeeperDone }
  | { readonly failed: { readonly message: string; readonly code: string | undefined } };

export interface KeeperProgress {
  readonly what: KeeperRequest["kind"];
  /** 0..1 */
  readonly fraction: number;
  /** Replayed so far. */
  readonly rows: number;
}

/** What the thread is made with. */
export interface KeeperThreadData {
  readonly setting: KeeperSetting;
  readonly request: KeeperRequest;
}
