import { KeyHash } from "../shard/key-hash.ts";

const hash = new KeyHash();
const encoder = new TextEncoder();
/** Longer texts are hashed out of memory of their own. */
const scratch = new Uint8Array(1024);

/**
 * A category's text as the number that stands for it in the kernel: the low 20 bits of `hi` and all of `lo` of its UTF-8 bytes' KeyHash,
 * hi * 2^32 + lo. Whole, 0 .. 2^52 - 1, so exact as a float64; of two among 10,000 categories the chance to be the same is 1 in 90 million.
 * It is kept in state and files and never changes.
 */
export function categoryCode(text: string): number {
  const { length } = text;
  if (length * 3 > scratch.length) return categoryCodeOf(encoder.encode(text));
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return categoryCodeOf(scratch, 0, encoder.encodeInto(text, scratch).written);
    scratch[i] = unit;
  }
  return categoryCodeOf(scratch, 0, length);
}

/** As `categoryCode`, of UTF-8 bytes[start, end). */
export function categoryCodeOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  hash.of(bytes, start, end);
  return (hash.hi & 0xfffff) * 2 ** 32 + hash.lo;
}
