import { Op, ROW_BYTES, Row } from "./layout.ts";
import { HEADER_BYTES } from "./packed-rows.ts";
import { emptyRow } from "./region.ts";
import type { Region, RowFields, Views } from "./region.ts";

/** float64s of a row: those that it came with, and the room behind them. */
export interface RowValues {
  readonly sent: number;
  readonly room: number;
}

/** Packed rows, as `packRows` wrote them at the start of a buffer. */
export interface PackedBatch {
  /** Over the buffer. */
  readonly views: Views;
  /** Of a row. */
  values(row: number): RowValues;
  /** Position of a row in its request: form 1 has another number there. */
  requestRow(row: number): number;
}

const fields = emptyRow();

/** The row will not be stepped. */
export function skipPacked({ u8 }: Views, row: number): void {
  u8[HEADER_BYTES + row * ROW_BYTES + Row.op] = Op.SKIP;
}

/** Appends packed rows to those that gather in a region. False = they do not fit, and nothing has changed. */
export function movePacked(batch: PackedBatch, region: Region): boolean {
  const { u8, u32, f64 } = batch.views;
  const [rows = 0, packedValues = 0, bytes = 0, form = 0] = u32;
  let needed = 0;
  for (let row = 0; row < rows; row++) {
    const { sent, room } = batch.values(row);
    needed += sent + room;
  }
  if (!region.fits(rows, needed, bytes)) return false;
  const valuesAt = HEADER_BYTES + rows * ROW_BYTES;
  const text = region.putBytes(u8, valuesAt + packedValues * 8, bytes);
  let next = valuesAt >>> 3;
  for (let row = 0; row < rows; row++) {
    const at = HEADER_BYTES + row * ROW_BYTES;
    readRow(batch.views, at);
    const { sent, room } = batch.values(row);
    const own = form === 0 ? sent : (u32[(at + Row.requestRow) >>> 2] ?? 0);
    const offset = u32[(at + Row.valuesOffset) >>> 2] ?? 0;
    const from = form === 0 ? (valuesAt >>> 3) + offset : next;
    next += own;
    fields.requestRow = batch.requestRow(row);
    fields.keyOffset += text;
    fields.idOffset += text;
    fields.values = own;
    fields.room = sent - own + room;
    fields.valuesOffset = region.putValues(f64, from, own, fields.room);
    region.putRow(fields);
    if (fields.op === Op.SKIP) region.skip(region.rows - 1);
  }
  return true;
}

/** A packed row: its fields, with its texts and values where they lie in the buffer. Used anew for the next. */
export interface PackedRow {
  /** `keyOffset` and `idOffset` are bytes of the buffer. */
  readonly fields: RowFields;
  /** Index of its first value in the buffer's float64s. */
  readonly from: number;
}

/** Where the texts of a packed batch are, bytes. */
export function textsOf({ u32 }: Views): { readonly at: number; readonly bytes: number } {
  const [rows = 0, values = 0, bytes = 0] = u32;
  return { at: HEADER_BYTES + rows * ROW_BYTES + values * 8, bytes };
}

/** All rows of a packed batch, in their order. */
export function* packedRows(views: Views): Generator<PackedRow, void> {
  const { u32 } = views;
  const [rows = 0, , , form = 0] = u32;
  const valuesAt = HEADER_BYTES + rows * ROW_BYTES;
  const { at: text } = textsOf(views);
  let next = valuesAt >>> 3;
  for (let row = 0; row < rows; row++) {
    const at = HEADER_BYTES + row * ROW_BYTES;
    readRow(views, at);
    fields.keyOffset += text;
    fields.idOffset += text;
    const offset = u32[(at + Row.valuesOffset) >>> 2] ?? 0;
    const from = form === 0 ? (valuesAt >>> 3) + offset : next;
    if (form !== 0) next += u32[(at + Row.requestRow) >>> 2] ?? 0;
    yield { fields, from };
  }
}

function readRow({ u8, u16, u32, f64 }: Views, at: number): void {
  fields.slot = u16[(at + Row.slot) >>> 1] ?? 0;
  fields.op = u8[at + Row.op] ?? 0;
  fields.flags = u8[at + Row.flags] ?? 0;
  fields.keyOffset = u32[(at + Row.keyOffset) >>> 2] ?? 0;
  fields.keyLength = u16[(at + Row.keyLength) >>> 1] ?? 0;
  fields.idOffset = u32[(at + Row.idOffset) >>> 2] ?? 0;
  fields.idLength = u16[(at + Row.idLength) >>> 1] ?? 0;
  fields.hashLo = u32[(at + Row.hashLo) >>> 2] ?? 0;
  fields.hashHi = u32[(at + Row.hashHi) >>> 2] ?? 0;
  fields.clientLo = u32[(at + Row.clientLo) >>> 2] ?? 0;
  fields.clientHi = u32[(at + Row.clientHi) >>> 2] ?? 0;
  fields.arrivalMs = f64[(at + Row.arrivalMs) >>> 3] ?? 0;
  fields.eventTimeMs = f64[(at + Row.eventTimeMs) >>> 3] ?? 0;
  fields.sequence = f64[(at + Row.sequence) >>> 3] ?? 0;
}
