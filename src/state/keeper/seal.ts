import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** How long readers of the segment are waited for. */
const BUSY_MS = 10_000;

/**
 * Copies what is in the log of a segment that is not written any more into its file, and syncs it; when it returns, nobody reads the log, and nobody
 * will. May be cut off anywhere: the log stays as it is. Nothing to do where the segment has left the journal. Throws what SQLite says, and where readers hold it too long.
 */
export function seal(path: string): void {
  // SQLite would make a file that is not there.
  if (!existsSync(path)) return;
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    const answer = database.prepare("PRAGMA wal_checkpoint(RESTART)").get();
    if (answer?.["busy"] === 0) return;
    throw new Error(`${path} was in use for ${BUSY_MS / 1000} s; its log stays beside it`);
  } finally {
    database.close();
  }
}
