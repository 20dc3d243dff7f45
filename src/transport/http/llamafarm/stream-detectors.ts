import type { Registry } from "../../../control/registry.ts";
import { isDiscovering, type Discovery } from "../../../discovery/discovery.ts";
import { isWindowModel } from "../../../domain/detector.ts";
import type { Detector, WindowModel } from "../../../domain/detector.ts";
import { DetailError } from "./errors.ts";

/** What the stream endpoints need beside the registry. */
export interface StreamingParts {
  readonly discovery: Discovery;
  /** Resolves when no first training of the detector is due or under way. */
  readonly whenTrained: (detector: Detector) => Promise<unknown>;
}

/** How far a streaming detector is; counts are rows. */
export interface Progress {
  readonly status: "collecting" | "ready" | "retraining";
  readonly modelVersion: number;
  readonly samplesCollected: number;
  readonly totalProcessed: number;
  readonly samplesSinceRetrain: number;
  readonly samplesUntilReady: number;
  /** Why the last training failed; "" = it did not. */
  readonly lastError: string;
}

/** LlamaFarm's streaming detectors: those of Weir's whose one window and model are all keys'. */
export class StreamDetectors {
  private readonly registry: Registry;
  private readonly discovery: Discovery;

  constructor(registry: Registry, discovery: Discovery) {
    this.registry = registry;
    this.discovery = discovery;
  }

  /** Undefined = no detector has this name. 409 when one has it that is no streaming detector. */
  find(id: string): Detector | undefined {
    const detector = this.registry.find(id);
    if (detector === undefined || isStreaming(detector)) return detector;
    throw new DetailError(
      409,
      `A detector '${id}' exists and is no streaming detector: its model does not train on one window of all rows`,
    );
  }

  /** 404 for what is no streaming detector. */
  get(id: string): Detector {
    const detector = this.registry.find(id);
    if (detector === undefined || !isStreaming(detector)) throw notFound(id);
    return detector;
  }

  list(): readonly Detector[] {
    return this.registry.list().filter(isStreaming);
  }

  progress(detector: Detector): Progress {
    const { minSamples, windowRows } = modelOf(detector);
    if (isDiscovering(detector)) {
      const { rows, total } = this.discovery.status(detector);
      return {
        status: "collecting",
        modelVersion: 0,
        samplesCollected: rows,
        totalProcessed: total,
        samplesSinceRetrain: total,
        samplesUntilReady: Math.max(0, minSamples - Math.min(rows, windowRows)),
        lastError: "",
      };
    }
    const { events, modelVersion, training, lastError } = this.registry.status(detector);
    const status = modelVersion === 0 ? "collecting" : (training?.state ?? "ready");
    return {
      status,
      modelVersion,
      samplesCollected: training?.windowRows ?? 0,
      totalProcessed: events,
      samplesSinceRetrain: status === "collecting" ? events : (training?.rowsSinceTraining ?? 0),
      samplesUntilReady: training?.rowsUntilReady ?? 0,
      lastError,
    };
  }

  /** The twelve fields of a detector. */
  stats(detector: Detector): object {
    const model = modelOf(detector);
    const progress = this.progress(detector);
    return {
      model_id: detector.name,
      backend: model.kind,
      status: progress.status,
      model_version: progress.modelVersion,
      samples_collected: progress.samplesCollected,
      total_processed: progress.totalProcessed,
      samples_since_retrain: progress.samplesSinceRetrain,
      min_samples: model.minSamples,
      retrain_interval: model.retrainInterval,
      window_size: model.windowRows,
      threshold: thresholdOf(detector),
      is_ready: progress.status !== "collecting",
      ...(progress.lastError === "" ? {} : { last_error: progress.lastError }),
    };
  }
}

function isStreaming({ config: { model } }: Detector): boolean {
  return isWindowModel(model) && model.scope === "detector";
}

export function modelOf({ config: { model } }: Detector): WindowModel {
  if (!isWindowModel(model)) throw new Error("only window models stream");
  return model;
}

export function thresholdOf({ config: { threshold } }: Detector): number {
  return "fixed" in threshold ? threshold.fixed : 0.5;
}

export function notFound(id: string): DetailError {
  return new DetailError(404, `Streaming detector not found: ${id}`);
}
