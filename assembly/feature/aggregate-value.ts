/*
 * Features of an aggregate (aggregate.ts). Nothing changes by asking.
 */
import { Aggregate } from "./aggregate-layout";
import { countsDistinct, countsEntropy, countsOf, countsTotal } from "./counts";
import { dequeFront } from "./extremes";
import { hllEstimate } from "./hyperloglog";
import { labelOf } from "./labels";
import { lastTimeOf } from "./last-times";
import { momentsDistance, momentsMean, momentsSum, momentsVariance } from "./moments";
import * as kinds from "./program";
import { Feature, Group } from "./program";
import { sketchQuantile } from "./quantiles";
import { noveltyNext } from "./sequence";
import * as tail from "./tail";

/**
 * Whether a feature is of the members before the event: it is to be asked for with the window at the event's time, before the event joins.
 */
export function isBeforeEvent(feature: Feature): bool {
  const kind = feature.kind as u32;
  return (
    kind == kinds.FEATURE_ZSCORE ||
    kind == kinds.FEATURE_TIME_SINCE ||
    kind == kinds.FEATURE_LAG ||
    kind == kinds.FEATURE_NOVELTY
  );
}

/**
 * A feature of the group; not of the kinds ONEHOT, HASH, BINARY, RATIO and DIFFERENCE, which need no members.
 * @param time of the event, or as of when
 * @param own the event's value of the feature's source, NaN = it has none, or there is no event
 * @param start for RATE: of sessions, tumbling and calendar windows their start; of exact windows of the last n the oldest member's time
 * @returns NaN = no value; it may be infinite where the members' values are over 1e100
 */
export function aggregateValue(
  group: Group,
  feature: Feature,
  at: u32,
  time: f64,
  own: f64,
  start: f64,
): f64 {
  const count = changetype<Aggregate>(at).count;
  switch (feature.kind as u32) {
    case kinds.FEATURE_COUNT:
      return count as f64;
    case kinds.FEATURE_RATE:
      return rateOf(group, feature, at, time, start);
    case kinds.FEATURE_TIME_SINCE:
      return timeSince(feature, at, time, own);
    case kinds.FEATURE_LAG:
      return lagOf(feature, at);
    case kinds.FEATURE_QUANTILE:
      return quantileOf(feature, at);
    case kinds.FEATURE_NOVELTY:
      return changetype<Aggregate>(at).transitions == 0 || own != own
        ? NaN
        : noveltyNext(group, at, own);
    case kinds.FEATURE_LABEL: {
      const labels = changetype<Aggregate>(at).labels;
      return labels == 0 || own != own ? NaN : labelOf(at + labels, own);
    }
    case kinds.FEATURE_SHARE:
    case kinds.FEATURE_FREQUENCY:
      return shareOf(feature, at, own);
    case kinds.FEATURE_ENTROPY:
      return entropyOf(at);
    case kinds.FEATURE_DISTINCT:
      return distinctOf(at);
    case kinds.FEATURE_MIN:
    case kinds.FEATURE_MAX:
    case kinds.FEATURE_RANGE:
      return count == 0 ? NaN : extremeOf(feature, at);
    case kinds.FEATURE_FIRST:
    case kinds.FEATURE_LAST:
    case kinds.FEATURE_DELTA:
      return count == 0 ? NaN : endOf(feature, at);
    default:
      return momentOf(feature, at, own);
  }
}

function momentOf(feature: Feature, at: u32, own: f64): f64 {
  const offset = changetype<Aggregate>(at).moments;
  if (offset == 0) return NaN;
  const moments = at + offset;
  const kind = feature.kind as u32;
  if (kind == kinds.FEATURE_SUM) return momentsSum(moments);
  if (kind == kinds.FEATURE_MEAN) return momentsMean(moments);
  const variance = momentsVariance(moments);
  if (kind == kinds.FEATURE_VARIANCE) return variance;
  const std = Math.sqrt(variance);
  if (kind == kinds.FEATURE_STD) return std;
  if (kind != kinds.FEATURE_ZSCORE || !(std > 0)) return NaN;
  return momentsDistance(moments, own) / std;
}

