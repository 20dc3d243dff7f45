import type { DetectorRuntime } from "../admission/runtime.ts";
import { isDiscovering, type Discovery } from "../discovery/discovery.ts";
import type { Detector } from "../domain/detector.ts";
import type { DetectorCounters } from "../shard/counters.ts";
import type { Trainer } from "../trainer/trainer.ts";
import type { DetectorStatus, FeatureStatus } from "./registry.ts";

/** Where the parts of a detector's status come from. */
export interface StatusSources {
  readonly counters: DetectorCounters;
  readonly runtime: DetectorRuntime | undefined;
  readonly trainer: Pick<Trainer, "statusOf" | "versionOf">;
  readonly discovery: Pick<Discovery, "status"> | undefined;
  /** Rows that came before its inputs were known and that no shard has counted. */
  readonly uncounted: number;
}

export function statusOf(detector: Detector, sources: StatusSources): DetectorStatus {
  const { counters, runtime, trainer, uncounted } = sources;
  const trained = trainer.statusOf(detector);
  const status = {
    events: counters.events + uncounted,
    keys: counters.keys,
    anomalies: counters.anomalies,
    fallbacks: runtime?.fallbacks ?? 0,
    modelVersion: trainer.versionOf(detector),
    stateBytes: counters.stateBytes,
    schema: detector.schema,
    training: trained?.training,
    features: featureStatus(detector, counters),
    lastError: lastErrorOf(trained?.lastError, runtime),
  };
  if (!isDiscovering(detector)) return status;
  // Its rows are elsewhere than in the shards.
  const kept = sources.discovery?.status(detector);
  if (kept === undefined || status.training === undefined) return status;
  return { ...status, events: kept.total, training: { ...status.training, ...kept.training } };
}

function lastErrorOf(ofTraining = "", runtime: DetectorRuntime | undefined): string {
  return ofTraining === "" ? (runtime?.lastError ?? "") : ofTraining;
}

function featureStatus(
  { program }: Detector,
  { rowsLate, rowsFuture, keysInPanes, heartbeatMs }: DetectorCounters,
): FeatureStatus | undefined {
  if (program === undefined) return undefined;
  const newest = Number.isFinite(heartbeatMs) ? heartbeatMs : undefined;
  return { rowsLate, rowsFuture, keysInPanes, heartbeatMs: newest };
}
