import { HEADER_BYTES } from "../shard/packed-rows.ts";
import { Op, Row, RowFlag, ROW_BYTES } from "../shard/layout.ts";

/** More float64s than any row comes with. */
const ROW_VALUES_MAX = 4096;
const WITHOUT_ROOM = 1;

/** Reads the rows of an entry where they lie, without a shard. */
export class PackedRowsReader {
  readonly rows: number;
  private readonly view: DataView;
  private readonly body: Uint8Array;
  private readonly textAt: number;

  constructor(body: Uint8Array) {
    this.body = body;
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.rows = this.view.getUint32(0, true);
    this.textAt = HEADER_BYTES + this.rows * ROW_BYTES + this.view.getUint32(4, true) * 8;
  }

  slot(row: number): number {
    return this.view.getUint16(this.at(row) + Row.slot, true);
  }

  op(row: number): number {
    return this.view.getUint8(this.at(row) + Row.op);
  }

  /** Whether it was fed to a shadow, or to a version that learned, beside the detector that answered. */
  isAside(row: number): boolean {
    return (this.view.getUint8(this.at(row) + Row.flags) & RowFlag.SHADOW) !== 0;
  }

  /** Whether both the live one and its shadow have it, of which the shadow answered. */
  isShared(row: number): boolean {
    return (this.view.getUint8(this.at(row) + Row.flags) & RowFlag.SHARED) !== 0;
  }

  /** Hash of the key that the client sent. */
  client(row: number): string {
    return String(this.view.getBigUint64(this.at(row) + Row.clientLo, true));
  }

  /** Unix ms. */
  arrivalMs(row: number): number {
    return this.view.getFloat64(this.at(row) + Row.arrivalMs, true);
  }

  key(row: number): Uint8Array {
    return this.text(row, Row.keyOffset, Row.keyLength);
  }

  /** Empty = it has none. */
  id(row: number): Uint8Array {
    const hasId = (this.view.getUint8(this.at(row) + Row.flags) & RowFlag.HAS_ID) !== 0;
    return hasId ? this.text(row, Row.idOffset, Row.idLength) : this.body.subarray(0, 0);
  }

  /** Bytes of the row's id, without making a view of them. */
  idLength(row: number): number {
    return this.view.getUint16(this.at(row) + Row.idLength, true);
  }

  private at(row: number): number {
    return rowAt(row);
  }

  private text(row: number, offset: number, length: number): Uint8Array {
    const at = this.at(row);
    const from = this.textAt + this.view.getUint32(at + offset, true);
    return this.body.subarray(from, from + this.view.getUint16(at + length, true));
  }
}

/** The rows of an entry before `row`; the others are not stepped. */
export function rowsBefore(body: Uint8Array, row: number): Uint8Array {
  const copy = body.slice();
  const rows = new DataView(copy.buffer).getUint32(0, true);
  for (let each = row; each < rows; each++) copy[rowAt(each) + Row.op] = Op.SKIP;
  return copy;
}

/**
 * The entry's row alone, to be explained: the rows before it are not stepped, those after it are left out, and its values lie where the step finds room
 * behind them. What a step makes of rows does not depend on how they are cut into batches: stepped after `rowsBefore`, the row gets the score that it got.
 */
export function explainedRow(body: Uint8Array, row: number): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const values = view.getUint32(4, true);
  const bytes = view.getUint32(8, true);
  const rowsEnd = HEADER_BYTES + view.getUint32(0, true) * ROW_BYTES;
  const place = valuesOf(view, row, values);
  const to = rowAt(row + 1);
  const copy = new Uint8Array((to + place.count * 8 + bytes + 7) & ~7);
  copy.set(body.subarray(0, to));
  const from = rowsEnd + place.first * 8;
  copy.set(body.subarray(from, from + place.count * 8), to);
  copy.set(body.subarray(rowsEnd + values * 8, rowsEnd + values * 8 + bytes), to + place.count * 8);
  const written = new DataView(copy.buffer);
  written.setUint32(0, row + 1, true);
  written.setUint32(4, place.count, true);
  written.setUint32(12, 0, true);
  for (let each = 0; each < row; each++) copy[rowAt(each) + Row.op] = Op.SKIP;
  const at = to - ROW_BYTES;
  written.setUint32(at + Row.valuesOffset, 0, true);
  written.setUint32(at + Row.requestRow, 0, true);
  const op = written.getUint8(at + Row.op);
  const flags = written.getUint8(at + Row.flags);
  // As admission has it: a row that is only learned is not explained.
  const explains = op === Op.SCORE_AND_LEARN || op === Op.SCORE_ONLY;
  written.setUint8(at + Row.flags, flags | (explains ? RowFlag.EXPLAIN : 0));
  return copy;
}

const rowAt = (row: number): number => HEADER_BYTES + row * ROW_BYTES;

/** Which of the entry's float64s are the row's: where the entry does not say how many, some of what follows are among them. */
function valuesOf(
  view: DataView,
  row: number,
  values: number,
): { readonly first: number; readonly count: number } {
  if (view.getUint32(12, true) === WITHOUT_ROOM) {
    let first = 0;
    for (let each = 0; each < row; each++)
      first += view.getUint32(rowAt(each) + Row.requestRow, true);
    return { first, count: view.getUint32(rowAt(row) + Row.requestRow, true) };
  }
  const first = view.getUint32(rowAt(row) + Row.valuesOffset, true);
  return { first, count: Math.max(0, Math.min(ROW_VALUES_MAX, values - first)) };
}
