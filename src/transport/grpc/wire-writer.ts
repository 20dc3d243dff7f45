const initialBytes = 64 * 1024;
/** Shorter text is written faster by a loop than by a native call, as long as it is ASCII. */
const shortTextLength = 24;

/**
 * Writes protobuf's wire format into one buffer that is used again for every message: `finish` returns a view that is valid until
 * the next `start`. Not reentrant.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  #view = new DataView(this.#bytes.buffer);
  #pos = 0;

  start(): void {
    this.#pos = 0;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#pos);
  }

  /** A field whose tag takes one byte. */
  uint32(tag: number, value: number): void {
    this.#reserve(11);
    this.#bytes[this.#pos++] = tag;
    this.#varint(value);
  }

  /** A whole number within +-(2^53 - 1), where it is not 0. */
  int64(tag: number, value: number): void {
    if (value === 0) return;
    this.#reserve(11);
    this.#bytes[this.#pos++] = tag;
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.#bytes[this.#pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#pos++] = Number(rest);
  }

  /** A field whose tag takes two bytes: fields 16 to 2047. */
  wideUint32(tag: number, value: number): void {
    this.#reserve(12);
    this.#varint(tag);
    this.#varint(value);
  }

  /** A flag that is set, of fields 16 to 2047. */
  wideTrue(tag: number): void {
    this.#reserve(3);
    const bytes = this.#bytes;
    bytes[this.#pos] = (tag & 0x7f) | 0x80;
    bytes[this.#pos + 1] = tag >>> 7;
    bytes[this.#pos + 2] = 1;
    this.#pos += 3;
  }

  double(tag: number, value: number): void {
    this.#reserve(9);
    this.#bytes[this.#pos] = tag;
    this.#view.setFloat64(this.#pos + 1, value, true);
    this.#pos += 9;
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#reserve(value.length + 6);
    this.#bytes[this.#pos++] = tag;
    this.#varint(value.length);
    this.#bytes.set(value, this.#pos);
    this.#pos += value.length;
  }

  text(tag: number, value: string): void {
    const length = value.length;
    this.#reserve(length * 3 + 6);
    const bytes = this.#bytes;
    const start = this.#pos;
    if (length <= shortTextLength) {
      let index = 0;
      for (; index < length; index++) {
        const unit = value.charCodeAt(index);
        if (unit >= 0x80) break;
        bytes[start + 2 + index] = unit;
      }
      if (index === length) {
        bytes[start] = tag;
        bytes[start + 1] = length;
        this.#pos = start + 2 + length;
        return;
      }
    }
    bytes[this.#pos++] = tag;
    this.#varint(Buffer.byteLength(value));
    this.#pos += bytes.write(value, this.#pos);
  }

  /** Opens a length-delimited message; give what it returns to `close`. */
  open(tag: number): number {
    this.#reserve(2);
    this.#bytes[this.#pos] = tag;
    this.#pos += 2;
    return this.#pos;
  }

  /** Writes the length: in the byte that `open` left for it, or in more after moving the content. */
  close(start: number): void {
    const length = this.#pos - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.#reserve(more);
    this.#bytes.copyWithin(start + more, start, this.#pos);
    this.#pos = start - 1;
    this.#varint(length);
    this.#pos += length;
  }

  #varint(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.#bytes[this.#pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#pos++] = rest;
  }

  #reserve(length: number): void {
    const needed = this.#pos + length;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
