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
  /** Of a detector with features: rows before the watermark, and rows beyond the tolerance. */
  readonly rowsLate: number;
  readonly rowsFuture: number;
  /** Keys of which at least one window is made of panes. */
  readonly keysInPanes: number;
  /** The newest heartbeat that has reached every shard, Unix ms; -Infinity = none has. */
  readonly heartbeatMs: number;
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
    rowsLate: sum(f64(Slot.rowsLate)),
    rowsFuture: sum(f64(Slot.rowsFuture)),
    keysInPanes: sum((shard) => shard.views.u32[(base + Slot.keysInPanes) >>> 2] ?? 0),
    heartbeatMs: Math.min(...shards.map(f64(Slot.heartbeatMs))),
  };
}
