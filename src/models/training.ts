import { CONTROL_BASE, REGION_BASE, SCRATCH_BASE } from "../shard/layout.ts";
import { encodeParameters, kinds } from "./kinds.ts";
import type { Kind, Parameters } from "./kinds.ts";
import type { ModelExports } from "./module.ts";

/** Indices in the control block of a training: assembly/model/training.ts. */
const T = {
  kind: 0,
  rows: 1,
  columns: 2,
  seedLo: 3,
  seedHi: 4,
  contamination: 5,
  scaler: 6,
  parameters: 16,
} as const;

/** In the order of their numbers. */
export const trainingScalers = ["none", "standard", "min_max", "robust"] as const;
export type TrainingScaler = (typeof trainingScalers)[number];

export interface TrainingRequest {
  readonly kind: Kind;
  readonly parameters: Parameters;
  readonly columns: number;
  /** Row-major, NaN = missing. */
  readonly rows: Float64Array;
  readonly seed: bigint;
  /** 0 < c <= 0.5 */
  readonly contamination: number;
  readonly scaler: TrainingScaler;
}

/** Where a training's rows begin, and where a model that is to score may lie. */
export const WORK_BASE = REGION_BASE;
const FAILURE = SCRATCH_BASE + 8192;

/** Why a training did not end, by the number that the kernel leaves (assembly/model/work.ts). */
const failures = [
  "the training stopped",
  "the training needs more memory than a trainer has; lower window_size, or raise trainer_memory_mb",
  "the training's description is not one",
  "there are fewer rows than this kind needs",
  "all rows are alike, and this kind needs a spread (a covariance that is not zero)",
  "the clusters cannot be parted into large and small ones; try other n_clusters, alpha or beta",
  "values are too large for this kind's arithmetic; scale them first",
] as const;

/** Why a training did not end; the message is a sentence for people. */
export class TrainingError extends Error {}

/**
 * Trains in a memory that has no other use, and returns a copy of the model. After a TrainingError the instance must not be used again.
 */
export function runTraining(
  kernel: ModelExports,
  memory: WebAssembly.Memory,
  request: TrainingRequest,
): Uint8Array<ArrayBuffer> {
  const control = new Float64Array(memory.buffer, CONTROL_BASE, 8192);
  const bytes = request.rows.byteLength;
  if (WORK_BASE + bytes > memory.buffer.byteLength) throw new TrainingError(failures[1]);
  control.fill(0, 0, T.parameters);
  control[T.kind] = kinds[request.kind].number;
  control[T.rows] = request.rows.length / request.columns;
  control[T.columns] = request.columns;
  control[T.seedLo] = Number(request.seed & 0xffff_ffffn);
  control[T.seedHi] = Number((request.seed >> 32n) & 0xffff_ffffn);
  control[T.contamination] = request.contamination;
  control[T.scaler] = trainingScalers.indexOf(request.scaler);
  control.set(encodeParameters(request.kind, request.parameters), T.parameters);
  new Float64Array(memory.buffer, WORK_BASE, request.rows.length).set(request.rows);
  const failure = new Uint32Array(memory.buffer, FAILURE, 1);
  failure[0] = 0;
  let address: number;
  try {
    address = kernel.trainModel() >>> 0;
  } catch (error) {
    throw new TrainingError(failures[failure[0] ?? 0] ?? failures[0], { cause: error });
  }
  const length = new Uint32Array(memory.buffer, address + 8, 1)[0] ?? 0;
  return new Uint8Array(new Uint8Array(memory.buffer, address, length));
}
