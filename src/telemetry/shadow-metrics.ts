import type { Metric, Point, Readings } from "./metric.ts";
import type { ShadowGauges } from "./telemetry.ts";

/** A point of every shadow, and of every version that learns beside the one that answers, by its detector's name. */
function eachShadow(
  { gauges }: Readings,
  value: (shadow: ShadowGauges) => number,
): readonly Point<number>[] {
  return (gauges.shadows ?? []).map((shadow) => ({
    labels: { detector: shadow.name },
    value: value(shadow),
    startUnixMs: shadow.sinceUnixMs,
  }));
}

/** How far shadows are behind what they shadow. */
export const shadowMetrics: readonly Metric[] = [
  {
    kind: "gauge",
    name: "weir.shadow.rows_behind",
    unit: "{row}",
    description:
      "Rows that wait for a shadow, or for a version that learns: they are stepped when their shard has nothing else to do.",
    labels: ["detector"],
    read: (readings) => eachShadow(readings, ({ rowsBehind }) => rowsBehind),
  },
  {
    kind: "counter",
    name: "weir.shadow.rows_shed",
    unit: "{row}",
    description: "Rows that a shadow, or a version that learns, did not see: too many waited.",
    labels: ["detector"],
    read: (readings) => eachShadow(readings, ({ rowsShed }) => rowsShed),
  },
];
