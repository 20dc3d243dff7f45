import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { parquetMetadataAsync, parquetRead } from "hyparquet";
import type { AsyncBuffer, Compressors, FileMetaData, SchemaElement } from "hyparquet";
import { OptionsError } from "../config/options-error.ts";
import { checkTime, numberOf, timeOf } from "./parse.ts";
import { RowFault, shown, type Block, type ColumnType, type Position } from "./rows.ts";
import type { Reader, ReaderOptions } from "./rows.ts";

/** A page may be so large; writers make them of a megabyte, or of a whole column of a row group. */
const PAGE_BYTES_MAX = 512 << 20;
/** What a page declares, and no byte more: few bytes can hold gigabytes. */
const atMost = (length: number) => ({
  maxOutputLength: Math.max(1, Math.min(length, PAGE_BYTES_MAX)),
});
const compressors: Compressors = {
  ZSTD: (bytes, length) => new Uint8Array(zstdDecompressSync(bytes, atMost(length))),
  GZIP: (bytes, length) => new Uint8Array(gunzipSync(bytes, atMost(length))),
  BROTLI: (bytes, length) => new Uint8Array(brotliDecompressSync(bytes, atMost(length))),
};

const NOT_UTF8 = Symbol("not UTF-8");
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const DAY_MS = 86_400_000;

/** Unix ms, cut off towards the past as in texts. */
const parsers = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (time: bigint) => floorDivide(time, 1000n),
  timestampFromNanoseconds: (time: bigint) => floorDivide(time, 1_000_000n),
  dateFromDays: (days: number) => days * DAY_MS,
  stringFromBytes: (bytes: Uint8Array | undefined) => {
    if (bytes === undefined) return bytes;
    try {
      return strict.decode(bytes);
    } catch {
      return NOT_UTF8;
    }
  },
};

function floorDivide(value: bigint, by: bigint): number {
  const quotient = value / by;
  return Number(quotient * by > value ? quotient - 1n : quotient);
}

interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Of a DECIMAL: digits behind the point. */
  readonly scale: number | undefined;
}

type Cells = ArrayLike<unknown>;

/** A row group at a time; `ParquetReader.open` reads the footer. */
export class ParquetReader implements Reader, Block {
  readonly types: readonly (ColumnType | undefined)[];
  readonly names: readonly string[];
  rows = 0;
  readonly faults = new Map<number, RowFault>();
  private readonly file: File;
  private readonly metadata: FileMetaData;
  private readonly columns: readonly (Column | undefined)[];
  private readonly asked: readonly string[];
  private cells: readonly (Cells | undefined)[] = [];
  private group: number;
  private row: number;
  /** Row group whose cells are there; -1 = none. */
  private loaded = -1;
  /** Of the block: position of its first row in its group, and in the file. */
  private first = 0;
  private groupStart = 0;

  static async open(options: ReaderOptions): Promise<ParquetReader> {
    const file = new File(options.path);
    try {
      return new ParquetReader(file, await parquetMetadataAsync(file, { parsers }), options);
    } catch (thrown) {
      file.close();
      if (thrown instanceof OptionsError) throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new OptionsError(`${options.path} is no Parquet file: ${why}`, 1, thrown);
    }
  }

  private constructor(file: File, metadata: FileMetaData, { path, columns, from }: ReaderOptions) {
    this.file = file;
    this.metadata = metadata;
    const flat = flatColumns(metadata.schema);
    this.names = flat.map(({ name }) => name);
    this.asked = columns;
    this.columns = columns.map((name) => flat.find((column) => column.name === name));
    this.types = this.columns.map((column) => column?.type);
    this.group = from?.major ?? 0;
    this.row = from?.minor ?? 0;
    if (flat.length === 0) throw new OptionsError(`${path} has no columns that are not nested`, 1);
  }

  get done(): number {
    const total = Number(this.metadata.num_rows);
    return total === 0 ? 1 : (this.before(this.group) + this.row) / total;
  }

  position(): Position {
    return { major: this.group, minor: this.row };
  }

  close(): void {
    this.file.close();
  }

  async next(rowsMax: number): Promise<Block | undefined> {
    const groups = this.metadata.row_groups;
    while (this.group < groups.length && this.row >= this.rowsOf(this.group)) {
      this.group++;
      this.row = 0;
    }
    if (this.group >= groups.length) return undefined;
    if (this.loaded !== this.group) await this.loadGroup();
    this.rows = Math.min(rowsMax, this.rowsOf(this.group) - this.row);
    this.first = this.row;
    this.row += this.rows;
    return this;
  }

  where(row: number): string {
    return `row ${this.groupStart + this.first + row + 1}`;
  }

  number(row: number, column: number): number {
    const value = this.cells[column]?.[this.first + row];
    if (typeof value === "number") return this.exact(value, column);
    if (value === undefined || value === null) return Number.NaN;
    if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
    if (typeof value === "string") return numberOf(value, this.asked[column] ?? "");
    throw this.fault(column, value, "is no number that a float64 holds");
  }

