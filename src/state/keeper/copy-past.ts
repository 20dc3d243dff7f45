import {
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { basename, join } from "node:path";
import { inspectTail, listSegments, syncFile } from "../journal/segments.ts";
import { disk } from "../snapshot/disk.ts";
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
    for (const name of readdirSync(unfinished)) syncFile(join(unfinished, name));
    disk.syncDirectory(unfinished);
    renameSync(unfinished, to);
  }
  disk.syncDirectory(snapshotsIn(backup));
  const unfinished = join(backup, "journal.new");
  mkdirSync(unfinished);
  for (const { path } of listSegments(join(data, "journal"))) {
    const to = join(unfinished, basename(path));
    copySegment(path, to);
  }
  disk.syncDirectory(unfinished);
  renameSync(unfinished, join(backup, "journal"));
  disk.syncDirectory(backup);
}

/** What the live log was given while it was copied may be there in part, before and behind what is not. */
const ATTEMPTS = 3;

function copySegment(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  syncFile(to);
  if (!existsSync(`${from}-wal`)) return;
  const log = `${to}-wal`;
  let lost = true;
  for (let attempt = 0; lost && attempt < ATTEMPTS; attempt++) {
    copyFileSync(`${from}-wal`, log, constants.COPYFILE_FICLONE);
    if (!existsSync(`${from}-wal`)) {
      // Another segment writes over it meanwhile; this one's file has all of it.
      rmSync(log);
      return;
    }
    const tail = inspectTail(to);
    ({ lost } = tail);
    // Of what was being written, and of the room behind it, nothing is needed.
    if (!lost && tail.soundBytes < statSync(log).size) truncateSync(log, tail.soundBytes);
  }
  syncFile(log);
}
