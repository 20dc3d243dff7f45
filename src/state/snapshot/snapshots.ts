import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { disk as realDisk } from "./disk.ts";
import type { Disk } from "./disk.ts";
import {
  MANIFEST_FILE,
  SET_ASIDE,
  SnapshotDamage,
  SnapshotOfOtherVersion,
  snapshotName,
  UNFINISHED,
} from "./format.ts";
import type { Manifest, ShardEntry, ShardHeader, Snapshot } from "./format.ts";
import { inDataDirectory, refuseOtherVersion } from "./other-version.ts";
import { checkShard, readShard } from "./shard-reader.ts";
import type { ReadShardOptions } from "./shard-reader.ts";
import { decodeText, isObject, readText } from "./text-file.ts";

/** Where the snapshots of a data directory are. */
export const snapshotsIn = (data: string): string => join(data, "snapshots");

/** One of the snapshots there are: to be used, or why not (SnapshotDamage, SnapshotOfOtherVersion, or the system's error). */
export type Listed =
  | (Snapshot & { readonly problem?: undefined })
  | {
      readonly path: string;
      readonly position: Position;
      readonly manifest?: undefined;
      readonly problem: Error;
    };

/**
 * The snapshots in a directory, the newest first. Their manifests are checked, and nothing else: what is in their files shows when they
 * are read. None when there is no such directory.
 */
export function listSnapshots(directory: string): readonly Listed[] {
  return namesIn(directory)
    .filter((name) => /^\d{20}$/.test(name))
    .toSorted()
    .toReversed()
    .map((name) => {
      const path = join(directory, name);
      try {
        return openSnapshot(path);
      } catch (error) {
        const problem = error instanceof Error ? error : new Error(String(error));
        return { path, position: Number(name), problem };
      }
    });
}

/** Reads and checks the manifest. Throws SnapshotDamage, SnapshotOfOtherVersion, or the system's own error. */
export function openSnapshot(path: string): Snapshot {
  const at = join(path, MANIFEST_FILE);
  const manifest = readManifest(at);
  const { position } = manifest;
  if (!path.endsWith(snapshotName(position))) {
    throw new SnapshotDamage(at, `it is of the snapshot at position ${position}`);
  }
  return { path, position, manifest };
}

function readManifest(path: string): Manifest {
  let written: unknown;
  try {
    written = readText(path, "snapshot");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    throw new SnapshotDamage(path, "it is not there", error);
  }
  if (!isObject(written)) throw new SnapshotDamage(path, "it is no manifest");
  refuseOtherVersion(path, written, inDataDirectory);
  if (!isManifest(written)) throw new SnapshotDamage(path, "something is missing in it");
  return written;
}

/**
 * Reads a shard's state into a memory, as `readShard` does, and checks that it is the file of this snapshot. The state is that of the snapshot's
 * position, whatever the position of the file.
 */
export function readSnapshotShard(
  { path, manifest }: Snapshot,
  shard: number,
  into: Uint8Array,
  options: Pick<ReadShardOptions, "onRead"> = {},
): ShardHeader {
  const entry = manifest.shards[shard];
  if (entry === undefined) throw new SnapshotDamage(path, `it has no shard ${shard}`);
  const file = join(path, entry.name);
  const header = readShard(file, into, { ...options, entry });
  checkBelongs(file, header, entry, manifest);
  return header;
}

/** Reads a shard's file and checks everything, without a memory. Throws as `readSnapshotShard` does. */
export function checkSnapshotShard({ path, manifest }: Snapshot, entry: ShardEntry): void {
  const file = join(path, entry.name);
  checkBelongs(file, checkShard(file, { entry }), entry, manifest);
}

/** Reads a whole snapshot and checks everything. Throws SnapshotDamage, SnapshotOfOtherVersion, or the system's own error. */
export function checkSnapshot(snapshot: Snapshot): void {
  for (const entry of snapshot.manifest.shards) checkSnapshotShard(snapshot, entry);
  readSnapshotProcess(snapshot);
}

/** That a shard's file is the one that the manifest speaks of. Throws SnapshotDamage. */
function checkBelongs(
  path: string,
  header: ShardHeader,
  entry: ShardEntry,
  manifest: Manifest,
): void {
  const same =
    header.shard === entry.shard &&
    header.shards === manifest.shards.length &&
    header.position === entry.position &&
    header.memoryBytes === entry.memoryBytes &&
    header.rawBytes === entry.rawBytes &&
    entry.position <= manifest.position;
  if (!same) throw new SnapshotDamage(path, "its header does not fit the snapshot's manifest");
}

