import { TrainingError } from "./training.ts";
import type { TrainingRequest } from "./training.ts";
import type { Normalization } from "./module.ts";

/** Rows to score with a model that lies in no shard. */
export interface ScoreJob {
  /** Same bytes under the same name: a thread keeps the last model it scored with. */
  readonly modelId: string;
  /** Copied to the thread with every job, unless it lies in a SharedArrayBuffer. */
  readonly model: Uint8Array;
  /** Row-major, NaN = missing. */
  readonly rows: Float64Array;
  readonly normalization: Normalization;
  /** Whether to tell what each column did to each score. */
  readonly explain?: boolean;
}

export interface ScoreResult {
  readonly raws: Float64Array<ArrayBuffer>;
  readonly scores: Float64Array<ArrayBuffer>;
  /** The contamination quantile of the training rows' own scores, normalized alike. */
  readonly threshold: number;
  /** Where asked for. */
  readonly explained?: Explained;
}

/** A number a row and column, and one a row: row by row they add up to the scores. */
export interface Explained {
  readonly contributions: Float64Array<ArrayBuffer>;
  readonly baselines: Float64Array<ArrayBuffer>;
}

/** The thread that trained is no more. */
export class TrainerDied extends TrainingError {}

export interface TrainOptions {
  /** The rows move to the thread: the array is empty afterwards, and nothing was copied. */
  readonly moveRows?: boolean;
  /** Taken even when many wait: the caller has a bound of its own. */
  readonly unbounded?: boolean;
}

/** Threads that train models and score with them, each over a memory of its own. */
export interface ModelPool {
  /** Trainings and scorings that wait or run. */
  readonly queued: number;
  /**
   * A trained model. Rejects with TrainingError (a sentence for people) when the kind cannot train on these rows, or when its thread died;
   * with RESOURCE_EXHAUSTED, QUEUE_FULL when too many wait.
   */
  train(request: TrainingRequest, options?: TrainOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Rejects as `train` does with QUEUE_FULL; with an Error when the bytes are no sound model or the thread died. */
  score(job: ScoreJob): Promise<ScoreResult>;
  /** Why bytes are not a model that this kernel can score with; undefined = they are. */
  check(model: Uint8Array): Promise<string | undefined>;
  close(): Promise<void>;
}
