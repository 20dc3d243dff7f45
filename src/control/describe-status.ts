import type { DetectorStatus, FeatureStatus, TrainingStatus } from "./registry.ts";

/** The canonical proto3 JSON mapping of a DetectorStatus; 64-bit integers are decimal strings. */
export interface DetectorStatusJson {
  readonly events: string;
  readonly keys: string;
  readonly anomalies: string;
  readonly fallbacks: string;
  readonly modelVersion: number;
  readonly stateBytes: string;
  readonly schema: number;
  /** Absent = nothing failed. */
  readonly lastError?: string;
  /** Of a model that trains on a window. */
  readonly training?: TrainingStatusJson;
  /** Of a detector with features, as what follows. */
  readonly rowsLate?: string;
  readonly rowsFuture?: string;
  readonly keysInPanes?: string;
  /** Absent = none came. */
  readonly heartbeatUnixMs?: string;
}

interface TrainingStatusJson {
  readonly state: "STATE_COLLECTING" | "STATE_READY" | "STATE_RETRAINING";
  readonly windowRows: number;
  readonly rowsUntilReady: number;
  readonly rowsSinceTraining: string;
  readonly trainings: string;
  readonly failures: string;
  readonly lastTrainingMs: number;
  readonly swaps: readonly {
    readonly version: number;
    readonly trainedAt: string;
    readonly swappedAt: string;
  }[];
}

const states = {
  collecting: "STATE_COLLECTING",
  ready: "STATE_READY",
  retraining: "STATE_RETRAINING",
} as const;

export function describeStatus(status: DetectorStatus): DetectorStatusJson {
  const { training, lastError, features } = status;
  return {
    events: String(status.events),
    keys: String(status.keys),
    anomalies: String(status.anomalies),
    fallbacks: String(status.fallbacks),
    modelVersion: status.modelVersion,
    stateBytes: String(status.stateBytes),
    schema: status.schema,
    ...(lastError === "" ? {} : { lastError }),
    ...(training === undefined ? {} : { training: describeTraining(training) }),
    ...(features === undefined ? {} : describeFeatures(features)),
  };
}

type FeatureFields = Pick<
  DetectorStatusJson,
  "rowsLate" | "rowsFuture" | "keysInPanes" | "heartbeatUnixMs"
>;

function describeFeatures(features: FeatureStatus): FeatureFields {
  const { rowsLate, rowsFuture, keysInPanes, heartbeatMs } = features;
  return {
    rowsLate: String(rowsLate),
    rowsFuture: String(rowsFuture),
    keysInPanes: String(keysInPanes),
    ...(heartbeatMs === undefined ? {} : { heartbeatUnixMs: String(heartbeatMs) }),
  };
}

function describeTraining(training: TrainingStatus): TrainingStatusJson {
  return {
    state: states[training.state],
    windowRows: training.windowRows,
    rowsUntilReady: training.rowsUntilReady,
    rowsSinceTraining: String(training.rowsSinceTraining),
    trainings: String(training.trainings),
    failures: String(training.failures),
    lastTrainingMs: training.lastTrainingMs,
    swaps: training.swaps.map(({ version, trainedAt, swappedAt }) => ({
      version,
      trainedAt: String(trainedAt),
      swappedAt: String(swappedAt),
    })),
  };
}
