import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RowFault } from "./rows.ts";

const CHUNK_BYTES = 1 << 20;
/** A row may be so long. */
export const ROW_BYTES_MAX = 16 << 20;

/** A file's bytes, a window of them at a time: what is not used yet moves to the front when more is read. */
export class InputBytes {
  bytes: Buffer;
  /** Bytes in the window, and the first of them that is not used. */
  length = 0;
  at = 0;
  /** Whether the window ends where the file does. */
  ended = false;
  private readonly size: number;
  private readonly fd: number;
  /** Of the file: the byte behind the window. */
  private offset: number;

  constructor(path: string, from: number) {
    this.fd = openSync(path, "r");
    this.size = fstatSync(this.fd).size;
    this.offset = from;
    this.bytes = Buffer.allocUnsafe(2 * CHUNK_BYTES);
  }

  /** Of the file: the first byte that is not used. */
  get position(): number {
    return this.offset - this.length + this.at;
  }

  /** How far the file is read, 0..1. */
  get share(): number {
    return this.size === 0 ? 1 : this.position / this.size;
  }

  /** Reads on when less than a chunk is left. */
  refill(): void {
    if (!this.ended && this.length - this.at < CHUNK_BYTES) this.read();
  }

  /** Reads on because what is left is not a whole row. Throws when a row is longer than it may be. */
  extend(where: string): void {
    const left = this.length - this.at;
    if (left >= ROW_BYTES_MAX) {
      throw new RowFault(
        `${where}: a row of more than ${ROW_BYTES_MAX >> 20} MiB; is a quote or a line left open?`,
      );
    }
    if (left > this.bytes.length / 2) {
      const grown = Buffer.allocUnsafe(this.bytes.length * 2);
      this.bytes.copy(grown, 0, this.at, this.length);
      this.bytes = grown;
      this.length = left;
      this.at = 0;
    }
    this.read();
  }

  close(): void {
    closeSync(this.fd);
  }

  private read(): void {
    this.bytes.copyWithin(0, this.at, this.length);
    this.length -= this.at;
    this.at = 0;
    while (this.length < this.bytes.length) {
      const room = this.bytes.length - this.length;
      const got = readSync(this.fd, this.bytes, this.length, room, this.offset);
      if (got === 0) {
        this.ended = true;
        return;
      }
      this.length += got;
      this.offset += got;
    }
  }
}
