import type { Lag } from "./event-loop.ts";
import type { Counts } from "./histogram.ts";
import type { DetectorInstruments, Instruments } from "./instruments.ts";
import type { Gauges } from "./telemetry.ts";

/** What one collection looks at. */
export interface Readings {
  readonly instruments: Instruments;
  readonly gauges: Gauges;
  readonly lag: Lag;
  readonly process: {
    readonly residentBytes: number;
    readonly cpuSeconds: number;
    readonly uptimeSeconds: number;
  };
}

export interface Point<T> {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: T;
  /** When it was 0, Unix ms; undefined = when the server started. */
  readonly startUnixMs?: number;
}

interface Described {
  /** OpenTelemetry's name; Prometheus gets it with underscores, its unit and, for counters, `_total`. */
  readonly name: string;
  /** UCUM; "s" and "By" become part of Prometheus' name. */
  readonly unit: string;
  readonly description: string;
  /** Every label that its points carry. */
  readonly labels: readonly string[];
}

/** A metric: what it is called and how it is read. */
export type Metric =
  | (Described & {
      readonly kind: "counter" | "gauge";
      read(readings: Readings): readonly Point<number>[];
    })
  | (Described & {
      readonly kind: "histogram";
      read(readings: Readings): readonly Point<Counts>[];
    });

/** Of a metric without labels. */
export const one = (value: number): readonly Point<number>[] => [{ labels: {}, value }];

/** Points of every detector since it was created. */
export function eachDetector<T>(
  { instruments }: Readings,
  points: (detector: DetectorInstruments) => readonly Omit<Point<T>, "startUnixMs">[],
): readonly Point<T>[] {
  return [...instruments.detectors.values()].flatMap((detector) =>
    points(detector).map(({ labels, value }) => ({
      labels,
      value,
      startUnixMs: detector.startUnixMs,
    })),
  );
}
