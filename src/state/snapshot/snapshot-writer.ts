import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { ABI_VERSION } from "../../shard/layout.ts";
import { version } from "../../version.ts";
import { disk as realDisk } from "./disk.ts";
import type { Disk } from "./disk.ts";
import {
  MANIFEST_FILE,
  PROCESS_FILE,
  SNAPSHOT_FORMAT,
  snapshotName,
  UNFINISHED,
} from "./format.ts";
import type { FileEntry, Manifest, ShardEntry, Snapshot } from "./format.ts";
import { writeShard } from "./shard-writer.ts";
import { checkSnapshotShard } from "./snapshots.ts";
import { encodeText } from "./text-file.ts";

export interface SnapshotWriterOptions {
  /** Where all snapshots are; made when it is not there. */
  readonly directory: string;
  readonly position: Position;
  readonly shards: number;
  readonly disk?: Disk;
}

/**
 * A snapshot on its way: everything goes into `<position>.new`, which gets its name when all of it is on disk. Until then nobody takes it for a
 * snapshot. Methods throw what the disk throws; then `abandon` is what is left to do.
 */
export class SnapshotWriter {
  /** Where its files are until it is whole. */
  readonly path: string;
  private readonly options: SnapshotWriterOptions;
  private readonly disk: Disk;
  private readonly entries = new Map<number, ShardEntry>();

  constructor(options: SnapshotWriterOptions) {
    this.options = options;
    this.disk = options.disk ?? realDisk;
    this.path = join(options.directory, snapshotName(options.position) + UNFINISHED);
    this.disk.remove(this.path);
    this.disk.makeDirectory(this.path);
  }

  /** The state of an idle shard, as it is at the snapshot's position. */
  writeShard(shard: number, memory: Uint8Array): void {
    const { shards, position } = this.options;
    this.add(writeShard(this.disk, memory, { directory: this.path, shard, shards, position }));
  }

  /** A shard's file that another thread wrote into `path`. */
  add(entry: ShardEntry): void {
    this.entries.set(entry.shard, entry);
  }

  /**
   * A shard without an entry since an older snapshot: its file there is checked and used again. Throws SnapshotDamage when it is not sound.
   */
  shareShard(from: Snapshot, shard: number): void {
    const entry = from.manifest.shards[shard];
    if (entry === undefined) throw new Error(`${from.path} has no shard ${shard}`);
    checkSnapshotShard(from, entry);
    this.disk.share(join(from.path, entry.name), join(this.path, entry.name));
    this.add(entry);
  }

  /** Makes it a snapshot: from here on it is there whatever happens. One that was there at its position, and that was not sound, is replaced. */
  finish(processState: unknown, timeUnixMs: number): Snapshot {
    const { directory, position, shards } = this.options;
    const entries = Array.from({ length: shards }, (_, shard) => this.entryOf(shard));
    const manifest: Manifest = {
      format: SNAPSHOT_FORMAT,
      version,
      kernelAbi: ABI_VERSION,
      position,
      timeUnixMs,
      shards: entries,
      memoryBytes: Math.max(...entries.map(({ memoryBytes }) => memoryBytes)),
      process: this.writeText(PROCESS_FILE, "process", { format: SNAPSHOT_FORMAT, processState }),
    };
    this.writeText(MANIFEST_FILE, "snapshot", manifest);
    this.disk.syncDirectory(this.path);
    const path = join(directory, snapshotName(position));
    this.disk.remove(path);
    this.disk.rename(this.path, path);
    this.disk.syncDirectory(directory);
    // The directory of all snapshots may be as new as its first one.
    this.disk.syncDirectory(dirname(directory));
    return { path, position, manifest };
  }

  /** Gives the room back, as far as the disk lets it; what is left is removed when the data directory is opened the next time. */
  abandon(): void {
    try {
      this.disk.remove(this.path);
    } catch {
      // Whatever the reason, the name ends in `.new`: nobody reads it.
    }
  }

  private entryOf(shard: number): ShardEntry {
    const entry = this.entries.get(shard);
    if (entry === undefined) throw new Error(`shard ${shard} is not in the snapshot yet`);
    return entry;
  }

  private writeText(name: string, what: string, value: unknown): FileEntry {
    const text = encodeText(what, value);
    const file = this.disk.create(join(this.path, name));
    try {
      file.write(text);
      file.sync();
    } finally {
      file.close();
    }
    return { name, bytes: text.length, crc: crc32(text) };
  }
}
