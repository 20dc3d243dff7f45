import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { chainOf } from "../../../../src/state/journal/segment-file.ts";
import { exportDetector } from "../../../../src/state/keeper/export-detector.ts";
import { verifyState } from "../../../../src/state/verify/verify.ts";
import { verifyInThread } from "../../../../src/state/verify/verify-in-thread.ts";
import type { Finding } from "../../../../src/state/verify/verify.ts";
import { readText, encodeText } from "../../../../src/state/snapshot/text-file.ts";
import { mulberry } from "../../../kernel.ts";
import { DataRig, kernelModule } from "../../../support/snapshot-rig.ts";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

const findings = ({ data }: DataRig, deep = false): readonly Finding[] => [
  ...verifyState({ data, ...(deep && { deep: module }) }),
];
const problemsOf = (rig: DataRig, deep = false): readonly string[] =>
  findings(rig, deep)
    .filter(({ sound }) => !sound)
    .map(({ what, problem }) => `${what}: ${problem}`);

const notesOf = (rig: DataRig): readonly string[] =>
  findings(rig)
    .filter(({ note }) => note)
    .map(({ what }) => what);

/** A journal of several segments with two snapshots, and entries behind them. */
function written(): DataRig {
  const rig = new DataRig(module, 30_000);
  rig.batches(3);
  rig.snapshot();
  rig.batches(2, 1);
  rig.snapshot();
  rig.batches(2);
  return rig;
}

function flip(path: string, bit: number): void {
  const bytes = readFileSync(path);
  bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  writeFileSync(path, bytes);
}

test("what a server wrote is sound, while it writes and after, however deep it is looked at", () => {
  const rig = written();
  writeFileSync(join(rig.data, "detectors.json"), '{"format":1,"detectors":{}}');
  exportDetector({
    ...rig.setting,
    slot: 0,
    at: rig.position,
    file: join(rig.data, "one.state"),
    about: { name: "one", version: 1, spec: {} },
  });
  const shallow = findings(rig);
  expect(shallow.filter(({ sound }) => !sound)).toEqual([]);
  expect(shallow.map(({ what }) => what)).toEqual([
    "detectors.json",
    "one.state",
    ...rig.segments().map(({ path, first, last }) => {
      const what =
        last < first ? `no entries yet, after position ${last}` : `entries ${first} to ${last}`;
      return `journal/${path.slice(-23)}: ${what}`;
    }),
    ...readdirSync(join(rig.data, "snapshots"))
      .toReversed()
      .flatMap((name) =>
        ["shard-0.snap", "shard-1.snap", "process.json"].map((file) => `snapshots/${name}/${file}`),
      ),
    expect.stringMatching(/^a start: from the snapshot at \d+ to position \d+$/),
  ]);
  const deep = findings(rig, true);
  expect(deep.filter(({ sound }) => !sound)).toEqual([]);
  expect(deep.slice(shallow.length).map(({ what }) => what.replaceAll(/\d{2,}/g, "N"))).toEqual(
    ["shard 0", "shard 1", "the process"].flatMap((whose) => [
      `state of ${whose}, replayed from the start to N: as in the snapshot`,
      `state of ${whose}, replayed from the start to N: as in the snapshot`,
      `state of ${whose}, replayed from the start to the journal's end at N: every entry can be applied`,
    ]),
  );
  const progress = deep.map((each) => each.progress);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  rig.close();
  expect(problemsOf(rig, true)).toEqual([]);
});

test("in a thread it finds the same, and can be left in the middle", async () => {
  const rig = written();
  const [name = ""] = readdirSync(join(rig.data, "snapshots"));
  flip(join(rig.data, "snapshots", name, "shard-0.snap"), 5000);
  const found: Finding[] = [];
  for await (const finding of verifyInThread({ data: rig.data, deep: module })) found.push(finding);
  expect(found).toEqual(findings(rig, true));
  expect(found.some(({ sound }) => !sound)).toBe(true);
  for await (const finding of verifyInThread({ data: rig.data })) {
    expect(finding).toEqual(found[0] && { ...found[0], progress: finding.progress });
    break;
  }
  const lost = verifyInThread({ data: "/nowhere/at/all" });
  await expect(lost.next()).rejects.toThrow("there is no directory /nowhere/at/all");
});

