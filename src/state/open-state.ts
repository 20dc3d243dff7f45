import { availableParallelism } from "node:os";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import type { Recovered } from "../control/catalogue.ts";
import type { Clock } from "../domain/clock.ts";
import type { Position } from "../shard/journal.ts";
import { createMemory } from "../shard/module.ts";
import { viewsOf } from "../shard/shard.ts";
import type { Shard } from "../shard/shard.ts";
import { Journal } from "./journal/journal.ts";
import {
  inspectTail,
  JournalDamage,
  listSegments,
  NewerJournal,
  readEntries,
} from "./journal/segments.ts";
import { Kind, decodeProcessChange } from "./journal/entry.ts";
import { ProcessState } from "./process-state.ts";
import { RecoveryError, recoverShard, recoverShards } from "./replay/recover.ts";
import { openStateSource } from "./replay/source.ts";
import { disk } from "./snapshot/disk.ts";
import type { Snapshot } from "./snapshot/format.ts";
import {
  listSnapshots,
  readSnapshotProcess,
  removeUnfinished,
  setAsideAfter,
  snapshotsIn,
} from "./snapshot/snapshots.ts";

interface StateLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface OpenStateOptions {
  /** The data directory, which this process has to itself. */
  readonly data: string;
  readonly module: WebAssembly.Module;
  readonly durability: "acknowledged" | "relaxed";
  readonly shards: number;
  /** Whether that number was asked for; else the one that the directory was written with is taken. */
  readonly shardsGiven: boolean;
  /** Of one shard. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  readonly log: StateLog;
}

/** The state of a data directory, brought back, and the journal that goes on with it. */
export interface OpenState {
  readonly journal: Journal;
  readonly memories: readonly WebAssembly.Memory[];
  readonly recovered: Recovered;
  /** Of the newest sound snapshot; 0 = none. */
  readonly snapshot: Position;
  readonly journalDirectory: string;
  /** Makes a shard what it was after an entry that is on disk. */
  rebuild(shard: Shard, until: Position): Promise<void>;
}

/**
 * Brings a data directory's state back: the newest sound snapshot, and what the journal has behind it. What is damaged is named in the log and
 * kept aside; everything before it is used. Throws OptionsError for what a person has to decide.
 */
export async function openState(options: OpenStateOptions): Promise<OpenState> {
  try {
    return await open(options);
  } catch (error) {
    if (error instanceof NewerJournal) throw new OptionsError(error.message, 1, error);
    if (error instanceof JournalDamage) {
      throw new OptionsError(
        `${error.message}: see weir verify --data ${options.data}, restore a backup (weir restore), or start with another --data`,
        1,
        error,
      );
    }
    throw error;
  }
}

async function open(options: OpenStateOptions): Promise<OpenState> {
  const { data, log, clock } = options;
  const journalDirectory = join(data, "journal");
  const snapshotDirectory = snapshotsIn(data);
  mkdirSync(journalDirectory, { recursive: true });
  mkdirSync(snapshotDirectory, { recursive: true });
  // Their names are on disk before anything in them is acknowledged.
  disk.syncDirectory(data);
  for (const path of removeUnfinished(snapshotDirectory)) {
    log.warn({ path }, "a snapshot that was not finished was removed");
  }
  setAsideUnreadable(journalDirectory, log);
  nameDroppedTails(journalDirectory, log);
  const source = openStateSource(data);
  const shards = shardsOf(options, source.shards);
  const memoryBytes = Math.max(options.memoryBytes, source.memoryBytes);
  const memories = Array.from({ length: shards }, () => createMemory(memoryBytes));
  const start = clock.now();
  const last = listSegments(journalDirectory).at(-1)?.last ?? 0;
  const restored = await restore({
    ...options,
    memories,
    journalDirectory,
    snapshotDirectory,
    last,
  });
  const { snapshot, until, process, rows } = restored;
  const ms = Math.round(clock.now() - start);
  if (until > 0) {
    log.info(
      { position: until, snapshot: snapshot?.position ?? 0, rows, ms },
      "state was brought back",
    );
  }
  const journal = await Journal.open({
    directory: journalDirectory,
    first: until + 1,
    shards,
    views: memories.map(viewsOf),
    durability: options.durability,
  }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionsError(
      `the journal cannot be written: ${why}
make room or let the user that runs weir write there, choose another directory with --data DIR, or keep nothing with --durability none`,
      1,
      error,
    );
  });
  return {
    journal,
    memories,
    recovered: process,
    snapshot: snapshot?.position ?? 0,
    journalDirectory,
    rebuild: (shard, position) =>
      rebuild(shard, position, { ...options, journalDirectory, snapshotDirectory }),
  };
}

