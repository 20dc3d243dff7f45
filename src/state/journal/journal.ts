import type { Answered, Change, Position, ShardJournal } from "../../shard/journal.ts";
import { BYTES_MAX, ROWS_MAX, ROW_BYTES, VALUES_MAX } from "../../shard/layout.ts";
import {
  packRows,
  packVerdicts,
  packedBytesMax,
  packedRowsOf,
  verdictBytes,
} from "../../shard/packed-rows.ts";
import type { Region, Views } from "../../shard/region.ts";
import type { ProcessChange } from "../process-change.ts";
import { ByteMarks } from "./byte-marks.ts";
import { DurableWaiters } from "./durable-waiters.ts";
import {
  Kind,
  NO_SHARD,
  answersBytes,
  encodeChange,
  encodeProcessChange,
  packAnswers,
} from "./entry.ts";
import { RecordType, Word } from "./ring.ts";
import { commitStats, journalDefaults } from "./journal-options.ts";
import type { JournalOptions, JournalStats } from "./journal-options.ts";
import { listSegments } from "./segment-file.ts";
import { WriterHandle } from "./writer-handle.ts";
import type { ToldNotice, WriterOptions } from "./writer-handle.ts";

/** Of "relaxed": an entry is on disk within 50 ms, of which the commit takes its part. */
const GATHER_MS = 25;
const REGION_BYTES_MAX = 16 + ROWS_MAX * ROW_BYTES + VALUES_MAX * 8 + BYTES_MAX;
/** Always left in the ring for records that refer to a body elsewhere, and for commands. */
const KEPT_BYTES = 64 * 1024;
/** Longer bodies do not go through the ring: a model has up to 256 MiB. */
const IN_RING_MAX = 1024 * 1024;
/** Bodies outside of the ring that are not on disk: behind it there is no room; a single longer one is always taken. */
const REFERENCED_MAX = 64 * 1024 * 1024;
/** Behind it answers are left out. */
const REFERENCED_ANSWERS_MAX = 2 * REFERENCED_MAX;

interface Head {
  readonly kind: Kind;
  readonly shard: number;
  readonly rows: number;
}

/** Whether answers wait for such an entry. A commit of its own for the others would keep the next batch waiting for a second sync. */
function isUrgent(kind: Kind): boolean {
  return kind !== Kind.VERDICTS && kind !== Kind.ANSWERS;
}

/**
 * The journal as the main thread sees it. Entries get their positions here and go through a ring to the writer thread.
 *
 * When they cannot be written, `failed` is set: appends return 0 and keep nothing, those that waited are called back with false, the positions
 * behind `durable` are void and are given again after `resume`.
 */
export class Journal implements ShardJournal {
  onRoom: (() => void) | undefined;
  /** Called once a failure, after the callbacks of whoever waited. `failure` says why. */
  onFailed: ((error: Error, durable: Position) => void) | undefined;
  /** Nothing is written to that segment any more. */
  onSealed: ((path: string) => void) | undefined;
  /** Why nothing can be written; undefined = it can. */
  failure: Error | undefined;
  private writer: WriterHandle | undefined;
  private readonly options: Required<JournalOptions>;
  private readonly waiters = new DurableWaiters();
  private readonly marks = new ByteMarks();
  /** Bodies that went by the port: position and bytes of each, until it is durable. */
  private readonly referenced: { readonly position: Position; readonly bytes: number }[] = [];
  private referencedBytes = 0;
  private known: Position;
  private newestGiven: Position;
  private entries = 0;
  private bytes = 0;
  private answersDropped = 0;
  private roomWanted = false;
  private resuming: Promise<void> | undefined;
  private closed = false;
  private readonly roomBytes: number;

  /**
   * Opens a new segment behind what is there.
   * @throws Error that names the file and what to do: it cannot be written, or does not reach `first` - 1
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    await journal.start();
    return journal;
  }

  private constructor(options: JournalOptions) {
    this.options = { now: Date.now, ...journalDefaults, ...options };
    this.known = options.first - 1;
    this.newestGiven = this.known;
    // What does not fit behind the last record is lost to it: three regions, so that two fit wherever that is; and every shard's verdicts.
    const verdicts = 2 * options.shards * verdictBytes(ROWS_MAX);
    this.roomBytes = 3 * REGION_BYTES_MAX + verdicts + KEPT_BYTES;
    if (this.roomBytes > this.options.ringBytes * 0.75) {
      throw new RangeError(
        `a ring of ${this.options.ringBytes} bytes is too small for ${options.shards} shards`,
      );
    }
    for (const { last, first, bytes } of listSegments(options.directory)) {
      if (last >= first && last < options.first) this.marks.add(last, bytes);
    }
  }

  private async start(): Promise<void> {
    const { directory, shards, durability, ringBytes, segmentBytes, spaceMinBytes } = this.options;
    const options: WriterOptions = {
      directory,
      shards,
      first: this.known + 1,
      gatherMs: durability === "relaxed" ? GATHER_MS : 0,
      ringBytes,
      segmentBytes,
      spaceMinBytes,
    };
    this.writer = await WriterHandle.start(options, {
      notice: (notice) => this.take(notice),
      died: (error) => this.fail(error),
    });
  }

  get failed(): boolean {
    return this.failure !== undefined;
  }

  get durable(): Position {
    return this.known;
  }

  /** Of the newest entry that was appended. */
  get newest(): Position {
    return this.newestGiven;
  }

