/*
 * What a detector derives from its rows: groups of events of a key, and features of them. Read from CONTROL when the detector is
 * made, and kept in a block of its own. src/shard/feature-program.ts mirrors the numbers and says what each is.
 *
 *   ┌ kind │ run │ header 16 f64 │ groups x 16 f64 │ features x 12 f64 │ transitions x 2 f64: from ms, offset ms ┐
 */
import { BLOCK_HEADER } from "../arena";

export const PROGRAM_FIELDS: u32 = 16;
export const GROUP_FIELDS: u32 = 16;
export const FEATURE_FIELDS: u32 = 12;

export const DERIVED_MAX: u32 = 64;
export const GROUPS_MAX: u32 = 64;
export const SOURCES_MAX: u32 = 256;
export const TRANSITIONS_MAX: u32 = 1024;

export const WINDOW_SLIDING: u32 = 1;
export const WINDOW_HOPPING: u32 = 2;
export const WINDOW_TUMBLING: u32 = 3;
export const WINDOW_DAY: u32 = 4;
export const WINDOW_WEEK: u32 = 5;
export const WINDOW_MONTH: u32 = 6;
export const WINDOW_SESSION: u32 = 7;
export const WINDOW_LAST: u32 = 8;
export const WINDOW_GLOBAL: u32 = 9;

export const FILTER_NONE: u32 = 0;
export const FILTER_EQUALS: u32 = 1;
export const FILTER_DIFFERS: u32 = 2;
export const FILTER_LESS: u32 = 3;
export const FILTER_AT_MOST: u32 = 4;
export const FILTER_GREATER: u32 = 5;
export const FILTER_AT_LEAST: u32 = 6;
export const FILTER_EQUAL_TO: u32 = 7;

export const FEATURE_COUNT: u32 = 1;
export const FEATURE_SUM: u32 = 2;
export const FEATURE_MEAN: u32 = 3;
export const FEATURE_STD: u32 = 4;
export const FEATURE_VARIANCE: u32 = 5;
export const FEATURE_MIN: u32 = 6;
export const FEATURE_MAX: u32 = 7;
export const FEATURE_RANGE: u32 = 8;
export const FEATURE_FIRST: u32 = 9;
export const FEATURE_LAST: u32 = 10;
export const FEATURE_DELTA: u32 = 11;
export const FEATURE_ZSCORE: u32 = 12;
export const FEATURE_QUANTILE: u32 = 13;
export const FEATURE_DISTINCT: u32 = 14;
export const FEATURE_RATE: u32 = 15;
export const FEATURE_TIME_SINCE: u32 = 16;
export const FEATURE_SHARE: u32 = 17;
export const FEATURE_ENTROPY: u32 = 18;
export const FEATURE_LAG: u32 = 19;
export const FEATURE_NOVELTY: u32 = 20;
export const FEATURE_LABEL: u32 = 32;
export const FEATURE_ONEHOT: u32 = 33;
export const FEATURE_HASH: u32 = 34;
export const FEATURE_BINARY: u32 = 35;
export const FEATURE_FREQUENCY: u32 = 36;
export const FEATURE_RATIO: u32 = 48;
export const FEATURE_DIFFERENCE: u32 = 49;

export const NEEDS_MOMENTS: u32 = 1;
export const NEEDS_EXTREMES: u32 = 2;
export const NEEDS_ENDS: u32 = 4;
export const NEEDS_COUNTS: u32 = 8;
export const NEEDS_QUANTILES: u32 = 16;
export const NEEDS_LAGS: u32 = 32;
export const NEEDS_LAST_TIMES: u32 = 64;
export const NEEDS_LABELS: u32 = 128;
export const NEEDS_TRANSITIONS: u32 = 256;
export const NEEDS_DISTINCT: u32 = 512;

export const POLICY_REFUSE: u32 = 0;
export const POLICY_SCORE_ONLY: u32 = 1;
export const POLICY_ON_TIME: u32 = 2;

export const ON_TIME: u32 = 0;
export const LATE: u32 = 1;
export const FUTURE: u32 = 2;
export const LATE_REFUSED: u32 = 3;
export const FUTURE_REFUSED: u32 = 4;

@unmanaged
export class Program {
  sources: f64; // 0
  features: f64;
  modelFirst: f64; // 16
  modelColumns: f64;
  latenessMs: f64; // 32
  futureToleranceMs: f64;
  late: f64; // 48
  future: f64;
  exactEvents: f64; // 64
  groups: f64;
  transitions: f64; // 80
  oneCell: f64;
}

@unmanaged
export class Group {
  window: f64; // 0
  size: f64;
  slide: f64; // 16
  every: f64;
  onChange: f64; // 32
  zone: f64;
  zoneTransitions: f64; // 48
  source: f64;
  filterSource: f64; // 64
  filterOp: f64;
  filterValue: f64; // 80
  excludeCurrent: f64;
  needs: f64; // 96
  lags: f64;
  sequence: f64; // 112
}

@unmanaged
export class Feature {
  kind: f64; // 0
  group: f64;
  source: f64; // 16
  parameter: f64;
  category: f64; // 32
  of: f64;
  to: f64; // 48
  defaultValue: f64;
}

export function programIn(block: u32): Program {
  return changetype<Program>(block + BLOCK_HEADER);
}

export function groupAt(program: Program, index: u32): Group {
  return changetype<Group>(
    changetype<u32>(program) + ((PROGRAM_FIELDS + index * GROUP_FIELDS) << 3),
  );
}

export function featureAt(program: Program, index: u32): Feature {
  const groups = program.groups as u32;
  const first = PROGRAM_FIELDS + groups * GROUP_FIELDS + index * FEATURE_FIELDS;
  return changetype<Feature>(changetype<u32>(program) + (first << 3));
}

/** Address of the transitions: pairs of f64, from which ms on, offset ms. */
export function transitionsOf(program: Program): u32 {
  return changetype<u32>(featureAt(program, program.features as u32));
}

/** Bytes of a program, without its block's header. */
export function programBytes(program: Program): u32 {
  const groups = program.groups as u32;
  const features = program.features as u32;
  const transitions = program.transitions as u32;
  return (
    (PROGRAM_FIELDS + groups * GROUP_FIELDS + features * FEATURE_FIELDS + 2 * transitions) << 3
  );
}
