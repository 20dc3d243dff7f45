import { statSync, statfsSync, truncateSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { receiveMessageOnPort } from "node:worker_threads";
import { crc32 } from "node:zlib";
import type { Position } from "../../shard/journal.ts";
import { COMMIT_BUCKETS, RecordType, RingReader, Word } from "./ring.ts";
import { DurableMark } from "./durable-mark.ts";
import { Kind } from "./entry.ts";
import { LARGE_COMMIT_BYTES, closeKeepingLog, createSegment } from "./make-segment.ts";
import type { MadeSegment } from "./make-segment.ts";
import { chainAt, chainOf, segmentPath } from "./segment-file.ts";
import { SealedSegments } from "./sealed-segments.ts";
import { removeHalfMade, spareBytes } from "./spare-log.ts";
import { READY, isCommand, isReferenced } from "./writer-messages.ts";
import type { Command, Notice, WriterData } from "./writer-messages.ts";
import { reasonOf } from "./write-failure.ts";

/**
 * Bodies in one transaction: answers to what is in it leave while the next one is written. With 8 MiB client, server and disk wait for each other by
 * turns, all requests in one transaction.
 */
const TRANSACTION_BYTES = 1024 * 1024;

/**
 * From the beginning of one transaction to the next while many send, unless one is full: thousands of commits a second take a core that the step and
 * the clients need. Who sends one event after the other waits for nothing but the disk.
 */
const PACE_MS = 1;
/** Rows of a transaction from which on it counts as many. */
const PACED_ROWS = 4;

/** Entries that nobody waits for come to the disk with the next others, or after this time. */
const LAZY_MS = 25;

interface Live extends MadeSegment {
  readonly insert: StatementSync;
  /** Of its log, what was written up to the newest commit that succeeded. */
  logBytes: number;
  /** Of its entries. */
  bodyBytes: number;
}

/** A log is worth being copied when it is so many times as long as what it holds. */
const WASTEFUL = 2;
/** A shorter log is taken into the file when the server stops. */
const COPIED_AT_CLOSE = 32 * 1024 * 1024;
/** A spare log is asked for when that part of the segment's bytes is in a log that grows. */
const SPARE_AT = 1 / 16;

/** What takes a commit to the disk; tests let it fail. */
export type Commit = (database: DatabaseSync) => void;

/**
 * The writer thread's whole work: entries from the ring into the newest segment, as many as there are in one transaction with one sync.
 * When SQLite cannot write, the transaction is rolled back and all that follows is dropped, up to a "resume".
 */
export class JournalWriter {
  private readonly data: WriterData;
  private readonly ring: RingReader;
  private readonly commit: Commit;
  private live: Live | undefined;
  private mark: DurableMark | undefined;
  private readonly sealed = new SealedSegments();
  /** The newest durable position, and its chain. */
  private durable: Position;
  private chain = 0;
  /** After the entries of the open transaction. */
  private position: Position;
  private nextChain = 0;
  /** Written by a commit lately. */
  private commitBytes = 0;
  private failed = false;
  private closed = false;
  /** When the newest transaction was begun. */
  private startedAt = 0;
  /** Of its batches. */
  private rows = 0;
  /** The newest transaction was full: what is left waits no longer. */
  private full = false;
  /** A spare log was asked for: once, since making one keeps the disk busy. Later ones are logs of segments before. */
  private spareAsked = false;

  constructor(data: WriterData, commit: Commit = (database) => database.exec("COMMIT")) {
    this.data = data;
    this.commit = commit;
    this.ring = new RingReader(data.ring);
    this.durable = data.first - 1;
    this.position = this.durable;
  }

  /** Returns when it was told to close. */
  run(): void {
    this.start();
    while (!this.closed) this.turn();
  }

  /** Opens the first segment, and tells how that went. */
  start(): void {
    removeHalfMade(this.data.directory);
    this.open(READY, this.data.first);
  }

  /** Waits for records and takes those that are there. */
  turn(): void {
    this.ring.wait(LAZY_MS);
    const pace = this.rows < PACED_ROWS ? 0 : this.startedAt + PACE_MS - performance.now();
    const gatherMs = Math.max(this.data.gatherMs, pace);
    if (gatherMs > 0 && !this.full && !this.failed) this.ring.gather(gatherMs);
    this.startedAt = performance.now();
    if (this.failed) this.drop();
    else this.take();
  }

  private take(): void {
    let bytes = 0;
    this.rows = 0;
    this.full = false;
    try {
      let together = false;
      while ((together || bytes < TRANSACTION_BYTES) && this.ring.next()) {
        if (this.ring.type === RecordType.COMMAND) break;
        bytes += this.ring.bodyBytes;
        together = this.ring.isContinued;
        this.takeEntry();
      }
      this.finish();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.full = bytes >= TRANSACTION_BYTES;
    if (!this.full && this.ring.next() && this.ring.type === RecordType.COMMAND) this.takeCommand();
  }

  private takeEntry(): void {
    const { ring, live } = this;
    if (live === undefined) throw new Error("no segment is open");
    const body = ring.type === RecordType.ENTRY ? ring.body() : this.receiveBody();
    try {
      const { position, unixMs, shard, kind, rows } = ring;
      if (position !== this.position + 1) {
        throw new Error(`entry ${position} follows entry ${this.position}`);
      }
      const crc = crc32(body);
      const chain = chainOf(
        { position, unixMs, shard, kind, rows, bytes: body.length, crc },
        this.nextChain,
      );
      if (!live.database.isTransaction) live.database.exec("BEGIN");
      live.bodyBytes += body.length;
      if (kind === Kind.ROWS) this.rows += rows;
      live.insert.run(position, shard, kind, unixMs, rows, crc, chain, body);
      this.position = position;
      this.nextChain = chain;
    } finally {
      ring.release();
    }
  }

  private receiveBody(): Uint8Array {
    const message: unknown = receiveMessageOnPort(this.data.port)?.message;
    if (!isReferenced(message)) throw new Error("the body of an entry did not come");
    return message.body;
  }

  private finish(): void {
    const { live } = this;
    if (live === undefined || !live.database.isTransaction) return;
    const start = performance.now();
    this.commit(live.database);
    this.count((performance.now() - start) * 1000);
    const before = live.logBytes;
    live.logBytes = live.written();
    // Of the newest few: a segment of a quiet night says nothing of the day.
    const bytes = live.logBytes - before;
    this.commitBytes += (bytes - this.commitBytes) / 16;
    this.durable = this.position;
    this.chain = this.nextChain;
    this.mark?.reached(this.durable);
    Atomics.store(this.ring.words, Word.DURABLE, this.durable | 0);
    this.tell();
    if (live.logBytes > this.data.segmentBytes) this.roll();
    else if (!this.spareAsked) this.askForSpare(live);
  }

  /** Large commits are bound by their bytes, not by their number: a log that is there already gains them nothing. */
  private askForSpare({ overwrites, logBytes }: Live): void {
    const isBusy = logBytes > SPARE_AT * this.data.segmentBytes;
    if (overwrites || !isBusy || this.commitBytes >= LARGE_COMMIT_BYTES) return;
    this.spareAsked = true;
    this.post({ notice: "spare", bytes: spareBytes(this.data.segmentBytes) });
  }

  private count(microseconds: number): void {
    const { words } = this.ring;
    const whole = Math.ceil(microseconds);
    const bucket = Math.min(COMMIT_BUCKETS - 1, Math.max(0, 26 - Math.clz32(whole)));
    Atomics.store(words, Word.COMMIT_LAST, whole);
    if (whole > Atomics.load(words, Word.COMMIT_MAX)) Atomics.store(words, Word.COMMIT_MAX, whole);
    Atomics.add(words, Word.COMMIT_BUCKETS + bucket, 1);
    Atomics.add(words, Word.COMMITS, 1);
  }

  /** The main thread looks when it finds the time; until then it is told once. */
  private tell(): void {
    if (Atomics.exchange(this.ring.words, Word.TOLD, 1) === 0) this.post({ notice: "durable" });
  }

  private post(notice: Notice): void {
    this.data.port.postMessage(notice, []);
  }

  /** Begins the segment of `first`; the chain goes on from what is on disk. */
  private open(id: number, first: Position): void {
    try {
      this.sealLive(first);
      const chain = chainAt(this.data.directory, first - 1);
      this.begin(first, chain);
      this.post({ notice: "reply", id });
    } catch (error) {
      this.failed = true;
      this.post({ notice: "reply", id, refused: this.reason(error, first) });
    }
  }

  private begin(first: Position, chain: number): void {
    const { directory, shards } = this.data;
    this.mark?.close();
    this.mark = undefined;
    this.mark = new DurableMark(directory);
    // Before the segment is: one that begins further back than the mark would have lost entries.
    this.mark.set(first - 1);
    const made = createSegment(directory, { first, shards, chain }, this.commitBytes);
    const insert = made.database.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.live = { ...made, insert, logBytes: 0, bodyBytes: 0 };
    this.durable = first - 1;
    this.position = first - 1;
    this.chain = chain;
    this.nextChain = chain;
    this.failed = false;
  }

  /** The live segment is left for one that begins at `first`; an empty one of the same name is about to be replaced. */
  private sealLive(first: Position): void {
    const { live } = this;
    if (live === undefined) return;
    this.live = undefined;
    if (live.path === segmentPath(this.data.directory, first)) {
      live.database.close();
      return;
    }
    this.leave(live);
  }

  /** Where that fails, a segment may be there nevertheless, and nothing behind its first position counts in the one before. */
  private roll(): void {
    const { live } = this;
    if (live === undefined || live.logBytes === 0 || this.failed) return;
    try {
      this.begin(this.durable + 1, this.chain);
      this.leave(live);
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Nothing is written to the segment any more. Where small commits wrote the same pages again and again, its log is worth being taken into the file,
   * by the keeper; else it is as good a place as the file, and is left as it is.
   */
  private leave(live: Live): void {
    const { path, database, logBytes, bodyBytes } = live;
    this.cutLog(live);
    if (logBytes < WASTEFUL * bodyBytes) {
      closeKeepingLog(path, database);
      return;
    }
    this.sealed.add(path, database);
    this.post({ notice: "sealed", path });
  }

  private fail(error: unknown): void {
    const { live } = this;
    this.failed = true;
    const reason = this.reason(error, this.durable + 1);
    if (live !== undefined) {
      try {
        if (live.database.isTransaction) live.database.exec("ROLLBACK");
      } catch {
        // SQLite has rolled back by itself, or cannot: the log is cut in either case.
      }
      this.cutLog(live);
    }
    this.position = this.durable;
    this.nextChain = this.chain;
    this.post({ notice: "failed", reason });
  }

  private reason(error: unknown, first: Position): string {
    return reasonOf(error, this.live?.path ?? segmentPath(this.data.directory, first));
  }

  /**
   * A transaction whose sync failed is whole in the log and would come back at the next start. Where the disk does not even let it be cut off,
   * the next segment's first position says that it does not count.
   */
  private cutLog({ path, logBytes }: Live): void {
    const log = `${path}-wal`;
    try {
      if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > logBytes) {
        truncateSync(log, logBytes);
      }
    } catch {
      // As above.
    }
  }

  private drop(): void {
    while (this.ring.next() && this.ring.type !== RecordType.COMMAND) {
      if (this.ring.type === RecordType.REFERENCE) receiveMessageOnPort(this.data.port);
      this.ring.release();
    }
    if (this.ring.next()) this.takeCommand();
  }

  private takeCommand(): void {
    this.ring.release();
    const message: unknown = receiveMessageOnPort(this.data.port)?.message;
    if (!isCommand(message)) throw new Error("a command did not come");
    try {
      this.execute(message);
    } catch (error) {
      const refused = this.reason(error, this.durable + 1);
      this.post({ notice: "reply", id: message.id, refused });
    }
  }

  private execute(command: Command): void {
    const { id } = command;
    switch (command.command) {
      case "resume":
        this.checkSpace();
        this.open(id, command.first);
        return;
      case "roll":
        this.roll();
        break;
      case "release":
        this.sealed.release(command.path, this.data);
        break;
      case "spare":
        if (this.live?.overwrites === false) this.roll();
        break;
      case "leave":
        this.sealed.leave(command.path);
        break;
      case "close":
        this.close();
        break;
      default:
        command satisfies never;
    }
    this.post({ notice: "reply", id });
  }

  /** A segment is made with a few pages; a disk that is full a moment later would have the server go back a second time. */
  private checkSpace(): void {
    const { directory, spaceMinBytes } = this.data;
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize >= spaceMinBytes) return;
    const [free, wanted] = [bavail * bsize, spaceMinBytes].map((bytes) => Math.round(bytes / 1e6));
    throw new Error(`${free} MB are free on the disk; it goes on when there are ${wanted} MB`);
  }

  private close(): void {
    this.closed = true;
    const { live } = this;
    if (live !== undefined) {
      if (live.logBytes <= COPIED_AT_CLOSE) live.database.close();
      else {
        this.cutLog(live);
        closeKeepingLog(live.path, live.database);
      }
    }
    this.sealed.close();
    this.mark?.sync();
    this.mark?.close();
    this.mark = undefined;
  }
}
