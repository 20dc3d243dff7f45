/** One sample of the Prometheus text format. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** `/metrics` of a Weir, at one instant. */
export type Metrics = readonly Sample[];

/** The counts of a histogram that were added between two scrapes, summed over all other labels. */
export interface HistogramDelta {
  readonly count: number;
  readonly sum: number;
  /** Observations at most `le`, by upper bound, ascending. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}

export async function scrape(httpPort: number): Promise<Metrics> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  if (!response.ok) throw new Error(`/metrics: status ${response.status}`);
  return parseMetrics(await response.text());
}

/** Lines that are no samples are passed over. */
export function parseMetrics(text: string): Metrics {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!match) continue;
    const labels: Record<string, string> = {};
    for (const label of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[label[1] ?? ""] = label[2] ?? "";
    }
    samples.push({ name: match[1] ?? "", labels, value: Number(match[3]) });
  }
  return samples;
}

function total(metrics: Metrics, name: string, le?: string): number {
  let sum = 0;
  for (const sample of metrics) {
    if (sample.name === name && (le === undefined || sample.labels["le"] === le))
      sum += sample.value;
  }
  return sum;
}

/** Undefined when there is no such histogram. */
export function histogramDelta(
  before: Metrics,
  after: Metrics,
  name: string,
): HistogramDelta | undefined {
  const bounds = new Set<string>();
  for (const sample of after) {
    const le = sample.labels["le"];
    if (sample.name === `${name}_bucket` && le !== undefined) bounds.add(le);
  }
  if (bounds.size === 0) return undefined;
  const buckets = [...bounds]
    .map((le) => ({
      le: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le),
      count: total(after, `${name}_bucket`, le) - total(before, `${name}_bucket`, le),
    }))
    .toSorted((a, b) => a.le - b.le);
  return {
    count: total(after, `${name}_count`) - total(before, `${name}_count`),
    sum: total(after, `${name}_sum`) - total(before, `${name}_sum`),
    buckets,
  };
}

/** Share of the observations above `bound`, by the first bucket at or above it (so at most what it says); with that bucket's bound. */
export function shareAbove(
  delta: HistogramDelta,
  bound: number,
): { readonly share: number; readonly bound: number } {
  const bucket = delta.buckets.find(({ le }) => le >= bound * 0.999_999);
  if (bucket === undefined || delta.count === 0) return { share: Number.NaN, bound };
  return { share: 1 - bucket.count / delta.count, bound: bucket.le };
}
