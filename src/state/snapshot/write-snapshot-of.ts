import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Position } from "../../shard/journal.ts";
import { ARENA_BASE, Root } from "../../shard/layout.ts";
import type { ShardEntry, Snapshot } from "./format.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";
import { listSnapshots } from "./snapshots.ts";
import type { ShardToWrite } from "./shard-writer.ts";

/** State up to which the calling thread writes it itself, in less time than threads take to start. */
const INLINE_BYTES = 32 * 1024 * 1024;

export interface LiveState {
  /** Where all snapshots are. */
  readonly directory: string;
  /** Of the shards, in their order: all idle until this is done. */
  readonly memories: readonly WebAssembly.Memory[];
  /** Of the last entry that was applied; it is durable. */
  readonly position: Position;
  /** As JSON. */
  readonly processState: unknown;
  readonly timeUnixMs: number;
}

export interface WriteJob {
  readonly memory: WebAssembly.Memory;
  readonly what: ShardToWrite;
}

export type WriteAnswer = { readonly entry: ShardEntry } | { readonly failed: string };

/**
 * A snapshot of live shards in which nothing happens any more, for a server that stops: on as many threads as there are cores. Rejects with what the
 * disk or a shard says; then there is no snapshot. One that is there at this position stays and is the result.
 */
export async function writeSnapshotOf(state: LiveState): Promise<Snapshot> {
  const { directory, memories, position, processState, timeUnixMs } = state;
  const [newest] = listSnapshots(directory);
  if (newest?.problem === undefined && newest?.position === position) return newest;
  const writer = new SnapshotWriter({ directory, position, shards: memories.length });
  try {
    if (stateBytes(memories) <= INLINE_BYTES) {
      for (const [shard, { buffer }] of memories.entries()) {
        writer.writeShard(shard, new Uint8Array(buffer));
      }
    } else {
      await writeOnThreads(writer, memories, position);
    }
    return writer.finish(processState, timeUnixMs);
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function stateBytes(memories: readonly WebAssembly.Memory[]): number {
  return memories.reduce((sum, { buffer }) => {
    const top = new DataView(buffer).getUint32(Root.arenaTop, true);
    return sum + Math.max(0, top - ARENA_BASE);
  }, 0);
}

async function writeOnThreads(
  writer: SnapshotWriter,
  memories: readonly WebAssembly.Memory[],
  position: Position,
): Promise<void> {
  const jobs = memories.map((memory, shard): WriteJob => {
    const what = { directory: writer.path, shard, shards: memories.length, position };
    return { memory, what };
  });
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      writer.add(await writeOnThread(job));
    }
  };
  // All of them end before anything is removed: none may write into a directory that is gone.
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function writeOnThread(job: WriteJob): Promise<ShardEntry> {
  const worker = new Worker(new URL("./write-worker.ts", import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once("message", (answer: WriteAnswer) => {
      if ("entry" in answer) resolve(answer.entry);
      else reject(new Error(answer.failed));
    });
    worker.once("error", reject);
    worker.once("exit", () => {
      reject(new Error(`the thread that wrote shard ${job.what.shard} ended before it was done`));
    });
  });
}
