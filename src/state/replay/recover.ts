/*
 * Recovery of shards on threads of their own. A server's start, and the rebuilding of one shard while others serve, both call
 *
 *   const recovery = recoverShard({ module, memory, shard, journal, snapshot, memoryBytes, until, region });
 *   recovery.progress()          { bytes, position, rows } so far; (position - snapshot.position) / (until - snapshot.position) is the share done
 *   await recovery.done          { position, rows }, or a RecoveryError that says which file to give up on
 *
 * `journal` is `journalIn(data)`, `snapshot` one of `listSnapshots`. The server makes its own instances over the memory anew after it
 * (`instantiate`). At most as many at a time as there are cores; a start with more shards than cores takes them by turns (`recoverShards`).
 */
import { Worker } from "node:worker_threads";
import type { Position } from "../../shard/journal.ts";
import { Progress, progressBytes } from "./restore-shard.ts";
import type { Restored, RestoreJob } from "./restore-shard.ts";

/** What the thread says in the end. */
export type RestoreAnswer = { readonly restored: Restored } | { readonly failed: Failure };

interface Failure {
  readonly name: string;
  readonly message: string;
  /** Of the entry that could not be applied. */
  readonly position: Position | undefined;
}

/** Why a shard could not be brought back. Its memory holds no state. */
export class RecoveryError extends Error {
  /**
   * snapshot = try the one before; journal = nothing after its sound part can be had; replay = an entry could not be applied: the snapshot before
   * it is not what the journal made, or the kernel is another; other = the system said no.
   */
  readonly kind: "snapshot" | "journal" | "replay" | "other";
  /** Of "replay": the shard, and the entry that could not be applied. */
  readonly shard: number | undefined;
  readonly position: Position | undefined;

  constructor(
    kind: RecoveryError["kind"],
    message: string,
    at: { readonly shard?: number; readonly position?: Position | undefined } = {},
  ) {
    super(message);
    this.name = "RecoveryError";
    this.kind = kind;
    this.shard = at.shard;
    this.position = at.position;
  }
}

export interface RecoveryProgress {
  /** Of state, read from the snapshot. */
  readonly bytes: number;
  /** Of the newest entry applied; 0 = none yet. */
  readonly position: Position;
  readonly rows: number;
}

export interface Recovery {
  readonly done: Promise<Restored>;
  progress(): RecoveryProgress;
  /** Ends it; `done` rejects. */
  stop(): Promise<void>;
}

/** MiB of JavaScript: the state is in the memory beside it. */
const HEAP_MB = 256;

const kinds = new Map<string, RecoveryError["kind"]>([
  ["SnapshotDamage", "snapshot"],
  ["SnapshotOfOtherVersion", "snapshot"],
  ["JournalDamage", "journal"],
  ["NewerJournal", "journal"],
  ["ReplayError", "replay"],
]);

/** Starts a thread that does `restoreShard`. */
export function recoverShard(job: Omit<RestoreJob, "progress">): Recovery {
  const progress = new SharedArrayBuffer(progressBytes);
  const workerData: RestoreJob = { ...job, progress };
  const worker = new Worker(new URL("./restore-worker.ts", import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const done = new Promise<Restored>((resolve, reject) => {
    worker.once("message", (answer: RestoreAnswer) => {
      if ("restored" in answer) resolve(answer.restored);
      else reject(asRecoveryError(answer.failed, job.shard));
    });
    worker.once("error", (error) => reject(new RecoveryError("other", String(error))));
    worker.once("exit", () => {
      reject(new RecoveryError("other", `shard ${job.shard}: the thread that restores it ended`));
    });
  });
  const numbers = new Float64Array(progress);
  return {
    done,
    progress: () => ({
      bytes: numbers[Progress.bytes] ?? 0,
      position: numbers[Progress.position] ?? 0,
      rows: numbers[Progress.rows] ?? 0,
    }),
    stop: async () => {
      await worker.terminate();
    },
  };
}

export interface RecoverAllOptions {
  /** One a shard. */
  readonly jobs: readonly Omit<RestoreJob, "progress">[];
  /** At a time. */
  readonly threads: number;
  /** About every `everyMs`: what all of them did so far; `share` of the entries, 0..1. */
  readonly onProgress?: (progress: { readonly rows: number; readonly share: number }) => void;
  readonly everyMs?: number;
}

/** Recovers all shards, some at a time. Rejects with the first RecoveryError, when none runs any more. */
export async function recoverShards(options: RecoverAllOptions): Promise<readonly Restored[]> {
  const { jobs, threads, onProgress, everyMs = 200 } = options;
  const begun = new Map<number, Recovery>();
  const restored: Restored[] = [];
  let next = 0;
  const tell = (): void => onProgress?.(sum(jobs, begun, restored));
  const timer = setInterval(tell, everyMs);
  const work = async (): Promise<void> => {
    for (let at = next++; at < jobs.length; at = next++) {
      const job = jobs[at];
      if (job === undefined) return;
      const recovery = recoverShard(job);
      begun.set(at, recovery);
      restored[at] = await recovery.done;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, work));
    tell();
    return restored;
  } catch (error) {
    next = jobs.length;
    await Promise.all([...begun.values()].map((each) => each.stop()));
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function sum(
  jobs: RecoverAllOptions["jobs"],
  begun: ReadonlyMap<number, Recovery>,
  restored: readonly Restored[],
): { readonly rows: number; readonly share: number } {
  let rows = 0;
  let done = 0;
  let all = 0;
  for (const [at, { snapshot, until }] of jobs.entries()) {
    const after = snapshot?.position ?? 0;
    all += until - after;
    const seen = begun.get(at)?.progress();
    rows += seen?.rows ?? 0;
    if (restored[at] !== undefined) done += until - after;
    else done += Math.max(0, (seen?.position ?? 0) - after);
  }
  return { rows, share: all === 0 ? 1 : Math.min(1, done / all) };
}

function asRecoveryError({ name, message, position }: Failure, shard: number): RecoveryError {
  const kind = kinds.get(name) ?? "other";
  return new RecoveryError(kind, `shard ${shard}: ${message}`, { shard, position });
}
