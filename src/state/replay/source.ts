import { existsSync } from "node:fs";
import type { Position } from "../../shard/journal.ts";
import type { Entry } from "../journal/entry.ts";
import { readingSegment } from "../journal/segment-file.ts";
import { listSegments, readEntries, readVoids } from "../journal/segments.ts";
import type { SegmentInfo } from "../journal/segments.ts";
import { ProcessState } from "../process-state.ts";
import type { Snapshot } from "../snapshot/format.ts";
import {
  listSnapshots,
  readSnapshotProcess,
  readSnapshotShard,
  snapshotsIn,
} from "../snapshot/snapshots.ts";
import { memoryGivenIn } from "./given-memory.ts";
import { journalIn } from "./restore-shard.ts";
import type { EntryRange, SnapshotFiles, StateSource } from "./run-types.ts";
import { slotsOf } from "./slots.ts";

/** A data directory, or a backup, to be read. Throws an Error when it is none. */
export function openStateSource(directory: string): StateSource {
  const journal = journalIn(directory);
  const snapshotDirectory = snapshotsIn(directory);
  if (!existsSync(journal) && !existsSync(snapshotDirectory)) {
    throw new Error(
      `${directory} holds no state: there is no journal/ and no snapshots/ in it; give the directory that the server's --data names`,
    );
  }
  const segments = listSegments(journal);
  const sound: Snapshot[] = [];
  for (const listed of listSnapshots(snapshotDirectory)) {
    if (listed.problem === undefined) sound.push(listed);
  }
  const position = sound[0]?.position ?? 0;
  return {
    shards: sound[0]?.manifest.shards.length ?? shardsIn(segments[0]),
    memoryBytes: Math.max(
      memoryGivenIn(segments),
      ...sound.map(({ manifest }) => manifest.memoryBytes),
    ),
    ...boundsOf(segments, position),
    entries: (range: EntryRange): Iterable<Entry> => readEntries(journal, range),
    snapshots: () => sound.map(filesOf),
    voids: (after) => readVoids(journal, after),
  };
}

/** First and last position of a journal that goes on from a snapshot. */
function boundsOf(
  segments: readonly SegmentInfo[],
  snapshot: Position,
): Pick<StateSource, "first" | "last"> {
  const [oldest] = segments;
  if (oldest === undefined) return { first: snapshot + 1, last: snapshot };
  return { first: oldest.first, last: segments.at(-1)?.last ?? snapshot };
}

function shardsIn(segment: SegmentInfo | undefined): number {
  if (segment === undefined) return 0;
  return readingSegment(segment.path, segment.first, (_database, { shards }) => shards);
}

function filesOf(snapshot: Snapshot): SnapshotFiles {
  return {
    position: snapshot.position,
    memoryBytes: snapshot.manifest.memoryBytes,
    read: (shard, into) => void readSnapshotShard(snapshot, shard, into),
    slots: () => slotsOf(ProcessState.fromJson(readSnapshotProcess(snapshot))),
  };
}

/** The stretch of entries that were appended in [from, until], Unix ms; `from` > `until` = none were. */
export function positionsAt(
  source: StateSource,
  from: number,
  until: number,
): { readonly from: Position; readonly until: Position } {
  return {
    from: firstAt(source, from),
    until: firstAt(source, until + 1) - 1,
  };
}

/** Position of the first entry that was appended at or after a time; last + 1 = none was. Entries are found by halves: their times do not fall. */
function firstAt(source: StateSource, unixMs: number): Position {
  let low = source.first;
  let high = source.last + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (timeAt(source, middle) < unixMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function timeAt(source: StateSource, position: Position): number {
  for (const { unixMs } of source.entries({ after: position - 1, until: position })) return unixMs;
  return Number.POSITIVE_INFINITY;
}
