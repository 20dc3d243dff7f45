import {
  BYTES_MAX,
  Op,
  OUTPUT_BYTES,
  Output,
  ROWS_MAX,
  ROW_BYTES,
  Region as Offset,
  RegionHeader,
  Row,
  RowFlag,
  VALUES_MAX,
  regionBase,
} from "./layout.ts";

/** Typed views over one shard's whole memory, made once: the memory never grows. */
export interface Views {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly u16: Uint16Array;
  readonly u8: Uint8Array;
}

/** One row as the shard reads it. A caller keeps one of these and fills it anew for every row: the hot path makes no garbage. */
export interface RowFields {
  slot: number;
  op: number;
  flags: number;
  /** The row's position in its request. */
  requestRow: number;
  /** Where `putBytes` put the key and the id, and their lengths; an empty text needs no place. */
  keyOffset: number;
  keyLength: number;
  idOffset: number;
  idLength: number;
  /** KeyHash of the key. */
  hashLo: number;
  hashHi: number;
  /** KeyHash of the key that the client sent. */
  clientLo: number;
  clientHi: number;
  arrivalMs: number;
  eventTimeMs: number;
  /** Where `putValues` put the values, how many there are, and the room behind them: float64s. */
  valuesOffset: number;
  values: number;
  room: number;
  /** Of the detector's rows that carry an id: 1, 2, ...; the last one's without an id. */
  sequence: number;
}

/** All zero. */
export function emptyRow(): RowFields {
  return {
    slot: 0,
    op: 0,
    flags: 0,
    requestRow: 0,
    keyOffset: 0,
    keyLength: 0,
    idOffset: 0,
    idLength: 0,
    hashLo: 0,
    hashHi: 0,
    clientLo: 0,
    clientHi: 0,
    arrivalMs: 0,
    eventTimeMs: 0,
    valuesOffset: 0,
    values: 0,
    room: 0,
    sequence: 0,
  };
}

/**
 * One of a shard's two batch regions: rows are written here as they are admitted, and verdicts are read from here after the
 * step, in place. The only code beside the kernel that knows these offsets.
 */
export class Region {
  rows = 0;
  /** Raised by `clear`: rows of an earlier generation are gone. */
  generation = 0;
  /** Of the values area, float64s; and of the bytes of keys and ids. */
  valuesUsed = 0;
  bytesUsed = 0;
  /** Rows have room for what the step writes back, or are not to be stepped: their values do not lie one behind the other. */
  hasRoomOrGaps = false;
  /** Of the batch that was stepped last: its time in the step, microseconds a row. */
  rowUs = 0;
  /** By row: values and the room behind them, float64s. */
  private readonly valueCounts = new Uint32Array(ROWS_MAX * 2);
  private readonly header: number;
  private readonly rowBase: number;
  private readonly outputBase: number;
  private readonly valueBase: number;
  private readonly byteBase: number;

  readonly index: 0 | 1;
  private readonly views: Views;

  constructor(index: 0 | 1, views: Views) {
    this.index = index;
    this.views = views;
    const base = regionBase(index);
    this.header = (base + Offset.header + RegionHeader.rows) >>> 2;
    this.rowBase = base + Offset.rows;
    this.outputBase = base + Offset.outputs;
    this.valueBase = (base + Offset.values) >>> 3;
    this.byteBase = base + Offset.bytes;
  }

  /** Whether a request's share of rows, f64 values and text bytes still fits. */
  fits(rows: number, values: number, bytes: number): boolean {
    return (
      this.rows + rows <= ROWS_MAX &&
      this.valuesUsed + values <= VALUES_MAX &&
      this.bytesUsed + bytes <= BYTES_MAX
    );
  }

  /** Copies text bytes in; returns their offset. */
  putBytes(source: Uint8Array, start: number, length: number): number {
    const offset = this.bytesUsed;
    const target = this.byteBase + offset;
    const { u8 } = this.views;
    for (let i = 0; i < length; i++) u8[target + i] = source[start + i] ?? 0;
    this.bytesUsed = offset + length;
    return offset;
  }

  /** Copies `length` f64 in and keeps `reserve` more for what the step writes back; returns their offset. */
  putValues(source: Float64Array, start: number, length: number, reserve: number): number {
    const offset = this.valuesUsed;
    const target = this.valueBase + offset;
    const { f64 } = this.views;
    for (let i = 0; i < length; i++) f64[target + i] = source[start + i] ?? Number.NaN;
    this.valuesUsed = offset + length + reserve;
    return offset;
  }

  /** Appends one row; returns its position in the batch. */
  putRow(row: RowFields): number {
    const { u8, u16, u32, f64 } = this.views;
    const at = this.rowBase + this.rows * ROW_BYTES;
    u16[(at + Row.slot) >>> 1] = row.slot;
    u8[at + Row.op] = row.op;
    u8[at + Row.flags] = row.flags;
    u32[(at + Row.requestRow) >>> 2] = row.requestRow;
    u32[(at + Row.keyOffset) >>> 2] = row.keyOffset;
    u16[(at + Row.keyLength) >>> 1] = row.keyLength;
    u16[(at + Row.idLength) >>> 1] = row.idLength;
    u32[(at + Row.hashLo) >>> 2] = row.hashLo;
    u32[(at + Row.hashHi) >>> 2] = row.hashHi;
    f64[(at + Row.arrivalMs) >>> 3] = row.arrivalMs;
    f64[(at + Row.eventTimeMs) >>> 3] = row.eventTimeMs;
    u32[(at + Row.valuesOffset) >>> 2] = row.valuesOffset;
    u32[(at + Row.idOffset) >>> 2] = row.idOffset;
    f64[(at + Row.sequence) >>> 3] = row.sequence;
    u32[(at + Row.clientLo) >>> 2] = row.clientLo;
    u32[(at + Row.clientHi) >>> 2] = row.clientHi;
    this.valueCounts[this.rows * 2] = row.values;
    this.valueCounts[this.rows * 2 + 1] = row.room;
    if (row.room > 0 || row.op === Op.READ_FEATURES) this.hasRoomOrGaps = true;
    return this.rows++;
  }

