/**
 * The 64-bit hash that places a key: FNV-1a over its UTF-8 bytes in two 32-bit lanes, each finished with MurmurHash3's mixer.
 * It is part of the contract between servers and files (partition = lo & 255) and never changes. It decides where a key lives,
 * never whether two keys are the same: the shard compares the bytes.
 */
export class KeyHash {
  lo = 0;
  hi = 0;

  /** Hashes `bytes[start, end)` into lo and hi, both unsigned 32-bit. */
  of(bytes: Uint8Array, start: number, end: number): void {
    let lo = 0x811c9dc5;
    let hi = 0x6c62272e;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      lo = Math.imul(lo ^ byte, 0x01000193);
      hi = Math.imul(hi ^ byte, 0x85ebca77);
    }
    this.lo = mix(lo ^ (end - start));
    this.hi = mix(hi + lo);
  }
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Of "": the key of a detector's one cell, where all its rows share one window and one model. */
export const emptyKeyHash: { readonly lo: number; readonly hi: number } = hashOfNothing();

function hashOfNothing(): KeyHash {
  const hash = new KeyHash();
  hash.of(new Uint8Array(0), 0, 0);
  return hash;
}

const encoder = new TextEncoder();

/** Well-formed Unicode; ASCII is the fast case. */
export const NOT_WELL_FORMED = -1;
export const TOO_LONG = -2;

/**
 * Writes `text` as UTF-8 at `target[offset...]`.
 * @returns the bytes written, or NOT_WELL_FORMED, or TOO_LONG when they are more than `bytesMax`
 */
export function encodeText(
  text: string,
  target: Uint8Array,
  offset: number,
  bytesMax: number,
): number {
  const length = text.length;
  if (length > bytesMax) return text.isWellFormed() ? TOO_LONG : NOT_WELL_FORMED;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encodeWide(text, target, offset, bytesMax);
    target[offset + i] = unit;
  }
  return length;
}

function encodeWide(text: string, target: Uint8Array, offset: number, bytesMax: number): number {
  if (!text.isWellFormed()) return NOT_WELL_FORMED;
  const { read, written } = encoder.encodeInto(
    text,
    target.subarray(offset, Math.min(target.length, offset + bytesMax)),
  );
  return read < text.length ? TOO_LONG : written;
}
