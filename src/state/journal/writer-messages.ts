import type { MessagePort } from "node:worker_threads";
import type { Position } from "../../shard/journal.ts";

/** What the writer thread is started with. */
export interface WriterData {
  readonly ring: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly directory: string;
  readonly shards: number;
  /** Position of the first entry that it will be given. */
  readonly first: Position;
  /** Commits are gathered for this long; 0 = at once. */
  readonly gatherMs: number;
  /** A segment whose file or log is longer is followed by a new one. */
  readonly segmentBytes: number;
  /** `resume` wants this much free on the disk. */
  readonly spaceMinBytes: number;
}

/** With a COMMAND record, in the order of the ring. Each is replied to. */
export type Command =
  /** The entries before it were written by a disk that failed; the next one has this position. */
  | { readonly id: number; readonly command: "resume"; readonly first: Position }
  | { readonly id: number; readonly command: "roll" }
  /** The sealed segment's log is in its file: it need not be kept open any more. */
  | { readonly id: number; readonly command: "release"; readonly path: string }
  /** It is not, and stays: it need not be kept open either. */
  | { readonly id: number; readonly command: "leave"; readonly path: string }
  /** A spare log is there. */
  | { readonly id: number; readonly command: "spare" }
  | { readonly id: number; readonly command: "close" };

/** With a REFERENCE record. */
export interface Referenced {
  readonly body: Uint8Array;
}

/** From the writer thread. */
export type Notice =
  /** Word.DURABLE moved, or room was made. */
  | { readonly notice: "durable" }
  /** Nothing behind Word.DURABLE was written; what is in the ring is dropped until `resume`. */
  | { readonly notice: "failed"; readonly reason: string }
  /** Nothing is written to that segment any more. */
  | { readonly notice: "sealed"; readonly path: string }
  /** Small commits keep the disk busy: a spare log of that length would let them go on faster. */
  | { readonly notice: "spare"; readonly bytes: number }
  | {
      readonly notice: "reply";
      readonly id: number;
      /** Why it was not done. */
      readonly refused?: string;
    };

/** The reply that the thread gives of its own accord, when it is ready. */
export const READY = 0;

export function isReferenced(message: unknown): message is Referenced {
  return typeof message === "object" && message !== null && "body" in message;
}

export function isCommand(message: unknown): message is Command {
  return typeof message === "object" && message !== null && "command" in message;
}

export function isNotice(message: unknown): message is Notice {
  return typeof message === "object" && message !== null && "notice" in message;
}

export function isWriterData(data: unknown): data is WriterData {
  return typeof data === "object" && data !== null && "ring" in data && "port" in data;
}
