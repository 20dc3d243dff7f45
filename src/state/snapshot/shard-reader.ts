import { crc32, zstdDecompressSync } from "node:zlib";
import { ABI_VERSION, ARENA_BASE, PAGE_BYTES, Root } from "../../shard/layout.ts";
import { Source } from "./checked-file.ts";
import { CHUNK_BYTES, SnapshotDamage } from "./format.ts";
import type { FileEntry, ShardHeader } from "./format.ts";
import { refuseOtherVersion, inDataDirectory } from "./other-version.ts";
import { CHUNK_HEAD } from "./shard-writer.ts";
import { crcText, decodeText, isObject } from "./text-file.ts";

/** The two lines of the header are shorter than this. */
const HEADER_MAX = 4096;
/** A chunk that zstd cannot make smaller becomes this much longer at most. */
const STORED_MAX = CHUNK_BYTES + 65_536;

export interface ReadShardOptions {
  /** What the manifest says of the file. */
  readonly entry?: FileEntry;
  /** Called now and then with the bytes of state that have been read. */
  readonly onRead?: (bytes: number) => void;
}

/**
 * Reads a shard's file into a memory: its root page, and its arena as far as it was ever used; nothing else is touched. Everything is checked.
 * Throws SnapshotDamage (the memory then holds a part of it: not to be used), SnapshotOfOtherVersion, an Error when the memory is
 * too small, and the system's own errors.
 * @param into the whole memory, whose arena is all zero
 */
export function readShard(
  path: string,
  into: Uint8Array,
  options: ReadShardOptions = {},
): ShardHeader {
  return walk(path, options, (header) => {
    if (header.arenaTop > into.length || header.memoryBytes > into.length) {
      throw new Error(
        `${path} is of a shard with ${header.memoryBytes} bytes of memory, and there are ${into.length}: start with at least as much state memory`,
      );
    }
    return (at, raw) => into.set(raw, at);
  });
}

/** Reads a shard's file and checks everything, without a memory; throws as `readShard` does. */
export function checkShard(path: string, options: ReadShardOptions = {}): ShardHeader {
  return walk(path, options, () => () => undefined);
}

type Take = (at: number, raw: Uint8Array) => void;

function walk(
  path: string,
  { entry, onRead }: ReadShardOptions,
  open: (header: ShardHeader) => Take,
): ShardHeader {
  const file = new Source(path);
  try {
    if (entry !== undefined && file.size !== entry.bytes) {
      throw new SnapshotDamage(path, `it has ${file.size} bytes, and had ${entry.bytes}`);
    }
    const header = readHeader(file);
    const take = open(header);
    readChunk(file, PAGE_BYTES, (raw) => take(0, checkRoot(raw, header, path)));
    for (let at = ARENA_BASE; at < header.arenaTop; at += CHUNK_BYTES) {
      readChunk(file, Math.min(CHUNK_BYTES, header.arenaTop - at), (raw) => take(at, raw));
      onRead?.(PAGE_BYTES + at - ARENA_BASE);
    }
    readEnd(file, entry);
    return header;
  } finally {
    file.close();
  }
}

function readHeader(file: Source): ShardHeader {
  const { path } = file;
  const start = file.peek(HEADER_MAX);
  const length = start.indexOf(10, start.indexOf(10) + 1) + 1;
  if (length === 0) throw new SnapshotDamage(path, "its header has no end");
  const header = decodeText(file.read(length), "shard", path);
  if (!isObject(header)) throw new SnapshotDamage(path, "its header is none");
  refuseOtherVersion(path, header, inDataDirectory);
  if (!isShardHeader(header)) throw new SnapshotDamage(path, "its header lacks a number");
  const { arenaTop, rawBytes, memoryBytes } = header;
  if (rawBytes !== PAGE_BYTES + arenaTop - ARENA_BASE || arenaTop > memoryBytes) {
    throw new SnapshotDamage(path, "the lengths in its header do not fit together");
  }
  return header;
}

function readChunk(file: Source, expected: number, take: (raw: Uint8Array) => void): void {
  const { path, at } = file;
  const { raw, stored, crc } = chunkHead(file);
  const where = `the chunk at byte ${at}`;
  if (raw !== expected || stored > STORED_MAX) {
    throw new SnapshotDamage(path, `${where} says that it has ${raw} bytes, not ${expected}`);
  }
  const bytes = decompressed(file.read(stored), { expected, where, path });
  if (bytes.length !== raw || crc32(bytes) !== crc) {
    throw new SnapshotDamage(path, `the checksum of ${where} does not fit`);
  }
  take(bytes);
}

function decompressed(
  stored: Uint8Array,
  {
    expected,
    where,
    path,
  }: { readonly expected: number; readonly where: string; readonly path: string },
): Uint8Array {
  try {
    return zstdDecompressSync(stored, { maxOutputLength: expected, chunkSize: expected });
  } catch (error) {
    throw new SnapshotDamage(path, `${where} cannot be decompressed`, error);
  }
}

function checkRoot(root: Uint8Array, header: ShardHeader, path: string): Uint8Array {
  const view = new DataView(root.buffer, root.byteOffset, root.byteLength);
  const top = view.getUint32(Root.arenaTop, true);
  if (top === header.arenaTop && view.getUint32(Root.abiVersion, true) === ABI_VERSION) return root;
  throw new SnapshotDamage(path, "its header does not fit the state in it");
}

function readEnd(file: Source, entry: FileEntry | undefined): void {
  const { path, crc: before } = file;
  const end = chunkHead(file);
  if (end.raw !== 0 || end.stored !== 0 || end.crc !== before) {
    throw new SnapshotDamage(path, "the checksum at its end does not fit");
  }
  if (file.at !== file.size) {
    throw new SnapshotDamage(path, `${file.size - file.at} bytes lie behind its end`);
  }
  if (entry !== undefined && file.crc !== entry.crc) {
    throw new SnapshotDamage(
      path,
      `it is another file: its checksum is ${crcText(file.crc)}, and was ${crcText(entry.crc)}`,
    );
  }
}

interface ChunkHead {
  readonly raw: number;
  readonly stored: number;
  readonly crc: number;
}

function chunkHead(file: Source): ChunkHead {
  const head = file.read(CHUNK_HEAD);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return {
    raw: view.getUint32(0, true),
    stored: view.getUint32(4, true),
    crc: view.getUint32(8, true),
  };
}

const headerNumbers = [
  "shard",
  "shards",
  "position",
  "memoryBytes",
  "arenaTop",
  "rawBytes",
] as const;

function isShardHeader(value: object): value is ShardHeader {
  const found = new Map<string, unknown>(Object.entries(value));
  return headerNumbers.every((name) => Number.isSafeInteger(found.get(name)));
}
