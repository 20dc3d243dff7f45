import { Key, PARTITIONS } from "./layout.ts";
import type { ShardExports } from "./module.ts";
import type { Views } from "./region.ts";

/** A key of a detector, as its shard has it. */
export interface RecalledKey {
  readonly key: string;
  readonly partition: number;
  /** Arrival of its newest row, Unix ms. */
  readonly seenMs: number;
}

/** What a shard's memory tells of a detector that was brought back. */
export interface Recalled {
  /** Newest `RowFields.sequence`; 0 = no row with an id is remembered. */
  readonly sequence: number;
  /** All its keys, in no order. */
  keys(): Iterable<RecalledKey>;
}

interface Held {
  readonly kernel: ShardExports;
  readonly views: Views;
}

export function recall(shards: readonly Held[], slot: number): Recalled {
  return {
    sequence: Math.max(0, ...shards.map(({ kernel }) => kernel.idSequence(slot))),
    keys: () => keysOf(shards, slot),
  };
}

function* keysOf(shards: readonly Held[], slot: number): Iterable<RecalledKey> {
  const decoder = new TextDecoder();
  for (const { kernel, views } of shards) {
    const { u8, u16, u32, f64 } = views;
    for (let at = kernel.nextKey(slot, 0) >>> 0; at !== 0; at = kernel.nextKey(slot, at) >>> 0) {
      const length = u16[(at + Key.length) >>> 1] ?? 0;
      // A decoder takes no shared memory.
      const text = u8.slice(at + Key.text, at + Key.text + length);
      yield {
        key: decoder.decode(text),
        partition: (u32[(at + Key.hashLo) >>> 2] ?? 0) & (PARTITIONS - 1),
        seenMs: f64[(at + Key.arrivalMs) >>> 3] ?? 0,
      };
    }
  }
}
