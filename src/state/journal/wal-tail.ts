import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FRAME_HEAD_BYTES, LOG_HEADER_BYTES, codeOf } from "./segment-file.ts";
import { saysEmpty } from "./spare-log.ts";

/*
 * SQLite's write-ahead log (https://www.sqlite.org/fileformat2.html#walformat), big-endian:
 *
 *   header 32 B   magic 0x377f0682 or ..83 │ version 3007000 │ page bytes │ sequence │ salt u64 │ checksum u64 of the 24 bytes before
 *   frame  24 B   page │ pages of the file after a commit, 0 = none │ salt u64 │ checksum u64 of the checksum before, the 8 bytes first in
 *                 the frame and the page; then the page
 *
 * SQLite takes frames up to the last commit before the first one that is wrong, and says nothing of the rest. A server that was killed leaves
 * such a rest, of a transaction that nobody was told of. So does a power cut; a transaction begins to be written only when the one before it is
 * on disk, so a rest in which a commit is followed by more is one that had been.
 *
 * A log that was a spare one (spare-log.ts) is longer than what was written to it: behind the last frame with its own salts there is room.
 */
const MAGIC = 0x377f0682;
const VERSION = 3_007_000;

/** What a reader of a segment does not get to see. */
export interface Tail {
  /** Of the log, up to the end of its last whole transaction. */
  readonly soundBytes: number;
  /** Behind the last whole transaction; 0 = nothing is dropped. */
  readonly droppedBytes: number;
  /** For people; undefined = nothing is dropped. */
  readonly what: string | undefined;
  /** Frames behind the broken one that are right in themselves. */
  readonly soundFramesBehind: number;
  /** Among what is dropped are transactions that had been on disk: the disk, or someone, altered them. False = an unfinished write. */
  readonly lost: boolean;
}

const nothing: Tail = {
  soundBytes: 0,
  droppedBytes: 0,
  what: undefined,
  soundFramesBehind: 0,
  lost: false,
};

/** Reads the write-ahead log of a segment as SQLite does when it opens it. Changes nothing. @param path of the segment, not of its log */
export function inspectTail(path: string): Tail {
  const log = `${path}-wal`;
  let file: number;
  try {
    file = openSync(log, "r");
  } catch (error) {
    // Checkpointed.
    if (codeOf(error) === "ENOENT") return nothing;
    throw error;
  }
  try {
    return inspect(file, log);
  } finally {
    closeSync(file);
  }
}

/** Running checksum. */
class Checksum {
  a = 0;
  b = 0;
  private readonly bigEndian: boolean;

  constructor(bigEndian: boolean) {
    this.bigEndian = bigEndian;
  }

  start(a: number, b: number): void {
    this.a = a | 0;
    this.b = b | 0;
  }

  /** @param bytes a multiple of 8 of them */
  add(bytes: DataView, from: number, to: number): void {
    let { a, b } = this;
    const little = !this.bigEndian;
    for (let at = from; at < to; at += 8) {
      a = (a + bytes.getInt32(at, little) + b) | 0;
      b = (b + bytes.getInt32(at + 4, little) + a) | 0;
    }
    this.a = a;
    this.b = b;
  }

  is(a: number, b: number): boolean {
    return this.a === (a | 0) && this.b === (b | 0);
  }
}

interface Log {
  readonly file: number;
  readonly path: string;
  /** Without the room behind what was written. */
  bytes: number;
  readonly pageBytes: number;
  readonly salts: readonly [number, number];
  readonly checksum: Checksum;
}

function inspect(file: number, path: string): Tail {
  const bytes = fstatSync(file).size;
  if (bytes === 0) return nothing;
  const log = openLog(file, path);
  if (log === "empty") return nothing;
  if (log === "broken") return brokenHeader(path, bytes);
  log.bytes = writtenBytes(log);
  return walk(log, bytes);
}

function openLog(file: number, path: string): Log | "empty" | "broken" {
  const header = new DataView(new ArrayBuffer(LOG_HEADER_BYTES));
  const read = readSync(file, header, 0, LOG_HEADER_BYTES, 0);
  if (saysEmpty(new Uint8Array(header.buffer))) return "empty";
  const magic = header.getUint32(0);
  const checksum = new Checksum(magic === MAGIC + 1);
  checksum.start(0, 0);
  checksum.add(header, 0, 24);
  const sound =
    read === LOG_HEADER_BYTES && (magic & ~1) === MAGIC && header.getUint32(4) === VERSION;
  if (!sound || !checksum.is(header.getInt32(24), header.getInt32(28))) return "broken";
  return {
    file,
    path,
    bytes: fstatSync(file).size,
    pageBytes: header.getUint32(8),
    salts: [header.getInt32(16), header.getInt32(20)],
    checksum,
  };
}

/** A log that only grew is whole frames long, or ends in a part of one with its salts: all of it was written. */
function writtenBytes(log: Log): number {
  const { file, bytes, pageBytes } = log;
  const frameBytes = FRAME_HEAD_BYTES + pageBytes;
  const part = (bytes - LOG_HEADER_BYTES) % frameBytes;
  if (part === 0) return bytes;
  const head = new DataView(new ArrayBuffer(16));
  const isOwn = (at: number): boolean => {
    readSync(file, head, 0, 16, at);
    return hasSalts(head, log);
  };
  let at = bytes - part;
  // Too short to say whose it is: the frame before tells.
  const end = part < 16 ? bytes : at;
  if (part >= 16 && isOwn(at)) return bytes;
  for (at -= frameBytes; at >= LOG_HEADER_BYTES; at -= frameBytes) {
    if (isOwn(at)) return at === bytes - part - frameBytes ? end : at + frameBytes;
  }
  return part < 16 && bytes < LOG_HEADER_BYTES + frameBytes ? bytes : LOG_HEADER_BYTES;
}

