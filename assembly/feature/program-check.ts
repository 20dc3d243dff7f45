/*
 * Whether the feature program in CONTROL is one: every count, index and number in it, and that each feature's group keeps what the
 * feature is computed from. What is not checked here is nowhere: the engine reads the program without a look.
 */
import { isWhole, WHOLE_MAX } from "../control-block";
import { CONTROL_BASE, CONTROL_PROGRAM } from "../layout";
import { STATE_BYTES_MAX, stateBytesMax } from "./plan";
import * as p from "./program";
import { Feature, featureAt, Group, groupAt, Program, transitionsOf } from "./program";

const EXACT_EVENTS_MAX: f64 = 65536;
const SEQUENCE_MAX: f64 = 8;
const NEEDS_MAX: f64 = 2 * (p.NEEDS_DISTINCT as f64) - 1;
/** Of a clock from UTC. */
const OFFSET_MS_MAX: f64 = 2 * 86400000;

/** The program in CONTROL, as it was sent. */
export function programInControl(): Program {
  return changetype<Program>(CONTROL_BASE + (CONTROL_PROGRAM << 3));
}

/** Whether the program in CONTROL can serve a model of so many columns, which may share one cell or not. */
export function isProgramValid(columns: f64, mayShare: bool): bool {
  const program = programInControl();
  if (!isHeaderValid(program, columns, mayShare)) return false;
  const transitions = transitionsOf(program);
  for (let i: u32 = 0; i < (program.transitions as u32); i++) {
    const from = load<f64>(transitions + (i << 4));
    if (from != from) return false;
    if (!isWhole(load<f64>(transitions + (i << 4), 8), -OFFSET_MS_MAX, OFFSET_MS_MAX)) return false;
  }
  for (let i: u32 = 0; i < (program.groups as u32); i++) {
    if (!isGroupValid(program, groupAt(program, i))) return false;
  }
  for (let i: u32 = 0; i < (program.features as u32); i++) {
    if (!isFeatureValid(program, featureAt(program, i))) return false;
  }
  return stateBytesMax(program) <= STATE_BYTES_MAX;
}

/** With it, how long the program is. */
function isHeaderValid(program: Program, columns: f64, mayShare: bool): bool {
  const sources = program.sources;
  const first = program.modelFirst;
  if (!isWhole(sources, 0, p.SOURCES_MAX as f64)) return false;
  if (!isWhole(program.features, 1, p.DERIVED_MAX as f64)) return false;
  if (!isWhole(first, 0, sources)) return false;
  // The model's columns are sources to the last one, and then features.
  if (!isWhole(columns, sources - first, sources - first + program.features)) return false;
  if (program.modelColumns != columns) return false;
  if (!isWhole(program.latenessMs, 0, WHOLE_MAX)) return false;
  if (!isWhole(program.futureToleranceMs, 0, WHOLE_MAX)) return false;
  if (!isWhole(program.late, 0, p.POLICY_ON_TIME as f64)) return false;
  if (!isWhole(program.future, 0, p.POLICY_ON_TIME as f64)) return false;
  if (!isWhole(program.exactEvents, 1, EXACT_EVENTS_MAX)) return false;
  if (!isWhole(program.groups, 0, p.GROUPS_MAX as f64)) return false;
  if (!isWhole(program.transitions, 0, p.TRANSITIONS_MAX as f64)) return false;
  return isWhole(program.oneCell, 0, mayShare ? 1 : 0);
}

function isGroupValid(program: Program, group: Group): bool {
  const last = program.sources - 1;
  if (!isWhole(group.window, p.WINDOW_SLIDING as f64, p.WINDOW_GLOBAL as f64)) return false;
  if (!isWindowValid(program, group)) return false;
  if (!isZoneValid(program, group)) return false;
  if (!isWhole(group.source, -1, last)) return false;
  if (!isWhole(group.filterOp, 0, p.FILTER_EQUAL_TO as f64)) return false;
  if (group.filterOp != (p.FILTER_NONE as f64)) {
    if (!isWhole(group.filterSource, 0, last) || !isFinite(group.filterValue)) return false;
  }
  if (!isWhole(group.excludeCurrent, 0, 1)) return false;
  if (!isWhole(group.needs, 0, NEEDS_MAX)) return false;
  const needs = group.needs as u32;
  const lags: f64 = (needs & p.NEEDS_LAGS) != 0 ? 1 : 0;
  if (!isWhole(group.lags, lags, EXACT_EVENTS_MAX)) return false;
  const sequence: f64 = (needs & p.NEEDS_TRANSITIONS) != 0 ? 2 : 0;
  return isWhole(group.sequence, sequence, SEQUENCE_MAX);
}

function isWindowValid(program: Program, group: Group): bool {
  const size = group.size;
  switch (group.window as u32) {
    case p.WINDOW_SLIDING:
    case p.WINDOW_TUMBLING:
    case p.WINDOW_SESSION:
      return isWhole(size, 1, WHOLE_MAX);
    case p.WINDOW_HOPPING:
      if (!isWhole(size, 1, WHOLE_MAX) || !isWhole(group.slide, 1, size)) return false;
      return Math.floor(size / group.slide) * group.slide == size;
    case p.WINDOW_LAST:
      return isWhole(size, 1, program.exactEvents);
    case p.WINDOW_GLOBAL:
      if (!isWhole(group.slide, 0, WHOLE_MAX) || !isWhole(group.every, 0, WHOLE_MAX)) return false;
      return isWhole(group.onChange, 0, 1);
    default:
      return true;
  }
}

