import { existsSync } from "node:fs";
import { join } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import type { ResolvedOptions } from "../config/options.ts";
import type { Core } from "../core.ts";
import { systemClock } from "../domain/clock.ts";
import { Root } from "../shard/layout.ts";
import { compileModule } from "../shard/module.ts";
import { Keeper } from "./keeper/keeper.ts";
import type { StateGauges } from "../telemetry/telemetry.ts";
import type { Journal } from "./journal/journal.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import { JournalGuard } from "./journal-guard.ts";
import { openState } from "./open-state.ts";
import type { OpenState, OpenStateOptions } from "./open-state.ts";

/** A snapshot is made when the journal has grown by so much: a restart replays at most this, a second or so for each 200 MB. */
const BYTES_BETWEEN_SNAPSHOTS = 1024 * 1024 * 1024;

/** The state of the data directory, brought back; undefined = nothing is kept. */
export async function stateOf(
  options: ResolvedOptions,
  log: OpenStateOptions["log"],
  modulePath: string,
): Promise<OpenState | undefined> {
  const { durability } = options.state;
  if (durability === "none") {
    if (existsSync(join(options.dataDirectory, "journal"))) {
      log.warn(
        { dataDirectory: options.dataDirectory },
        "what was learned is in the journal, and is not used: durability is none",
      );
    }
    return undefined;
  }
  return openState({
    data: options.dataDirectory,
    module: await compileModule(modulePath),
    durability,
    shards: options.shards,
    shardsGiven: options.shardsGiven,
    memoryBytes: options.shardMemoryBytes,
    clock: systemClock,
    log,
  });
}

/**
 * Shards that were brought back may use another amount of memory than before, from the journal's next entry on. A journal begins with it: who
 * replays it needs to know.
 */
export async function resizeShards(
  { shards }: Pick<Core, "shards">,
  { journal }: OpenState,
  memoryBytes: number,
): Promise<void> {
  const isNew = journal.newest === 0;
  const changes = shards.shards
    .filter(({ views }) => isNew || views.f64[Root.memoryBytes >>> 3] !== memoryBytes)
    .map(({ index }) => shards.changes.change(index, { kind: "resize", memoryBytes }));
  try {
    await Promise.all(changes);
  } catch (error) {
    const used = Math.max(...shards.shards.map(({ views }) => views.u32[Root.arenaTop >>> 2] ?? 0));
    const least = Math.ceil((used * shards.shards.length) / MEBIBYTE);
    throw new OptionsError(
      `state_memory_mb: the state that was brought back takes ${least} MiB, more than it may: raise it`,
      1,
      error,
    );
  }
}

const MEBIBYTE = 1024 * 1024;

/** What keeps a running server's state. */
export interface Keeping {
  readonly journal: Journal;
  readonly guard: JournalGuard;
  readonly keeper: Keeper;
}

export function stateGauges({ journal, guard, keeper }: Keeping): StateGauges {
  const { bytes, queuedBytes, commits, lastCommitMs, maxCommitMs, commitBuckets } = journal.stats;
  return {
    learning: !journal.failed,
    position: journal.newest,
    durable: journal.durable,
    bytes,
    queuedBytes,
    commits,
    lastCommitMs,
    maxCommitMs,
    commitBuckets,
    failures: guard.failures,
    snapshots: keeper.snapshots,
    snapshotFailures: keeper.failures,
    snapshotPosition: keeper.position,
  };
}

export interface KeepOptions {
  /** The data directory. */
  readonly data: string;
  /** Of one shard. */
  readonly memoryBytes: number;
  readonly settings: ResolvedOptions["state"];
  readonly log: OpenStateOptions["log"];
}

/** Begins to make snapshots of a server's state, and to put its journal in order. */
export function keep(
  state: OpenState,
  {
    module,
    shards,
  }: {
    readonly module: WebAssembly.Module;
    readonly shards: Pick<ShardSet, "settled" | "goBack">;
  },
  { data, memoryBytes, settings, log: logger }: KeepOptions,
): Keeping {
  const { journal, snapshot, memories } = state;
  const guard = new JournalGuard({ journal, shards, clock: systemClock, log: logger });
  const { snapshotIntervalMs, snapshotsKept, journalBytesMax, journalAgeMsMax } = settings;
  const keeper = new Keeper({
    module,
    data,
    shards: memories.length,
    memoryBytes,
    snapshotsKept,
    journalBytesMax,
    journalAgeMsMax,
    settled: () => shards.settled,
    journalBytes: () => journal.stats.bytes,
    newest: snapshot,
    intervalMs: snapshotIntervalMs === 0 ? Number.POSITIVE_INFINITY : snapshotIntervalMs,
    bytesBetween: snapshotIntervalMs === 0 ? Number.POSITIVE_INFINITY : BYTES_BETWEEN_SNAPSHOTS,
    clock: systemClock,
    log: logger,
    onAged: () => {
      journal.roll().catch((error: unknown) => {
        logger.warn({ err: error }, "the newest segment could not be ended");
      });
    },
  });
  journal.onSealed = (path) => {
    const told = (error: unknown): void => {
      logger.warn({ err: error, path }, "a segment of the journal could not be put in order");
    };
    // Else the writer would keep it open, and its room on the disk when it is removed.
    keeper
      .seal(path)
      .then(
        () => journal.releaseSegment(path),
        (error: unknown) => {
          told(error);
          return journal.leaveSegment(path);
        },
      )
      .catch(told);
  };
  keeper.start();
  return { journal, guard, keeper };
}
