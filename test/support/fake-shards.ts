import { KeyHash } from "../../src/shard/key-hash.ts";
import {
  ARENA_BASE,
  OUTPUT_BYTES,
  Output,
  ROW_BYTES,
  Region as Offset,
  Row,
  regionBase,
} from "../../src/shard/layout.ts";
import { createMemory } from "../../src/shard/module.ts";
import type { Region } from "../../src/shard/region.ts";
import { Shard, viewsOf, type Batch } from "../../src/shard/shard.ts";

/** A row as the kernel would see it. */
export interface SteppedRow {
  readonly shard: number;
  readonly op: number;
  readonly key: string;
  readonly hash: readonly [lo: number, hi: number];
  readonly arrivalMs: number;
  readonly eventTimeMs: number;
}

/** What a row leaves behind: f64s from the first value on, of which undefined are not written; 32 bits each of the last one. */
export interface Outcome {
  readonly values: readonly (number | undefined)[];
  readonly bits: readonly [low: number, high: number];
  readonly state: number;
  readonly status: number;
}

/** Shards without a kernel: a test says what becomes of each row, and when. */
export class FakeShards {
  readonly shards: readonly Shard[];
  readonly stepped: SteppedRow[] = [];
  wakes = 0;

  constructor(count: number) {
    const memories = Array.from({ length: count }, () => createMemory(ARENA_BASE));
    this.shards = memories.map((memory, i) => new Shard(i, memory, viewsOf(memory)));
  }

  indexOf(hashLo: number): number {
    return (hashLo & 255) % this.shards.length;
  }

  /** Index of the shard that owns a key. */
  ownerOf(key: string): number {
    const hash = new KeyHash();
    const bytes = Buffer.from(key);
    hash.of(bytes, 0, bytes.length);
    return this.indexOf(hash.lo);
  }

  wake(): void {
    this.wakes++;
  }

  /** Cuts every shard's batch and steps it. The number of rows. */
  step(outcome: (row: SteppedRow) => Outcome): number {
    return this.eachBatch((shard, batch) => {
      for (let at = 0; at < batch.rows; at++) {
        const row = this.rowOf(shard, batch.region, at);
        this.stepped.push(row);
        if (row.op !== 0) this.leave(shard, batch.region, at, outcome(row));
      }
      for (const { owner, first, count } of batch.segments) owner.done(batch.region, first, count);
    });
  }

  /** Every batch dies. */
  lose(): number {
    return this.eachBatch((_, batch) => {
      for (const { owner, first, count } of batch.segments) owner.lost(batch.region, first, count);
    });
  }

  private eachBatch(use: (shard: Shard, batch: Batch) => void): number {
    let rows = 0;
    for (const shard of this.shards) {
      if (shard.gathering.rows === 0) continue;
      const { region, segments } = shard.cut();
      const batch = { region, segments, rows: region.rows, position: 0 };
      rows += batch.rows;
      use(shard, batch);
      shard.release(batch);
    }
    return rows;
  }

  private viewOf(shard: Shard): DataView {
    return new DataView(shard.memory.buffer);
  }

  private rowOf(shard: Shard, region: Region, at: number): SteppedRow {
    const view = this.viewOf(shard);
    const base = regionBase(region.index);
    const row = base + Offset.rows + at * ROW_BYTES;
    const key = base + Offset.bytes + view.getUint32(row + Row.keyOffset, true);
    const length = view.getUint16(row + Row.keyLength, true);
    return {
      shard: shard.index,
      op: view.getUint8(row + Row.op),
      key: Buffer.from(shard.memory.buffer, key, length).toString(),
      hash: [view.getUint32(row + Row.hashLo, true), view.getUint32(row + Row.hashHi, true)],
      arrivalMs: view.getFloat64(row + Row.arrivalMs, true),
      eventTimeMs: view.getFloat64(row + Row.eventTimeMs, true),
    };
  }

  // oxlint-disable-next-line max-params -- where, and what
  private leave(shard: Shard, region: Region, at: number, outcome: Outcome): void {
    const view = this.viewOf(shard);
    const base = regionBase(region.index);
    const row = base + Offset.rows + at * ROW_BYTES;
    const first = base + Offset.values + 8 * view.getUint32(row + Row.valuesOffset, true);
    for (const [i, value] of outcome.values.entries()) {
      if (value !== undefined) view.setFloat64(first + 8 * i, value, true);
    }
    const last = first + 8 * outcome.values.length;
    view.setUint32(last, outcome.bits[0], true);
    view.setUint32(last + 4, outcome.bits[1], true);
    const output = base + Offset.outputs + at * OUTPUT_BYTES;
    view.setUint8(output + Output.state, outcome.state);
    view.setUint32(output + Output.status, outcome.status, true);
  }
}
