import { limits } from "../config/limits.ts";
import type { TimePolicy } from "../domain/detector.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { Timeliness } from "../domain/verdict.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import { PARTITIONS } from "../shard/layout.ts";
import { rowOf } from "./fallback.ts";
import type { DetectorRuntime } from "./runtime.ts";

const hash = new KeyHash();
const keyBytes = new Uint8Array(limits.keyBytesMax);

/**
 * Rows that came too late or from the future are known as such by the shard only. The ledger let their keys in; those that none of the
 * request's rows has made leave it again.
 */
export function withdrawUnlearned(
  { detector, ledger }: DetectorRuntime,
  request: ScoreRequest,
  timeliness: Uint8Array,
  admission: number,
): void {
  if (ledger === undefined) return;
  const made = new Set<string>();
  const others = new Set<string>();
  for (const [row, when] of timeliness.entries()) {
    const isLearned = learnedAt(when, detector.config.eventTime);
    (isLearned ? made : others).add(rowOf(request, row).key);
  }
  for (const key of others) {
    if (made.has(key)) continue;
    hash.of(keyBytes, 0, encodeText(key, keyBytes, 0, limits.keyBytesMax));
    ledger.withdraw(key, hash.lo & (PARTITIONS - 1), admission);
  }
}

function learnedAt(
  timeliness: number,
  { late, future }: { readonly late: TimePolicy; readonly future: TimePolicy },
): boolean {
  if (timeliness === Timeliness.LATE) return late === "on_time";
  if (timeliness === Timeliness.FUTURE) return future === "on_time";
  return timeliness === Timeliness.ON_TIME;
}