test("a journal that was truncated is replayed from the oldest snapshot", () => {
  const rig = written();
  rig.snapshot({ snapshotsKept: 2, journalBytesMax: 0 });
  rig.batches(2);
  expect(rig.segments()[0]?.first).toBeGreaterThan(1);
  const deep = findings(rig, true);
  expect(deep.filter(({ sound }) => !sound)).toEqual([]);
  expect(deep.filter(({ what }) => what.includes("replayed from the snapshot at"))).toHaveLength(6);
});

test("one flipped bit anywhere in a snapshot is found and named", () => {
  const rig = written();
  const snapshots = join(rig.data, "snapshots");
  const random = mulberry(4711);
  for (const name of readdirSync(snapshots)) {
    for (const file of readdirSync(join(snapshots, name))) {
      const path = join(snapshots, name, file);
      for (let attempt = 0; attempt < 6; attempt++) {
        const bit = Math.floor(random() * statSync(path).size * 8);
        flip(path, bit);
        const problems = problemsOf(rig).filter((each) => !each.startsWith("a start"));
        expect(problems.length, `${file} bit ${bit}`).toBeGreaterThan(0);
        for (const each of problems) expect(each).toContain(`/${file}: `);
        flip(path, bit);
      }
    }
  }
  expect(problemsOf(rig)).toEqual([]);
});

test("one altered row of the journal is found at its position, whatever was altered", () => {
  const random = mulberry(815);
  const alterations = [
    "UPDATE entries SET unix_ms = unix_ms + 1",
    "UPDATE entries SET shard = 1 - shard",
    "UPDATE entries SET rows = rows + 1",
    "UPDATE entries SET kind = 3",
    "UPDATE entries SET body = CAST(substr(body, 1, length(body) - 1) || x'ee' AS BLOB)",
    "UPDATE entries SET crc = crc + 1",
    "UPDATE entries SET chain = chain + 1",
    "DELETE FROM entries",
  ];
  for (const statement of alterations) {
    const rig = written();
    rig.close();
    // Not the last one: the end of a journal is where it ends. That it is before a snapshot is another test.
    const position = 1 + Math.floor(random() * (rig.position - 1));
    rig.sql(position, `${statement} WHERE position = ${position}`);
    const problems = problemsOf(rig);
    expect(problems.length, `${statement} at ${position}`).toBeGreaterThan(0);
    expect(problems[0]).toMatch(
      new RegExp(`^journal/\\d{20}\\.db: position (${position}|${position + 1}): `),
    );
  }
});

test("an altered row whose own checksums were made to fit is found by the chain behind it", () => {
  const rig = written();
  rig.close();
  const segment = rig.segments().find(({ first, last }) => last > first);
  if (segment === undefined) throw new Error("no segment of two entries");
  const { path, first } = segment;
  const database = new DatabaseSync(path);
  const chain = Number(
    database.prepare("SELECT value FROM meta WHERE name = 'chain'").get()?.["value"],
  );
  const row = database.prepare("SELECT * FROM entries WHERE position = ?").get(first);
  const { body } = row ?? {};
  if (row === undefined || !(body instanceof Uint8Array)) throw new Error("no entry");
  const altered = body.slice();
  altered[0] = (altered[0] ?? 0) ^ 1;
  const [shard, kind, unixMs, rows] = ["shard", "kind", "unix_ms", "rows"].map((name) =>
    Number(row[name]),
  );
  const crc = crc32(altered);
  const head = {
    position: first,
    shard: shard ?? 0,
    kind: kind ?? 0,
    unixMs: unixMs ?? 0,
    rows: rows ?? 0,
  };
  const fitting = chainOf({ ...head, bytes: altered.length, crc }, chain);
  database
    .prepare("UPDATE entries SET body = ?, crc = ?, chain = ? WHERE position = ?")
    .run(altered, crc, fitting, first);
  database.close();
  expect(problemsOf(rig)[0]).toContain(`${path.slice(-23)}: position ${first + 1}: `);
});

test("deep: a state that is sound in itself and not what the journal makes is found", () => {
  const rig = written();
  rig.close();
  // A snapshot of other rows at the same position, made with every checksum right.
  const other = new DataRig(module, 30_000);
  other.batches(1);
  while (other.position < rig.position) other.batches(1, 0);
  const [, position = ""] = readdirSync(join(rig.data, "snapshots"));
  const made = other.snapshot({ until: Number(position) });
  const target = join(rig.data, "snapshots", position);
  rmSync(target, { recursive: true });
  mkdirSync(target);
  for (const name of readdirSync(made.snapshot.path)) {
    writeFileSync(join(target, name), readFileSync(join(made.snapshot.path, name)));
  }
  expect(problemsOf(rig)).toEqual([]);
  const problems = problemsOf(rig, true);
  expect(problems[0]).toContain(
    `state of shard 0, replayed from the start to ${Number(position)}: as in the snapshot: replayed and stored state differ: `,
  );
});

