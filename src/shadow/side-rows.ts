import type { PlacedRows } from "../admission/placer.ts";
import type { DetectorRuntime } from "../admission/runtime.ts";
import { Mode } from "../domain/event.ts";
import { Status } from "../shard/layout.ts";
import { skipPacked } from "../shard/move-packed.ts";
import type { PackedBatch, RowValues } from "../shard/move-packed.ts";
import type { AsideBatch, Segment, Shard } from "../shard/shard.ts";
import { packedBytesMax, packRows } from "../shard/packed-rows.ts";
import type { Region, Views } from "../shard/region.ts";
import type { Pair } from "./pair.ts";
import type { Shadow } from "./shadow.ts";

/** Where some of a request's rows wait: in a region, or packed. */
interface Place {
  region: Region | undefined;
  generation: number;
  batch: SideBatch | undefined;
  first: number;
  readonly count: number;
}

export interface SideRowsOptions {
  readonly shadow: Shadow;
  readonly runtime: DetectorRuntime;
  readonly mode: Mode;
  /** About, of one row. */
  readonly rowBytes: number;
  /** Undefined = there are no verdicts to compare. */
  readonly pair: Pair | undefined;
  /** clock.now() when they were admitted. */
  readonly now: number;
}

/** One request's rows on their way to a shadow. */
export class SideRows implements PlacedRows {
  readonly span = undefined;
  readonly options: SideRowsOptions;
  private readonly places: Place[] = [];

  constructor(options: SideRowsOptions) {
    this.options = options;
  }

  placed(shard: Shard, first: number, count: number): void {
    const region = shard.gathering;
    const { generation } = region;
    this.places.push({ region, generation, batch: undefined, first, count });
    const { shadow, rowBytes } = this.options;
    shadow.rowsBehind += count;
    shadow.bytesBehind += count * rowBytes;
  }

  /** Rows that were at `from` are in a packed batch now. */
  packed(from: Region, first: number, batch: SideBatch): void {
    const place = this.places.find((each) => each.region === from && each.first === first);
    if (place === undefined) return;
    place.region = undefined;
    place.batch = batch;
  }

  /** Rows of a packed batch are in a live region now. */
  moved(batch: SideBatch, first: number, to: Region, at: number): void {
    const place = this.places.find((each) => each.batch === batch && each.first === first);
    if (place === undefined) return;
    place.batch = undefined;
    place.region = to;
    place.generation = to.generation;
    place.first = at;
  }

  /** The live one will not see this row, so the shadow does not, either. */
  skip(requestRow: number): void {
    for (const { region, generation, batch, first, count } of this.places) {
      for (let at = first; at < first + count; at++) {
        if (batch !== undefined) {
          if (batch.requestRow(at) === requestRow) batch.skip(at);
        } else if (region?.generation === generation && region.requestRow(at) === requestRow) {
          region.skip(at);
        }
      }
    }
  }

  /** Rows of a live region were stepped. */
  done(region: Region, first: number, count: number): void {
    for (let at = first; at < first + count; at++) this.saw(region, at, region.requestRow(at));
    this.leave(count);
  }

  saw(region: Region, at: number, requestRow: number): void {
    // A row that was skipped has no state.
    if (region.status(at) !== Status.OK || region.state(at) === 0) return;
    const { pair, runtime, now } = this.options;
    pair?.other(region, at, requestRow);
    if (region.replayed(at) === 0) runtime.cache.put(region, at, now);
  }

  /** `count` rows wait no more. */
  leave(count: number): void {
    const { shadow, rowBytes } = this.options;
    shadow.rowsBehind -= count;
    shadow.bytesBehind -= count * rowBytes;
  }

  lost(_region: Region | undefined, _first: number, count: number): void {
    this.leave(count);
    this.options.shadow.shed(count);
  }

  /** float64s that one row came with, and the room behind them. */
  get values(): RowValues {
    const { runtime, mode } = this.options;
    if (mode === Mode.HEARTBEAT) return { sent: 0, room: 0 };
    return { sent: runtime.sources.length, room: runtime.derived };
  }
}

const none: RowValues = { sent: 0, room: 0 };

/** A segment of rows that wait for shadows. */
export interface SideSegment extends Segment {
  readonly owner: SideRows;
}

/** Rows of one shard that wait for shadows, packed. */
export class SideBatch implements AsideBatch, PackedBatch {
  readonly packed: Uint8Array;
  /** Over `packed`. */
  readonly views: Views;
  readonly rows: number;
  readonly work: number;
  readonly segments: readonly SideSegment[];
  private readonly requestRows: Uint32Array;
  /** By row: index of its segment. */
  private readonly segmentOf: Uint16Array;
  private readonly over: (batch: SideBatch) => void;

  /** Packs what a region holds. `over` is told when nothing of it waits any more. */
  constructor(
    { region, views, work }: { readonly region: Region; readonly views: Views; readonly work: number },
    segments: readonly SideSegment[],
    over: (batch: SideBatch) => void,
  ) {
    const buffer = new ArrayBuffer(packedBytesMax(region));
    this.views = {
      f64: new Float64Array(buffer),
      u32: new Uint32Array(buffer),
      u16: new Uint16Array(buffer),
      u8: new Uint8Array(buffer),
    };
    this.rows = region.rows;
    this.work = work;
    this.segments = segments;
    this.over = over;
    this.requestRows = Uint32Array.from({ length: region.rows }, (_, at) => region.requestRow(at));
    this.packed = this.views.u8.subarray(0, packRows(region, views, this.views, 0));
    this.segmentOf = new Uint16Array(region.rows);
    for (const [index, { owner, first, count }] of segments.entries()) {
      owner.packed(region, first, this);
      this.segmentOf.fill(index, first, first + count);
    }
  }

  values(at: number): RowValues {
    return this.segments[this.segmentOf[at] ?? 0]?.owner.values ?? none;
  }

  requestRow(at: number): number {
    return this.requestRows[at] ?? 0;
  }

  skip(at: number): void {
    skipPacked(this.views, at);
  }

  done(region: Region): void {
    for (const { owner, first, count } of this.segments) {
      for (let at = first; at < first + count; at++) owner.saw(region, at, this.requestRow(at));
      owner.leave(count);
    }
    this.over(this);
  }

  lost(): void {
    for (const { owner, first, count } of this.segments) owner.lost(undefined, first, count);
    this.over(this);
  }
}
