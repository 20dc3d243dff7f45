import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** A file that is being written. */
export interface DiskFile {
  /** Everything, or throws. */
  write(bytes: Uint8Array): void;
  sync(): void;
  close(): void;
}

/** What snapshots do to a disk; tests put one in its place that is full, or loses power. */
export interface Disk {
  /** Makes a file that must not be there. */
  create(path: string): DiskFile;
  makeDirectory(path: string): void;
  /** The same file by another name, or a copy of it where it has two already or cannot have them; synced. */
  share(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** Makes last what was made, renamed and removed in a directory, where the system can do that. */
  syncDirectory(path: string): void;
  /** With everything in it; nothing when it is not there. */
  remove(path: string): void;
}

/**
 * Names that one file has at most: a flipped bit in it damages as many snapshots, so of three at least two are independent of each other.
 */
const NAMES_MAX = 2;

export const disk: Disk = {
  create(path) {
    const file = openSync(path, "wx");
    return {
      write(bytes) {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      },
      sync: () => fsyncSync(file),
      close: () => closeSync(file),
    };
  },
  makeDirectory(path) {
    // The path that was made first: names below it are synced when what is in them is whole.
    const made = mkdirSync(path, { recursive: true });
    if (made !== undefined) this.syncDirectory(dirname(made));
  },
  share(from, to) {
    if (statSync(from).nlink < NAMES_MAX) {
      try {
        linkSync(from, to);
        return;
      } catch {
        // Not every file system has links; what is really wrong, the copy meets too.
      }
    }
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const file = openSync(to, "r+");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  rename: renameSync,
  syncDirectory(path) {
    const directory = openSync(path, "r");
    try {
      fsyncSync(directory);
    } catch (error) {
      // A file system that has no such thing orders renames by itself.
      if (!["EINVAL", "ENOTSUP", "EISDIR", "EPERM"].includes(codeOf(error))) throw error;
    } finally {
      closeSync(directory);
    }
  },
  remove: (path) => rmSync(path, { recursive: true, force: true }),
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
