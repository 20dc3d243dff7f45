/**
 * A feature program as the kernel reads it from the control block: float64s by index from `Control.program` on. The mirror of
 * assembly/feature/program.ts.
 *
 *   ┌ header 16 │ groups x 16 │ features x 12 │ transitions of time zones x 2 ┐
 */

/** Offsets in the header. */
export const Program = {
  /** float64s of a row that are sent. */
  sources: 0,
  features: 1,
  /** Index of the first source that the model sees; from there on sources, then features, are its columns. */
  modelFirst: 2,
  modelColumns: 3,
  latenessMs: 4,
  futureToleranceMs: 5,
  /** TimePolicyNumber. */
  late: 6,
  future: 7,
  exactEvents: 8,
  groups: 9,
  transitions: 10,
  /** 1 = the model's cell is that of the key "", the features are each key's own. */
  oneCell: 11,
  length: 16,
} as const;

/**
 * Offsets in a group: what features over the same events share. An event is a member when it passes the filter and has the source's value.
 */
export const Group = {
  /** WindowNumber. */
  window: 0,
  /** ms; of LAST events. */
  size: 1,
  /** ms, of HOPPING; events between two firings, of GLOBAL (0 = not by count). */
  slide: 2,
  /** ms between two firings, of GLOBAL; 0 = not by time. */
  every: 3,
  /** 1 = GLOBAL fires when the value changes. */
  onChange: 4,
  /** Index of the first transition of the time zone, and how many there are; 0 of them = UTC. */
  zone: 5,
  zoneTransitions: 6,
  /** Index of the source; -1 = the events themselves. */
  source: 7,
  filterSource: 8,
  /** FilterNumber. */
  filterOp: 9,
  filterValue: 10,
  excludeCurrent: 11,
  /** Sum of NeedBits. */
  needs: 12,
  /** The largest n of the group's lags; of its novelties. */
  lags: 13,
  sequence: 14,
  length: 16,
} as const;

/** Offsets in a feature. */
export const FeatureField = {
  /** Numbers of FeatureNumber. */
  kind: 0,
  group: 1,
  /** Of encodings and z-scores, as in its group. */
  source: 2,
  /** The quantile; ms of the unit; n. */
  parameter: 3,
  /** Code of the category; NaN = the event's own. */
  category: 4,
  /** Of ratios and differences: position of a feature, or -1 - index of a source. */
  of: 5,
  to: 6,
  /** NaN = it always has a value. */
  defaultValue: 7,
  length: 12,
} as const;

export const WindowNumber = {
  sliding: 1,
  hopping: 2,
  tumbling: 3,
  day: 4,
  week: 5,
  month: 6,
  session: 7,
  last: 8,
  global: 9,
} as const;

export const FilterNumber = {
  none: 0,
  equals: 1,
  differs: 2,
  less: 3,
  at_most: 4,
  greater: 5,
  at_least: 6,
  equal_to: 7,
} as const;

export const FeatureNumber = {
  count: 1,
  sum: 2,
  mean: 3,
  std: 4,
  variance: 5,
  min: 6,
  max: 7,
  range: 8,
  first: 9,
  last: 10,
  delta: 11,
  zscore: 12,
  quantile: 13,
  distinct: 14,
  rate: 15,
  time_since: 16,
  share: 17,
  entropy: 18,
  lag: 19,
  novelty: 20,
  label: 32,
  onehot: 33,
  hash: 34,
  binary: 35,
  frequency: 36,
  ratio: 48,
  difference: 49,
} as const;

/** What a group keeps beside the count of its members. */
export const NeedBits = {
  moments: 1,
  extremes: 2,
  ends: 4,
  /** Members by category. */
  counts: 8,
  quantiles: 16,
  lags: 32,
  /** Time of the last member of each category, of the newest 256. */
  lastTimes: 64,
  labels: 128,
  transitions: 256,
  /** Of panes only: HyperLogLog; exact windows count by `counts`. */
  distinct: 512,
} as const;

export const TimePolicyNumber = { refuse: 0, score_only: 1, on_time: 2 } as const;

/** At most so many features of a detector, groups, sources, and transitions of time zones. */
export const DERIVED_MAX = 64;
export const GROUPS_MAX = 64;
export const SOURCES_MAX = 256;
export const TRANSITIONS_MAX = 1024;
