/*
 * The chi-square distribution with a whole number of degrees of freedom, by the regularised incomplete gamma function: its series
 * below a + 1, its continued fraction (Lentz) above.
 */

/** ln gamma(freedom / 2) by recursion from gamma(1/2) = sqrt(pi) or gamma(1) = 1. */
function logGammaOfHalf(freedom: u32): f64 {
  let result: f64 = (freedom & 1) != 0 ? 0.5 * Math.log(Math.PI) : 0;
  for (let x: f64 = (freedom & 1) != 0 ? 0.5 : 1; x < (freedom as f64) / 2; x += 1) {
    result += Math.log(x);
  }
  return result;
}

/** Share of the distribution below x, 1 <= freedom. */
export function chiSquareBelow(x: f64, freedom: u32): f64 {
  if (!(x > 0)) return 0;
  if (x == Infinity) return 1;
  const a = (freedom as f64) / 2;
  const z = x / 2;
  const scale = Math.exp(a * Math.log(z) - z - logGammaOfHalf(freedom));
  if (z < a + 1) {
    let term: f64 = 1 / a;
    let sum = term;
    for (let n: f64 = 1; n < 100_000 && term > sum * 1e-17; n += 1) {
      term *= z / (a + n);
      sum += term;
    }
    return Math.min(1, scale * sum);
  }
  let b = z + 1 - a;
  let c: f64 = 1e300;
  let d: f64 = 1 / b;
  let fraction = d;
  for (let n: f64 = 1; n < 100_000; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return Math.max(0, 1 - scale * fraction);
}

/** The value that has this share of the distribution below it, by bisection; Infinity for a share of 1. */
export function chiSquareQuantile(share: f64, freedom: u32): f64 {
  if (share >= 1) return Infinity;
  if (!(share > 0)) return 0;
  let low: f64 = 0;
  let high: f64 = freedom as f64;
  while (chiSquareBelow(high, freedom) < share && high < 1e6) high *= 2;
  for (let i: u32 = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (chiSquareBelow(middle, freedom) < share) low = middle;
    else high = middle;
  }
  return high;
}
