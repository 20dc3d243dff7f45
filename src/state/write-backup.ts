import { copyFile, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectory } from "../domain/make-directory.ts";
import { disk } from "./snapshot/disk.ts";
import { snapshotName } from "./snapshot/format.ts";
import type { Snapshot } from "./snapshot/format.ts";

/** What a data directory has beside journal and snapshots: the states of versions, and fitted models. */
export const partsBeside = ["versions", "models"] as const;

/**
 * Copies a snapshot, and what is beside it in the data directory, into an empty directory. The snapshot has its name when everything is on disk; of
 * what cannot be written nothing stays. Throws what the file system says.
 */
export async function writeBackup(
  data: string,
  snapshot: Snapshot,
  directory: string,
): Promise<void> {
  const into = join(directory, "snapshots", snapshotName(snapshot.position));
  const unfinished = `${into}.new`;
  try {
    for (const part of partsBeside) await copyFiles(join(data, part), join(directory, part));
    await copyFiles(snapshot.path, unfinished);
    await rename(unfinished, into);
    for (const each of [dirname(into), directory]) disk.syncDirectory(each);
  } catch (error) {
    await removeBackup(directory);
    throw error;
  }
}

/** Of a backup that came to nothing. */
export async function removeBackup(directory: string): Promise<void> {
  for (const part of [...partsBeside, "snapshots", "journal", "journal.new"]) {
    await rm(join(directory, part), { recursive: true, force: true });
  }
}

/** Of a directory that is there; a file that is removed meanwhile is left out. */
async function copyFiles(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(unlessMissing);
  if (entries === undefined) return;
  await makeDirectory(to);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    // oxlint-disable-next-line no-await-in-loop -- a copy at a time: they share one disk
    await copySynced(join(from, entry.name), join(to, entry.name)).catch(unlessMissing);
  }
  disk.syncDirectory(to);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
