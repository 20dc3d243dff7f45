/** Why a row of a file cannot be taken: what was found in which column, and what is expected. */
export class RowFault extends Error {
  override readonly name = "RowFault";
}

/** Rows of a file as they were read; valid until its reader's next block. Columns are positions among those that the reader was asked for. */
export interface Block {
  readonly rows: number;
  /** Rows that are none, by position. */
  readonly faults: ReadonlyMap<number, RowFault>;
  /** For messages: "line 17" or "row 17", from 1. */
  where(row: number): string;
  /** NaN = missing. Throws a RowFault when there is something else than a number. */
  number(row: number, column: number): number;
  /** Unix ms; NaN = missing. Throws a RowFault when there is no time. */
  timeMs(row: number, column: number): number;
  /** Undefined = missing. Throws a RowFault when it is no text. */
  text(row: number, column: number): string | undefined;
}

/** What a file says of a column before its rows are read. */
export type ColumnType = "number" | "text" | "time" | "unknown";

export interface Reader {
  /** By position among the columns that were asked for; undefined = the file does not have it. */
  readonly types: readonly (ColumnType | undefined)[];
  /** All columns of the file; undefined = they are not known beforehand. */
  readonly names: readonly string[] | undefined;
  /** Share of the file that was read, 0..1. */
  readonly done: number;
  /** The next rows, at least one and at most `rowsMax`; undefined = the end. */
  next(rowsMax: number): Promise<Block | undefined>;
  /** Where the next block begins, for `ReaderOptions.from`. */
  position(): Position;
  close(): void;
}

/** Byte of the file and line (text), or row group and row in it (Parquet). */
export interface Position {
  readonly major: number;
  readonly minor: number;
}

export interface ReaderOptions {
  readonly path: string;
  readonly columns: readonly string[];
  /** Undefined = the beginning. */
  readonly from: Position | undefined;
}

/** As it is shown in a message. */
export function shown(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 64 ? `${text.slice(0, 64)}...` : text;
}
