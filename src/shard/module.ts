import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { ModelExports } from "../models/module.ts";
import { ABI_VERSION, PAGE_BYTES } from "./layout.ts";

/**
 * What a shard's WebAssembly instance offers. All state is in the memory; an instance has none, so any thread's instance over
 * the same memory does. At most one call at a time over one memory.
 */
export interface ShardExports extends ModelExports {
  /** ABI_VERSION of layout.ts. */
  abiVersion(): number;
  /** Makes a new, zeroed memory an empty shard. Status. */
  initialize(memoryBytes: number): number;
  /** Reads the configuration in the control block. Status. */
  createDetector(slot: number): number;
  /**
   * Gives the detector the settings in the control block that leave its state as it is: threshold, alert share, burn-in, bounds on keys and ids,
   * expiry, system actions, training intervals. BAD_CONFIG, and nothing has changed, when anything else differs.
   */
  configureDetector(slot: number): number;
  /** The memory may be used up to `memoryBytes` from now on. Status; NO_MEMORY when more than that is in use. */
  resize(memoryBytes: number): number;
  /** Where parts of a detector's state come from and go to, and how long they are at most: a place of no state that no step uses. */
  transferAddress(): number;
  transferBytes(): number;
  /**
   * Writes the next part of a detector's state (keys, cells with their models, ids, counters; no trainings) at `transferAddress`, for this or
   * another memory; `start` begins anew. Changes nothing else. Bytes written; 0 = that was all of it. Nothing may change in the shard from the first to the
   * last part.
   */
  exportState(slot: number, start: number): number;
  /**
   * Takes a part that `exportState` wrote, at `transferAddress`, in a detector that was just created with a configuration that keeps state
   * (see configureDetector); parts in their order. Not trusted: BAD_MODEL for bytes that are no part of such a state; NO_MEMORY; on failure the detector is to be deleted.
   */
  importState(slot: number, bytes: number): number;
  /** Address of the block of a detector's key behind `after` (0 = its first) in the order of addresses; 0 = there is none. Key of layout.ts. */
  nextKey(slot: number, after: number): number;
  /** The newest `Row.sequence` of a row whose id the detector remembers here; 0 = none. */
  idSequence(slot: number): number;
  /** Handle of the first training that was taken and is still under way, past `after` (0 = any); 0 = none. */
  takenTraining(after: number): number;
  /** Forgets all keys and ids, keeps the configuration. Status. */
  resetDetector(slot: number): number;
  /** Status; the slot is free again. */
  deleteDetector(slot: number): number;
  /** Works off the region's rows in order and writes their outputs. Rows done, or a StepError. */
  step(region: number): number;
  /** Address of the ticket of a training that is due, which is then taken; 0 = none is due. The one that became due first. */
  takeTraining(): number;
  /** The rows of a training's copy have been read: they are given back, the training goes on. Nothing to do when it is over. */
  releaseRows(handle: number): void;
  /** Room for the model of a training. Address where its bytes go, at a multiple of 16; 0 = it is over, or there is no memory. */
  placeModel(handle: number, bytes: number): number;
  /**
   * Puts a model, at the address that `placeModel` gave, in the place of its cell's; the training is over. Status: OK, GONE, NO_MEMORY (no
   * address), BAD_MODEL. Where it is not OK the model's memory is given back.
   */
  swapModel(handle: number, model: number): number;
  /** Rows that the cell of the last swap had learned. */
  swapPosition(): number;
  /** A training made no model. Status: OK or GONE. */
  dropTraining(handle: number, failed: number): number;
  /** Address of the model of a key's cell, by the key's hash; whatever the hash where a feature program has all keys share one cell. 0 = there is none. */
  findModel(slot: number, hashLo: number, hashHi: number): number;
  /**
   * After a thread died or trapped in this memory: rebuilds every index from the key blocks. All keys of the rows of the step
   * that was cut off start cold; where none was, those of this region's rows (region < 0: none do). May itself be cut off and
   * called again. Uses the control block as scratch. Keys dropped.
   */
  recover(region: number): number;
  /** Walks everything and cross-checks it: 0, or the number of the first relation that does not hold. Changes nothing. */
  verify(): number;
  /** Tests: hash of the whole state of the key that a row names; 0n = no such key. Equal state = equal digest. */
  keyDigest(region: number, row: number): bigint;
  /** Tests: hash over all keys of a detector, whatever their order; 0n = none. */
  detectorDigest(slot: number): bigint;
  /** The numbers of layout.ts as the kernel has them, NaN past the end. */
  layoutValue(index: number): number;
}

/** The build that serves; made by `npm run build:wasm`. */
export const releaseModulePath: string = fileURLToPath(
  new URL("../../build/weir.wasm", import.meta.url),
);

/** Compiles a kernel; its path defaults to the release build. The module can be posted to any thread. */
export async function compileModule(path: string = releaseModulePath): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(path));
}

/**
 * A shared memory that never grows, so that views over it stay valid.
 * @param bytes rounded up to whole pages.
 */
export function createMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Instantiates the kernel over a shard's memory. Throws when the module speaks another ABI. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): ShardExports {
  const instance = new WebAssembly.Instance(module, {
    env: {
      memory,
      abort: (_message: number, _file: number, line: number, column: number) => {
        throw new Error(`kernel assertion failed at ${line}:${column}`);
      },
    },
  });
  const exports: unknown = instance.exports;
  if (!isShardExports(exports)) throw new Error("not a kernel: an export is missing");
  if (exports.abiVersion() !== ABI_VERSION) {
    throw new Error(`the kernel speaks ABI ${exports.abiVersion()}, not ${ABI_VERSION}: rebuild`);
  }
  return exports;
}

const exportNames: Record<keyof ShardExports, true> = {
  abiVersion: true,
  initialize: true,
  createDetector: true,
  configureDetector: true,
  resize: true,
  transferAddress: true,
  transferBytes: true,
  exportState: true,
  importState: true,
  nextKey: true,
  idSequence: true,
  takenTraining: true,
  resetDetector: true,
  deleteDetector: true,
  step: true,
  takeTraining: true,
  releaseRows: true,
  placeModel: true,
  swapModel: true,
  swapPosition: true,
  dropTraining: true,
  findModel: true,
  recover: true,
  verify: true,
  keyDigest: true,
  detectorDigest: true,
  layoutValue: true,
  trainModel: true,
  deriveTable: true,
  trainingScores: true,
  checkModel: true,
  scoreModel: true,
  modelThreshold: true,
  explainModel: true,
};

function isShardExports(exports: unknown): exports is ShardExports {
  if (typeof exports !== "object" || exports === null) return false;
  const functions = new Map<string, unknown>(Object.entries(exports));
  return Object.keys(exportNames).every((name) => typeof functions.get(name) === "function");
}
