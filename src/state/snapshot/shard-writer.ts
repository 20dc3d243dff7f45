import { join } from "node:path";
import { constants, crc32, zstdCompressSync } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import {
  ABI_VERSION,
  ARENA_BASE,
  MAGIC,
  PAGE_BYTES,
  Root,
  VOLATILE_ROOT,
} from "../../shard/layout.ts";
import { version } from "../../version.ts";
import { Sink } from "./checked-file.ts";
import type { Disk } from "./disk.ts";
import { CHUNK_BYTES, shardFile, SNAPSHOT_FORMAT } from "./format.ts";
import type { ShardEntry, ShardHeader } from "./format.ts";
import { encodeText } from "./text-file.ts";

/*
 * A shard's file, numbers little-endian:
 *
 *   header    two lines of text: `weir shard <crc32 of the second>` and a ShardHeader as JSON
 *   chunks    raw bytes u32 │ stored bytes u32 │ crc32 of the raw bytes u32, and the stored bytes (zstd)
 *   end       0 u32 │ 0 u32 │ crc32 of everything before it u32
 *
 * The first chunk is the root page, then come 1 MiB each of the arena as far as it was ever used. Nothing else of a shard's memory is state.
 */
/** Bytes before a chunk's own. */
export const CHUNK_HEAD = 12;

/** What is written at most before it is synced: a sync of more would hold up those of the journal on the same disk. */
const SYNC_BYTES = 16 * 1024 * 1024;

const level1 = {
  params: { [constants.ZSTD_c_compressionLevel]: 1 },
  chunkSize: CHUNK_BYTES + 65_536,
};

export interface ShardToWrite {
  readonly directory: string;
  readonly shard: number;
  readonly shards: number;
  readonly position: Position;
}

/**
 * Writes the state of an idle shard, synced. Blocks for about a second a gigabyte: for a thread of its own. Throws when the shard is in the middle
 * of something, and what the disk throws; then the file is not whole.
 * @param memory the shard's whole memory
 */
export function writeShard(disk: Disk, memory: Uint8Array, what: ShardToWrite): ShardEntry {
  const { directory, shard, shards, position } = what;
  const { root, header } = rootOf(memory, what);
  const name = shardFile(shard);
  const out = new Sink(disk.create(join(directory, name)));
  try {
    out.write(encodeText("shard", { ...header, shard, shards, position }));
    writeChunk(out, root);
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let at = ARENA_BASE; at < header.arenaTop; at += CHUNK_BYTES) {
      const bytes = Math.min(CHUNK_BYTES, header.arenaTop - at);
      chunk.set(memory.subarray(at, at + bytes));
      writeChunk(out, chunk.subarray(0, bytes));
      if (out.unsynced >= SYNC_BYTES) out.sync();
    }
    out.write(chunkHead(0, 0, out.crc));
    out.sync();
  } finally {
    out.close();
  }
  const { bytes, crc } = out;
  const { memoryBytes, rawBytes } = header;
  return { name, bytes, crc, shard, position, memoryBytes, rawBytes };
}

function rootOf(
  memory: Uint8Array,
  { shard }: ShardToWrite,
): {
  readonly root: Uint8Array;
  readonly header: Omit<ShardHeader, "shard" | "shards" | "position">;
} {
  const root = new Uint8Array(PAGE_BYTES);
  root.set(memory.subarray(0, PAGE_BYTES));
  const view = new DataView(root.buffer);
  if (view.getUint32(Root.magic, true) !== MAGIC) {
    throw new Error(`the memory of shard ${shard} holds no shard: it was never initialized`);
  }
  const doing = view.getUint32(Root.inProgress, true);
  if (doing !== 0) {
    throw new Error(`shard ${shard} is not idle (in progress: ${doing}): it cannot be copied now`);
  }
  for (const [offset, bytes] of VOLATILE_ROOT) root.fill(0, offset, offset + bytes);
  const arenaTop = view.getUint32(Root.arenaTop, true);
  const header = {
    format: SNAPSHOT_FORMAT,
    version,
    kernelAbi: ABI_VERSION,
    memoryBytes: view.getFloat64(Root.memoryBytes, true),
    arenaTop,
    rawBytes: PAGE_BYTES + arenaTop - ARENA_BASE,
  };
  return { root, header };
}

function writeChunk(out: Sink, raw: Uint8Array): void {
  const stored = zstdCompressSync(raw, level1);
  out.write(chunkHead(raw.length, stored.length, crc32(raw)));
  out.write(stored);
}

function chunkHead(raw: number, stored: number, crc: number): Uint8Array {
  const head = new Uint8Array(CHUNK_HEAD);
  const view = new DataView(head.buffer);
  view.setUint32(0, raw, true);
  view.setUint32(4, stored, true);
  view.setUint32(8, crc, true);
  return head;
}
