import { workerData } from "piscina";
import { instantiate } from "./module.ts";
import type { ShardExports } from "./module.ts";
import type { Job, JobResult, WorkerData } from "./protocol.ts";
import type { Views } from "./region.ts";
import { runJob } from "./run-job.ts";
import { viewsOf } from "./shard.ts";

const { module, memories } = workerData as WorkerData;
interface Instance {
  readonly kernel: ShardExports;
  readonly views: Views;
}

const instances = new Map<number, Instance>();

/** A pool thread's whole work: the jobs of one task, in order. Any thread runs any shard. */
export function runJobs(jobs: readonly Job[]): JobResult[] {
  return jobs.map((job) => {
    const { kernel, views } = instanceOf(job.shard);
    const result = runJob(kernel, job, views);
    // An instance that trapped is not used again: its stack is unwound, its globals are not.
    if (result.trap !== undefined) instances.delete(job.shard);
    return result;
  });
}

function instanceOf(shard: number): Instance {
  const known = instances.get(shard);
  if (known !== undefined) return known;
  const memory = memories[shard];
  if (memory === undefined) throw new Error(`no shard ${shard}`);
  const made = { kernel: instantiate(module, memory), views: viewsOf(memory) };
  instances.set(shard, made);
  return made;
}
