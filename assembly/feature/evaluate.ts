/*
 * Features of a moment: what each group's window gives, ratios and differences of those, defaults, and which were taken.
 */
import { aggregateValue, isBeforeEvent } from "./aggregate";
import {
  Feature,
  FEATURE_BINARY,
  FEATURE_DIFFERENCE,
  FEATURE_HASH,
  FEATURE_ONEHOT,
  FEATURE_RATIO,
  featureAt,
  Group,
  groupAt,
  Program,
} from "./program";
import { viewOf, viewStart } from "./body";
import { State } from "./state";

/** Codes (src/features/category-code.ts) of true, yes, 1, on, t and y in any case: what the encoding of inputs takes for yes. */
const YES: usize = memory.data<f64>([
  3805054867957788, 480487290499899, 4461599602898072, 2603737430376290, 4440777965342851,
  3190985891999848, 3680120593146965, 3399123891165267, 4339840239315096, 3858501401787016,
  2759052731783084, 1832392979395847, 4121404525472721, 3636214359488933, 1287013469467680,
  218638769152413, 259205591185080, 103333658683646, 1393255879378656, 2433315447470728,
  42532714757896, 1177424294094100, 1876752989859091, 3595586260875319, 4251874896706732,
  971875277467768, 1711401616597402, 3669166529536457, 1805025775380263, 3367167332719880,
  4328777813467486, 2438645818610741, 4394637115054386,
]);
const YES_COUNT: u32 = 33;

/** The moment: where a row's values are, its time, and whether there is an event. */
let values: u32 = 0;
let time: f64 = 0;
let hasEvent: bool = false;
let defaulted: u64 = 0;

export function beginMoment(at: u32, ofTime: f64, isEvent: bool): void {
  values = at;
  time = ofTime;
  hasEvent = isEvent;
  defaulted = 0;
}

function sourceValue(index: f64): f64 {
  return hasEvent && index >= 0 ? load<f64>(values + ((index as u32) << 3)) : NaN;
}

function outOf(program: Program, position: u32): u32 {
  return values + (((program.sources as u32) + position) << 3);
}

/** Whether a feature is of the window before the event joins. */
function isOfBefore(group: Group, feature: Feature): bool {
  return group.excludeCurrent != 0 || isBeforeEvent(feature);
}

/** Features of all groups, of the state's windows before the event joined, or after. */
export function evaluate(program: Program, state: State, isBefore: bool): void {
  const features = program.features as u32;
  let known: f64 = -1;
  let group = changetype<Group>(0);
  let view: u32 = 0;
  let start: f64 = NaN;
  for (let f: u32 = 0; f < features; f++) {
    const feature = featureAt(program, f);
    const index = feature.group;
    if (index < 0) continue;
    const g = index as u32;
    const isOther = index != known;
    if (isOther) group = groupAt(program, g);
    if (isOfBefore(group, feature) != isBefore) {
      if (isOther) known = -1;
      continue;
    }
    if (isOther) {
      known = index;
      view = viewOf(program, state, g);
      start = viewStart(program, state, g, time);
    }
    put(program, f, feature, aggregateValue(group, feature, view, time, ownValue(feature), start));
  }
}

/** As `evaluate`, features of one group, of an aggregate that was made for the moment. 0 = there was no memory for it. */
export function evaluateGroup(
  program: Program,
  g: u32,
  view: u32,
  start: f64,
  isBefore: bool,
): void {
  const features = program.features as u32;
  const group = groupAt(program, g);
  for (let f: u32 = 0; f < features; f++) {
    const feature = featureAt(program, f);
    if (feature.group != (g as f64)) continue;
    if (isOfBefore(group, feature) != isBefore) continue;
    const own = ownValue(feature);
    const value = view == 0 ? NaN : aggregateValue(group, feature, view, time, own, start);
    put(program, f, feature, value);
  }
}

/** Of the events themselves there is always a value. */
function ownValue(feature: Feature): f64 {
  if (feature.source < 0) return hasEvent ? 0 : NaN;
  return sourceValue(feature.source);
}

/** Features that need no window, then ratios and differences, and the bits of those that took their default. */
export function finishMoment(program: Program): void {
  const features = program.features as u32;
  for (let f: u32 = 0; f < features; f++) {
    const feature = featureAt(program, f);
    const kind = feature.kind as u32;
    if (feature.group >= 0 || kind == FEATURE_RATIO || kind == FEATURE_DIFFERENCE) continue;
    put(program, f, feature, encoded(feature, kind));
  }
  for (let f: u32 = 0; f < features; f++) {
    const feature = featureAt(program, f);
    const kind = feature.kind as u32;
    if (kind != FEATURE_RATIO && kind != FEATURE_DIFFERENCE) continue;
    const left = operand(program, feature.of);
    const right = operand(program, feature.to);
    put(
      program,
      f,
      feature,
      kind == FEATURE_DIFFERENCE ? left - right : right == 0 ? NaN : left / right,
    );
  }
  store<u64>(outOf(program, features), defaulted);
}

function operand(program: Program, index: f64): f64 {
  return index >= 0 ? load<f64>(outOf(program, index as u32)) : sourceValue(-1 - index);
}

function encoded(feature: Feature, kind: u32): f64 {
  const own = sourceValue(feature.source);
  if (own != own) return NaN;
  if (kind == FEATURE_ONEHOT) return own == feature.category ? 1 : 0;
  if (kind == FEATURE_HASH) {
    const buckets = feature.parameter as u64;
    return buckets > 0 ? (((own as u64) % buckets) as f64) : NaN;
  }
  if (kind != FEATURE_BINARY) return NaN;
  for (let i: u32 = 0; i < YES_COUNT; i++) if (load<f64>((YES as u32) + (i << 3)) == own) return 1;
  return 0;
}

/** Writes a value, or its default. Never -0, as sources never are. */
function put(program: Program, position: u32, feature: Feature, value: f64): void {
  let out = value + 0;
  if (!isFinite(out)) {
    const fallback = feature.defaultValue;
    out = fallback == fallback ? fallback : 0;
    if (fallback == fallback) defaulted |= (1 as u64) << (position as u64);
  }
  store<f64>(outOf(program, position), out);
}
