import type { DatabaseSync } from "node:sqlite";
import { closeKeepingLog } from "./make-segment.ts";
import { recycleLog, spareBytes } from "./spare-log.ts";

/** Segments that are full, and whose logs the keeper is to take into their files: open, so that the logs stay until then. */
export class SealedSegments {
  private readonly databases = new Map<string, DatabaseSync>();

  add(path: string, database: DatabaseSync): void {
    this.databases.set(path, database);
  }

  /** What is in the log is in the file, and everyone reads it there: the log may become the spare one. */
  release(
    path: string,
    { directory, segmentBytes }: { readonly directory: string; readonly segmentBytes: number },
  ): void {
    const database = this.take(path);
    if (database === undefined) return;
    try {
      recycleLog(directory, path, spareBytes(segmentBytes));
    } finally {
      database.close();
    }
  }

  /** Its log has entries that its file has not. Taking it in here would keep commits waiting. */
  leave(path: string): void {
    const database = this.take(path);
    if (database !== undefined) closeKeepingLog(path, database);
  }

  /** Leaves all of them. */
  close(): void {
    for (const path of this.databases.keys()) this.leave(path);
  }

  private take(path: string): DatabaseSync | undefined {
    const database = this.databases.get(path);
    this.databases.delete(path);
    return database;
  }
}
