/*
 * Writes test/fixtures/state/journal-v1: a journal of format 1 as a crash leaves it, one segment closed and the other with its log. Only for a
 * format that is new: what is there is never written again. `node test/support/journal-fixture.ts <directory>`
 */
import { MessageChannel } from "node:worker_threads";
import {
  encodeChange,
  encodeProcessChange,
  Kind,
  NO_SHARD,
} from "../../src/state/journal/entry.ts";
import type { Answered } from "../../src/shard/journal.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { RecordType, RingWriter, createRing } from "../../src/state/journal/ring.ts";
import { JournalWriter } from "../../src/state/journal/writer.ts";
import { listSegments } from "../../src/state/journal/segments.ts";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** What its ANSWERS entry says. */
export const fixtureAnswer: Answered = {
  position: 1,
  row: 0,
  score: 0.25,
  threshold: 0.5,
  source: 3,
  state: 1,
  anomaly: 0,
  rule: -1,
  rawScore: 0,
  modelVersion: 0,
  replayed: 0,
};

/** What the journal of the fixture holds. */
export function fixtureEntries(): Entry[] {
  const rows = Buffer.alloc(20_000, "rows of a batch, ");
  const verdicts = Buffer.alloc(80, 1);
  verdicts.writeDoubleLE(1);
  const voids = Buffer.alloc(8);
  voids.writeDoubleLE(5);
  // As it was written when answers had no raw scores: form 0.
  const u8 = Buffer.alloc(48);
  u8.writeUInt32LE(1, 0);
  u8.writeDoubleLE(fixtureAnswer.position, 8);
  u8.writeDoubleLE(fixtureAnswer.score, 16);
  u8.writeDoubleLE(fixtureAnswer.threshold, 24);
  u8.writeInt32LE(fixtureAnswer.rule, 36);
  u8.set([fixtureAnswer.source, fixtureAnswer.state], 40);
  const made = {
    kind: "create",
    slot: 1,
    block: Float64Array.of(1, 2, 3),
    spec: '{"name":"naïve"}',
  } as const;
  const entries: Omit<Entry, "position">[] = [
    { shard: 0, kind: Kind.ROWS, unixMs: 1000, rows: 3, body: rows },
    { shard: 0, kind: Kind.VERDICTS, unixMs: 1001, rows: 3, body: verdicts },
    { shard: NO_SHARD, kind: Kind.ANSWERS, unixMs: 1002, rows: 1, body: u8 },
    { shard: 1, kind: Kind.CHANGE, unixMs: 1003, rows: 0, body: encodeChange(made) },
    { shard: 1, kind: Kind.ROWS, unixMs: 1004, rows: 1, body: rows.subarray(0, 96) },
    { shard: 1, kind: Kind.VOID, unixMs: 1005, rows: 0, body: voids },
    {
      shard: NO_SHARD,
      kind: Kind.PROCESS,
      unixMs: 1006,
      rows: 0,
      body: encodeProcessChange({ kind: "forgotten", slot: 4 }),
    },
    {
      shard: 0,
      kind: Kind.CHANGE,
      unixMs: 1007,
      rows: 0,
      body: encodeChange({ kind: "resize", memoryBytes: 2 ** 32 }),
    },
  ];
  return entries.map((entry, index) => ({ ...entry, position: index + 1 }));
}

function writeFixture(to: string): void {
  const directory = join(mkdtempSync(join(tmpdir(), "weir-fixture-")), "journal");
  for (const [first, end] of [
    [1, 4],
    [5, 8],
  ] as const) {
    const buffer = createRing(2 ** 20);
    const ring = new RingWriter(buffer);
    const { port1, port2: port } = new MessageChannel();
    const limits = { gatherMs: 0, segmentBytes: 2 ** 30, spaceMinBytes: 0, shards: 2 };
    const writer = new JournalWriter({ ring: buffer, port, directory, first, ...limits });
    writer.start();
    for (const { body, ...head } of fixtureEntries().slice(first - 1, end)) {
      const at = ring.reserve(body.length, 0);
      ring.views.u8.set(body, at);
      ring.commit({ ...head, type: RecordType.ENTRY }, body.length);
      writer.turn();
    }
    if (first > 1) break;
    port1.postMessage({ id: 1, command: "close" });
    ring.reserve(0, 0);
    ring.commit(
      { type: RecordType.COMMAND, kind: 0, shard: 0, position: 0, unixMs: 0, rows: 0 },
      0,
    );
    writer.turn();
  }
  mkdirSync(to, { recursive: true });
  for (const { path } of listSegments(directory)) {
    for (const file of [path, `${path}-wal`]) {
      if (existsSync(file)) copyFileSync(file, join(to, basename(file)));
    }
  }
}

if (import.meta.main) {
  const [, , to] = process.argv;
  if (to === undefined) throw new Error("say where to");
  writeFixture(to);
  process.exit();
}
