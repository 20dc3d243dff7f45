import type { Detector } from "../../domain/detector.ts";
import type { Answered, Position, SlotSpec } from "../../shard/journal.ts";
import type { ModelVerdict } from "../../shard/packed-rows.ts";
import type { Region } from "../../shard/region.ts";
import type { Entry, Kind } from "../journal/entry.ts";
import type { HeldSlot } from "./slots.ts";

/** Which entries of a journal are read. */
export interface EntryRange {
  /** Entries behind this position; 0 = from the first. */
  readonly after: Position;
  /** The last one; absent = all that are there. */
  readonly until?: Position;
  readonly shard?: number;
  readonly kinds?: readonly Kind[];
}

/** A snapshot, as a run needs it. */
export interface SnapshotFiles {
  readonly position: Position;
  /** That a shard may use at that position. */
  readonly memoryBytes: number;
  /** Reads a shard's state into a whole memory. Throws SnapshotDamage when the file is not what was written. */
  read(shard: number, into: Uint8Array): void;
  /** What every slot held. Throws as `read` does. */
  slots(): ReadonlyMap<number, HeldSlot>;
}

/** What a run reads: a data directory or a backup. `openStateSource` makes one of a directory. */
export interface StateSource {
  /** 0 = there is nothing yet. */
  readonly shards: number;
  /** That shards may use at the newest snapshot; 0 = there is none. */
  readonly memoryBytes: number;
  /** First and last position of the journal; last = first - 1 when it is empty. */
  readonly first: Position;
  readonly last: Position;
  /** In their order; holds one entry at a time. Throws where the journal is damaged. */
  entries(range: EntryRange): Iterable<Entry>;
  /** Those that are sound, the newest first. */
  snapshots(): readonly SnapshotFiles[];
  /** Positions of entries that were not applied, of those behind `after`. */
  voids(after: Position): ReadonlySet<Position>;
}

/** A batch of the stretch, stepped again. All of it holds until the visitor returns, then it is used anew. */
export interface ReplayedBatch {
  /** Its kind is ROWS. */
  readonly entry: Entry;
  readonly rows: number;
  /** The rows and what came of them now: `region.score(row)`, `region.slot(row)`, ... */
  readonly region: Region;
  /** Bytes of the row's key and id in the memory. */
  key(row: number): Uint8Array;
  id(row: number): Uint8Array;
  /** Unix ms. */
  arrivalMs(row: number): number;
  eventTimeMs(row: number): number;
  /** Op of layout.ts; SKIP = the row was cancelled before its batch, or was a read of features. */
  op(row: number): number;
  /** What the model said of the row live; undefined = the journal does not have it (the server died before, or rows were not applied). */
  live(row: number): ModelVerdict | undefined;
  /** What a client got from the fallback instead; undefined = the model's verdict, or nothing. */
  answered(row: number): Answered | undefined;
  /** What a slot held when the batch was stepped; undefined = no detector. */
  slot(index: number): SlotSpec | undefined;
  /** Whether the row was fed to a shadow, or to a version that learned, beside the detector that answered. */
  isAside(row: number): boolean;
  /**
   * Whose row it is: the detector's that answered it, by the catalogue of that time; of a row that was fed aside the shadow's, undefined = a version's
   * that learned.
   */
  owner(row: number): SlotSpec | undefined;
  /** Whether the row's key was in the share of a shadow: both have the row, and the client got what the shadow said. */
  isShared(row: number): boolean;
  /** The detector that the row was sent to, of rows that were fed to its shadow, too; undefined as with `owner`. */
  asked(row: number): string | undefined;
  /** What the other detector made of the same rows, by the same indices; rows of other slots have Op.SKIP there. Undefined = none was asked for. */
  readonly other: Region | undefined;
}

/** Another detector for the rows of one slot. */
export interface OtherDetector {
  /** The detector in the journal whose rows it gets, by name. */
  readonly name: string;
  /** With known columns: its inputs declared, and none to be encoded that the rows do not hold. `slot` is not looked at. */
  readonly detector: Detector;
  /** true = it knows nothing when the stretch begins; false = it learns from all rows that the journal still has before the stretch. */
  readonly cold: boolean;
}

export interface RunProgress {
  readonly position: Position;
  /** Rows stepped so far, those before the stretch among them. */
  readonly rows: number;
  /** Of them in the stretch. */
  readonly visited: number;
}

export interface RunOptions {
  readonly source: StateSource;
  readonly module: WebAssembly.Module;
  /** First and last position of the stretch. `until` may lie behind the journal's end. */
  readonly from: Position;
  readonly until: Position;
  /**
   * true = every detector that is there when the stretch begins has forgotten all that it had learned. Window models then train anew, at once when
   * they are due: models of the journal are not theirs.
   */
  readonly cold?: boolean;
  readonly other?: OtherDetector;
  /** Whether `live` and `answered` are looked up; costs a second reader. Default true. */
  readonly comparisons?: boolean;
  /** Every batch of the stretch, in order over all shards. Returning false ends the run. */
  readonly visit: (batch: ReplayedBatch) => boolean | undefined;
  /** About every 100 ms. */
  readonly onProgress?: (progress: RunProgress) => void;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** Last entry that was applied; 0 = none. */
  readonly position: Position;
  readonly rows: number;
  readonly visited: number;
  /** Where the state came from; 0 = from the journal's first entry. */
  readonly snapshot: Position;
  readonly endedBy: "end" | "visitor" | "signal";
}

/*
 * src/state/replay/run.ts:
 *   run(options: RunOptions): RunResult                       synchronous: whoever calls it has a thread or a process of its own
 * src/state/replay/source.ts:
 *   openStateSource(directory: string): StateSource           throws what is missing, in words
 *   positionsAt(source, from: ms, until: ms): {from, until}   the stretch of entries that were appended then; from > until = none were
 */