function extremeOf(feature: Feature, at: u32): f64 {
  const it = changetype<Aggregate>(at);
  if (it.most == 0) return NaN;
  const isPane = it.isPane != 0;
  const most = isPane ? load<f64>(at + it.most) : dequeFront(at + it.most);
  const least = isPane ? load<f64>(at + it.least) : dequeFront(at + it.least);
  const kind = feature.kind as u32;
  if (kind == kinds.FEATURE_MAX) return most;
  return kind == kinds.FEATURE_MIN ? least : most - least;
}

function endOf(feature: Feature, at: u32): f64 {
  const it = changetype<Aggregate>(at);
  let first: f64 = NaN;
  let last: f64 = NaN;
  if (it.ends != 0) {
    first = load<f64>(at + it.ends, 8);
    last = load<f64>(at + it.ends, 24);
  } else if (it.tail != 0 && tail.tailSize(at + it.tail) > 0) {
    first = tail.tailValue(at + it.tail, 0);
    last = tail.tailValue(at + it.tail, tail.tailSize(at + it.tail) - 1);
  }
  const kind = feature.kind as u32;
  if (kind == kinds.FEATURE_FIRST) return first;
  return kind == kinds.FEATURE_LAST ? last : last - first;
}

function lagOf(feature: Feature, at: u32): f64 {
  const offset = changetype<Aggregate>(at).tail;
  if (offset == 0) return NaN;
  const size = tail.tailSize(at + offset);
  const back = feature.parameter as u32;
  return back == 0 || back > size ? NaN : tail.tailValue(at + offset, size - back);
}

function quantileOf(feature: Feature, at: u32): f64 {
  const offset = changetype<Aggregate>(at).quantiles;
  return offset == 0 ? NaN : sketchQuantile(at + offset, feature.parameter);
}

function shareOf(feature: Feature, at: u32, own: f64): f64 {
  const offset = changetype<Aggregate>(at).counts;
  const isGiven =
    (feature.kind as u32) == kinds.FEATURE_SHARE && feature.category == feature.category;
  const category = isGiven ? feature.category : own;
  if (offset == 0 || category != category) return NaN;
  const total = countsTotal(at + offset);
  return total == 0 ? NaN : (countsOf(at + offset, category) as f64) / total;
}

function entropyOf(at: u32): f64 {
  const offset = changetype<Aggregate>(at).counts;
  return offset == 0 ? NaN : countsEntropy(at + offset);
}

function distinctOf(at: u32): f64 {
  const it = changetype<Aggregate>(at);
  if (it.distinct != 0) return hllEstimate(at + it.distinct);
  return it.counts == 0 ? 0 : (countsDistinct(at + it.counts) as f64);
}

/** In units; of categories since the last member of the feature's category, or of the event's. */
function timeSince(feature: Feature, at: u32, time: f64, own: f64): f64 {
  const it = changetype<Aggregate>(at);
  let last: f64 = it.count == 0 ? NaN : it.newest;
  if (it.lastTimes != 0) {
    const category = feature.category == feature.category ? feature.category : own;
    last = category == category ? lastTimeOf(at + it.lastTimes, category) : NaN;
  }
  return last == last ? max(time - last, 0) / feature.parameter : NaN;
}

/** Members a unit of time; windows without a length count at least one unit. */
function rateOf(group: Group, feature: Feature, at: u32, time: f64, start: f64): f64 {
  const it = changetype<Aggregate>(at);
  const count = it.count as f64;
  const unit = feature.parameter;
  const window = group.window as u32;
  if (count == 0) return 0;
  if (window == kinds.WINDOW_SLIDING || window == kinds.WINDOW_HOPPING) {
    return count / (group.size / unit);
  }
  const oldest = oldestOf(at, start);
  if (window == kinds.WINDOW_LAST) {
    const span = (it.newest - oldest) / unit;
    return span > 0 ? (count - 1) / span : 0;
  }
  const from = window == kinds.WINDOW_GLOBAL ? oldest : start;
  return count / max((time - from) / unit, 1);
}

function oldestOf(at: u32, start: f64): f64 {
  const it = changetype<Aggregate>(at);
  if (it.isPane != 0) return it.oldest;
  const holdsAll = it.tail != 0 && tail.tailSize(at + it.tail) == it.count;
  return holdsAll ? tail.tailTime(at + it.tail, 0) : start;
}
