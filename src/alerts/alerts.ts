import type { Source, State } from "../domain/verdict.ts";

/** An anomaly as it was found. */
export interface Alert {
  readonly detector: string;
  readonly key: string;
  /** Event time. */
  readonly timeUnixMs: number;
  readonly eventId: string;
  readonly score: number;
  readonly rawScore: number;
  readonly threshold: number;
  readonly source: Source;
  readonly state: State;
  readonly modelVersion: number;
  /** Name of the rule that answered; "" = none. */
  readonly rule: string;
}

/** A reader's bounded queue; when it is full the oldest alert goes and is counted. */
export interface Watcher {
  /** The oldest alert that is waiting, with how many this watcher has missed so far. */
  take(): { readonly alert: Alert; readonly lost: number } | undefined;
  close(): void;
}

export interface Alerts {
  /** Never blocks, never throws. */
  publish(alert: Alert): void;
  /**
   * From now on, alerts of these detectors (none = all). `wake` is called when an empty queue becomes non-empty.
   * RESOURCE_EXHAUSTED, TOO_MANY_WATCHERS at the bound.
   */
  watch(detectors: readonly string[], wake: () => void): Watcher;
}