/** What was kept outside of the shards, as it was given to `SnapshotWriter.finish`. Throws as `openSnapshot` does. */
export function readSnapshotProcess({ path, manifest }: Snapshot): unknown {
  const { process } = manifest;
  const file = join(path, process.name);
  const bytes = readFileSync(file);
  if (bytes.length !== process.bytes || crc32(bytes) !== process.crc) {
    throw new SnapshotDamage(file, "it is not the file that the snapshot was made with");
  }
  const written = decodeText(bytes, "process", file);
  if (!isObject(written)) throw new SnapshotDamage(file, "it holds nothing");
  return written["processState"];
}

/** Removes what a writer left that was cut off. Only for who has the data directory for itself. */
export function removeUnfinished(directory: string, disk: Disk = realDisk): readonly string[] {
  const left = namesIn(directory)
    .filter((name) => name.endsWith(UNFINISHED))
    .map((name) => join(directory, name));
  for (const path of left) disk.remove(path);
  return left;
}

/**
 * Sets aside snapshots behind `position`, for a start that could bring the state back only up to there: what the journal gets from now on is not
 * what they hold. Their paths as they are now. Only for who has the data directory for itself.
 */
export function setAsideAfter(
  directory: string,
  position: Position,
  disk: Disk = realDisk,
): readonly string[] {
  const moved: string[] = [];
  for (const { path, position: at } of listSnapshots(directory)) {
    if (at <= position) continue;
    disk.remove(path + SET_ASIDE);
    disk.rename(path, path + SET_ASIDE);
    moved.push(path + SET_ASIDE);
  }
  if (moved.length > 0) disk.syncDirectory(directory);
  return moved;
}

export interface PruneOptions {
  /** Snapshots that stay, 1 or more. */
  readonly keep: number;
  /** Positions of snapshots of which a file turned out not to be sound: they are not counted. */
  readonly unsound?: ReadonlySet<Position>;
  readonly disk?: Disk;
}

export interface Pruned {
  readonly removed: readonly Position[];
  /** Of the oldest sound one that stayed: what lies before can be forgotten. 0 = there is none. */
  readonly oldest: Position;
}

/**
 * Removes snapshots older than the newest `keep` sound ones. Those that are not sound are not counted, and stay while they are newer; those
 * of another version stay.
 */
export function pruneSnapshots(directory: string, options: PruneOptions): Pruned {
  const { keep, unsound = new Set<Position>(), disk = realDisk } = options;
  const all = listSnapshots(directory);
  const sound = all.filter(
    ({ problem, position }) => problem === undefined && !unsound.has(position),
  );
  const kept = sound.slice(0, keep);
  const oldest = kept.at(-1)?.position ?? 0;
  const removed: Position[] = [];
  for (const { path, position, problem } of all) {
    if (position >= oldest || problem instanceof SnapshotOfOtherVersion) continue;
    // The name goes first: half of a snapshot is none.
    disk.rename(path, path + UNFINISHED);
    disk.remove(path + UNFINISHED);
    removed.push(position);
  }
  if (removed.length > 0) disk.syncDirectory(directory);
  return { removed, oldest };
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function isManifest(value: object): value is Manifest {
  const found = new Map<string, unknown>(Object.entries(value));
  const numbers = ["position", "timeUnixMs", "memoryBytes"];
  const shards = found.get("shards");
  return (
    numbers.every((name) => Number.isSafeInteger(found.get(name))) &&
    Array.isArray(shards) &&
    shards.every((entry, shard) => isShardEntry(entry, shard)) &&
    isFileEntry(found.get("process"))
  );
}

function isShardEntry(value: unknown, shard: number): boolean {
  if (!isObject(value) || !isFileEntry(value) || value["shard"] !== shard) return false;
  return ["position", "memoryBytes", "rawBytes"].every((name) => Number.isSafeInteger(value[name]));
}

function isFileEntry(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value["name"] === "string" &&
    Number.isSafeInteger(value["bytes"]) &&
    Number.isSafeInteger(value["crc"])
  );
}
