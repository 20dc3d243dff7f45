import { stateOf } from "../domain/verdict.ts";
import type { State } from "../domain/verdict.ts";
import type { Region } from "../shard/region.ts";

/** A key's last score by the model, and what its verdict was measured against. */
export interface CachedScore {
  readonly score: number;
  readonly rawScore: number;
  readonly threshold: number;
  readonly state: State;
  readonly modelVersion: number;
}

const ENTRIES = 1 << 16;
/** score, raw score, threshold, clock.now() when it was scored. */
const FIELDS = 4;

/**
 * The last model score of recently scored keys of one detector, for the CACHED fallback: direct-mapped by the key's hash, so
 * its size is fixed (2.5 MiB) and a later key may push an earlier one out, which then simply is not cached.
 */
export class ScoreCache {
  private readonly tags = new Uint32Array(ENTRIES * 2);
  private readonly numbers = new Float64Array(ENTRIES * FIELDS);
  private readonly states = new Uint8Array(ENTRIES);
  private modelVersion = 0;

  /** Keeps the model's score of a row, unless it has none. `at` is clock.now(). */
  put(region: Region, row: number, at: number): void {
    const score = region.score(row);
    if (Number.isNaN(score)) return;
    const lo = region.clientLo(row);
    const hi = region.clientHi(row);
    const entry = slotOf(lo, hi);
    this.tags[entry * 2] = lo;
    this.tags[entry * 2 + 1] = hi;
    this.numbers[entry * FIELDS] = score;
    this.numbers[entry * FIELDS + 1] = region.rawScore(row);
    this.numbers[entry * FIELDS + 2] = region.threshold(row);
    this.numbers[entry * FIELDS + 3] = at;
    this.states[entry] = region.state(row);
    this.modelVersion = region.modelVersion(row);
  }

  /** The key's entry when it was scored at `since` or later (clock.now()). */
  get(hash: { readonly lo: number; readonly hi: number }, since: number): CachedScore | undefined {
    const entry = slotOf(hash.lo, hash.hi);
    const state = this.states[entry] ?? 0;
    if (state === 0) return undefined;
    if (this.tags[entry * 2] !== hash.lo || this.tags[entry * 2 + 1] !== hash.hi) return undefined;
    if (this.number(entry, 3) < since) return undefined;
    return {
      score: this.number(entry, 0),
      rawScore: this.number(entry, 1),
      threshold: this.number(entry, 2),
      state: stateOf(state),
      modelVersion: this.modelVersion,
    };
  }

  clear(): void {
    this.states.fill(0);
  }

  private number(entry: number, field: number): number {
    return this.numbers[entry * FIELDS + field] ?? Number.NaN;
  }
}

function slotOf(lo: number, hi: number): number {
  return (lo ^ (hi >>> 7)) & (ENTRIES - 1);
}
