import { mkdirSync } from "node:fs";
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
  readDurableMark,
  UnreadableJournal,
} from "./journal/segments.ts";
import { RecoveryError, recoverShard } from "./replay/recover.ts";
import { openStateSource } from "./replay/source.ts";
import { disk } from "./snapshot/disk.ts";
import { restore, setAside, soundSnapshots } from "./restore-state.ts";
import type { RestoreOptions } from "./restore-state.ts";
import { removeUnfinished, snapshotsIn } from "./snapshot/snapshots.ts";

export interface StateLog {
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
    // What was read there, and what to do, is in its message.
    if (error instanceof RecoveryError || error instanceof UnreadableJournal) {
      throw new OptionsError(error.message, 1, error);
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
  const reached = durableBefore(journalDirectory, log);
  nameDroppedTails(journalDirectory, reached, log);
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
    leftOut: [],
  });
  const { snapshot, until, process, rows, leftOut } = restored;
  const ms = Math.round(clock.now() - start);
  if (until > 0) {
    log.info(
      { position: until, snapshot: snapshot?.position ?? 0, rows, ms },
      "state was brought back",
    );
  }
  setAsideBefore(journalDirectory, until, log);
  if (reached > until) {
    log.error(
      { position: until, reached, missing: reached - until },
      "the end of the journal is gone: it had been on disk further than the state could be brought back; acknowledged events may be lost",
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
      `${why}
make room or let the user that runs weir write there, choose another directory with --data DIR, or keep nothing with --durability none`,
      1,
      error,
    );
  });
  for (const { shard, position } of leftOut) journal.appendVoid(shard, position);
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

/**
 * From the newest snapshot that can be read, or from the journal's first entry. Meanwhile the keeper may make a newer snapshot and remove the one that
 * is read, or entries that only that one needs: then it is begun again from the newer one.
 */
async function rebuild(
  { index, memory, gathering }: Shard,
  until: Position,
  options: Pick<
    RestoreOptions,
    "module" | "memoryBytes" | "journalDirectory" | "snapshotDirectory"
  >,
): Promise<void> {
  const { module, memoryBytes, journalDirectory, snapshotDirectory } = options;
  const tried = new Set<Position>();
  for (;;) {
    const snapshot = soundSnapshots(snapshotDirectory).find(
      ({ position }) => position <= until && !tried.has(position),
    );
    const from = snapshot?.position ?? 0;
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
      const isDamaged = error instanceof RecoveryError && error.kind === "snapshot";
      const isNewer = soundSnapshots(snapshotDirectory).some(
        ({ position }) => position > Math.max(from, ...tried) && position <= until,
      );
      if (!isNewer && (!isDamaged || snapshot === undefined)) throw error;
      tried.add(from);
    }
  }
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

/** Where the journal's end is lost and a snapshot from behind it is used, nothing can go on from what is left of it. */
function setAsideBefore(journalDirectory: string, until: Position, log: StateLog): void {
  const segments = listSegments(journalDirectory);
  const last = segments.at(-1)?.last ?? until;
  if (last >= until) return;
  log.error(
    { path: journalDirectory, position: until, last, segments: segments.length },
    "the journal ends before the snapshot that is used: it is kept aside, and its entries are not there for replays",
  );
  for (const { path } of segments) setAside(path);
}

/** How far the journal had been on disk; 0 = nothing tells. */
function durableBefore(journalDirectory: string, log: StateLog): Position {
  const { position, problem } = readDurableMark(journalDirectory);
  if (problem !== "")
    log.warn({ why: problem }, "how far the journal had been on disk is not known");
  return position;
}

/** What SQLite leaves out without a word. @param reached the newest position that had been on disk */
function nameDroppedTails(journalDirectory: string, reached: Position, log: StateLog): void {
  const segments = listSegments(journalDirectory);
  for (const segment of segments) {
    const { path, last } = segment;
    const { droppedBytes, what, lost } = inspectTail(path);
    if (droppedBytes === 0) continue;
    const fields = { path, droppedBytes, what };
    if (lost || (segment === segments.at(-1) && last < reached))
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
    `shards: got ${shards}, but the state in ${data} has ${stored}: start with --shards ${stored}, or without the option; the number of a data directory's shards stays as it is`,
    1,
  );
}
