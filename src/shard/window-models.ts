import { setImmediate } from "node:timers/promises";
import { stateOf } from "../domain/verdict.ts";
import type { State } from "../domain/verdict.ts";
import { notLearning } from "./mender.ts";
import type { Change, Position, ShardJournal } from "./journal.ts";
import { BLOCK_HEADER, PARTITIONS, Root, Slot, slotBase, Status, Ticket } from "./layout.ts";
import type { ShardExports } from "./module.ts";
import type { Views } from "./region.ts";
import { emptyKeyHash } from "./key-hash.ts";
import type { Shard } from "./shard.ts";

/** A window that is due for training, taken out of its shard. */
export interface TrainingCopy {
  /** Index of the shard that its cell lives in. */
  readonly shard: number;
  /** Names the training in its shard; never the same twice. */
  readonly handle: number;
  readonly slot: number;
  /** KeyHash of the cell's key, hi << 32 | lo. Where the detector has one cell that of "", and 0 where it derives features, too. */
  readonly keyHash: bigint;
  /** Rows that the cell had learned when the copy was made, the last row of the copy among them. */
  readonly position: number;
  /** The position from which on it was due: the same as `position` unless trainings or memory were short. */
  readonly dueAt: number;
  /** Of the model that this training makes: 1, 2, ... */
  readonly version: number;
  readonly columns: number;
  /** Row-major, oldest first, NaN = missing. Shared memory, so that it goes to a thread without another copy. */
  readonly rows: Float64Array<SharedArrayBuffer>;
}

/**
 * swapped: the next row is scored by the new model. gone: the cell was reset, evicted, dropped or deleted meanwhile. no_memory: the model
 * found no room, the old one stays; counted as a failed training. In all three cases the training is over, and needs no `dropTraining`.
 */
export interface SwapResult {
  readonly outcome: "swapped" | "gone" | "no_memory";
  /** Rows that the cell had learned when the model was swapped in; 0 = it was not. */
  readonly position: number;
}

/** The one cell of a detector whose scope is the detector. */
export interface CellStatus {
  /** Rows learned. */
  readonly position: number;
  /** Rows in the window now. */
  readonly windowRows: number;
  /** Models so far, 0 = none yet. */
  readonly version: number;
  /** Position of the window that the model was trained on; 0 = no model yet. */
  readonly trainedAt: number;
  readonly state: State;
}

/** Counts over all cells of a detector. */
export interface TrainingCounters {
  /** Windows that were copied to be trained on. */
  readonly trainings: number;
  /** Trainings that made no model, for whatever reason. */
  readonly failed: number;
  /** Of them: those whose copy or model found no memory in the shard. */
  readonly withoutMemory: number;
  /** Times that a window found no memory to grow: it goes on with fewer rows than it may have. */
  readonly windowsWithoutMemory: number;
}

/** Work on one shard while nothing else touches it, between two batches. */
type Exclusively = <T>(shard: Shard, work: (kernel: ShardExports) => T | Promise<T>) => Promise<T>;

/**
 * Bytes that are copied into or out of a shard in one turn of the event loop: some 0.2 ms. A model or window of 4 MiB keeps its shard's rows
 * waiting for about 2 ms, and nobody else.
 */
const COPY_BYTES = 1 << 20;

/** The windows and models of all shards: what is due is taken out, and what was trained is put in, between two batches. */
export class WindowModels {
  /** Told the index of a shard in which trainings are due: after each of its batches until they have been taken. */
  onTrainingDue: ((shard: number) => void) | undefined;
  private readonly shards: readonly Shard[];
  private readonly exclusively: Exclusively;
  private readonly journal: ShardJournal;
  /** Trainings that have not ended, with the entries by which they were taken. */
  private readonly taken = new Map<TrainingCopy, Position>();
  /** Those of rows that were lost: in the shard their handles are others' by now. */
  private readonly lost = new WeakSet<TrainingCopy>();

  constructor(shards: readonly Shard[], exclusively: Exclusively, journal: ShardJournal) {
    this.shards = shards;
    this.exclusively = exclusively;
    this.journal = journal;
  }

  /** Takes the windows that are due for training out of a shard, at most `max` of them: the first that became due first. */
  takeTrainings(
    shard: number,
    max: number = Number.POSITIVE_INFINITY,
  ): Promise<readonly TrainingCopy[]> {
    const held = this.shardAt(shard);
    return this.exclusively(held, (kernel) => this.take(held, kernel, max));
  }