/** Its transitions lie in the program, in the order of time. */
function isZoneValid(program: Program, group: Group): bool {
  if (!isWhole(group.zone, 0, program.transitions)) return false;
  if (!isWhole(group.zoneTransitions, 0, program.transitions - group.zone)) return false;
  const first = transitionsOf(program) + ((group.zone as u32) << 4);
  for (let i: u32 = 1; i < (group.zoneTransitions as u32); i++) {
    if (load<f64>(first + (i << 4)) <= load<f64>(first + ((i - 1) << 4))) return false;
  }
  return true;
}

function isFeatureValid(program: Program, feature: Feature): bool {
  const last = program.sources - 1;
  if (!isWhole(feature.kind, 1, p.FEATURE_DIFFERENCE as f64)) return false;
  const kind = feature.kind as u32;
  const category = feature.category;
  if (category == category && !isFinite(category)) return false;
  if (!hasDefault(kind, feature.defaultValue)) return false;
  if (isOfNoGroup(kind) && feature.group != -1) return false;
  if (kind == p.FEATURE_RATIO || kind == p.FEATURE_DIFFERENCE) {
    return isOperandValid(program, feature.of) && isOperandValid(program, feature.to);
  }
  if (kind >= p.FEATURE_LABEL && !isWhole(feature.source, 0, last)) return false;
  if (kind == p.FEATURE_ONEHOT) return category == category;
  if (kind == p.FEATURE_HASH) return isWhole(feature.parameter, 1, WHOLE_MAX);
  if (kind == p.FEATURE_BINARY) return true;
  if (!isWhole(feature.group, 0, program.groups - 1)) return false;
  const group = groupAt(program, feature.group as u32);
  return feature.source == group.source && isKept(group, kind) && isParameterValid(group, feature);
}

/** What is computed from the row, or from other features. */
function isOfNoGroup(kind: u32): bool {
  if (kind == p.FEATURE_ONEHOT || kind == p.FEATURE_HASH || kind == p.FEATURE_BINARY) return true;
  return kind == p.FEATURE_RATIO || kind == p.FEATURE_DIFFERENCE;
}

/** Features are finite: one that may have no value has a default. */
function hasDefault(kind: u32, value: f64): bool {
  if (isFinite(value)) return true;
  if (value == value) return false;
  return (
    kind == p.FEATURE_COUNT ||
    kind == p.FEATURE_SUM ||
    kind == p.FEATURE_RATE ||
    kind == p.FEATURE_DISTINCT ||
    (kind >= p.FEATURE_LABEL && kind <= p.FEATURE_FREQUENCY)
  );
}

/** A source, or a feature that is no combination itself. */
function isOperandValid(program: Program, operand: f64): bool {
  if (!isWhole(operand, -program.sources, program.features - 1)) return false;
  return operand < 0 || featureAt(program, operand as u32).kind < (p.FEATURE_RATIO as f64);
}

/** Whether a group keeps what a feature of this kind is computed from; no for a number that is no kind. */
function isKept(group: Group, kind: u32): bool {
  const needs = group.needs as u32;
  const hasValue = group.source >= 0;
  switch (kind) {
    case p.FEATURE_COUNT:
    case p.FEATURE_RATE:
    case p.FEATURE_TIME_SINCE:
      return true;
    case p.FEATURE_SUM:
    case p.FEATURE_MEAN:
    case p.FEATURE_STD:
    case p.FEATURE_VARIANCE:
    case p.FEATURE_ZSCORE:
      return hasValue && (needs & p.NEEDS_MOMENTS) != 0;
    case p.FEATURE_MIN:
    case p.FEATURE_MAX:
    case p.FEATURE_RANGE:
      return hasValue && (needs & p.NEEDS_EXTREMES) != 0;
    case p.FEATURE_FIRST:
    case p.FEATURE_LAST:
    case p.FEATURE_DELTA:
      return hasValue && (needs & p.NEEDS_ENDS) != 0;
    case p.FEATURE_QUANTILE:
      return hasValue && (needs & p.NEEDS_QUANTILES) != 0;
    case p.FEATURE_DISTINCT:
      return hasValue && (needs & p.NEEDS_DISTINCT) != 0;
    case p.FEATURE_SHARE:
    case p.FEATURE_ENTROPY:
    case p.FEATURE_FREQUENCY:
      return hasValue && (needs & p.NEEDS_COUNTS) != 0;
    case p.FEATURE_LAG:
      return hasValue && (needs & p.NEEDS_LAGS) != 0;
    case p.FEATURE_NOVELTY:
      return hasValue && (needs & p.NEEDS_TRANSITIONS) != 0;
    case p.FEATURE_LABEL:
      return hasValue && (needs & p.NEEDS_LABELS) != 0;
    default:
      return false;
  }
}

function isParameterValid(group: Group, feature: Feature): bool {
  const value = feature.parameter;
  switch (feature.kind as u32) {
    case p.FEATURE_QUANTILE:
      return value >= 0 && value <= 1;
    case p.FEATURE_RATE:
    case p.FEATURE_TIME_SINCE:
      return value > 0 && value <= WHOLE_MAX;
    case p.FEATURE_LAG:
      return isWhole(value, 1, group.lags);
    case p.FEATURE_NOVELTY:
      return value == group.sequence;
    default:
      return true;
  }
}
