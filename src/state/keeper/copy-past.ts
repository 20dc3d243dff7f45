import {
  closeSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
} from "node:fs";
import { basename, join } from "node:path";
import { inspectTail, listSegments } from "../journal/segments.ts";
import { listSnapshots, snapshotsIn } from "../snapshot/snapshots.ts";

/**
 * Copies the journal and the snapshots that are not there yet into a backup: what is behind its newest snapshot, and the past. Of the segment that
 * is being written all transactions that are whole; nothing else changes a segment meanwhile, since whoever removes or seals them calls this. Everything
 * is on disk when it returns; where it throws there is no journal in the backup.
 */
export function copyPast(data: string, backup: string): void {
  for (const { path, problem } of listSnapshots(snapshotsIn(data))) {
    const to = join(snapshotsIn(backup), basename(path));
    if (problem !== undefined || existsSync(to)) continue;
    const unfinished = `${to}.new`;
    cpSync(path, unfinished, { recursive: true });
    for (const name of readdirSync(unfinished)) sync(join(unfinished, name));
    renameSync(unfinished, to);
  }
  const unfinished = join(backup, "journal.new");
  mkdirSync(unfinished);
  for (const { path } of listSegments(join(data, "journal"))) {
    const to = join(unfinished, basename(path));
    copySegment(path, to);
  }
  sync(unfinished);
  renameSync(unfinished, join(backup, "journal"));
  sync(backup);
}

function copySegment(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  sync(to);
  if (!existsSync(`${from}-wal`)) return;
  const log = `${to}-wal`;
  copyFileSync(`${from}-wal`, log, constants.COPYFILE_FICLONE);
  const { soundBytes, lost } = inspectTail(to);
  // Of what was being written, and of the room behind it, nothing is needed.
  if (!lost && soundBytes < statSync(log).size) truncateSync(log, soundBytes);
  sync(log);
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
