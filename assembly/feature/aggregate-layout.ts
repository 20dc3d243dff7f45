/*
 * Where the leaves of an aggregate (aggregate.ts) lie. Offsets count from the aggregate; 0 = the group does not need the leaf.
 *
 *   ┌ header 80 B │ moments │ extremes │ ends │ tail │ counts │ distinct │ quantiles │ last times │ labels │ transitions │ heads ┐
 */
import { countsBytes } from "./counts";
import { dequeBytes } from "./extremes";
import { HLL_BYTES } from "./hyperloglog";
import { LABELS_BYTES } from "./labels";
import { lastTimesBytes } from "./last-times";
import { MOMENTS_BYTES } from "./moments";
import {
  Group,
  NEEDS_COUNTS,
  NEEDS_DISTINCT,
  NEEDS_ENDS,
  NEEDS_EXTREMES,
  NEEDS_LABELS,
  NEEDS_LAGS,
  NEEDS_LAST_TIMES,
  NEEDS_MOMENTS,
  NEEDS_QUANTILES,
  NEEDS_TRANSITIONS,
} from "./program";
import { sketchBytes } from "./quantiles";
import { tailBytes } from "./tail";
import { transitionsBytes } from "./transitions";

@unmanaged
export class Aggregate {
  /** Members. */
  count: u32; // 0
  capacity: u32;
  isPane: u32; // 8
  unused: u32;
  /** Time of the newest member, while there is one. */
  newest: f64; // 16
  /** Pane: time of the oldest member. */
  oldest: f64;
  moments: u32; // 32
  /** Exact: deques of the largest and the smallest. Pane: the two numbers. */
  most: u32;
  least: u32; // 40
  /** Pane: time and value of the first member, and of the last. */
  ends: u32;
  /** Exact, where ends or transitions are needed: all members; else as many as lags and contexts need. */
  tail: u32; // 48
  counts: u32;
  distinct: u32; // 56
  quantiles: u32;
  lastTimes: u32; // 64
  labels: u32;
  transitions: u32; // 72
  /** Pane: a tail of the first members, as many as a context has. */
  heads: u32;
}

const HEADER: u32 = 80;
const AT_MOMENTS: u32 = 32;
const AT_MOST: u32 = 36;
const AT_LEAST: u32 = 40;
const AT_ENDS: u32 = 44;
const AT_TAIL: u32 = 48;
const AT_COUNTS: u32 = 52;
const AT_DISTINCT: u32 = 56;
const AT_QUANTILES: u32 = 60;
const AT_LAST_TIMES: u32 = 64;
const AT_LABELS: u32 = 68;
const AT_TRANSITIONS: u32 = 72;
const AT_HEADS: u32 = 76;

const PANE_VALUES: u32 = 64;
const BUCKETS: u32 = 512;
const TIMES: u32 = 256;
const TRANSITIONS: u32 = 256;

function needsOf(group: Group): u32 {
  return group.needs as u32;
}

/** Members of a context: a novelty's n - 1. */
export function contextMembers(group: Group): u32 {
  return (needsOf(group) & NEEDS_TRANSITIONS) != 0 ? max(group.sequence as u32, 1) - 1 : 0;
}

export function tailMembers(group: Group, capacity: u32, isPane: bool): u32 {
  const needs = needsOf(group);
  if (!isPane && (needs & (NEEDS_ENDS | NEEDS_TRANSITIONS)) != 0) return capacity;
  const lags = (needs & NEEDS_LAGS) != 0 ? (group.lags as u32) : 0;
  // A late member of a pane changes the contexts of those after it: they have to be there too.
  const members = max(lags, 2 * contextMembers(group));
  return isPane ? members : min(members, capacity);
}

export function valuesMax(capacity: u32, isPane: bool): u32 {
  return isPane ? PANE_VALUES : capacity;
}

export function bucketsMax(capacity: u32, isPane: bool): u32 {
  return isPane ? BUCKETS : min(capacity, BUCKETS);
}

export function timesMax(capacity: u32, isPane: bool): u32 {
  return isPane ? TIMES : max(min(capacity, TIMES), 1);
}

export function transitionsMax(capacity: u32, isPane: bool): u32 {
  return isPane ? TRANSITIONS : min(max(2 * capacity, 2), TRANSITIONS);
}

let checks = false;
let placed: u32 = 0;
let differs = false;

/** Notes in a header where a leaf begins, or checks it; @returns where it ends. */
function put(at: u32, field: u32, offset: u32, bytes: u32): u32 {
  placed++;
  if (checks) differs = differs || load<u32>(at + field) != offset;
  else if (at != 0) store<u32>(at + field, offset);
  return offset + bytes;
}

/** Whether a header has the offsets that `lay` gives it. */
export function isLaid(group: Group, at: u32, capacity: u32, isPane: bool): bool {
  checks = true;
  differs = false;
  lay(group, at, capacity, isPane);
  checks = false;
  let found: u32 = 0;
  for (let field = AT_MOMENTS; field <= AT_HEADS; field += 4) {
    if (load<u32>(at + field) != 0) found++;
  }
  return !differs && found == placed;
}

/** @returns the aggregate's bytes, a multiple of 16; writes the header of one of no member unless the address is 0 */
export function lay(group: Group, at: u32, capacity: u32, isPane: bool): u32 {
  const needs = needsOf(group);
  placed = 0;
  if (at != 0 && !checks) {
    memory.fill(at, 0, HEADER);
    changetype<Aggregate>(at).capacity = capacity;
    changetype<Aggregate>(at).isPane = isPane ? 1 : 0;
  }
  let end = HEADER;
  if ((needs & NEEDS_MOMENTS) != 0) end = put(at, AT_MOMENTS, end, MOMENTS_BYTES);
  if ((needs & NEEDS_EXTREMES) != 0) {
    const bytes: u32 = isPane ? 8 : dequeBytes(capacity);
    end = put(at, AT_MOST, end, bytes);
    end = put(at, AT_LEAST, end, bytes);
  }
  if (isPane && (needs & NEEDS_ENDS) != 0) end = put(at, AT_ENDS, end, 32);
  const members = tailMembers(group, capacity, isPane);
  if (members > 0) end = put(at, AT_TAIL, end, tailBytes(members));
  const counted: u32 = isPane ? NEEDS_COUNTS : NEEDS_COUNTS | NEEDS_DISTINCT;
  if ((needs & counted) != 0) {
    end = put(at, AT_COUNTS, end, countsBytes(valuesMax(capacity, isPane)));
  }
  if (isPane && (needs & NEEDS_DISTINCT) != 0) end = put(at, AT_DISTINCT, end, HLL_BYTES);
  if ((needs & NEEDS_QUANTILES) != 0) {
    end = put(at, AT_QUANTILES, end, sketchBytes(bucketsMax(capacity, isPane)));
  }
  if ((needs & NEEDS_LAST_TIMES) != 0) {
    end = put(at, AT_LAST_TIMES, end, lastTimesBytes(timesMax(capacity, isPane)));
  }
  if ((needs & NEEDS_LABELS) != 0) end = put(at, AT_LABELS, end, LABELS_BYTES);
  if ((needs & NEEDS_TRANSITIONS) != 0) {
    end = put(at, AT_TRANSITIONS, end, transitionsBytes(transitionsMax(capacity, isPane)));
    if (isPane) end = put(at, AT_HEADS, end, tailBytes(contextMembers(group)));
  }
  return (end + 15) & ~15;
}
