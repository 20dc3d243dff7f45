import { codeOf, sqliteCode } from "./segment-file.ts";

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

/** What to do about a disk that did not take something, behind what it said; undefined = the error is not of a disk. */
export function diskFailure(error: unknown): string | undefined {
  const found = adviceOf(error);
  return found === undefined || !(error instanceof Error)
    ? undefined
    : `${error.message}: ${found}`;
}

const FULL_ADVICE = "the disk is full: make room on it";
const READ_ONLY_ADVICE = "it is read-only: let the user that Weir runs as write there";
const FAILING_ADVICE = "the disk fails: look at the system's log, and replace it";
const MISSING_ADVICE = "see that its directory exists and can be written to";

const advice: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ["ENOSPC", FULL_ADVICE],
  ["EDQUOT", FULL_ADVICE],
  [FULL, FULL_ADVICE],
  ["EROFS", READ_ONLY_ADVICE],
  ["EACCES", READ_ONLY_ADVICE],
  ["EPERM", READ_ONLY_ADVICE],
  [READ_ONLY, READ_ONLY_ADVICE],
  ["EIO", FAILING_ADVICE],
  [IO_ERROR, FAILING_ADVICE],
  ["ENOENT", MISSING_ADVICE],
  [CANNOT_OPEN, MISSING_ADVICE],
]);

function adviceOf(error: unknown): string | undefined {
  return advice.get((sqliteCode(error) ?? 0) & 255) ?? advice.get(codeOf(error));
}
