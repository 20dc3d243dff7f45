import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { durableMarkIn, readDurableMark } from "../../../src/state/journal/durable-mark.ts";
import { filesOf } from "../../../src/state/journal/segment-file.ts";
import { listSegments } from "../../../src/state/journal/segments.ts";
import { openState } from "../../../src/state/open-state.ts";
import { journalIn } from "../../../src/state/replay/restore-shard.ts";
import { verifyState } from "../../../src/state/verify/verify.ts";
import { replayShardBytes } from "../../support/replay-rig.ts";
import { DataRig, kernelModule } from "../../support/snapshot-rig.ts";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

interface Line {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** What a start says. The server is stopped again. */
async function started(data: string): Promise<{ readonly said: Line[]; readonly newest: number }> {
  const said: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void said.push({ level, fields, message });
  const { journal } = await openState({
    data,
    module,
    durability: "acknowledged",
    shards: 2,
    shardsGiven: false,
    memoryBytes: replayShardBytes,
    clock: systemClock,
    log: { info: at("info"), warn: at("warn"), error: at("error") },
  });
  const { newest } = journal;
  await journal.close();
  return { said, newest };
}

const problemsIn = (data: string): readonly string[] =>
  [...verifyState({ data })]
    .filter(({ sound }) => !sound)
    .map(({ what, problem }) => `${what}: ${problem}`);

const errorsOf = (said: readonly Line[]): readonly Line[] =>
  said.filter(({ level }) => level === "error");

/** Several segments. */
function written(): DataRig {
  const rig = new DataRig(module, 30_000);
  rig.batches(4);
  return rig;
}

/** The directory as a killed server leaves it, and the newest segment's log. */
function crashed(rig: DataRig): { readonly data: string; readonly log: string } {
  const data = mkdtempSync(join(tmpdir(), "weir-crashed-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  cpSync(rig.data, data, { recursive: true, filter: (path) => !path.endsWith("-shm") });
  rig.close();
  const { path } = newestOf(data);
  return { data, log: `${path}-wal` };
}

/** The newest segment with entries. */
function newestOf(data: string): { readonly path: string; readonly first: number } {
  const newest = listSegments(journalIn(data)).findLast(({ first, last }) => last >= first);
  if (newest === undefined) throw new Error("no segment has entries");
  return newest;
}

const lastOf = (data: string): number => listSegments(journalIn(data)).at(-1)?.last ?? 0;

function remove(path: string): void {
  for (const file of filesOf(path)) rmSync(file, { force: true });
}

describe("the end of a journal", () => {
  test("is known to whoever reads it, while it is written and after", () => {
    const rig = written();
    expect(readDurableMark(journalIn(rig.data))).toEqual({ position: rig.position, problem: "" });
    expect(problemsIn(rig.data)).toEqual([]);
    rig.close();
    expect(readDurableMark(journalIn(rig.data)).position).toBe(rig.position);
    expect(problemsIn(rig.data)).toEqual([]);
  });

  test.each(["segment", "segments", "log"])(
    "that was removed with its last %s is named by verify and by a start, once",
    async (what) => {
      const rig = written();
      const { position } = rig;
      const { data, log } = crashed(rig);
      if (what === "log") rmSync(log);
      for (let times = what === "log" ? 0 : what === "segment" ? 1 : 2; times > 0; times--) {
        const { first } = newestOf(data);
        for (const each of listSegments(journalIn(data))) {
          if (each.first >= first) remove(each.path);
        }
      }
      const last = lastOf(data);
      expect(last).toBeLessThan(position);
      expect(problemsIn(data)).toEqual([
        `journal/durable: entries up to ${position} had been on disk, and the journal ends at ${last}: its end was removed or damaged; acknowledged events may be lost`,
      ]);
      const { said, newest } = await started(data);
      expect(newest).toBe(last);
      expect(errorsOf(said)).toEqual([
        {
          level: "error",
          fields: { position: last, reached: position, missing: position - last },
          message: expect.stringContaining("acknowledged events may be lost") as unknown,
        },
      ]);
      expect(errorsOf((await started(data)).said)).toEqual([]);
    },
  );

  test("that is damaged in its last transaction is no unfinished write", async () => {
    const rig = written();
    const { position } = rig;
    const { data, log } = crashed(rig);
    const bytes = readFileSync(log);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 4;
    writeFileSync(log, bytes);
    const problems = problemsIn(data);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`${basename(log)}: `);
    expect(problems[1]).toContain(`journal/durable: entries up to ${position} had been on disk`);
    const { said, newest } = await started(data);
    expect(newest).toBe(position - 1);
    expect(errorsOf(said).map(({ message }) => message)).toEqual([
      "the end of the journal is damaged: acknowledged events may be lost",
      expect.stringContaining("acknowledged events may be lost"),
    ]);
    expect(said.filter(({ level }) => level === "warn")).toEqual([]);
  });

  test("that was not finished when the server was killed is no loss", async () => {
    const { data, log } = crashed(written());
    const bytes = readFileSync(log);
    // The first part of a frame.
    const frame = bytes.subarray(-(24 + 16_384));
    writeFileSync(log, Buffer.concat([bytes, frame.subarray(0, 5000)]));
    expect(problemsIn(data)).toEqual([]);
    const { said } = await started(data);
    expect(errorsOf(said)).toEqual([]);
    expect(said.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("that a snapshot knows is not lost: the start goes on behind the snapshot", async () => {
    const rig = written();
    rig.snapshot();
    const { position } = rig;
    const { data } = crashed(rig);
    remove(newestOf(data).path);
    expect(problemsIn(data)).toHaveLength(2);
    const { said, newest } = await started(data);
    expect(newest).toBe(position);
    expect(errorsOf(said).map(({ message }) => message)).toEqual([
      "the journal ends before the snapshot that is used: it is kept aside, and its entries are not there for replays",
    ]);
    const again = await started(data);
    expect(again.newest).toBe(position);
    expect(errorsOf(again.said)).toEqual([]);
  });

  test("a mark that cannot be read says nothing, and is named", async () => {
    const rig = written();
    rig.close();
    const mark = durableMarkIn(journalIn(rig.data));
    const text = readFileSync(mark, "latin1");
    writeFileSync(mark, text.replace(/\d /u, "8 "));
    expect(problemsIn(rig.data)).toEqual([
      expect.stringMatching(/^journal\/durable: its checksum is wrong/u),
    ]);
    const { said } = await started(rig.data);
    expect(errorsOf(said)).toEqual([]);
    expect(said.some(({ level }) => level === "warn")).toBe(true);
    expect(problemsIn(rig.data)).toEqual([]);
    rmSync(mark);
    expect(problemsIn(rig.data)).toEqual([]);
  });
});
