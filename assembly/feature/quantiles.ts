/*
 * Quantiles within 1 % (relative) of a member's value: DDSketch (Masson, Rim and Lee, 2019), alpha 0.01, members may leave. Bucket k holds
 * magnitudes in (g^(k-1), g^k], g = 1.01 / 0.99; negative values have their own buckets, 0 has one. At most `buckets` of them that are not
 * empty: one more, and the smallest magnitudes of a sign collapse into the next bucket. What is under such a floor stays so, without
 * the bound, until the sketch is empty, or made anew.
 *
 *   ┌ header 32 B │ buckets: (key i32, count u32), in ascending order of the values ┐
 *
 * Key = sign * (k + OFFSET), 0 of zero.
 */

@unmanaged
class Sketch {
  buckets: u32; // 0
  size: u32;
  /** Smallest keys of values above and below 0; 0 = none. */
  floorAbove: i32; // 8
  floorBelow: i32;
  total: f64; // 16
  /** Members that left since the last collapse. */
  left: f64;
}

const HEADER: u32 = 32;
/** float64s have k from -37,241 to 35,489. */
const OFFSET: f64 = 40000;
/** ln(1.01 / 0.99). */
const LN_GAMMA: f64 = 0.020000666706669435;
const GAMMA: f64 = 1.0202020202020203;
const BUCKETS_MIN: u32 = 4;

function atLeastMin(buckets: u32): u32 {
  return max(buckets, BUCKETS_MIN);
}

export function sketchBytes(buckets: u32): u32 {
  return HEADER + ((atLeastMin(buckets) * 8 + 15) & ~15);
}

export function sketchClear(at: u32, buckets: u32): void {
  memory.fill(at, 0, HEADER);
  changetype<Sketch>(at).buckets = atLeastMin(buckets);
}

function bucketAt(at: u32, index: u32): u32 {
  return at + HEADER + (index << 3);
}

function keyAt(at: u32, index: u32): i32 {
  return load<i32>(bucketAt(at, index));
}

function countAt(at: u32, index: u32): u32 {
  return load<u32>(bucketAt(at, index), 4);
}

function keyOf(at: u32, value: f64): i32 {
  if (value == 0) return 0;
  const k = (Math.ceil(Math.log(Math.abs(value)) / LN_GAMMA) + OFFSET) as i32;
  return floored(at, value > 0 ? k : -k);
}

function floored(at: u32, key: i32): i32 {
  const sketch = changetype<Sketch>(at);
  if (key > 0) return max(key, sketch.floorAbove);
  if (key < 0) return min(key, sketch.floorBelow);
  return 0;
}

/** Index of the first bucket whose key is not under this one. */
function place(at: u32, key: i32): u32 {
  let low: u32 = 0;
  let high = changetype<Sketch>(at).size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyAt(at, middle) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A finite value. */
export function sketchAdd(at: u32, value: f64): void {
  addKey(at, keyOf(at, value), 1);
}

function addKey(at: u32, asked: i32, times: u32): void {
  const sketch = changetype<Sketch>(at);
  let key = asked;
  let index = place(at, key);
  if (index == sketch.size || keyAt(at, index) != key) {
    if (sketch.size == sketch.buckets) {
      collapse(at);
      key = floored(at, key);
      index = place(at, key);
    }
    if (index == sketch.size || keyAt(at, index) != key) open(at, index, key);
  }
  store<u32>(bucketAt(at, index), countAt(at, index) + times, 4);
  sketch.total += times as f64;
}

function open(at: u32, index: u32, key: i32): void {
  const sketch = changetype<Sketch>(at);
  memory.copy(bucketAt(at, index + 1), bucketAt(at, index), (sketch.size - index) << 3);
  store<i32>(bucketAt(at, index), key);
  store<u32>(bucketAt(at, index), 0, 4);
  sketch.size++;
}

function close(at: u32, index: u32): void {
  const sketch = changetype<Sketch>(at);
  sketch.size--;
  memory.copy(bucketAt(at, index), bucketAt(at, index + 1), (sketch.size - index) << 3);
}

/** Of a full sketch: the bucket of the smallest magnitude joins the next one of its sign, if it has one. */
function collapse(at: u32): void {
  const sketch = changetype<Sketch>(at);
  const size = sketch.size;
  const zero = place(at, 0);
  const above = place(at, 1);
  const hasBelow = zero > 1;
  const hasAbove = size - above > 1;
  const takesAbove = hasAbove && (!hasBelow || keyAt(at, above) <= -keyAt(at, zero - 1));
  const gone = takesAbove ? above : zero - 1;
  const into = takesAbove ? above + 1 : zero - 2;
  store<u32>(bucketAt(at, into), countAt(at, into) + countAt(at, gone), 4);
  sketch.left = 0;
  if (takesAbove) sketch.floorAbove = keyAt(at, into);
  else sketch.floorBelow = keyAt(at, into);
  close(at, gone);
}

/**
 * What is not there is ignored.
 * @returns whether as many have left since the last collapse as are there: made anew of them, the sketch may need no floor
 */
export function sketchRemove(at: u32, value: f64): bool {
  const sketch = changetype<Sketch>(at);
  const key = keyOf(at, value);
  const index = place(at, key);
  if (index == sketch.size || keyAt(at, index) != key) return false;
  const count = countAt(at, index);
  sketch.total -= 1;
  sketch.left += 1;
  if (count > 1) store<u32>(bucketAt(at, index), count - 1, 4);
  else close(at, index);
  const hasFloor = sketch.floorAbove != 0 || sketch.floorBelow != 0;
  if (sketch.size > 0) return hasFloor && sketch.left >= sketch.total;
  sketch.floorAbove = 0;
  sketch.floorBelow = 0;
  return false;
}

/** Members of two, in the first. */
export function sketchMerge(at: u32, from: u32): void {
  const size = changetype<Sketch>(from).size;
  for (let i: u32 = 0; i < size; i++) {
    addKey(at, floored(at, keyAt(from, i)), countAt(from, i));
  }
}

/** About the member of rank floor(q * (n - 1)), 0 = the smallest; NaN = no members. */
export function sketchQuantile(at: u32, q: f64): f64 {
  const sketch = changetype<Sketch>(at);
  if (sketch.total <= 0 || sketch.size == 0) return NaN;
  const rank = Math.floor(q * (sketch.total - 1));
  let below: f64 = 0;
  let index: u32 = 0;
  for (; index + 1 < sketch.size; index++) {
    below += countAt(at, index) as f64;
    if (below > rank) break;
  }
  return valueOf(keyAt(at, index));
}

function valueOf(key: i32): f64 {
  if (key == 0) return 0;
  const k = (Math.abs(key as f64) - OFFSET) as f64;
  const middle = min(Math.exp(k * LN_GAMMA + Math.log(2 / (GAMMA + 1))), f64.MAX_VALUE);
  return key > 0 ? middle : -middle;
}

/** Copies a sketch into one of no member and at least as many buckets. */
export function sketchCopy(to: u32, from: u32): void {
  const buckets = changetype<Sketch>(to).buckets;
  const size = changetype<Sketch>(from).size;
  memory.copy(to, from, HEADER + (size << 3));
  changetype<Sketch>(to).buckets = buckets;
}

export function isSketchSound(at: u32, buckets: u32): bool {
  const sketch = changetype<Sketch>(at);
  if (sketch.buckets != atLeastMin(buckets) || sketch.size > sketch.buckets) return false;
  for (let i: u32 = 1; i < sketch.size; i++) {
    if (keyAt(at, i - 1) >= keyAt(at, i)) return false;
  }
  return true;
}
