import { kinds } from "../src/models/kinds.ts";
import type { Kind, Parameters } from "../src/models/kinds.ts";
import { instantiateModels, normalizations } from "../src/models/module.ts";
import type { ModelExports, Normalization } from "../src/models/module.ts";
import { runTraining, WORK_BASE } from "../src/models/training.ts";
import type { TrainingScaler } from "../src/models/training.ts";
import { compileModule, createMemory } from "../src/shard/module.ts";

export const kindNames = Object.keys(kinds) as Kind[];

export interface FitOptions {
  readonly parameters?: Parameters;
  readonly seed?: bigint;
  readonly contamination?: number;
  readonly scaler?: TrainingScaler;
}

/** A kernel over a memory of its own: trains models and scores with them. */
export class ModelBench {
  readonly module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  kernel: ModelExports;
  private readonly bytes: number;

  constructor(module: WebAssembly.Module, bytes: number) {
    this.module = module;
    this.bytes = bytes;
    this.memory = createMemory(bytes);
    this.kernel = instantiateModels(module, this.memory);
  }

  static async make(path?: string, bytes: number = 512 << 20): Promise<ModelBench> {
    return new ModelBench(await compileModule(path), bytes);
  }

  /** Trains; a failure throws and leaves a new instance. `rows` is row-major. */
  fit(kind: Kind, rows: Float64Array, columns: number, options: FitOptions = {}): Uint8Array {
    try {
      return runTraining(this.kernel, this.memory, {
        kind,
        rows,
        columns,
        parameters: options.parameters ?? {},
        seed: options.seed ?? 42n,
        contamination: options.contamination ?? 0.1,
        scaler: options.scaler ?? "none",
      });
    } catch (error) {
      this.memory = createMemory(this.bytes);
      this.kernel = instantiateModels(this.module, this.memory);
      throw error;
    }
  }

  /** Raw and normalized scores of rows. */
  score(
    model: Uint8Array,
    rows: Float64Array,
    normalization: Normalization = "raw",
  ): { readonly raws: Float64Array; readonly scores: Float64Array } {
    const columns = new Uint32Array(model.buffer, model.byteOffset + 16, 1)[0] ?? 1;
    const count = rows.length / columns;
    const at = this.place(model);
    const raws = at + rows.byteLength;
    const scores = raws + count * 8;
    new Float64Array(this.memory.buffer, at, rows.length).set(rows);
    this.kernel.scoreModel(
      WORK_BASE,
      at,
      count,
      normalizations.indexOf(normalization),
      raws,
      scores,
    );
    return {
      raws: new Float64Array(this.memory.buffer.slice(raws, raws + count * 8)),
      scores: new Float64Array(this.memory.buffer.slice(scores, scores + count * 8)),
    };
  }

  /** Contributions by column, and the baseline: together the score. */
  explain(
    model: Uint8Array,
    row: Float64Array,
    normalization: Normalization = "raw",
  ): { readonly baseline: number; readonly contributions: Float64Array } {
    const at = this.place(model);
    const out = at + row.byteLength;
    new Float64Array(this.memory.buffer, at, row.length).set(row);
    const baseline = this.kernel.explainModel(
      WORK_BASE,
      at,
      normalizations.indexOf(normalization),
      out,
    );
    return {
      baseline,
      contributions: new Float64Array(this.memory.buffer.slice(out, out + row.byteLength)),
    };
  }

  /** Of the model that was fitted last, right after `fit`: its rows' own scores (PyOD's decision_scores_), and as new rows. */
  trainingScores(count: number): { readonly own: Float64Array; readonly asNew: Float64Array } {
    const at = this.kernel.trainingScores() >>> 0;
    const next = at + ((count * 8 + 15) & ~15);
    return {
      own: new Float64Array(this.memory.buffer.slice(at, at + count * 8)),
      asNew: new Float64Array(this.memory.buffer.slice(next, next + count * 8)),
    };
  }

  check(model: Uint8Array): number {
    this.place(model);
    return this.kernel.checkModel(WORK_BASE, model.length);
  }

  /** Puts a model where a training would begin; the first free byte behind it. */
  private place(model: Uint8Array): number {
    new Uint8Array(this.memory.buffer).set(model, WORK_BASE);
    return (WORK_BASE + model.length + 15) & ~15;
  }
}
