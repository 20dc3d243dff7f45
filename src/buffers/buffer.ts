import { limits } from "../config/limits.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { Column } from "./column.ts";
import type { Cell } from "./column.ts";

/** A row as it was posted. */
export type PostedRow = Readonly<Record<string, unknown>>;

/** The last rows of a stream, in columns. Columns come as rows bring them and stay until the buffer is cleared. */
export class RowBuffer {
  readonly id: string;
  /** The most rows that it holds; the oldest leave. */
  readonly windowRows: number;
  rows = 0;
  /** Rows ever appended since it was made or cleared, those that have left too. */
  appended = 0;
  appendMs = 0;
  /** Of the longest text values: what they may take at most is what counts. */
  private textBytes = 0;
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
    let bytes = 256 + this.textBytes;
    for (const column of this.byName.values()) bytes += column.bytes + column.name.length * 2;
    return bytes;
  }

  /** Appends all rows or, when one of them cannot be taken, none. INVALID_ARGUMENT names the row and the column. */
  append(rows: readonly PostedRow[]): void {
    const started = performance.now();
    const known = new Set(this.byName.keys());
    for (const [index, row] of rows.entries()) check(row, index, known);
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
    this.textBytes = 0;
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
      this.forget(this.head);
      this.head = this.at(1);
      this.rows--;
    }
    const at = this.at(this.rows);
    for (const column of this.byName.values()) column.set(at, null);
    for (const [name, value] of Object.entries(row)) {
      const cell = cellOf(value);
      if (typeof cell === "string") this.textBytes += cell.length * 2;
      this.columnOf(name).set(at, cell);
    }
    this.rows++;
  }

  private forget(at: number): void {
    if (this.textBytes === 0) return;
    for (const column of this.byName.values()) {
      const cell = column.isNumeric ? null : column.get(at);
      if (typeof cell === "string") this.textBytes = Math.max(0, this.textBytes - cell.length * 2);
    }
  }

  private columnOf(name: string): Column {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const made = new Column(name, this.capacity);
    this.byName.set(name, made);
    return made;
  }

  private grow(): void {
    const capacity = Math.min(this.capacity * 2, Math.max(16, this.windowRows));
    for (const column of this.byName.values()) column.grow(capacity, this.head, this.rows);
    this.capacity = capacity;
    this.head = 0;
  }
}

function cellOf(value: unknown): Cell {
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") {
    return value;
  }
  return null;
}

function check(row: PostedRow, index: number, names: Set<string>): void {
  for (const [name, value] of Object.entries(row)) {
    const wrong = problemOf(name, value);
    if (wrong !== undefined) throw WeirError.invalid("MALFORMED", `data[${index}].${name}`, wrong);
    names.add(name);
    if (names.size > limits.bufferColumnsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_ROWS",
        `data[${index}].${name} would be column ${names.size}, at most ${limits.bufferColumnsMax} are kept`,
      );
    }
  }
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
