import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { open, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FRAME_HEAD_BYTES, LARGE_PAGE_BYTES, PAGE_BYTES } from "./segment-file.ts";

/*
 * A write-ahead log that is written over takes a fifth of the time of one that grows: the file system notes nothing for a sync but the data. So a
 * journal that small commits keep busy has a spare log, `spare.log`, whose blocks are there already: of zeros at first, later the log of a segment
 * that is in its file. The next segment takes it for its own. Its header says EMPTY, which SQLite takes for a log without a frame; frames that
 * lie in it carry the salts of another log, which nobody takes for this one's.
 */
const NAME = "spare.log";
const EMPTY = Buffer.from("weir: nothing is in this log yet");
const halfMade = (directory: string): string => join(directory, `${NAME}.new`);
const PIECE_BYTES = 512 * 1024;
/** Between two pieces: commits go on meanwhile. */
const PAUSE_MS = 4;
/** A log of any page size that is no whole number of frames long, and not by a few bytes, has room behind what was written. */
const FRAMES_BYTES = [PAGE_BYTES, LARGE_PAGE_BYTES].map((page) => FRAME_HEAD_BYTES + page);
const SLACK_BYTES = 4096;

/** How long a spare log is where segments have so many bytes. */
export function spareBytes(segmentBytes: number): number {
  let bytes = segmentBytes;
  while (FRAMES_BYTES.some((frame) => (bytes - EMPTY.length) % frame < 16)) bytes -= SLACK_BYTES;
  return bytes;
}

/** Whether a log's header says that it holds nothing. */
export function saysEmpty(header: Uint8Array): boolean {
  return EMPTY.equals(header);
}

/**
 * Writes a spare log of zeros, a piece at a time. False where there is too little room, or it was aborted: nothing is left of it then. Rejects with
 * what the disk says, and while another one is made.
 */
export async function makeSpareLog(
  directory: string,
  bytes: number,
  { freeMin, signal }: { readonly freeMin: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < bytes + freeMin) return false;
  const spare = join(directory, NAME);
  const made = halfMade(directory);
  // Of its own: what another one is making may be a segment's log, with entries in it, before this one is done.
  const file = await open(made, "wx");
  try {
    try {
      const zeros = Buffer.alloc(PIECE_BYTES);
      await file.write(EMPTY);
      for (let at = EMPTY.length; at < bytes; at += PIECE_BYTES) {
        if (signal.aborted) return false;
        await file.write(zeros, 0, Math.min(PIECE_BYTES, bytes - at));
        await file.datasync();
        await pause(PAUSE_MS);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (signal.aborted) return false;
    await rename(made, spare);
    return true;
  } finally {
    await rm(made, { force: true });
  }
}

/** Makes the spare log that of the segment at `path`, which has none. The caller syncs the directory. False = there is none that can be had. */
export function takeSpareLog(directory: string, path: string): boolean {
  const spare = join(directory, NAME);
  try {
    if (!existsSync(spare) || !saysEmpty(headerOf(spare))) return false;
    renameSync(spare, `${path}-wal`);
    return true;
  } catch {
    return false;
  }
}

function headerOf(path: string): Uint8Array {
  const header = new Uint8Array(EMPTY.length);
  const file = openSync(path, "r");
  try {
    readSync(file, header);
  } finally {
    closeSync(file);
  }
  return header;
}

/**
 * Keeps the log of a segment whose file has all of it as the spare one, if it is that long and none is there or being made; else removes it. The caller has the
 * segment open: SQLite's index of the log is there and sends everyone to the file. Who opens a segment alone makes that index anew, from the log.
 */
export function recycleLog(directory: string, path: string, bytes: number): void {
  const log = `${path}-wal`;
  const spare = join(directory, NAME);
  const length = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (length < bytes || existsSync(spare) || existsSync(halfMade(directory))) {
    rmSync(log, { force: true });
    return;
  }
  const file = openSync(log, "r+");
  try {
    writeSync(file, EMPTY, 0, EMPTY.length, 0);
    // A log that is cut before its header says so is one that ends too early: the file's pages would be older again.
    fdatasyncSync(file);
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
  renameSync(log, spare);
}

/** What an earlier server was making. Where it stays, none is made. */
export function removeHalfMade(directory: string): void {
  try {
    rmSync(halfMade(directory), { force: true });
  } catch {
    // The first segment cannot be made either, and that says why.
  }
}
