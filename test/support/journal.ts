import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import fc from "fast-check";
import { onTestFinished } from "vitest";
import { Kind } from "../../src/state/journal/entry.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { RecordType, RingWriter, createRing } from "../../src/state/journal/ring.ts";
import { filesOf } from "../../src/state/journal/segment-file.ts";
import type { Commit } from "../../src/state/journal/writer.ts";
import { JournalWriter } from "../../src/state/journal/writer.ts";
import { isNotice } from "../../src/state/journal/writer-messages.ts";
import type { Command, Notice } from "../../src/state/journal/writer-messages.ts";

/** Gone after the test. */
export function journalDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "weir-journal-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A file system of its own, gone after the test; undefined = mounting is not permitted here. */
export function smallDisk(options: string): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "weir-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).status !== 0) {
    rmSync(path, { recursive: true });
    return undefined;
  }
  onTestFinished(() => {
    spawnSync("umount", ["-l", path]);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

export type Unplaced = Omit<Entry, "position">;

/** Any entry; its body is up to three pages long. */
export const anyEntry: fc.Arbitrary<Unplaced> = fc
  .record({
    shard: fc.integer({ min: 0, max: 3 }),
    kind: fc.constantFrom(Kind.ROWS, Kind.VERDICTS, Kind.ANSWERS, Kind.CHANGE, Kind.PROCESS),
    unixMs: fc.integer({ min: 0, max: 2 ** 45 }),
    rows: fc.integer({ min: 0, max: 8192 }),
    start: fc.uint8Array({ maxLength: 40 }),
    length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 })),
  })
  .map(({ start, length, ...head }) => {
    const body = new Uint8Array(length);
    for (let i = 0; i < length; i++) body[i] = (start[i % start.length] ?? 7) + i * 31;
    return { ...head, body };
  });

/** What a reader should find of entries that were written from position `first` on. */
export function placed(entries: readonly Unplaced[], first = 1): Entry[] {
  return entries.map((entry, index) => ({ ...entry, position: first + index }));
}

/** The writer's work in this thread, a transaction when the test says so. */
export class WriterRig {
  readonly writer: JournalWriter;
  private readonly ring: RingWriter;
  private readonly channel = new MessageChannel();
  /** Of the entry that was put last. */
  position: number;

  constructor(
    directory: string,
    options: { first?: number; commit?: Commit; segmentBytes?: number } = {},
  ) {
    const { first = 1, commit, segmentBytes = 2 ** 30 } = options;
    const ring = createRing(2 ** 24);
    const fixed = { ring, port: this.channel.port2, directory, shards: 4, gatherMs: 0 };
    this.ring = new RingWriter(ring);
    this.writer = new JournalWriter({ ...fixed, first, segmentBytes, spaceMinBytes: 0 }, commit);
    this.position = first - 1;
    this.writer.start();
    onTestFinished(() => {
      this.channel.port1.close();
      this.channel.port2.close();
    });
  }

  /** In one transaction. */
  write(entries: readonly Unplaced[]): void {
    for (const entry of entries) this.put(entry);
    this.writer.turn();
  }

  /** Into the ring. */
  put({ body, ...head }: Unplaced): void {
    const at = this.ring.reserve(body.length, 0);
    if (at < 0) throw new Error("the rig's ring is full");
    this.ring.views.u8.set(body, at);
    this.position++;
    this.ring.commit({ ...head, type: RecordType.ENTRY, position: this.position }, body.length);
  }

  /** Its body beside the ring. */
  putReference({ body, ...head }: Unplaced): void {
    this.channel.port1.postMessage({ body });
    this.ring.reserve(0, 0);
    this.position++;
    this.ring.commit({ ...head, type: RecordType.REFERENCE, position: this.position }, body.length);
  }

  tell(command: Command): void {
    this.channel.port1.postMessage(command);
    this.ring.reserve(0, 0);
    const none = { kind: 0, shard: 0, position: 0, unixMs: 0, rows: 0 };
    this.ring.commit({ ...none, type: RecordType.COMMAND }, 0);
    if (command.command === "resume") this.position = command.first - 1;
    this.writer.turn();
  }

  close(): void {
    this.tell({ id: 99, command: "close" });
  }

  /** What the writer said since the last call. */
  notices(): Notice[] {
    const notices: Notice[] = [];
    for (;;) {
      const message: unknown = receiveMessageOnPort(this.channel.port1)?.message;
      if (!isNotice(message)) return notices;
      notices.push(message);
    }
  }
}

/** The journal as it would be found after the machine went off now. */
export function copyJournal(from: readonly string[], to: string): void {
  mkdirSync(to, { recursive: true });
  for (const path of from) {
    for (const file of filesOf(path)) {
      if (existsSync(file) && !file.endsWith("-shm")) copyFileSync(file, join(to, basename(file)));
    }
  }
}

/** As plain data that compares by value. */
export function plain({ body, ...head }: Entry): object {
  return { ...head, body: Buffer.from(body).toString("base64") };
}
