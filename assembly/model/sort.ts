/*
 * Sorting in place. Quicksort with a partition without branches (Lomuto's: every element is written whether it moves or not, so
 * that nothing is mispredicted), insertion sort for short runs, heap sort where the pivots are bad for long: n log n always.
 * -0 and 0 are equal; there are no NaNs.
 */

/** Runs of up to this many elements are sorted by insertion. */
const SHORT: u32 = 24;
/** From this many elements on, the pivot is a median of nine. */
const LONG: u32 = 256;

/** Twice the binary logarithm: partitions that quicksort may nest before heap sort takes over. */
function depthFor(count: u32): u32 {
  return 2 * (32 - clz<u32>(count));
}

/** Sorts float64s ascending. */
export function sortNumbers(base: u32, count: u32): void {
  if (count > 1) sortRun(base, count, base, depthFor(count));
}

/** Sorts u32 indices by the float64s that they point at in `values`, ascending; equal ones by index. */
export function sortIndices(indices: u32, count: u32, values: u32): void {
  if (count > 1) sortIndexRun(indices, count, values, depthFor(count));
}

/** `first` is where all of the numbers begin: what lies before a run there is not larger than any of the run. */
function sortRun(base: u32, count: u32, first: u32, depth: u32): void {
  let from = base;
  let left = count;
  let nested = depth;
  while (left > SHORT) {
    if (nested-- == 0) return heapSort(from, left);
    bringPivot(from, left);
    // A pivot equal to what lies before is the smallest here: all of its equals go to the left and are done.
    const least = from > first && load<f64>(from - 8) == load<f64>(from);
    const middle = least ? partitionEqual(from, left) : partition(from, left);
    const below = (middle - from) >> 3;
    if (!least) sortRun(from, below, first, nested);
    from = middle + 8;
    left -= below + 1;
  }
  insert(from, left);
}

function insert(base: u32, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const value = load<f64>(base + (i << 3));
    let at = base + (i << 3);
    while (at > base && value < load<f64>(at - 8)) {
      store<f64>(at, load<f64>(at - 8));
      at -= 8;
    }
    store<f64>(at, value);
  }
}

function swap(a: u32, b: u32): void {
  const value = load<f64>(a);
  store<f64>(a, load<f64>(b));
  store<f64>(b, value);
}

function medianOf(a: u32, b: u32, c: u32): u32 {
  const x = load<f64>(a);
  const y = load<f64>(b);
  const z = load<f64>(c);
  if (x < y) return y < z ? b : x < z ? c : a;
  return x < z ? a : y < z ? c : b;
}

/** Brings an element of middling size to the run's beginning. */
function bringPivot(base: u32, count: u32): void {
  const half = base + ((count >> 1) << 3);
  const last = base + ((count - 1) << 3);
  if (count < LONG) return swap(base, medianOf(base, half, last));
  const step = (count >> 3) << 3;
  const low = medianOf(base, base + step, base + 2 * step);
  const high = medianOf(last - 2 * step, last - step, last);
  swap(base, medianOf(low, medianOf(half - step, half, half + step), high));
}

/** Parts a run around its first element: smaller ones before it. Where it ends up. */
function partition(base: u32, count: u32): u32 {
  const pivot = load<f64>(base);
  const end = base + (count << 3);
  let to = base + 8;
  for (let at = to; at < end; at += 8) {
    const value = load<f64>(at);
    store<f64>(at, load<f64>(to));
    store<f64>(to, value);
    to += (value < pivot ? 1 : 0) << 3;
  }
  swap(base, to - 8);
  return to - 8;
}

/** The same with equal ones before it too. */
function partitionEqual(base: u32, count: u32): u32 {
  const pivot = load<f64>(base);
  const end = base + (count << 3);
  let to = base + 8;
  for (let at = to; at < end; at += 8) {
    const value = load<f64>(at);
    store<f64>(at, load<f64>(to));
    store<f64>(to, value);
    to += (value <= pivot ? 1 : 0) << 3;
  }
  swap(base, to - 8);
  return to - 8;
}

