import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Kind } from "../../../../src/state/journal/entry.ts";
import {
  inspectTail,
  listSegments,
  readEntries,
  removeSegment,
} from "../../../../src/state/journal/segments.ts";
import { makeSpareLog, saysEmpty, spareBytes } from "../../../../src/state/journal/spare-log.ts";
import { seal } from "../../../../src/state/keeper/seal.ts";
import { eventually } from "../../../support/eventually.ts";
import { WriterRig, copyJournal, journalDirectory, smallDisk } from "../../../support/journal.ts";
import type { Unplaced } from "../../../support/journal.ts";

const segmentBytes = 400_000;
const spare = spareBytes(segmentBytes);
const never = new AbortController().signal;

function entry(text: string, bytes = 10): Unplaced {
  return { shard: 0, kind: Kind.ROWS, unixMs: 1, rows: 1, body: Buffer.from(text.padEnd(bytes)) };
}

function texts(directory: string): string[] {
  return [...readEntries(directory, { after: 0 })].map(
    ({ position, body }) => `${position} ${Buffer.from(body).toString().trim()}`,
  );
}

/** The texts "1", "2", ... that were written to a journal. */
function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i + 1} ${i + 1}`);
}

function newestLog(directory: string): string {
  return `${listSegments(directory).at(-1)?.path}-wal`;
}

/** A journal whose newest segment writes over a spare log of zeros. */
async function onSpare(directory: string): Promise<WriterRig> {
  const rig = new WriterRig(directory, { segmentBytes });
  while (!rig.notices().some(({ notice }) => notice === "spare")) writeNext(rig);
  expect(await makeSpareLog(directory, spare, { freeMin: 0, signal: never })).toBe(true);
  rig.tell({ id: 7, command: "spare" });
  expect(rig.notices()).toContainEqual({ notice: "reply", id: 7 });
  return rig;
}

/** The first segment that wrote over a spare log; the keeper has taken it into its file. */
function sealedOne(rig: WriterRig, directory: string) {
  const overwritten = newestLog(directory);
  while (newestLog(directory) === overwritten) writeNext(rig);
  const path = overwritten.slice(0, -"-wal".length);
  seal(path);
  const sealed = listSegments(directory).find((segment) => segment.path === path);
  if (sealed === undefined) throw new Error("it is gone");
  return sealed;
}

function framesIn(path: string): number {
  const reader = new DatabaseSync(path, { readOnly: true });
  const frames = Number(reader.prepare("PRAGMA wal_checkpoint = NOOP").get()?.["log"]);
  reader.close();
  return frames;
}

/** Of this process. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
}

function writeNext(rig: WriterRig): void {
  rig.write([entry(String(rig.position + 1), 3000)]);
}

describe("a spare log", () => {
  it("is asked for by small commits that keep coming, and the next segment writes over it", async () => {
    const directory = journalDirectory();
    const rig = await onSpare(directory);
    expect(existsSync(join(directory, "spare.log"))).toBe(false);
    expect(statSync(newestLog(directory)).size).toBe(spare);
    for (let i = 0; i < 5; i++) writeNext(rig);
    expect(statSync(newestLog(directory)).size).toBe(spare);
    expect(texts(directory)).toEqual(numbered(rig.position));
    rig.close();
    expect(texts(directory)).toEqual(numbered(rig.position));
  });

  it("is not asked for by large commits", () => {
    const rig = new WriterRig(journalDirectory(), { segmentBytes: 128_000_000 });
    for (let i = 0; i < 12; i++) rig.write([entry(String(i), 1_000_000)]);
    const asked = rig.notices().filter(({ notice }) => notice === "spare");
    rig.close();
    expect(asked).toEqual([]);
  });

  it("is the log of a segment that is in its file, and what it held is not read again", async () => {
    const directory = journalDirectory();
    const rig = await onSpare(directory);
    const overwritten = newestLog(directory);
    while (newestLog(directory) === overwritten) writeNext(rig);
    const path = overwritten.slice(0, -"-wal".length);
    expect(rig.notices()).toContainEqual({ notice: "sealed", path });
    const before = readFileSync(overwritten);
    seal(path);
    rig.tell({ id: 8, command: "release", path });
    expect(existsSync(overwritten)).toBe(false);
    const recycled = readFileSync(join(directory, "spare.log"));
    expect(saysEmpty(recycled.subarray(0, 32))).toBe(true);
    expect(recycled.subarray(32).equals(before.subarray(32, spare))).toBe(true);
    const second = newestLog(directory);
    while (newestLog(directory) === second) writeNext(rig);
    for (let i = 0; i < 3; i++) writeNext(rig);
    const third = newestLog(directory);
    expect(statSync(third).size).toBe(spare);
    expect(texts(directory)).toEqual(numbered(rig.position));
    expect(inspectTail(third.slice(0, -"-wal".length)).droppedBytes).toBe(0);
    rig.close();
    expect(texts(directory)).toEqual(numbered(rig.position));
  });

  it("that a killed server wrote over is read up to what was written, and the room is given back at the next start", async () => {
    const root = journalDirectory();
    const directory = join(root, "live");
    const rig = await onSpare(directory);
    for (let i = 0; i < 4; i++) writeNext(rig);
    const crashed = join(root, "crashed");
    const paths = listSegments(directory).map(({ path }) => path);
    copyJournal(paths, crashed);
    const log = newestLog(crashed);
    expect(texts(crashed)).toEqual(numbered(rig.position));
    expect(inspectTail(log.slice(0, -"-wal".length)).droppedBytes).toBe(0);
    const again = new WriterRig(crashed, { first: rig.position + 1, segmentBytes });
    expect(statSync(log).size).toBeLessThan(spare - 50_000);
    writeNext(again);
    expect(texts(crashed)).toEqual(numbered(again.position));
    expect(inspectTail(log.slice(0, -"-wal".length)).droppedBytes).toBe(0);
    again.close();
    rig.close();
  });

  it("and a log that only grew tell the same of a byte that was altered", async () => {
    const root = journalDirectory();
    const live = join(root, "live");
    const rig = await onSpare(live);
    for (let i = 0; i < 4; i++) writeNext(rig);
    const path = listSegments(live).at(-1)?.path ?? "";
    const whole = readFileSync(`${path}-wal`);
    const written = 32 + framesIn(path) * 16_408;
    rig.close();
    const altered = join(root, "altered.db");
    const look = (log: Uint8Array): object => {
      writeFileSync(`${altered}-wal`, log);
      return inspectTail(altered);
    };
    // Old frames of another log, as in one that was recycled.
    const old = Buffer.from(whole.subarray(32, 32 + 5 * 16_408));
    for (let at = 8; at < old.length; at += 16_408) old.writeUInt32BE(12_345, at);
    const rooms = [whole.subarray(written), Buffer.concat([old, old, old]).subarray(0, 150_000)];
    const heads = fc
      .record({ frame: fc.nat((written - 32) / 16_408 - 1), within: fc.nat(23) })
      .map(({ frame, within }) => 32 + frame * 16_408 + within);
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(written - 1), heads),
        fc.nat(7),
        fc.nat(rooms.length - 1),
        (at, bit, which) => {
          const log = Buffer.from(whole.subarray(0, written));
          log[at] = (log[at] ?? 0) ^ (1 << bit);
          const alone = look(log);
          const withRoom = look(Buffer.concat([log, rooms[which] ?? log]));
          if (at >= 32) expect(withRoom).toEqual(alone);
          else expect(withRoom).toMatchObject({ lost: true });
        },
      ),
      { numRuns: 150 },
    );
    expect(look(whole)).toMatchObject({ droppedBytes: 0 });
  });

  it("whose old frames show through a transaction that was torn, is not taken for one that lost entries", async () => {
    const directory = journalDirectory();
    const rig = await onSpare(directory);
    for (let i = 0; i < 4; i++) writeNext(rig);
    const path = listSegments(directory).at(-1)?.path ?? "";
    const before = framesIn(path);
    rig.write([entry("torn", 80_000)]);
    const log = readFileSync(`${path}-wal`);
    expect(framesIn(path)).toBeGreaterThan(before + 3);
    rig.close();
    // A commit of another log.
    const old = Buffer.from(log.subarray(32 + (before - 1) * 16_408).subarray(0, 16_408));
    expect(old.readUInt32BE(4)).toBeGreaterThan(0);
    old.writeUInt32BE(12_345, 8);
    old.copy(log, 32 + before * 16_408);
    const torn = join(directory, "torn.db");
    writeFileSync(`${torn}-wal`, log);
    expect(inspectTail(torn)).toMatchObject({ lost: false, what: expect.any(String) });
  });

  it("that is asked for twice is made once", async () => {
    const directory = journalDirectory();
    const bounds = { freeMin: 0, signal: never };
    const made = makeSpareLog(directory, 2 ** 22, bounds);
    await eventually(() => expect(existsSync(join(directory, "spare.log.new"))).toBe(true));
    await expect(makeSpareLog(directory, 2 ** 24, bounds)).rejects.toThrow("EEXIST");
    expect(await made).toBe(true);
    expect(readdirSync(directory)).toEqual(["spare.log"]);
  });

  it("is made of a log that nobody reads who opens its segment when the writer closes it", async () => {
    const directory = journalDirectory();
    const rig = await onSpare(directory);
    const { path, first, last } = sealedOne(rig, directory);
    let reader: Iterator<unknown> | undefined;
    const readAtClose = (): void => {
      const closing = vi.spyOn(DatabaseSync.prototype, "close");
      closing.mockImplementation(function closeThenRead(this: DatabaseSync) {
        closing.mockRestore();
        this.close();
        reader?.return?.();
        reader = readEntries(directory, { after: first - 1, until: last });
        reader.next();
        readAtClose();
      });
    };
    readAtClose();
    rig.tell({ id: 8, command: "release", path });
    vi.restoreAllMocks();
    for (let segments = 0; segments < 2; segments++) {
      const log = newestLog(directory);
      while (newestLog(directory) === log) writeNext(rig);
    }
    let count = 1;
    while (reader?.next().done === false) count++;
    expect(count).toBe(last - first + 1);
    rig.close();
  });

  it.each(["release", "close"] as const)(
    "is not made of a segment that has left the journal, which is let go (%s)",
    async (command) => {
      const directory = journalDirectory();
      const rig = await onSpare(directory);
      const { path } = sealedOne(rig, directory);
      removeSegment(path);
      rig.notices();
      rig.tell({ id: 8, command, path });
      expect(rig.notices()).toEqual([{ notice: "reply", id: 8 }]);
      expect(openFiles().filter((file) => file.includes(path))).toEqual([]);
      if (command === "release") rig.close();
    },
  );

  it("is not made of a log while one is being made: there is one at most", async () => {
    const directory = journalDirectory();
    const rig = await onSpare(directory);
    const { path } = sealedOne(rig, directory);
    writeFileSync(join(directory, "spare.log.new"), "");
    rig.tell({ id: 8, command: "release", path });
    const names = readdirSync(directory);
    expect(names).not.toContain("spare.log");
    expect(names).not.toContain(`${basename(path)}-wal`);
    expect(texts(directory)).toEqual(numbered(rig.position));
    rig.close();
  });

  it("that cannot be had is done without", async () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory, { segmentBytes });
    writeNext(rig);
    mkdirSync(join(directory, "spare.log"));
    rig.tell({ id: 5, command: "spare" });
    writeNext(rig);
    expect(listSegments(directory)).toHaveLength(2);
    rig.close();
    expect(texts(directory)).toEqual(["1 1", "2 2"]);
  });

  it("that is cut off while it is made leaves nothing, nor does one for which there is no room", async () => {
    const directory = journalDirectory();
    const stopping = new AbortController();
    const making = makeSpareLog(directory, 2 ** 23, { freeMin: 0, signal: stopping.signal });
    stopping.abort();
    expect(await making).toBe(false);
    expect(await makeSpareLog(directory, spare, { freeMin: 2 ** 60, signal: never })).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("on a disk that fills up meanwhile is given up", async (context) => {
    const disk = smallDisk("size=8m");
    if (disk === undefined) {
      context.skip("mounting is not permitted here");
      return;
    }
    const making = makeSpareLog(disk, 7_500_000, { freeMin: 0, signal: never });
    const failed = expect(making).rejects.toThrow("ENOSPC");
    await eventually(() => expect(existsSync(join(disk, "spare.log.new"))).toBe(true));
    writeFileSync(join(disk, "other"), Buffer.alloc(6_000_000));
    await failed;
    expect(readdirSync(disk)).toEqual(["other"]);
  });

  it("that is no log is not taken, and has the length of no whole frames", async () => {
    const directory = journalDirectory();
    writeFileSync(join(directory, "spare.log"), Buffer.alloc(1000));
    const rig = new WriterRig(directory, { segmentBytes });
    writeNext(rig);
    expect(texts(directory)).toEqual(["1 1"]);
    rig.close();
    for (const bytes of [2 ** 16, 2 ** 20, 2 ** 28, 32 + 16_408 * 10, 32 + 65_560 * 3]) {
      for (const frame of [16_408, 65_560]) {
        expect((spareBytes(bytes) - 32) % frame).toBeGreaterThanOrEqual(16);
      }
    }
  });
});
