import type { ModelPool, ScoreJob, ScoreResult, TrainOptions } from "./pool.ts";
import { ThreadPool } from "./thread-pool.ts";
import type { TrainingRequest } from "./training.ts";

export interface ModelThreadsOptions {
  readonly module: WebAssembly.Module;
  readonly trainerThreads: number;
  /** Of each thread: address space, used as it is touched. */
  readonly memoryBytes: number;
  /** Jobs that may wait, trainings and others apart. */
  readonly queueMax: number;
  readonly log: { warn(fields: object, message: string): void };
}

/** Trainings have time; who waits for scores has not. So theirs is the weakest claim to a core that there is. */
const TRAINER_NICE = 19;
const SCORERS = 1;

/** Trainings on threads that give way to everything else; scorings and checks, which a client waits for, on another. */
export class ModelThreads implements ModelPool {
  readonly trainers: ThreadPool;
  readonly scorers: ThreadPool;

  constructor({ log, trainerThreads, ...options }: ModelThreadsOptions) {
    let told = false;
    this.trainers = new ThreadPool({
      ...options,
      threads: trainerThreads,
      nice: TRAINER_NICE,
      onStarted: ({ problem }) => {
        if (problem === undefined || told) return;
        told = true;
        log.warn({ why: problem }, "trainer threads run at the priority of all others");
      },
    });
    this.scorers = new ThreadPool({ ...options, threads: SCORERS, nice: 0 });
  }

  get queued(): number {
    return this.trainers.queued + this.scorers.queued;
  }

  train(request: TrainingRequest, options?: TrainOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.trainers.train(request, options);
  }

  score(job: ScoreJob): Promise<ScoreResult> {
    return this.scorers.score(job);
  }

  check(model: Uint8Array): Promise<string | undefined> {
    return this.scorers.check(model);
  }

  async close(): Promise<void> {
    await Promise.all([this.trainers.close(), this.scorers.close()]);
  }
}
