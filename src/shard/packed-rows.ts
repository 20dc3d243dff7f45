import {
  OUTPUT_BYTES,
  Op,
  Output,
  ROWS_MAX,
  ROW_BYTES,
  Region as Offset,
  Row,
  BYTES_MAX,
  VALUES_MAX,
  regionBase,
  RegionHeader,
} from "./layout.ts";
import type { Region, Views } from "./region.ts";

/*
 * The rows of a batch as the journal keeps them, little-endian, every part from a multiple of 8:
 *
 *   header   rows u32 │ values u32 │ bytes u32 │ form u32
 *   rows     64 B each, as in a region (layout.ts, Row)
 *   values   float64s
 *   bytes    keys and ids
 *
 * Form 0 is the region's own bytes. Form 1 leaves out the room that rows keep for what the step writes back: there `requestRow` is how many
 * float64s the row came with, which lie one row behind the other, while `valuesOffset` still is where they were in the region. Rows that are
 * skipped, and reads of features, are SKIP without values: a step changes nothing with them.
 */
export const HEADER_BYTES = 16;
const AS_IS = 0;
const WITHOUT_ROOM = 1;

/** Bytes that `packRows` writes at most. */
export function packedBytesMax({ rows, valuesUsed, bytesUsed }: Region): number {
  return HEADER_BYTES + rows * ROW_BYTES + valuesUsed * 8 + align(bytesUsed);
}

/** Writes a sealed region's rows at `at` (a multiple of 8) in `into`; returns the bytes that they take. */
export function packRows(region: Region, views: Views, into: Views, at: number): number {
  const head = at >>> 2;
  const rowsAt = at + HEADER_BYTES;
  const valuesAt = rowsAt + region.rows * ROW_BYTES;
  const base = regionBase(region.index);
  const rows = base + Offset.rows;
  into.u8.set(views.u8.subarray(rows, rows + region.rows * ROW_BYTES), rowsAt);
  const form = region.hasRoomOrGaps ? WITHOUT_ROOM : AS_IS;
  let values = region.valuesUsed;
  if (form === AS_IS) {
    const first = (base + Offset.values) >>> 3;
    into.f64.set(views.f64.subarray(first, first + values), valuesAt >>> 3);
  } else {
    values = packValues(region, views, into, rowsAt);
  }
  const bytesAt = valuesAt + values * 8;
  const text = base + Offset.bytes;
  into.u8.set(views.u8.subarray(text, text + region.bytesUsed), bytesAt);
  into.u32[head] = region.rows;
  into.u32[head + 1] = values;
  into.u32[head + 2] = region.bytesUsed;
  into.u32[head + 3] = form;
  return align(bytesAt + region.bytesUsed) - at;
}

/**
 * Writes the values of rows that lie at `rowsAt`, behind them; returns how many they are. By halves: a NaN that passes through a number may
 * come out with other bits, and a window keeps them.
 */
function packValues(region: Region, views: Views, into: Views, rowsAt: number): number {
  const first = (regionBase(region.index) + Offset.values) >>> 2;
  const from = views.u32;
  const { u8, u32 } = into;
  const start = (rowsAt + region.rows * ROW_BYTES) >>> 2;
  let to = start;
  for (let row = 0; row < region.rows; row++) {
    const at = rowsAt + row * ROW_BYTES;
    const op = u8[at + Row.op] ?? 0;
    const left = op === Op.SKIP || op === Op.READ_FEATURES;
    if (left) u8[at + Row.op] = Op.SKIP;
    const values = left ? 0 : region.valuesOf(row);
    u32[(at + Row.requestRow) >>> 2] = values;
    const offset = first + (u32[(at + Row.valuesOffset) >>> 2] ?? 0) * 2;
    for (let i = 0; i < values * 2; i++) u32[to + i] = from[offset + i] ?? 0;
    to += values * 2;
  }
  return (to - start) >>> 1;
}

/** Rows of packed rows; 0 for bytes that are none. */
export function packedRowsOf(packed: Uint8Array): number {
  if (packed.byteLength < HEADER_BYTES) return 0;
  return new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(0, true);
}

/** Bytes of keys and ids of packed rows; 0 for bytes that are none. */
export function packedTextOf(packed: Uint8Array): number {
  if (packed.byteLength < HEADER_BYTES) return 0;
  return new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(8, true);
}

/**
 * Lays packed rows into a region of a shard's memory and seals it, so that it can be stepped as it was: every row's values are where they were
 * in the region that was packed. Returns the rows; -1 = the bytes are no packed rows, and nothing can be stepped.
 */
