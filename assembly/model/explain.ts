/*
 * Why a row got its score. The baseline is the lowest score that the key's trees can give: in every tree the most crowded path.
 * What the score is above it is shared out by
 *
 *   z^2 * sqrt(n)    z: how many standard deviations the value is from the key's own mean
 *                    n: how many splits on the input the trees asked on the row's way that could still change the score
 *
 * A split below which all leaf totals are equal cannot change the score. This is a share by unusualness and use, not a Shapley
 * value: with a standard scaler and the default limits the trees cannot see how far below its mean a value lies.
 */
import { BLOCK_HEADER } from "../arena";
import { Detector } from "../detector";
import { Key, statisticsOf } from "../key";
import { SCRATCH_EXPLAIN, SCRATCH_PAIRS } from "../layout";
import { absencesOf, pairBytes, SCALER_MIN_MAX, SCALER_STANDARD } from "../scale/scale";
import { MEAN, VARIANCE } from "../scale/welford";
import { NODE_SHIFT, nodesOf } from "../structure";
import { peakOf } from "./fold";
import { scoreOf } from "./half-space-trees";

/** Distances beyond it count as it: its square and the sum of 256 of them stay finite. */
const DISTANCE_MAX: f64 = 1e150;

/** Splits asked of each feature, u32 by column. */
const ASKED: u32 = SCRATCH_EXPLAIN;

/**
 * Explains the row that is scaled and walked, before it is learned. Writes to `contributions`, by column of the model: the contributions,
 * what is expected of each (the key's mean; NaN = never seen), and the baseline. Contributions sum to score - baseline.
 */
export function explainRow(
  detector: Detector,
  key: Key,
  leaves: u32,
  values: u32,
  contributions: u32,
): void {
  const features = detector.features;
  const expected = contributions + (features << 3);
  const baseline = 1 - peakOf(key) / detector.scoreMax;
  const rise = scoreOf(detector, key.totals, leaves) - baseline;
  countAsked(detector, key, leaves);
  let sum: f64 = 0;
  for (let f: u32 = 0; f < features; f++) {
    const distance = distanceOf(detector, key, f, load<f64>(values + (f << 3)));
    const asked = load<u32>(ASKED + (f << 2)) as f64;
    const weight = Math.sqrt(asked) * distance * distance;
    store<f64>(contributions + (f << 3), weight);
    sum += weight;
    store<f64>(expected + (f << 3), seenOf(detector, key, f) > 0 ? meanOf(detector, key, f) : NaN);
  }
  if (sum == 0) sum = shareByUse(features, contributions);
  for (let f: u32 = 0; f < features; f++) {
    const at = contributions + (f << 3);
    store<f64>(at, sum > 0 ? rise * (load<f64>(at) / sum) : 0);
  }
  store<f64>(expected + (features << 3), baseline);
}

/** Nothing is unusual: the splits alone decide. The sum of the weights. */
function shareByUse(features: u32, contributions: u32): f64 {
  let sum: f64 = 0;
  for (let f: u32 = 0; f < features; f++) {
    const weight = Math.sqrt(load<u32>(ASKED + (f << 2)) as f64);
    store<f64>(contributions + (f << 3), weight);
    sum += weight;
  }
  return sum;
}

/** Counts, for each feature, the splits on the row's way that lead to more than one leaf total. */
function countAsked(detector: Detector, key: Key, leaves: u32): void {
  memory.fill(ASKED, 0, detector.features << 2);
  const count = detector.leaves;
  const shift = 1 + detector.wideTotals;
  const nodes = nodesOf(key.structure);
  const trees = detector.trees;
  for (let tree: u32 = 0; tree < trees; tree++) {
    const totals = key.totals + BLOCK_HEADER + ((tree * count) << shift);
    const leaf = load<u16>(leaves + (tree << 2)) as u32;
    let node = (count + leaf) >> (1 + equalAbove(totals, leaf, count, shift));
    while (node >= 1) {
      const column = load<u32>(nodes + ((node * trees + tree) << NODE_SHIFT), 8) >> 4;
      const asked = ASKED + (column << 2);
      store<u32>(asked, load<u32>(asked) + 1);
      node >>= 1;
    }
  }
}

/** How many levels above a leaf all totals are the same as its own. */
function equalAbove(totals: u32, leaf: u32, leaves: u32, shift: u32): u32 {
  const value = totalAt(totals, leaf, shift);
  let up: u32 = 0;
  let size: u32 = 1;
  while (size < leaves) {
    const first = ((leaf >> up) ^ 1) << up;
    for (let i = first; i < first + size; i++) {
      if (totalAt(totals, i, shift) != value) return up;
    }
    up++;
    size <<= 1;
  }
  return up;
}

function totalAt(totals: u32, leaf: u32, shift: u32): u32 {
  return shift == 1 ? (load<u16>(totals + (leaf << 1)) as u32) : load<u32>(totals + (leaf << 2));
}

/** Where a feature's mean is; its variance is 16 bytes on. */
function laneOf(detector: Detector, key: Key, feature: u32): u32 {
  return statisticsOf(key) + (feature >> 1) * pairBytes(detector.scaler) + ((feature & 1) << 3);
}

function meanOf(detector: Detector, key: Key, feature: u32): f64 {
  return load<f64>(laneOf(detector, key, feature), MEAN);
}

function seenOf(detector: Detector, key: Key, feature: u32): f64 {
  return key.learned - load<f64>(absencesOf(detector, key) + (feature << 3));
}

/** Standard deviations between a value and the key's mean; 0 for a missing one. */
function distanceOf(detector: Detector, key: Key, feature: u32, value: f64): f64 {
  if (value != value) return 0;
  const scaled = load<f64>(SCRATCH_PAIRS + (feature << 4));
  let distance = Math.abs(scaled);
  if (detector.scaler != SCALER_STANDARD) {
    const lane = laneOf(detector, key, feature);
    const away = Math.abs(value - load<f64>(lane, MEAN));
    const variance = load<f64>(lane, VARIANCE);
    if (variance > 0) distance = away / Math.sqrt(variance);
    else distance = detector.scaler == SCALER_MIN_MAX || away == 0 ? 0 : DISTANCE_MAX;
  }
  return distance <= DISTANCE_MAX ? distance : distance > DISTANCE_MAX ? DISTANCE_MAX : 0;
}
