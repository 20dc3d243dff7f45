/*
 * MT19937 as Python's `random.Random(seed)` runs it, in SCRATCH: a structure is built in one call, so its state needs no
 * memory between calls.
 */
import { SCRATCH_RANDOM } from "./layout";

const N: u32 = 624;
const M: u32 = 397;
const INDEX: u32 = SCRATCH_RANDOM + N * 4;

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
