import { OptionsError } from "../config/options-error.ts";
import { InputBytes } from "./input-bytes.ts";
import { checkTime, numberOf, plainNumber, timeOf } from "./parse.ts";
import { RowFault, type Block, type ColumnType, type Position } from "./rows.ts";
import type { Reader, ReaderOptions } from "./rows.ts";

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const COLUMNS_MAX = 4096;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface CsvOptions extends ReaderOptions {
  /** One ASCII character. */
  readonly delimiter: string;
}

/**
 * CSV as in RFC 4180 with a header, UTF-8, a byte at a time: cells are places in the window of the file, and only what is asked for
 * becomes numbers or texts. An empty cell is a missing value, an empty line is no row.
 */
export class CsvReader implements Reader, Block {
  readonly types: readonly (ColumnType | undefined)[];
  readonly names: readonly string[];
  rows = 0;
  readonly faults = new Map<number, RowFault>();
  private readonly input: InputBytes;
  private readonly columns: readonly string[];
  private readonly delimiter: number;
  /** By position in a row of the file: which of the columns asked for it is; -1 = none. */
  private slots: Int32Array;
  /** Places of cells in the window, by row and column; an end is ~end where quotes in the cell are doubled. */
  private starts = new Int32Array(0);
  private ends = new Int32Array(0);
  private lines = new Float64Array(0);
  private line = 1;
  /** The cell that was taken last. */
  private cellStart = 0;
  private cellEnd = 0;
  /** Lines of the row that was taken last, and what is wrong with its quotes. */
  private linesTaken = 1;
  private brokenQuote: RowFault | undefined;

  constructor({ path, columns, from, delimiter }: CsvOptions) {
    this.columns = columns;
    this.delimiter = delimiter.charCodeAt(0);
    this.slots = Int32Array.from({ length: COLUMNS_MAX }, (_, i) => i);
    this.input = new InputBytes(path, 0);
    this.names = this.header(path);
    this.slots = Int32Array.from(this.names, (name) => columns.indexOf(name));
    this.types = columns.map((name) => (this.names.includes(name) ? "unknown" : undefined));
    if (from === undefined) return;
    this.input.close();
    this.input = new InputBytes(path, from.major);
    this.line = from.minor;
  }

  get done(): number {
    return this.input.share;
  }

  position(): Position {
    return { major: this.input.position, minor: this.line };
  }

  close(): void {
    this.input.close();
  }

  async next(rowsMax: number): Promise<Block | undefined> {
    this.rows = 0;
    this.faults.clear();
    this.reserve(rowsMax);
    this.input.refill();
    while (this.rows < rowsMax) {
      const { input } = this;
      if (input.at >= input.length && input.ended) break;
      if (this.scan()) continue;
      if (this.rows > 0) break;
      input.extend(`line ${this.line}`);
    }
    return this.rows === 0 ? undefined : this;
  }

  where(row: number): string {
    return `line ${this.lines[row] ?? 0}`;
  }

  number(row: number, column: number): number {
    const index = row * this.columns.length + column;
    const start = this.starts[index] ?? 0;
    const end = this.ends[index] ?? 0;
    if (end === start) return Number.NaN;
    const value = plainNumber(this.input.bytes, start, end);
    if (!Number.isNaN(value)) return value;
    return numberOf(this.text(row, column) ?? "", this.columns[column] ?? "");
  }

  timeMs(row: number, column: number): number {
    const index = row * this.columns.length + column;
    const value = plainNumber(this.input.bytes, this.starts[index] ?? 0, this.ends[index] ?? 0);
    if (Number.isInteger(value)) return checkTime(value, value, this.columns[column] ?? "");
    return timeOf(this.text(row, column) ?? "", this.columns[column] ?? "");
  }

  text(row: number, column: number): string | undefined {
    const index = row * this.columns.length + column;
    const start = this.starts[index] ?? 0;
    const end = this.ends[index] ?? 0;
    if (end === start) return undefined;
    if (end < 0) return this.decode(start, ~end, column).replaceAll('""', '"');
    return this.decode(start, end, column);
  }

  private decode(start: number, end: number, column: number): string {
    const { bytes } = this.input;
    for (let i = start; i < end; i++) {
      if ((bytes[i] ?? 0) < 0x80) continue;
      try {
        return strict.decode(bytes.subarray(start, end));
      } catch {
        throw new RowFault(`column ${this.columns[column] ?? ""}: is not UTF-8`);
      }
    }
    return bytes.toString("latin1", start, end);
  }

  private reserve(rows: number): void {
    if (this.lines.length >= rows) return;
    this.lines = new Float64Array(rows);
    this.starts = new Int32Array(rows * this.columns.length);
    this.ends = new Int32Array(rows * this.columns.length);
  }

