import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import { durableMarkIn } from "../../../../src/state/journal/durable-mark.ts";
import { Kind } from "../../../../src/state/journal/entry.ts";
import { filesOf } from "../../../../src/state/journal/segment-file.ts";
import {
  listSegments,
  readDurableMark,
  readEntries,
} from "../../../../src/state/journal/segments.ts";
import { WriterRig, copyJournal, journalDirectory } from "../../../support/journal.ts";
import type { Unplaced } from "../../../support/journal.ts";

function entry(text: string, bytes = 10): Unplaced {
  return { shard: 0, kind: Kind.ROWS, unixMs: 1, rows: 1, body: Buffer.from(text.padEnd(bytes)) };
}

function texts(directory: string): string[] {
  return [...readEntries(directory, { after: 0 })].map(
    ({ position, body }) => `${position} ${Buffer.from(body).toString().trim()}`,
  );
}

/** Files of a segment that this process has open. */
function openFiles(path: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    const open = linkOf(`/proc/self/fd/${fd}`);
    return open.startsWith(path) ? [open] : [];
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/**
 * While `failing`, a commit whose sync fails: the whole transaction is in the log, and SQLite's index of the log does not have it. A copy of the
 * segment makes those bytes.
 */
function failingSync(root: string): { failing: boolean; commit(database: DatabaseSync): void } {
  const disk = {
    failing: false,
    commit(database: DatabaseSync) {
      if (!disk.failing) {
        database.exec("COMMIT");
        return;
      }
      const path = database.location() ?? "";
      const rows = database.prepare("SELECT * FROM entries").all();
      copyJournal([path], join(root, "copy"));
      const copy = new DatabaseSync(join(root, "copy", basename(path)));
      copy.exec("PRAGMA wal_autocheckpoint = 0; BEGIN");
      const insert = copy.prepare("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
      for (const row of rows) insert.run(...Object.values(row));
      copy.exec("COMMIT");
      writeFileSync(`${path}-wal`, readFileSync(join(root, "copy", `${basename(path)}-wal`)));
      copy.close();
      throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
    },
  };
  return disk;
}

describe("the journal's writer", () => {
  it("makes one transaction of what is there, and begins a segment behind one that is full", () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory, { segmentBytes: 60_000 });
    rig.put(entry("a"));
    rig.put(entry("b"));
    rig.writer.turn();
    expect(rig.notices()).toEqual([
      { notice: "reply", id: 0 },
      { notice: "durable" },
      { notice: "spare", bytes: 60_000 },
    ]);
    rig.write([entry("c", 50_000)]);
    const [first, second] = listSegments(directory);
    // Its log is as good a place as its file would be.
    expect(rig.notices()).toEqual([]);
    expect(statSync(`${first?.path}-wal`).size).toBeGreaterThan(60_000);
    expect([first?.last, second?.first, second?.last]).toEqual([3, 4, 3]);
    rig.write([entry("d")]);
    expect(texts(directory)).toEqual(["1 a", "2 b", "3 c", "4 d"]);
    rig.close();
    expect(texts(directory)).toEqual(["1 a", "2 b", "3 c", "4 d"]);
  });

  it("lets the keeper have a segment that small commits made long", () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory, { segmentBytes: 60_000 });
    rig.write([entry("a")]);
    rig.notices();
    for (const text of "bcdefgh") rig.write([entry(text)]);
    const [first] = listSegments(directory);
    expect(rig.notices()).toContainEqual({ notice: "sealed", path: first?.path });
    rig.close();
    expect(texts(directory)).toHaveLength(8);
  });

  it.skipIf(process.platform !== "linux")(
    "lets go of a segment that the keeper could not put in order, or that is gone",
    () => {
      const directory = journalDirectory();
      const rig = new WriterRig(directory, { segmentBytes: 60_000 });
      for (const text of "abcdefghijklm") rig.write([entry(text)]);
      const sealed = rig.notices().flatMap((each) => (each.notice === "sealed" ? [each.path] : []));
      const [kept = "", gone = ""] = sealed;
      expect(openFiles(gone)).not.toEqual([]);
      rig.tell({ id: 1, command: "leave", path: kept });
      for (const file of filesOf(gone)) rmSync(file, { force: true });
      rig.tell({ id: 2, command: "release", path: gone });
      expect(rig.notices().filter(({ notice }) => notice === "reply")).toEqual([
        { notice: "reply", id: 1 },
        { notice: "reply", id: 2 },
      ]);
      expect([...openFiles(kept), ...openFiles(gone)]).toEqual([]);
      expect(statSync(`${kept}-wal`).size).toBeGreaterThan(60_000);
      rig.close();
    },
  );

  it("does not let entries come back whose sync failed, in a crash before and after it goes on", () => {
    const root = journalDirectory();
    const directory = join(root, "journal");
    const disk = failingSync(root);
    const rig = new WriterRig(directory, { commit: (database) => disk.commit(database) });
    rig.write([entry("kept 1"), entry("kept 2")]);
    const path = listSegments(directory)[0]?.path ?? "";
    const bytes = statSync(`${path}-wal`).size;
    disk.failing = true;
    rig.write([entry("lost 3")]);
    rig.write([entry("behind 4")]);
    expect(rig.notices().at(-1)).toEqual({
      notice: "failed",
      reason: `the journal cannot be written: ${path}: disk I/O error: the disk fails: look at the system's log, and replace it`,
    });
    expect(statSync(`${path}-wal`).size).toBe(bytes);
    copyJournal([path], join(root, "crashed"));
    expect(texts(join(root, "crashed"))).toEqual(["1 kept 1", "2 kept 2"]);

    disk.failing = false;
    rig.put(entry("given before it was known"));
    rig.tell({ id: 5, command: "resume", first: 3 });
    expect(rig.notices()).toEqual([
      { notice: "sealed", path },
      { notice: "reply", id: 5 },
    ]);
    rig.write([entry("again 3")]);
    expect(texts(directory)).toEqual(["1 kept 1", "2 kept 2", "3 again 3"]);
    copyJournal(
      listSegments(directory).map((segment) => segment.path),
      join(root, "later"),
    );
    expect(texts(join(root, "later"))).toEqual(["1 kept 1", "2 kept 2", "3 again 3"]);
    rig.close();
    expect(texts(directory)).toEqual(["1 kept 1", "2 kept 2", "3 again 3"]);
  });

  it("acknowledges nothing that is in a log whose name is gone", () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory);
    rig.write([entry("a")]);
    rig.notices();
    rmSync(`${listSegments(directory)[0]?.path}-wal`);
    rig.write([entry("b")]);
    expect(rig.notices()).toMatchObject([
      { notice: "failed", reason: expect.stringContaining("ENOENT") },
    ]);
  });

  it("does not go on in a segment behind which it could not begin another", () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory);
    rig.write([entry("a")]);
    rig.notices();
    const half = join(directory, "00000000000000000002.db.new");
    mkdirSync(half);
    rig.tell({ id: 1, command: "roll" });
    expect(rig.notices()).toMatchObject([{ notice: "failed" }, { notice: "reply", id: 1 }]);
    rig.write([entry("nobody is told")]);
    rmdirSync(half);
    rig.tell({ id: 2, command: "resume", first: 2 });
    rig.write([entry("b")]);
    rig.close();
    expect(texts(directory)).toEqual(["1 a", "2 b"]);
  });

  it("replaces a segment of which nothing is durable", () => {
    const root = journalDirectory();
    const directory = join(root, "journal");
    const disk = failingSync(root);
    const rig = new WriterRig(directory, { commit: (database) => disk.commit(database) });
    disk.failing = true;
    rig.write([entry("lost 1"), entry("lost 2")]);
    disk.failing = false;
    rig.tell({ id: 1, command: "resume", first: 1 });
    expect(texts(directory)).toEqual([]);
    rig.write([entry("again 1")]);
    expect(texts(directory)).toEqual(["1 again 1"]);
    rig.close();
    expect(texts(directory)).toEqual(["1 again 1"]);
  });

  it("begins where it is told at a start, and leaves out what was there behind that", () => {
    const directory = journalDirectory();
    const before = new WriterRig(directory);
    before.write([entry("a"), entry("b"), entry("c")]);
    before.close();
    const rig = new WriterRig(directory, { first: 3 });
    rig.write([entry("C")]);
    rig.close();
    expect(texts(directory)).toEqual(["1 a", "2 b", "3 C"]);
  });

  it("marks how far it is on disk: not what failed, less where it goes back, and anew where the mark is gone", () => {
    const directory = journalDirectory();
    const mark = (): number => readDurableMark(directory).position;
    const disk = failingSync(directory);
    const rig = new WriterRig(directory, { commit: (database) => disk.commit(database) });
    expect(mark()).toBe(0);
    rig.write([entry("a"), entry("b")]);
    expect(mark()).toBe(2);
    disk.failing = true;
    rig.write([entry("lost")]);
    expect(mark()).toBe(2);
    disk.failing = false;
    rmSync(durableMarkIn(directory));
    rig.tell({ id: 1, command: "resume", first: 3 });
    expect(mark()).toBe(2);
    rig.write([entry("c")]);
    expect(mark()).toBe(3);
    rig.close();
    const back = new WriterRig(directory, { first: 3 });
    expect(mark()).toBe(2);
    back.close();
  });

  it("refuses to begin where the journal does not reach, and behind which it goes on", () => {
    const directory = journalDirectory();
    const before = new WriterRig(directory);
    before.write([entry("a")]);
    before.tell({ id: 1, command: "roll" });
    before.write([entry("b")]);
    before.close();
    const gap = new WriterRig(directory, { first: 9 }).notices();
    expect(gap).toMatchObject([
      { id: 0, refused: expect.stringContaining("entry 8 is missing; its last entry is 2") },
    ]);
    const middle = new WriterRig(directory, { first: 1 }).notices();
    expect(middle).toMatchObject([
      { id: 0, refused: expect.stringContaining("behind position 0") },
    ]);
    expect(texts(directory)).toEqual(["1 a", "2 b"]);
  });

  it("keeps bodies beside the ring in step with it, over a failure too", () => {
    const root = journalDirectory();
    const directory = join(root, "journal");
    const disk = failingSync(root);
    const rig = new WriterRig(directory, { commit: (database) => disk.commit(database) });
    rig.putReference(entry("long 1"));
    rig.put(entry("short 2"));
    rig.putReference(entry("long 3"));
    rig.writer.turn();
    disk.failing = true;
    rig.putReference(entry("lost 4"));
    rig.writer.turn();
    rig.putReference(entry("lost 5"));
    rig.put(entry("lost 6"));
    rig.writer.turn();
    disk.failing = false;
    rig.putReference(entry("lost 7"));
    rig.tell({ id: 1, command: "resume", first: 4 });
    rig.putReference(entry("again 4"));
    rig.writer.turn();
    rig.close();
    expect(texts(directory)).toEqual(["1 long 1", "2 short 2", "3 long 3", "4 again 4"]);
  });

  it("refuses entries that do not follow each other", () => {
    const rig = new WriterRig(journalDirectory());
    rig.write([entry("a")]);
    rig.notices();
    rig.position = 7;
    rig.write([entry("b")]);
    expect(rig.notices()).toMatchObject([
      { notice: "failed", reason: expect.stringContaining("entry 8 follows entry 1") },
    ]);
  });
});
