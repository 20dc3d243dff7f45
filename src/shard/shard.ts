import type { RequestSpan } from "../telemetry/telemetry.ts";
import type { Position } from "./journal.ts";
import { Region } from "./region.ts";
import type { Views } from "./region.ts";

/** Whoever put rows into a batch and waits for their verdicts. */
export interface RowsOwner {
  readonly span: RequestSpan | undefined;
  /** Rows [first, ...) of the region were cut as part of the batch that the journal has at `position`; 0 = it keeps none. */
  cut?(region: Region, first: number, position: Position): void;
  /** Verdicts of rows [first, first + count) can be read from the region, now and not later. */
  done(region: Region, first: number, count: number): void;
  /** The batch died; whether these rows were learned is not known, and their keys start cold. */
  lost(region: Region, first: number, count: number): void;
}

/** Rows of one owner, contiguous in a batch. */
export interface Segment {
  readonly owner: RowsOwner;
  readonly first: number;
  readonly count: number;
  /** clock.now() when they were admitted. */
  readonly admittedAt: number;
}

/** A region that was cut, on its way through the step. */
export interface Batch {
  readonly region: Region;
  readonly segments: readonly Segment[];
  readonly rows: number;
  /** Of its entry in the journal; 0 = it has none. */
  readonly position: Position;
}

/** Rows that nobody waits for: stepped when their shard has nothing else to do. */
export interface AsideBatch {
  /** Whether it has its turn now and then though live rows wait: what it is for would never be ready otherwise. */
  readonly isOwed: boolean;
  /** Those of one queue are stepped in their order. */
  readonly queue: object;
  /** As `packRows` writes them. */
  readonly packed: Uint8Array;
  readonly rows: number;
  /** Their cost; 1 = a row through 10 trees of height 8. */
  readonly work: number;
  /** Their verdicts can be read from the region, now and not later. */
  done(region: Region, rows: number): void;
  /** They were not stepped, and will not be. */
  lost(): void;
}

/** Of the requests of a batch that are traced. */
export function spansOf(batch: Batch): RequestSpan[] {
  const spans: RequestSpan[] = [];
  for (const { owner } of batch.segments) if (owner.span !== undefined) spans.push(owner.span);
  return spans;
}

/** A change to a shard that happens between two batches. */
export type Control = () => Promise<void>;

/** Views over a shard's memory; they stay valid, because the memory never grows. */
export function viewsOf(memory: WebAssembly.Memory): Views {
  return {
    f64: new Float64Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    u16: new Uint16Array(memory.buffer),
    u8: new Uint8Array(memory.buffer),
  };
}

/**
 * One shard's mailbox: rows gather in one region while the other is in flight. At most one batch is in flight, so the rows of a
 * key are applied in the order of admission.
 */
export class Shard {
  gathering: Region;
  /** Set while a batch, a recovery or a control change has the shard. */
  busy = false;
  /** clock.now() by which what gathers must be on its way. */
  flushBy = Number.POSITIVE_INFINITY;
  /** Sum of the gathered rows' costs; 1 = a row through 10 trees of height 8. */
  work = 0;
  /** Of the newest entry that it has in the journal. */
  position: Position = 0;
  /** Of the entry that is being applied. */
  applying: Position = Number.POSITIVE_INFINITY;
  /** Nobody knows what it holds, since it could not be made anew: it stays busy. */
  lost = false;
  /** Its newest entry, where it was not applied and no VOID on disk says so yet. */
  unvoided: Position | undefined;
  readonly asides: AsideBatch[] = [];
  /** clock.now() from which on an aside that is owed goes before what gathers. */
  owedFrom = 0;
  readonly controls: { readonly run: Control; cutsBefore: number }[] = [];
  private spare: Region;
  private segments: Segment[] = [];

  readonly index: number;
  readonly memory: WebAssembly.Memory;
  readonly views: Views;

  constructor(index: number, memory: WebAssembly.Memory, views: Views) {
    this.index = index;
    this.memory = memory;
    this.views = views;
    this.gathering = new Region(0, views);
    this.spare = new Region(1, views);
  }

  /** Rows [first, first + count) of the gathering region were written and belong to `owner`. */
  add(segment: Segment, waitMs: number, work: number): void {
    this.segments.push(segment);
    this.work += work;
    const flushBy = segment.admittedAt + waitMs;
    if (flushBy < this.flushBy) this.flushBy = flushBy;
  }

  /** Queues a change: it happens after everything that gathers now, and before what comes later if that is still waiting then. */
  addControl(run: Control): void {
    this.controls.push({ run, cutsBefore: this.gathering.rows > 0 ? 1 : 0 });
  }

  /** The change whose turn it is, taken off the queue. */
  nextControl(): Control | undefined {
    const [first] = this.controls;
    if (first === undefined || first.cutsBefore > 0) return undefined;
    this.controls.shift();
    return first.run;
  }

  /** Takes what has gathered as a batch and starts gathering in the other region. The shard is busy until `release`. */
  cut(): Pick<Batch, "region" | "segments"> {
    const region = this.gathering;
    const { segments } = this;
    region.seal();
    this.gathering = this.spare;
    this.spare = region;
    this.segments = [];
    this.flushBy = Number.POSITIVE_INFINITY;
    this.work = 0;
    this.busy = true;
    for (const control of this.controls) control.cutsBefore = 0;
    return { region, segments };
  }

  /** The region in which nothing gathers, for rows that nobody waits for. The shard is busy until `giveBack`. */
  borrow(): Region {
    this.busy = true;
    return this.spare;
  }

  giveBack(): void {
    this.spare.clear();
    this.free();
  }

  /** What had the shard is done with it. */
  free(): void {
    if (this.lost) return;
    this.applying = Number.POSITIVE_INFINITY;
    this.busy = false;
  }

  /** Whether rows put into `region` in its `generation` still wait there; then they can be skipped. */
  waits(region: Region, generation: number): boolean {
    return this.gathering === region && region.generation === generation;
  }

  /** The batch is over and its verdicts are read: its region can gather again. */
  release(batch: Pick<Batch, "region">): void {
    batch.region.clear();
    this.free();
  }
}
