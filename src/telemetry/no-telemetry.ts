import type { TelemetryService } from "./create-telemetry.ts";
import { prometheusContentType } from "./prometheus.ts";
import type { Stats } from "./stats.ts";
import type { DetectorMeter } from "./telemetry.ts";

const nothing = (): void => undefined;
const noMeter: DetectorMeter = {
  answered: nothing,
  eventAge: nothing,
  anomalies: nothing,
  featuresRead: nothing,
  trainingStarted: nothing,
  trainingEnded: nothing,
};
const noQuantiles = { p50Ms: null, p95Ms: null, p99Ms: null } as const;

const noStats: Stats = {
  enabled: false,
  uptimeSeconds: 0,
  lastMinuteSeconds: 0,
  server: {
    requestsInFlight: 0,
    queueRows: 0,
    streams: 0,
    watchers: 0,
    trainings: 0,
    lastMinute: {
      requests: 0,
      rows: 0,
      rowsPerSecond: 0,
      ...noQuantiles,
      refused: 0,
      batches: 0,
      rowsPerBatch: null,
      stages: {
        queue: noQuantiles,
        batch: noQuantiles,
        step: noQuantiles,
        journal: noQuantiles,
        reply: noQuantiles,
      },
    },
    refused: { grpc_stream: {}, grpc_unary: {}, http: {} },
    stageFailures: { queue: 0, batch: 0, step: 0, journal: 0, reply: 0 },
    workerRestarts: 0,
    keysInDoubt: 0,
    alertsLost: 0,
    spansDropped: 0,
    eventLoopLagMs: { p50: 0, p99: 0, max: 0 },
    residentBytes: 0,
  },
  detectors: [],
};

/** Telemetry that is switched off: counts nothing, samples nothing, and says so where it is asked. */
export const noTelemetry: TelemetryService = {
  detector: () => noMeter,
  forgetDetector: nothing,
  stage: nothing,
  stageFailed: nothing,
  batch: nothing,
  refused: nothing,
  workerRestarted: nothing,
  keysInDoubt: nothing,
  alertsLost: nothing,
  startRequest: () => undefined,
  recordBatch: nothing,
  observe: nothing,
  startOver: nothing,
  metricsText: () =>
    Promise.resolve({ contentType: prometheusContentType, body: "# telemetry is off\n" }),
  stats: () => noStats,
  logEveryMinute: nothing,
  shutdown: () => Promise.resolve(),
};
