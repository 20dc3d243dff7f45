import { constants, zstdCompressSync } from "node:zlib";
import type { RowGroup, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter as Encoder } from "hyparquet-writer";
import type { OutputFile } from "./output-file.ts";
import type { OutputColumn, OutputValues, OutputWriter } from "./output.ts";

/** Values of a row group, and its rows at most: 32 MiB of numbers, and large enough for a reader to skip by. */
const GROUP_VALUES_MAX = 4 << 20;
const GROUP_ROWS_MAX = 131_072;

type Texts = (string | undefined)[];

interface Pending {
  readonly rows: number;
  readonly values: readonly (Texts | Float64Array)[];
  readonly groups: readonly RowGroup[];
  readonly written: bigint;
}

/** Zstandard's level 1: as fast as none at all where the disk is slower than a core. */
const compressors = {
  ZSTD: (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })),
};

/**
 * Parquet with timestamps in ms, UTC. Row groups have a fixed number of rows whatever comes in one `write`, so that a run that was interrupted
 * and goes on writes the same bytes.
 */
export class ParquetWriter implements OutputWriter {
  private readonly file: OutputFile;
  private readonly columns: readonly OutputColumn[];
  private readonly groupRows: number;
  private readonly sink = new ByteWriter();
  private readonly encoder: Encoder;
  private values: (Texts | Float64Array)[];
  private rows = 0;

  /** `state` is what an earlier writer of the same columns gave; undefined = a new file. */
  constructor(file: OutputFile, columns: readonly OutputColumn[], state: unknown) {
    this.file = file;
    this.columns = columns;
    const byValues = Math.floor(GROUP_VALUES_MAX / columns.length);
    this.groupRows = Math.max(1, Math.min(GROUP_ROWS_MAX, byValues));
    this.values = this.fresh();
    this.encoder = new Encoder({
      writer: this.sink,
      schema: schemaOf(columns),
      codec: "ZSTD",
      compressors,
      createdBy: "weir",
    });
    if (isPending(state)) this.goOn(state);
    else this.flush();
  }

  write(values: readonly OutputValues[], rows: number): void {
    for (let from = 0; from < rows;) {
      const count = Math.min(rows - from, this.groupRows - this.rows);
      for (const [i, target] of this.values.entries()) {
        copy(values[i] ?? [], target, { from, to: this.rows, count });
      }
      this.rows += count;
      from += count;
      if (this.rows === this.groupRows) this.endGroup();
    }
  }

  state(): unknown {
    const pending: Pending = {
      rows: this.rows,
      values: this.values.map((values) => values.slice(0, this.rows)),
      groups: this.encoder.row_groups,
      written: this.encoder.num_rows,
    };
    return pending;
  }

  finish(): void {
    this.endGroup();
    void this.encoder.finish();
    this.flush();
  }

  private fresh(): (Texts | Float64Array)[] {
    return this.columns.map(({ type }) =>
      type === "text" ? [] : new Float64Array(this.groupRows),
    );
  }

  private endGroup(): void {
    const { rows } = this;
    if (rows === 0) return;
    const columnData = this.columns.map(({ name, type, nullable }, i) => {
      const values = this.values[i] ?? [];
      const part = values.slice(0, rows);
      if (!(part instanceof Float64Array)) return { name, data: part, offsetIndex: false };
      const data = type === "time" ? times(part) : withNulls(part, nullable);
      // Readers skip row groups by time; by a feature they hardly can.
      const statistics = type === "time";
      return { name, data, encoding: "PLAIN" as const, offsetIndex: false, statistics };
    });
    void this.encoder.write({ columnData, rowGroupSize: rows });
    // Of page indexes, which are not written.
    this.encoder.pendingIndexes = [];
    this.flush();
    this.rows = 0;
    for (const values of this.values) if (Array.isArray(values)) values.length = 0;
  }

  private flush(): void {
    this.file.write(this.sink.getBytes());
    this.sink.index = 0;
  }

  private goOn(state: Pending): void {
    this.encoder.row_groups = [...state.groups];
    this.encoder.num_rows = state.written;
    this.sink.index = 0;
    this.sink.offset = this.file.bytes;
    this.write(state.values, state.rows);
  }
}

function isPending(state: unknown): state is Pending {
  return typeof state === "object" && state !== null && "groups" in state;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

function copy(source: OutputValues, target: Texts | Float64Array, { from, to, count }: Span): void {
  if (target instanceof Float64Array) {
    if (source instanceof Float64Array) target.set(source.subarray(from, from + count), to);
    return;
  }
  for (let i = 0; i < count; i++) {
    const value = source[from + i];
    target[to + i] = typeof value === "string" ? value : undefined;
  }
}

function times(values: Float64Array): (bigint | undefined)[] | BigInt64Array {
  if (!values.some(Number.isNaN)) return BigInt64Array.from(values, BigInt);
  return Array.from(values, (time) => (Number.isNaN(time) ? undefined : BigInt(time)));
}

function withNulls(values: Float64Array, nullable: boolean): (number | undefined)[] | Float64Array {
  if (!nullable || !values.some(Number.isNaN)) return values;
  return Array.from(values, (value) => (Number.isNaN(value) ? undefined : value));
}

function schemaOf(columns: readonly OutputColumn[]): SchemaElement[] {
  const root: SchemaElement = { name: "root", num_children: columns.length };
  return [root, ...columns.map(elementOf)];
}

function elementOf({ name, type, nullable }: OutputColumn): SchemaElement {
  const repetition_type = nullable ? "OPTIONAL" : "REQUIRED";
  switch (type) {
    case "text":
      return { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type };
    case "time":
      return {
        name,
        type: "INT64",
        converted_type: "TIMESTAMP_MILLIS",
        logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
        repetition_type,
      };
    case "number":
      return { name, type: "DOUBLE", repetition_type };
    default:
      return type satisfies never;
  }
}
