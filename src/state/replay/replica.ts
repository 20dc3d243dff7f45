import { applyChange } from "../../shard/apply-change.ts";
import type { Position } from "../../shard/journal.ts";
import { Region as Offset, Row, ROW_BYTES, regionBase, Status } from "../../shard/layout.ts";
import { createMemory, instantiate } from "../../shard/module.ts";
import type { ShardExports } from "../../shard/module.ts";
import { packedTextOf, unpackRows } from "../../shard/packed-rows.ts";
import { Region } from "../../shard/region.ts";
import type { Views } from "../../shard/region.ts";
import { viewsOf } from "../../shard/shard.ts";
import { decodeChange, Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";

/** Why a shard could not be brought forward, and at which entry. Its memory is not to be used any more. */
export class ReplayError extends Error {
  readonly position: Position;

  constructor(position: Position, what: string, cause?: unknown) {
    super(`entry ${position} of the journal could not be applied: ${what}`, { cause });
    this.name = "ReplayError";
    this.position = position;
  }
}

export interface ReplicaOptions {
  readonly memory: WebAssembly.Memory;
  readonly kernel: ShardExports;
  /** Positions of entries that are left out: those that VOID entries name. */
  readonly voids?: ReadonlySet<Position>;
  /** Which of the two regions batches are laid into; default 0. */
  readonly region?: 0 | 1;
}

const noVoids: ReadonlySet<Position> = new Set();

/**
 * A shard's memory that is brought forward by the entries of a journal, in their order: outside of a server, or a server's own before it
 * serves. What is applied is what the shard did live, so its state is the same bit for bit.
 */
export class Replica {
  readonly memory: WebAssembly.Memory;
  readonly kernel: ShardExports;
  readonly views: Views;
  /** Of the rows of the newest batch: they and their outputs can be read until the next one. */
  readonly region: Region;
  /** Of the newest entry that was applied or left out; 0 = none. */
  position: Position = 0;
  /** Rows stepped. */
  rows = 0;
  private readonly voids: ReadonlySet<Position>;

  constructor({ memory, kernel, voids = noVoids, region = 0 }: ReplicaOptions) {
    this.memory = memory;
    this.kernel = kernel;
    this.voids = voids;
    this.views = viewsOf(memory);
    this.region = new Region(region, this.views);
  }

  /**
   * An empty shard in a memory of its own.
   * @param memoryBytes what a server gave its shards: the state depends on it once the memory is full
   */
  static create(
    module: WebAssembly.Module,
    memoryBytes: number,
    voids?: ReadonlySet<Position>,
  ): Replica {
    const replica = Replica.blank(module, memoryBytes, voids);
    const status = replica.kernel.initialize(memoryBytes);
    if (status !== Status.OK) throw new Error(`a memory of ${memoryBytes} bytes: status ${status}`);
    return replica;
  }

  /** A zeroed memory into which a snapshot is to be read (`views.u8`); `position` is then to be set. */
  static blank(
    module: WebAssembly.Module,
    memoryBytes: number,
    voids: ReadonlySet<Position> = noVoids,
  ): Replica {
    const memory = createMemory(memoryBytes);
    return new Replica({ memory, kernel: instantiate(module, memory), voids });
  }

  /** Whether the newest CHANGE entry changed nothing, as live. */
  refused = false;

  /**
   * Applies an entry of this replica's shard. ROWS: how many were stepped; everything else, and rows that were left out: 0. Throws a
   * ReplayError that names the position.
   */
  apply(entry: Entry): number {
    let rows = 0;
    if (!this.voids.has(entry.position)) {
      if (entry.kind === Kind.ROWS) rows = this.step(entry);
      else if (entry.kind === Kind.CHANGE) this.change(entry);
    }
    this.position = entry.position;
    return rows;
  }

  /** Op of a row of the region. */
  op(row: number): number {
    return this.views.u8[this.rowAt(row) + Row.op] ?? 0;
  }

  /** RowFlag of a row of the region. */
  flags(row: number): number {
    return this.views.u8[this.rowAt(row) + Row.flags] ?? 0;
  }

  /** Bytes of a row's key, in the region. */
  key(row: number): Uint8Array {
    return this.text(row, Row.keyOffset, Row.keyLength);
  }

  /** Bytes of a row's id, in the region. */
  id(row: number): Uint8Array {
    return this.text(row, Row.idOffset, Row.idLength);
  }

  /** Unix ms. */
  arrivalMs(row: number): number {
    return this.views.f64[(this.rowAt(row) + Row.arrivalMs) >>> 3] ?? Number.NaN;
  }

  /** Unix ms. */
  eventTimeMs(row: number): number {
    return this.views.f64[(this.rowAt(row) + Row.eventTimeMs) >>> 3] ?? Number.NaN;
  }

  /** Index of a row's first value among the memory's float64s. */
  valuesAt(row: number): number {
    const offset = this.views.u32[(this.rowAt(row) + Row.valuesOffset) >>> 2] ?? 0;
    return ((regionBase(this.region.index) + Offset.values) >>> 3) + offset;
  }

  private rowAt(row: number): number {
    return regionBase(this.region.index) + Offset.rows + row * ROW_BYTES;
  }

  private text(row: number, offset: number, length: number): Uint8Array {
    const at = this.rowAt(row);
    const { u8, u16, u32 } = this.views;
    const first = regionBase(this.region.index) + Offset.bytes + (u32[(at + offset) >>> 2] ?? 0);
    return u8.subarray(first, first + (u16[(at + length) >>> 1] ?? 0));
  }

  /** Lays the rows of an entry into the region. */
  private lay({ position, body }: Entry): number {
    const rows = unpackRows(body, this.views, this.region.index);
    if (rows < 0) throw new ReplayError(position, "its body is no rows of a batch");
    this.region.rows = rows;
    this.region.bytesUsed = packedTextOf(body);
    return rows;
  }

  private step(entry: Entry): number {
    const rows = this.lay(entry);
    const done = this.attempt(entry.position, () => this.kernel.step(this.region.index));
    if (done !== rows) throw new ReplayError(entry.position, `its step answered ${done}`);
    this.rows += rows;
    return rows;
  }

  private change({ position, body }: Entry): void {
    const change = this.attempt(position, () => decodeChange(body));
    if (change.kind === "resize" && change.memoryBytes > this.memory.buffer.byteLength) {
      const has = this.memory.buffer.byteLength;
      throw new ReplayError(position, `a shard needs ${change.memoryBytes} bytes, not ${has}`);
    }
    const status = this.attempt(position, () => applyChange(this.kernel, this.views, change));
    // Another status is what the shard answered live, too: nothing has changed then.
    this.refused = status !== Status.OK;
    if (status < 0) throw new ReplayError(position, `a ${change.kind} answered ${status}`);
    if (change.kind === "take" && this.kernel.takenTraining(change.handle - 1) !== change.handle) {
      throw new ReplayError(position, `training ${change.handle} is not the one that is due`);
    }
  }

  private attempt<T>(position: Position, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new ReplayError(position, what, error);
    }
  }
}
