import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { DiskFile } from "./disk.ts";
import { SnapshotDamage } from "./format.ts";

/** A file, and the length and checksum of what went into it. */
export class Sink {
  bytes = 0;
  crc = 0;
  /** Bytes since the last sync. */
  unsynced = 0;
  private readonly file: DiskFile;
  private closed = false;

  constructor(file: DiskFile) {
    this.file = file;
  }

  write(bytes: Uint8Array): void {
    this.file.write(bytes);
    this.bytes += bytes.length;
    this.unsynced += bytes.length;
    this.crc = crc32(bytes, this.crc);
  }

  sync(): void {
    this.file.sync();
    this.unsynced = 0;
  }

  /** Once or more. */
  close(): void {
    if (!this.closed) this.file.close();
    this.closed = true;
  }
}

/** A file from its start to its end, and the checksum of what was read. */
export class Source {
  readonly path: string;
  readonly size: number;
  at = 0;
  crc = 0;
  private readonly file: number;

  constructor(path: string) {
    this.path = path;
    this.file = openSync(path, "r");
    this.size = fstatSync(this.file).size;
  }

  /** Bytes from here on, as many as there are up to `most`; does not go on. */
  peek(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.size - this.at));
    let done = 0;
    while (done < bytes.length) {
      const read = readSync(this.file, bytes, done, bytes.length - done, this.at + done);
      if (read === 0) throw new SnapshotDamage(this.path, `it ends at byte ${this.at + done}`);
      done += read;
    }
    return bytes;
  }

  read(length: number): Uint8Array {
    if (this.at + length > this.size) {
      throw new SnapshotDamage(
        this.path,
        `it ends at byte ${this.size}, in the middle of something`,
      );
    }
    const bytes = this.peek(length);
    this.at += length;
    this.crc = crc32(bytes, this.crc);
    return bytes;
  }

  close(): void {
    closeSync(this.file);
  }
}
