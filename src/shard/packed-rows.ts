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
 * Form 0 is the region's own bytes. Form 1 leaves out the room that rows keep for what the step writes back: there `clientLo` is the row's
 * room and `clientHi` its values, in float64s. Rows that are skipped, and reads of features, are SKIP without values.
 */
const HEADER_BYTES = 16;
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
    values = packValues(region, views, into, { rowsAt, valuesAt });
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

function packValues(
  region: Region,
  views: Views,
  into: Views,
  { rowsAt, valuesAt }: { readonly rowsAt: number; readonly valuesAt: number },
): number {
  const first = (regionBase(region.index) + Offset.values) >>> 3;
  let used = 0;
  for (let row = 0; row < region.rows; row++) {
    const at = rowsAt + row * ROW_BYTES;
    const op = into.u8[at + Row.op] ?? 0;
    const left = op === Op.SKIP || op === Op.READ_FEATURES;
    if (left) into.u8[at + Row.op] = Op.SKIP;
    const values = left ? 0 : region.valuesOf(row);
    const from = first + (into.u32[(at + Row.valuesOffset) >>> 2] ?? 0);
    const to = (valuesAt >>> 3) + used;
    for (let i = 0; i < values; i++) into.f64[to + i] = views.f64[from + i] ?? Number.NaN;
    into.u32[(at + Row.valuesOffset) >>> 2] = used;
    into.u32[(at + Row.clientLo) >>> 2] = left ? 0 : region.roomOf(row);
    into.u32[(at + Row.clientHi) >>> 2] = values;
    used += values;
  }
  return used;
}

/** Rows of packed rows. */
export function packedRowsOf(packed: Uint8Array): number {
  return new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(0, true);
}

/**
 * Lays packed rows into a region of a shard's memory and seals it, so that it can be stepped as it was. Returns the rows; -1 = the bytes are no
 * packed rows, and nothing can be stepped.
 * @param packed at a multiple of 8 of its buffer
 */
export function unpackRows(packed: Uint8Array, views: Views, index: 0 | 1): number {
  const words = new Uint32Array(packed.buffer, packed.byteOffset, packed.byteLength >>> 2);
  const [rows = 0, values = 0, bytes = 0, form = 0] = words;
  const valuesAt = HEADER_BYTES + rows * ROW_BYTES;
  const bytesAt = valuesAt + values * 8;
  const fits = rows <= ROWS_MAX && values <= VALUES_MAX && bytes <= BYTES_MAX;
  if (!fits || form > WITHOUT_ROOM || bytesAt + bytes > packed.byteLength) return -1;
  const base = regionBase(index);
  views.u8.set(packed.subarray(HEADER_BYTES, valuesAt), base + Offset.rows);
  views.u8.set(packed.subarray(bytesAt, bytesAt + bytes), base + Offset.bytes);
  const numbers = new Float64Array(packed.buffer, packed.byteOffset + valuesAt, values);
  const first = (base + Offset.values) >>> 3;
  if (form === AS_IS) views.f64.set(numbers, first);
  else if (!unpackValues(numbers, views, { base, first, rows })) return -1;
  views.u32[(base + Offset.header + RegionHeader.rows) >>> 2] = rows;
  return rows;
}

function unpackValues(
  numbers: Float64Array,
  views: Views,
  { base, first, rows }: { readonly base: number; readonly first: number; readonly rows: number },
): boolean {
  let used = 0;
  for (let row = 0; row < rows; row++) {
    const at = base + Offset.rows + row * ROW_BYTES;
    const from = views.u32[(at + Row.valuesOffset) >>> 2] ?? 0;
    const room = views.u32[(at + Row.clientLo) >>> 2] ?? 0;
    const values = views.u32[(at + Row.clientHi) >>> 2] ?? 0;
    if (from + values > numbers.length || used + values + room > VALUES_MAX) return false;
    views.f64.set(numbers.subarray(from, from + values), first + used);
    views.u32[(at + Row.valuesOffset) >>> 2] = used;
    used += values + room;
  }
  return true;
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
      (u8[output + Output.state] ?? 0) |
      ((u8[output + Output.anomaly] ?? 0) << 3) |
      ((u8[output + Output.replayed] ?? 0) << 4) |
      ((u8[output + Output.source] ?? 0) << 5) |
      ((u8[output + Output.timeliness] ?? 0) << 8) |
      ((u8[output + Output.systemAction] ?? 0) << 11) |
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
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows = view.getUint32(0, true);
  if (row >= rows || 8 + rows * 12 > packed.byteLength) return undefined;
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