  private header(path: string): readonly string[] {
    this.starts = new Int32Array(COLUMNS_MAX);
    this.ends = new Int32Array(COLUMNS_MAX);
    this.lines = new Float64Array(1);
    const { input } = this;
    input.refill();
    // A byte order mark, as spreadsheets write it.
    if (input.bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))) input.at = 3;
    const end = (): boolean => input.at >= input.length && input.ended;
    let fields = 0;
    while (fields === 0 && !end()) {
      fields = this.fields(0);
      if (fields < 0) {
        input.extend("line 1");
        fields = 0;
      }
    }
    const names = Array.from({ length: Math.min(fields, COLUMNS_MAX) }, (_, i) => this.name(i));
    this.lines = new Float64Array(0);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (names.length > 0 && twice === undefined) return names;
    const why =
      twice === undefined
        ? "is empty; expected a line of column names"
        : `has two columns ${twice}`;
    throw new OptionsError(`${path} ${why}`, 1);
  }

  private name(i: number): string {
    const end = this.ends[i] ?? 0;
    const name = this.decode(this.starts[i] ?? 0, end < 0 ? ~end : end, 0);
    return end < 0 ? name.replaceAll('""', '"') : name;
  }

  /** Takes the next row. False = it is not whole yet. */
  private scan(): boolean {
    const line = this.line;
    const fields = this.fields(this.rows * this.columns.length);
    if (fields < 0) return false;
    const expected = this.slots.length;
    if (fields === 0) return true;
    this.lines[this.rows] = line;
    if (fields !== expected) {
      const fault = `has ${fields} fields; expected ${expected}, one a column of the header`;
      this.faults.set(this.rows, this.brokenQuote ?? new RowFault(fault));
    } else if (this.brokenQuote !== undefined) this.faults.set(this.rows, this.brokenQuote);
    this.rows++;
    return true;
  }

  /** Fields of the next row, whose places are noted from `base` on; 0 = an empty line, -1 = the row is not whole yet. */
  private fields(base: number): number {
    const { input, slots, starts, ends } = this;
    const { bytes, length } = input;
    let at = input.at;
    let field = 0;
    this.linesTaken = 1;
    this.brokenQuote = undefined;
    for (;;) {
      const end = at < length && bytes[at] === QUOTE ? this.quoted(at, field) : this.plain(at);
      if (end < 0) return -1;
      const slot = slots[field] ?? -1;
      if (slot >= 0) {
        starts[base + slot] = this.cellStart;
        ends[base + slot] = this.cellEnd;
      }
      field++;
      at = end + 1;
      if (end < length && bytes[end] !== LF) continue;
      input.at = Math.min(at, length);
      this.line += this.linesTaken;
      const isEmpty = field === 1 && this.cellEnd === this.cellStart && slots.length > 1;
      return isEmpty ? 0 : field;
    }
  }

  /** Takes the cell that begins at `at`. Where its delimiter, its line's end or the end of the file is; -1 = not in the window yet. */
  private plain(at: number): number {
    const end = this.behind(at);
    if (end < 0) return end;
    const { bytes, length } = this.input;
    const endsLine = end >= length || bytes[end] === LF;
    this.cellStart = at;
    this.cellEnd = endsLine && end > at && bytes[end - 1] === CR ? end - 1 : end;
    return end;
  }

  private quoted(at: number, field: number): number {
    const close = this.closing(at + 1);
    if (close === 0) return -1;
    const { bytes, length } = this.input;
    const last = close < 0 ? ~close : close;
    const next = bytes[last + 1] === CR ? last + 2 : last + 1;
    const end = this.behind(next);
    if (end < 0) return end;
    if (end > next && next < length) {
      this.brokenQuote = new RowFault(
        `field ${field + 1}: text behind a closing quote; expected quotes inside quotes to be doubled`,
      );
    }
    this.linesTaken += newlines(bytes, at, last);
    this.cellStart = at + 1;
    this.cellEnd = close;
    return end;
  }

  /** The first delimiter or line's end from `at` on. */
  private behind(at: number): number {
    const { delimiter } = this;
    const { bytes, length, ended } = this.input;
    let end = at;
    while (end < length && bytes[end] !== delimiter && bytes[end] !== LF) end++;
    return end >= length && !ended ? -1 : Math.min(end, length);
  }

  /** Where the quote is that closes a field; ~ of it where quotes inside are doubled; 0 = not in the window yet. */
  private closing(start: number): number {
    const { bytes, length, ended } = this.input;
    let doubled = false;
    let at = start;
    for (;;) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0 || at >= length) {
        if (!ended) return 0;
        throw new RowFault(`line ${this.line}: a quote is never closed`);
      }
      if (at + 1 >= length && !ended) return 0;
      if (at + 1 >= length || bytes[at + 1] !== QUOTE) return doubled ? ~at : at;
      doubled = true;
      at += 2;
    }
  }
}

function newlines(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (bytes[i] === LF) count++;
  return count;
}