export function unpackRows(packed: Uint8Array, views: Views, index: 0 | 1): number {
  const isAligned = (packed.byteOffset & 7) === 0;
  const { buffer, byteOffset, byteLength } = isAligned ? packed : packed.slice();
  if (byteLength < HEADER_BYTES) return -1;
  const head = new Uint32Array(buffer, byteOffset, HEADER_BYTES >>> 2);
  const rows = head[0] ?? 0;
  const values = head[1] ?? 0;
  const bytes = head[2] ?? 0;
  const form = head[3] ?? 0;
  if (rows > ROWS_MAX || values > VALUES_MAX || bytes > BYTES_MAX) return -1;
  const valuesAt = HEADER_BYTES + rows * ROW_BYTES;
  const bytesAt = valuesAt + values * 8;
  if (form > WITHOUT_ROOM || bytesAt + bytes > byteLength) return -1;
  const base = regionBase(index);
  const rowBytes = new Uint8Array(buffer, byteOffset + HEADER_BYTES, rows * ROW_BYTES);
  views.u8.set(rowBytes, base + Offset.rows);
  views.u8.set(new Uint8Array(buffer, byteOffset + bytesAt, bytes), base + Offset.bytes);
  const halves = new Uint32Array(buffer, byteOffset + valuesAt, values * 2);
  if (form === AS_IS) views.u32.set(halves, (base + Offset.values) >>> 2);
  else if (!unpackValues(halves, views, base, rows)) return -1;
  views.u32[(base + Offset.header + RegionHeader.rows) >>> 2] = rows;
  return rows;
}

function unpackValues(halves: Uint32Array, { u32 }: Views, base: number, rows: number): boolean {
  const first = (base + Offset.values) >>> 2;
  let from = 0;
  for (let row = 0; row < rows; row++) {
    const at = base + Offset.rows + row * ROW_BYTES;
    const offset = u32[(at + Row.valuesOffset) >>> 2] ?? 0;
    const values = u32[(at + Row.requestRow) >>> 2] ?? 0;
    if (from + values * 2 > halves.length || offset + values > VALUES_MAX) return false;
    const to = first + offset * 2;
    for (let i = 0; i < values * 2; i++) u32[to + i] = halves[from + i] ?? 0;
    from += values * 2;
  }
  return from === halves.length;
}

/*
 * What a step made of an entry's rows: count u32, 0 u32, then float64 scores, then a u32 a row.
 */
/** Bytes that `packVerdicts` writes. */
export function verdictBytes(rows: number): number {
  return align(8 + rows * 12);
}

/** Writes a stepped region's verdicts at `at` (a multiple of 8). */
export function packVerdicts(region: Region, views: Views, into: Views, at: number): number {
  const { rows } = region;
  const scores = (at + 8) >>> 3;
  const packed = (at + 8 + rows * 8) >>> 2;
  const outputs = regionBase(region.index) + Offset.outputs;
  into.u32[at >>> 2] = rows;
  into.u32[(at + 4) >>> 2] = 0;
  for (let row = 0; row < rows; row++) {
    const output = outputs + row * OUTPUT_BYTES;
    into.f64[scores + row] = views.f64[(output + Output.score) >>> 3] ?? Number.NaN;
    const { u8, u32 } = views;
    into.u32[packed + row] =
      ((u8[output + Output.state] ?? 0) & 7) |
      (((u8[output + Output.anomaly] ?? 0) & 1) << 3) |
      (((u8[output + Output.replayed] ?? 0) & 1) << 4) |
      (((u8[output + Output.source] ?? 0) & 7) << 5) |
      (((u8[output + Output.timeliness] ?? 0) & 7) << 8) |
      (((u8[output + Output.systemAction] ?? 0) & 1) << 11) |
      (Math.min(255, u32[(output + Output.status) >>> 2] ?? 0) << 16);
  }
  return verdictBytes(rows);
}

/** The bits of `packVerdicts`, by name. */
export interface ModelVerdict {
  /** NaN = none. */
  readonly score: number;
  readonly state: number;
  readonly anomaly: boolean;
  readonly replayed: boolean;
  readonly source: number;
  readonly timeliness: number;
  readonly systemAction: boolean;
  /** Status of layout.ts. */
  readonly status: number;
}

/** The verdict of a row; undefined = there is no such row. */
export function verdictIn(packed: Uint8Array, row: number): ModelVerdict | undefined {
  if (packed.byteLength < 8) return undefined;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows = view.getUint32(0, true);
  if (!(row >= 0 && row < rows) || 8 + rows * 12 > packed.byteLength) return undefined;
  const bits = view.getUint32(8 + rows * 8 + row * 4, true);
  return {
    score: view.getFloat64(8 + row * 8, true),
    state: bits & 7,
    anomaly: ((bits >>> 3) & 1) === 1,
    replayed: ((bits >>> 4) & 1) === 1,
    source: (bits >>> 5) & 7,
    timeliness: (bits >>> 8) & 7,
    systemAction: ((bits >>> 11) & 1) === 1,
    status: (bits >>> 16) & 255,
  };
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}
