/*
 * What one group keeps of its members: the leaves that its needs ask for, at one address, without addresses inside.
 *
 * Two forms. Exact: at most `capacity` members, the oldest can leave. Pane: any number of members, nothing leaves, two can be merged;
 * its bytes do not depend on `capacity`. Panes, settled state of global windows and running aggregates have this form.
 */
import {
  Feature,
  FEATURE_LAG,
  FEATURE_NOVELTY,
  FEATURE_TIME_SINCE,
  FEATURE_ZSCORE,
  Group,
} from "./program";

@unmanaged
export class Aggregate {
  /** Members. */
  count: u32; // 0
  capacity: u32;
  isPane: u32; // 8
  unused: u32;
  /** Time of the newest member, while there is one. */
  newest: f64; // 16
  oldest: f64; // 24, of a pane
}

const HEADER: u32 = 32;

/** Bytes of an aggregate, a multiple of 16. */
export function aggregateBytes(group: Group, capacity: u32, isPane: bool): u32 {
  return HEADER;
}

/** Makes `aggregateBytes` bytes an aggregate of no member. */
export function aggregateClear(group: Group, at: u32, capacity: u32, isPane: bool): void {
  memory.fill(at, 0, HEADER);
  const aggregate = changetype<Aggregate>(at);
  aggregate.capacity = capacity;
  aggregate.isPane = isPane ? 1 : 0;
}

/** Members. */
export function aggregateCount(at: u32): u32 {
  return changetype<Aggregate>(at).count;
}

/** A member joins that is not older than any other. `value` of the events themselves: 0. */
export function aggregateAdd(group: Group, at: u32, time: f64, value: f64): void {
  const aggregate = changetype<Aggregate>(at);
  aggregate.count++;
  aggregate.newest = time;
}

/** A member joins after those of equal time, before the newer ones. */
export function aggregateInsert(group: Group, at: u32, time: f64, value: f64): void {
  const aggregate = changetype<Aggregate>(at);
  aggregate.count++;
  if (time > aggregate.newest) aggregate.newest = time;
}

/**
 * The oldest member leaves an exact aggregate.
 * @returns whether its moments are worn out: clear it and add the members that are left, in order
 */
export function aggregateRemove(group: Group, at: u32, time: f64, value: f64): bool {
  const aggregate = changetype<Aggregate>(at);
  if (aggregate.count > 0) aggregate.count--;
  return false;
}

/** The members of a pane join another pane; none of them is older than the other's. */
export function aggregateMerge(group: Group, into: u32, from: u32): void {
  const aggregate = changetype<Aggregate>(into);
  aggregate.count += changetype<Aggregate>(from).count;
  aggregate.newest = changetype<Aggregate>(from).newest;
}

/** The members of an exact aggregate, in one of a larger capacity; `to` may not overlap `from`. */
export function aggregateGrow(group: Group, to: u32, toCapacity: u32, from: u32): void {
  aggregateClear(group, to, toCapacity, false);
  changetype<Aggregate>(to).count = changetype<Aggregate>(from).count;
  changetype<Aggregate>(to).newest = changetype<Aggregate>(from).newest;
}

/** Whether nothing in it leads outside of its bytes, whatever they hold. */
export function isAggregateSound(group: Group, at: u32, capacity: u32, isPane: bool): bool {
  const aggregate = changetype<Aggregate>(at);
  return aggregate.capacity == capacity && aggregate.isPane == (isPane ? 1 : 0);
}

/** Whether a feature is of the members before the event: it is to be asked for before the event joins, with the window at the event's time. */
export function isBeforeEvent(feature: Feature): bool {
  const kind = feature.kind as u32;
  return (
    kind == FEATURE_ZSCORE ||
    kind == FEATURE_TIME_SINCE ||
    kind == FEATURE_LAG ||
    kind == FEATURE_NOVELTY
  );
}

/**
 * A feature of the group; not of the kinds ONEHOT, HASH, BINARY, RATIO and DIFFERENCE, which need no members.
 * @param time of the event, or as of when
 * @param own the event's value of the feature's source, NaN = it has none, or there is no event
 * @param start of RATE: the window's start of sessions, tumbling and calendar windows; the oldest member's time of LAST and GLOBAL
 * @returns NaN = no value; it may be infinite
 */
export function aggregateValue(
  group: Group,
  feature: Feature,
  at: u32,
  time: f64,
  own: f64,
  start: f64,
): f64 {
  return changetype<Aggregate>(at).count as f64;
}
