import type { ModelPool, ScoreJob, ScoreResult } from "../../src/models/pool.ts";
import { normalizations } from "../../src/models/module.ts";
import { WORK_BASE } from "../../src/models/training.ts";
import type { TrainingRequest } from "../../src/models/training.ts";
import { ModelBench } from "../models.ts";

/** A model pool without threads, that counts what it does. */
export class InThreadPool implements ModelPool {
  readonly queued = 0;
  readonly bench: ModelBench;
  trained = 0;
  checked = 0;

  constructor(bench: ModelBench) {
    this.bench = bench;
  }

  static async make(): Promise<InThreadPool> {
    return new InThreadPool(await ModelBench.make(process.env["WEIR_TEST_KERNEL"], 256 << 20));
  }

  async train(request: TrainingRequest): Promise<Uint8Array<ArrayBuffer>> {
    this.trained++;
    const { kind, rows, columns } = request;
    return Promise.resolve(Uint8Array.from(this.bench.fit(kind, rows, columns, request)));
  }

  async score({ model, rows, normalization, explain }: ScoreJob): Promise<ScoreResult> {
    const { raws, scores } = this.bench.score(model, Float64Array.from(rows), normalization);
    const { kernel } = this.bench;
    const threshold = kernel.modelThreshold(WORK_BASE, normalizations.indexOf(normalization));
    const result = {
      raws: Float64Array.from(raws),
      scores: Float64Array.from(scores),
      threshold,
    };
    if (explain !== true) return Promise.resolve(result);
    const columns = rows.length / raws.length;
    const contributions = new Float64Array(rows.length);
    const baselines = raws.map((_, i) => {
      const row = Float64Array.from(rows.subarray(i * columns, (i + 1) * columns));
      const explained = this.bench.explain(model, row, normalization);
      contributions.set(explained.contributions, i * columns);
      return explained.baseline;
    });
    return { ...result, explained: { contributions, baselines: Float64Array.from(baselines) } };
  }

  async check(model: Uint8Array): Promise<string | undefined> {
    this.checked++;
    return Promise.resolve(this.bench.check(model) === 0 ? undefined : "the model is not sound");
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
