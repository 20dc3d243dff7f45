import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  BUSY_MS,
  FORMAT,
  FRAME_HEAD_BYTES,
  LARGE_PAGE_BYTES,
  LOG_HEADER_BYTES,
  PAGE_BYTES,
  filesOf,
  namedSegments,
  numberOf,
  segmentPath,
} from "./segment-file.ts";
import type { Position } from "../../shard/journal.ts";
import type { SegmentMeta } from "./segment-file.ts";
import { takeSpareLog } from "./spare-log.ts";
import { excessOf } from "./wal-tail.ts";

/** Pages are large where the commits of the segment before were. */
export const LARGE_COMMIT_BYTES = 262_144;

export interface MadeSegment {
  readonly path: string;
  readonly database: DatabaseSync;
  /** Of its log, which may be longer, what was written. To be asked after a commit; throws where the log does not hold that. */
  readonly written: () => number;
  /** Its log is as long as it will be, and is written over. */
  readonly overwrites: boolean;
}

/**
 * Makes an empty segment, whole or not at all, and opens it to write. One of the same first position is replaced: it holds nothing durable.
 * What was written of the segment before it is on disk when this returns.
 * @param commitBytes of a commit of the segment before, on average
 */
export function createSegment(directory: string, meta: SegmentMeta, commitBytes = 0): MadeSegment {
  // A directory's own name is on disk when the one above it was synced.
  if (mkdirSync(directory, { recursive: true }) !== undefined) syncFile(dirname(directory));
  const path = segmentPath(directory, meta.first);
  const made = `${path}.new`;
  for (const file of filesOf(made)) rmSync(file, { force: true });
  syncLogBefore(directory, meta.first);
  // The system says why it cannot be made; SQLite would not.
  closeSync(openSync(made, "wx"));
  const pageBytes = commitBytes >= LARGE_COMMIT_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES;
  fillSegment(made, meta, pageBytes);
  syncFile(made);
  // First the file, so that nothing reads it without the rest; then its log, which must not meet the new file.
  for (const file of filesOf(path)) rmSync(file, { force: true });
  renameSync(made, path);
  const overwrites = takeSpareLog(directory, path);
  syncFile(directory);
  const database = openToWrite(path);
  return { path, database, written: writtenTo(path, database, pageBytes), overwrites };
}

function writtenTo(path: string, database: DatabaseSync, pageBytes: number): () => number {
  const frames = database.prepare("PRAGMA wal_checkpoint = NOOP");
  return () => {
    const count = numberOf(frames.get()?.["log"]);
    const bytes = LOG_HEADER_BYTES + count * (FRAME_HEAD_BYTES + pageBytes);
    if (count > 0 && statSync(`${path}-wal`).size >= bytes) return bytes;
    throw new Error("its log does not hold what was written to it");
  };
}

function fillSegment(path: string, { first, shards, chain }: SegmentMeta, pageBytes: number): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;
      BEGIN;
      CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
      CREATE TABLE entries (position INTEGER PRIMARY KEY, shard INTEGER NOT NULL, kind INTEGER NOT NULL,
        unix_ms INTEGER NOT NULL, rows INTEGER NOT NULL, crc INTEGER NOT NULL, chain INTEGER NOT NULL,
        body BLOB NOT NULL) STRICT;
      CREATE INDEX voids ON entries (position) WHERE kind = 5;`);
    const insert = database.prepare("INSERT INTO meta VALUES (?, ?)");
    for (const [name, value] of Object.entries({ format: FORMAT, first, shards, chain })) {
      insert.run(name, value);
    }
    database.exec("COMMIT; PRAGMA journal_mode = WAL;");
  } finally {
    database.close();
  }
}

function openToWrite(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  database.exec(
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;",
  );
  return database;
}

/**
 * Closes a segment's database and leaves its log as it is: SQLite takes the log into the file when the last connection closes, and one that only
 * reads cannot. One whose segment has left the journal has no log.
 */
export function closeKeepingLog(path: string, database: DatabaseSync): void {
  if (!existsSync(path)) {
    database.close();
    return;
  }
  const reader = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  reader.prepare("SELECT value FROM meta WHERE name = 'format'").get();
  database.close();
  reader.close();
}

/**
 * A killed server's last transaction may be in memory only: the segment that follows says that it is there. What was only room for more is given
 * back.
 */
function syncLogBefore(directory: string, first: Position): void {
  const before = namedSegments(directory).findLast((segment) => segment.first < first);
  if (before === undefined) return;
  const log = `${before.path}-wal`;
  if (!existsSync(log)) return;
  const bytes = excessOf(log);
  if (bytes !== undefined) truncateSync(log, bytes);
  syncFile(log);
}

/** Of a file: its contents; of a directory: its names. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes a segment that nobody has open. */
export function removeSegment(path: string): void {
  for (const file of filesOf(path)) rmSync(file, { force: true });
}
