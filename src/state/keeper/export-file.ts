import { dirname } from "node:path";
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { ABI_VERSION } from "../../shard/layout.ts";
import { version } from "../../version.ts";
import { Sink, Source } from "../snapshot/checked-file.ts";
import { disk as realDisk } from "../snapshot/disk.ts";
import type { Disk } from "../snapshot/disk.ts";
import { SNAPSHOT_FORMAT, SnapshotDamage, UNFINISHED } from "../snapshot/format.ts";
import { refuseOtherVersion } from "../snapshot/other-version.ts";
import { isObject } from "../snapshot/text-file.ts";
import type { ExportAbout } from "./protocol.ts";

/*
 * A detector's state on its way between servers, numbers little-endian:
 *
 *   `weir export` and a line feed
 *   records   what u32 │ raw bytes u32 │ stored bytes u32 │ crc32 of the raw bytes u32, and the stored bytes (zstd)
 *
 * `what` is ABOUT for the first record, an ExportHeader as JSON; a shard's index for a part of its state, in the order in which `exportState` gave
 * them; END for the last, whose crc32 is that of everything before it.
 */
/** What the name of such a file ends in, so that `weir verify` finds it under a data directory. */
export const EXPORT_SUFFIX = ".state";

const MAGIC = Buffer.from("weir export\n", "latin1");
const ABOUT = 0xffff_ffff;
const END = 0xffff_fffe;
const HEAD_BYTES = 16;
/** Of a record: an encoding's categories are the most that it can hold. */
const RAW_MAX = 256 * 1024 * 1024;
const level1 = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export interface ExportHeader extends ExportAbout {
  readonly format: number;
  /** Of the Weir that wrote it; `version` of the detector is `about.version`. */
  readonly weir: string;
  readonly kernelAbi: number;
  readonly shards: number;
  /** Of the journal, the state's. */
  readonly position: Position;
}

/** A part of the state that a shard had of the detector. */
export interface ExportPart {
  readonly shard: number;
  readonly bytes: Uint8Array;
}

/** Writes an export; it has its name when all of it is on disk. Methods throw what the disk throws; then `abandon` is left to do. */
export class ExportWriter {
  private readonly path: string;
  private readonly disk: Disk;
  private readonly out: Sink;

  constructor(
    path: string,
    what: { readonly about: ExportAbout; readonly shards: number; readonly position: Position },
    disk: Disk = realDisk,
  ) {
    const { about, shards, position } = what;
    this.path = path;
    this.disk = disk;
    disk.remove(path + UNFINISHED);
    this.out = new Sink(disk.create(path + UNFINISHED));
    const header: ExportHeader = {
      ...about,
      format: SNAPSHOT_FORMAT,
      weir: version,
      kernelAbi: ABI_VERSION,
      shards,
      position,
    };
    this.out.write(MAGIC);
    this.write(ABOUT, Buffer.from(JSON.stringify(header), "utf8"));
  }

  get bytes(): number {
    return this.out.bytes;
  }

  writePart(shard: number, part: Uint8Array): void {
    this.write(shard, part);
  }

  /** Bytes of the file. */
  finish(): number {
    this.out.write(recordHead(END, { raw: 0, stored: 0, crc: this.out.crc }));
    this.out.sync();
    this.out.close();
    this.disk.rename(this.path + UNFINISHED, this.path);
    this.disk.syncDirectory(dirname(this.path));
    return this.out.bytes;
  }

  abandon(): void {
    this.out.close();
    this.disk.remove(this.path + UNFINISHED);
  }

  private write(what: number, raw: Uint8Array): void {
    const stored = zstdCompressSync(raw, level1);
    this.out.write(recordHead(what, { raw: raw.length, stored: stored.length, crc: crc32(raw) }));
    this.out.write(stored);
  }
}

/** An export that is being read: everything is checked, and only to be trusted when `parts` has come to its end. */
export interface OpenExport {
  readonly header: ExportHeader;
  /** In their order, one in memory at a time. Throws SnapshotDamage. Once only. */
  parts(): Iterable<ExportPart>;
  close(): void;
}

