import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { JournalDamage, NewerJournal, UnreadableJournal } from "./damage.ts";

/*
 * A segment is a SQLite file `<first position, 20 digits>.db` in WAL mode. It holds the entries from its first position to the one before
 * the next segment's first: what else is in it was never durable (its writing failed) and is not read.
 *
 *   meta      name │ value: format, first, shards, chain (of the entry before the first)
 *   entries   position │ shard │ kind │ unix_ms │ rows │ crc (of the body) │ chain │ body
 *
 * chain = crc32 over (chain of the entry before; position f64 │ unix_ms f64 │ shard u32 │ kind u32 │ rows u32 │ bytes u32 │ crc u32). It covers
 * every entry without its body being read.
 *
 * SQLite holds POSIX locks on the .db and .db-shm files, and a process loses those when it closes any descriptor of the file: nothing here opens
 * one of them beside SQLite while a segment is in use. The .db-wal file carries no locks.
 */
export const FORMAT = 1;

/**
 * Bytes of a page. A commit writes at least one page; one of 64 KiB takes a third less CPU a megabyte than one of 16 KiB, and four times the disk
 * where batches are a few rows: a segment has large ones where the commits before it were large.
 */
export const PAGE_BYTES = 16_384;
export const LARGE_PAGE_BYTES = 65_536;
/** Of SQLite's write-ahead log. */
export const LOG_HEADER_BYTES = 32;
/** Before each page in it. */
export const FRAME_HEAD_BYTES = 24;

export interface SegmentInfo {
  readonly path: string;
  readonly first: Position;
  /** first - 1 = it is empty. */
  readonly last: Position;
  /** On disk: the file and its write-ahead log. */
  readonly bytes: number;
}

export interface SegmentMeta {
  readonly first: Position;
  readonly shards: number;
  /** Of the entry before the first. */
  readonly chain: number;
}

/** How long a segment is waited for that another connection holds. */
export const BUSY_MS = 10_000;
const NAME = /^\d{20}\.db$/u;

export function segmentPath(directory: string, first: Position): string {
  return join(directory, `${String(first).padStart(20, "0")}.db`);
}

/** Every file that belongs to a segment; those that are not there among them. */
export function filesOf(path: string): readonly string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

export interface NamedSegment {
  readonly path: string;
  readonly first: Position;
}

export function namedSegments(directory: string): NamedSegment[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => NAME.test(name))
    .toSorted()
    .map((name) => ({ path: join(directory, name), first: Number(name.slice(0, 20)) }));
}

/**
 * Every segment, in order; a directory that is not there has none.
 * @throws JournalDamage of the newest one: the others are not opened. NewerJournal.
 */
export function listSegments(directory: string): SegmentInfo[] {
  const named = namedSegments(directory);
  return named.map(({ path, first }, index) => {
    const next = named[index + 1];
    const last = next === undefined ? lastPositionIn(path, first) : next.first - 1;
    return { path, first, last, bytes: bytesOf(path) };
  });
}

/** Of all segments on disk; none is opened. */
export function journalBytes(directory: string): number {
  return namedSegments(directory).reduce((sum, { path }) => sum + bytesOf(path), 0);
}

function bytesOf(path: string): number {
  let bytes = 0;
  for (const file of filesOf(path)) {
    // The index of the write-ahead log lies in memory.
    if (!file.endsWith("-shm")) bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function lastPositionIn(path: string, first: Position): Position {
  return readingSegment(path, first, (database) => lastEntry(database)?.position ?? first - 1);
}

/** The newest entry's position and chain; undefined = there is none. */
export function lastEntry(
  database: DatabaseSync,
): { readonly position: Position; readonly chain: number } | undefined {
  const row = database
    .prepare("SELECT position, chain FROM entries ORDER BY position DESC LIMIT 1")
    .get();
  if (row === undefined) return undefined;
  return { position: numberOf(row["position"]), chain: numberOf(row["chain"]) };
}

/**
 * The chain of the entry at `position`: what the segment that begins behind it goes on from. 0 where there are no segments.
 * @throws JournalDamage where the journal does not reach that position, or goes on behind it in a further segment.
 */
export function chainAt(directory: string, position: Position): number {
  const named = namedSegments(directory).filter(({ path, first }) => {
    if (first <= position) return true;
    if (first === position + 1) return false;
    throw new JournalDamage(
      path,
      first,
      `it begins behind position ${position}, where it should go on`,
    );
  });
  const own = named.at(-1);
  if (own === undefined) return 0;
  return readingSegment(own.path, own.first, (database) => chainIn(database, own.path, position));
}

/** @throws JournalDamage where the segment does not hold the position. */
export function chainIn(database: DatabaseSync, path: string, position: Position): number {
  const row = database.prepare("SELECT chain FROM entries WHERE position = ?").get(position);
  if (row !== undefined) return numberOf(row["chain"]);
  const last = lastEntry(database)?.position;
  const where = last === undefined ? "it has no entries" : `its last entry is ${last}`;
  throw new JournalDamage(path, position, `entry ${position} is missing; ${where}`);
}

/**
 * Opens a segment to read it, checks what it says of itself, and closes it.
 * @throws JournalDamage, NewerJournal
 */
export function readingSegment<Result>(
  path: string,
  first: Position,
  read: (database: DatabaseSync, meta: SegmentMeta) => Result,
): Result {
  const { database, meta } = openToRead(path, first);
  try {
    return read(database, meta);
  } catch (error) {
    throw asDamage(error, path, first);
  } finally {
    database.close();
  }
}

/**
 * @throws JournalDamage, NewerJournal; Error where it is sound for all one knows and cannot be opened
 */
export function openToRead(
  path: string,
  first: Position,
): { readonly database: DatabaseSync; readonly meta: SegmentMeta } {
  let problem: unknown;
  for (const way of waysToRead(path)) {
    let database: DatabaseSync | undefined;
    try {
      database = way();
      const meta = metaOf(database, path);
      if (meta.first === first) return { database, meta };
      throw new JournalDamage(path, first, `it says that it begins at position ${meta.first}`);
    } catch (error) {
      database?.close();
      problem ??= error;
      if (!needsRoom(error)) break;
    }
  }
  throw asDamage(problem, path, first);
}

/**
 * SQLite wants a file beside one with a log for the log's index, also to read. Without a log nothing is needed, and with one on a full disk its
 * index can be in memory, if nobody else has it open.
 */
function waysToRead(path: string): (() => DatabaseSync)[] {
  const logBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (logBytes <= LOG_HEADER_BYTES) {
    const url = pathToFileURL(path);
    url.searchParams.set("immutable", "1");
    return [() => new DatabaseSync(url, { readOnly: true })];
  }
  return [
    // One that only reads leaves the log as it is when it closes.
    () => new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS }),
    () => {
      const database = new DatabaseSync(path, { timeout: BUSY_MS });
      database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_autocheckpoint = 0;");
      return database;
    },
  ];
}

