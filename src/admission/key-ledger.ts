import { PARTITIONS } from "../shard/layout.ts";

/**
 * Which keys a detector that refuses new keys at its bound has let in. The shard's own key table is being written by a thread
 * when a request is admitted; this ledger sees the same keys in the same order, so a request can be refused whole before any
 * of its rows is placed. Kept only for such detectors.
 */
export class KeyLedger {
  /** By partition: key -> arrival of its last row, Unix ms. */
  private readonly partitions: Map<string, number>[] = Array.from(
    { length: PARTITIONS },
    () => new Map<string, number>(),
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
    const added: LedgerKey[] = [];
    for (const entry of keys) {
      const partition = this.partitions[entry.partition];
      if (partition === undefined) continue;
      if (!partition.has(entry.key)) {
        if (partition.size >= this.keysPerPartition) this.forgetExpired(partition, arrivalMs);
        if (partition.size >= this.keysPerPartition) {
          for (const { partition: index, key } of added) this.partitions[index]?.delete(key);
          return entry;
        }
        added.push(entry);
      }
      partition.set(entry.key, arrivalMs);
    }
    return undefined;
  }

  /** The detector forgot everything. */
  clear(): void {
    for (const partition of this.partitions) partition.clear();
  }

  private forgetExpired(partition: Map<string, number>, arrivalMs: number): void {
    if (this.ttlMs === 0) return;
    for (const [key, seen] of partition) {
      if (arrivalMs - seen > this.ttlMs) partition.delete(key);
    }
  }
}

export interface LedgerKey {
  readonly key: string;
  readonly partition: number;
}
