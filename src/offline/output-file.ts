import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync } from "node:fs";
import { rmSync, statSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

/** Of the bytes that were written: how many, and the CRC-32 over them. */
export interface OutputMark {
  readonly bytes: number;
  readonly crc: number;
}

/** A file that has its name only once it is whole; until then it is NAME.partial. */
export class OutputFile {
  bytes = 0;
  private crc = 0;
  private isOpen = true;
  private readonly fd: number;
  private readonly path: string;
  private readonly partial: string;

  /** Begins anew, or goes on behind `mark`. Throws when the partial file is not what was written up to there. */
  constructor(path: string, mark: OutputMark | undefined) {
    // Told now and not when all rows are written and the name is taken.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new Error("it is a directory");
    }
    this.path = path;
    this.partial = partialOf(path);
    this.fd = openSync(this.partial, mark === undefined ? "w" : "r+");
    if (mark !== undefined) this.goOn(mark);
  }

  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      at += writeSync(this.fd, bytes, at, bytes.length - at, this.bytes + at);
    }
    this.crc = crc32(bytes, this.crc);
    this.bytes += bytes.length;
  }

  /** What was written so far is on the disk. */
  mark(): OutputMark {
    fsyncSync(this.fd);
    return { bytes: this.bytes, crc: this.crc };
  }

  finish(): void {
    fsyncSync(this.fd);
    this.close();
    renameSync(this.partial, this.path);
  }

  /** Leaves the partial file for later, or takes it away. */
  abandon(keep: boolean): void {
    this.close();
    if (!keep) rmSync(this.partial, { force: true });
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    closeSync(this.fd);
  }

  private goOn({ bytes, crc }: OutputMark): void {
    const chunk = Buffer.allocUnsafe(1 << 20);
    let found = 0;
    let at = 0;
    while (at < bytes) {
      const got = readSync(this.fd, chunk, 0, Math.min(chunk.length, bytes - at), at);
      if (got === 0) break;
      found = crc32(chunk.subarray(0, got), found);
      at += got;
    }
    if (at < bytes || found !== crc) {
      closeSync(this.fd);
      throw new Error(`${this.partial} is not as the interrupted run left it`);
    }
    ftruncateSync(this.fd, bytes);
    this.bytes = bytes;
    this.crc = crc;
  }
}

export function partialOf(path: string): string {
  return `${path}.partial`;
}
