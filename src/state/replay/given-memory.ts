import { limits } from "../../config/limits.ts";
import { decodeChange, Kind } from "../journal/entry.ts";
import { readingSegment } from "../journal/segment-file.ts";
import type { SegmentInfo } from "../journal/segments.ts";

/**
 * The most memory that a shard was given while these segments were written, bytes; 0 = it is not told. A server gives it before anything else: among a
 * segment's first entries, one a shard. What is damaged is left for its reader to find.
 */
export function memoryGivenIn(segments: readonly SegmentInfo[]): number {
  return Math.max(0, ...segments.map(givenIn));
}

function givenIn({ path, first }: SegmentInfo): number {
  let most = 0;
  try {
    readingSegment(path, first, (database) => {
      const rows = database
        .prepare("SELECT body FROM entries WHERE kind = ? AND position < ? ORDER BY position")
        .iterate(Kind.CHANGE, first + limits.shardsMax);
      for (const { body } of rows) {
        const change = body instanceof Uint8Array ? decodeChange(body) : undefined;
        if (change?.kind !== "resize") break;
        most = Math.max(most, change.memoryBytes);
      }
    });
  } catch {
    // Whoever replays it says what is wrong with it.
  }
  return most;
}
