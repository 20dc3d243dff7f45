import type { Source, State } from "../domain/verdict.ts";
import type { Alert } from "./alerts.ts";

/** The contract's enum names: what proto3 JSON writes for a Source. */
export const sourceNames: Readonly<Record<Source, string>> = {
  1: "SOURCE_MODEL",
  2: "SOURCE_RULES",
  3: "SOURCE_CACHED",
  4: "SOURCE_DEFAULT",
};

/** The contract's enum names: what proto3 JSON writes for a State. */
export const stateNames: Readonly<Record<State, string>> = {
  1: "STATE_COLLECTING",
  2: "STATE_BURN_IN",
  3: "STATE_READY",
  4: "STATE_RETRAINING",
};

/** An alert in the proto3 JSON mapping of WatchAlertsResponse, without `lost`: 64-bit integers are decimal strings. */
export interface AlertJson {
  readonly detector: string;
  readonly key: string;
  readonly timeUnixMs: string;
  readonly verdict: {
    /** Absent when the event had no id. */
    readonly eventId?: string;
    readonly score: number;
    readonly anomaly: true;
    readonly source: string;
    readonly state: string;
    readonly rawScore: number;
    readonly modelVersion: number;
    /** Absent when no rule answered. */
    readonly rule?: string;
    readonly threshold: number;
  };
}

export function alertJson(alert: Alert): AlertJson {
  return {
    detector: alert.detector,
    key: alert.key,
    timeUnixMs: String(alert.timeUnixMs),
    verdict: {
      ...(alert.eventId === "" ? {} : { eventId: alert.eventId }),
      score: alert.score,
      anomaly: true,
      source: sourceNames[alert.source],
      state: stateNames[alert.state],
      rawScore: alert.rawScore,
      modelVersion: alert.modelVersion,
      ...(alert.rule === "" ? {} : { rule: alert.rule }),
      threshold: alert.threshold,
    },
  };
}
