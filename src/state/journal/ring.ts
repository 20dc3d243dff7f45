import type { Position } from "../../shard/journal.ts";
import type { Views } from "../../shard/region.ts";

/*
 * One thread writes records, another reads them, in a SharedArrayBuffer: 1 KiB of words, then the records. A record lies in one piece, from a
 * multiple of 8; where the piece up to the end is too short for it, a SKIP record fills that. Counters are in units of 8 bytes and wrap at 2^32,
 * so a ring's size is a power of two.
 *
 *   record   bytes u32 (of the body; of a SKIP: of itself) │ type u8 │ kind u8 │ shard u8 │ 1 = belongs together with the next u8 │ position f64 │ unix_ms f64 │ rows u32 │ 0 u32,
 *            then the body of an ENTRY
 */
export const RecordType = {
  ENTRY: 1,
  /** An entry whose body comes as a message, by a port, in the order of such records. */
  REFERENCE: 2,
  /** No entry: what to do comes by the same port. */
  COMMAND: 3,
  SKIP: 4,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

const WORDS_BYTES = 1024;
const HEAD_BYTES = 32;

/** Words that both sides know, beside the counters. */
export const Word = {
  HEAD: 0,
  TAIL: 1,
  /** Waiting of the reader. */
  WAITING: 2,
  /** Low 32 bits of the newest durable position. */
  DURABLE: 3,
  /** 1 = the main thread was told that it moved, and has not looked yet. */
  TOLD: 4,
  COMMITS: 5,
  /** Microseconds of the newest commit, and of the longest. */
  COMMIT_LAST: 6,
  COMMIT_MAX: 7,
  /** The writer's counter behind the newest record that somebody waits for. */
  URGENT: 8,
  /** Commits by their duration: bucket b counts those below 2^(b + 6) microseconds, the last one the others. */
  COMMIT_BUCKETS: 16,
} as const;
export const COMMIT_BUCKETS = 16;

/** What wakes the reader: a command, or a quarter of the ring in use, does in any case. */
const Waiting = { NO: 0, ANY: 1, PRESSED: 2, URGENT: 3 } as const;

/** What a record says beside its body. */
export interface RecordHead {
  readonly type: RecordType;
  readonly kind: number;
  readonly shard: number;
  readonly position: Position;
  readonly unixMs: number;
  readonly rows: number;
}

/** @param bytes of records: a power of two */
export function createRing(bytes: number): SharedArrayBuffer {
  if (bytes < 1024 || Math.log2(bytes) % 1 !== 0) {
    throw new RangeError(`a ring of ${bytes} bytes: it takes a power of two from 1024`);
  }
  return new SharedArrayBuffer(WORDS_BYTES + bytes);
}

function viewsOver(buffer: SharedArrayBuffer): Views {
  return {
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
    u8: new Uint8Array(buffer),
  };
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** The side that writes. It never waits. */
export class RingWriter {
  /** Over the whole buffer: what `reserve` returns is an offset in it. */
  readonly views: Views;
  readonly words: Int32Array;
  readonly bytes: number;
  private readonly mask: number;
  private head = 0;
  /** Units that a SKIP takes in front of what is reserved, and those reserved with the record's head. */
  private skip = 0;
  private reserved = 0;
  /** Depth of `together`; and the newest record in it. */
  private held = 0;
  private newest = -1;
  private heldUrgent = false;

  constructor(buffer: SharedArrayBuffer) {
    this.views = viewsOver(buffer);
    this.words = new Int32Array(buffer, 0, WORDS_BYTES >>> 2);
    this.bytes = buffer.byteLength - WORDS_BYTES;
    this.mask = (this.bytes >>> 3) - 1;
  }

  get usedBytes(): number {
    return ((this.head - Atomics.load(this.words, Word.TAIL)) >>> 0) * 8;
  }

  get freeBytes(): number {
    return this.bytes - this.usedBytes;
  }

  /**
   * Room for a record with a body of up to `bytes`, that leaves `keep` bytes free. Returns where the body goes, a multiple of 8; -1 = there is no
   * such room now. A second `reserve` forgets the first.
   */
  reserve(bytes: number, keep: number): number {
    const units = (HEAD_BYTES + align(bytes)) >>> 3;
    const from = this.head & this.mask;
    const toEnd = this.mask + 1 - from;
    this.skip = units > toEnd ? toEnd : 0;
    if ((this.skip + units) * 8 + keep > this.freeBytes) return -1;
    this.reserved = units;
    const start = this.skip > 0 ? 0 : from;
    return WORDS_BYTES + start * 8 + HEAD_BYTES;
  }

  /**
   * The record is written: its body takes `bytes` of what was reserved. Of another type than ENTRY: it has none, and `bytes` is for the reader.
   * @param urgent false = nobody waits for it: it goes with the next one that is, or a little later
   */
  commit(record: RecordHead, bytes: number, urgent = true): void {
    const inRing = record.type === RecordType.ENTRY ? bytes : 0;
    const units = (HEAD_BYTES + align(inRing)) >>> 3;
    if (units > this.reserved) throw new RangeError(`${bytes} bytes are more than were reserved`);
    if (this.skip > 0) this.putSkip();
    const at = WORDS_BYTES + ((this.head + this.skip) & this.mask) * 8;
    this.putHead(at, record, bytes);
    this.head = (this.head + this.skip + units) | 0;
    this.skip = 0;
    this.reserved = 0;
    if (this.held === 0) {
      this.publish(urgent, record.type === RecordType.COMMAND);
      return;
    }
    this.newest = at;
    this.heldUrgent ||= urgent;
  }

  /** The reader gets the records that `write` commits all at once, each but the last one marked as belonging together with the next. */
  together(write: () => void): void {
    this.held++;
    try {
      write();
    } finally {
      this.held--;
      if (this.held === 0 && this.newest >= 0) {
        const { u8 } = this.views;
        u8[this.newest + 7] = 0;
        this.newest = -1;
        this.publish(this.heldUrgent, false);
        this.heldUrgent = false;
      }
    }
  }

  private publish(urgent: boolean, pressing: boolean): void {
    if (urgent) Atomics.store(this.words, Word.URGENT, this.head);
    Atomics.store(this.words, Word.HEAD, this.head);
    const waiting = Atomics.load(this.words, Word.WAITING);
    if (waiting === Waiting.NO) return;
    const wakes = waiting === Waiting.ANY || (waiting === Waiting.URGENT && urgent);
    if (!wakes && !pressing && this.usedBytes < this.bytes >>> 2) return;
    Atomics.store(this.words, Word.WAITING, Waiting.NO);
    Atomics.notify(this.words, Word.WAITING);
  }

  private putSkip(): void {
    const at = WORDS_BYTES + (this.head & this.mask) * 8;
    this.views.u32[at >>> 2] = this.skip * 8;
    this.views.u32[(at >>> 2) + 1] = RecordType.SKIP;
  }

  private putHead(at: number, record: RecordHead, bytes: number): void {
    const { u32, f64 } = this.views;
    u32[at >>> 2] = bytes;
    u32[(at >>> 2) + 1] =
      record.type | (record.kind << 8) | (record.shard << 16) | (Math.min(this.held, 1) << 24);
    f64[(at >>> 3) + 1] = record.position;
    f64[(at >>> 3) + 2] = record.unixMs;
    u32[(at >>> 2) + 6] = record.rows;
    u32[(at >>> 2) + 7] = 0;
  }
}

/** The side that reads. What `next` found is in the fields until `release`. */
export class RingReader {
  type: RecordType = RecordType.ENTRY;
  kind = 0;
  shard = 0;
  position: Position = 0;
  unixMs = 0;
  rows = 0;
  /** Of the body, wherever it is. */
  bodyBytes = 0;
  /** The next record, which is there too, belongs into the same transaction. */
  isContinued = false;
  readonly words: Int32Array;
  private readonly buffer: SharedArrayBuffer;
  private readonly views: Views;
  private readonly bytes: number;
  private readonly mask: number;
  private tail = 0;
  private at = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.views = viewsOver(buffer);
    this.words = new Int32Array(buffer, 0, WORDS_BYTES >>> 2);
    this.bytes = buffer.byteLength - WORDS_BYTES;
    this.mask = (this.bytes >>> 3) - 1;
    this.tail = Atomics.load(this.words, Word.TAIL);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.words, Word.HEAD) === this.tail;
  }

  /** Whether there is a record; its head is read. */
  next(): boolean {
    while (!this.isEmpty) {
      this.at = WORDS_BYTES + (this.tail & this.mask) * 8;
      const first = this.views.u32[this.at >>> 2] ?? 0;
      const second = this.views.u32[(this.at >>> 2) + 1] ?? 0;
      const type = typeOf(second & 255);
      if (type === undefined) throw new Error(`the ring holds no record at byte ${this.at}`);
      if (type !== RecordType.SKIP) {
        this.take(type, first, second);
        return true;
      }
      this.advance(first);
    }
    return false;
  }

  private take(type: RecordType, bytes: number, second: number): void {
    const { f64, u32 } = this.views;
    this.type = type;
    this.bodyBytes = bytes;
    this.kind = (second >>> 8) & 255;
    this.shard = (second >>> 16) & 255;
    this.isContinued = second >>> 24 === 1;
    this.position = f64[(this.at >>> 3) + 1] ?? 0;
    this.unixMs = f64[(this.at >>> 3) + 2] ?? 0;
    this.rows = u32[(this.at >>> 2) + 6] ?? 0;
  }

  /** Of an ENTRY, in place: until `release`. */
  body(): Uint8Array {
    return new Uint8Array(this.buffer, this.at + HEAD_BYTES, this.bodyBytes);
  }

  /** The record's room may be written again. */
  release(): void {
    this.advance(HEAD_BYTES + (this.type === RecordType.ENTRY ? align(this.bodyBytes) : 0));
  }

  private advance(bytes: number): void {
    this.tail = (this.tail + (bytes >>> 3)) | 0;
    Atomics.store(this.words, Word.TAIL, this.tail);
  }

  /** Whether somebody waits for a record that is there. */
  get isUrgent(): boolean {
    return ((Atomics.load(this.words, Word.URGENT) - this.tail) | 0) > 0;
  }

  /** Blocks the thread until there is a record that is urgent, or for that long where there are only others. */
  wait(milliseconds: number): void {
    this.sleep(Waiting.ANY, Number.POSITIVE_INFINITY);
    this.sleep(Waiting.URGENT, milliseconds);
  }

  /** Blocks for that long, or until a quarter of the ring is used or a command comes. */
  gather(milliseconds: number): void {
    this.sleep(Waiting.PRESSED, milliseconds);
  }

  private sleep(until: 1 | 2 | 3, milliseconds: number): void {
    Atomics.store(this.words, Word.WAITING, until);
    // Looked at after the word is set: a record that was written before is seen, one written later wakes.
    if (!this.isReached(until)) Atomics.wait(this.words, Word.WAITING, until, milliseconds);
    Atomics.store(this.words, Word.WAITING, Waiting.NO);
  }

  private isReached(until: 1 | 2 | 3): boolean {
    if (until === Waiting.ANY) return !this.isEmpty;
    if (until === Waiting.URGENT && this.isUrgent) return true;
    const used = (Atomics.load(this.words, Word.HEAD) - this.tail) >>> 0;
    return used * 8 >= this.bytes >>> 2;
  }
}

const types: readonly (RecordType | undefined)[] = [
  undefined,
  RecordType.ENTRY,
  RecordType.REFERENCE,
  RecordType.COMMAND,
  RecordType.SKIP,
];

function typeOf(number: number): RecordType | undefined {
  return types[number];
}
