import { readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { Op, regionBase } from "../../../../src/shard/layout.ts";
import {
  packRows,
  packVerdicts,
  packedBytesMax,
  verdictBytes,
} from "../../../../src/shard/packed-rows.ts";
import { Region, emptyRow } from "../../../../src/shard/region.ts";
import type { Views } from "../../../../src/shard/region.ts";
import {
  Kind,
  NO_SHARD,
  decodeAnswers,
  decodeChange,
  decodeProcessChange,
} from "../../../../src/state/journal/entry.ts";
import type { Entry } from "../../../../src/state/journal/entry.ts";
import { Journal } from "../../../../src/state/journal/journal.ts";
import type { JournalOptions } from "../../../../src/state/journal/journal-options.ts";
import { chainAt, listSegments, readEntries } from "../../../../src/state/journal/segments.ts";
import { eventually } from "../../../support/eventually.ts";
import { journalDirectory } from "../../../support/journal.ts";

const MIB = 1024 * 1024;

async function open(options: Partial<JournalOptions> & { directory: string }): Promise<Journal> {
  const journal = await Journal.open({
    first: 1,
    shards: 2,
    views: [],
    durability: "acknowledged",
    ringBytes: 32 * MIB,
    ...options,
  });
  onTestFinished(() => journal.close());
  return journal;
}

function read(directory: string, after = 0): Entry[] {
  return [...readEntries(directory, { after })];
}

function durable(journal: Journal, position: number): Promise<boolean> {
  return new Promise((resolve) => {
    journal.whenDurable(position, resolve);
  });
}

function viewsOf(bytes: number): Views {
  const buffer = new ArrayBuffer(bytes);
  const [f64, u32, u16] = [
    new Float64Array(buffer),
    new Uint32Array(buffer),
    new Uint16Array(buffer),
  ];
  return { f64, u32, u16, u8: new Uint8Array(buffer) };
}

/** Ten rows of three values, as they are admitted. */
function sealedRegion(views: Views): Region {
  const region = new Region(0, views);
  for (let row = 0; row < 10; row++) {
    const text = Buffer.from(`key ${row}`);
    const keyOffset = region.putBytes(text, 0, text.length);
    const valuesOffset = region.putValues(Float64Array.of(row, 2, Number.NaN), 0, 3, 0);
    const lengths = { keyOffset, keyLength: text.length, valuesOffset, values: 3 };
    region.putRow({ ...emptyRow(), ...lengths, op: Op.SCORE_AND_LEARN, arrivalMs: 1e12 + row });
  }
  region.seal();
  return region;
}

describe("the journal", () => {
  it("keeps entries of every kind in one order, and goes on behind them after a restart", async () => {
    const directory = journalDirectory();
    const views = [0, 1].map(() => viewsOf(regionBase(1)));
    const region = sealedRegion(views[1]!);
    const packed = viewsOf(packedBytesMax(region));
    const rowsBytes = packed.u8.subarray(0, packRows(region, views[1]!, packed, 0));
    const verdicts = viewsOf(verdictBytes(10));
    packVerdicts(region, views[1]!, verdicts, 0);
    const answer = {
      position: 1,
      row: 3,
      score: 0.5,
      threshold: 1,
      source: 2,
      state: 1,
      anomaly: 0,
      rule: -1,
      rawScore: 0.75,
      modelVersion: 3,
      replayed: 0,
    };

    const first = await open({ directory, views, now: () => 1234 });
    expect(first.appendRows(1, region)).toBe(1);
    first.appendVerdicts(1, 1, region);
    expect(first.appendPacked(0, rowsBytes)).toBe(3);
    expect(first.appendChange(0, { kind: "reset", slot: 3 })).toBe(4);
    first.appendAnswers([answer]);
    expect(first.appendProcess({ kind: "forgotten", slot: 2 })).toBe(6);
    expect(first.appendVoid(1, 1)).toBe(7);
    expect(await durable(first, 7)).toBe(true);
    expect([first.durable, first.newest]).toEqual([7, 7]);
    await first.close();

    const entries = read(directory);
    expect(
      entries.map(({ position, shard, kind, unixMs, rows }) => [
        position,
        shard,
        kind,
        unixMs,
        rows,
      ]),
    ).toEqual([
      [1, 1, Kind.ROWS, 1234, 10],
      [2, 1, Kind.VERDICTS, 1234, 10],
      [3, 0, Kind.ROWS, 1234, 10],
      [4, 0, Kind.CHANGE, 1234, 0],
      [5, NO_SHARD, Kind.ANSWERS, 1234, 1],
      [6, NO_SHARD, Kind.PROCESS, 1234, 0],
      [7, 1, Kind.VOID, 1234, 0],
    ]);
    const bodies = entries.map(({ body }) => Buffer.from(body));
    expect(bodies[0]).toEqual(Buffer.from(rowsBytes));
    expect(bodies[2]).toEqual(Buffer.from(rowsBytes));
    expect(bodies[1]?.readDoubleLE(0)).toBe(1);
    expect(bodies[1]?.subarray(8)).toEqual(Buffer.from(verdicts.u8));
    expect(decodeChange(entries[3]!.body)).toEqual({ kind: "reset", slot: 3 });
    expect(decodeAnswers(entries[4]!.body)).toEqual([answer]);
    expect(decodeProcessChange(entries[5]!.body)).toEqual({ kind: "forgotten", slot: 2 });
    expect(bodies[6]?.readDoubleLE(0)).toBe(1);

    const second = await open({ directory, first: 8 });
    expect(second.appendVoid(0, 3)).toBe(8);
    await second.close();
    expect(listSegments(directory).map((segment) => [segment.first, segment.last])).toEqual([
      [1, 7],
      [8, 8],
    ]);
    expect(read(directory)).toHaveLength(8);
    expect(chainAt(directory, 8)).not.toBe(chainAt(directory, 7));
  });

  it("calls back in the order of positions, at once for what is on disk, and with false for what never was", async () => {
    const journal = await open({ directory: journalDirectory() });
    for (const slot of [1, 2, 3, 4]) journal.appendChange(0, { kind: "reset", slot });
    const called: string[] = [];
    for (const position of [4, 1, 3, 2, 3]) {
      const name = `${position}${"'".repeat(called.length)}`;
      journal.whenDurable(position, (is) => called.push(`${name} ${is}`));
    }
    expect(called).toEqual([]);
    await durable(journal, journal.newest);
    expect(called).toEqual(["1 true", "2 true", "3 true", "3 true", "4 true"]);
    journal.whenDurable(2, (is) => called.push(`at once ${is}`));
    journal.whenDurable(0, (is) => called.push(`nothing kept ${is}`));
    journal.whenDurable(99, (is) => called.push(`not given ${is}`));
    expect(called.slice(5)).toEqual(["at once true", "nothing kept false", "not given false"]);
  });

  it("commits on its own within 50 ms when relaxed, many entries at once", async () => {
    const journal = await open({ directory: journalDirectory(), durability: "relaxed" });
    const start = performance.now();
    let last = 0;
    while (performance.now() - start < 300) {
      last = journal.appendChange(0, { kind: "reset", slot: 1 });
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
    await durable(journal, last);
    const { commits, entries } = journal.stats;
    expect(commits).toBeGreaterThan(0);
    // One in 25 ms.
    expect(commits).toBeLessThan(16);
    expect(entries).toBeGreaterThan(commits);
    expect(journal.stats.commitBuckets.reduce((sum, count) => sum + count, 0)).toBe(
      journal.stats.commits,
    );
  });

  it("has no room while the writer is held up, says when it has, and loses nothing", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    journal.appendChange(0, { kind: "reset", slot: 1 });
    await durable(journal, 1);
    const blocker = new DatabaseSync(listSegments(directory)[0]!.path);
    blocker.exec("BEGIN IMMEDIATE");
    let rooms = 0;
    journal.onRoom = () => rooms++;
    let appended = 0;
    const part = new Uint8Array(MIB / 2).fill(7);
    while (journal.hasRoom) {
      journal.appendChange(0, { kind: "import", slot: 1, part });
      appended++;
    }
    // What is promised while there was room just now.
    for (let region = 0; region < 2; region++) journal.appendPacked(0, new Uint8Array(5_767_184));
    // And beyond: by another way, in the same order.
    for (let more = 0; more < 30; more++)
      journal.appendChange(1, { kind: "import", slot: 2, part });
    expect(journal.stats.queuedBytes).toBeGreaterThan(20 * MIB);
    expect([journal.hasRoom, rooms]).toEqual([false, 0]);
    blocker.exec("COMMIT");
    blocker.close();
    await durable(journal, journal.newest);
    await eventually(() => expect(rooms).toBe(1));
    expect([journal.hasRoom, journal.stats.queuedBytes]).toEqual([true, 0]);
    const entries = read(directory);
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, index) => index + 1));
    expect(entries).toHaveLength(1 + appended + 2 + 30);
    expect(entries.at(-1)?.body.at(-1)).toBe(7);
  });

  it("leaves out answers when there is no room for them at all, and counts them", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    journal.appendChange(0, { kind: "reset", slot: 1 });
    await durable(journal, 1);
    const blocker = new DatabaseSync(listSegments(directory)[0]!.path);
    blocker.exec("BEGIN IMMEDIATE");
    const answer = { position: 1, row: 0, score: 0, threshold: 0, source: 1, state: 1 };
    const none = { rawScore: 0, modelVersion: 0, replayed: 0 };
    const answers = Array.from({ length: 500 }, () => ({
      ...answer,
      anomaly: 0,
      rule: -1,
      ...none,
    }));
    for (let i = 0; i < 4000; i++) journal.appendAnswers(answers);
    // Room for what must be kept is left.
    expect(journal.appendVoid(0, 1)).toBe(journal.newest);
    blocker.exec("COMMIT");
    blocker.close();
    expect(await durable(journal, journal.newest)).toBe(true);
    const kept = read(directory).reduce((sum, { rows }) => sum + rows, 0);
    expect(journal.stats.answersDropped).toBeGreaterThan(0);
    expect(kept + journal.stats.answersDropped).toBe(4000 * 500);
  });

  it("keeps a model that is longer than its buffer in its place", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    const model = new Uint8Array(40 * MIB);
    for (let i = 0; i < model.length; i += 4096) model[i] = i >>> 12;
    journal.appendChange(0, { kind: "take", handle: 5 });
    journal.appendChange(0, { kind: "swap", handle: 5, model });
    const last = journal.appendChange(0, { kind: "reset", slot: 5 });
    expect(await durable(journal, last)).toBe(true);
    const changes = read(directory).map(({ body }) => decodeChange(body));
    expect(changes.map(({ kind }) => kind)).toEqual(["take", "swap", "reset"]);
    const [, swap] = changes;
    expect(swap?.kind === "swap" && Buffer.compare(swap.model, model)).toBe(0);
  });

  it("puts what is appended together on disk in one commit", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    const part = new Uint8Array(MIB - 100);
    journal.together(() => {
      // More than the writer takes into one transaction otherwise.
      for (let i = 0; i < 14; i++) journal.appendChange(0, { kind: "import", slot: 1, part });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
    });
    await durable(journal, 14);
    expect(journal.stats.commits).toBe(1);
    journal.together(() => undefined);
    expect(read(directory)).toHaveLength(14);
  });

  it("begins a new segment by size and when told, and lets the keeper have the one before", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory, segmentBytes: MIB });
    const sealed: string[] = [];
    journal.onSealed = (path) => sealed.push(path);
    await journal.roll();
    expect(listSegments(directory)).toHaveLength(1);
    for (let i = 0; i < 12; i++) {
      const position = journal.appendChange(0, {
        kind: "import",
        slot: 1,
        part: new Uint8Array(300_000),
      });
      await durable(journal, position);
    }
    await journal.roll();
    const segments = listSegments(directory);
    expect(segments.length).toBeGreaterThan(3);
    expect(sealed).toEqual([]);
    for (let i = 0; i < 3; i++) {
      await durable(journal, journal.appendChange(0, { kind: "reset", slot: 1 }));
    }
    await journal.roll();
    expect(sealed).toEqual([segments.at(-1)?.path]);
    const keeper = new DatabaseSync(sealed[0]!);
    expect(keeper.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()).toEqual({
      busy: 0,
      log: 0,
      checkpointed: 0,
    });
    keeper.close();
    await journal.releaseSegment(sealed[0]!);
    expect(read(directory)).toHaveLength(15);
    expect(journal.bytesSince(12)).toBeLessThan(2 * MIB);
    expect(journal.bytesSince(0)).toBeGreaterThan(12 * 300_000);
    expect(journal.bytesSince(6)).toBeLessThan(7 * 300_000 + 2 * MIB);
  });

  it("leaves nothing of a spare log that is being made when it is closed", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory, segmentBytes: 64 * MIB });
    const part = new Uint8Array(100_000);
    for (let i = 0; i < 50; i++) {
      await durable(journal, journal.appendChange(0, { kind: "import", slot: 1, part }));
    }
    await eventually(() => expect(readdirSync(directory)).toContain("spare.log.new"));
    await journal.close();
    expect(readdirSync(directory).toSorted()).toEqual(["00000000000000000001.db", "durable"]);
  });

  it("refuses to open behind a gap, and names it", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    journal.appendChange(0, { kind: "reset", slot: 1 });
    await journal.close();
    await expect(open({ directory, first: 5 })).rejects.toThrow(
      "entry 4 is missing; its last entry is 1",
    );
  });

  it("counts on behind 2^32", async () => {
    const directory = journalDirectory();
    const first = 2 ** 32 - 3;
    const journal = await open({ directory, first });
    for (let i = 0; i < 6; i++) {
      const position = journal.appendChange(0, { kind: "reset", slot: i });
      expect([position, await durable(journal, position)]).toEqual([first + i, true]);
      expect(journal.durable).toBe(position);
    }
    await journal.close();
    const next = await open({ directory, first: first + 6 });
    expect(await durable(next, next.appendVoid(0, first))).toBe(true);
    expect(read(directory, first - 1).map(({ position }) => position)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((i) => first + i),
    );
  });

  it("fails when its thread dies, and goes on with another", async () => {
    const directory = journalDirectory();
    const journal = await open({ directory });
    journal.appendChange(0, { kind: "reset", slot: 0 });
    await durable(journal, 1);
    const failed = new Promise<string>((resolve) => {
      journal.onFailed = ({ message }, position) => resolve(`${message} behind ${position}`);
    });
    const handle = Reflect.get(journal, "writer") as { worker: { terminate(): Promise<number> } };
    await handle.worker.terminate();
    expect(await failed).toBe("the journal's writer thread died: it exited behind 1");
    expect(journal.appendChange(0, { kind: "reset", slot: 1 })).toBe(0);
    await journal.resume();
    const position = journal.appendChange(0, { kind: "reset", slot: 2 });
    expect([position, await durable(journal, position)]).toEqual([2, true]);
    await journal.close();
    expect(read(directory).map(({ body }) => decodeChange(body))).toEqual([
      { kind: "reset", slot: 0 },
      { kind: "reset", slot: 2 },
    ]);
  });
});
