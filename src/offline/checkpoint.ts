import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { statSync, writeSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { crc32 } from "node:zlib";
import { OptionsError } from "../config/options-error.ts";
import type { OutputMark } from "./output-file.ts";
import type { Position } from "./rows.ts";

/** "WEIR", and the form of what follows. */
const MAGIC = 0x5249_4557;
const VERSION = 1;
/** Magic, version, bytes of the progress and their CRC-32, CRC-32 of the memory. */
const HEAD_BYTES = 20;
const PIECE_BYTES = 1 << 20;
/** Of the progress: rows that are not in a Parquet file yet, and what its footer says of those that are. */
const PART_BYTES_MAX = 1 << 30;
const startOver = "run without --resume to start over";

/** What makes two runs the same one: words for a person, and what must be equal. */
export type Identity = Readonly<Record<string, string>>;

export interface Counts {
  readonly rows: number;
  readonly skipped: number;
  readonly refused: number;
  /** The oldest and the newest event, Unix ms. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Arrival of the last row. */
  readonly arrivalMs: number;
}

/** How far a run is, beside the state of the kernel. */
export interface Progress {
  readonly identity: Identity;
  readonly input: Position;
  readonly output: OutputMark;
  /** Of the writer. */
  readonly pending: unknown;
  readonly counts: Counts;
}

export interface Checkpoint {
  readonly progress: Progress;
  /** Writes the kernel's memory as it was. Throws an OptionsError when it is damaged. */
  readonly restore: (memory: Uint8Array) => void;
}

export function checkpointOf(path: string): string {
  return `${path}.checkpoint`;
}

/** Writes a checkpoint beside the output; the one before it stays until this one is whole. */
export function saveCheckpoint(path: string, progress: Progress, memory: Uint8Array): void {
  const described = serialize(progress);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(VERSION, 4);
  head.writeUInt32LE(described.length, 8);
  head.writeUInt32LE(crc32(described), 12);
  const temporary = `${checkpointOf(path)}.new`;
  const fd = openSync(temporary, "w");
  try {
    writeWhole(fd, described, HEAD_BYTES);
    let crc = 0;
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let from = 0; from < memory.length; from += PIECE_BYTES) {
      const part = memory.subarray(from, from + PIECE_BYTES);
      piece.set(part);
      const bytes = piece.subarray(0, part.length);
      crc = crc32(bytes, crc);
      writeWhole(fd, bytes, HEAD_BYTES + described.length + from);
    }
    head.writeUInt32LE(crc, 16);
    writeWhole(fd, head, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, checkpointOf(path));
}

/** Undefined = there is none. Throws an OptionsError when it is damaged, or of a run that is not `identity`'s. */
export function openCheckpoint(path: string, identity: Identity): Checkpoint | undefined {
  const file = checkpointOf(path);
  const bytes = sizeOf(file);
  if (bytes === undefined) return undefined;
  const head = readPart(file, 0, HEAD_BYTES);
  const described = readPart(file, HEAD_BYTES, head.readUInt32LE(8));
  const sound =
    head.readUInt32LE(0) === MAGIC &&
    head.readUInt32LE(4) === VERSION &&
    head.readUInt32LE(12) === crc32(described);
  const progress = sound ? read(described) : undefined;
  if (!isProgress(progress)) throw damaged(file);
  const differs = Object.keys(identity).filter(
    (name) => progress.identity[name] !== identity[name],
  );
  if (differs.length > 0) {
    const have = differs.length > 1 ? "have" : "has";
    throw new OptionsError(
      `${file} is of another run: ${differs.join(" and ")} ${have} changed since; ${startOver}`,
      1,
    );
  }
  const restore = (memory: Uint8Array): void => {
    let crc = 0;
    for (let from = HEAD_BYTES + described.length; from < bytes; from += PIECE_BYTES) {
      const piece = readPart(file, from, Math.min(PIECE_BYTES, bytes - from));
      crc = crc32(piece, crc);
      memory.set(piece, from - HEAD_BYTES - described.length);
    }
    if (crc !== head.readUInt32LE(16)) throw damaged(file);
  };
  return { progress, restore };
}

function damaged(file: string): OptionsError {
  return new OptionsError(`${file} is damaged; ${startOver}`, 1);
}

export function removeCheckpoint(path: string): void {
  rmSync(checkpointOf(path), { force: true });
  rmSync(`${checkpointOf(path)}.new`, { force: true });
}

/** Undefined where it was written by another version of Node.js, in a form that this one does not read. */
function read(described: Buffer): unknown {
  try {
    return deserialize(described);
  } catch {
    return undefined;
  }
}

/** The CRC guards against damage; this against a file of another program, or one that was edited. */
function isProgress(value: unknown): value is Progress {
  return (
    hasFields(value, "identity", "input", "output", "counts") &&
    hasFields(value.identity) &&
    areWhole(value.input, "major", "minor") &&
    areWhole(value.output, "bytes", "crc") &&
    areWhole(value.counts, "rows", "skipped", "refused") &&
    hasFields(value.counts, "oldestMs", "newestMs", "arrivalMs")
  );
}

function hasFields(
  value: unknown,
  ...names: readonly string[]
): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}

function areWhole(value: unknown, ...names: readonly string[]): boolean {
  return hasFields(value, ...names) && names.every((name) => isCount(value[name]));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Zeros behind the end of the file: a checksum tells. */
function readPart(path: string, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.min(length, PART_BYTES_MAX));
  const fd = openSync(path, "r");
  try {
    let at = 0;
    while (at < bytes.length) {
      const got = readSync(fd, bytes, at, bytes.length - at, position + at);
      if (got === 0) break;
      at += got;
    }
  } finally {
    closeSync(fd);
  }
  return bytes;
}

function writeWhole(fd: number, bytes: Uint8Array, position: number): void {
  let at = 0;
  while (at < bytes.length) {
    at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  }
}
