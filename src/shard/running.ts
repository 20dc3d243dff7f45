import { StepError } from "./layout.ts";
import type { Job, JobResult } from "./protocol.ts";
import type { Batch, Shard } from "./shard.ts";

/** A batch on its way, with the instant (Unix ms) at which it was cut. */
export interface Running {
  readonly shard: Shard;
  readonly batch: Batch;
  readonly cutAt: number;
}

export function stepJob({ shard, batch }: Pick<Running, "shard" | "batch">): Job {
  return { kind: "step", shard: shard.index, region: batch.region.index };
}

/** Why a step did not work off its region; undefined = it did. */
export function failureOf(result: JobResult | undefined): string | undefined {
  if (result === undefined) return "no result";
  if (result.trap !== undefined) return result.trap;
  if (result.value >= 0) return undefined;
  return result.value === StepError.NEEDS_RECOVERY
    ? "an earlier step did not end"
    : `the step returned ${result.value}`;
}

/** Now, with a fraction: the clock of all threads. */
export function unixMs(): number {
  return performance.timeOrigin + performance.now();
}
