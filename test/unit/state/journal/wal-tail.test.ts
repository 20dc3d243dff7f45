import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Kind } from "../../../../src/state/journal/entry.ts";
import { inspectTail, listSegments, readEntries } from "../../../../src/state/journal/segments.ts";
import { WriterRig, copyJournal, journalDirectory } from "../../../support/journal.ts";

const HEADER = 32;
const FRAME = 24 + 16_384;
const NAME = `${"1".padStart(20, "0")}.db`;

/** A segment as a crash leaves it: five transactions in the log, of two entries each. */
interface Crashed {
  readonly database: string;
  readonly log: Buffer;
  /** Bytes of the log behind each transaction. */
  readonly ends: readonly number[];
}

function crash(directory: string): Crashed {
  const live = join(directory, "live");
  const rig = new WriterRig(live);
  const path = join(live, NAME);
  const ends = [0, 1, 2, 3, 4].map((transaction) => {
    // Of one page and more.
    const body = new Uint8Array(transaction % 2 === 0 ? 500 : 30_000).fill(transaction + 1);
    const one = { shard: 0, kind: Kind.ROWS, unixMs: 1, rows: 1, body };
    rig.write([one, one]);
    return statSync(`${path}-wal`).size;
  });
  copyJournal([path], join(directory, "crashed"));
  rig.close();
  return {
    database: join(directory, "crashed", NAME),
    log: readFileSync(join(directory, "crashed", `${NAME}-wal`)),
    ends,
  };
}

function withLog({ database }: Crashed, log: Uint8Array): string {
  const directory = join(database, "..", "..", "altered");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  copyFileSync(database, join(directory, NAME));
  writeFileSync(join(directory, `${NAME}-wal`), log);
  return directory;
}

function entriesIn(directory: string): number {
  return [...readEntries(directory, { after: 0 })].length;
}

describe("a write-ahead log", () => {
  it("that is whole drops nothing; neither does one that was checkpointed", () => {
    const crashed = crash(journalDirectory());
    const directory = withLog(crashed, crashed.log);
    expect(inspectTail(join(directory, NAME))).toEqual({
      soundBytes: crashed.log.length,
      droppedBytes: 0,
      what: undefined,
      soundFramesBehind: 0,
      lost: false,
    });
    expect(entriesIn(directory)).toBe(10);
    rmSync(join(directory, `${NAME}-wal`));
    expect(inspectTail(join(directory, NAME)).droppedBytes).toBe(0);
  });

  it("cut at any byte is read up to its last whole transaction, and the rest is named", () => {
    const crashed = crash(journalDirectory());
    const { log, ends } = crashed;
    const near = fc
      .constantFrom(0, HEADER, ...ends)
      .chain((end) => fc.integer({ min: end - 3, max: end + 30 }));
    const cuts = fc
      .oneof(fc.nat(log.length), near)
      .map((cut) => Math.min(log.length, Math.max(0, cut)));
    fc.assert(
      fc.property(cuts, (cut) => {
        const directory = withLog(crashed, log.subarray(0, cut));
        const tail = inspectTail(join(directory, NAME));
        const whole = ends.filter((end) => end <= cut);
        expect(entriesIn(directory)).toBe(whole.length * 2);
        expect(listSegments(directory)[0]?.last).toBe(whole.length * 2);
        if (cut >= HEADER) expect(tail.droppedBytes).toBe(cut - (whole.at(-1) ?? HEADER));
        else expect(tail.droppedBytes).toBe(cut);
        expect(tail.lost).toBe(false);
        expect(tail.what === undefined).toBe(tail.droppedBytes === 0);
      }),
      { numRuns: 60 },
    );
  });

  it("with a bit altered anywhere is read up to there, and what had been on disk behind it is called lost", () => {
    const crashed = crash(journalDirectory());
    const { log, ends } = crashed;
    const heads = fc
      .record({ frame: fc.nat(Math.floor(log.length / FRAME) - 1), within: fc.nat(23) })
      .map(({ frame, within }) => HEADER + frame * FRAME + within);
    fc.assert(
      fc.property(fc.oneof(fc.nat(log.length - 1), heads), fc.nat(7), (at, bit) => {
        const altered = Buffer.from(log);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        const directory = withLog(crashed, altered);
        const tail = inspectTail(join(directory, NAME));
        const whole = at < HEADER ? 0 : ends.filter((end) => end <= at).length;
        expect(entriesIn(directory)).toBe(whole * 2);
        expect(tail.droppedBytes).toBe(
          log.length - (at < HEADER ? 0 : (ends[whole - 1] ?? HEADER)),
        );
        // A commit mark that was altered itself may hide the transaction behind it.
        const mark = at >= HEADER && (at - HEADER) % FRAME >= 4 && (at - HEADER) % FRAME < 8;
        if (whole < (mark ? 3 : 4)) expect(tail.lost).toBe(true);
        if (whole === 4 && !mark) expect(tail.lost).toBe(false);
        expect(tail.what).toContain(`${NAME}-wal`);
      }),
      { numRuns: 120 },
    );
  });

  it("says what is behind the break", () => {
    const crashed = crash(journalDirectory());
    const { log, ends } = crashed;
    const altered = Buffer.from(log);
    const at = (ends[0] ?? 0) + 24 + 100;
    altered[at] = (altered[at] ?? 0) ^ 1;
    const tail = inspectTail(join(withLog(crashed, altered), NAME));
    const frames = (log.length - (ends[0] ?? 0)) / FRAME;
    expect(tail.soundFramesBehind).toBe(frames - 1);
    expect(tail.what).toContain(`the frame at byte ${ends[0]} is broken`);
    expect(tail.what).toContain("had been on disk are lost");
  });
});