  /** Swaps a trained model in: rows admitted before this call are scored by the old one. Rejects for a model of another detector. */
  async swapModel(copy: TrainingCopy, model: Uint8Array): Promise<SwapResult> {
    if (this.lost.has(copy)) return { outcome: "gone", position: 0 };
    const shard = this.shardAt(copy.shard);
    const { status, position } = await this.exclusively(shard, (kernel) => {
      this.append(shard, { kind: "swap", handle: copy.handle, model });
      return swapModel(shard, kernel, copy.handle, model);
    });
    this.taken.delete(copy);
    switch (status) {
      case Status.OK:
        return { outcome: "swapped", position };
      case Status.GONE:
        return { outcome: "gone", position: 0 };
      case Status.NO_MEMORY:
        return { outcome: "no_memory", position: 0 };
      default:
        throw new Error(`the model does not fit its detector: status ${status}`);
    }
  }

  /**
   * A training ended without a model: the cell goes on with the one it has, and is due again retrain_interval rows from now (before its
   * first model: a quarter of min_samples). `failed` = counted as a failure; else it was given up.
   */
  async dropTraining(copy: TrainingCopy, failed: boolean): Promise<void> {
    const shard = this.shardAt(copy.shard);
    await this.exclusively(shard, (kernel) => {
      this.taken.delete(copy);
      // Its cell is told by `dropTaken`, when the journal can be written again.
      if (this.lost.has(copy) || this.journal.failed) return;
      this.append(shard, { kind: "drop", handle: copy.handle, failed });
      kernel.dropTraining(copy.handle, failed ? 1 : 0);
    });
  }

  /**
   * Trainings that were taken and that nobody is about: before the memories were brought back, or whose end could not be journaled. They come to nothing,
   * and are due again later.
   */
  async dropTaken(): Promise<number> {
    const dropped = this.shards.map((shard) =>
      this.exclusively(shard, (kernel) => {
        const running = new Set<number>();
        for (const copy of this.taken.keys())
          if (copy.shard === shard.index) running.add(copy.handle);
        let count = 0;
        for (let handle = kernel.takenTraining(0); handle !== 0;) {
          if (!running.has(handle)) {
            this.append(shard, { kind: "drop", handle, failed: false });
            kernel.dropTraining(handle, 0);
            count++;
          }
          handle = kernel.takenTraining(handle);
        }
        return count;
      }),
    );
    return (await Promise.all(dropped)).reduce((sum, each) => sum + each, 0);
  }

  /** A copy of the model that scores a key's rows now; undefined = it has none. Without a key: that of a detector's one cell. */
  modelOf(
    slot: number,
    keyHash: bigint = detectorKeyHash,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const shard = this.shardOf(keyHash);
    return this.exclusively(shard, (kernel) => modelOf(shard, kernel, slot, keyHash));
  }

  /** How far the one cell of a detector with scope "detector" is; undefined = it has learned nothing. */
  cellOf(slot: number): CellStatus | undefined {
    return cellIn(this.shardOf(detectorKeyHash).views, slot);
  }

  /** Summed over the shards. */
  counters(slot: number): TrainingCounters {
    const views = this.shards.map((shard) => shard.views);
    return countersIn(views, slot);
  }

  /** The shards went back to what they were after that entry. */
  goBack(durable: Position): void {
    for (const [copy, position] of this.taken) {
      if (position <= durable) continue;
      this.taken.delete(copy);
      this.lost.add(copy);
    }
  }

  /** A batch of the shard has ended. */
  tellDue(shard: Shard): void {
    if (this.onTrainingDue === undefined) return;
    if (shard.views.u32[Root.trainingsDue >>> 2] !== 0) this.onTrainingDue(shard.index);
  }

  private async take(
    shard: Shard,
    kernel: ShardExports,
    max: number,
  ): Promise<readonly TrainingCopy[]> {
    const copies: TrainingCopy[] = [];
    while (copies.length < max && !this.journal.failed) {
      const ticket = kernel.takeTraining() >>> 0;
      if (ticket === 0) break;
      const handle = shard.views.f64[(ticket + Ticket.handle) >>> 3] ?? 0;
      this.append(shard, { kind: "take", handle });
      const { position } = shard;
      // oxlint-disable-next-line no-await-in-loop -- one after the other: the shard is held, and the event loop goes on in between
      const copy = await readCopy(shard, ticket);
      copies.push(copy);
      this.taken.set(copy, position);
      kernel.releaseRows(handle);
    }
    return copies;
  }

