import { createReadStream, createWriteStream, existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { OptionsError } from "../config/options-error.ts";
import type { Position } from "../shard/journal.ts";
import { readEntries } from "./journal/segments.ts";
import type { Snapshot } from "./snapshot/format.ts";
import { checkSnapshot, listSnapshots, openSnapshot, snapshotsIn } from "./snapshot/snapshots.ts";
import { partsBeside } from "./write-backup.ts";

/** What a restore copies; everything in it was read and is sound. */
export interface Backup {
  readonly snapshot: Snapshot;
  /** Last entry of the journal that comes with it; 0 = none does. */
  readonly last: Position;
  /** Absolute paths, and where they go in a data directory. Snapshots are last. */
  readonly files: readonly { readonly from: string; readonly to: string }[];
  readonly bytes: number;
}

/**
 * Reads a data directory, or one snapshot, to its end and checks everything. Of a data directory the newest sound snapshot and the journal are
 * taken; `damaged` is told of newer ones. Throws an OptionsError that names what is damaged.
 */
export function readBackup(path: string, damaged: (what: string) => void): Backup {
  const whole = existsSync(snapshotsIn(path));
  const snapshot = whole ? newestSound(path, damaged) : checked(path, () => opened(path));
  const { first, last } = whole ? journalOf(path, snapshot) : { first: 1, last: 0 };
  const before = last > 0 ? soundBefore(path, snapshot, damaged) : [];
  const files = [
    ...(whole ? filesBelow(path, "journal") : []),
    ...(whole ? partsBeside.flatMap((part) => filesBelow(path, part)) : []),
    ...[snapshot, ...before.filter(({ position }) => position >= first - 1)].flatMap(snapshotFiles),
  ];
  const bytes = files.reduce((sum, { from }) => sum + statSync(from).size, 0);
  return { snapshot, last, files, bytes };
}

function snapshotFiles({ path }: Snapshot): { from: string; to: string }[] {
  return readdirSync(path).map((name) => ({
    from: join(path, name),
    to: join("snapshots", basename(path), name),
  }));
}

/** Older ones, from which the past can be replayed. */
function soundBefore(
  data: string,
  { position }: Snapshot,
  damaged: (what: string) => void,
): readonly Snapshot[] {
  return listSnapshots(snapshotsIn(data)).flatMap((listed) => {
    if (listed.position >= position) return [];
    try {
      return [opened(listed.path)];
    } catch (thrown) {
      damaged(`${listed.path} is not sound: ${textOf(thrown)}`);
      return [];
    }
  });
}

function opened(path: string): Snapshot {
  const snapshot = openSnapshot(path);
  checkSnapshot(snapshot);
  return snapshot;
}

function newestSound(data: string, damaged: (what: string) => void): Snapshot {
  for (const { path } of listSnapshots(snapshotsIn(data))) {
    try {
      return opened(path);
    } catch (thrown) {
      damaged(`${path} is not sound: ${textOf(thrown)}`);
    }
  }
  const next = "give a directory that weir backup wrote, or a data directory";
  throw new OptionsError(`${data} has no sound snapshot: ${next}`, 1);
}

/** Reads the journal of a data directory; its chain shows what is not as it was written. */
function journalOf(
  data: string,
  { position: at }: Snapshot,
): { readonly first: Position; readonly last: Position } {
  const directory = join(data, "journal");
  if (!existsSync(directory)) return { first: 1, last: 0 };
  const { first, last } = checked(directory, () => {
    let [oldest, newest] = [0, 0];
    for (const { position } of readEntries(directory, { after: 0 })) {
      oldest ||= position;
      newest = position;
    }
    return { first: oldest, last: newest };
  });
  if (first <= at + 1) return { first, last };
  const gap = `its journal begins at position ${first}, and its newest sound snapshot is at ${at}`;
  throw new OptionsError(
    `${data}: ${gap}: what lies between is gone. Restore the snapshot by its own path, without what came later`,
    1,
  );
}

function checked<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const next = "weir verify says what is sound; a snapshot can be restored by its own path";
    throw new OptionsError(`${path} is not sound: ${textOf(thrown)}\n${next}`, 1, thrown);
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The index of a log, what an earlier start set aside, and room for a log. */
const NOT_KEPT = /-shm$|\.damaged(-wal)?$|^spare\.log/u;

function filesBelow(data: string, part: string): { from: string; to: string }[] {
  const directory = join(data, part);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !NOT_KEPT.test(entry.name))
    .map(({ name }) => ({ from: join(directory, name), to: join(part, name) }));
}

const UNFINISHED = "restoring";

/** Copies into an empty data directory: everything is on disk before a part of it has its name, and the snapshot has it last. */
export async function copyState({ files }: Backup, data: string): Promise<void> {
  const beside = join(data, UNFINISHED);
  try {
    const directories = new Set<string>();
    for (const { from, to } of files) {
      const path = join(beside, to);
      await mkdir(dirname(path), { recursive: true });
      await pipeline(createReadStream(from), createWriteStream(path, { flags: "wx", flush: true }));
      directories.add(dirname(path)).add(dirname(dirname(path)));
    }
    for (const directory of directories) await sync(directory);
    for (const part of [...partsBeside, "journal", "snapshots"]) {
      if (existsSync(join(beside, part))) await rename(join(beside, part), join(data, part));
    }
    await sync(data);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