/** From the newest snapshot that can be read, or from the journal's first entry. */
async function rebuild(
  { index, memory, gathering }: Shard,
  until: Position,
  options: Pick<
    RestoreOptions,
    "module" | "memoryBytes" | "journalDirectory" | "snapshotDirectory"
  >,
): Promise<void> {
  const { module, memoryBytes, journalDirectory, snapshotDirectory } = options;
  const before = soundSnapshots(snapshotDirectory).filter(({ position }) => position <= until);
  for (const snapshot of [...before, undefined]) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the next one is tried because this one failed
      await recoverShard({
        module,
        memory,
        shard: index,
        journal: journalDirectory,
        snapshot,
        memoryBytes,
        until,
        region: gathering.index === 0 ? 1 : 0,
      }).done;
      return;
    } catch (error) {
      const next = error instanceof RecoveryError && error.kind === "snapshot";
      if (!next || snapshot === undefined) throw error;
    }
  }
}

interface RestoreOptions extends OpenStateOptions {
  readonly memories: readonly WebAssembly.Memory[];
  readonly journalDirectory: string;
  readonly snapshotDirectory: string;
  /** The journal's last entry. */
  readonly last: Position;
}

interface RestoredAll {
  readonly snapshot: Snapshot | undefined;
  /** The last entry that was applied. */
  readonly until: Position;
  readonly rows: number;
  readonly process: Recovered;
}

/** Tries snapshots from the newest on, and the journal as far as it is sound. */
async function restore(options: RestoreOptions): Promise<RestoredAll> {
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
  // A snapshot knows more than a journal whose end is lost.
  const first = await tryFrom(snapshot, Math.max(last, position), options);
  if (!(first instanceof RecoveryError)) return { restored: first, last };
  const cut = first.kind === "journal" ? cutBeforeDamage(position, options) : undefined;
  const second =
    cut === undefined ? first : await tryFrom(snapshot, Math.max(cut, position), options);
  if (!(second instanceof RecoveryError)) return { restored: second, last: cut ?? last };
  options.log.error(
    { position, why: second.message },
    "state could not be brought back from this snapshot; the one before is tried",
  );
  return { restored: undefined, last: cut ?? last };
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
  return { snapshot, until, rows, process };
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
  const encodings = slots.flatMap((slot) => {
    const encoding = state.encoding(slot);
    return encoding === undefined ? [] : [[slot, encoding] as const];
  });
  const kept = slots.flatMap((slot) => {
    const rows = state.kept(slot);
    return rows === undefined ? [] : [[slot, rows] as const];
  });
  return {
    catalogue: state.isKnown ? catalogue : undefined,
    encodings: new Map(encodings),
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

/** The newest segment where not even its first page can be read: the journal ends before it. Others are left for whoever reads them to find. */
function setAsideUnreadable(journalDirectory: string, log: StateLog): void {
  try {
    listSegments(journalDirectory);
  } catch (error) {
    if (!(error instanceof JournalDamage)) throw error;
    log.error(
      { path: error.path, position: error.position, why: error.message },
      "the journal's newest segment cannot be read: it is kept aside and not used; acknowledged events may be lost",
    );
    setAside(error.path);
    setAsideUnreadable(journalDirectory, log);
  }
}

function setAside(path: string): void {
  for (const end of ["", "-wal", "-shm"]) renameIfThere(`${path}${end}`, `${path}.damaged${end}`);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Those whose manifest is sound, the newest first; the others are named. */
function soundSnapshots(directory: string, log?: StateLog): Snapshot[] {
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

/** What SQLite leaves out without a word. */
function nameDroppedTails(journalDirectory: string, log: StateLog): void {
  for (const { path } of listSegments(journalDirectory)) {
    const { droppedBytes, what, lost } = inspectTail(path);
    if (droppedBytes === 0) continue;
    const fields = { path, droppedBytes, what };
    if (lost)
      log.error(fields, "the end of the journal is damaged: acknowledged events may be lost");
    else
      log.warn(
        fields,
        "the end of the journal was not finished: nobody was told of what was dropped",
      );
  }
}

function shardsOf({ shards, shardsGiven, data }: OpenStateOptions, stored: number): number {
  if (stored === 0 || stored === shards) return shards;
  if (!shardsGiven) return stored;
  throw new OptionsError(
    `shards: got ${shards}, but the state in ${data} has ${stored}: start with --shards ${stored}, or without the option, or move the detectors to a new directory (weir export, weir import)`,
    1,
  );
}
