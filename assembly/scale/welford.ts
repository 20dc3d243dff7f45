/*
 * Running mean and population variance, two features a vector, in River's order of operations:
 *   mean += (x - old) / n;  var += ((x - old) * (x - mean) - var) / n
 *
 * Every scaler keeps them, whether it scales by them or not: explanations say how unusual a value is for its key.
 *
 *   ┌ per two features: { mean f64x2, variance f64x2, then the scaler's own } ┐ then ┌ events without it: f64 a feature ┐
 *
 * A feature that was never missing has been seen as often as its key has learned; the counts are read only of keys where
 * something was missing once (Key.uneven).
 */

export const MEAN: usize = 0;
export const VARIANCE: usize = 16;
export const OWN: usize = 32;

/** How often features `feature` and the next have been seen, with the present event. `first` = the key's count. */
export function seen(absences: u32, feature: u32, first: v128): v128 {
  return f64x2.sub(first, v128.load(absences + (feature << 3)));
}

/** Learns two values; their distances from the new means. */
export function learnPair(pair: u32, x: v128, n: v128): v128 {
  const mean = v128.load(pair, MEAN);
  const distance = f64x2.sub(x, mean);
  const next = f64x2.add(mean, f64x2.div(distance, n));
  const left = f64x2.sub(x, next);
  const variance = v128.load(pair, VARIANCE);
  const change = f64x2.sub(f64x2.mul(distance, left), variance);
  v128.store(pair, next, MEAN);
  v128.store(pair, f64x2.add(variance, f64x2.div(change, n)), VARIANCE);
  return left;
}
