import type { Change } from "./journal.ts";

/** What a pool thread is made with: everything it needs to run any shard. */
export interface WorkerData {
  readonly module: WebAssembly.Module;
  /** One shared memory a shard, by shard index. */
  readonly memories: readonly WebAssembly.Memory[];
}

/** One thing to do on one shard, by one thread, while nothing else touches that shard. */
export type Job =
  | { readonly kind: "step"; readonly shard: number; readonly region: 0 | 1 }
  /** Region -1: nothing was stepped, no key is in doubt. */
  | { readonly kind: "recover"; readonly shard: number; readonly region: -1 | 0 | 1 }
  | { readonly kind: "initialize"; readonly shard: number; readonly memoryBytes: number }
  | { readonly kind: "change"; readonly shard: number; readonly change: Change };

/** How a job went; times are Unix milliseconds with a fraction, the same clock in every thread. */
export interface JobResult {
  /** What the export returned: rows stepped, keys dropped, or a status. */
  readonly value: number;
  /** Why the export trapped; undefined = it did not. */
  readonly trap: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
}
