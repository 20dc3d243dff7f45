/*
 * Where windows begin and end, in ms of event time.
 */
import {
  Group,
  Program,
  transitionsOf,
  WINDOW_HOPPING,
  WINDOW_MONTH,
  WINDOW_TUMBLING,
  WINDOW_WEEK,
} from "./program";

const DAY_MS: f64 = 86400000;
/** Clocks are set back by less than that. */
const SHIFT_MS: f64 = 10800000;

/** The newest time that counts: the last multiple of the slide of hopping windows, else the time itself. */
export function endOf(group: Group, time: f64): f64 {
  if ((group.window as u32) != WINDOW_HOPPING) return time;
  return Math.floor(time / group.slide) * group.slide;
}

/** Sliding and hopping: events after this time are inside. */
export function afterOf(group: Group, time: f64): f64 {
  return endOf(group, time) - group.size;
}

let knownWindow: f64 = -1;
let knownSize: f64 = 0;
let knownZone: f64 = 0;
let knownTransitions: f64 = 0;
let knownTime: f64 = NaN;
let knownProgram: u32 = 0;
let knownStart: f64 = 0;

/** Tumbling, day, week and month: the first moment inside. Groups of one window mostly follow each other. */
export function startOf(program: Program, group: Group, time: f64): f64 {
  if (
    knownTime == time &&
    knownWindow == group.window &&
    knownSize == group.size &&
    knownZone == group.zone &&
    knownTransitions == group.zoneTransitions &&
    knownProgram == changetype<u32>(program)
  ) {
    return knownStart;
  }
  const window = group.window as u32;
  const start =
    window == WINDOW_TUMBLING
      ? Math.floor(time / group.size) * group.size
      : calendarStart(program, group, time);
  knownWindow = group.window;
  knownSize = group.size;
  knownZone = group.zone;
  knownTransitions = group.zoneTransitions;
  knownTime = time;
  knownProgram = changetype<u32>(program);
  knownStart = min(start, time);
  return knownStart;
}

/** Programs may have come and gone, through other instances too: where one was, another may be. */
export function forgetStarts(): void {
  knownTime = NaN;
}

/** ms to add to a time for the clock on the wall. */
function offsetAt(program: Program, group: Group, time: f64): f64 {
  const count = group.zoneTransitions as u32;
  if (count == 0) return 0;
  const first = transitionsOf(program) + ((group.zone as u32) << 4);
  let low: u32 = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (load<f64>(first + (middle << 4)) <= time) low = middle;
    else high = middle;
  }
  return load<f64>(first + (low << 4), 8);
}

/**
 * The first moment whose local date is that of the period's first day. Midnight may not exist (clocks are set forward over it) or come
 * twice; then it is the moment of the change, or the first of the two.
 */
function calendarStart(program: Program, group: Group, time: f64): f64 {
  const offset = offsetAt(program, group, time);
  const midnight = firstDay(group.window as u32, Math.floor((time + offset) / DAY_MS)) * DAY_MS;
  if (group.zoneTransitions == 0) return midnight;
  const near = midnight - offset;
  const start = midnight - offsetAt(program, group, near);
  const before = offsetAt(program, group, near - SHIFT_MS);
  const earlier = midnight - before;
  return earlier < start && offsetAt(program, group, earlier) == before ? earlier : start;
}

/** First day, since the epoch, of the period that a day is in. */
function firstDay(window: u32, day: f64): f64 {
  if (window == WINDOW_WEEK) return day - modulo(day + 3, 7);
  if (window == WINDOW_MONTH) return day - dayOfMonth(day);
  return day;
}

function modulo(value: f64, by: f64): f64 {
  return value - Math.floor(value / by) * by;
}

/** 0 = the first. The civil calendar of H. Hinnant, "chrono-compatible low-level date algorithms". */
function dayOfMonth(day: f64): f64 {
  const ofEra = modulo(day + 719468, 146097) as u32;
  const year = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146096) / 365;
  const ofYear = ofEra - (365 * year + year / 4 - year / 100);
  const month = (5 * ofYear + 2) / 153;
  return (ofYear - (153 * month + 2) / 5) as f64;
}
