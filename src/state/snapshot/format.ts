import type { Position } from "../../shard/journal.ts";

/**
 * Of the files of a snapshot, raised when their shape changes; test/fixtures/state/ holds one of each format that has been.
 */
export const SNAPSHOT_FORMAT = 1;

/** State bytes that are compressed together. */
export const CHUNK_BYTES = 1024 * 1024;

export const MANIFEST_FILE = "manifest.json";
export const PROCESS_FILE = "process.json";
/** Behind the name of a snapshot that is being written. */
export const UNFINISHED = ".new";
/** Behind the name of one that is not to be used, and that a person may want to look at. */
export const SET_ASIDE = ".damaged";

/** The name of a shard's file in a snapshot. */
export const shardFile = (shard: number): string => `shard-${shard}.snap`;

/** The name of a snapshot's directory. */
export const snapshotName = (position: Position): string => String(position).padStart(20, "0");

/** What stands before a shard's state in its file. */
export interface ShardHeader {
  readonly format: number;
  /** Of Weir. */
  readonly version: string;
  readonly kernelAbi: number;
  readonly shard: number;
  readonly shards: number;
  /** The shard's state is the same from here up to the snapshot's position. */
  readonly position: Position;
  /** That the shard may use: a memory that takes this state holds as much, or more. */
  readonly memoryBytes: number;
  /** First byte of the arena that was never used. */
  readonly arenaTop: number;
  /** Bytes of state before compression. */
  readonly rawBytes: number;
}

export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
  /** crc32 of the whole file. */
  readonly crc: number;
}

export interface ShardEntry extends FileEntry {
  readonly shard: number;
  /** Of the file, at most the snapshot's: the shard had no entry between the two. */
  readonly position: Position;
  readonly memoryBytes: number;
  readonly rawBytes: number;
}

/** What is in a snapshot. */
export interface Manifest {
  readonly format: number;
  /** Of Weir. */
  readonly version: string;
  readonly kernelAbi: number;
  /** Every entry up to this one is in it, and none after. */
  readonly position: Position;
  readonly timeUnixMs: number;
  /** One a shard, in their order. */
  readonly shards: readonly ShardEntry[];
  /** That a shard may use, at most: of its memory. */
  readonly memoryBytes: number;
  readonly process: FileEntry;
}

/** A whole snapshot on disk whose manifest is sound; its files may not be. */
export interface Snapshot {
  readonly path: string;
  readonly position: Position;
  readonly manifest: Manifest;
}

/** A file of a snapshot is not what was written. */
export class SnapshotDamage extends Error {
  readonly path: string;
  readonly what: string;

  constructor(path: string, what: string, cause?: unknown) {
    super(`${path} is damaged: ${what}`, { cause });
    this.name = "SnapshotDamage";
    this.path = path;
    this.what = what;
  }
}

/** A file of a snapshot that another version of Weir wrote, and that this one does not read. Nothing is wrong with the file. */
export class SnapshotOfOtherVersion extends Error {
  readonly path: string;

  constructor(path: string, what: string) {
    super(what);
    this.name = "SnapshotOfOtherVersion";
    this.path = path;
  }
}
