import type { Detector } from "../domain/detector.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Region } from "../shard/region.ts";

/**
 * Where all rows of a detector share one window and one model, the shard knows one key: "". The client's own key then goes with the
 * id, since ids are remembered by key and id.
 */
export function hasOneCell({ config }: Detector): boolean {
  return isWindowModel(config.model) && config.model.scope === "detector";
}

/** Bytes of a key and an id in one. */
export const scopedIdBytes = (keyLength: number, idLength: number): number =>
  2 + keyLength + idLength;

const length = new Uint8Array(2);

/** Puts an id's name into a region: the key's length in two bytes, the key, the id. Its offset. */
export function putScopedId(region: Region, key: Part, id: Part): number {
  length[0] = key.length & 0xff;
  length[1] = key.length >>> 8;
  const offset = region.putBytes(length, 0, 2);
  region.putBytes(key.text, key.start, key.length);
  region.putBytes(id.text, id.start, id.length);
  return offset;
}

/** A part of a text, in bytes. */
interface Part {
  readonly text: Uint8Array;
  readonly start: number;
  readonly length: number;
}
