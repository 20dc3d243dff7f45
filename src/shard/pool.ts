import { Piscina } from "piscina";
import type { Job, JobResult, WorkerData } from "./protocol.ts";

export interface PoolOptions {
  readonly threads: number;
  readonly workerData: WorkerData;
  /** A thread that had been started was lost and is being replaced. */
  readonly onThreadLost: () => void;
}

/** Threads that run jobs; a test may put a slow one in its place. */
export interface StepPool {
  readonly threads: number;
  /** Tasks that run or wait. */
  readonly tasks: number;
  /** One result a job. Rejects when the thread died: then every shard of the task is in doubt. */
  run(jobs: readonly Job[]): Promise<JobResult[]>;
  /** Kills one thread in the middle of whatever it does: for tests of what happens then. */
  killThread(index: number): Promise<void>;
  close(): Promise<void>;
}

/** The one Piscina pool over all shards. A task carries the jobs of one or several shards. */
export class Pool implements StepPool {
  tasks = 0;
  readonly threads: number;
  private readonly piscina: Piscina<readonly Job[], JobResult[]>;
  private closing = false;

  constructor(options: PoolOptions) {
    this.threads = options.threads;
    this.piscina = new Piscina<readonly Job[], JobResult[]>({
      filename: new URL("./worker.ts", import.meta.url).href,
      name: "runJobs",
      minThreads: options.threads,
      maxThreads: options.threads,
      // One task at a time a thread: a batch never waits behind another while a thread is free.
      concurrentTasksPerWorker: 1,
      // Threads must never outlive their use by idling: all of them stay.
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: options.workerData,
    });
    this.piscina.on("workerDestroy", () => {
      if (this.closing) return;
      options.onThreadLost();
      // Piscina does not replace a thread that died while it was starting; the next task makes it start one.
      setImmediate(() => {
        if (!this.closing) void this.piscina.run([]).catch(() => undefined);
      });
    });
    // Without tasks a lost thread is an event, and an event without a listener would end the process.
    this.piscina.on("error", () => undefined);
  }

  async run(jobs: readonly Job[]): Promise<JobResult[]> {
    this.tasks++;
    try {
      return await this.piscina.run(jobs);
    } finally {
      this.tasks--;
    }
  }

  async killThread(index: number): Promise<void> {
    await this.piscina.threads[index]?.terminate();
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.piscina.destroy();
  }
}