  private append(shard: Shard, change: Change): void {
    if (this.journal.failed) throw notLearning();
    const position = this.journal.appendChange(shard.index, change);
    if (position === 0) return;
    shard.position = position;
    shard.applying = position;
  }

  private shardOf(keyHash: bigint): Shard {
    return this.shardAt(Number(keyHash & BigInt(PARTITIONS - 1)) % this.shards.length);
  }

  private shardAt(index: number): Shard {
    const shard = this.shards[index];
    if (shard === undefined) throw new Error(`no shard ${index}`);
    return shard;
  }
}

/** Of the key that a detector's one cell has. */
const detectorKeyHash = (BigInt(emptyKeyHash.hi) << 32n) | BigInt(emptyKeyHash.lo);

async function readCopy({ index, views }: Shard, ticket: number): Promise<TrainingCopy> {
  const u32 = (field: number): number => views.u32[(ticket + field) >>> 2] ?? 0;
  const f64 = (field: number): number => views.f64[(ticket + field) >>> 3] ?? 0;
  const columns = u32(Ticket.columns);
  const length = columns * u32(Ticket.count);
  const rows = new Float64Array(new SharedArrayBuffer(length * 8));
  const first = u32(Ticket.rows) + BLOCK_HEADER;
  const source = views.u8.subarray(first, first + length * 8);
  await copyInTurns(source, new Uint8Array(rows.buffer));
  return {
    shard: index,
    handle: f64(Ticket.handle),
    slot: u32(Ticket.slot),
    keyHash: (BigInt(u32(Ticket.hashHi)) << 32n) | BigInt(u32(Ticket.hashLo)),
    position: f64(Ticket.position),
    dueAt: f64(Ticket.dueAt),
    version: u32(Ticket.version),
    columns,
    rows,
  };
}

async function copyInTurns(from: Uint8Array, to: Uint8Array): Promise<void> {
  for (let at = 0; at < from.length; at += COPY_BYTES) {
    // oxlint-disable-next-line no-await-in-loop -- that is what it is for
    if (at > 0) await setImmediate();
    to.set(from.subarray(at, at + COPY_BYTES), at);
  }
}

async function swapModel(
  { views }: Shard,
  kernel: ShardExports,
  handle: number,
  model: Uint8Array,
): Promise<{ readonly status: number; readonly position: number }> {
  const address = kernel.placeModel(handle, model.length) >>> 0;
  if (address !== 0) await copyInTurns(model, views.u8.subarray(address, address + model.length));
  return { status: kernel.swapModel(handle, address), position: kernel.swapPosition() };
}

function modelOf(
  { views }: Shard,
  kernel: ShardExports,
  slot: number,
  keyHash: bigint,
): Uint8Array<ArrayBuffer> | undefined {
  const lo = Number(keyHash & 0xffff_ffffn);
  const hi = Number(keyHash >> 32n);
  const address = kernel.findModel(slot, lo, hi) >>> 0;
  if (address === 0) return undefined;
  const length = views.u32[(address + MODEL_BYTES) >>> 2] ?? 0;
  return new Uint8Array(views.u8.subarray(address, address + length));
}

/** Offset of a model's length in its header: assembly/model/model.ts. */
const MODEL_BYTES = 8;

/** Read while steps run: each number is right, together they may be a row apart. */
function cellIn({ u32, f64 }: Views, slot: number): CellStatus | undefined {
  const base = slotBase(slot);
  const state = u32[(base + Slot.cellState) >>> 2] ?? 0;
  if (state === 0) return undefined;
  return {
    position: f64[(base + Slot.cellPosition) >>> 3] ?? 0,
    windowRows: u32[(base + Slot.cellRows) >>> 2] ?? 0,
    version: u32[(base + Slot.cellVersion) >>> 2] ?? 0,
    trainedAt: f64[(base + Slot.cellTrainedAt) >>> 3] ?? 0,
    state: stateOf(state),
  };
}

function countersIn(all: readonly Views[], slot: number): TrainingCounters {
  const base = slotBase(slot);
  const sum = (field: number): number =>
    all.reduce((total, { f64 }) => total + (f64[(base + field) >>> 3] ?? 0), 0);
  return {
    trainings: sum(Slot.trainings),
    failed: sum(Slot.trainingsFailed),
    withoutMemory: sum(Slot.trainingsWithoutMemory),
    windowsWithoutMemory: sum(Slot.windowsWithoutMemory),
  };
}
