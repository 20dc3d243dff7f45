import type { ShardExports } from "./module.ts";
import type { Job, JobResult } from "./protocol.ts";

/** Runs one job over an instance, on whatever thread this is. Never throws: a trap is a result. */
export function runJob(exports: ShardExports, job: Job): JobResult {
  const startedAt = performance.timeOrigin + performance.now();
  let value = 0;
  let trap: string | undefined;
  try {
    value = call(exports, job);
  } catch (error) {
    trap = error instanceof Error ? error.message : String(error);
  }
  return { value, trap, startedAt, endedAt: performance.timeOrigin + performance.now() };
}

function call(exports: ShardExports, job: Job): number {
  switch (job.kind) {
    case "step":
      return exports.step(job.region);
    case "recover":
      return exports.recover(job.region);
    case "initialize":
      return exports.initialize(job.memoryBytes);
    case "create":
      return exports.createDetector(job.slot);
    case "reset":
      return exports.resetDetector(job.slot);
    case "delete":
      return exports.deleteDetector(job.slot);
    default:
      return job satisfies never;
  }
}
