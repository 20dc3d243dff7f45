import { isUtf8 } from "node:buffer";

/** Bytes that are no protobuf message; `at` is the offset where reading stopped. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly at: number;

  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

const varintBytesMax = 10;
const groupDepthMax = 100;
/** From here on native decoding beats a loop over the bytes. */
const shortStringBytes = 24;
const cachedStringBytes = 32;

function decodeText(bytes: Buffer, start: number, end: number): string {
  if (end - start <= shortStringBytes) {
    let at = start;
    while (at < end && (bytes[at] ?? 0) < 0x80) at++;
    if (at === end) return bytes.toString("latin1", start, end);
  }
  if (!isUtf8(bytes.subarray(start, end))) throw new WireError("text is not valid UTF-8", start);
  return bytes.toString("utf8", start, end);
}

/**
 * Strings that come again and again (names of inputs, detectors, busy keys): the same JavaScript string for the same bytes,
 * without decoding it. Direct-mapped, so it never grows and a newcomer takes the slot.
 */
export class StringCache {
  readonly #mask: number;
  readonly #strings: string[];
  readonly #lengths: Uint8Array;
  readonly #bytes: Uint8Array;

  /** `slots` is a power of two. */
  constructor(slots: number) {
    this.#mask = slots - 1;
    this.#strings = Array.from({ length: slots }, () => "");
    this.#lengths = new Uint8Array(slots);
    this.#bytes = new Uint8Array(slots * cachedStringBytes);
  }

  /** The text of bytes[start..end); throws WireError when it is not UTF-8. */
  text(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > cachedStringBytes) return decodeText(bytes, start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const base = slot * cachedStringBytes;
    const cached = this.#bytes;
    if (this.#lengths[slot] === length) {
      let same = 0;
      while (same < length && cached[base + same] === bytes[start + same]) same++;
      if (same === length) return this.#strings[slot] ?? "";
    }
    const text = decodeText(bytes, start, end);
    for (let index = 0; index < length; index++) cached[base + index] = bytes[start + index] ?? 0;
    this.#lengths[slot] = length;
    this.#strings[slot] = text;
    return text;
  }
}

/**
 * Reads protobuf's wire format out of one buffer. Every read is checked against `end`, which a nested message narrows with
 * `enter` and gives back with `leave`. Strings are copied out; `bytes()` are views over the buffer.
 */
export class WireReader {
  pos = 0;
  end = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewOffset = 0;

  /** Starts over on another buffer. */
  reset(bytes: Buffer): void {
    // Small messages come out of one pooled ArrayBuffer: making a view costs more than most reads.
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    this.#bytes = bytes;
    this.#viewOffset = bytes.byteOffset;
    this.pos = 0;
    this.end = bytes.length;
  }

  /** Narrows `end` to the length-delimited message that starts here; returns the outer end for `leave`. */
  enter(): number {
    const length = this.uint32();
    const inner = this.pos + length;
    if (inner > this.end) throw new WireError("a message is cut short", this.pos);
    const outer = this.end;
    this.end = inner;
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  /** Field number << 3 | wire type. */
  tag(): number {
    const first = this.pos < this.end ? (this.#bytes[this.pos] ?? 0) : 0x80;
    if (first < 0x80) {
      this.pos++;
      if (first < 8) throw new WireError("field number 0", this.pos);
      return first;
    }
    const at = this.pos;
    const tag = this.uint32();
    if (tag < 8 || this.pos - at > 5) throw new WireError("not a field tag", at);
    return tag;
  }

  /** A varint's low 32 bits, unsigned. */
  uint32(): number {
    const first = this.pos < this.end ? (this.#bytes[this.pos] ?? 0) : 0x80;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    const bytes = this.#bytes;
    const last = Math.min(this.end, this.pos + varintBytesMax);
    let value = 0;
    for (let at = this.pos, shift = 0; at < last; at++, shift += 7) {
      const byte = bytes[at] ?? 0;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = at + 1;
        return value >>> 0;
      }
    }
    throw new WireError("a number is cut short or too long", this.pos);
  }

  /** A varint as bool: any bit set. */
  bool(): boolean {
    return this.int64() !== 0;
  }

  /** Exact within +-(2^53 - 1); beyond it rounded, but never into that range. */
  int64(): number {
    const bytes = this.#bytes;
    const last = Math.min(this.end, this.pos + varintBytesMax);
    let low = 0;
    let high = 0;
    for (let at = this.pos, shift = 0; at < last; at++, shift += 7) {
      const byte = bytes[at] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.pos = at + 1;
        return high * 4_294_967_296 + (low >>> 0);
      }
    }
    throw new WireError("a number is cut short or too long", this.pos);
  }

  fixed32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(this.#viewOffset + at, true);
  }

  double(): number {
    const at = this.pos;
    if (at + 8 > this.end) throw new WireError("a double is cut short", at);
    this.pos = at + 8;
    return this.#view.getFloat64(this.#viewOffset + at, true);
  }

  /** A view over the buffer: valid as long as the buffer is. */
  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(): string {
    const length = this.uint32();
    const start = this.#take(length);
    return length === 0 ? "" : decodeText(this.#bytes, start, start + length);
  }

  cachedText(cache: StringCache): string {
    const length = this.uint32();
    const start = this.#take(length);
    return length === 0 ? "" : cache.text(this.#bytes, start, start + length);
  }

  /** Passes over the field whose tag was read. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case 0:
        this.int64();
        return;
      case 1:
        this.#take(8);
        return;
      case 2:
        this.#take(this.uint32());
        return;
      case 3:
        this.#skipGroup(tag, depth);
        return;
      case 5:
        this.#take(4);
        return;
      default:
        throw new WireError(`wire type ${tag & 7}`, this.pos);
    }
  }

  #skipGroup(start: number, depth: number): void {
    if (depth >= groupDepthMax) throw new WireError("groups are nested too deep", this.pos);
    const endTag = start + 1;
    for (;;) {
      const tag = this.tag();
      if (tag === endTag) return;
      this.skip(tag, depth + 1);
    }
  }

  #take(length: number): number {
    const at = this.pos;
    if (at + length > this.end) throw new WireError("a field is cut short", at);
    this.pos = at + length;
    return at;
  }
}
