import { codeOf } from "./segment-file.ts";

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html). */
const READ_ONLY = 8;
const IO_ERROR = 10;
const FULL = 13;
const CANNOT_OPEN = 14;

/** Why the journal cannot be written and what to do, for people. */
export function reasonOf(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const advice = adviceOf(error);
  return `the journal cannot be written: ${path}: ${message}${advice === undefined ? "" : `: ${advice}`}`;
}

function adviceOf(error: unknown): string | undefined {
  const code = codeOf(error);
  const result = sqliteCode(error);
  if (code === "ENOSPC" || code === "EDQUOT" || result === FULL) {
    return "the disk is full: make room on it";
  }
  if (code === "EROFS" || code === "EACCES" || code === "EPERM" || result === READ_ONLY) {
    return "it is read-only: let the user that Weir runs as write there";
  }
  if (code === "EIO" || result === IO_ERROR) {
    return "the disk fails: look at the system's log, and replace it";
  }
  if (code === "ENOENT" || result === CANNOT_OPEN) {
    return "see that its directory exists and can be written to";
  }
  return undefined;
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 255 : undefined;
}
