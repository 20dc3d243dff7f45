/*
 * MT19937 as Python's `random.Random(seed)` runs it, in SCRATCH: a structure is built in one call, a model is trained in one, so
 * its state needs no memory between calls.
 */
import { SCRATCH_RANDOM } from "./layout";

const N: u32 = 624;
const M: u32 = 397;
const INDEX: u32 = SCRATCH_RANDOM + N * 4;
/** Normal deviates come in pairs: the second of a pair, f64, and whether it waits, u32. */
const SPARE: u32 = SCRATCH_RANDOM + N * 4 + 8;
const HAS_SPARE: u32 = SPARE + 8;

function word(i: u32): u32 {
  return load<u32>(SCRATCH_RANDOM + (i << 2));
}

function setWord(i: u32, value: u32): void {
  store<u32>(SCRATCH_RANDOM + (i << 2), value);
}

/** Python's seeding by an int: init_by_array over the 32-bit words of its absolute value, at least one. */
export function seedRandom(seedLo: u32, seedHi: u32): void {
  setWord(0, 19650218);
  for (let i: u32 = 1; i < N; i++) {
    const previous = word(i - 1);
    setWord(i, 1812433253 * (previous ^ (previous >> 30)) + i);
  }
  const words: u32 = seedHi != 0 ? 2 : 1;
  let i: u32 = 1;
  let j: u32 = 0;
  for (let k: u32 = 0; k < N; k++) {
    const previous = word(i - 1);
    const key = j == 0 ? seedLo : seedHi;
    setWord(i, (word(i) ^ ((previous ^ (previous >> 30)) * 1664525)) + key + j);
    i++;
    j++;
    if (i >= N) {
      setWord(0, word(N - 1));
      i = 1;
    }
    if (j >= words) j = 0;
  }
  for (let k: u32 = 1; k < N; k++) {
    const previous = word(i - 1);
    setWord(i, (word(i) ^ ((previous ^ (previous >> 30)) * 1566083941)) - i);
    i++;
    if (i >= N) {
      setWord(0, word(N - 1));
      i = 1;
    }
  }
  setWord(0, 0x80000000);
  store<u32>(INDEX, N);
  store<u32>(HAS_SPARE, 0);
}

function twist(): void {
  for (let i: u32 = 0; i < N; i++) {
    const y = (word(i) & 0x80000000) | (word(i + 1 < N ? i + 1 : 0) & 0x7fffffff);
    const other = word(i + M < N ? i + M : i + M - N);
    setWord(i, other ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0df : 0));
  }
  store<u32>(INDEX, 0);
}

function next32(): u32 {
  if (load<u32>(INDEX) >= N) twist();
  const index = load<u32>(INDEX);
  store<u32>(INDEX, index + 1);
  let y = word(index);
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >> 18);
}

/** 0 <= x < 1 with 53 bits, from two words. */
export function nextRandom(): f64 {
  const a = next32() >> 5;
  const b = next32() >> 6;
  return ((a as f64) * 67108864.0 + (b as f64)) / 9007199254740992.0;
}

/** 0 <= x < n, each as likely, n >= 1 (Lemire 2019: the high half of a product, with the few biased ones drawn again). */
export function randomBelow(n: u32): u32 {
  let product = (next32() as u64) * (n as u64);
  if ((product as u32) < n) {
    const biased: u32 = (~n + 1) % n;
    while ((product as u32) < biased) product = (next32() as u64) * (n as u64);
  }
  return (product >> 32) as u32;
}

/** A deviate of N(0, 1) (Marsaglia's polar method). */
export function randomNormal(): f64 {
  if (load<u32>(HAS_SPARE) != 0) {
    store<u32>(HAS_SPARE, 0);
    return load<f64>(SPARE);
  }
  while (true) {
    const x = 2 * nextRandom() - 1;
    const y = 2 * nextRandom() - 1;
    const square = x * x + y * y;
    if (square >= 1 || square == 0) continue;
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    store<f64>(SPARE, y * factor);
    store<u32>(HAS_SPARE, 1);
    return x * factor;
  }
  return 0;
}

/** Puts `count` u32s at `indices` in random order (Fisher and Yates). */
export function shuffle(indices: u32, count: u32): void {
  for (let left = count; left > 1; left--) {
    const a = indices + ((left - 1) << 2);
    const b = indices + (randomBelow(left) << 2);
    const value = load<u32>(a);
    store<u32>(a, load<u32>(b));
    store<u32>(b, value);
  }
}

/**
 * `count` different ones of 0..total-1 as u32s at `out`, ascending, each set as likely; count <= total. One draw for each candidate
 * (Knuth's Algorithm S).
 */
export function sampleWithout(count: u32, total: u32, out: u32): void {
  let taken: u32 = 0;
  for (let candidate: u32 = 0; taken < count && candidate < total; candidate++) {
    if (randomBelow(total - candidate) < count - taken) {
      store<u32>(out + (taken++ << 2), candidate);
    }
  }
}