/** Kept behind what was written when the room is given back: if the last frame was altered, it is there to be named. No whole frame of any size. */
const MARGIN_BYTES = 100_000;

/** How long a log that nobody writes any more may be cut; undefined = all of it was written. @param path of the log */
export function excessOf(path: string): number | undefined {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const log = size === 0 ? "broken" : openLog(file, path);
    if (log === "broken") return undefined;
    if (log === "empty") return 0;
    const bytes = writtenBytes(log) + MARGIN_BYTES;
    return bytes < size ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}

function brokenHeader(path: string, bytes: number): Tail {
  // The header is on disk before the first transaction is; one with frames behind it was.
  const lost = bytes > LOG_HEADER_BYTES;
  const what = `${path}: its header is broken: all of its ${bytes} bytes are dropped`;
  return { soundBytes: 0, droppedBytes: bytes, what, soundFramesBehind: 0, lost };
}

/** What `walk` knows of the frames so far. */
interface Walk {
  /** Where the last whole transaction ends. */
  committed: number;
  /** Where the first wrong frame begins; -1 = none. */
  broken: number;
  soundBehind: number;
  commitBehind: boolean;
  lost: boolean;
  /** Checksum of the frame before as it says, and as it is; undefined = the same. */
  said: readonly [number, number];
  computed: readonly [number, number] | undefined;
}

/** @param fileBytes with the room behind what was written */
function walk(log: Log, fileBytes: number): Tail {
  const { bytes, pageBytes } = log;
  const frameBytes = FRAME_HEAD_BYTES + pageBytes;
  const frame = new DataView(new ArrayBuffer(frameBytes));
  const state: Walk = {
    committed: LOG_HEADER_BYTES,
    broken: -1,
    soundBehind: 0,
    commitBehind: false,
    lost: false,
    said: [log.checksum.a, log.checksum.b],
    computed: undefined,
  };
  let at = LOG_HEADER_BYTES;
  for (; at + frameBytes <= bytes; at += frameBytes) {
    readSync(log.file, frame, 0, frameBytes, at);
    take(log, frame, at, state);
  }
  if (state.broken < 0 && at === bytes && at + frameBytes <= fileBytes) {
    readSync(log.file, frame, 0, frameBytes, at);
    // Room, or the last frame with its salts altered: the checksum does not cover them.
    if (followsChain(log, frame, state.said)) {
      state.broken = at;
      state.commitBehind = frame.getUint32(4) !== 0;
      log.bytes += frameBytes;
    }
  }
  if (state.broken < 0 && at < bytes) state.broken = at;
  // A part of a further frame behind a commit.
  if (state.commitBehind && at < bytes) state.lost = true;
  return tailOf(log, state);
}

function take(log: Log, frame: DataView, at: number, state: Walk): void {
  const own = hasSalts(frame, log);
  const follows = followsAny(log, frame, state);
  const commits = frame.getUint32(4) !== 0;
  if (state.broken >= 0) {
    if (own && follows) takeBehind(state, commits);
  } else if (!own || !follows) {
    state.broken = at;
    // Neither: it is of the log that was here before, and so is its commit.
    state.commitBehind = commits && (own || follows);
  } else if (commits) {
    state.committed = at + FRAME_HEAD_BYTES + log.pageBytes;
  }
}

function hasSalts(head: DataView, { salts }: Log): boolean {
  return head.getInt32(8) === salts[0] && head.getInt32(12) === salts[1];
}

/** The checksum goes on from what the frame before says of itself; where that was broken, also from what it should say. */
function followsAny(log: Log, frame: DataView, state: Walk): boolean {
  const { said, computed } = state;
  const follows =
    followsChain(log, frame, said) ||
    (computed !== undefined && followsChain(log, frame, computed));
  state.said = [frame.getInt32(16), frame.getInt32(20)];
  state.computed = follows ? undefined : [log.checksum.a, log.checksum.b];
  return follows;
}

/** Leaves in `checksum` what the frame should say. */
function followsChain(
  { checksum, pageBytes }: Log,
  frame: DataView,
  from: readonly [number, number],
): boolean {
  checksum.start(from[0], from[1]);
  checksum.add(frame, 0, 8);
  checksum.add(frame, FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + pageBytes);
  return checksum.is(frame.getInt32(16), frame.getInt32(20));
}

function takeBehind(state: Walk, commits: boolean): void {
  state.soundBehind++;
  if (state.commitBehind) state.lost = true;
  if (commits) state.commitBehind = true;
}

function tailOf({ path, bytes }: Log, state: Walk): Tail {
  const { committed, broken, soundBehind, commitBehind, lost } = state;
  const droppedBytes = bytes - committed;
  if (droppedBytes === 0) return { ...nothing, soundBytes: committed };
  const behind = soundBehind === 0 ? "" : `; ${soundBehind} frames behind it are sound`;
  const how =
    broken < 0
      ? "a transaction without its end"
      : `the frame at byte ${broken} is broken or cut off${behind}`;
  const meaning = lost
    ? "entries that had been on disk are lost: restore them from a backup"
    : commitBehind
      ? "a power cut during its write, or altered since"
      : "an unfinished write; nothing of it was acknowledged";
  const what = `${path}: ${droppedBytes} bytes behind byte ${committed} are dropped: ${how}: ${meaning}`;
  return { soundBytes: committed, droppedBytes, what, soundFramesBehind: soundBehind, lost };
}
