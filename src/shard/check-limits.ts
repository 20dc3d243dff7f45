import { limits } from "../config/limits.ts";
import {
  Amend,
  BYTES_MAX,
  CONTROL_BASE,
  Control,
  DETECTORS_MAX,
  FEATURES_MAX,
  MEMORY_BYTES_MIN,
  PARTITIONS,
  PAGE_BYTES,
  ROWS_MAX,
  SCRATCH_BASE,
  VALUES_MAX,
} from "./layout.ts";

const UINT16_MAX = 0xffff;
/** An id that is remembered with its key begins with the key's length. */
const KEY_LENGTH_BYTES = 2;
/** What 32 bits address. */
const ADDRESSES_BYTES = 2 ** 32;

/** What the memory map takes for granted of the limits. */
const relations: Readonly<Record<string, boolean>> = {
  "one request leaves three quarters of a region's rows": limits.requestRowsMax * 4 <= ROWS_MAX,
  "a request's values fit into an empty region":
    limits.requestRowsMax * limits.inputsMax <= VALUES_MAX,
  "an explained row fits into an empty region": 3 * limits.inputsMax + 1 <= VALUES_MAX,
  "a request's keys and ids fit into an empty region":
    limits.requestRowsMax * (KEY_LENGTH_BYTES + limits.keyBytesMax + limits.idBytesMax) <=
    BYTES_MAX,
  "lengths of keys, and of ids with their keys, fit their fields":
    KEY_LENGTH_BYTES + limits.keyBytesMax + limits.idBytesMax <= UINT16_MAX,
  "amendments of a full region fit into one": Amend.length * ROWS_MAX <= VALUES_MAX,
  "a detector's features fit": limits.inputsMax <= FEATURES_MAX,
  "a detector's block fits into the control block":
    (Control.order + 3 * limits.inputsMax) * 8 <= SCRATCH_BASE - CONTROL_BASE,
  "a slot is left for Weir's own detector": limits.detectorsMax < DETECTORS_MAX,
  "a window's masses fit 16 bits": limits.windowMax <= UINT16_MAX,
  "every shard owns a partition, and its index fits a byte":
    limits.shardsMax <= PARTITIONS && PARTITIONS <= 256,
  "the bounds of a shard's memory are the kernel's or narrower":
    limits.shardMemoryBytesMin >= MEMORY_BYTES_MIN &&
    limits.shardMemoryBytesMax <= ADDRESSES_BYTES - PAGE_BYTES,
};

/** Asserts that the limits fit the memory map. Throws when they do not: a mistake in this source, not of a caller. */
export function checkLimits(): void {
  for (const [relation, holds] of Object.entries(relations)) {
    if (!holds) throw new Error(`limits and memory map disagree: ${relation}`);
  }
}
