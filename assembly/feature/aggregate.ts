/*
 * What one group keeps of its members: the leaves that its needs ask for, at one address, without addresses inside.
 *
 * Two forms. Exact: at most `capacity` members, the oldest can leave. Pane: any number of members, nothing leaves, two can be merged;
 * its bytes do not depend on `capacity`. Panes, settled state of global windows and running aggregates have this form.
 *
 *   leaf        exact                               pane
 *   moments     double-double                       the same
 *   extremes    of all members                      the two numbers
 *   ends        a tail of all members               two members
 *   counts      of every value                      of the first 64 values, those after them are "other"
 *   distinct    by counts                           exact up to 112, then HyperLogLog, standard error 3.3 %
 *   quantiles   512 buckets, within 1 %             the same
 *   lags        a tail of the newest                the same
 *   last times  of the 256 values last seen         the same
 *   labels      100                                 the same
 *   transitions the 256 entries last used           the same, with the members at both ends
 */
import {
  Aggregate,
  bucketsMax,
  contextMembers,
  isLaid,
  lay,
  tailMembers,
  timesMax,
  transitionsMax,
  valuesMax,
} from "./aggregate-layout";
import { countsAdd, countsClear, countsMerge, countsRemove, isCountsSound } from "./counts";
import * as deque from "./extremes";
import { hllAdd, hllClear, hllMerge, isHllSound } from "./hyperloglog";
import { isLabelsSound, labelsAdd, labelsClear, labelsMerge } from "./labels";
import {
  isLastTimesSound,
  lastTimesAdd,
  lastTimesClear,
  lastTimesMerge,
  lastTimesRemove,
} from "./last-times";
import { MOMENTS_BYTES, momentsAdd, momentsClear, momentsMerge, momentsRemove } from "./moments";
import { Group } from "./program";
import {
  isSketchSound,
  sketchAdd,
  sketchClear,
  sketchCopy,
  sketchMerge,
  sketchRemove,
} from "./quantiles";
import * as sequence from "./sequence";
import * as tail from "./tail";
import { isTransitionsSound, transitionsClear, transitionsMerge } from "./transitions";

/** Bytes of an aggregate, a multiple of 16. */
export function aggregateBytes(group: Group, capacity: u32, isPane: bool): u32 {
  return lay(group, 0, capacity, isPane);
}

/** Makes `aggregateBytes` bytes an aggregate of no member. */
export function aggregateClear(group: Group, at: u32, capacity: u32, isPane: bool): void {
  lay(group, at, capacity, isPane);
  const it = changetype<Aggregate>(at);
  if (it.moments != 0) momentsClear(at + it.moments);
  if (it.most != 0) clearExtremes(at, capacity, isPane);
  if (it.ends != 0) memory.fill(at + it.ends, 0, 32);
  if (it.tail != 0) tail.tailClear(at + it.tail, tailMembers(group, capacity, isPane));
  if (it.counts != 0) countsClear(at + it.counts, valuesMax(capacity, isPane));
  if (it.distinct != 0) hllClear(at + it.distinct);
  if (it.quantiles != 0) sketchClear(at + it.quantiles, bucketsMax(capacity, isPane));
  if (it.lastTimes != 0) lastTimesClear(at + it.lastTimes, timesMax(capacity, isPane));
  if (it.labels != 0) labelsClear(at + it.labels);
  if (it.transitions != 0) transitionsClear(at + it.transitions, transitionsMax(capacity, isPane));
  if (it.heads != 0) tail.tailClear(at + it.heads, contextMembers(group));
}

function clearExtremes(at: u32, capacity: u32, isPane: bool): void {
  const it = changetype<Aggregate>(at);
  if (isPane) {
    store<f64>(at + it.most, -Infinity);
    store<f64>(at + it.least, Infinity);
    return;
  }
  deque.dequeClear(at + it.most, capacity);
  deque.dequeClear(at + it.least, capacity);
}

/** Members. */
export function aggregateCount(at: u32): u32 {
  return changetype<Aggregate>(at).count;
}

