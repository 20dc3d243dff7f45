import { limits } from "../config/limits.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";

/** Between a name and a key; no UTF-8 text holds it. */
const SEPARATOR = 0xff;

/**
 * Which keys a shadow answers: those whose hash, with the shadow's name in it, is below the share. So a key stays on its side while the share
 * grows, another shadow gets other keys, and neither has to do with the shard or the partition of a key.
 */
export class KeyShare {
  private readonly hash = new KeyHash();
  private readonly bytes = new Uint8Array(limits.detectorNameBytesMax + 1 + limits.keyBytesMax);
  private readonly prefix: number;

  constructor(name: string) {
    this.prefix = Math.max(0, encodeText(name, this.bytes, 0, limits.detectorNameBytesMax));
    this.bytes[this.prefix] = SEPARATOR;
  }

  /** The key's place, uniform in [0, 1). */
  of(key: string): number {
    const from = this.prefix + 1;
    const length = encodeText(key, this.bytes, from, limits.keyBytesMax);
    this.hash.of(this.bytes, 0, from + Math.max(0, length));
    return this.hash.hi / 2 ** 32;
  }
}
