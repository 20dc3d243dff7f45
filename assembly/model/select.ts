/* The smallest of many numbers, without sorting all of them. There are no NaNs. */
import { sortNumbers } from "./sort";

function at(base: u32, index: u32): f64 {
  return load<f64>(base + (index << 3));
}

/**
 * The number that would be at `place` if `count` float64s were sorted, which reorders them (Hoare's selection by the median of
 * three; where its pivots are unlucky for long, it sorts).
 */
export function selectNumber(base: u32, count: u32, place: u32): f64 {
  let low: u32 = 0;
  let high = count - 1;
  let rounds: u32 = 64;
  while (low < high) {
    if (rounds-- == 0) {
      sortNumbers(base + (low << 3), high - low + 1);
      break;
    }
    const a = at(base, low);
    const b = at(base, low + ((high - low) >> 1));
    const c = at(base, high);
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = low;
    let j = high;
    while (true) {
      while (at(base, i) < pivot) i++;
      while (at(base, j) > pivot) j--;
      if (i >= j) break;
      const swapped = at(base, i);
      store<f64>(base + (i++ << 3), at(base, j));
      store<f64>(base + (j-- << 3), swapped);
    }
    // Up to j nothing exceeds the pivot, after it nothing is below; j < high, since a or b is at least the pivot.
    if (place <= j) high = j;
    else low = j + 1;
  }
  return at(base, place);
}

/**
 * The indices of the `wanted` smallest of `count` float64s, ascending, as u32s at `out`; of equal ones the first. `room` holds
 * `count` float64s.
 */
export function smallest(values: u32, count: u32, wanted: u32, out: u32, room: u32): void {
  memory.copy(room, values, count << 3);
  const limit = selectNumber(room, count, wanted - 1);
  let below: u32 = 0;
  for (let i: u32 = 0; i < count; i++) if (at(values, i) < limit) below++;
  let equals = wanted - below;
  let taken: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = at(values, i);
    if (value > limit) continue;
    if (value == limit) {
      if (equals == 0) continue;
      equals--;
    }
    store<u32>(out + (taken++ << 2), i);
  }
}
