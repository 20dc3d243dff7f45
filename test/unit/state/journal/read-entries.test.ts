import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Kind } from "../../../../src/state/journal/entry.ts";
import type { Entry } from "../../../../src/state/journal/entry.ts";
import {
  JournalDamage,
  NewerJournal,
  chainAt,
  journalBytes,
  listSegments,
  readEntries,
  readVoids,
} from "../../../../src/state/journal/segments.ts";
import { WriterRig, anyEntry, journalDirectory, placed, plain } from "../../../support/journal.ts";
import type { Unplaced } from "../../../support/journal.ts";

function read(
  directory: string,
  options: Partial<Parameters<typeof readEntries>[1]> = {},
): object[] {
  return [...readEntries(directory, { after: 0, ...options })].map(plain);
}

function entry(values: Partial<Unplaced> = {}): Unplaced {
  return { shard: 0, kind: Kind.ROWS, unixMs: 1000, rows: 1, body: Buffer.from("row"), ...values };
}

function voiding(position: number): Unplaced {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setFloat64(0, position, true);
  return entry({ kind: Kind.VOID, rows: 0, body });
}

/** Segments 1 to 4, 5 to 8 and 9 to 10, closed. */
function threeSegments(directory: string): Entry[] {
  const entries = Array.from({ length: 10 }, (_, i) =>
    entry({ rows: i, body: Buffer.from(`row ${i}`) }),
  );
  const rig = new WriterRig(directory);
  for (const [index, one] of entries.entries()) {
    rig.write([one]);
    if (index === 3 || index === 7) rig.tell({ id: 1, command: "roll" });
  }
  rig.close();
  return placed(entries);
}

function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function damageOf(run: () => unknown): JournalDamage {
  try {
    run();
  } catch (error) {
    if (error instanceof JournalDamage) return error;
    throw error;
  }
  throw new Error("no damage was found");
}

