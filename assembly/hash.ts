/*
 * 128-bit hash of bytes, 64 bits a call: MurmurHash3's finalizer over a multiply-xor chain. It names ids, and makes digests
 * for tests; it is no defence against someone who forges collisions of his own ids.
 */

const PRIME_1: u64 = 0x9e3779b97f4a7c15;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;

export function mix(hash: u64, value: u64): u64 {
  let h = (hash ^ value) * PRIME_1;
  h ^= h >> 32;
  h *= PRIME_2;
  return h ^ (h >> 29);
}

export function finish(hash: u64): u64 {
  let h = hash;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

export function hashBytes(seed: u64, address: u32, length: u32): u64 {
  let h = mix(seed, length as u64);
  let at = address;
  const end = address + (length & ~7);
  while (at < end) {
    h = mix(h, load<u64>(at));
    at += 8;
  }
  let tail: u64 = 0;
  const rest = length & 7;
  for (let i: u32 = 0; i < rest; i++) tail |= (load<u8>(at + i) as u64) << ((i << 3) as u64);
  return rest != 0 ? mix(h, tail) : h;
}

export function equalBytes(a: u32, b: u32, length: u32): bool {
  let i: u32 = 0;
  while (i + 8 <= length) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
    i += 8;
  }
  while (i < length) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
    i++;
  }
  return true;
}
