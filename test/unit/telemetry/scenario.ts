import type { Reason } from "../../../src/domain/errors.ts";
import { Source } from "../../../src/domain/verdict.ts";
import {
  createTelemetry,
  telemetryDefaults,
  type TelemetryOptions,
  type TelemetryService,
} from "../../../src/telemetry/create-telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** Telemetry over a clock that the test moves. */
export function start(options: Partial<TelemetryOptions> = {}): {
  readonly telemetry: TelemetryService;
  readonly clock: ManualClock;
} {
  const clock = new ManualClock();
  return { telemetry: createTelemetry({ ...telemetryDefaults, ...options }, clock), clock };
}

/** Reasons that the alert rules name, beside QUEUE_FULL. */
const alertedReasons: readonly Reason[] = ["TOO_MANY_IN_FLIGHT", "TOO_MANY_STREAMS", "INTERNAL"];

/** Makes everything happen once, so that every metric has every label. */
export function exercise(telemetry: TelemetryService): void {
  telemetry.observe(() => ({
    queueRows: 7,
    requestsInFlight: 3,
    streams: 2,
    watchers: 1,
    trainings: 2,
    state: {
      learning: true,
      position: 120,
      durable: 118,
      bytes: 4096,
      queuedBytes: 512,
      commits: 9,
      lastCommitMs: 0.5,
      maxCommitMs: 2,
      commitBuckets: [0, 0, 8, 0, 0, 1],
      failures: 0,
      snapshots: 2,
      snapshotFailures: 1,
      snapshotPosition: 100,
    },
    shadows: [{ name: "candidate", sinceUnixMs: 0, rowsBehind: 5, rowsShed: 3 }],
    detectors: [
      {
        name: "cards",
        keys: 1000,
        stateBytes: 9_000_000,
        modelVersion: 3,
        features: { rowsLate: 4, rowsFuture: 2, keysInPanes: 60 },
      },
    ],
  }));
  const cards = telemetry.detector("cards");
  cards.answered(Source.MODEL, 256, 1800);
  cards.answered(Source.MODEL, 1, 400);
  cards.answered(Source.RULES, 2, 20_000);
  cards.answered(Source.CACHED, 3, 20_001);
  cards.answered(Source.DEFAULT, 4, 25_000);
  cards.eventAge(120);
  cards.anomalies(5);
  cards.featuresRead(16, 900);
  cards.featuresRead(1, 300);
  cards.trainingStarted();
  cards.trainingStarted();
  cards.trainingEnded("swapped", 0.25);
  cards.trainingEnded("failed", 0.5);
  cards.trainingEnded("thread_died", 0.5);
  cards.trainingEnded("no_memory", 0.5);
  cards.trainingEnded("given_up", 0);
  telemetry.stage("queue", 150, 256);
  telemetry.stage("batch", 40, 256);
  telemetry.stage("step", 300, 256);
  telemetry.stage("reply", 20, 256);
  telemetry.stageFailed("step", 256);
  telemetry.batch(256);
  telemetry.refused("grpc_stream", "QUEUE_FULL");
  for (const reason of alertedReasons) telemetry.refused("grpc_unary", reason);
  telemetry.refused("grpc_unary", "UNKNOWN_DETECTOR");
  telemetry.refused("http", "MALFORMED");
  telemetry.workerRestarted();
  telemetry.keysInDoubt(11);
  telemetry.alertsLost(2);
}