describe("readEntries", () => {
  it("reads what was appended, in order, over segments, filtered, live and closed", () => {
    const root = journalDirectory();
    const batch = fc.record({
      entries: fc.array(anyEntry, { minLength: 1, maxLength: 5 }),
      roll: fc.boolean(),
    });
    const range = fc.record({ from: fc.nat(30), to: fc.nat(30), shard: fc.nat(3) });
    let run = 0;
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 6 }), range, (batches, { from, to, shard }) => {
        const directory = join(root, String(run++));
        const rig = new WriterRig(directory);
        for (const { entries, roll } of batches) {
          rig.write(entries);
          if (roll) rig.tell({ id: 1, command: "roll" });
        }
        const all = placed(batches.flatMap(({ entries }) => entries));
        const after = Math.min(from, all.length);
        const kinds = [Kind.ROWS, Kind.CHANGE];
        const wanted = all.filter(
          (one) =>
            one.position > after &&
            one.position <= to &&
            one.shard === shard &&
            kinds.some((kind) => kind === one.kind),
        );
        for (const state of ["live", "closed"]) {
          expect(read(directory), state).toEqual(all.map(plain));
          expect(read(directory, { after, until: to, shard, kinds }), state).toEqual(
            wanted.map(plain),
          );
          if (state === "live") rig.close();
        }
        expect(listSegments(directory).at(-1)?.last).toBe(all.length);
        for (const one of readEntries(directory, { after: 0 }))
          expect(one.body.byteOffset % 8).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it("finds nothing where there is no journal", () => {
    const directory = join(journalDirectory(), "none");
    expect(read(directory)).toEqual([]);
    expect(listSegments(directory)).toEqual([]);
    expect(journalBytes(directory)).toBe(0);
    expect(chainAt(directory, 0)).toBe(0);
  });

  it.each([
    ["an altered body", "UPDATE entries SET body = CAST('RoW 5' AS BLOB) WHERE position = 6", 6],
    ["an altered shard", "UPDATE entries SET shard = 1 WHERE position = 6", 6],
    ["an altered kind", "UPDATE entries SET kind = 2 WHERE position = 6", 6],
    ["an altered time", "UPDATE entries SET unix_ms = 1001 WHERE position = 6", 6],
    ["altered rows", "UPDATE entries SET rows = 50 WHERE position = 6", 6],
    [
      "a body and its checksum altered",
      "UPDATE entries SET body = x'00', crc = 3523407757 WHERE position = 6",
      6,
    ],
    ["an altered chain", "UPDATE entries SET chain = chain + 1 WHERE position = 8", 8],
    ["a missing entry", "DELETE FROM entries WHERE position = 6", 6],
    ["a missing end of a segment", "DELETE FROM entries WHERE position = 8", 8],
    [
      "two that changed places",
      "UPDATE entries SET position = -1 WHERE position = 6; UPDATE entries SET position = 6 WHERE position = 7; UPDATE entries SET position = 7 WHERE position = -1",
      6,
    ],
    ["another beginning", "UPDATE meta SET value = 6 WHERE name = 'first'", 5],
    ["another chain before", "UPDATE meta SET value = value + 1 WHERE name = 'chain'", 5],
  ])("finds %s, reads what is before it and says where it is", (_what, sql, position) => {
    const directory = journalDirectory();
    const entries = threeSegments(directory);
    const path = listSegments(directory)[1]?.path ?? "";
    edit(path, sql);
    const got: object[] = [];
    const damage = damageOf(() => {
      for (const one of readEntries(directory, { after: 0 })) got.push(plain(one));
    });
    expect(damage.path).toBe(path);
    expect(damage.position).toBe(position);
    expect(damage.message).toContain(path);
    expect(got).toEqual(entries.slice(0, position - 1).map(plain));
  });

  it("finds an altered head of an entry whose body it does not read", () => {
    const directory = journalDirectory();
    threeSegments(directory);
    edit(listSegments(directory)[1]?.path ?? "", "UPDATE entries SET shard = 1 WHERE position = 6");
    expect(damageOf(() => read(directory, { shard: 3 })).position).toBe(6);
    expect(damageOf(() => read(directory, { kinds: [Kind.PROCESS] })).position).toBe(6);
  });

  it("finds a missing segment, and says where the journal begins", () => {
    const directory = journalDirectory();
    threeSegments(directory);
    const [first, second] = listSegments(directory);
    rmSync(second?.path ?? "");
    expect(damageOf(() => read(directory)).position).toBe(5);
    rmSync(first?.path ?? "");
    expect(damageOf(() => read(directory)).message).toContain("begins here");
    expect(read(directory, { after: 8 })).toHaveLength(2);
  });

  it("finds a segment of another journal, which is sound in itself", () => {
    const root = journalDirectory();
    const directory = join(root, "own");
    threeSegments(directory);
    const other = join(root, "other");
    const rig = new WriterRig(other);
    rig.write([1, 2, 3, 4].map((rows) => entry({ rows, body: Buffer.from("other") })));
    rig.tell({ id: 1, command: "roll" });
    rig.write([5, 6, 7, 8].map((rows) => entry({ rows, body: Buffer.from("other") })));
    rig.close();
    const [own, another] = [directory, other].map((one) => listSegments(one)[1]?.path ?? "");
    copyFileSync(another ?? "", own ?? "");
    const damage = damageOf(() => read(directory));
    expect([damage.position, damage.path]).toEqual([5, own]);
    expect(damage.what).toContain("does not follow the segment before it");
  });

  it("never gives out anything else than what was written, whichever byte of a file is altered", () => {
    const root = journalDirectory();
    const directory = join(root, "sound");
    const entries = threeSegments(directory).map(plain);
    const names = listSegments(directory).map(({ path }) => path);
    const bytes = fc.record({ at: fc.nat(), bit: fc.nat(7), file: fc.nat(2) });
    let found = 0;
    fc.assert(
      fc.property(bytes, ({ at, bit, file }) => {
        const altered = join(root, "altered");
        rmSync(altered, { recursive: true, force: true });
        mkdirSync(altered);
        for (const [index, name] of names.entries()) {
          const content = readFileSync(name);
          // The pages of the file are mostly empty.
          const place = at % 3 === 0 ? at % content.length : content.length - 1 - (at % 700);
          if (index === file) content[place] = (content[place] ?? 0) ^ (1 << bit);
          writeFileSync(join(altered, name.slice(-23)), content);
        }
        const got: object[] = [];
        try {
          for (const one of readEntries(altered, { after: 0 })) got.push(plain(one));
          expect(got).toEqual(entries);
        } catch (error) {
          if (!(error instanceof JournalDamage)) throw error;
          found++;
          expect(got).toEqual(entries.slice(0, got.length));
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(5);
  });

  it("refuses a newer format by name", () => {
    const directory = journalDirectory();
    threeSegments(directory);
    edit(listSegments(directory)[2]?.path ?? "", "UPDATE meta SET value = 2 WHERE name = 'format'");
    expect(() => read(directory)).toThrow(NewerJournal);
    expect(() => read(directory)).toThrow("has format 2; this version of Weir reads format 1");
  });

  it("finds a file that is no segment", () => {
    const directory = journalDirectory();
    writeFileSync(
      join(directory, `${"1".padStart(20, "0")}.db`),
      "not a database, and longer than a header of SQLite is".repeat(20),
    );
    expect(damageOf(() => read(directory)).what).toContain("not a database");
  });

  it("finds voids by their index, and an index that lacks one", () => {
    const directory = journalDirectory();
    const rig = new WriterRig(directory);
    rig.write([entry(), entry(), voiding(1)]);
    rig.tell({ id: 1, command: "roll" });
    rig.write([entry(), voiding(4), entry()]);
    rig.close();
    const voids = readVoids(directory, 0);
    expect(voids).toEqual(new Set([1, 4]));
    expect(readVoids(directory, 3)).toEqual(new Set([4]));
    expect(read(directory, { voids, kinds: [Kind.ROWS] })).toHaveLength(4);
    voids.delete(4);
    expect(damageOf(() => read(directory, { voids, kinds: [Kind.ROWS], shard: 2 })).position).toBe(
      5,
    );
  });
});
