import type { Position } from "../../shard/journal.ts";
import type { Views } from "../../shard/region.ts";
import { COMMIT_BUCKETS, Word } from "./ring.ts";

export interface JournalOptions {
  /** Made if it is not there. */
  readonly directory: string;
  /** Position of the next entry: one more than the newest that was recovered. What the directory holds behind that is not read any more. */
  readonly first: Position;
  readonly shards: number;
  /** Of the shards' memories, by shard. */
  readonly views: readonly Views[];
  readonly durability: "acknowledged" | "relaxed";
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** A power of two; `JournalOptions` of 64 shards take 32 MiB at least. */
  readonly ringBytes?: number;
  readonly segmentBytes?: number;
  readonly spaceMinBytes?: number;
}

export const journalDefaults = {
  ringBytes: 64 * 1024 * 1024,
  segmentBytes: 256 * 1024 * 1024,
  spaceMinBytes: 64 * 1024 * 1024,
} as const;

export interface JournalStats {
  readonly commits: number;
  /** How long COMMIT took, which is the writing of the last pages and the sync; milliseconds. */
  readonly lastCommitMs: number;
  readonly maxCommitMs: number;
  /** Commits below 2^(6 + b) microseconds, not below half of that; the last bucket holds all longer ones. */
  readonly commitBuckets: readonly number[];
  /** Appended since the journal was opened, and their bytes. */
  readonly entries: number;
  readonly bytes: number;
  /** Waiting for the writer. */
  readonly queuedBytes: number;
  /** Answers, and verdicts for comparisons, that were not recorded, since the disk was too slow for them: rows. */
  readonly answersDropped: number;
}

/** What the ring's words say of commits; undefined = there is no ring. */
export function commitStats(
  words: Int32Array | undefined,
): Pick<JournalStats, "commits" | "lastCommitMs" | "maxCommitMs" | "commitBuckets"> {
  const word = (index: number): number =>
    words === undefined ? 0 : Atomics.load(words, index) >>> 0;
  return {
    commits: word(Word.COMMITS),
    lastCommitMs: word(Word.COMMIT_LAST) / 1000,
    maxCommitMs: word(Word.COMMIT_MAX) / 1000,
    commitBuckets: Array.from({ length: COMMIT_BUCKETS }, (_, bucket) =>
      word(Word.COMMIT_BUCKETS + bucket),
    ),
  };
}
