/*
 * A sliding or hopping window that its key's log no longer covers: panes of a 32nd of its length by event time, aligned to the epoch.
 * Pane k holds the events of ((k - 1) p, k p]. Panes of hopping windows are a whole number of slides: of one where the window has up to
 * 32, which stays exact. Their last place holds back the events since the last slide, which do not count yet.
 *
 *   ┌ low f64 │ high f64 │ end f64 │ pad │ 34 x (k f64, pad) │ aggregate of the panes from low to high │ 34 aggregates ┐
 *
 * Error: what left the window at most a pane's length ago still counts. An event costs two additions; the sum over the panes is made
 * anew when the window reaches another pane.
 */
import {
  aggregateAdd,
  aggregateClear,
  aggregateCount,
  aggregateInsert,
  aggregateMerge,
  isAggregateSound,
} from "./aggregate";
import { endOf } from "./bounds";
import { Group, WINDOW_HOPPING } from "./program";

const PARTS: f64 = 32;
export const PANES: u32 = 34;
/** Of hopping windows, which reach into 33 panes at most: the place of what is held back. */
const HELD: u32 = PANES - 1;
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

function isHopping(group: Group): bool {
  return (group.window as u32) == WINDOW_HOPPING;
}

/** ms of a pane. */
function lengthOf(group: Group): f64 {
  if (!isHopping(group)) return group.size / PARTS;
  return Math.ceil(group.size / (PARTS * group.slide)) * group.slide;
}

export function paneOf(group: Group, time: f64): f64 {
  return Math.ceil(time / lengthOf(group));
}

/** The oldest pane that the window of a time reaches into. */
export function lowestPane(group: Group, time: f64): f64 {
  return Math.floor((endOf(group, time) - group.size) / lengthOf(group)) + 1;
}

function placeOf(group: Group, pane: f64): u32 {
  const places = isHopping(group) ? HELD : PANES;
  return min((pane - Math.floor(pane / (places as f64)) * (places as f64)) as u32, places - 1);
}

function nameAt(at: u32, place: u32): u32 {
  return at + NAMES + (place << 4);
}

function paneAt(at: u32, place: u32, aggregate: u32): u32 {
  return at + HEADER + (place + 1) * aggregate;
}

/** Address of a pane's aggregate, 0 = there is none. */
function findPane(group: Group, at: u32, pane: f64, aggregate: u32): u32 {
  const place = placeOf(group, pane);
  return load<f64>(nameAt(at, place)) == pane ? paneAt(at, place, aggregate) : 0;
}

/** As `findPane`, and begins it where there is none; 0 = its place is a newer one's. */
function openPane(group: Group, at: u32, pane: f64, aggregate: u32): u32 {
  const place = placeOf(group, pane);
  const name = load<f64>(nameAt(at, place));
  const found = paneAt(at, place, aggregate);
  if (name == pane) return found;
  if (name > pane) return 0;
  store<f64>(nameAt(at, place), pane);
  aggregateClear(group, found, 0, true);
  return found;
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
  const isSame = low == panes.low && high == panes.high;
  if (isHopping(group) && end > panes.end) enter(group, at, aggregate, isSame);
  panes.end = end;
  if (isSame) return;
  panes.low = low;
  panes.high = high;
  const sum = panesView(at);
  aggregateClear(group, sum, 0, true);
  mergePanes(group, at, aggregate, sum, low, high);
}

/** What was held back counts: it is of one pane, newer than what is there, and joins the sum where that stays. */
function enter(group: Group, at: u32, aggregate: u32, isSame: bool): void {
  const held = paneAt(at, HELD, aggregate);
  if (aggregateCount(held) == 0) return;
  const into = openPane(group, at, load<f64>(nameAt(at, HELD)), aggregate);
  if (into != 0) aggregateMerge(group, into, held);
  if (isSame) aggregateMerge(group, panesView(at), held);
  aggregateClear(group, held, 0, true);
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
    const found = findPane(group, at, pane, aggregate);
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
  if (isHopping(group) && time > panes.end) {
    store<f64>(nameAt(at, HELD), pane);
    return put(group, paneAt(at, HELD, aggregate), time, value, isLate);
  }
  const into = openPane(group, at, pane, aggregate);
  if (into == 0) return;
  put(group, into, time, value, isLate);
  if (pane >= panes.low && pane <= panes.high) put(group, panesView(at), time, value, isLate);
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
