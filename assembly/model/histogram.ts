/*
 * Histograms as NumPy makes them: equal bins over [min, max], each with its lower edge and without its upper one but for the last
 * bin, which has both. Of numbers that are all alike the range is half a unit to either side, or as much more as float64 needs
 * to tell the edges apart.
 */
import { fail, FAILED_OVERFLOW, releaseWork, work, workTop } from "./work";
import { sortNumbers } from "./sort";

/** Of one histogram in a model from elsewhere, where a search may look at all of them: four times what n_bins may ask for. */
export const BINS_MAX: u32 = 4096;

/** `bins` + 1 edges into `edges`, over [low, high]. */
export function fillEdges(edges: u32, bins: u32, low: f64, high: f64): void {
  const step = (high - low) / (bins as f64);
  for (let i: u32 = 0; i < bins; i++) store<f64>(edges + (i << 3), (i as f64) * step + low);
  store<f64>(edges + (bins << 3), high);
}

/** The range of float64s that are `stride` bytes apart, widened where it is empty, into `out` as low and high. */
export function fillRange(first: u32, count: u32, stride: u32, out: u32): void {
  let low = load<f64>(first);
  let high = low;
  for (let i: u32 = 1; i < count; i++) {
    const value = load<f64>(first + i * stride);
    low = min(low, value);
    high = max(high, value);
  }
  if (low == high) {
    const half = max(0.5, Math.abs(low) * 1e-12);
    low -= half;
    high += half;
  }
  if (!(high - low < Infinity)) fail(FAILED_OVERFLOW);
  store<f64>(out, low);
  store<f64>(out, high, 8);
}

/** Bins a unit. */
export function binsPerUnit(bins: u32, low: f64, high: f64): f64 {
  return (bins as f64) / (high - low);
}

/** The bin that a value counts in: edge[i] <= value < edge[i + 1]. `scale` = bins a unit. */
export function binOf(edges: u32, bins: u32, scale: f64, value: f64): u32 {
  let bin = max(0, min((bins - 1) as i32, ((value - load<f64>(edges)) * scale) as i32)) as u32;
  while (bin > 0 && value < load<f64>(edges + (bin << 3))) bin--;
  while (bin + 1 < bins && value >= load<f64>(edges + (bin << 3), 8)) bin++;
  return bin;
}

/**
 * The number of edges below a value, of the first `limit` ones; as PyOD looks bins up, so a value on an edge belongs to what
 * is below it.
 */
export function edgesBelow(edges: u32, limit: u32, scale: f64, value: f64): u32 {
  let at = max(0, min(limit as i32, ((value - load<f64>(edges)) * scale) as i32)) as u32;
  while (at > 0 && load<f64>(edges + ((at - 1) << 3)) >= value) at--;
  while (at < limit && load<f64>(edges + (at << 3)) < value) at++;
  return at;
}

/** Numbers below `value` among sorted ones. */
function countBelow(sorted: u32, count: u32, value: f64): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<f64>(sorted + (middle << 3)) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The number of bins by Birgé and Rozenholc (2006), as PyOD has it: of 1 to sqrt(count) - 1 bins the one with the largest
 * penalized likelihood. The numbers are `stride` bytes apart.
 */
export function bestBins(first: u32, count: u32, stride: u32, range: u32): u32 {
  const mark = workTop();
  const upper = max<u32>(2, Math.sqrt(count as f64) as u32);
  const sorted = work((count as u64) << 3);
  const edges = work(((upper as u64) + 1) << 3);
  for (let i: u32 = 0; i < count; i++) {
    store<f64>(sorted + (i << 3), load<f64>(first + i * stride));
  }
  sortNumbers(sorted, count);
  let best: u32 = 1;
  let most = -Infinity;
  for (let bins: u32 = 1; bins < upper; bins++) {
    fillEdges(edges, bins, load<f64>(range), load<f64>(range, 8));
    const penalty = (bins as f64) - 1 + Math.pow(Math.log(bins as f64), 2.5);
    let likelihood: f64 = 0;
    let below: u32 = 0;
    for (let i: u32 = 1; i <= bins; i++) {
      const upTo = i == bins ? count : countBelow(sorted, count, load<f64>(edges + (i << 3)));
      const inside = (upTo - below) as f64;
      likelihood += inside * Math.log(((bins as f64) * inside) / (count as f64) + 1) - penalty;
      below = upTo;
    }
    if (likelihood > most) {
      most = likelihood;
      best = bins;
    }
  }
  releaseWork(mark);
  return best;
}
