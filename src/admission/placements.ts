import type { Position } from "../shard/journal.ts";
import type { Region } from "../shard/region.ts";
import type { Shard } from "../shard/shard.ts";

/** A request's rows in one batch of one shard, [first, first + count) of the region, in the request's order. */
export interface Placement {
  readonly shard: Shard;
  readonly region: Region;
  readonly generation: number;
  readonly first: number;
  readonly count: number;
  /** Of the batch in the journal; 0 = it is not cut yet, or nothing is kept of it. */
  position: Position;
}

/** Where a request's rows are, and how far their batches are on their way to the disk. */
export class Placements {
  readonly all: Placement[] = [];
  /** By request row: index of its placement, where there are several. */
  private owners: Uint8Array | undefined;
  private readonly rows: number;

  constructor(rows: number) {
    this.rows = rows;
  }

  add(shard: Shard, first: number, count: number): void {
    const region = shard.gathering;
    const { generation } = region;
    this.all.push({ shard, region, generation, first, count, position: 0 });
    if (this.all.length > 1) this.note();
  }

  /** A batch was cut, or lost (position 0). Undefined = none of this request's rows are there. */
  cut(region: Region, first: number, position: Position): Placement | undefined {
    const placement = this.all.find((each) => each.region === region && each.first === first);
    if (placement !== undefined) placement.position = position;
    return placement;
  }

  /** Whether the journal has the batch. */
  isIn(region: Region, first: number): boolean {
    return this.all.some(
      (each) => each.region === region && each.first === first && each.position > 0,
    );
  }

  /** Of the batch that comes to the disk last; 0 = none of them is to. */
  get newest(): Position {
    let newest = 0;
    for (const { position } of this.all) if (position > newest) newest = position;
    return newest;
  }

  /** Rows whose batch is not cut. */
  get waiting(): number {
    const left = this.all.filter(({ shard, region, generation }) =>
      shard.waits(region, generation),
    );
    return left.reduce((sum, { count }) => sum + count, 0);
  }

  /** Nobody else answers any of the rows; before one of them is cut. */
  unshare(): void {
    for (const { region, first, count } of this.all) {
      for (let at = first; at < first + count; at++) region.unshare(at);
    }
  }

  /** Marks the rows whose batch is on disk. */
  markDurable(durables: Uint8Array, durable: Position): void {
    const [only] = this.all;
    if (this.owners === undefined) {
      durables.fill(only !== undefined && isDurable(only, durable) ? 1 : 0);
      return;
    }
    for (let row = 0; row < this.rows; row++) {
      const placement = this.all[this.owners[row] ?? 0];
      durables[row] = placement !== undefined && isDurable(placement, durable) ? 1 : 0;
    }
  }

  /** Request rows of a placement with their rows in its entry. */
  *rowsOf(placement: Placement): Iterable<{ readonly row: number; readonly entryRow: number }> {
    const index = this.all.indexOf(placement);
    let entryRow = placement.first;
    for (let row = 0; row < this.rows; row++) {
      if (this.owners === undefined || this.owners[row] === index)
        yield { row, entryRow: entryRow++ };
    }
  }

  /** Whose rows are whose: the regions still hold them. Heartbeats are in every shard, and the last one counts. */
  private note(): void {
    const all =
      this.owners === undefined
        ? [...this.all.entries()]
        : [[this.all.length - 1, this.all.at(-1)] as const];
    this.owners ??= new Uint8Array(this.rows);
    for (const [index, placement] of all) {
      if (placement === undefined) continue;
      const { region, first, count } = placement;
      for (let at = first; at < first + count; at++) this.owners[region.requestRow(at)] = index;
    }
  }
}

function isDurable({ position }: Placement, durable: Position): boolean {
  return position > 0 && position <= durable;
}