  /** True while `failed`, when nothing is kept. */
  get hasRoom(): boolean {
    if (this.failed || this.writer === undefined) return true;
    const has =
      this.writer.ring.freeBytes >= this.roomBytes && this.referencedBytes <= REFERENCED_MAX;
    if (!has) this.roomWanted = true;
    return has;
  }

  get stats(): JournalStats {
    return {
      ...commitStats(this.writer?.ring.words),
      entries: this.entries,
      bytes: this.bytes,
      queuedBytes: (this.writer?.ring.usedBytes ?? 0) + this.referencedBytes,
      answersDropped: this.answersDropped,
    };
  }

  appendRows(shard: number, region: Region): Position {
    const head = { kind: Kind.ROWS, shard, rows: region.rows };
    return this.appendWith(head, packedBytesMax(region), (into, at) =>
      packRows(region, this.viewsOf(shard), into, at),
    );
  }

  appendPacked(shard: number, packed: Uint8Array): Position {
    return this.append({ kind: Kind.ROWS, shard, rows: packedRowsOf(packed) }, packed);
  }

  appendVerdicts(shard: number, of: Position, region: Region): void {
    const head = { kind: Kind.VERDICTS, shard, rows: region.rows };
    this.appendWith(head, 8 + verdictBytes(region.rows), (into, at) => {
      into.f64[at >>> 3] = of;
      return 8 + packVerdicts(region, this.viewsOf(shard), into, at + 8);
    });
  }

  appendChange(shard: number, change: Change): Position {
    return this.append({ kind: Kind.CHANGE, shard, rows: 0 }, encodeChange(change));
  }

  appendVoid(shard: number, of: Position): Position {
    return this.appendWith({ kind: Kind.VOID, shard, rows: 0 }, 8, (into, at) => {
      into.f64[at >>> 3] = of;
      return 8;
    });
  }

  /** A change of what is kept outside of the shards. */
  appendProcess(change: ProcessChange): Position {
    return this.append(
      { kind: Kind.PROCESS, shard: NO_SHARD, rows: 0 },
      encodeProcessChange(change),
    );
  }

  appendAnswers(answers: readonly Answered[]): void {
    if (answers.length === 0 || this.failed) return;
    const bytes = answersBytes(answers.length);
    if (this.referencedBytes + bytes > REFERENCED_ANSWERS_MAX) {
      this.answersDropped += answers.length;
      return;
    }
    const head = { kind: Kind.ANSWERS, shard: NO_SHARD, rows: answers.length };
    this.appendWith(head, bytes, (into, at) => {
      packAnswers(answers, into, at);
      return bytes;
    });
  }

  together(append: () => void): void {
    if (this.writer === undefined) append();
    else this.writer.ring.together(append);
  }

  whenDurable(position: Position, done: (durable: boolean) => void): void {
    if (position <= this.known) done(position > 0);
    else if (this.failed || position > this.newestGiven) done(false);
    else this.waiters.add(position, done);
  }

  /** Bytes of entries behind `position`, to a megabyte; of those before the start, to a segment. */
  bytesSince(position: Position): number {
    return this.marks.since(position);
  }

  /**
   * Tries to go on after a failure: a new segment begins at `durable` + 1. Rejects with why it cannot, and then nothing has changed. What was
   * appended to no avail is not appended again.
   */
  async resume(): Promise<void> {
    if (!this.failed || this.closed) return;
    this.resuming ??= this.goOn().finally(() => {
      this.resuming = undefined;
    });
    await this.resuming;
  }

  private async goOn(): Promise<void> {
    const { writer } = this;
    if (writer?.isAlive === true) {
      await writer.request({ command: "resume", first: this.known + 1 });
    } else {
      await this.start();
    }
    // It may have died since, of which a journal that has failed is not told.
    if (this.writer?.isAlive !== true) throw new Error("the journal's writer thread died");
    this.failure = undefined;
  }

  /** Ends the live segment if it has entries. Resolves when the next one is there, and what was appended before is on disk. */
  async roll(): Promise<void> {
    await this.writer?.request({ command: "roll" });
  }

