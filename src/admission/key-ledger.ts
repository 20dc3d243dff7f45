import { PARTITIONS } from "../shard/layout.ts";

interface Entry {
  /** Arrival of the key's last row, Unix ms. */
  seen: number;
  /** The admission that let it in, while no other has named it; 0 = others have. */
  by: number;
}

/**
 * Which keys a detector that refuses new keys at its bound has let in. The shard's own key table is being written by a thread
 * when a request is admitted; this ledger sees the same keys in the same order, so a request can be refused whole before any
 * of its rows is placed. Kept only for such detectors.
 */
export class KeyLedger {
  /** Number of the last admission. */
  admission = 0;
  private readonly partitions: Map<string, Entry>[] = Array.from(
    { length: PARTITIONS },
    () => new Map<string, Entry>(),
  );

  private readonly keysPerPartition: number;
  /** 0 = keys never expire. */
  private readonly ttlMs: number;

  constructor(keysPerPartition: number, ttlMs: number) {
    this.keysPerPartition = keysPerPartition;
    this.ttlMs = ttlMs;
  }

  /**
   * Lets all of a request's keys in, or none.
   * @returns the first key that has no room, or undefined
   */
  admit(keys: readonly LedgerKey[], arrivalMs: number): LedgerKey | undefined {
    const by = ++this.admission;
    const added: LedgerKey[] = [];
    for (const entry of keys) {
      const partition = this.partitions[entry.partition];
      if (partition === undefined) continue;
      const known = partition.get(entry.key);
      if (known !== undefined) {
        known.seen = arrivalMs;
        if (known.by !== by) known.by = 0;
      } else if (entry.makes) {
        if (partition.size >= this.keysPerPartition) this.forgetExpired(partition, arrivalMs);
        if (partition.size >= this.keysPerPartition) {
          for (const { partition: index, key } of added) this.partitions[index]?.delete(key);
          return entry;
        }
        added.push(entry);
        partition.set(entry.key, { seen: arrivalMs, by });
      }
    }
    return undefined;
  }

  /** A row was cancelled before it was learned: its key goes when nobody but its own admission has named it. */
  withdraw(key: string, partition: number, admission: number): void {
    const keys = this.partitions[partition];
    if (keys?.get(key)?.by === admission) keys.delete(key);
  }

  /** Knows the keys that another knows, as far as they fit. */
  copy(other: KeyLedger): void {
    for (const [index, keys] of other.partitions.entries()) {
      const own = this.partitions[index];
      for (const [key, { seen }] of keys) {
        if (own === undefined || own.size >= this.keysPerPartition) break;
        if (!own.has(key)) own.set(key, { seen, by: 0 });
      }
    }
  }

  /** The detector forgot everything. */
  clear(): void {
    for (const partition of this.partitions) partition.clear();
  }

  private forgetExpired(partition: Map<string, Entry>, arrivalMs: number): void {
    if (this.ttlMs === 0) return;
    for (const [key, { seen }] of partition) {
      if (arrivalMs - seen > this.ttlMs) partition.delete(key);
    }
  }
}

export interface LedgerKey {
  readonly key: string;
  readonly partition: number;
  /** Whether its row makes the key where there is none: it learns, and has a feature. */
  readonly makes: boolean;
}
