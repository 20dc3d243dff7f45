/*
 * A sliding or hopping window that its key's log no longer covers: panes of a 32nd of its length by event time, aligned to the epoch.
 * Pane k holds the events of ((k - 1) p, k p]. Hopping windows of up to 32 slides have panes of a slide, and stay exact.
 *
 *   ┌ low f64 │ high f64 │ end f64 │ pad │ 34 x (k f64, pad) │ aggregate of the panes from low to high │ 34 aggregates ┐
 *
 * Error: what left the window at most a pane's length ago still counts. An event costs two additions; the sum over the panes is made
 * anew when the window reaches another pane.
 */
import {
  aggregateAdd,
  aggregateClear,
  aggregateInsert,
  aggregateMerge,
  isAggregateSound,
} from "./aggregate";
import { endOf } from "./bounds";
import { Group, WINDOW_HOPPING } from "./program";

const PARTS: f64 = 32;
export const PANES: u32 = 34;
const NAMES: u32 = 32;
const HEADER: u32 = NAMES + PANES * 16;

@unmanaged
class Panes {
  low: f64; // 0, NaN = there is no sum yet
  high: f64;
  end: f64; // 16, the newest time that counts
  pad: f64;
}

export function panesBytes(aggregate: u32): u32 {
  return HEADER + (PANES + 1) * aggregate;
}

export function panesView(at: u32): u32 {
  return at + HEADER;
}

/** ms of a pane. */
function lengthOf(group: Group): f64 {
  const isCoarse = (group.window as u32) == WINDOW_HOPPING && group.size <= PARTS * group.slide;
  return isCoarse ? group.slide : group.size / PARTS;
}

export function paneOf(group: Group, time: f64): f64 {
  return Math.ceil(time / lengthOf(group));
}

/** The oldest pane that the window of a time reaches into. */
export function lowestPane(group: Group, time: f64): f64 {
  return Math.floor((endOf(group, time) - group.size) / lengthOf(group)) + 1;
}

function placeOf(pane: f64): u32 {
  return min((pane - Math.floor(pane / (PANES as f64)) * (PANES as f64)) as u32, PANES - 1);
}

function nameAt(at: u32, place: u32): u32 {
  return at + NAMES + (place << 4);
}

function paneAt(at: u32, place: u32, aggregate: u32): u32 {
  return at + HEADER + (place + 1) * aggregate;
}

/** Address of a pane's aggregate, 0 = there is none. */
export function findPane(at: u32, pane: f64, aggregate: u32): u32 {
  const place = placeOf(pane);
  return load<f64>(nameAt(at, place)) == pane ? paneAt(at, place, aggregate) : 0;
}

export function panesClear(group: Group, at: u32, aggregate: u32): void {
  const panes = changetype<Panes>(at);
  panes.low = NaN;
  panes.high = NaN;
  panes.end = NaN;
  panes.pad = 0;
  aggregateClear(group, panesView(at), 0, true);
  for (let i: u32 = 0; i < PANES; i++) {
    store<f64>(nameAt(at, i), NaN);
    store<f64>(nameAt(at, i), 0, 8);
    aggregateClear(group, paneAt(at, i, aggregate), 0, true);
  }
}

/** The window is as of a time that is not before the last one. */
export function panesAdvance(group: Group, at: u32, aggregate: u32, time: f64): void {
  const panes = changetype<Panes>(at);
  const low = lowestPane(group, time);
  const end = endOf(group, time);
  const high = paneOf(group, end);
  panes.end = end;
  if (low == panes.low && high == panes.high) return;
  panes.low = low;
  panes.high = high;
  const sum = panesView(at);
  aggregateClear(group, sum, 0, true);
  mergePanes(group, at, aggregate, sum, low, high);
}

/** Merges the panes from low to high, oldest first, into an aggregate. */
export function mergePanes(
  group: Group,
  at: u32,
  aggregate: u32,
  into: u32,
  low: f64,
  high: f64,
): void {
  // Where a pane is shorter than times can tell apart, adding 1 may not lead on: never more than there are.
  for (let i: u32 = 0; i < PANES; i++) {
    const pane = low + (i as f64);
    if (pane > high) return;
    const found = findPane(at, pane, aggregate);
    if (found != 0) aggregateMerge(group, into, found);
  }
}

/** A member joins its pane, and the sum where the window is that far. */
export function panesAdd(
  group: Group,
  at: u32,
  aggregate: u32,
  time: f64,
  value: f64,
  isLate: bool,
): void {
  const panes = changetype<Panes>(at);
  const pane = paneOf(group, time);
  const place = placeOf(pane);
  const name = load<f64>(nameAt(at, place));
  const into = paneAt(at, place, aggregate);
  if (name != pane) {
    if (name > pane) return;
    store<f64>(nameAt(at, place), pane);
    aggregateClear(group, into, 0, true);
  }
  put(group, into, time, value, isLate);
  if (pane < panes.low || pane > panes.high) return;
  if ((group.window as u32) == WINDOW_HOPPING && time > panes.end) return;
  if (panes.low == panes.low) put(group, panesView(at), time, value, isLate);
}

function put(group: Group, at: u32, time: f64, value: f64, isLate: bool): void {
  if (isLate) aggregateInsert(group, at, time, value);
  else aggregateAdd(group, at, time, value);
}

export function arePanesSound(group: Group, at: u32, aggregate: u32): bool {
  if (!isAggregateSound(group, panesView(at), 0, true)) return false;
  for (let i: u32 = 0; i < PANES; i++) {
    if (!isAggregateSound(group, paneAt(at, i, aggregate), 0, true)) return false;
  }
  return true;
}
