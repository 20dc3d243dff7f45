/*
 * Count, sum, mean and variance of members that come and go. Kept are double-double sums of x - pivot and of its square, both exact
 * to some 2^-104 of the largest square that they ever held, whatever the number of steps; the pivot is the first member.
 *
 * What subtraction cannot give back, it reports: when the squares about the mean fall under 2^-36 of that largest one (the outlier
 * left, or the stream moved far from its pivot), the moments are worn and are to be built anew from the members. The pivot is a
 * member then, so n members have at least an n-th of the squares about it, and are not worn again at once.
 */
import { ddAdd, ddProduct, ddQuotient, ddSum, low, twoProduct, twoSum } from "./double-double";

@unmanaged
class Moments {
  count: f64; // 0
  pivot: f64;
  sum: f64; // 16, of x - pivot
  sumLow: f64;
  squares: f64; // 32, of (x - pivot)^2
  squaresLow: f64;
  /** The largest that `squares` was since the pivot was set. */
  peak: f64; // 48
  /** Members that left since then. */
  left: f64;
}

const SUM: u32 = 16;
const SQUARES: u32 = 32;
const WORN: f64 = 1.4551915228366852e-11; // 2^-36

export const MOMENTS_BYTES: u32 = 64;

export function momentsClear(at: u32): void {
  memory.fill(at, 0, MOMENTS_BYTES);
}

export function momentsAdd(at: u32, value: f64): void {
  const moments = changetype<Moments>(at);
  if (moments.count == 0) moments.pivot = value;
  moments.count += 1;
  accumulate(at, value, 1);
  moments.peak = max(moments.peak, moments.squares);
}

/** @returns whether the moments are worn; while squares are beyond all numbers, only once as many have left as are there */
export function momentsRemove(at: u32, value: f64): bool {
  const moments = changetype<Moments>(at);
  if (moments.count <= 1) {
    momentsClear(at);
    return false;
  }
  moments.count -= 1;
  moments.left += 1;
  accumulate(at, value, -1);
  const about = moments.squares - (moments.sum * moments.sum) / moments.count;
  if (!isFinite(about)) return moments.left >= moments.count;
  return about < moments.peak * WORN;
}

function accumulate(at: u32, value: f64, sign: f64): void {
  const distance = twoSum(value, -changetype<Moments>(at).pivot);
  const rest = low;
  ddAdd(at + SUM, sign * distance, sign * rest);
  const square = twoProduct(distance, distance);
  const squareLow = low + rest * (2 * distance + rest);
  ddAdd(at + SQUARES, sign * square, sign * squareLow);
}

/** Members of two, in the first. */
export function momentsMerge(at: u32, from: u32): void {
  const moments = changetype<Moments>(at);
  const other = changetype<Moments>(from);
  if (other.count == 0) return;
  if (moments.count == 0) {
    memory.copy(at, from, MOMENTS_BYTES);
    return;
  }
  const shift = twoSum(other.pivot, -moments.pivot);
  const shiftLow = low;
  const moved = ddProduct(shift, shiftLow, other.count, 0);
  const movedLow = low;
  // The sum of (y + shift)^2 = squares + shift * (2 * sum + n * shift).
  const twice = ddSum(2 * other.sum, 2 * other.sumLow, moved, movedLow);
  const cross = ddProduct(shift, shiftLow, twice, low);
  ddAdd(at + SQUARES, cross, low);
  ddAdd(at + SQUARES, other.squares, other.squaresLow);
  ddAdd(at + SUM, moved, movedLow);
  ddAdd(at + SUM, other.sum, other.sumLow);
  moments.count += other.count;
  moments.peak = max(max(moments.peak, other.peak), moments.squares);
}

export function momentsSum(at: u32): f64 {
  const moments = changetype<Moments>(at);
  const pivots = twoProduct(moments.pivot, moments.count);
  return ddSum(pivots, low, moments.sum, moments.sumLow);
}

/** NaN = no members. */
export function momentsMean(at: u32): f64 {
  const moments = changetype<Moments>(at);
  if (moments.count == 0) return NaN;
  const mean = ddQuotient(moments.sum, moments.sumLow, moments.count);
  return ddSum(moments.pivot, 0, mean, low);
}

/** A value less the mean, to the last digits also where it is close to it. NaN = no members. */
export function momentsDistance(at: u32, value: f64): f64 {
  const mean = momentsMean(at);
  const meanLow = low;
  const distance = twoSum(value, -mean);
  return distance + (low - meanLow);
}

/** Of a sample (ddof 1); NaN = fewer than two members. */
export function momentsVariance(at: u32): f64 {
  const moments = changetype<Moments>(at);
  if (moments.count < 2) return NaN;
  const square = ddProduct(moments.sum, moments.sumLow, moments.sum, moments.sumLow);
  const part = ddQuotient(square, low, moments.count);
  const about = ddSum(moments.squares, moments.squaresLow, -part, -low);
  return max(about, 0) / (moments.count - 1);
}
