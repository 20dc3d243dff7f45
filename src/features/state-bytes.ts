import type { DetectorConfig, FeatureWindow, Input } from "../domain/detector.ts";
import { NeedBits } from "../shard/feature-program.ts";
import { planFeatures, type FeatureGroup } from "./program.ts";

/** Of panes and running aggregates: values counted, buckets of a sketch, categories' times, transitions. */
const PANE_VALUES = 64;
const BUCKETS = 512;
const BUCKETS_MIN = 4;
const TIMES = 256;
const TRANSITIONS = 256;
/** Panes of a window, with those that begin and end it, and their sum. */
const PANE_AGGREGATES = 35;
const PANES_HEADER = 32 + 34 * 16;
const RUNNING_HEADER = 48;
const STATE_HEADER = 80;
const HEAD_BYTES = 24;
const AGGREGATE_HEADER = 80;

const MOMENTS = 64;
const HYPERLOGLOG = 32 + 1024 + 256;
const LABELS = 16 + 8 * 100;

const to8 = (bytes: number) => Math.ceil(bytes / 8) * 8;
const to16 = (bytes: number) => Math.ceil(bytes / 16) * 16;
const tailBytes = (members: number) => 16 + 16 * members;
const half = (count: number) => Math.floor(count / 2);

/** Open addressing: half as many places more than values. */
const countsBytes = (values: number) =>
  to16(64 + Math.floor((values + half(values) + 4) / 2) * 2 * 12);
const lastTimesBytes = (times: number) => 16 + Math.floor((times + half(times) + 4) / 4) * 4 * 20;
const transitionsBytes = (entries: number) => 16 + 16 * (entries + half(entries) + 2);
const sketchBytes = (buckets: number) => 32 + to16(8 * Math.max(buckets, BUCKETS_MIN));

const sameLeaves: Leaves = [
  [NeedBits.moments, MOMENTS],
  [NeedBits.labels, LABELS],
];

/**
 * The most bytes that the features of one key take in a shard, whatever its events: the log at `exact_events` (rounded up to a power of
 * two), and each group in its larger form, exact or panes. Most keys take far less: a state begins with room for eight events. The
 * kernel's stateBytesMax (assembly/feature/plan.ts), which a test compares.
 */
export function featureStateBytes(
  config: Pick<DetectorConfig, "features" | "eventTime" | "model" | "inputs">,
): number {
  if (config.features.length === 0) return 0;
  const { groups } = planFeatures(config);
  const { exactEvents, latenessMs } = config.eventTime;
  const capacity = 2 ** Math.ceil(Math.log2(exactEvents));
  const columns = columnsOf(config.inputs, groups);
  const heads = STATE_HEADER + to8(2 * columns) + HEAD_BYTES * groups.length;
  const bodies = groups.map((group) =>
    bodyBytes(group, Math.min(capacity, exactEvents), latenessMs),
  );
  return (
    to16(heads) + to16(8 * capacity * (1 + columns)) + bodies.reduce((sum, bytes) => sum + bytes, 0)
  );
}

/** How many inputs the log holds of an event. */
function columnsOf(inputs: readonly Input[], groups: readonly FeatureGroup[]): number {
  const read = new Set(groups.flatMap(({ of, where }) => [of, where?.input ?? ""]));
  return inputs.filter(({ name }) => read.has(name)).length;
}

function bodyBytes(group: FeatureGroup, members: number, latenessMs: number): number {
  const { window } = group;
  if (window.kind === "last") {
    const last = Math.min(window.events, members);
    return 16 + 16 * last + aggregateBytes(group, last, false);
  }
  const exact = aggregateBytes(group, members, false);
  const pane = aggregateBytes(group, 0, true);
  if (window.kind === "sliding" || window.kind === "hopping") {
    return Math.max(exact, PANES_HEADER + PANE_AGGREGATES * pane);
  }
  const running = (bytes: number) => RUNNING_HEADER + (isTriggered(window) ? 2 : 1) * bytes;
  return Math.max(running(exact), (latenessMs > 0 ? 2 : 1) * running(pane));
}

function isTriggered(window: FeatureWindow): boolean {
  if (window.kind !== "global") return false;
  return window.everyEvents > 0 || window.everyMs > 0 || window.onChange;
}

/** What a group keeps of its members; see assembly/feature/aggregate-layout.ts. */
function aggregateBytes(group: FeatureGroup, capacity: number, isPane: boolean): number {
  const members = tailMembers(group, capacity, isPane);
  const tail = members > 0 ? tailBytes(members) : 0;
  const leaves = isPane ? paneLeaves(group) : exactLeaves(capacity);
  const kept = leaves.filter(([needs]) => (group.needs & needs) !== 0);
  return to16(kept.reduce((sum, [, bytes]) => sum + bytes, AGGREGATE_HEADER + tail));
}

type Leaves = readonly (readonly [needs: number, bytes: number])[];

/** Of at most `capacity` members, of which the oldest can leave. */
function exactLeaves(capacity: number): Leaves {
  return [
    ...sameLeaves,
    [NeedBits.extremes, 2 * (16 + 16 * capacity)],
    [NeedBits.counts | NeedBits.distinct, countsBytes(capacity)],
    [NeedBits.quantiles, sketchBytes(Math.min(capacity, BUCKETS))],
    [NeedBits.lastTimes, lastTimesBytes(Math.max(Math.min(capacity, TIMES), 1))],
    [NeedBits.transitions, transitionsBytes(Math.min(Math.max(2 * capacity, 2), TRANSITIONS))],
  ];
}

/** Of any number of members. */
function paneLeaves(group: FeatureGroup): Leaves {
  return [
    ...sameLeaves,
    [NeedBits.extremes, 2 * 8],
    [NeedBits.ends, 32],
    [NeedBits.counts, countsBytes(PANE_VALUES)],
    [NeedBits.distinct, HYPERLOGLOG],
    [NeedBits.quantiles, sketchBytes(BUCKETS)],
    [NeedBits.lastTimes, lastTimesBytes(TIMES)],
    [NeedBits.transitions, transitionsBytes(TRANSITIONS) + tailBytes(contextMembers(group))],
  ];
}

function tailMembers(group: FeatureGroup, capacity: number, isPane: boolean): number {
  const isWhole = (group.needs & (NeedBits.ends | NeedBits.transitions)) !== 0;
  if (isWhole && !isPane) return capacity;
  const members = Math.max(group.lags, 2 * contextMembers(group));
  return isPane ? members : Math.min(members, capacity);
}

/** Members of a context: a novelty's n - 1. */
function contextMembers({ sequence }: FeatureGroup): number {
  return Math.max(sequence - 1, 0);
}
