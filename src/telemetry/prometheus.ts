import { catalogue, prometheusName } from "./catalogue.ts";
import type { Metric, Readings } from "./metric.ts";
import type { Counts } from "./histogram.ts";

/** Prometheus' text format 0.0.4. */
export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

/** What `/metrics` answers: the whole catalogue, histograms with their round bounds, and `target_info` for the resource. */
export function prometheusText(resource: Labels, readings: Readings): string {
  const lines = [
    "# HELP target_info Target metadata",
    "# TYPE target_info gauge",
    sample("target_info", resource, 1),
  ];
  for (const metric of catalogue) writeMetric(lines, metric, readings);
  return `${lines.join("\n")}\n`;
}

function writeMetric(lines: string[], metric: Metric, readings: Readings): void {
  const name = prometheusName(metric);
  lines.push(`# HELP ${name} ${escape(metric.description)}`, `# TYPE ${name} ${metric.kind}`);
  if (metric.kind === "histogram") {
    for (const { labels, value } of metric.read(readings)) {
      writeHistogram(lines, { name, labels }, value);
    }
    return;
  }
  for (const { labels, value } of metric.read(readings)) lines.push(sample(name, labels, value));
}

function writeHistogram(
  lines: string[],
  { name, labels }: { readonly name: string; readonly labels: Labels },
  counts: Counts,
): void {
  const prefix = `${name}_bucket{${[...labelPairs(labels), ""].join(",")}le="`;
  let below = 0;
  const buckets = explicitCounts(counts);
  counts.layout.explicitBounds.forEach((bound, i) => {
    below += buckets[i] ?? 0;
    lines.push(`${prefix}${bound}"} ${below}`);
  });
  lines.push(
    `${prefix}+Inf"} ${counts.count}`,
    sample(`${name}_sum`, labels, counts.sum),
    sample(`${name}_count`, labels, counts.count),
  );
}

/** Whole buckets summed into the layout's round ones; the last is what lies above the last bound. */
export function explicitCounts({ layout, counts }: Counts): Float64Array {
  const sums = new Float64Array(layout.explicitBounds.length + 1);
  for (let i = 0; i < counts.length; i++) {
    const index = layout.explicitIndex[i] ?? 0;
    sums[index] = (sums[index] ?? 0) + (counts[i] ?? 0);
  }
  return sums;
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = labelPairs(labels);
  return pairs.length === 0 ? `${name} ${value}` : `${name}{${pairs.join(",")}} ${value}`;
}

function labelPairs(labels: Labels): string[] {
  return Object.entries(labels).map(
    ([name, value]) => `${name.replaceAll(".", "_")}="${escape(value).replaceAll('"', '\\"')}"`,
  );
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
