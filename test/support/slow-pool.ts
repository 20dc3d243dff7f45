import { Pool, type PoolOptions, type StepPool } from "../../src/shard/pool.ts";
import type { Job, JobResult } from "../../src/shard/protocol.ts";

interface Gate {
  readonly open: () => void;
  readonly fail: (error: Error) => void;
}

/** A pool whose results are held back until `release`. */
export class SlowPool implements StepPool {
  private readonly pool: Pool;
  private readonly gates: Gate[] = [];
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

  /** Tasks whose results are held back. */
  get held(): number {
    return this.gates.length;
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    const results = await this.pool.run(jobs);
    if (this.slow) {
      await new Promise<void>((open, fail) => this.gates.push({ open, fail }));
    }
    return results;
  }

  release(): void {
    this.slow = false;
    for (const { open } of this.gates.splice(0)) open();
  }

  /** As if the threads had died over what is held back. */
  fail(): void {
    this.slow = false;
    for (const { fail } of this.gates.splice(0)) fail(new Error("the thread died"));
  }

  killThread(index: number): Promise<void> {
    return this.pool.killThread(index);
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
