import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
  inspectTail,
  JournalDamage,
  listSegments,
  NewerJournal,
  readDurableMark,
  readEntries,
  readVoids,
} from "../journal/segments.ts";
import type { Position } from "../../shard/journal.ts";
import type { ReadMark } from "../journal/durable-mark.ts";
import type { SegmentInfo } from "../journal/segments.ts";
import type { Tail } from "../journal/wal-tail.ts";
import { setAsideNote } from "./finding.ts";
import type { Found } from "./finding.ts";

/** A log that a server writes to may be read in the middle of a write: then it is read again. */
const TAIL_ATTEMPTS = 5;
const TAIL_WAIT_MS = 100;

/** Reads every entry of every segment, and what lies behind the last one in their logs. */
export function* verifyJournal(journal: string): Generator<Found, void> {
  for (const path of keptAside(journal)) yield setAsideNote(nameOf(path));
  // A server that writes is further than this when its segments are read.
  const mark = readDurableMark(journal);
  let segments: readonly SegmentInfo[];
  try {
    segments = listSegments(journal);
  } catch (error) {
    yield { ...damageOf(error), work: 0 };
    return;
  }
  for (const segment of segments) {
    yield* verifyTail(segment, segment === segments.at(-1) && segment.last < mark.position);
  }
  yield* verifyEnd(mark, segments.at(-1)?.last ?? 0);
  for (let at = 0; at < segments.length;) at = yield* verifyFrom(journal, segments, at);
}

function keptAside(journal: string): readonly string[] {
  if (!existsSync(journal)) return [];
  return readdirSync(journal)
    .filter((name) => name.endsWith(".damaged"))
    .map((name) => join(journal, name));
}

/**
 * From the start of a segment to the end, or to damage: then from the segment behind that on, so that all that is damaged is found. Index of the
 * segment to go on with.
 */
function* verifyFrom(
  journal: string,
  segments: readonly SegmentInfo[],
  from: number,
): Generator<Found, number> {
  let at = from;
  try {
    const after = (segments[from]?.first ?? 1) - 1;
    at += yield* emptyOnes(segments, at, after);
    const until = segments.at(-1)?.last ?? after;
    const voids = readVoids(journal, after);
    for (const { position } of readEntries(journal, { after, until, voids })) {
      const segment = segments[at];
      if (segment === undefined || position !== segment.last) continue;
      yield soundSegment(segment);
      at++;
      at += yield* emptyOnes(segments, at, position);
    }
    return segments.length;
  } catch (error) {
    if (!(error instanceof JournalDamage || error instanceof NewerJournal)) throw error;
    const damaged = Math.max(at, indexOf(segments, error));
    yield* damagedSegment(segments[damaged], error);
    return damaged + 1;
  }
}

const isEmpty = (segment: SegmentInfo | undefined): segment is SegmentInfo =>
  segment !== undefined && segment.last < segment.first;

/** Segments from `at` on that hold nothing, up to the first that does. How many. */
function* emptyOnes(
  segments: readonly SegmentInfo[],
  at: number,
  position: number,
): Generator<Found, number> {
  let each = at;
  for (let segment = segments[each]; isEmpty(segment); segment = segments[++each]) {
    const what = `${nameOf(segment.path)}: no entries yet, after position ${position}`;
    yield { what, problem: "", work: segment.bytes };
  }
  return each - at;
}

/** Of the segment that is damaged; -1 = the error does not say. */
function indexOf(segments: readonly SegmentInfo[], error: Error): number {
  if (!(error instanceof JournalDamage)) return -1;
  return segments.findIndex((segment) => segment.path === error.path);
}

function* damagedSegment(segment: SegmentInfo | undefined, error: Error): Generator<Found, void> {
  // The server may have removed it: it was behind the oldest snapshot.
  if (segment === undefined || !existsSync(segment.path)) return;
  yield { ...damageOf(error), work: segment.bytes };
}

function soundSegment({ path, first, last, bytes }: SegmentInfo): Found {
  return { what: `${nameOf(path)}: entries ${first} to ${last}`, problem: "", work: bytes };
}

/** That the journal goes as far as it once did. */
function* verifyEnd({ position, problem }: ReadMark, last: Position): Generator<Found, void> {
  const what = "journal/durable";
  if (problem !== "") yield { what, problem, work: 0 };
  if (position <= last) return;
  const gone = `entries up to ${position} had been on disk, and the journal ends at ${last}: its end was removed or damaged`;
  yield { what, problem: `${gone}; acknowledged events may be lost`, work: 0 };
}

/** @param endIsLost it is the newest segment, and the journal went further */
function* verifyTail({ path }: SegmentInfo, endIsLost: boolean): Generator<Found, void> {
  const { droppedBytes, what, lost } = settledTail(path);
  if (droppedBytes === 0) return;
  const dropped = `${nameOf(path)}-wal: ${droppedBytes} bytes behind its last commit`;
  if (lost || endIsLost) {
    const problem = `${what ?? "they are damaged"}: acknowledged events may be lost`;
    yield { what: dropped, problem, work: 0 };
  } else {
    const unfinished = `${dropped}, of a write that was not finished`;
    yield { what: unfinished, problem: "", note: true, work: 0 };
  }
}

/** The tail of a log, of which nothing is being written. */
function settledTail(path: string): Tail {
  let tail = inspectTail(path);
  for (let attempt = 1; tail.lost && attempt < TAIL_ATTEMPTS; attempt++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TAIL_WAIT_MS);
    const again = inspectTail(path);
    const same = again.soundBytes === tail.soundBytes && again.droppedBytes === tail.droppedBytes;
    tail = again;
    if (same) break;
  }
  return tail;
}

function damageOf(error: unknown): Pick<Found, "what" | "problem"> {
  if (error instanceof JournalDamage) {
    return { what: nameOf(error.path), problem: `position ${error.position}: ${error.what}` };
  }
  return { what: "journal", problem: error instanceof Error ? error.message : String(error) };
}

const nameOf = (path: string): string => `journal/${basename(path)}`;