test("a snapshot or a stretch of the journal that is not there is found", () => {
  const rig = written();
  rig.close();
  const segments = rig.segments();
  const middle = segments[1]?.path ?? "";
  for (const end of ["", "-wal", "-shm"]) rmSync(middle + end, { force: true });
  expect(problemsOf(rig)).toEqual([expect.stringMatching(/entries? \d+.* (is|are) missing/)]);
  const alone = written();
  for (const name of readdirSync(join(alone.data, "snapshots"))) {
    rmSync(join(alone.data, "snapshots", name, "manifest.json"));
  }
  alone.close();
  const [start] = alone.segments();
  for (const end of ["", "-wal", "-shm"]) rmSync((start?.path ?? "") + end, { force: true });
  const problems = problemsOf(alone);
  expect(problems.filter((each) => each.includes("manifest.json: it is not there"))).toHaveLength(
    2,
  );
  expect(problems.at(-1)).toContain("the state cannot be brought back");
});

test("a journal that ends before a snapshot has lost its end", () => {
  const rig = written();
  rig.snapshot();
  rig.close();
  rig.sql(rig.position, `DELETE FROM entries WHERE position = ${rig.position}`);
  expect(problemsOf(rig)).toEqual([
    expect.stringContaining(`entries up to ${rig.position} had been on disk`),
    expect.stringContaining(
      `the journal ends at position ${rig.position - 1}, before the snapshot at ${rig.position}`,
    ),
  ]);
});

test("a backup is sound without a journal; a journal without its segments is not", () => {
  const rig = written();
  rig.close();
  const journal = join(rig.data, "journal");
  rmSync(journal, { recursive: true });
  expect(problemsOf(rig)).toEqual([]);
  mkdirSync(journal);
  expect(problemsOf(rig)).toEqual([expect.stringContaining("its end was removed or lost")]);
});

test("what is left of a killed server is no damage; what another version wrote is told", () => {
  const rig = written();
  const snapshots = join(rig.data, "snapshots");
  mkdirSync(join(snapshots, "00000000000000000099.new"));
  expect(problemsOf(rig)).toEqual([]);
  expect(notesOf(rig)).toEqual([
    "snapshots/00000000000000000099.new: being written, or left by a server that was killed; nobody reads it",
  ]);
  rmSync(join(snapshots, "00000000000000000099.new"), { recursive: true });
  mkdirSync(join(snapshots, "00000000000000000098.damaged"));
  writeFileSync(join(rig.data, "journal", "00000000000000000097.db.damaged"), "");
  writeFileSync(join(rig.data, "journal", "00000000000000000097.db.damaged-wal"), "");
  expect(problemsOf(rig)).toEqual([]);
  expect(notesOf(rig)).toEqual([
    "journal/00000000000000000097.db.damaged: set aside by a start, which could not use it; nobody reads it. Remove it when it is not needed any more",
    "snapshots/00000000000000000098.damaged: set aside by a start, which could not use it; nobody reads it. Remove it when it is not needed any more",
  ]);
  const [oldest = ""] = readdirSync(snapshots);
  const path = join(snapshots, oldest, "manifest.json");
  const manifest = readText(path, "snapshot");
  writeFileSync(path, encodeText("snapshot", { ...(manifest as object), format: 7 }));
  expect(problemsOf(rig)).toEqual([expect.stringContaining("in format 7; this is Weir")]);
});

test("files beside the journal are looked at, too", () => {
  const rig = written();
  writeFileSync(join(rig.data, "detectors.json"), '{"format":1,"detectors":{"a":{"inputs":7}}}');
  mkdirSync(join(rig.data, "versions"));
  writeFileSync(join(rig.data, "versions", "one.state"), "nothing");
  const [detectors, state] = problemsOf(rig);
  expect(detectors).toContain("detectors.json: ");
  expect(state).toContain("versions/one.state: ");
});

test("a directory that is not there is an error", () => {
  expect(() => [...verifyState({ data: "/nowhere/at/all" })]).toThrow(
    "there is no directory /nowhere/at/all",
  );
});