  timeMs(row: number, column: number): number {
    const value = this.cells[column]?.[this.first + row];
    if (value === undefined || value === null) return Number.NaN;
    const name = this.asked[column] ?? "";
    return typeof value === "string" ? timeOf(value, name) : checkTime(Number(value), value, name);
  }

  text(row: number, column: number): string | undefined {
    const value = this.cells[column]?.[this.first + row];
    if (typeof value === "string") return value;
    if (value === undefined || value === null) return undefined;
    if (this.columns[column]?.type === "time") return new Date(Number(value)).toISOString();
    if (typeof value === "bigint" || typeof value === "boolean") return String(value);
    if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
    throw this.fault(column, value, "is no text; expected one or a whole number");
  }

  /** The decoder multiplies decimals by a power of ten, which is off by a bit now and then. */
  private exact(value: number, column: number): number {
    const scale = this.columns[column]?.scale;
    return scale === undefined ? value : Math.round(value * 10 ** scale) / 10 ** scale;
  }

  private fault(column: number, value: unknown, expected: string): RowFault {
    const name = this.asked[column] ?? "";
    if (value === NOT_UTF8) return new RowFault(`column ${name}: is not UTF-8`);
    return new RowFault(`column ${name}: ${shown(value)} ${expected}`);
  }

  private rowsOf(group: number): number {
    return Number(this.metadata.row_groups[group]?.num_rows ?? 0);
  }

  private before(group: number): number {
    let rows = 0;
    for (let i = 0; i < group; i++) rows += this.rowsOf(i);
    return rows;
  }

  private async loadGroup(): Promise<void> {
    try {
      await this.load();
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new RowFault(
        `row group ${this.group + 1} of ${this.metadata.row_groups.length} cannot be read: ${why}`,
      );
    }
  }

  private async load(): Promise<void> {
    const rowStart = this.before(this.group);
    const rows = this.rowsOf(this.group);
    const found = new Map<string, Cells[]>();
    const names = this.columns.flatMap((column) => (column === undefined ? [] : [column.name]));
    await parquetRead({
      file: this.file,
      metadata: this.metadata,
      columns: [...new Set(names)],
      rowStart,
      rowEnd: rowStart + rows,
      compressors,
      parsers,
      onChunk: ({ columnName, columnData }) => {
        const parts = found.get(columnName);
        if (parts === undefined) found.set(columnName, [columnData]);
        else parts.push(columnData);
      },
    });
    this.cells = this.columns.map((column) =>
      column === undefined ? undefined : joined(found.get(column.name) ?? []),
    );
    const short = this.cells.find((cells) => cells !== undefined && cells.length < rows);
    if (short !== undefined) {
      throw new Error(`a column has ${short.length} of the ${rows} rows in the footer`);
    }
    this.groupStart = rowStart;
    this.loaded = this.group;
  }
}

function joined(parts: readonly Cells[]): Cells {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return parts.flatMap((part) => Array.from(part));
}

/** Columns that are neither lists nor structs. */
function flatColumns(schema: readonly SchemaElement[]): readonly Column[] {
  const columns: Column[] = [];
  const root = schema[0]?.num_children ?? 0;
  let at = 1;
  for (let i = 0; i < root; i++) {
    const element = schema[at];
    if (element === undefined) break;
    const isFlat = (element.num_children ?? 0) === 0 && element.repetition_type !== "REPEATED";
    if (isFlat) {
      const scale = element.converted_type === "DECIMAL" ? (element.scale ?? 0) : undefined;
      columns.push({ name: element.name, type: typeOf(element), scale });
    }
    at = behind(schema, at);
  }
  return columns;
}

/** Index of the element after this one and all that is in it. */
function behind(schema: readonly SchemaElement[], at: number): number {
  let next = at + 1;
  for (let i = 0; i < (schema[at]?.num_children ?? 0); i++) next = behind(schema, next);
  return next;
}

function typeOf({ type, converted_type, logical_type }: SchemaElement): ColumnType {
  const isTime =
    logical_type?.type === "TIMESTAMP" ||
    logical_type?.type === "DATE" ||
    converted_type === "DATE" ||
    converted_type?.startsWith("TIMESTAMP") === true ||
    type === "INT96";
  if (isTime) return "time";
  if (type === "BOOLEAN") return "text";
  return type === "BYTE_ARRAY" && converted_type !== "DECIMAL" ? "text" : "number";
}

/** What the decoder reads from, by synchronous reads: the files are local. */
class File implements AsyncBuffer {
  readonly byteLength: number;
  private readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, "r");
    this.byteLength = fstatSync(this.fd).size;
  }

  slice(start: number, end: number = this.byteLength): ArrayBuffer {
    const bytes = new Uint8Array(end - start);
    let at = 0;
    while (at < bytes.length) {
      const got = readSync(this.fd, bytes, at, bytes.length - at, start + at);
      if (got === 0) break;
      at += got;
    }
    return bytes.buffer;
  }

  close(): void {
    closeSync(this.fd);
  }
}