  /** The keeper has taken the sealed segment's log into its file: the writer closes it. */
  async releaseSegment(path: string): Promise<void> {
    if (this.writer?.isAlive === true) await this.writer.request({ command: "release", path });
  }

  /** The keeper could not take the sealed segment's log into its file: the writer closes it and leaves the log, which alone has the entries. */
  async leaveSegment(path: string): Promise<void> {
    if (this.writer?.isAlive === true) await this.writer.request({ command: "leave", path });
  }

  /** Commits everything, and takes the log into the file. Nothing is appended after it. */
  async close(): Promise<void> {
    this.closed = true;
    await this.writer?.close();
    this.look();
    this.failure ??= new Error("the journal is closed");
    this.waiters.failed();
  }

  private viewsOf(shard: number): Views {
    const views = this.options.views[shard];
    if (views === undefined) throw new RangeError(`no shard ${shard}`);
    return views;
  }

  private append(head: Head, body: Uint8Array): Position {
    return this.appendWith(head, body.length, (into, at) => {
      into.u8.set(body, at);
      return body.length;
    });
  }

  /** `write` puts up to `bytesMax` bytes at `at` and returns how many. 0 = the journal failed. */
  private appendWith(
    head: Head,
    bytesMax: number,
    write: (into: Views, at: number) => number,
  ): Position {
    const { writer } = this;
    if (this.failed || writer === undefined) return 0;
    const { ring } = writer;
    const inRing = bytesMax <= IN_RING_MAX || head.kind === Kind.ROWS;
    const at = inRing ? ring.reserve(bytesMax, KEPT_BYTES) : -1;
    if (at < 0 && !isUrgent(head.kind) && ring.freeBytes < KEPT_BYTES / 2) {
      this.answersDropped += head.rows;
      return 0;
    }
    const position = this.newestGiven + 1;
    const record = { ...head, type: RecordType.ENTRY, position, unixMs: this.options.now() };
    let bytes: number;
    if (at >= 0) {
      bytes = write(ring.views, at);
      ring.commit(record, bytes, isUrgent(head.kind));
    } else {
      bytes = this.refer(writer, record, { bytesMax, write });
    }
    this.newestGiven = position;
    this.entries++;
    this.bytes += bytes;
    this.marks.add(position, bytes);
    return position;
  }

  /** What is too long for the ring, or came although there is no room: the body goes by the port, its place in the order through the ring. */
  private refer(
    writer: WriterHandle,
    record: Head & { readonly position: Position; readonly unixMs: number },
    { bytesMax, write }: { bytesMax: number; write: (into: Views, at: number) => number },
  ): number {
    if (writer.ring.reserve(0, 0) < 0) {
      throw new Error("the journal's buffer is full: append only while it has room");
    }
    const buffer = new ArrayBuffer((bytesMax + 7) & ~7);
    const u8 = new Uint8Array(buffer);
    const into = {
      u8,
      u16: new Uint16Array(buffer),
      u32: new Uint32Array(buffer),
      f64: new Float64Array(buffer),
    };
    const bytes = write(into, 0);
    writer.send({ body: u8.subarray(0, bytes) });
    writer.ring.commit({ ...record, type: RecordType.REFERENCE }, bytes, isUrgent(record.kind));
    this.referenced.push({ position: record.position, bytes });
    this.referencedBytes += bytes;
    return bytes;
  }

  private take(notice: ToldNotice): void {
    switch (notice.notice) {
      case "durable":
        if (this.writer !== undefined) Atomics.store(this.writer.ring.words, Word.TOLD, 0);
        this.look();
        break;
      case "failed":
        this.fail(new Error(notice.reason));
        break;
      case "sealed":
        this.onSealed?.(notice.path);
        break;
      default:
        notice satisfies never;
    }
  }

  /** Calls back whoever waits for what is on disk now, or for room. */
  private look(): void {
    const { writer } = this;
    if (writer === undefined) return;
    this.known = writer.durable(this.known);
    this.forgetReferenced();
    this.waiters.reached(this.known);
    if (!this.roomWanted || !this.hasRoom) return;
    this.roomWanted = false;
    this.onRoom?.();
  }

  private forgetReferenced(): void {
    let [first] = this.referenced;
    while (first !== undefined && first.position <= this.known) {
      this.referencedBytes -= first.bytes;
      this.referenced.shift();
      [first] = this.referenced;
    }
  }

  private fail(error: Error): void {
    if (this.failed) return;
    // A writer that died may have committed more than it said; the next segment's first position says that it does not count.
    this.look();
    this.failure = error;
    this.newestGiven = this.known;
    this.marks.forgetAfter(this.known);
    this.referenced.length = 0;
    this.referencedBytes = 0;
    this.waiters.failed();
    this.onFailed?.(error, this.known);
    if (!this.roomWanted) return;
    this.roomWanted = false;
    this.onRoom?.();
  }
}
