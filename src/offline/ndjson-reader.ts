import { isUtf8 } from "node:buffer";
import { InputBytes } from "./input-bytes.ts";
import { checkTime, timeOf } from "./parse.ts";
import { RowFault, shown, type Block, type ColumnType, type Position } from "./rows.ts";
import type { Reader, ReaderOptions } from "./rows.ts";

const LF = 0x0a;
type Row = Readonly<Record<string, unknown>>;
const nothing: Row = {};

/** A JSON object a line. An absent name and null are missing values; a key or category may also be a whole number or a boolean. */
export class NdjsonReader implements Reader, Block {
  readonly types: readonly ColumnType[];
  readonly names = undefined;
  rows = 0;
  readonly faults = new Map<number, RowFault>();
  private readonly input: InputBytes;
  private readonly columns: readonly string[];
  private readonly objects: Row[] = [];
  private readonly lines: number[] = [];
  private line = 1;

  constructor({ path, columns, from }: ReaderOptions) {
    this.columns = columns;
    this.types = columns.map(() => "unknown");
    this.input = new InputBytes(path, from?.major ?? 0);
    if (from !== undefined) this.line = from.minor;
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
    const { input } = this;
    input.refill();
    while (this.rows < rowsMax) {
      const { at, length } = input;
      if (at >= length && input.ended) break;
      const newline = input.bytes.indexOf(LF, at);
      const found = newline >= 0 && newline < length;
      if (!found && !input.ended) {
        if (this.rows > 0) break;
        input.extend(`line ${this.line}`);
        continue;
      }
      const end = found ? newline : length;
      this.take(input.bytes.subarray(at, end));
      input.at = Math.min(end + 1, length);
      this.line++;
    }
    return this.rows === 0 ? undefined : this;
  }

  where(row: number): string {
    return `line ${this.lines[row] ?? 0}`;
  }

  number(row: number, column: number): number {
    const value = this.value(row, column);
    if (typeof value === "number") return value;
    if (value === undefined) return Number.NaN;
    throw this.fault(column, value, "is no number; expected one, or null");
  }

  timeMs(row: number, column: number): number {
    const value = this.value(row, column);
    if (value === undefined) return Number.NaN;
    const name = this.columns[column] ?? "";
    return typeof value === "string" ? timeOf(value, name) : checkTime(Number(value), value, name);
  }

  text(row: number, column: number): string | undefined {
    const value = this.value(row, column);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "boolean") return String(value);
    if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
    throw this.fault(column, value, "is no text; expected one, a whole number, or null");
  }

  private value(row: number, column: number): unknown {
    const object = this.objects[row] ?? nothing;
    const name = this.columns[column] ?? "";
    return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
  }

  private fault(column: number, value: unknown, expected: string): RowFault {
    return new RowFault(`column ${this.columns[column] ?? ""}: ${shown(value)} ${expected}`);
  }

  private take(bytes: Buffer): void {
    const text = bytes.toString("utf8");
    if (text.trim() === "") return;
    const row = this.rows++;
    this.lines[row] = this.line;
    const object = isUtf8(bytes) ? parse(text) : new RowFault("is not UTF-8");
    this.objects[row] = object instanceof RowFault ? nothing : object;
    if (object instanceof RowFault) this.faults.set(row, object);
  }
}

function parse(text: string): Row | RowFault {
  try {
    const value: unknown = JSON.parse(text);
    return isRow(value) ? value : new RowFault(`${shown(value)} is no JSON object`);
  } catch (thrown) {
    return new RowFault(`is no JSON: ${thrown instanceof Error ? thrown.message : "malformed"}`);
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
