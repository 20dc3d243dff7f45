import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { disk } from "../snapshot/disk.ts";
import { codeOf } from "./segment-file.ts";

/*
 * `durable` beside the segments: one line, `weir durable <position, 20 digits> <crc32 of what is before it, 8 hexadecimal digits>`, written over
 * itself. Entries up to that position had been on disk: a journal that ends before it has lost its end. After a crash of the server alone it is the
 * newest durable position. After a power cut it may be an older one, since commits do not wait for it; it is never a newer one.
 */
const FILE = "durable";
const LINE = /^weir durable (\d{20}) ([0-9a-f]{8})\n$/u;

export const durableMarkIn = (directory: string): string => join(directory, FILE);

export interface ReadMark {
  /** 0 = it is not known. */
  readonly position: Position;
  /** Why what is there says nothing; "" = it does, or nothing is there. */
  readonly problem: string;
}

/** Of a live journal: to be read before the segments are. */
export function readDurableMark(directory: string): ReadMark {
  let text: string;
  try {
    text = readFileSync(durableMarkIn(directory), "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { position: 0, problem: "" };
    throw error;
  }
  // The power went before the first one was on disk.
  if (text === "") return { position: 0, problem: "" };
  const [, position = ""] = LINE.exec(text) ?? [];
  if (position !== "" && text === lineOf(Number(position))) {
    return { position: Number(position), problem: "" };
  }
  const problem = "its checksum is wrong: whether the journal's end is there is not known";
  return { position: 0, problem: `${problem}; the next start writes it anew` };
}

function lineOf(position: Position): string {
  const said = `weir durable ${String(position).padStart(20, "0")}`;
  return `${said} ${crc32(said).toString(16).padStart(8, "0")}\n`;
}

const FLAGS = constants.O_RDWR | constants.O_CREAT;

/** The writer's side. */
export class DurableMark {
  private readonly file: number;

  /** @param directory of the segments; made if it is not there */
  constructor(directory: string) {
    disk.makeDirectory(directory);
    const path = durableMarkIn(directory);
    try {
      this.file = openSync(path, FLAGS, 0o666);
    } catch (error) {
      // Of another user, in a directory of this one.
      if (codeOf(error) !== "EACCES") throw error;
      rmSync(path);
      this.file = openSync(path, FLAGS, 0o666);
    }
  }

  /** On disk when it returns: what is written after it may be less than what was there before. */
  set(position: Position): void {
    writeSync(this.file, lineOf(position), 0, "latin1");
    fsyncSync(this.file);
  }

  /** Behind a commit, which does not wait for the disk a second time. Where it fails, an older one stays. */
  reached(position: Position): void {
    try {
      writeSync(this.file, lineOf(position), 0, "latin1");
    } catch {
      // The next commit meets what is wrong with the disk.
    }
  }

  /** On disk, if the disk lets it. */
  sync(): void {
    try {
      fsyncSync(this.file);
    } catch {
      // As above.
    }
  }

  close(): void {
    closeSync(this.file);
  }
}