/** A member joins that is not older than any other. `value` of the events themselves: 0. */
export function aggregateAdd(group: Group, at: u32, time: f64, value: f64): void {
  const it = changetype<Aggregate>(at);
  if (it.isPane == 0) {
    if (it.count == it.capacity) return;
    if (it.most != 0) {
      deque.dequePush(at + it.most, time, value, 1);
      deque.dequePush(at + it.least, time, value, -1);
    }
  } else {
    addToPane(at, time, value);
  }
  if (it.transitions != 0) sequence.follow(group, at, value);
  if (it.tail != 0) tail.tailPush(at + it.tail, time, value);
  addAnyTime(at, time, value);
}

/** A member joins after those of equal time, before the newer ones. */
export function aggregateInsert(group: Group, at: u32, time: f64, value: f64): void {
  const it = changetype<Aggregate>(at);
  if (it.count == 0 || time >= it.newest) return aggregateAdd(group, at, time, value);
  if (it.isPane == 0) {
    if (it.count == it.capacity) return;
    if (it.most != 0) {
      deque.dequeInsert(at + it.most, time, value, 1);
      deque.dequeInsert(at + it.least, time, value, -1);
    }
  } else {
    addToPane(at, time, value);
  }
  if (it.transitions != 0) sequence.squeeze(group, at, time, value);
  if (it.tail != 0) {
    tail.tailInsert(at + it.tail, time, value, tail.tailSize(at + it.tail) == it.count);
  }
  addAnyTime(at, time, value);
}

/** What does not ask for the order of members. */
function addAnyTime(at: u32, time: f64, value: f64): void {
  const it = changetype<Aggregate>(at);
  if (it.moments != 0) momentsAdd(at + it.moments, value);
  if (it.counts != 0) countsAdd(at + it.counts, value, 1);
  if (it.distinct != 0) hllAdd(at + it.distinct, value);
  if (it.quantiles != 0) sketchAdd(at + it.quantiles, value);
  if (it.lastTimes != 0) lastTimesAdd(at + it.lastTimes, value, time, 1);
  if (it.labels != 0) labelsAdd(at + it.labels, value);
  it.newest = it.count == 0 ? time : max(it.newest, time);
  it.count++;
}

function addToPane(at: u32, time: f64, value: f64): void {
  const it = changetype<Aggregate>(at);
  if (it.most != 0) {
    store<f64>(at + it.most, max(load<f64>(at + it.most), value));
    store<f64>(at + it.least, min(load<f64>(at + it.least), value));
  }
  const isFirst = it.count == 0 || time < it.oldest;
  if (isFirst) it.oldest = time;
  if (it.ends != 0) {
    if (isFirst) putEnd(at + it.ends, time, value);
    if (it.count == 0 || time >= it.newest) putEnd(at + it.ends + 16, time, value);
  }
  if (it.heads != 0) sequence.begin(at + it.heads, time, value);
}

function putEnd(at: u32, time: f64, value: f64): void {
  store<f64>(at, time);
  store<f64>(at, value, 8);
}

/**
 * The oldest member leaves an exact aggregate; of a pane nothing leaves.
 * @returns whether its moments or quantiles are worn: clear the aggregate, and add the members that are left in their order
 */
export function aggregateRemove(group: Group, at: u32, time: f64, value: f64): bool {
  const it = changetype<Aggregate>(at);
  if (it.isPane != 0 || it.count == 0) return false;
  it.count--;
  if (it.most != 0) {
    deque.dequeRemove(at + it.most, time, value);
    deque.dequeRemove(at + it.least, time, value);
  }
  if (it.transitions != 0) sequence.leave(group, at, value);
  if (it.tail != 0 && tail.tailSize(at + it.tail) > it.count) tail.tailPop(at + it.tail);
  if (it.counts != 0) countsRemove(at + it.counts, value);
  const isWorn = it.quantiles != 0 && sketchRemove(at + it.quantiles, value);
  if (it.lastTimes != 0) lastTimesRemove(at + it.lastTimes, value, time);
  return (it.moments != 0 && momentsRemove(at + it.moments, value)) || isWorn;
}

