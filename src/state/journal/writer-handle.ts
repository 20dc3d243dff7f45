import { MessageChannel, Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Position } from "../../shard/journal.ts";
import { RecordType, RingWriter, Word, createRing } from "./ring.ts";
import { makeSpareLog } from "./spare-log.ts";
import { READY, isNotice } from "./writer-messages.ts";
import type { Command, Notice, WriterData } from "./writer-messages.ts";

export type WriterOptions = Omit<WriterData, "ring" | "port"> & { readonly ringBytes: number };

type CommandBody<C> = C extends { readonly id: number } ? Omit<C, "id"> : never;

/** What the handle does not see to itself. */
export type ToldNotice = Exclude<Notice, { readonly notice: "reply" | "spare" }>;

/** Whom the thread's messages go to. */
export interface WriterEvents {
  notice(notice: ToldNotice): void;
  /** The thread is gone without being told to. */
  died(error: Error): void;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** The writer thread as the main thread sees it: a ring, and a port for what does not go through the ring. */
export class WriterHandle {
  readonly ring: RingWriter;
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private readonly events: WriterEvents;
  private readonly replies = new Map<number, Waiting>();
  private lastId = READY;
  private readonly stopping = new AbortController();
  /** A spare log is being made. Never rejects. */
  private making: Promise<void> | undefined;
  private readonly options: WriterOptions;
  private ended = false;
  private closing = false;

  /** Resolves when the first segment is there. @throws Error that names the file and what to do */
  static async start(options: WriterOptions, events: WriterEvents): Promise<WriterHandle> {
    const handle = new WriterHandle(options, events);
    try {
      await handle.reply(READY);
    } catch (error) {
      await handle.stop();
      throw error;
    }
    return handle;
  }

  private constructor(options: WriterOptions, events: WriterEvents) {
    const { ringBytes, ...rest } = options;
    const ring = createRing(ringBytes);
    const { port1, port2 } = new MessageChannel();
    this.events = events;
    this.options = options;
    this.ring = new RingWriter(ring);
    this.ring.words[Word.DURABLE] = (options.first - 1) | 0;
    this.port = port1;
    this.port.on("message", (message: unknown) => this.take(message));
    const workerData: WriterData = { ...rest, ring, port: port2 };
    this.worker = new Worker(new URL("writer-thread.ts", import.meta.url), {
      name: "weir-journal",
      workerData,
      transferList: [port2],
    });
    this.worker.on("error", (error: unknown) => {
      this.end(error instanceof Error ? error : new Error(String(error)));
    });
    this.worker.on("exit", () => this.exited());
  }

  get isAlive(): boolean {
    return !this.ended;
  }

  /** The newest position on disk. @param known one at most 2^32 before it */
  durable(known: Position): Position {
    const low = Atomics.load(this.ring.words, Word.DURABLE);
    return known + ((low - (known | 0)) >>> 0);
  }

  /** A message for the next record of the ring that refers to one. */
  send(message: { readonly body: Uint8Array<ArrayBuffer> }): void {
    this.port.postMessage(message, [message.body.buffer]);
  }

  /** In the order of the ring. Rejects with why it was not done. */
  async request(body: CommandBody<Command>): Promise<void> {
    if (this.ended) throw new Error("the journal's writer is gone");
    if (this.ring.reserve(0, 0) < 0) throw new Error("the journal's buffer is full: try again");
    const id = ++this.lastId;
    this.port.postMessage({ ...body, id } satisfies Command, []);
    const head = { type: RecordType.COMMAND, kind: 0, shard: 0, position: 0, unixMs: 0, rows: 0 };
    this.ring.commit(head, 0);
    await this.reply(id);
  }

  /** What it has written is committed and its files are closed. */
  async close(): Promise<void> {
    this.closing = true;
    this.stopping.abort();
    try {
      if (!this.ended) await this.request({ command: "close" });
    } finally {
      await this.stop();
    }
  }

  private async stop(): Promise<void> {
    this.ended = true;
    this.stopping.abort();
    await this.worker.terminate();
    await this.making;
    this.port.close();
  }

  private reply(id: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.replies.set(id, { resolve, reject });
    });
  }

  private take(message: unknown): void {
    if (!isNotice(message)) return;
    if (message.notice === "spare") {
      this.making ??= this.makeSpare(message.bytes).finally(() => {
        this.making = undefined;
      });
      return;
    }
    if (message.notice !== "reply") {
      this.events.notice(message);
      return;
    }
    const waiting = this.replies.get(message.id);
    this.replies.delete(message.id);
    if (message.refused === undefined) waiting?.resolve();
    else waiting?.reject(new Error(message.refused));
  }

  /** Without it commits are only slower: what keeps it from being made is no failure. */
  private async makeSpare(bytes: number): Promise<void> {
    const { directory, spaceMinBytes } = this.options;
    const { signal } = this.stopping;
    try {
      const bounds = { freeMin: bytes + spaceMinBytes, signal };
      if (await makeSpareLog(directory, bytes, bounds)) await this.request({ command: "spare" });
    } catch {
      // The next segment asks again.
    }
  }

  /** After a "close" its reply may come later than this, or not at all. */
  private exited(): void {
    if (!this.closing) {
      this.end(new Error("it exited"));
      return;
    }
    this.ended = true;
    for (const waiting of this.replies.values()) waiting.resolve();
    this.replies.clear();
  }

  private end(error: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.stopping.abort();
    const died = new Error(`the journal's writer thread died: ${error.message}`, { cause: error });
    for (const waiting of this.replies.values()) waiting.reject(died);
    this.replies.clear();
    this.events.died(died);
  }
}
