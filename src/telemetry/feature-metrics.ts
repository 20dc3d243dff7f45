import type { DetectorInstruments } from "./instruments.ts";
import { eachDetector, type Metric, type Point, type Readings } from "./metric.ts";
import type { Gauges } from "./telemetry.ts";

/** A point for every detector whose features were read. */
function eachRead<T>(
  readings: Readings,
  value: (detector: DetectorInstruments) => T,
): readonly Point<T>[] {
  return eachDetector(readings, (detector) =>
    detector.keysRead.total > 0
      ? [{ labels: { detector: detector.name }, value: value(detector) }]
      : [],
  );
}

type DetectorGauges = Gauges["detectors"][number];

/** A point of every detector that derives features. */
function eachDeriving(
  { instruments, gauges }: Readings,
  value: (features: NonNullable<DetectorGauges["features"]>, detector: DetectorGauges) => number,
  more: Readonly<Record<string, string>> = {},
): readonly Point<number>[] {
  return gauges.detectors.flatMap((detector) => {
    const { features, name } = detector;
    if (features === undefined) return [];
    const labels = { detector: name, ...more };
    const startUnixMs = instruments.detectors.get(name)?.startUnixMs ?? instruments.startUnixMs;
    return [{ labels, value: value(features, detector), startUnixMs }];
  });
}

/** The two counts are read while steps run: together they may be a batch apart. */
function exactKeys(
  { keysInPanes }: NonNullable<DetectorGauges["features"]>,
  { keys }: DetectorGauges,
): number {
  return Math.max(0, keys - keysInPanes);
}

/** Metrics of detectors that derive features. */
export const featureMetrics: readonly Metric[] = [
  {
    kind: "histogram",
    name: "weir.feature.request.duration",
    unit: "s",
    description:
      "From a request for the features of keys decoded to its answer handed to the transport.",
    labels: ["detector"],
    read: (readings) => eachRead(readings, ({ reads }) => reads),
  },
  {
    kind: "counter",
    name: "weir.feature.keys.read",
    unit: "{key}",
    description: "Keys whose features were read.",
    labels: ["detector"],
    read: (readings) => eachRead(readings, ({ keysRead }) => keysRead.total),
  },
  {
    kind: "counter",
    name: "weir.rows.late",
    unit: "{row}",
    description:
      "Rows of detectors with features before their key's watermark, whatever became of them.",
    labels: ["detector"],
    read: (readings) => eachDeriving(readings, ({ rowsLate }) => rowsLate),
  },
  {
    kind: "counter",
    name: "weir.rows.future",
    unit: "{row}",
    description: "Rows of detectors with features beyond the tolerance, whatever became of them.",
    labels: ["detector"],
    read: (readings) => eachDeriving(readings, ({ rowsFuture }) => rowsFuture),
  },
  {
    kind: "gauge",
    name: "weir.feature.keys",
    unit: "{key}",
    description:
      "Live keys of detectors with features: exact (all windows), or panes (at least one window is made of panes).",
    labels: ["detector", "mode"],
    read: (readings) => [
      ...eachDeriving(readings, exactKeys, { mode: "exact" }),
      ...eachDeriving(readings, ({ keysInPanes }) => keysInPanes, { mode: "panes" }),
    ],
  },
];
