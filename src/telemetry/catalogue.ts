import { featureMetrics } from "./feature-metrics.ts";
import { shadowMetrics } from "./shadow-metrics.ts";
import { stateMetrics } from "./state-metrics.ts";
import { stages, type DetectorInstruments } from "./instruments.ts";
import { eachDetector, one, type Metric, type Point, type Readings } from "./metric.ts";

/** A point for every source that has answered; the model's always, so that a share has something to divide by. */
function eachSource<T>(
  readings: Readings,
  value: (source: DetectorInstruments["sources"][number]) => T,
): readonly Point<T>[] {
  return eachDetector(readings, ({ name, sources }) =>
    sources
      .filter(({ source, rows }) => source === "model" || rows.total > 0)
      .map((source) => ({
        labels: { detector: name, source: source.source },
        value: value(source),
      })),
  );
}

/** Every metric that Weir exports. Bounded: at most 64 detectors x 4 sources, 5 stages, 6 outcomes, 3 transports x the closed reasons, 2 modes of windows. */
export const catalogue: readonly Metric[] = [
  {
    kind: "histogram",
    name: "weir.request.duration",
    unit: "s",
    description: "From a request decoded to its answer handed to the transport, by who answered.",
    labels: ["detector", "source"],
    read: (readings) => eachSource(readings, ({ latency }) => latency),
  },
  {
    kind: "histogram",
    name: "weir.stage.duration",
    unit: "s",
    description:
      "Where time goes: queue (admitted to batch cut), batch (cut to step started), step (WASM), journal (what a request waits for the disk when its rows were stepped), reply (step ended to answered).",
    labels: ["stage"],
    read: ({ instruments }) =>
      stages.map((stage) => ({ labels: { stage }, value: instruments.stages[stage] })),
  },
  {
    kind: "counter",
    name: "weir.stage.failures",
    unit: "{failure}",
    description: "What did not come through a stage: its budget ended there, or it broke.",
    labels: ["stage"],
    read: ({ instruments }) =>
      stages.map((stage) => ({ labels: { stage }, value: instruments.stageFailures[stage] })),
  },
  {
    kind: "histogram",
    name: "weir.event.age",
    unit: "s",
    description: "From the time that the client gave an event to its verdict.",
    labels: ["detector"],
    read: (readings) =>
      eachDetector(readings, ({ name, age }) => [{ labels: { detector: name }, value: age }]),
  },
  {
    kind: "counter",
    name: "weir.verdicts",
    unit: "{row}",
    description: "Rows answered, by source.",
    labels: ["detector", "source"],
    read: (readings) => eachSource(readings, ({ rows }) => rows.total),
  },
  ...featureMetrics,
  ...stateMetrics,
  ...shadowMetrics,
  {
    kind: "counter",
    name: "weir.fallbacks",
    unit: "{row}",
    description:
      "Rows that the model did not answer in time: rules, the cached score or the default did.",
    labels: ["detector"],
    read: (readings) =>
      eachDetector(readings, ({ name, sources }) => [
        { labels: { detector: name }, value: fallbackRows(sources) },
      ]),
  },
  {
    kind: "counter",
    name: "weir.anomalies",
    unit: "{row}",
    description: "Rows found anomalous.",
    labels: ["detector"],
    read: (readings) =>
      eachDetector(readings, ({ name, anomalous }) => [
        { labels: { detector: name }, value: anomalous.total },
      ]),
  },
  {
    kind: "counter",
    name: "weir.refusals",
    unit: "{request}",
    description: "Requests refused, by the reason that the client was told.",
    labels: ["transport", "reason"],
    read: ({ instruments }) =>
      Object.entries(instruments.refusals).flatMap(([transport, byReason]) =>
        [...byReason].map(([reason, value]) => ({ labels: { transport, reason }, value })),
      ),
  },
  {
    kind: "histogram",
    name: "weir.batch.rows",
    unit: "{row}",
    description: "Rows in a batch when it was cut.",
    labels: [],
    read: ({ instruments }) => [{ labels: {}, value: instruments.batchRows }],
  },
  {
    kind: "gauge",
    name: "weir.queue.rows",
    unit: "{row}",
    description: "Rows admitted that wait for their batch to be cut.",
    labels: [],
    read: ({ gauges }) => one(gauges.queueRows),
  },
  {
    kind: "gauge",
    name: "weir.requests.in_flight",
    unit: "{request}",
    description: "Requests admitted and not yet answered.",
    labels: [],
    read: ({ gauges }) => one(gauges.requestsInFlight),
  },
  {
    kind: "gauge",
    name: "weir.streams",
    unit: "{stream}",
    description: "Open scoring streams.",
    labels: [],
    read: ({ gauges }) => one(gauges.streams),
  },
  {
    kind: "gauge",
    name: "weir.watchers",
    unit: "{watcher}",
    description: "Clients that watch alerts.",
    labels: [],
    read: ({ gauges }) => one(gauges.watchers),
  },
  {
    kind: "gauge",
    name: "weir.keys",
    unit: "{key}",
    description: "Live keys.",
    labels: ["detector"],
    read: ({ gauges }) =>
      gauges.detectors.map(({ name, keys }) => ({ labels: { detector: name }, value: keys })),
  },
  {
    kind: "gauge",
    name: "weir.state.size",
    unit: "By",
    description: "Memory that holds a detector's models, and what its keys' windows keep.",
    labels: ["detector"],
    read: ({ gauges }) =>
      gauges.detectors.map(({ name, stateBytes }) => ({
        labels: { detector: name },
        value: stateBytes,
      })),
  },
  {
    kind: "gauge",
    name: "weir.model.version",
    unit: "{version}",
    description:
      "Models that a detector has had; 0 = it has none yet. Of windows that are each key's own: the newest.",
    labels: ["detector"],
    read: ({ gauges }) =>
      gauges.detectors.map(({ name, modelVersion }) => ({
        labels: { detector: name },
        value: modelVersion,
      })),
  },
  {
    kind: "counter",
    name: "weir.trainings.started",
    unit: "{training}",
    description: "Trainings of models behind the stream that a trainer thread began.",
    labels: ["detector"],
    read: (readings) =>
      eachDetector(readings, ({ name, trainingsStarted }) =>
        trainingsStarted === 0 ? [] : [{ labels: { detector: name }, value: trainingsStarted }],
      ),
  },
  {
    kind: "counter",
    name: "weir.trainings.ended",
    unit: "{training}",
    description:
      "Trainings by what became of them: swapped (a new model serves), failed, thread_died, no_memory, gone (reset or removed meanwhile), given_up (too many waited).",
    labels: ["detector", "outcome"],
    read: (readings) =>
      eachDetector(readings, ({ name, trainingsEnded }) =>
        [...trainingsEnded].map(([outcome, value]) => ({
          labels: { detector: name, outcome },
          value,
        })),
      ),
  },
  {
    kind: "histogram",
    name: "weir.training.duration",
    unit: "s",
    description: "From the start of a training to its swap or failure.",
    labels: ["detector"],
    read: (readings) =>
      eachDetector(readings, ({ name, trainingsStarted, trainingSeconds }) =>
        trainingsStarted === 0 ? [] : [{ labels: { detector: name }, value: trainingSeconds }],
      ),
  },
  {
    kind: "gauge",
    name: "weir.trainings.queued",
    unit: "{training}",
    description: "Trainings that wait or run.",
    labels: [],
    read: ({ gauges }) => one(gauges.trainings),
  },
  {
    kind: "counter",
    name: "weir.keys.in_doubt",
    unit: "{key}",
    description: "Keys that started cold because the batch that touched them did not end.",
    labels: [],
    read: ({ instruments }) => one(instruments.keysInDoubt),
  },
  {
    kind: "counter",
    name: "weir.worker.restarts",
    unit: "{restart}",
    description: "Worker threads that died and were replaced.",
    labels: [],
    read: ({ instruments }) => one(instruments.workerRestarts),
  },
  {
    kind: "counter",
    name: "weir.alerts.lost",
    unit: "{alert}",
    description: "Alerts that a watcher or the webhook was too slow for.",
    labels: [],
    read: ({ instruments }) => one(instruments.alertsLost),
  },
  {
    kind: "gauge",
    name: "weir.event_loop.lag",
    unit: "s",
    description:
      "How late the main thread's event loop was in the last ten seconds: p50, p99 and the worst.",
    labels: ["quantile"],
    read: ({ lag }) => [
      { labels: { quantile: "p50" }, value: lag.p50 },
      { labels: { quantile: "p99" }, value: lag.p99 },
      { labels: { quantile: "max" }, value: lag.max },
    ],
  },
  {
    kind: "counter",
    name: "weir.spans.dropped",
    unit: "{span}",
    description:
      "Sampled requests without a span, because the bound on spans a second was reached.",
    labels: [],
    read: ({ instruments }) => one(instruments.spansDropped),
  },
  {
    kind: "counter",
    name: "weir.export.failures",
    unit: "{export}",
    description: "Exports that the OpenTelemetry collector did not take.",
    labels: ["signal"],
    read: ({ instruments }) =>
      Object.entries(instruments.exportFailures).map(([signal, value]) => ({
        labels: { signal },
        value,
      })),
  },
  {
    kind: "gauge",
    name: "process.memory.usage",
    unit: "By",
    description: "Resident memory of the process.",
    labels: [],
    read: ({ process: { residentBytes } }) => one(residentBytes),
  },
  {
    kind: "counter",
    name: "process.cpu.time",
    unit: "s",
    description: "CPU time of the process, all threads.",
    labels: [],
    read: ({ process: { cpuSeconds } }) => one(cpuSeconds),
  },
  {
    kind: "gauge",
    name: "process.uptime",
    unit: "s",
    description: "Since the server started.",
    labels: [],
    read: ({ process: { uptimeSeconds } }) => one(uptimeSeconds),
  },
];

/** Rows answered by another source than the model. */
export function fallbackRows(sources: DetectorInstruments["sources"]): number {
  return sources.reduce((sum, { source, rows }) => sum + (source === "model" ? 0 : rows.total), 0);
}

/** A metric's name in Prometheus: `weir.request.duration` is `weir_request_duration_seconds`, a counter ends in `_total`. */
export function prometheusName({
  name,
  unit,
  kind,
}: Pick<Metric, "name" | "unit" | "kind">): string {
  const base = [name.replaceAll(".", "_"), prometheusUnit(unit)].filter((s) => s !== "").join("_");
  return kind === "counter" ? `${base}_total` : base;
}

function prometheusUnit(unit: string): string {
  if (unit === "s") return "seconds";
  return unit === "By" ? "bytes" : "";
}
