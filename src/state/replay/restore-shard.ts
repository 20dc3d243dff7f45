import { join } from "node:path";
import type { Position } from "../../shard/journal.ts";
import { PAGE_BYTES, REGION_BYTES, regionBase, Status } from "../../shard/layout.ts";
import { instantiate } from "../../shard/module.ts";
import { Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";
import { JournalDamage, listSegments, readEntries, readVoids } from "../journal/segments.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { readSnapshotShard } from "../snapshot/snapshots.ts";
import { Replica } from "./replica.ts";

/** What is done to one shard's memory; can be sent to another thread. */
export interface RestoreJob {
  readonly module: WebAssembly.Module;
  /** Of the server; whatever it held, it is this shard's state then. */
  readonly memory: WebAssembly.Memory;
  readonly shard: number;
  /** The directory with the journal's segments. */
  readonly journal: string;
  /** Undefined = from nothing; then the journal must begin at 1. */
  readonly snapshot: Snapshot | undefined;
  /** Without a snapshot: memory that the shard was given at first. */
  readonly memoryBytes: number;
  /** The last entry to be applied, of whatever shard; the journal has it. */
  readonly until: Position;
  /** The region that batches go through. What it held, it holds again in the end; the other is not touched. */
  readonly region: 0 | 1;
  /** Entries that are left out beside those that the journal says. */
  readonly leftOut?: readonly Position[];
  /** `progressBytes` long. */
  readonly progress: SharedArrayBuffer;
}

/** float64s of a RestoreJob's `progress`. Read while they are written: each is a little late, none is wrong. */
export const Progress = {
  /** Bytes of state read from the snapshot. */
  bytes: 0,
  /** Of the newest entry that was applied. */
  position: 1,
  /** Rows stepped. */
  rows: 2,
} as const;

export const progressBytes = 3 * 8;

export interface Restored {
  /** Of the last entry of the shard that was applied or in the snapshot. */
  readonly position: Position;
  readonly rows: number;
}

/**
 * Makes a memory what its shard's was after an entry: reads the snapshot and steps what the journal has of the shard from there on. Nothing
 * else may use the memory meanwhile, and instances over it are to be made anew. Where it throws, the memory holds no state.
 * @throws SnapshotDamage, SnapshotOfOtherVersion, JournalDamage, NewerJournal, ReplayError, or the system's own error
 */
export function restoreShard(job: RestoreJob): Restored {
  const progress = new Float64Array(job.progress);
  const { memory, region, snapshot, shard, until } = job;
  const memoryBytes = new Uint8Array(memory.buffer);
  const at = regionBase(region);
  const held = memoryBytes.slice(at, at + REGION_BYTES);
  try {
    const after = snapshot?.position ?? 0;
    const voids = readVoids(job.journal, after);
    for (const position of job.leftOut ?? []) voids.add(position);
    memoryBytes.fill(0, 0, PAGE_BYTES);
    if (snapshot !== undefined) {
      const onRead = (bytes: number): void => void (progress[Progress.bytes] = bytes);
      readSnapshotShard(snapshot, shard, memoryBytes, { onRead });
    }
    const kernel = instantiate(job.module, memory);
    if (snapshot === undefined) {
      const status = kernel.initialize(job.memoryBytes);
      if (status !== Status.OK) throw new Error(`shard ${shard}: initialize answered ${status}`);
    }
    const replica = new Replica({ memory, kernel, voids, region });
    replica.position = after;
    const entries = readEntries(job.journal, { after, until, shard, kinds: stateKinds });
    bringForward(replica, entries, progress);
    if (until > after) checkEnd(job.journal, until);
    return { position: replica.position, rows: replica.rows };
  } finally {
    memoryBytes.set(held, at);
  }
}

/** That the journal goes as far as it should. Of entries of one shard nothing shows it. */
function checkEnd(journal: string, until: Position): void {
  const newest = listSegments(journal).at(-1);
  if (newest !== undefined && newest.last >= until) return;
  const path = newest?.path ?? journal;
  const what = newest === undefined ? "there is no journal" : `it ends at entry ${newest.last}`;
  throw new JournalDamage(path, (newest?.last ?? 0) + 1, `${what}, and should go to ${until}`);
}

/** Kinds of entries that change a shard's state. */
export const stateKinds: readonly Kind[] = [Kind.ROWS, Kind.CHANGE];

/** Applies entries of one shard in their order, and counts them in a RestoreJob's progress. */
export function bringForward(
  replica: Replica,
  entries: Iterable<Entry>,
  progress?: Float64Array,
): void {
  for (const entry of entries) {
    replica.apply(entry);
    if (progress === undefined) continue;
    progress[Progress.position] = entry.position;
    progress[Progress.rows] = replica.rows;
  }
}

/** Where the journal's segments are in a data directory. */
export const journalIn = (data: string): string => join(data, "journal");