/** SQLite's primary result codes that say nothing of what is in the file: PERM, BUSY, LOCKED, NOMEM, READONLY, FULL, CANTOPEN, PROTOCOL, AUTH. */
const OUTSIDE: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 13, 14, 15, 23]);
const IO_ERROR = 10;
/** Extended codes of it that do: READ, SHORT_READ, DATA, CORRUPTFS. */
const OF_CONTENTS: ReadonlySet<number> = new Set([266, 522, 8202, 8458]);
/** Others: IOERR_SHMOPEN, IOERR_SHMSIZE, IOERR_SHMMAP. */
const LOG_INDEX: ReadonlySet<number> = new Set([4618, 4874, 5386]);
const CANNOT_OPEN = 14;

function needsRoom(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (LOG_INDEX.has(code) || (code & 255) === CANNOT_OPEN);
}

/** What SQLite says of a damaged file, by path and position; other errors as they are. */
export function asDamage(error: unknown, path: string, position: Position): unknown {
  const code = sqliteCode(error);
  if (code === undefined || !(error instanceof Error)) return error;
  const outside = OUTSIDE.has(code & 255) || (code & 255) === IO_ERROR;
  if (!outside || OF_CONTENTS.has(code)) {
    return new JournalDamage(path, position, `SQLite: ${error.message}`);
  }
  const advice =
    "let this user read it and write beside it, or copy it with its -wal file to where it can";
  return new UnreadableJournal(`${path} cannot be read: ${error.message}: ${advice}`, {
    cause: error,
  });
}

function metaOf(database: DatabaseSync, path: string): SegmentMeta {
  const values = new Map<unknown, number>();
  for (const row of database.prepare("SELECT name, value FROM meta").iterate()) {
    values.set(row["name"], numberOf(row["value"]));
  }
  const format = values.get("format");
  if (format !== undefined && format > FORMAT) throw new NewerJournal(path, format, FORMAT);
  const [first, shards, chain] = ["first", "shards", "chain"].map((name) => values.get(name));
  if (format !== FORMAT || first === undefined || shards === undefined || chain === undefined) {
    throw new JournalDamage(
      path,
      0,
      "it does not say its format, first position, shards and chain",
    );
  }
  return { first, shards, chain };
}

const head = new DataView(new ArrayBuffer(40));
const headBytes = new Uint8Array(head.buffer, 0, 36);

/** What the chain covers of an entry. */
export interface EntryHead {
  readonly position: number;
  readonly unixMs: number;
  readonly shard: number;
  readonly kind: number;
  readonly rows: number;
  /** Of the body. */
  readonly bytes: number;
  readonly crc: number;
}

/** The chain after an entry, from the one before it. */
export function chainOf(entry: EntryHead, before: number): number {
  head.setFloat64(0, entry.position, true);
  head.setFloat64(8, entry.unixMs, true);
  head.setUint32(16, entry.shard, true);
  head.setUint32(20, entry.kind, true);
  head.setUint32(24, entry.rows, true);
  head.setUint32(28, entry.bytes, true);
  head.setUint32(32, entry.crc, true);
  return crc32(headBytes, before);
}

/** NaN = it is no number. */
export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** SQLite's extended result code (https://www.sqlite.org/rescode.html); undefined = another error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
