/*
 * River's StandardScaler: x' = (x - mean) / sqrt(variance), 0 while the variance is 0.
 *
 *   ┌ mean f64x2 │ variance f64x2 │ deviation f64x2 ┐  the deviation is sqrt(variance), kept to save a root an event
 */
import { learnPair, MEAN, OWN, VARIANCE } from "./welford";

export const STANDARD_PAIR: u32 = 48;

export function transformStandard(pair: u32, x: v128): v128 {
  const deviation = v128.load(pair, OWN);
  const scaled = f64x2.div(f64x2.sub(x, v128.load(pair, MEAN)), deviation);
  return v128.and(scaled, f64x2.ne(deviation, f64x2.splat(0)));
}

/** Learns two values; what the scaler makes of them from now on. */
export function learnStandard(pair: u32, x: v128, n: v128): v128 {
  const left = learnPair(pair, x, n);
  const deviation = f64x2.sqrt(v128.load(pair, VARIANCE));
  v128.store(pair, deviation, OWN);
  return v128.and(f64x2.div(left, deviation), f64x2.ne(deviation, f64x2.splat(0)));
}
