import { refuseText } from "../admission/stage-events.ts";
import { Violations } from "../admission/violations.ts";
import { limits } from "../config/limits.ts";
import { KeyHash, emptyKeyHash, encodeText } from "../shard/key-hash.ts";
import type { Region } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";

const hash = new KeyHash();
const text = new Uint8Array(limits.keyBytesMax);

/** The keys of one request: where each belongs, found once. */
export class KeyPlaces {
  readonly keys: readonly string[];
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  /** UTF-8 bytes. */
  readonly bytes: Uint16Array;
  /** Index of the shard. */
  readonly shard: Uint8Array;

  /** Throws INVALID_ARGUMENT by path for keys that are too long or no text. `oneShard`: all go where the key "" is. */
  constructor(keys: readonly string[], shards: Pick<ShardSet, "indexOf">, oneShard: boolean) {
    this.keys = keys;
    this.lo = new Uint32Array(keys.length);
    this.hi = new Uint32Array(keys.length);
    this.bytes = new Uint16Array(keys.length);
    this.shard = new Uint8Array(keys.length);
    const violations = new Violations();
    for (let i = 0; i < keys.length && !violations.full; i++) {
      const bytes = encodeText(keys[i] ?? "", text, 0, limits.keyBytesMax);
      if (bytes < 0) {
        refuseText(bytes, `keys[${i}]`, violations, "KEY_TOO_LONG", limits.keyBytesMax);
        continue;
      }
      hash.of(text, 0, bytes);
      this.lo[i] = hash.lo;
      this.hi[i] = hash.hi;
      this.bytes[i] = bytes;
      this.shard[i] = shards.indexOf(oneShard ? emptyKeyHash.lo : hash.lo);
    }
    violations.throwIfAny();
  }

  /** Writes a key's bytes; their offset. */
  put(key: number, region: Region): number {
    const length = encodeText(this.keys[key] ?? "", text, 0, limits.keyBytesMax);
    return region.putBytes(text, 0, length);
  }
}
