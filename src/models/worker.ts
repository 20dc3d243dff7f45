import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { move, workerData } from "piscina";
import { createMemory } from "../shard/module.ts";
import { instantiateModels, normalizations } from "./module.ts";
import type { ModelExports } from "./module.ts";
import type { Explained, ScoreJob, ScoreResult } from "./pool.ts";
import { setThreadPriority } from "./priority.ts";
import type { ThreadPriority } from "./priority.ts";
import { runTraining, TrainingError, WORK_BASE } from "./training.ts";
import type { TrainingRequest } from "./training.ts";

/** What a thread is made with. */
export interface ModelWorkerData {
  readonly module: WebAssembly.Module;
  /** Reserved as address space by the first job; used as it is touched. */
  readonly memoryBytes: number;
  /** 0 = as the process. */
  readonly nice: number;
}

/** What a thread tells once, when it starts. */
export interface ThreadStarted {
  readonly started: ThreadPriority;
}

export type ModelJob =
  | { readonly kind: "train"; readonly request: TrainingRequest }
  | { readonly kind: "score"; readonly job: ScoreJob }
  | { readonly kind: "check"; readonly model: Uint8Array };

/** A model's bytes, or what is named. A failure's class does not survive the way between threads: it is a result. */
export type ModelJobResult =
  | Uint8Array<ArrayBuffer>
  | { readonly scored: ScoreResult }
  | { readonly checked: string | undefined }
  | { readonly failure: string };

/** Rows scored in one call: their scores lie behind the model. */
const CHUNK_ROWS = 4096;
/** A job whose rows or model take more than this leaves the memory to the system: work memory is a small multiple of them. */
const BIG_BYTES = 8 * 1024 * 1024;

/** Why bytes are no model, by the number that the kernel gives (assembly/model/model-check.ts). */
const faults = [
  undefined,
  "the bytes are not a model",
  "the model is in another format than this version of Weir reads",
  "the model's lengths do not fit together",
  "the model's checksum does not fit: it is damaged",
  "the model's contents are not sound",
] as const;

const { module, memoryBytes, nice } = workerData as ModelWorkerData;
const started: ThreadStarted = { started: setThreadPriority(nice) };
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
if (nice > 0) parentPort?.postMessage(started);

let memory: WebAssembly.Memory | undefined;
let kernel: ModelExports | undefined;
/** The sound model that lies at WORK_BASE, and its length. */
let placed: { readonly id: string; readonly bytes: number } | undefined;

/** A thread's whole work: one job at a time over its own memory. Never throws: what rejects is a thread that died. */
export function runModelJob(job: ModelJob): unknown {
  const big = isBig(job);
  try {
    const result = run(job);
    return result instanceof Uint8Array ? move(result) : result;
  } catch (error) {
    // An instance that trapped is not used again: its stack is unwound, its globals are not.
    kernel = undefined;
    placed = undefined;
    const why = error instanceof Error ? error.message : String(error);
    return { failure: error instanceof TrainingError ? why : `the model thread failed: ${why}` };
  } finally {
    if (big) releaseMemory(job);
  }
}

function run(job: ModelJob): ModelJobResult {
  switch (job.kind) {
    case "train": {
      placed = undefined;
      return runTraining(kernelOf(), memoryOf(), job.request);
    }
    case "score":
      return score(job.job);
    case "check": {
      placed = undefined;
      return { checked: place(job.model) };
    }
    default:
      return job satisfies never;
  }
}

function score({ modelId, model, rows, normalization, explain = false }: ScoreJob): ModelJobResult {
  if (placed?.id !== modelId || placed.bytes !== model.length) {
    placed = undefined;
    const fault = place(model);
    if (fault !== undefined) return { failure: fault };
    placed = { id: modelId, bytes: model.length };
  }
  const { buffer } = memoryOf();
  const columns = new Uint32Array(buffer, WORK_BASE + 16, 1)[0] ?? 1;
  if (rows.length % columns !== 0) return { failure: `the model has ${columns} columns` };
  const count = rows.length / columns;
  const number = normalizations.indexOf(normalization);
  const scored = {
    raws: new Float64Array(count),
    scores: new Float64Array(count),
    threshold: kernelOf().modelThreshold(WORK_BASE, number),
  };
  const chunk = Math.min(count, CHUNK_ROWS);
  const rowsAt = align(WORK_BASE + model.length);
  const rawsAt = rowsAt + chunk * columns * 8;
  const scoresAt = rawsAt + chunk * 8;
  if (scoresAt + (chunk + columns) * 8 > buffer.byteLength) {
    return { failure: "the model needs more memory than a trainer has; raise trainer_memory_mb" };
  }
  for (let first = 0; first < count; first += chunk) {
    const some = Math.min(chunk, count - first);
    const values = rows.subarray(first * columns, (first + some) * columns);
    new Float64Array(buffer, rowsAt, values.length).set(values);
    kernelOf().scoreModel(WORK_BASE, rowsAt, some, number, rawsAt, scoresAt);
    scored.raws.set(new Float64Array(buffer, rawsAt, some), first);
    scored.scores.set(new Float64Array(buffer, scoresAt, some), first);
  }
  return { scored: explain ? { ...scored, explained: explainRows(rows, number, rowsAt) } : scored };
}

/** Of rows, one after the other, with the model that lies at WORK_BASE; there is room for two rows from `at` on. */
function explainRows(rows: Float64Array, normalization: number, at: number): Explained {
  const { buffer } = memoryOf();
  const columns = new Uint32Array(buffer, WORK_BASE + 16, 1)[0] ?? 1;
  const row = new Float64Array(buffer, at, columns);
  const out = new Float64Array(buffer, at + columns * 8, columns);
  const contributions = new Float64Array(rows.length);
  const baselines = new Float64Array(rows.length / columns);
  for (let i = 0; i < baselines.length; i++) {
    row.set(rows.subarray(i * columns, (i + 1) * columns));
    baselines[i] = kernelOf().explainModel(WORK_BASE, at, normalization, out.byteOffset);
    contributions.set(out, i * columns);
  }
  return { contributions, baselines };
}

/** Puts a model where a training would begin. Why it is not sound; undefined = it is. */
function place(model: Uint8Array): string | undefined {
  const { buffer } = memoryOf();
  if (WORK_BASE + model.length > buffer.byteLength) {
    return "the model needs more memory than a trainer has; raise trainer_memory_mb";
  }
  new Uint8Array(buffer).set(model, WORK_BASE);
  return faults[kernelOf().checkModel(WORK_BASE, model.length)];
}

const align = (address: number): number => Math.ceil(address / 16) * 16;

function memoryOf(): WebAssembly.Memory {
  return (memory ??= createMemory(memoryBytes));
}

function kernelOf(): ModelExports {
  return (kernel ??= instantiateModels(module, memoryOf()));
}

function isBig(job: ModelJob): boolean {
  if (job.kind === "train") return job.request.rows.byteLength > BIG_BYTES;
  return job.kind === "check" && job.model.byteLength > BIG_BYTES;
}

/**
 * What was touched goes back when the memory is collected, and a thread that waits for its next job collects nothing by itself: it is
 * told to. Costs a few milliseconds of this thread.
 */
function releaseMemory(job: ModelJob): void {
  memory = undefined;
  kernel = undefined;
  placed = undefined;
  // Piscina holds the job until the next one.
  const rows = job.kind === "train" ? job.request.rows.buffer : undefined;
  if (rows instanceof ArrayBuffer) rows.transfer(0);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}
