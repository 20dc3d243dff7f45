import { Slot, slotBase } from "./layout.ts";
import type { Shard } from "./shard.ts";

export interface DetectorCounters {
  readonly keys: number;
  readonly events: number;
  readonly anomalies: number;
  readonly stateBytes: number;
  readonly keysEvicted: number;
  readonly keysExpired: number;
  /** Rows that found no room: memory, or keys. */
  readonly rowsRefused: number;
}

/** A detector's counters, summed over the shards. */
export function countersIn(shards: readonly Shard[], slot: number): DetectorCounters {
  const sum = (read: (shard: Shard) => number): number =>
    shards.reduce((total, shard) => total + read(shard), 0);
  const base = slotBase(slot);
  const f64 = (field: number) => (shard: Shard) => shard.views.f64[(base + field) >>> 3] ?? 0;
  return {
    keys: sum((shard) => shard.views.u32[(base + Slot.keys) >>> 2] ?? 0),
    events: sum(f64(Slot.eventsLearned)),
    anomalies: sum(f64(Slot.anomalies)),
    stateBytes: sum(f64(Slot.stateBytes)),
    keysEvicted: sum(f64(Slot.keysEvicted)),
    keysExpired: sum(f64(Slot.keysExpired)),
    rowsRefused: sum(f64(Slot.rowsRefused)),
  };
}