  /** The row will not be stepped. */
  skip(row: number): void {
    this.views.u8[this.rowBase + row * ROW_BYTES + Row.op] = Op.SKIP;
    this.hasRoomOrGaps = true;
  }

  /** The live one's verdict of the row is the answer after all. */
  unshare(row: number): void {
    const at = this.rowBase + row * ROW_BYTES + Row.flags;
    this.views.u8[at] = (this.views.u8[at] ?? 0) & ~RowFlag.SHARED;
  }

  /** float64s that the row came with. */
  valuesOf(row: number): number {
    return this.valueCounts[row * 2] ?? 0;
  }

  /** float64s behind them that the step writes. */
  roomOf(row: number): number {
    return this.valueCounts[row * 2 + 1] ?? 0;
  }

  slot(row: number): number {
    return this.views.u16[(this.rowBase + row * ROW_BYTES + Row.slot) >>> 1] ?? 0;
  }

  /** Rows that would be learned are only scored, and those that are nothing else are skipped: the step leaves nothing behind. */
  stopLearning(): void {
    const { u8 } = this.views;
    for (let row = 0; row < this.rows; row++) {
      const at = this.rowBase + row * ROW_BYTES;
      const op = u8[at + Row.op];
      if (op === Op.SCORE_AND_LEARN) u8[at + Row.op] = Op.SCORE_ONLY;
      else if (op !== Op.SCORE_ONLY && op !== Op.READ_FEATURES) this.skip(row);
      u8[at + Row.flags] = (u8[at + Row.flags] ?? 0) | RowFlag.FLEETING;
    }
  }

  /** Writes the header that the step reads; nothing is appended after it until `clear`. */
  seal(): void {
    this.views.u32[this.header] = this.rows;
  }

  clear(): void {
    this.generation++;
    this.rows = 0;
    this.valuesUsed = 0;
    this.bytesUsed = 0;
    this.hasRoomOrGaps = false;
  }

  requestRow(row: number): number {
    return this.views.u32[(this.rowBase + row * ROW_BYTES + Row.requestRow) >>> 2] ?? 0;
  }

  hashLo(row: number): number {
    return this.views.u32[(this.rowBase + row * ROW_BYTES + Row.hashLo) >>> 2] ?? 0;
  }

  clientLo(row: number): number {
    return this.views.u32[(this.rowBase + row * ROW_BYTES + Row.clientLo) >>> 2] ?? 0;
  }

  clientHi(row: number): number {
    return this.views.u32[(this.rowBase + row * ROW_BYTES + Row.clientHi) >>> 2] ?? 0;
  }

  score(row: number): number {
    return this.outputF64(row, Output.score);
  }

  rawScore(row: number): number {
    return this.outputF64(row, Output.raw);
  }

  threshold(row: number): number {
    return this.outputF64(row, Output.threshold);
  }

  state(row: number): number {
    return this.outputU8(row, Output.state);
  }

  anomaly(row: number): number {
    return this.outputU8(row, Output.anomaly);
  }

  replayed(row: number): number {
    return this.outputU8(row, Output.replayed);
  }

  source(row: number): number {
    return this.outputU8(row, Output.source);
  }

  systemAction(row: number): number {
    return this.outputU8(row, Output.systemAction);
  }

  /** Timeliness, of a detector with a feature program. */
  timeliness(row: number): number {
    return this.outputU8(row, Output.timeliness);
  }

  modelVersion(row: number): number {
    return this.outputU32(row, Output.modelVersion);
  }

  /** Index of the rule of a replayed verdict; -1 = none. */
  rule(row: number): number {
    return this.outputU32(row, Output.rule) | 0;
  }

  status(row: number): number {
    return this.outputU32(row, Output.status);
  }

  /** f64 number `index` after the row's values: what an explained row got back. */
  valueAfter(row: number, index: number): number {
    const offset = this.views.u32[(this.rowBase + row * ROW_BYTES + Row.valuesOffset) >>> 2] ?? 0;
    return this.views.f64[this.valueBase + offset + index] ?? Number.NaN;
  }

  /** Half `half` (0 = the low one) of the 64 bits of f64 number `index` after the row's values. */
  bitsAfter(row: number, index: number, half: 0 | 1): number {
    const offset = this.views.u32[(this.rowBase + row * ROW_BYTES + Row.valuesOffset) >>> 2] ?? 0;
    return this.views.u32[(this.valueBase + offset + index) * 2 + half] ?? 0;
  }

  private outputF64(row: number, field: number): number {
    return this.views.f64[(this.outputBase + row * OUTPUT_BYTES + field) >>> 3] ?? Number.NaN;
  }

  private outputU32(row: number, field: number): number {
    return this.views.u32[(this.outputBase + row * OUTPUT_BYTES + field) >>> 2] ?? 0;
  }

  private outputU8(row: number, field: number): number {
    return this.views.u8[this.outputBase + row * OUTPUT_BYTES + field] ?? 0;
  }
}
