import type { Clock } from "../domain/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Position, ShardJournal } from "./journal.ts";
import type { ShardLog } from "./mender.ts";
import type { PoolOptions, StepPool } from "./pool.ts";
import type { Shard } from "./shard.ts";

export interface ShardSetOptions {
  /** Path of the compiled kernel. */
  readonly modulePath: string;
  readonly shards: number;
  readonly threads: number;
  /** Memory of one shard, bytes: reserved as address space, used as it is touched. */
  readonly shardMemoryBytes: number;
  /** The most work (rows through 10 trees of height 8) that the calling thread does itself in one go. */
  readonly inlineWorkMax: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly log: ShardLog;
  /** Absent = nothing is kept. */
  readonly journal?: ShardJournal;
  /** Memories that were brought back, one a shard; absent = they are new. */
  readonly memories?: readonly WebAssembly.Memory[];
  /** Makes a shard what it was after an entry of the journal, from a snapshot and the journal. */
  readonly rebuild?: (shard: Shard, until: Position) => Promise<void>;
  /** The Piscina pool when absent. */
  readonly createPool?: (options: PoolOptions) => StepPool;
}
