/*
 * A row through its key's scaler. The result is one v128 a feature in scratch, by column: { x' by the statistics before this
 * row, x' by those that have learned it }. River scores with the first and learns with the second; they mostly walk the same
 * way, so the trees compare both at once.
 */
import { Detector } from "../detector";
import { Key, statisticsOf } from "../key";
import { SCRATCH_PAIRS } from "../layout";
import { initializeMinMax, learnMinMax, MIN_MAX_PAIR, transformMinMax } from "./min-max";
import { NONE_PAIR } from "./none";
import { learnStandard, STANDARD_PAIR, transformStandard } from "./standard";
import { learnPair, seen } from "./welford";

export const SCALER_NONE: u32 = 0;
export const SCALER_STANDARD: u32 = 1;
export const SCALER_MIN_MAX: u32 = 2;

export function pairBytes(scaler: u32): u32 {
  if (scaler == SCALER_STANDARD) return STANDARD_PAIR;
  return scaler == SCALER_MIN_MAX ? MIN_MAX_PAIR : NONE_PAIR;
}

/** Of one key: the pairs, then how often each feature was absent. */
export function statisticsBytes(scaler: u32, features: u32): u32 {
  return ((features + 1) >> 1) * (pairBytes(scaler) + 16);
}

/** Where a key's absences are, one f64 a feature. */
export function absencesOf(detector: Detector, key: Key): u32 {
  return statisticsOf(key) + ((detector.features + 1) >> 1) * pairBytes(detector.scaler);
}

export function initializeStatistics(detector: Detector, key: Key): void {
  if (detector.scaler != SCALER_MIN_MAX) return;
  const first = statisticsOf(key);
  const end = first + ((detector.features + 1) >> 1) * MIN_MAX_PAIR;
  for (let pair = first; pair < end; pair += MIN_MAX_PAIR) initializeMinMax(pair);
}

/** Values of two features; the lane past the last feature is 0. */
function loadValues(values: u32, feature: u32, features: u32): v128 {
  const at = values + (feature << 3);
  return feature + 1 < features ? v128.load(at) : v128.load64_zero(at);
}

function storePairs(feature: u32, before: v128, after: v128): void {
  const at = SCRATCH_PAIRS + (feature << 4);
  v128.store(at, v128.shuffle<f64>(before, after, 0, 2));
  v128.store(at, v128.shuffle<f64>(before, after, 1, 3), 16);
}

/**
 * Scales a row of a key, and teaches the scaler when `learns`. A row that is not scored gets the new x' twice, one that is
 * not learned the old one twice.
 */
export function scaleRow(detector: Detector, key: Key, values: u32, uses: u32): void {
  const scaler = detector.scaler;
  if ((uses & HAS_GAPS) != 0 || key.uneven != 0) scaleSparse(detector, key, values, uses);
  else if (scaler == SCALER_STANDARD) scaleStandard(detector, key, values, uses);
  else if (scaler == SCALER_MIN_MAX) scaleMinMax(detector, key, values, uses);
  else scaleNone(detector, key, values, uses);
}

/** What a row is for. */
export const SCORES: u32 = 1;
export const LEARNS: u32 = 2;
/** It may lack features. */
export const HAS_GAPS: u32 = 4;

function scaleStandard(detector: Detector, key: Key, values: u32, uses: u32): void {
  const features = detector.features;
  const n = f64x2.splat(key.learned + 1);
  let pair = statisticsOf(key);
  for (let f: u32 = 0; f < features; f += 2) {
    const x = loadValues(values, f, features);
    let before = transformStandard(pair, x);
    let after = before;
    if ((uses & LEARNS) != 0) {
      after = learnStandard(pair, x, n);
      if ((uses & SCORES) == 0) before = after;
    }
    storePairs(f, before, after);
    pair += STANDARD_PAIR;
  }
}

function scaleMinMax(detector: Detector, key: Key, values: u32, uses: u32): void {
  const features = detector.features;
  const n = f64x2.splat(key.learned + 1);
  let pair = statisticsOf(key);
  for (let f: u32 = 0; f < features; f += 2) {
    const x = loadValues(values, f, features);
    let before = transformMinMax(pair, x);
    let after = before;
    if ((uses & LEARNS) != 0) {
      learnMinMax(pair, x, n);
      after = transformMinMax(pair, x);
      if ((uses & SCORES) == 0) before = after;
    }
    storePairs(f, before, after);
    pair += MIN_MAX_PAIR;
  }
}

function scaleNone(detector: Detector, key: Key, values: u32, uses: u32): void {
  const features = detector.features;
  const n = f64x2.splat(key.learned + 1);
  let pair = statisticsOf(key);
  for (let f: u32 = 0; f < features; f += 2) {
    const x = loadValues(values, f, features);
    if ((uses & LEARNS) != 0) learnPair(pair, x, n);
    storePairs(f, x, x);
    pair += NONE_PAIR;
  }
}

function transform(scaler: u32, pair: u32, x: v128): v128 {
  if (scaler == SCALER_STANDARD) return transformStandard(pair, x);
  return scaler == SCALER_MIN_MAX ? transformMinMax(pair, x) : x;
}

function learn(scaler: u32, pair: u32, x: v128, n: v128): void {
  if (scaler == SCALER_STANDARD) learnStandard(pair, x, n);
  else if (scaler == SCALER_MIN_MAX) learnMinMax(pair, x, n);
  else learnPair(pair, x, n);
}

/** Rows that lack features, and keys that ever did: every feature has its own count; a missing one stays NaN and teaches nothing. */
function scaleSparse(detector: Detector, key: Key, values: u32, uses: u32): void {
  const features = detector.features;
  const scaler = detector.scaler;
  const stride = pairBytes(scaler);
  const first = f64x2.splat(key.learned + 1);
  const absences = absencesOf(detector, key);
  const learns = (uses & LEARNS) != 0;
  if (learns) key.uneven = 1;
  let pair = statisticsOf(key);
  for (let f: u32 = 0; f < features; f += 2) {
    const x = loadValues(values, f, features);
    const present = f64x2.eq(x, x);
    let before = v128.bitselect(transform(scaler, pair, x), x, present);
    let after = before;
    if (learns) {
      learnPresent(scaler, pair, x, seen(absences, f, first));
      const at = absences + (f << 3);
      v128.store(at, f64x2.add(v128.load(at), v128.andnot(f64x2.splat(1), present)));
      after = v128.bitselect(transform(scaler, pair, x), x, present);
      if ((uses & SCORES) == 0) before = after;
    }
    storePairs(f, before, after);
    pair += stride;
  }
}

/** Teaches both lanes, then puts back what a missing one had. */
function learnPresent(scaler: u32, pair: u32, x: v128, n: v128): void {
  const present = f64x2.eq(x, x);
  const bytes = pairBytes(scaler);
  memory.copy(SAVED, pair, bytes);
  learn(scaler, pair, x, n);
  for (let at: u32 = 0; at < bytes; at += 16) {
    const lanes = v128.bitselect(v128.load(pair + at), v128.load(SAVED + at), present);
    v128.store(pair + at, lanes);
  }
}

/** A pair's statistics while it learns: past the pairs of the last feature. */
const SAVED: u32 = SCRATCH_PAIRS + 257 * 16;

/** Whether no feature of a key was absent more often than it has learned. */
export function areAbsencesSound(detector: Detector, key: Key): bool {
  const absences = absencesOf(detector, key);
  for (let f: u32 = 0; f < detector.features; f++) {
    const count = load<f64>(absences + (f << 3));
    if (!(count >= 0 && count <= key.learned)) return false;
  }
  return true;
}
