import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { exportDetector } from "../../../../src/state/keeper/export-detector.ts";
import { readExport } from "../../../../src/state/keeper/export-file.ts";
import { Past } from "../../../../src/state/keeper/past.ts";
import { seal } from "../../../../src/state/keeper/seal.ts";
import { equalMemories } from "../../../../src/state/replay/equal-memories.ts";
import { SnapshotDamage, type Snapshot } from "../../../../src/state/snapshot/format.ts";
import {
  checkSnapshot,
  readSnapshotProcess,
  readSnapshotShard,
} from "../../../../src/state/snapshot/snapshots.ts";
import { fullDisk } from "../../../support/snapshot-disks.ts";
import { DataRig, kernelModule } from "../../../support/snapshot-rig.ts";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

function expectLive(rig: DataRig, snapshot: Snapshot): void {
  for (const [shard, { views }] of rig.live.entries()) {
    const into = new Uint8Array(views.u8.length);
    readSnapshotShard(snapshot, shard, into);
    expect(equalMemories(into, views.u8), `shard ${shard}`).toBeUndefined();
  }
}

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >>> 1] = (bytes[bytes.length >>> 1] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

const snapshotsOf = (rig: DataRig): readonly string[] => readdirSync(join(rig.data, "snapshots"));

test("a snapshot out of the journal is what the live shards are, bit for bit, and so is the next one", () => {
  const rig = new DataRig(module);
  rig.batches(4);
  const first = rig.snapshot();
  expectLive(rig, first.snapshot);
  expect(first).toMatchObject({ shared: 0, damaged: [], segmentsRemoved: 0 });
  expect(first.rows).toBe(4 * 2 * 40);
  rig.batches(3);
  rig.process({
    kind: "kept",
    slot: 9,
    rows: [{ id: "", key: "k", timeUnixMs: 1, fields: [["a", 1]] }],
  });
  const second = rig.snapshot();
  expectLive(rig, second.snapshot);
  expect(second.rows).toBe(3 * 2 * 40);
  expect(readSnapshotProcess(second.snapshot)).toMatchObject({ kept: [{ slot: 9, total: 1 }] });
});

test("nothing has happened: the snapshot that is there is the answer, unless it is damaged", () => {
  const rig = new DataRig(module);
  rig.batches(2);
  const { snapshot } = rig.snapshot();
  expect(rig.snapshot()).toMatchObject({ snapshot, rows: 0 });
  damage(join(snapshot.path, "shard-1.snap"));
  const again = rig.snapshot();
  expect(again.damaged).toHaveLength(1);
  // Only the damaged shard.
  expect(again.rows).toBe(2 * 40);
  expectLive(rig, again.snapshot);
  checkSnapshot(again.snapshot);
});

test("a shard without an entry is not written again", () => {
  const rig = new DataRig(module);
  rig.batches(2);
  const inode = ({ path }: Snapshot): number => statSync(join(path, "shard-1.snap")).ino;
  const first = rig.snapshot();
  rig.batches(2, 0);
  const second = rig.snapshot();
  expect(second.shared).toBe(1);
  expect(inode(second.snapshot)).toBe(inode(first.snapshot));
  expectLive(rig, second.snapshot);
  rig.batches(1);
  const third = rig.snapshot();
  expect(third.shared).toBe(0);
  expectLive(rig, third.snapshot);
});

test("a damaged snapshot is passed by, named, and not counted among those that are kept", () => {
  const rig = new DataRig(module);
  for (let i = 0; i < 3; i++) {
    rig.batches(1);
    rig.snapshot();
  }
  const [, , newest = ""] = snapshotsOf(rig);
  damage(join(rig.data, "snapshots", newest, "shard-0.snap"));
  rig.batches(1);
  const done = rig.snapshot();
  expect(done.damaged).toEqual([expect.stringContaining(`${newest}/shard-0.snap is damaged`)]);
  expectLive(rig, done.snapshot);
  expect(done.removed).toEqual([]);
  expect(done.oldest).toBe(Number(snapshotsOf(rig)[0]));
});

test("without a sound snapshot the journal is replayed from its first entry, and where that is gone it is said", () => {
  const rig = new DataRig(module, 20_000);
  rig.batches(3);
  rig.snapshot();
  const [only = ""] = snapshotsOf(rig);
  for (const name of ["shard-0.snap", "shard-1.snap", "process.json"]) {
    damage(join(rig.data, "snapshots", only, name));
  }
  rig.batches(3);
  const done = rig.snapshot();
  expectLive(rig, done.snapshot);
  rig.batches(3);
  rig.snapshot({ snapshotsKept: 1, journalBytesMax: 0 });
  const [kept = ""] = snapshotsOf(rig);
  damage(join(rig.data, "snapshots", kept, "shard-0.snap"));
  rig.batches(1);
  expect(() => rig.snapshot()).toThrow(
    /there is no sound snapshot at or before position \d+, and the journal begins at position \d+; .*shard-0.snap is damaged/,
  );
});

test("only segments behind the oldest kept snapshot leave, and only over the bounds", () => {
  const rig = new DataRig(module, 20_000);
  rig.batches(3);
  rig.snapshot();
  rig.batches(3);
  const all = rig.segments().length;
  expect(all).toBeGreaterThan(4);
  const within = rig.snapshot({ snapshotsKept: 2 });
  expect(within.segmentsRemoved).toBe(0);
  const over = rig.snapshot({ snapshotsKept: 2, journalBytesMax: 1 });
  expect(over.segmentsRemoved).toBeGreaterThan(0);
  const [first] = rig.segments();
  expect(first?.first).toBeLessThanOrEqual(over.oldest + 1);
  expect(first?.last).toBeGreaterThan(over.oldest);
  // What the oldest snapshot needs is there still.
  const past = new Past(rig.setting, rig.position);
  expect(past.snapshots.at(-1)?.position).toBe(over.oldest);
  const old = rig.snapshot({ snapshotsKept: 1, journalAgeMsMax: -60_000 });
  expect(old.segmentsRemoved).toBeGreaterThan(0);
  expect(old.removed).toEqual([over.oldest]);
  rig.batches(2);
  expectLive(rig, rig.snapshot().snapshot);
});

test("a disk that fills up leaves the snapshots and the journal as they were", () => {
  const rig = new DataRig(module);
  rig.batches(2);
  rig.snapshot();
  rig.batches(2);
  const before = snapshotsOf(rig);
  for (const bytes of [0, 1000, 5000]) {
    expect(() => rig.snapshot({ disk: fullDisk(bytes), journalBytesMax: 0 })).toThrow("ENOSPC");
    expect(snapshotsOf(rig)).toEqual(before);
  }
  expectLive(rig, rig.snapshot().snapshot);
});

test("a segment that is not written any more is sealed: its log is in its file, and it reads as before", () => {
  const rig = new DataRig(module, 20_000);
  rig.batches(4);
  const [first] = rig.segments();
  if (first === undefined) throw new Error("no segment");
  expect(statSync(`${first.path}-wal`).size).toBeGreaterThan(0);
  seal(first.path);
  rmSync(`${first.path}-wal`);
  expectLive(rig, rig.snapshot().snapshot);
  seal(join(rig.data, "journal", "gone.db"));
  expect(readdirSync(join(rig.data, "journal"))).not.toContain("gone.db");
});

test("a detector's state at a position is exported, checked in every byte", () => {
  const rig = new DataRig(module);
  rig.batches(2);
  rig.snapshot();
  const at = rig.position;
  const file = join(rig.data, "one.state");
  const about = { name: "one", version: 2, spec: { features: 3 } };
  rig.batches(2);
  exportDetector({ ...rig.setting, slot: 0, at, file, about });
  const parts: [number, string][] = [];
  const header = readExport(file, ({ shard, bytes }) => {
    parts.push([shard, Buffer.from(bytes).toString("base64")]);
  });
  expect(header).toMatchObject({ ...about, shards: 2, position: at });
  const shards = parts.map(([shard]) => shard);
  expect(new Set(shards)).toEqual(new Set([0, 1]));
  const again = join(rig.data, "two.state");
  exportDetector({ ...rig.setting, slot: 0, at: rig.position, file: again, about });
  const live = rig.live.flatMap(({ kernel, views }, shard) => {
    const expected: [number, string][] = [];
    for (let start = 1; ; start = 0) {
      const bytes = kernel.exportState(0, start);
      if (bytes === 0) return expected;
      const address = kernel.transferAddress() >>> 0;
      expected.push([
        shard,
        Buffer.from(views.u8.slice(address, address + bytes)).toString("base64"),
      ]);
    }
  });
  const now: [number, string][] = [];
  readExport(again, ({ shard, bytes }) => now.push([shard, Buffer.from(bytes).toString("base64")]));
  expect(now).toEqual(live);
  expect(now).not.toEqual(parts);
  const bytes = readFileSync(file);
  for (let position = 0; position < bytes.length; position += 3) {
    const bit = 1 << (position & 7);
    bytes[position] = (bytes[position] ?? 0) ^ bit;
    writeFileSync(file, bytes);
    expect(() => readExport(file, () => undefined), `byte ${position}`).toThrow(SnapshotDamage);
    bytes[position] = (bytes[position] ?? 0) ^ bit;
  }
  for (let length = 0; length < bytes.length; length += 11) {
    writeFileSync(file, bytes.subarray(0, length));
    expect(() => readExport(file, () => undefined), `length ${length}`).toThrow(SnapshotDamage);
  }
});
