import { applyChange } from "./apply-change.ts";
import type { ShardExports } from "./module.ts";
import type { Job, JobResult } from "./protocol.ts";
import type { Views } from "./region.ts";

/** Runs one job over an instance, on whatever thread this is. Never throws: a trap is a result. */
export function runJob(exports: ShardExports, job: Job, views: Views): JobResult {
  const startedAt = performance.timeOrigin + performance.now();
  let value = 0;
  let trap: string | undefined;
  try {
    value = call(exports, job, views);
  } catch (error) {
    trap = error instanceof Error ? error.message : String(error);
  }
  return { value, trap, startedAt, endedAt: performance.timeOrigin + performance.now() };
}

function call(exports: ShardExports, job: Job, views: Views): number {
  switch (job.kind) {
    case "step":
      return exports.step(job.region);
    case "recover":
      return exports.recover(job.region);
    case "initialize":
      return exports.initialize(job.memoryBytes);
    case "change":
      return applyChange(exports, views, job.change);
    default:
      return job satisfies never;
  }
}
