import { availableParallelism } from "node:os";
import { renameSync } from "node:fs";
import { OptionsError } from "../config/options-error.ts";
import type { Recovered } from "../control/catalogue.ts";
import type { Position } from "../shard/journal.ts";
import { Kind, decodeProcessChange } from "./journal/entry.ts";
import { JournalDamage, listSegments, NewerJournal, readEntries } from "./journal/segments.ts";
import type { OpenStateOptions, StateLog } from "./open-state.ts";
import { ProcessState } from "./process-state.ts";
import { RecoveryError, recoverShards } from "./replay/recover.ts";
import type { Snapshot } from "./snapshot/format.ts";
import { listSnapshots, readSnapshotProcess, setAsideAfter } from "./snapshot/snapshots.ts";

export interface RestoreOptions extends OpenStateOptions {
  readonly memories: readonly WebAssembly.Memory[];
  readonly journalDirectory: string;
  readonly snapshotDirectory: string;
  /** The journal's last entry. */
  readonly last: Position;
  /** Batches that turned out to be left out. */
  readonly leftOut: LeftOut[];
}

export interface RestoredAll {
  readonly snapshot: Snapshot | undefined;
  /** The last entry that was applied. */
  readonly until: Position;
  readonly rows: number;
  readonly process: Recovered;
  /** Batches that cannot be stepped, and are left out from now on. */
  readonly leftOut: readonly LeftOut[];
}

/** A batch of a shard. */
export interface LeftOut {
  readonly shard: number;
  readonly position: Position;
}

/** Tries snapshots from the newest on, and the journal as far as it is sound. */
export async function restore(options: RestoreOptions): Promise<RestoredAll> {
  const { log, journalDirectory, snapshotDirectory } = options;
  /** The last entry of the journal that is sound. */
  let last = options.last;
  const candidates: (Snapshot | undefined)[] = soundSnapshots(snapshotDirectory, log);
  const segments = listSegments(journalDirectory);
  const oldest = segments[0] === undefined ? "is gone" : `begins at ${segments[0].first}`;
  // Where only the journal is gone, what is there is no empty state.
  const isNew = segments.length === 0 && listSnapshots(snapshotDirectory).length === 0;
  if (isNew || segments[0]?.first === 1) candidates.push(undefined);
  for (const snapshot of candidates) {
    // oxlint-disable-next-line no-await-in-loop -- the next one is tried because this one failed
    const tried = await restoreOrCut(snapshot, last, options);
    last = tried.last;
    const { restored } = tried;
    if (restored === undefined) continue;
    // What is left of a history that ended otherwise must never be taken for this one's.
    for (const path of setAsideAfter(snapshotDirectory, restored.until)) {
      log.error({ path }, "a snapshot from behind the end of the journal was kept aside");
    }
    return restored;
  }
  throw new OptionsError(
    `no state can be brought back from ${options.data}: every snapshot is damaged, and the journal ${oldest}; see weir verify --data ${options.data}, restore a backup (weir restore), or start with another --data`,
    1,
  );
}

/** Undefined = this snapshot cannot be used. `last` is the journal's last sound entry, as far as is known now. */
async function restoreOrCut(
  snapshot: Snapshot | undefined,
  last: Position,
  options: RestoreOptions,
): Promise<{ readonly restored: RestoredAll | undefined; readonly last: Position }> {
  const position = snapshot?.position ?? 0;
  for (let sound = last; ;) {
    // A snapshot knows more than a journal whose end is lost.
    // oxlint-disable-next-line no-await-in-loop -- once more with what the one before found out
    const tried = await tryFrom(snapshot, Math.max(sound, position), options);
    if (!(tried instanceof RecoveryError)) return { restored: tried, last: sound };
    const cut = tried.kind === "journal" ? cutBeforeDamage(position, options) : undefined;
    const again = cut === undefined ? leaveOut(tried, options) : cut < sound;
    sound = cut ?? sound;
    if (again) continue;
    options.log.error(
      { position, why: tried.message },
      "state could not be brought back from this snapshot; the one before is tried",
    );
    return { restored: undefined, last: sound };
  }
}

/**
 * A shard's last batch that traps: the server ended before it could say that it leaves it out, which is what it does. Nobody got a verdict of the
 * model on its rows. False = it is another error.
 */
function leaveOut(
  error: RecoveryError,
  { journalDirectory, leftOut, log }: RestoreOptions,
): boolean {
  const { position, shard } = error;
  if (error.kind !== "replay" || position === undefined || shard === undefined) return false;
  if (leftOut.some((each) => each.position === position)) return false;
  const kinds = [Kind.ROWS];
  for (const later of readEntries(journalDirectory, { after: position - 1, shard, kinds })) {
    if (later.position > position) return false;
  }
  leftOut.push({ shard, position });
  log.error(
    { shard, position, why: error.message },
    "the last batch of a shard does not end: its rows are left out",
  );
  return true;
}

