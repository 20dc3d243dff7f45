import { Pool, type PoolOptions, type StepPool } from "../../src/shard/pool.ts";
import type { Job, JobResult } from "../../src/shard/protocol.ts";

/** A pool whose results are held back until `release`. */
export class SlowPool implements StepPool {
  private readonly pool: Pool;
  private readonly gates: (() => void)[] = [];
  slow = false;

  constructor(options: PoolOptions) {
    this.pool = new Pool(options);
  }

  get threads(): number {
    return this.pool.threads;
  }

  get tasks(): number {
    return this.pool.tasks;
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    const results = await this.pool.run(jobs);
    if (this.slow) await new Promise<void>((resolve) => this.gates.push(resolve));
    return results;
  }

  release(): void {
    this.slow = false;
    for (const open of this.gates.splice(0)) open();
  }

  killThread(index: number): Promise<void> {
    return this.pool.killThread(index);
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
