import type { Position } from "../../shard/journal.ts";
import { listSegments, readingSegment, removeSegment } from "../journal/segments.ts";
import type { SegmentInfo } from "../journal/segments.ts";

export interface TruncateOptions {
  /** Where the segments are. */
  readonly journal: string;
  /** Of the oldest snapshot that is kept: no entry after it leaves. */
  readonly oldest: Position;
  readonly bytesMax: number;
  /** Entries older than this may leave. */
  readonly beforeUnixMs: number;
}

/**
 * Removes the oldest segments while the journal is over its bounds. What no kept snapshot covers stays, however long the journal is, and so does the
 * newest segment. Returns how many were removed.
 */
export function truncate({ journal, oldest, bytesMax, beforeUnixMs }: TruncateOptions): number {
  const segments = listSegments(journal);
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  let removed = 0;
  for (const segment of segments.slice(0, -1)) {
    if (segment.last > oldest) break;
    if (bytes <= bytesMax && newestIn(segment) >= beforeUnixMs) break;
    removeSegment(segment.path);
    bytes -= segment.bytes;
    removed++;
  }
  return removed;
}

/** When the first entry of the newest segment was appended, Unix ms; 0 = there is none. */
export function newestSegmentSince(journal: string): number {
  const newest = listSegments(journal).at(-1);
  return newest === undefined ? 0 : timeIn(newest, "ASC");
}

/** When its newest entry was appended; 0 = it is empty. */
function newestIn(segment: SegmentInfo): number {
  return timeIn(segment, "DESC");
}

function timeIn({ path, first, last }: SegmentInfo, order: "ASC" | "DESC"): number {
  return readingSegment(path, first, (database) => {
    const row = database
      .prepare(`SELECT unix_ms FROM entries WHERE position <= ? ORDER BY position ${order} LIMIT 1`)
      .get(last);
    const time = row?.["unix_ms"];
    return typeof time === "number" ? time : 0;
  });
}
