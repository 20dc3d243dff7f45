/*
 * The running quantile of a key's scores, without keeping them: a histogram of d = 1 - score in buckets of equal ratio, sixteen
 * an octave over seventeen octaves (1 down to 2^-17), with a pointer to the bucket of the quantile that moves a few steps an
 * event. All counts are halved when one is full, so very long streams slowly forget.
 *
 * Error: the exact quantile of d lies in the same bucket, so 1 - threshold is within 6.25 % of it (relative), whatever the
 * distribution. Within the bucket it is interpolated by rank.
 */
import { Key } from "./key";

const SUB_BITS: u32 = 4;
const BUCKETS: u32 = 17 << SUB_BITS;
/** Upper 16 bits of the float64 1.0, with SUB_BITS of its mantissa. */
const ONE: u32 = 1023 << SUB_BITS;
const COUNT_MAX: u32 = 65535;

export const SKETCH_BYTES: u32 = BUCKETS * 2;

/** 0 for d just below 1, the last for the smallest. */
function bucketOf(d: f64): u32 {
  const bits = (reinterpret<u64>(d) >> (52 - (SUB_BITS as u64))) as i32;
  const bucket = (ONE as i32) - 1 - bits;
  return max(0, min((BUCKETS as i32) - 1, bucket)) as u32;
}

/** Lower end of a bucket. */
function lowerEnd(bucket: u32): f64 {
  return reinterpret<f64>(((ONE - 1 - bucket) as u64) << (52 - (SUB_BITS as u64)));
}

function countAt(sketch: u32, bucket: u32): u32 {
  return load<u16>(sketch + (bucket << 1)) as u32;
}

/** How many scores the sketch holds beside a score. */
export function countOf(sketch: u32, score: f64): u32 {
  return countAt(sketch, bucketOf(1 - score));
}

/** The score that a share of the scores so far exceeds; 1 while there are none. */
export function quantile(key: Key, share: f64): f64 {
  const total = key.sketchTotal;
  if (total == 0) return 1;
  const rank = share * (total as f64);
  const low = lowerEnd(key.sketchBucket);
  const high = lowerEnd(key.sketchBucket - 1);
  const current = key.sketchCurrent;
  const part = current != 0 ? (rank - (key.sketchBelow as f64)) / (current as f64) : 0;
  return 1 - (low + (high - low) * part);
}

export function clearSketch(key: Key, sketch: u32): void {
  memory.fill(sketch, 0, SKETCH_BYTES);
  key.sketchTotal = 0;
  key.sketchBelow = 0;
  key.sketchBucket = 0;
  key.sketchCurrent = 0;
}

export function insertScore(key: Key, sketch: u32, share: f64, score: f64): void {
  const bucket = bucketOf(1 - score);
  const count = countAt(sketch, bucket) + 1;
  store<u16>(sketch + (bucket << 1), count as u16);
  const total = key.sketchTotal + 1;
  key.sketchTotal = total;
  if (bucket > key.sketchBucket) key.sketchBelow += 1;
  else if (bucket == key.sketchBucket) key.sketchCurrent += 1;
  if (count == COUNT_MAX) halve(key, sketch);
  settle(key, sketch, share * (key.sketchTotal as f64));
}

/** Moves the pointer to where below < rank <= below + current, or as near as there are scores. */
export function settle(key: Key, sketch: u32, rank: f64): void {
  let bucket = key.sketchBucket;
  let below = key.sketchBelow;
  let current = key.sketchCurrent;
  if ((below as f64) < rank && rank <= ((below + current) as f64)) return;
  while (below > 0 && (below as f64) >= rank) {
    bucket++;
    current = countAt(sketch, bucket);
    below -= current;
  }
  while (bucket > 0 && ((below + current) as f64) < rank) {
    below += current;
    bucket--;
    current = countAt(sketch, bucket);
  }
  key.sketchBucket = bucket;
  key.sketchBelow = below;
  key.sketchCurrent = current;
}

function halve(key: Key, sketch: u32): void {
  let total: u32 = 0;
  let below: u32 = 0;
  for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
    const count = countAt(sketch, bucket) >> 1;
    store<u16>(sketch + (bucket << 1), count as u16);
    total += count;
    if (bucket > key.sketchBucket) below += count;
  }
  key.sketchTotal = total;
  key.sketchBelow = below;
  key.sketchCurrent = countAt(sketch, key.sketchBucket);
}

/** Whether the pointer's counts are those of the histogram. */
export function isSketchSound(key: Key, sketch: u32): bool {
  let total: u32 = 0;
  let below: u32 = 0;
  for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
    const count = countAt(sketch, bucket);
    total += count;
    if (bucket > key.sketchBucket) below += count;
  }
  return (
    key.sketchBucket < BUCKETS &&
    total == key.sketchTotal &&
    below == key.sketchBelow &&
    key.sketchCurrent == countAt(sketch, key.sketchBucket)
  );
}

/** As `isSketchSound`, of a sketch that someone else wrote: no count may be at its end already. */
export function isSketchFit(key: Key, sketch: u32): bool {
  for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
    if (countAt(sketch, bucket) >= COUNT_MAX) return false;
  }
  return isSketchSound(key, sketch);
}
