/*
 * Sums without rounding: a float64 is a whole number of 2^-1074, and BigInts have no end. Slow, and no relative of a kernel's compensated
 * sums.
 */

const bits = new DataView(new ArrayBuffer(8));

/** A float64 as a whole number of 2^-scale. Values that are no multiple of it are refused. */
export function exact(x: number, scale: number): bigint {
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const exponent = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0 ? fraction : fraction | (1n << 52n);
  const shift = Math.max(exponent, 1) - 1075 + scale;
  const whole = shift >= 0 ? magnitude << BigInt(shift) : magnitude >> BigInt(-shift);
  if (shift < 0 && whole << BigInt(-shift) !== magnitude) throw new Error(`${x} is too fine`);
  return word >> 63n === 1n ? -whole : whole;
}

/** a / b, off by less than 2^-60 of itself before it is rounded. */
export function quotient(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  const negative = a < 0n !== b < 0n;
  const above = a < 0n ? -a : a;
  const below = b < 0n ? -b : b;
  const shift = Math.max(0, bitLength(below) - bitLength(above) + 64);
  let result = Number((above << BigInt(shift)) / below);
  for (let rest = shift; rest > 0; rest -= 1000) result *= 2 ** -Math.min(rest, 1000);
  return negative ? -result : result;
}

function bitLength(x: bigint): number {
  return x.toString(16).length * 4;
}

/** Multiples of 2^-300 are what tests draw; squares are of 2^-600. */
export const SCALE = 300;
const one = 1n << BigInt(SCALE);

/** Sums of values and of their squares. */
export class ExactSums {
  count = 0;
  private sum = 0n;
  private squares = 0n;

  constructor(values: Iterable<number> = []) {
    for (const x of values) this.add(x);
  }

  add(x: number): void {
    this.change(x, 1);
  }

  remove(x: number): void {
    this.change(x, -1);
  }

  get total(): number {
    return quotient(this.sum, one);
  }

  get mean(): number {
    return quotient(this.sum, one * BigInt(this.count));
  }

  /** Of a sample; at least two values. */
  get variance(): number {
    const n = BigInt(this.count);
    return quotient(n * this.squares - this.sum * this.sum, n * (n - 1n) * one * one);
  }

  /** x - mean. */
  distance(x: number): number {
    const n = BigInt(this.count);
    return quotient(exact(x, SCALE) * n - this.sum, n * one);
  }

  private change(x: number, sign: 1 | -1): void {
    const value = exact(x, SCALE);
    this.count += sign;
    this.sum += sign === 1 ? value : -value;
    this.squares += sign === 1 ? value * value : -value * value;
  }
}