/** What is damaged is an answer; everything else is thrown. */
async function tryFrom(
  ...given: Parameters<typeof restoreFrom>
): Promise<RestoredAll | RecoveryError> {
  try {
    return await restoreFrom(...given);
  } catch (error) {
    if (error instanceof RecoveryError && error.kind !== "other") return error;
    throw error;
  }
}

async function restoreFrom(
  snapshot: Snapshot | undefined,
  until: Position,
  options: RestoreOptions,
): Promise<RestoredAll> {
  const { module, memories, journalDirectory, memoryBytes, log } = options;
  const process = readProcess(snapshot, until, journalDirectory);
  const start = options.clock.now();
  let told = start;
  const restored = await recoverShards({
    jobs: memories.map((memory, shard) => ({
      module,
      memory,
      shard,
      journal: journalDirectory,
      snapshot,
      memoryBytes,
      until,
      region: 0,
      leftOut: options.leftOut.map((each) => each.position),
    })),
    threads: availableParallelism(),
    onProgress: ({ rows, share }) => {
      const now = options.clock.now();
      if (now - told < PROGRESS_MS) return;
      told = now;
      const secondsLeft = Math.ceil(((now - start) * (1 - share)) / Math.max(share, 0.001) / 1000);
      log.info({ rows, percent: Math.round(share * 100), secondsLeft }, "bringing state back");
    },
  });
  const rows = restored.reduce((sum, each) => sum + each.rows, 0);
  return { snapshot, until, rows, process, leftOut: options.leftOut };
}

/** Between two lines of progress in the log. */
const PROGRESS_MS = 1000;

/** What is kept outside of the shards. */
function readProcess(
  snapshot: Snapshot | undefined,
  until: Position,
  journalDirectory: string,
): Recovered {
  try {
    const state =
      snapshot === undefined
        ? new ProcessState()
        : ProcessState.fromJson(readSnapshotProcess(snapshot));
    const after = snapshot?.position ?? 0;
    for (const { body } of readEntries(journalDirectory, { after, until, kinds: [Kind.PROCESS] })) {
      state.apply(decodeProcessChange(body));
    }
    return recoveredOf(state);
  } catch (error) {
    if (error instanceof NewerJournal) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new RecoveryError(error instanceof JournalDamage ? "journal" : "snapshot", message);
  }
}

function recoveredOf(state: ProcessState): Recovered {
  const { catalogue } = state;
  const slots = catalogue.detectors.map(({ slot }) => slot);
  const kept = slots.flatMap((slot) => {
    const rows = state.kept(slot);
    return rows === undefined ? [] : [[slot, rows] as const];
  });
  return {
    catalogue: state.isKnown ? catalogue : undefined,
    encodings: state.encodings(),
    kept: new Map(kept),
  };
}

/**
 * The last entry before the first damaged one. What lies behind it is kept aside. Undefined = the journal begins too late for a snapshot at `after`, and
 * nothing of it is damaged.
 */
function cutBeforeDamage(
  after: Position,
  { journalDirectory, log }: RestoreOptions,
): Position | undefined {
  let position = after;
  try {
    for (const entry of readEntries(journalDirectory, { after })) position = entry.position;
  } catch (error) {
    if (!(error instanceof JournalDamage)) throw error;
    if (error.position > position + 1) return undefined;
    log.error(
      { path: error.path, position: error.position, why: error.message },
      "the journal is damaged here: what comes after it is kept aside and not used; acknowledged events may be lost",
    );
  }
  for (const { path, first } of listSegments(journalDirectory)) {
    if (first <= position) continue;
    setAside(path);
  }
  return position;
}

/** Those whose manifest is sound, the newest first; the others are named. */
export function soundSnapshots(directory: string, log?: StateLog): Snapshot[] {
  const sound: Snapshot[] = [];
  for (const listed of listSnapshots(directory)) {
    if (listed.problem === undefined) sound.push(listed);
    else if (listed.problem.name === "SnapshotOfOtherVersion")
      throw new OptionsError(listed.problem.message, 1);
    else
      log?.error(
        { path: listed.path, why: listed.problem.message },
        "a snapshot is damaged; an older one is used",
      );
  }
  return sound;
}

export function setAside(path: string): void {
  for (const end of ["", "-wal", "-shm"]) renameIfThere(`${path}${end}`, `${path}.damaged${end}`);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
