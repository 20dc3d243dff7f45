import type { Position } from "../../shard/journal.ts";

/** A mark a megabyte: 16,384 of them are 16 GiB. */
const MARK_BYTES = 1024 * 1024;
const MARKS_MAX = 16_384;

/** How many bytes of entries came behind a position, to about a megabyte; behind the newest 16 GiB: those. */
export class ByteMarks {
  private total = 0;
  private readonly positions: Position[] = [];
  /** `total` when the position was the newest. */
  private readonly totals: number[] = [];

  /** An entry of so many bytes is the newest. */
  add(position: Position, bytes: number): void {
    const marked = this.totals.at(-1) ?? 0;
    if (this.positions.length === 0 || this.total - marked >= MARK_BYTES) {
      this.positions.push(position - 1);
      this.totals.push(this.total);
    }
    this.total += bytes;
    if (this.positions.length > MARKS_MAX) {
      this.positions.splice(0, MARKS_MAX / 2);
      this.totals.splice(0, MARKS_MAX / 2);
    }
  }

  /** Entries behind `position` do not count any more. */
  forgetAfter(position: Position): void {
    this.total -= this.since(position);
    while ((this.positions.at(-1) ?? 0) > position) {
      this.positions.pop();
      this.totals.pop();
    }
  }

  since(position: Position): number {
    let [low, high] = [0, this.positions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.positions[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    // Of the mark at or before the position: a megabyte too many rather than too few.
    return this.total - (this.totals[Math.max(0, low - 1)] ?? this.total);
  }
}
