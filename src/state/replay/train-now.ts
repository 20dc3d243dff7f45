import { isWindowModel } from "../../domain/detector.ts";
import type { Detector } from "../../domain/detector.ts";
import { limits } from "../../config/limits.ts";
import { instantiateModels } from "../../models/module.ts";
import type { ModelExports } from "../../models/module.ts";
import { runTraining, TrainingError } from "../../models/training.ts";
import { applyChange } from "../../shard/apply-change.ts";
import { BLOCK_HEADER, Root, Ticket } from "../../shard/layout.ts";
import { createMemory } from "../../shard/module.ts";
import type { Replica } from "./replica.ts";

/** A training as the shard gave it out. */
interface Taken {
  readonly handle: number;
  readonly slot: number;
  readonly version: number;
  readonly columns: number;
  readonly rows: Float64Array;
}

/**
 * Trains window models of a replica as soon as they are due, between two batches: for runs whose models are not those of the journal. Live a
 * training takes its time, and its model comes some rows later.
 */
export class TrainNow {
  private readonly module: WebAssembly.Module;
  private bench: { readonly memory: WebAssembly.Memory; readonly kernel: ModelExports } | undefined;

  constructor(module: WebAssembly.Module) {
    this.module = module;
  }

  /** @param detectorAt the detector that has a slot now */
  trainDue(replica: Replica, detectorAt: (slot: number) => Detector | undefined): void {
    const { views, kernel } = replica;
    while ((views.u32[Root.trainingsDue >>> 2] ?? 0) > 0) {
      const taken = take(replica);
      if (taken === undefined) return;
      const model = this.train(taken, detectorAt(taken.slot));
      const { handle } = taken;
      if (model === undefined) kernel.dropTraining(handle, 1);
      else applyChange(kernel, views, { kind: "swap", handle, model });
    }
  }

  /** Undefined = the rows make no model. */
  private train(taken: Taken, detector: Detector | undefined): Uint8Array | undefined {
    const model = detector?.config.model;
    if (detector === undefined || model === undefined || !isWindowModel(model)) return undefined;
    const { memory, kernel } = this.benchOf();
    try {
      return runTraining(kernel, memory, {
        kind: model.kind,
        parameters: model.parameters,
        columns: taken.columns,
        rows: taken.rows,
        seed: BigInt.asUintN(64, model.seed + BigInt(taken.version - 1)),
        contamination: model.contamination,
        scaler: detector.config.scaler,
      });
    } catch (error) {
      // Its instance must not be used again.
      this.bench = undefined;
      if (error instanceof TrainingError) return undefined;
      throw error;
    }
  }

  private benchOf(): NonNullable<TrainNow["bench"]> {
    if (this.bench === undefined) {
      const memory = createMemory(limits.trainerMemoryMb * 1024 * 1024);
      this.bench = { memory, kernel: instantiateModels(this.module, memory) };
    }
    return this.bench;
  }
}

function take({ kernel, views, memory }: Replica): Taken | undefined {
  const at = kernel.takeTraining() >>> 0;
  if (at === 0) return undefined;
  const u32 = (field: number): number => views.u32[(at + field) >>> 2] ?? 0;
  const handle = views.f64[(at + Ticket.handle) >>> 3] ?? 0;
  const columns = u32(Ticket.columns);
  const first = u32(Ticket.rows) + BLOCK_HEADER;
  const bytes = columns * u32(Ticket.count) * 8;
  const rows = new Float64Array(new Uint8Array(memory.buffer, first, bytes).slice().buffer);
  const taken = { handle, slot: u32(Ticket.slot), version: u32(Ticket.version), columns, rows };
  kernel.releaseRows(handle);
  return taken;
}
