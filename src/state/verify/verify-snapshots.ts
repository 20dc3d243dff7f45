import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { JournalDamage, listSegments } from "../journal/segments.ts";
import type { SegmentInfo } from "../journal/segments.ts";
import { ProcessState } from "../process-state.ts";
import { MANIFEST_FILE, SET_ASIDE, SnapshotDamage, UNFINISHED } from "../snapshot/format.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { checkSnapshotShard, listSnapshots, readSnapshotProcess } from "../snapshot/snapshots.ts";
import type { Listed } from "../snapshot/snapshots.ts";
import { isGone, messageOf, setAsideNote } from "./finding.ts";
import type { Found } from "./finding.ts";

/** Reads every file of every snapshot. Those that are sound go into `sound`, the newest first. */
export function* verifySnapshots(directory: string, sound: Snapshot[]): Generator<Found, void> {
  yield* besides(directory);
  for (const listed of listSnapshots(directory)) {
    if (yield* verifySnapshot(listed)) {
      if (listed.problem === undefined) sound.push(listed);
    }
  }
}

function* besides(directory: string): Generator<Found, void> {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.endsWith(UNFINISHED)) {
      const what = `snapshots/${name}: being written, or left by a server that was killed; nobody reads it`;
      yield { what, problem: "", note: true, work: 0 };
    } else if (name.endsWith(SET_ASIDE)) {
      yield setAsideNote(`snapshots/${name}`);
    }
  }
}

function* verifySnapshot(listed: Listed): Generator<Found, boolean> {
  const { path, problem } = listed;
  const name = `snapshots/${basename(path)}`;
  if (problem !== undefined) {
    if (existsSync(path))
      yield { what: `${name}/${MANIFEST_FILE}`, problem: whatOf(problem), work: 0 };
    return false;
  }
  let sound = true;
  for (const entry of listed.manifest.shards) {
    const found = attempt(path, `${name}/${entry.name}`, () => checkSnapshotShard(listed, entry));
    if (found !== undefined) yield { ...found, work: entry.bytes };
    sound &&= found?.problem === "";
  }
  const { process } = listed.manifest;
  const found = attempt(path, `${name}/${process.name}`, () => {
    ProcessState.fromJson(readSnapshotProcess(listed));
  });
  if (found !== undefined) yield { ...found, work: process.bytes };
  return sound && found?.problem === "";
}

/** Undefined = the snapshot was removed meanwhile, by a server that runs. */
function attempt(
  snapshot: string,
  what: string,
  check: () => void,
): Omit<Found, "work"> | undefined {
  try {
    check();
    return { what, problem: "" };
  } catch (error) {
    if (isGone(error) && !existsSync(join(snapshot, MANIFEST_FILE))) return undefined;
    return { what, problem: isGone(error) ? "it is not there" : whatOf(error) };
  }
}

function whatOf(error: unknown): string {
  return error instanceof SnapshotDamage ? error.what : messageOf(error);
}

/** Whether what the snapshots and the journal hold goes together: where a start would begin, and go on. */
export function* verifyTogether(
  journal: string,
  snapshots: readonly Snapshot[],
): Generator<Found, void> {
  const segments = segmentsIn(journal);
  // A server that runs may have removed some; it removes what they need after them.
  const sound = snapshots.filter(({ path }) => existsSync(path));
  if (segments === undefined || (segments.length === 0 && sound.length === 0)) return;
  const newest = sound[0]?.position ?? 0;
  const last = segments.at(-1)?.last ?? 0;
  const from = newest === 0 ? "the start" : `the snapshot at ${newest}`;
  const what = `a start: from ${from} to position ${Math.max(last, newest)}`;
  // A backup has no journal, only the snapshot that it is.
  const backup = newest > 0 && !existsSync(journal);
  yield { what, problem: backup ? "" : problemsOf(segments, sound).join("; "), work: 0 };
}

function problemsOf(
  segments: readonly SegmentInfo[],
  sound: readonly Snapshot[],
): readonly string[] {
  const first = segments[0]?.first ?? 1;
  const last = segments.at(-1)?.last ?? 0;
  const [newest] = sound;
  if (newest === undefined) {
    if (first === 1) return [];
    return [
      `there is no sound snapshot, and the journal begins at position ${first}: the state cannot be brought back; restore a backup (weir restore)`,
    ];
  }
  const problems = sound
    .filter(({ position }) => position < first - 1)
    .map(
      ({ position }) =>
        `entries ${position + 1} to ${first - 1} behind the snapshot at ${position} are missing`,
    );
  if (last < newest.position) {
    problems.push(
      `the journal ends at position ${last}, before the snapshot at ${newest.position}: its end was removed or lost`,
    );
  }
  return problems;
}

function segmentsIn(journal: string): ReturnType<typeof listSegments> | undefined {
  try {
    return listSegments(journal);
  } catch (error) {
    // It was told of where the journal was read.
    if (error instanceof JournalDamage) return undefined;
    throw error;
  }
}

/** Bytes of what `verifySnapshots` reads. */
export function snapshotBytes(directory: string): number {
  return listSnapshots(directory).reduce(
    (sum, { manifest }) =>
      sum + (manifest?.shards ?? []).reduce((bytes, each) => bytes + each.bytes, 0),
    0,
  );
}

/** Bytes of a file; 0 = it is not there. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
