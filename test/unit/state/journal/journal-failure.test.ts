import { chmodSync, mkdirSync, rmSync, writeFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { Journal } from "../../../../src/state/journal/journal.ts";
import { asDamage } from "../../../../src/state/journal/segment-file.ts";
import { decodeChange } from "../../../../src/state/journal/entry.ts";
import { inspectTail, listSegments, readEntries } from "../../../../src/state/journal/segments.ts";
import { copyJournal, journalDirectory, smallDisk } from "../../../support/journal.ts";
import { stopWriter } from "../../../support/stop-writer.ts";

const MIB = 1024 * 1024;

function open(directory: string, first = 1, spaceMinBytes = 2 * MIB): Promise<Journal> {
  const fixed = { shards: 1, views: [], durability: "acknowledged", ringBytes: 32 * MIB } as const;
  return Journal.open({ ...fixed, directory, first, spaceMinBytes });
}

/** Slots of the changes, by position. */
function slots(directory: string): number[] {
  return [...readEntries(directory, { after: 0 })].map(({ body }) => {
    const change = decodeChange(body);
    return change.kind === "import" ? change.slot : -1;
  });
}

async function untilFailed(journal: Journal, bytes: number): Promise<number[]> {
  const callbacks: number[] = [];
  for (let slot = 0; !journal.failed; slot++) {
    const position = journal.appendChange(0, { kind: "import", slot, part: new Uint8Array(bytes) });
    journal.whenDurable(position, (durable) => {
      if (durable) callbacks.push(position);
      else callbacks.push(-position);
    });
    if (slot % 5 === 0) {
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  }
  return callbacks;
}

const permitted = spawnSync("unshare", ["--mount", "true"]).status === 0;

describe("a journal that cannot be written", () => {
  it.skipIf(!permitted)(
    "on a full disk fails clean, keeps what was durable, and goes on when there is room (mounts a file system: root only)",
    async ({ skip }) => {
      const disk = smallDisk("size=32m");
      if (disk === undefined) {
        skip("mounting is not permitted");
        return;
      }
      const filler = join(disk, "filler");
      writeFileSync(filler, new Uint8Array(24 * MIB));
      const directory = join(disk, "journal");
      const journal = await open(directory);
      onTestFinished(() => journal.close());
      const failures: [string, number][] = [];
      journal.onFailed = (error, durable) => failures.push([error.message, durable]);
      const callbacks = await untilFailed(journal, 50_000);

      const kept = journal.durable;
      expect(kept).toBeGreaterThan(10);
      expect(failures).toEqual([[expect.stringContaining(directory), kept]]);
      expect(failures[0]?.[0]).toContain("the disk is full: make room on it");
      const [durable, lost] = [callbacks.filter((at) => at > 0), callbacks.filter((at) => at < 0)];
      expect(durable).toEqual(Array.from({ length: kept }, (_, index) => index + 1));
      expect(lost.length).toBeGreaterThan(0);
      expect(callbacks).toEqual([...durable, ...lost]);
      expect(lost).toEqual(lost.map((_, index) => -(kept + 1 + index)));
      // Refused, and said so.
      expect([journal.failed, journal.hasRoom, journal.newest]).toEqual([true, true, kept]);
      expect(journal.appendChange(0, { kind: "reset", slot: 1 })).toBe(0);
      // As a start after a crash finds it, too.
      const crashed = journalDirectory();
      copyJournal(
        listSegments(directory).map(({ path }) => path),
        crashed,
      );
      expect(slots(crashed)).toHaveLength(kept);
      expect(inspectTail(listSegments(crashed)[0]?.path ?? "").droppedBytes).toBe(0);

      await expect(journal.resume()).rejects.toThrow(
        "MB are free on the disk; it goes on when there are 2 MB",
      );
      expect(journal.failed).toBe(true);
      rmSync(filler);
      await Promise.all([journal.resume(), journal.resume()]);
      expect(journal.failed).toBe(false);
      expect(journal.appendChange(0, { kind: "import", slot: 63, part: new Uint8Array(10) })).toBe(
        kept + 1,
      );
      await journal.close();
      const expected = Array.from({ length: kept }, (_, slot) => slot);
      expect(slots(directory)).toEqual([...expected, 63]);
    },
  );

  it.skipIf(!permitted)(
    "that was killed on a full disk is read there, and says that it is full (mounts a file system: root only)",
    async ({ skip }) => {
      const disk = smallDisk("size=12m");
      if (disk === undefined) {
        skip("mounting is not permitted");
        return;
      }
      const live = journalDirectory();
      const journal = await open(live);
      onTestFinished(() => journal.close());
      for (let slot = 0; slot < 9; slot++) {
        journal.appendChange(0, { kind: "import", slot, part: new Uint8Array(10) });
      }
      await new Promise((resolve) => {
        journal.whenDurable(9, resolve);
      });
      copyJournal(
        listSegments(live).map(({ path }) => path),
        join(disk, "journal"),
      );
      expect(() => writeFileSync(join(disk, "filler"), new Uint8Array(16 * MIB))).toThrow("ENOSPC");
      expect(slots(join(disk, "journal"))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      await expect(open(join(disk, "journal"), 10)).rejects.toThrow(
        "the disk is full: make room on it",
      );
      expect(slots(join(disk, "journal"))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    },
  );

  it.skipIf(!permitted)(
    "in a read-only directory says so, and is read (mounts a file system: root only)",
    async ({ skip }) => {
      const disk = smallDisk("size=12m");
      if (disk === undefined) {
        skip("mounting is not permitted");
        return;
      }
      const journal = await open(join(disk, "journal"));
      journal.appendChange(0, { kind: "import", slot: 0, part: new Uint8Array(10) });
      await journal.close();
      expect(spawnSync("mount", ["-o", "remount,ro", disk]).status).toBe(0);
      await expect(open(join(disk, "journal"), 2)).rejects.toThrow(
        "it is read-only: let the user that Weir runs as write there",
      );
      expect(slots(join(disk, "journal"))).toEqual([0]);
    },
  );

  it.skipIf(process.getuid?.() === 0)(
    "in a directory of another's says so (not as root)",
    async () => {
      const directory = join(journalDirectory(), "theirs");
      mkdirSync(directory);
      chmodSync(directory, 0o555);
      await expect(open(directory)).rejects.toThrow("it is read-only");
    },
  );

  it("under a path that is a file says so", async () => {
    const file = join(journalDirectory(), "file");
    writeFileSync(file, "");
    await expect(open(join(file, "journal"))).rejects.toThrow(file);
  });

  it("whose new writer dies as it begins has not gone on", async () => {
    const journal = await open(journalDirectory());
    onTestFinished(() => journal.close());
    (await stopWriter(journal))();
    expect(journal.failed).toBe(true);
    const start: unknown = Reflect.get(journal, "start");
    if (typeof start !== "function") throw new Error("it starts no writer");
    Reflect.set(journal, "start", async () => {
      await Reflect.apply(start, journal, []);
      (await stopWriter(journal))();
    });
    await expect(journal.resume()).rejects.toThrow("writer thread died");
    expect(journal.failed).toBe(true);
    Reflect.deleteProperty(journal, "start");
    await journal.resume();
    expect(journal.failed).toBe(false);
    const position = journal.appendVoid(0, 1);
    expect(await new Promise((resolve) => journal.whenDurable(position, resolve))).toBe(true);
  });

  it("whose files vanished fails, and goes on in a new segment", async () => {
    const directory = journalDirectory();
    const journal = await open(directory);
    onTestFinished(() => journal.close());
    journal.appendChange(0, { kind: "import", slot: 0, part: new Uint8Array(10) });
    await new Promise((resolve) => {
      journal.whenDurable(1, resolve);
    });
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    const callbacks = await untilFailed(journal, 10_000);
    expect(journal.failure?.message).toContain(directory);
    expect(callbacks.every((at) => at < 0 || at <= journal.durable)).toBe(true);
  });
});

it.each([
  ["a lock that others hold", 15, "UnreadableJournal"],
  ["no memory for reading", 3082, "UnreadableJournal"],
  ["a lock that the system refuses", 3850, "UnreadableJournal"],
  ["bytes that cannot be read", 266, "JournalDamage"],
  ["a file that ends too early", 522, "JournalDamage"],
  ["a broken page", 11, "JournalDamage"],
  ["a missing table", 1, "JournalDamage"],
])("%s (SQLite's %i) is a %s", (_what, errcode, name) => {
  const error = Object.assign(new Error("said"), { errcode });
  expect(asDamage(error, "path", 1)).toMatchObject({ name });
});