/** Throws SnapshotDamage, SnapshotOfOtherVersion, or the system's own error. */
export function openExport(path: string): OpenExport {
  const file = new Source(path);
  try {
    if (!MAGIC.equals(file.read(MAGIC.length))) {
      throw new SnapshotDamage(path, "it does not begin as an export of a detector does");
    }
    const { what, raw } = readRecord(file);
    if (what !== ABOUT) throw new SnapshotDamage(path, "it does not say of what it is");
    const header = headerIn(raw, path);
    return { header, parts: () => partsOf(file, header), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Reads a whole export and checks everything. Throws as `openExport` does. */
export function readExport(path: string, take: (part: ExportPart) => void): ExportHeader {
  const opened = openExport(path);
  try {
    for (const part of opened.parts()) take(part);
    return opened.header;
  } finally {
    opened.close();
  }
}

function* partsOf(file: Source, { shards }: ExportHeader): Generator<ExportPart, void> {
  const { path } = file;
  for (;;) {
    const { crc: before, at } = file;
    const { what, raw, crc } = readRecord(file);
    if (what === END) {
      if (crc !== before) throw new SnapshotDamage(path, "the checksum at its end does not fit");
      if (file.at !== file.size) throw new SnapshotDamage(path, "something lies behind its end");
      return;
    }
    if (what >= shards) {
      throw new SnapshotDamage(
        path,
        `the part at byte ${at} is of shard ${what}; there are ${shards}`,
      );
    }
    yield { shard: what, bytes: raw };
  }
}

interface RecordHead {
  readonly raw: number;
  readonly stored: number;
  readonly crc: number;
}

function recordHead(what: number, { raw, stored, crc }: RecordHead): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, what, true);
  view.setUint32(4, raw, true);
  view.setUint32(8, stored, true);
  view.setUint32(12, crc, true);
  return head;
}

function readRecord(file: Source): {
  readonly what: number;
  readonly raw: Uint8Array;
  readonly crc: number;
} {
  const { path, at } = file;
  const head = file.read(HEAD_BYTES);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const what = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  const stored = view.getUint32(8, true);
  const crc = view.getUint32(12, true);
  if (what === END) {
    if (length !== 0 || stored !== 0) throw new SnapshotDamage(path, "its end has a length");
    return { what, raw: new Uint8Array(0), crc };
  }
  const where = `the part at byte ${at}`;
  if (length > RAW_MAX) throw new SnapshotDamage(path, `${where} says that it has ${length} bytes`);
  const raw = decompressed(file.read(stored), { length, where, path });
  if (raw.length !== length || crc32(raw) !== crc) {
    throw new SnapshotDamage(path, `the checksum of ${where} does not fit`);
  }
  return { what, raw, crc };
}

function decompressed(
  stored: Uint8Array,
  {
    length,
    where,
    path,
  }: { readonly length: number; readonly where: string; readonly path: string },
): Uint8Array {
  try {
    return zstdDecompressSync(stored, { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    throw new SnapshotDamage(path, `${where} cannot be decompressed`, error);
  }
}

function headerIn(raw: Uint8Array, path: string): ExportHeader {
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(raw).toString("utf8"));
  } catch (error) {
    throw new SnapshotDamage(path, "what it says of the detector is no JSON", error);
  }
  if (!isObject(header)) throw new SnapshotDamage(path, "it says nothing of the detector");
  refuseOtherVersion(
    path,
    { ...header, version: header["weir"] },
    "export the detector with the version that it is imported with",
  );
  if (!isExportHeader(header)) throw new SnapshotDamage(path, "it says too little of the detector");
  return header;
}

function isExportHeader(header: object): header is ExportHeader {
  const found = new Map<string, unknown>(Object.entries(header));
  return (
    ["version", "shards", "position"].every((name) => Number.isSafeInteger(found.get(name))) &&
    typeof found.get("name") === "string" &&
    found.has("spec")
  );
}
