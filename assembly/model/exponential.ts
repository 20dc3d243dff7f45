/*
 * The exponential of two numbers at once.
 *
 * e^x = 2^k e^r with k the integer nearest to x / ln 2, so |r| <= ln 2 / 2, and e^r by the polynomial of degree 11 that meets it
 * at the 12 Chebyshev nodes of that interval (off by less than 1e-16; the Taylor series would need two terms more). ln 2 is taken in two
 * parts, the first of which times k is exact (Cody and Waite 1980). The error is at most a few units in the last place.
 */

/** 1.5 * 2^52: added to a small number, it leaves the nearest integer in the lowest bits. */
const ROUND: f64 = 6755399441055744.0;
const LN2_HIGH: f64 = 6.9314718036912381649e-1;
const LN2_LOW: f64 = 1.90821492927058770002e-10;
const PER_LN2: f64 = 1.4426950408889634;
/** Below, the result would not be a normal number: it is 0. */
const LOWEST: f64 = -708;
const HIGHEST: f64 = 709;

/** e^x of both lanes; 0 below -708, and e^709 above 709. */
export function exponentials(x: v128): v128 {
  const bounded = f64x2.max(f64x2.min(x, f64x2.splat(HIGHEST)), f64x2.splat(LOWEST));
  const shifted = f64x2.add(f64x2.mul(bounded, f64x2.splat(PER_LN2)), f64x2.splat(ROUND));
  const k = f64x2.sub(shifted, f64x2.splat(ROUND));
  const r = f64x2.sub(
    f64x2.sub(bounded, f64x2.mul(k, f64x2.splat(LN2_HIGH))),
    f64x2.mul(k, f64x2.splat(LN2_LOW)),
  );
  const r2 = f64x2.mul(r, r);
  const r4 = f64x2.mul(r2, r2);
  // Estrin's scheme: short chains of dependent operations.
  const low = f64x2.add(
    f64x2.add(f64x2.splat(1), r),
    f64x2.mul(
      r2,
      f64x2.add(f64x2.splat(0.5000000000000019), f64x2.mul(r, f64x2.splat(0.1666666666666668))),
    ),
  );
  const middle = f64x2.add(
    f64x2.add(f64x2.splat(0.0416666666664881), f64x2.mul(r, f64x2.splat(0.008333333333319601))),
    f64x2.mul(
      r2,
      f64x2.add(
        f64x2.splat(0.0013888888952314775),
        f64x2.mul(r, f64x2.splat(0.00019841269890047113)),
      ),
    ),
  );
  const high = f64x2.add(
    f64x2.add(f64x2.splat(2.4801485482328494e-5), f64x2.mul(r, f64x2.splat(2.755724091857897e-6))),
    f64x2.mul(
      r2,
      f64x2.add(
        f64x2.splat(2.763263963904103e-7),
        f64x2.mul(r, f64x2.splat(2.5110037605963777e-8)),
      ),
    ),
  );
  const series = f64x2.add(low, f64x2.mul(r4, f64x2.add(middle, f64x2.mul(r4, high))));
  const power = i64x2.shl(i64x2.add(shifted, i64x2.splat(1023)), 52);
  return v128.and(f64x2.mul(series, power), f64x2.ge(x, f64x2.splat(LOWEST)));
}
