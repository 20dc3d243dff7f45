/*
 * River's MinMaxScaler: x' = (x - min) / (max - min), 0 while they are equal; not clipped.
 *
 *   ┌ mean f64x2 │ variance f64x2 │ min f64x2 │ max f64x2 ┐
 */
import { learnPair, OWN } from "./welford";

export const MIN_MAX_PAIR: u32 = 64;
const MAX: usize = OWN + 16;

export function initializeMinMax(pair: u32): void {
  v128.store(pair, f64x2.splat(Infinity), OWN);
  v128.store(pair, f64x2.splat(-Infinity), MAX);
}

export function transformMinMax(pair: u32, x: v128): v128 {
  const least = v128.load(pair, OWN);
  const range = f64x2.sub(v128.load(pair, MAX), least);
  const scaled = f64x2.div(f64x2.sub(x, least), range);
  return v128.and(scaled, f64x2.ne(range, f64x2.splat(0)));
}

export function learnMinMax(pair: u32, x: v128, n: v128): void {
  learnPair(pair, x, n);
  const least = v128.load(pair, OWN);
  const most = v128.load(pair, MAX);
  v128.store(pair, v128.bitselect(x, least, f64x2.lt(x, least)), OWN);
  v128.store(pair, v128.bitselect(x, most, f64x2.gt(x, most)), MAX);
}
