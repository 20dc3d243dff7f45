/* Sorting in place: heap sort, since it needs no memory and no luck. -0 and 0 are equal; there are no NaNs. */

/** Sorts float64s ascending. */
export function sortNumbers(base: u32, count: u32): void {
  for (let i = count >> 1; i > 0; i--) sink(base, i - 1, count);
  for (let end = count; end > 1; end--) {
    const last = base + ((end - 1) << 3);
    const top = load<f64>(base);
    store<f64>(base, load<f64>(last));
    store<f64>(last, top);
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

/** Sorts u32 indices by the float64s that they point at in `values`, ascending; equal ones by index. */
export function sortIndices(indices: u32, count: u32, values: u32): void {
  for (let i = count >> 1; i > 0; i--) sinkIndex(indices, i - 1, count, values);
  for (let end = count; end > 1; end--) {
    const last = indices + ((end - 1) << 2);
    const top = load<u32>(indices);
    store<u32>(indices, load<u32>(last));
    store<u32>(last, top);
    sinkIndex(indices, 0, end - 1, values);
  }
}

function isBefore(a: u32, b: u32, values: u32): bool {
  const x = load<f64>(values + (a << 3));
  const y = load<f64>(values + (b << 3));
  return x < y || (x == y && a < b);
}

function sinkIndex(indices: u32, from: u32, count: u32, values: u32): void {
  let at = from;
  const value = load<u32>(indices + (at << 2));
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    let larger = load<u32>(indices + (child << 2));
    if (child + 1 < count) {
      const right = load<u32>(indices + (child << 2), 4);
      if (isBefore(larger, right, values)) {
        child++;
        larger = right;
      }
    }
    if (!isBefore(value, larger, values)) break;
    store<u32>(indices + (at << 2), larger);
    at = child;
  }
  store<u32>(indices + (at << 2), value);
}
