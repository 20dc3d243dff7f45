import { one, type Metric, type Point, type Readings } from "./metric.ts";
import type { StateGauges } from "./telemetry.ts";

/** Points of a server that keeps its state; none where durability is none. */
function ofState(
  { gauges }: Readings,
  value: (state: StateGauges) => number,
): readonly Point<number>[] {
  return gauges.state === undefined ? [] : one(value(gauges.state));
}

/** What a server keeps: its journal and its snapshots. */
export const stateMetrics: readonly Metric[] = [
  {
    kind: "gauge",
    name: "weir.learning",
    unit: "{state}",
    description:
      "1 = events teach; 0 = the journal cannot be written, and events are only scored until it can.",
    labels: [],
    read: ({ gauges }) => one(gauges.state?.learning === false ? 0 : 1),
  },
  {
    kind: "gauge",
    name: "weir.journal.position",
    unit: "{entry}",
    description: "Entries of the journal: appended, and those of them that are on disk.",
    labels: ["state"],
    read: ({ gauges: { state } }) =>
      state === undefined
        ? []
        : [
            { labels: { state: "appended" }, value: state.position },
            { labels: { state: "durable" }, value: state.durable },
          ],
  },
  {
    kind: "counter",
    name: "weir.journal.written",
    unit: "By",
    description: "Bytes of entries appended to the journal.",
    labels: [],
    read: (readings) => ofState(readings, ({ bytes }) => bytes),
  },
  {
    kind: "counter",
    name: "weir.journal.commits",
    unit: "{commit}",
    description: "Groups of entries that were written together, with one sync each.",
    labels: [],
    read: (readings) => ofState(readings, ({ commits }) => commits),
  },
  {
    kind: "gauge",
    name: "weir.journal.commit.duration",
    unit: "s",
    description:
      "How long a commit takes, its sync among it, since the start: p50 and p99 to a factor of 2, the last one and the worst.",
    labels: ["quantile"],
    read: ({ gauges: { state } }) =>
      state === undefined
        ? []
        : [
            { labels: { quantile: "p50" }, value: commitQuantile(state.commitBuckets, 0.5) },
            { labels: { quantile: "p99" }, value: commitQuantile(state.commitBuckets, 0.99) },
            { labels: { quantile: "last" }, value: state.lastCommitMs / 1000 },
            { labels: { quantile: "max" }, value: state.maxCommitMs / 1000 },
          ],
  },
  {
    kind: "gauge",
    name: "weir.journal.queued",
    unit: "By",
    description:
      "Bytes of entries that wait for the writer; while there is no room, no batch is cut.",
    labels: [],
    read: (readings) => ofState(readings, ({ queuedBytes }) => queuedBytes),
  },
  {
    kind: "counter",
    name: "weir.journal.failures",
    unit: "{failure}",
    description: "Times that the journal could not be written any more.",
    labels: [],
    read: (readings) => ofState(readings, ({ failures }) => failures),
  },
  {
    kind: "counter",
    name: "weir.snapshots",
    unit: "{snapshot}",
    description: "Snapshots by what became of them: made, or failed.",
    labels: ["outcome"],
    read: ({ gauges: { state } }) =>
      state === undefined
        ? []
        : [
            { labels: { outcome: "made" }, value: state.snapshots },
            { labels: { outcome: "failed" }, value: state.snapshotFailures },
          ],
  },
  {
    kind: "gauge",
    name: "weir.snapshot.position",
    unit: "{entry}",
    description: "Of the newest snapshot: a restart replays the journal from here.",
    labels: [],
    read: (readings) => ofState(readings, ({ snapshotPosition }) => snapshotPosition),
  },
];

/** Buckets hold commits below 2^(6 + b) microseconds: the upper end of the one with the quantile, seconds. */
export function commitQuantile(buckets: readonly number[], quantile: number): number {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of buckets.entries()) {
    seen += count;
    if (count > 0 && seen >= quantile * all) return 2 ** (6 + bucket) / 1e6;
  }
  return 0;
}
