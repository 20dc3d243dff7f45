import { limits } from "../config/limits.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { cellBytes, Column } from "./column.ts";
import type { Cell } from "./column.ts";

/** A row as it was posted. */
export type PostedRow = Readonly<Record<string, unknown>>;

/** What rows bring to a buffer. */
interface Posted {
  /** Of all its columns then. */
  readonly names: Set<string>;
  /** Of columns that text or booleans come to. */
  readonly mixed: Set<string>;
  characters: number;
}

const EMPTY_BYTES = 256;

/** The last rows of a stream, in columns. Columns come as rows bring them and stay until the buffer is cleared. */
export class RowBuffer {
  readonly id: string;
  /** The most rows that it holds; the oldest leave. */
  readonly windowRows: number;
  rows = 0;
  /** Rows ever appended since it was made or cleared, those that have left too. */
  appended = 0;
  appendMs = 0;
  private capacity = 16;
  /** Index of the oldest row. */
  private head = 0;
  private readonly byName = new Map<string, Column>();

  constructor(id: string, windowRows: number) {
    this.id = id;
    this.windowRows = windowRows;
  }

  get columns(): readonly Column[] {
    return [...this.byName.values()];
  }

  get bytes(): number {
    let bytes = EMPTY_BYTES + this.id.length * 2;
    for (const column of this.byName.values()) bytes += column.bytes + column.name.length * 2;
    return bytes;
  }

  /**
   * Appends all rows or, when one of them cannot be taken, none. INVALID_ARGUMENT names the row and the column; RESOURCE_EXHAUSTED
   * when the buffer would grow by more than `room` bytes.
   */
  append(rows: readonly PostedRow[], room = Number.POSITIVE_INFINITY): void {
    const started = performance.now();
    const posted: Posted = { names: new Set(this.byName.keys()), mixed: new Set(), characters: 0 };
    for (const [index, row] of rows.entries()) survey(row, index, posted);
    const growth = this.growth(rows.length, posted);
    if (growth > 0 && growth > room) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_BUFFERS",
        `the rows would take ${growth} bytes, and of the memory of all buffers ${Math.max(0, room)} are left; clear or delete some`,
      );
    }
    for (const row of rows) this.push(row);
    this.appended += rows.length;
    this.appendMs += performance.now() - started;
  }

  clear(): void {
    this.byName.clear();
    this.rows = 0;
    this.head = 0;
    this.appended = 0;
    this.appendMs = 0;
    this.capacity = 16;
  }

  /** Where row `index`, 0 = the oldest, lies in the columns. */
  at(index: number): number {
    const at = this.head + index;
    return at < this.capacity ? at : at - this.capacity;
  }

  private push(row: PostedRow): void {
    if (this.rows === this.capacity && this.capacity < this.windowRows) this.grow();
    if (this.rows === this.capacity || this.rows === this.windowRows) {
      this.head = this.at(1);
      this.rows--;
    }
    const at = this.at(this.rows);
    for (const column of this.byName.values()) column.set(at, null);
    for (const [name, value] of Object.entries(row)) this.columnOf(name).set(at, cellOf(value));
    this.rows++;
  }

  /** Bytes that so many more rows take at most. */
  private growth(rows: number, posted: Posted): number {
    const needed = Math.min(this.windowRows, this.rows + rows);
    let { capacity } = this;
    while (capacity < needed) capacity = this.grown(capacity);
    let bytes = posted.characters * 2;
    for (const name of posted.names) {
      const mixes = posted.mixed.has(name);
      const column = this.byName.get(name);
      if (column === undefined) bytes += cellBytes(mixes) * capacity + name.length * 2;
      else bytes += column.growth(this.capacity, capacity, mixes);
    }
    return bytes;
  }

  private grown(capacity: number): number {
    return Math.min(capacity * 2, Math.max(16, this.windowRows));
  }

  private columnOf(name: string): Column {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const made = new Column(name, this.capacity);
    this.byName.set(name, made);
    return made;
  }

  /** While it has not been full no row has left, so the oldest is the first. */
  private grow(): void {
    this.capacity = this.grown(this.capacity);
    for (const column of this.byName.values()) column.grow(this.capacity);
  }
}

function cellOf(value: unknown): Cell {
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") {
    return value;
  }
  return null;
}

function survey(row: PostedRow, index: number, posted: Posted): void {
  const { names, mixed } = posted;
  for (const [name, value] of Object.entries(row)) {
    const wrong = problemOf(name, value);
    if (wrong !== undefined) throw WeirError.invalid("MALFORMED", pathOf(index, name), wrong);
    if (typeof value === "string") posted.characters += value.length;
    if (typeof value === "string" || typeof value === "boolean") mixed.add(name);
    names.add(name);
    if (names.size > limits.bufferColumnsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_ROWS",
        `${pathOf(index, name)} would be column ${names.size}, at most ${limits.bufferColumnsMax} are kept`,
      );
    }
  }
}

function pathOf(row: number, name: string): string {
  return `data[${row}].${name.slice(0, limits.inputNameBytesMax)}`;
}

function problemOf(name: string, value: unknown): string | undefined {
  if (name.length > limits.inputNameBytesMax) {
    return `the name is longer than ${limits.inputNameBytesMax} characters`;
  }
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "is beyond what a float64 holds";
  }
  if (typeof value !== "string")
    return "is a list or an object; expected a number, text, true, false or null";
  return value.length <= limits.bufferTextCharsMax
    ? undefined
    : `is longer than ${limits.bufferTextCharsMax} characters`;
}
