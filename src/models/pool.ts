import type { TrainingRequest } from "./training.ts";
import type { Normalization } from "./module.ts";

/** Rows to score with a model that lies in no shard. */
export interface ScoreJob {
  /** Same bytes under the same name: a thread keeps the last models it saw. */
  readonly modelId: string;
  readonly model: Uint8Array<ArrayBuffer>;
  /** Row-major, NaN = missing. */
  readonly rows: Float64Array<ArrayBuffer>;
  readonly normalization: Normalization;
}

export interface ScoreResult {
  readonly raws: Float64Array;
  readonly scores: Float64Array;
}

/** Threads that train models and score with them, each over a memory of its own. */
export interface ModelPool {
  /** Trainings and scorings that wait or run. */
  readonly queued: number;
  /**
   * A trained model. Rejects with TrainingError (a sentence for people) when the kind cannot train on these rows, or when its thread died;
   * with RESOURCE_EXHAUSTED, QUEUE_FULL when too many wait.
   */
  train(request: TrainingRequest): Promise<Uint8Array<ArrayBuffer>>;
  score(job: ScoreJob): Promise<ScoreResult>;
  /** Why bytes are not a model that this kernel can score with; undefined = they are. */
  check(model: Uint8Array<ArrayBuffer>): Promise<string | undefined>;
  close(): Promise<void>;
}