/** The members of a pane join another pane; none of them is older than the other's. */
export function aggregateMerge(group: Group, into: u32, from: u32): void {
  const it = changetype<Aggregate>(into);
  const other = changetype<Aggregate>(from);
  if (other.count == 0 || it.isPane == 0 || other.isPane == 0) return;
  if (it.count == 0) {
    memory.copy(into, from, lay(group, 0, it.capacity, true));
    return;
  }
  if (it.moments != 0) momentsMerge(into + it.moments, from + other.moments);
  if (it.most != 0) {
    store<f64>(into + it.most, max(load<f64>(into + it.most), load<f64>(from + other.most)));
    store<f64>(into + it.least, min(load<f64>(into + it.least), load<f64>(from + other.least)));
  }
  if (it.ends != 0) memory.copy(into + it.ends + 16, from + other.ends + 16, 16);
  if (it.transitions != 0) {
    transitionsMerge(into + it.transitions, from + other.transitions);
    sequence.join(group, into, from);
  }
  if (it.tail != 0) tail.tailAppend(into + it.tail, from + other.tail);
  if (it.counts != 0) countsMerge(into + it.counts, from + other.counts);
  if (it.distinct != 0) hllMerge(into + it.distinct, from + other.distinct);
  if (it.quantiles != 0) sketchMerge(into + it.quantiles, from + other.quantiles);
  if (it.lastTimes != 0) lastTimesMerge(into + it.lastTimes, from + other.lastTimes);
  if (it.labels != 0) labelsMerge(into + it.labels, from + other.labels);
  it.newest = max(it.newest, other.newest);
  it.oldest = min(it.oldest, other.oldest);
  it.count += other.count;
}

/** The members of an exact aggregate, in one of at least its capacity; `to` may not overlap `from`. */
export function aggregateGrow(group: Group, to: u32, toCapacity: u32, from: u32): void {
  aggregateClear(group, to, toCapacity, false);
  const it = changetype<Aggregate>(to);
  const other = changetype<Aggregate>(from);
  it.count = other.count;
  it.newest = other.newest;
  if (it.moments != 0) memory.copy(to + it.moments, from + other.moments, MOMENTS_BYTES);
  if (it.most != 0) {
    deque.dequeCopy(to + it.most, from + other.most);
    deque.dequeCopy(to + it.least, from + other.least);
  }
  if (it.tail != 0 && other.tail != 0) tail.tailAppend(to + it.tail, from + other.tail);
  if (it.counts != 0) countsMerge(to + it.counts, from + other.counts);
  if (it.quantiles != 0) sketchCopy(to + it.quantiles, from + other.quantiles);
  if (it.lastTimes != 0) lastTimesMerge(to + it.lastTimes, from + other.lastTimes);
  if (it.labels != 0) labelsMerge(to + it.labels, from + other.labels);
  if (it.transitions != 0) transitionsMerge(to + it.transitions, from + other.transitions);
}

/** Whether nothing in it leads outside of its bytes or into an endless search, whatever they hold. */
export function isAggregateSound(group: Group, at: u32, capacity: u32, isPane: bool): bool {
  const it = changetype<Aggregate>(at);
  if (it.capacity != capacity || it.isPane != (isPane ? 1 : 0)) return false;
  if (!isPane && it.count > capacity) return false;
  if (!isLaid(group, at, capacity, isPane)) return false;
  if (it.most != 0 && !isPane) {
    if (!deque.isDequeSound(at + it.most, capacity)) return false;
    if (!deque.isDequeSound(at + it.least, capacity)) return false;
  }
  const members = tailMembers(group, capacity, isPane);
  if (it.tail != 0 && !tail.isTailSound(at + it.tail, members)) return false;
  const values = valuesMax(capacity, isPane);
  if (it.counts != 0 && !isCountsSound(at + it.counts, values)) return false;
  if (it.distinct != 0 && !isHllSound(at + it.distinct)) return false;
  const buckets = bucketsMax(capacity, isPane);
  if (it.quantiles != 0 && !isSketchSound(at + it.quantiles, buckets)) return false;
  const times = timesMax(capacity, isPane);
  if (it.lastTimes != 0 && !isLastTimesSound(at + it.lastTimes, times)) return false;
  if (it.labels != 0 && !isLabelsSound(at + it.labels)) return false;
  const entries = transitionsMax(capacity, isPane);
  if (it.transitions != 0 && !isTransitionsSound(at + it.transitions, entries)) return false;
  return it.heads == 0 || tail.isTailSound(at + it.heads, contextMembers(group));
}

export { aggregateValue, isBeforeEvent } from "./aggregate-value";
export { Aggregate } from "./aggregate-layout";