/** What quicksort falls back to; few inputs get here. */
export function heapSort(base: u32, count: u32): void {
  for (let i = count >> 1; i > 0; i--) sink(base, i - 1, count);
  for (let end = count; end > 1; end--) {
    swap(base, base + ((end - 1) << 3));
    sink(base, 0, end - 1);
  }
}

function sink(base: u32, from: u32, count: u32): void {
  let at = from;
  const value = load<f64>(base + (at << 3));
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && load<f64>(base + (child << 3)) < load<f64>(base + (child << 3), 8))
      child++;
    const larger = load<f64>(base + (child << 3));
    if (!(value < larger)) break;
    store<f64>(base + (at << 3), larger);
    at = child;
  }
  store<f64>(base + (at << 3), value);
}

function isBefore(a: u32, b: u32, values: u32): bool {
  const x = load<f64>(values + (a << 3));
  const y = load<f64>(values + (b << 3));
  return ((x < y ? 1 : 0) | ((x == y ? 1 : 0) & (a < b ? 1 : 0))) != 0;
}

function sortIndexRun(base: u32, count: u32, values: u32, depth: u32): void {
  let from = base;
  let left = count;
  let nested = depth;
  while (left > SHORT) {
    if (nested-- == 0) return heapSortIndices(from, left, values);
    bringIndexPivot(from, left, values);
    const middle = partitionIndices(from, left, values);
    const below = (middle - from) >> 2;
    sortIndexRun(from, below, values, nested);
    from = middle + 4;
    left -= below + 1;
  }
  insertIndices(from, left, values);
}

function insertIndices(base: u32, count: u32, values: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const index = load<u32>(base + (i << 2));
    let at = base + (i << 2);
    while (at > base && isBefore(index, load<u32>(at - 4), values)) {
      store<u32>(at, load<u32>(at - 4));
      at -= 4;
    }
    store<u32>(at, index);
  }
}

function swapIndices(a: u32, b: u32): void {
  const index = load<u32>(a);
  store<u32>(a, load<u32>(b));
  store<u32>(b, index);
}

function medianIndex(a: u32, b: u32, c: u32, values: u32): u32 {
  const x = load<u32>(a);
  const y = load<u32>(b);
  const z = load<u32>(c);
  if (isBefore(x, y, values)) return isBefore(y, z, values) ? b : isBefore(x, z, values) ? c : a;
  return isBefore(x, z, values) ? a : isBefore(y, z, values) ? c : b;
}

function bringIndexPivot(base: u32, count: u32, values: u32): void {
  const half = base + ((count >> 1) << 2);
  const last = base + ((count - 1) << 2);
  if (count < LONG) return swapIndices(base, medianIndex(base, half, last, values));
  const step = (count >> 3) << 2;
  const low = medianIndex(base, base + step, base + 2 * step, values);
  const middle = medianIndex(half - step, half, half + step, values);
  const high = medianIndex(last - 2 * step, last - step, last, values);
  swapIndices(base, medianIndex(low, middle, high, values));
}

function partitionIndices(base: u32, count: u32, values: u32): u32 {
  const pivot = load<u32>(base);
  const end = base + (count << 2);
  let to = base + 4;
  for (let at = to; at < end; at += 4) {
    const index = load<u32>(at);
    store<u32>(at, load<u32>(to));
    store<u32>(to, index);
    to += (isBefore(index, pivot, values) ? 1 : 0) << 2;
  }
  swapIndices(base, to - 4);
  return to - 4;
}

export function heapSortIndices(base: u32, count: u32, values: u32): void {
  for (let i = count >> 1; i > 0; i--) sinkIndex(base, i - 1, count, values);
  for (let end = count; end > 1; end--) {
    swapIndices(base, base + ((end - 1) << 2));
    sinkIndex(base, 0, end - 1, values);
  }
}

function sinkIndex(base: u32, from: u32, count: u32, values: u32): void {
  let at = from;
  const value = load<u32>(base + (at << 2));
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    let larger = load<u32>(base + (child << 2));
    if (child + 1 < count) {
      const right = load<u32>(base + (child << 2), 4);
      if (isBefore(larger, right, values)) {
        child++;
        larger = right;
      }
    }
    if (!isBefore(value, larger, values)) break;
    store<u32>(base + (at << 2), larger);
    at = child;
  }
  store<u32>(base + (at << 2), value);
}
