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
  /** Where the live one's rows are. */
  readonly shard: Shard;
  readonly liveRegion: Region;
  readonly liveGeneration: number;
}

export interface SideRowsOptions {
  readonly shadows: true;
  readonly shadow: Shadow;
  readonly runtime: DetectorRuntime;
  readonly mode: Mode;
  /** About, of one row. */
  readonly rowBytes: number;
  /** Undefined = there are no verdicts to compare. */
  readonly pair: Pair | undefined;
  /** clock.now() when they were admitted. */
  readonly now: number;
  /** By index; their gathering regions have the same rows for the live one. */
  readonly liveShards: readonly Shard[];
}

/** One request's rows on their way to a shadow. */
export class SideRows implements PlacedRows {
  readonly span = undefined;
  readonly options: SideRowsOptions;
  private readonly places: Place[] = [];
  private left = 0;

  constructor(options: SideRowsOptions) {
    this.options = options;
  }

  placed(side: Shard, first: number, count: number): void {
    const { shadow, rowBytes, liveShards } = this.options;
    const shard = liveShards[side.index];
    if (shard === undefined) throw new Error(`no shard ${side.index}`);
    const region = side.gathering;
    const liveRegion = shard.gathering;
    this.places.push({
      region,
      generation: region.generation,
      batch: undefined,
      first,
      count,
      shard,
      liveRegion,
      liveGeneration: liveRegion.generation,
    });
    shadow.rowsBehind += count;
    shadow.bytesBehind += count * rowBytes;
    shadow.waiting.add(this);
    this.left += count;
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
    for (const place of this.places) {
      const { batch, first, count } = place;
      const region = stillThere(place);
      for (let at = first; at < first + count; at++) {
        const row = batch === undefined ? region?.requestRow(at) : batch.requestRow(at);
        if (row === requestRow) (batch ?? region)?.skip(at);
      }
    }
  }

  /** None of these rows is for the shadow. */
  drop(): void {
    for (const place of this.places) dropPlace(place);
  }

  /** Those rows of a shard are not for the shadow which the live one has seen, or is about to. */
  dropCut(shard: Shard): void {
    for (const place of this.places) {
      if (place.shard !== shard) continue;
      if (!shard.waits(place.liveRegion, place.liveGeneration)) dropPlace(place);
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
    this.left -= count;
    if (this.left === 0) shadow.waiting.delete(this);
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

/** The region that a place names, while its rows are still there. */
function stillThere({ region, generation }: Place): Region | undefined {
  return region?.generation === generation ? region : undefined;
}

function dropPlace(place: Place): void {
  const { batch, first, count } = place;
  const rows = batch ?? stillThere(place);
  for (let at = first; at < first + count; at++) rows?.skip(at);
}

const none: RowValues = { sent: 0, room: 0 };

/** A segment of rows that wait for shadows. */
export interface SideSegment extends Segment {
  readonly owner: SideRows;
}

interface SideBatchOf {
  readonly region: Region;
  readonly views: Views;
  readonly work: number;
  readonly queue: object;
}

/** Rows of one shard that wait for shadows, packed. */
export class SideBatch implements AsideBatch, PackedBatch {
  readonly isOwed: boolean;
  readonly queue: object;
  readonly packed: Uint8Array;
  /** Over `packed`. */
  readonly views: Views;
  readonly rows: number;
  readonly work: number;
  /** Whether its shard has it. */
  isHanded = false;
  readonly segments: readonly SideSegment[];
  private readonly requestRows: Uint32Array;
  /** By row: index of its segment. */
  private readonly segmentOf: Uint16Array;
  private readonly over: (batch: SideBatch) => void;

  /** Packs what a region holds. `over` is told when nothing of it waits any more. */
  constructor(
    { region, views, work, queue }: SideBatchOf,
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
    this.queue = queue;
    this.isOwed = segments.some(({ owner }) => owner.options.shadow.isVersion);
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
