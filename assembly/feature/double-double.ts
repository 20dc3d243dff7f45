/*
 * Sums of about 32 decimal digits: an unevaluated pair of float64s, high and low (Dekker, "A floating-point technique for extending the
 * available precision", 1971; Knuth's two-sum). Relative error of a sum or product under 2^-102. Without a fused multiply-add, so
 * products split their factors: exact for magnitudes under 1e300.
 */

const SPLITTER: f64 = 134217729; // 2^27 + 1

/** The low part of the last result. */
export let low: f64 = 0;

/** a + b: the sum as rounded, its error in `low`. */
export function twoSum(a: f64, b: f64): f64 {
  const sum = a + b;
  const part = sum - a;
  low = a - (sum - part) + (b - part);
  return sum;
}

/** a * b: the product as rounded, its error in `low`. */
export function twoProduct(a: f64, b: f64): f64 {
  const product = a * b;
  let scaled = SPLITTER * a;
  const aHigh = scaled - (scaled - a);
  const aLow = a - aHigh;
  scaled = SPLITTER * b;
  const bHigh = scaled - (scaled - b);
  const bLow = b - bHigh;
  low = aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
  return product;
}

/** (aHigh + aLow) + (high + lower). */
export function ddSum(aHigh: f64, aLow: f64, high: f64, lower: f64): f64 {
  const sum = aHigh + high;
  const part = sum - aHigh;
  const rest = aLow + lower;
  const restPart = rest - aLow;
  const error = aHigh - (sum - part) + (high - part) + rest;
  const restError = aLow - (rest - restPart) + (lower - restPart);
  const middle = sum + error;
  const tail = error - (middle - sum) + restError;
  const result = middle + tail;
  low = tail - (result - middle);
  return result;
}

/** (aHigh + aLow) * (high + lower). */
export function ddProduct(aHigh: f64, aLow: f64, high: f64, lower: f64): f64 {
  const product = twoProduct(aHigh, high);
  const error = low + (aHigh * lower + aLow * high);
  const result = product + error;
  low = error - (result - product);
  return result;
}

/** (high + lower) / divisor. */
export function ddQuotient(high: f64, lower: f64, divisor: f64): f64 {
  const first = high / divisor;
  const product = twoProduct(first, divisor);
  const rest = (high - product - low + lower) / divisor;
  const result = first + rest;
  low = rest - (result - first);
  return result;
}

/** Adds (high + lower) to the pair at an address. */
export function ddAdd(at: u32, high: f64, lower: f64): void {
  store<f64>(at, ddSum(load<f64>(at), load<f64>(at, 8), high, lower));
  store<f64>(at, low, 8);
}
