import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  SnapshotDamage,
  SnapshotOfOtherVersion,
  type Snapshot,
} from "../../../../src/state/snapshot/format.ts";
import { SnapshotWriter } from "../../../../src/state/snapshot/snapshot-writer.ts";
import {
  checkSnapshot,
  listSnapshots,
  openSnapshot,
  pruneSnapshots,
  readSnapshotProcess,
  readSnapshotShard,
  removeUnfinished,
  setAsideAfter,
} from "../../../../src/state/snapshot/snapshots.ts";
import { encodeText, readText } from "../../../../src/state/snapshot/text-file.ts";
import { fullDisk, PowerDisk } from "../../../support/snapshot-disks.ts";
import { madeUpMemory, stateOf } from "../../../support/snapshot-memory.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-snapshots-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const memories = [madeUpMemory(1, 1, 9001), madeUpMemory(2, 2, 9001)];

function write(
  position: number,
  disk?: ConstructorParameters<typeof SnapshotWriter>[0]["disk"],
): Snapshot {
  const options = { directory: join(directory, "snapshots"), position, shards: 2 };
  const writer = new SnapshotWriter({ ...options, ...(disk !== undefined && { disk }) });
  try {
    for (const [shard, memory] of memories.entries()) writer.writeShard(shard, memory);
    return writer.finish({ detectors: ["a"] }, 1234);
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

const positions = (): readonly number[] =>
  listSnapshots(join(directory, "snapshots")).map(({ position }) => position);

test("a snapshot is read back as it was written", () => {
  write(42);
  const [snapshot] = listSnapshots(join(directory, "snapshots"));
  if (snapshot?.problem !== undefined || snapshot === undefined) throw new Error("none");
  expect(snapshot.manifest).toMatchObject({ position: 42, timeUnixMs: 1234 });
  for (const [shard, memory] of memories.entries()) {
    const into = new Uint8Array(memory.length);
    readSnapshotShard(snapshot, shard, into);
    expect(Buffer.compare(stateOf(into), stateOf(memory))).toBe(0);
  }
  expect(readSnapshotProcess(snapshot)).toEqual({ detectors: ["a"] });
});

test("every flipped bit in any file of a snapshot is found", () => {
  const { path } = write(42);
  for (const name of readdirSync(path)) {
    const file = join(path, name);
    const bytes = readFileSync(file);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const at = bit >>> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(file, bytes);
      expect(() => checkSnapshot(openSnapshot(path)), `${name} bit ${bit}`).toThrow(SnapshotDamage);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
    writeFileSync(file, bytes);
  }
  checkSnapshot(openSnapshot(path));
});

test("a file that was cut off, or is not there, or is another snapshot's is found", () => {
  const { path } = write(42);
  const other = write(43);
  for (const name of readdirSync(path)) {
    const file = join(path, name);
    const bytes = readFileSync(file);
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      expect(() => checkSnapshot(openSnapshot(path)), `${name} ${length}`).toThrow(SnapshotDamage);
    }
    rmSync(file);
    expect(() => checkSnapshot(openSnapshot(path))).toThrow();
    if (name.endsWith(".snap") || name === "manifest.json") {
      writeFileSync(file, readFileSync(join(other.path, name)));
      expect(() => checkSnapshot(openSnapshot(path)), name).toThrow(SnapshotDamage);
    }
    writeFileSync(file, bytes);
  }
  checkSnapshot(openSnapshot(path));
});

test("the newest comes first; one that is damaged is listed with what is wrong", () => {
  for (const position of [7, 1, 100]) write(position);
  const file = join(directory, "snapshots", "00000000000000000007", "manifest.json");
  const bytes = readFileSync(file);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  mkdirSync(join(directory, "snapshots", "00000000000000000008"));
  const listed = listSnapshots(join(directory, "snapshots"));
  expect(listed.map(({ position, problem }) => [position, problem?.message])).toEqual([
    [100, undefined],
    [8, expect.stringContaining("manifest.json is damaged: it is not there")],
    [7, expect.stringContaining("manifest.json is damaged: its checksum does not fit")],
    [1, undefined],
  ]);
  expect(listSnapshots(join(directory, "nowhere"))).toEqual([]);
});

test("one of a newer version is neither used nor removed, and says what to do", () => {
  const { path } = write(7);
  const file = join(path, "manifest.json");
  const manifest = readText(file, "snapshot");
  writeFileSync(
    file,
    encodeText("snapshot", { ...(manifest as object), format: 2, version: "3.0.0" }),
  );
  write(8);
  write(9);
  const [, , old] = listSnapshots(join(directory, "snapshots"));
  expect(old?.problem).toBeInstanceOf(SnapshotOfOtherVersion);
  expect(old?.problem?.message).toContain("was written by Weir 3.0.0 in format 2");
  expect(old?.problem?.message).toContain("use that version for this data directory");
  pruneSnapshots(join(directory, "snapshots"), { keep: 1 });
  expect(positions()).toEqual([9, 7]);
});

test("the newest sound ones are kept; those that are not sound are not counted", () => {
  for (const position of [1, 2, 3, 4, 5]) write(position);
  const snapshots = join(directory, "snapshots");
  const pruned = pruneSnapshots(snapshots, { keep: 2, unsound: new Set([4]) });
  expect(pruned).toEqual({ removed: [2, 1], oldest: 3 });
  expect(positions()).toEqual([5, 4, 3]);
  expect(pruneSnapshots(snapshots, { keep: 2, unsound: new Set([3, 4, 5]) })).toEqual({
    removed: [],
    oldest: 0,
  });
});

test("snapshots behind the place that a start came to are set aside", () => {
  for (const position of [1, 2, 3]) write(position);
  const snapshots = join(directory, "snapshots");
  expect(setAsideAfter(snapshots, 3)).toEqual([]);
  const aside = [3, 2].map((position) => join(snapshots, `0000000000000000000${position}.damaged`));
  expect(setAsideAfter(snapshots, 1)).toEqual(aside);
  expect(positions()).toEqual([1]);
  write(3);
  expect(setAsideAfter(snapshots, 1)).toEqual(aside.slice(0, 1));
  expect(readdirSync(snapshots)).toHaveLength(3);
});

test("a shard without a change uses the file of the snapshot before again, twice at most", () => {
  const inode = ({ path }: Snapshot): number => statSync(join(path, "shard-1.snap")).ino;
  const share = (from: Snapshot, position: number): Snapshot => {
    const writer = new SnapshotWriter({
      directory: join(directory, "snapshots"),
      position,
      shards: 2,
    });
    writer.writeShard(0, memories[0] ?? new Uint8Array(0));
    writer.shareShard(from, 1);
    return writer.finish({}, 1);
  };
  const first = write(1);
  const second = share(first, 2);
  const third = share(second, 3);
  const fourth = share(third, 4);
  expect(inode(second)).toBe(inode(first));
  expect(inode(third)).not.toBe(inode(second));
  expect(inode(fourth)).toBe(inode(third));
  pruneSnapshots(join(directory, "snapshots"), { keep: 1 });
  checkSnapshot(openSnapshot(fourth.path));
  expect(fourth.manifest.shards[1]).toMatchObject({ position: 1 });
});

test("a damaged file is not used again", () => {
  const first = write(1);
  const file = join(first.path, "shard-1.snap");
  const bytes = readFileSync(file);
  bytes[bytes.length >>> 1] = (bytes[bytes.length >>> 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const writer = new SnapshotWriter({
    directory: join(directory, "snapshots"),
    position: 2,
    shards: 2,
  });
  expect(() => writer.shareShard(first, 1)).toThrow(SnapshotDamage);
});

test("a disk that fills up anywhere leaves the snapshots as they were", () => {
  write(1);
  const { path } = write(2);
  const size = readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
  for (let bytes = 0; bytes < size; bytes += 7) {
    expect(() => write(3, fullDisk(bytes)), String(bytes)).toThrow("ENOSPC");
    expect(readdirSync(join(directory, "snapshots")).length).toBe(2);
  }
  // Where even removing fails, what is left has no name that anybody reads.
  const stubborn = fullDisk(size - 1);
  const once = { ...stubborn, remove: () => undefined };
  expect(() => write(3, once)).toThrow("ENOSPC");
  expect(positions()).toEqual([2, 1]);
  expect(removeUnfinished(join(directory, "snapshots"))).toEqual([
    join(directory, "snapshots", "00000000000000000003.new"),
  ]);
  expect(readdirSync(join(directory, "snapshots")).length).toBe(2);
  write(3, fullDisk(size));
  expect(positions()).toEqual([3, 2, 1]);
});

test("a power cut anywhere leaves whole snapshots only, and every one that was done", () => {
  let seed = 1;
  const chance = (): number => (seed = Math.imul(seed, 48_271) & 0x7fff_ffff) / 0x7fff_ffff;
  let cutOff = true;
  for (let operations = 0; cutOff; operations++) {
    rmSync(join(directory, "snapshots"), { recursive: true, force: true });
    mkdirSync(join(directory, "snapshots"));
    const disk = new PowerDisk(operations);
    const done = new Set<number>();
    try {
      for (const position of [5, 6]) {
        write(position, disk);
        done.add(position);
        const { removed } = pruneSnapshots(join(directory, "snapshots"), { keep: 1, disk });
        for (const each of removed) done.delete(each);
      }
      cutOff = false;
    } catch {
      // At `operations`. What prune was about to remove may be there or not: the newer one is.
      if (done.has(6)) done.delete(5);
    }
    for (let attempt = 0; attempt < 8; attempt++) {
      const after = join(directory, "after");
      rmSync(after, { recursive: true, force: true });
      disk.afterCut(directory, after, chance);
      const listed = listSnapshots(join(after, "snapshots"));
      for (const each of listed) {
        if (each.problem === undefined) checkSnapshot(each);
      }
      const sound = listed.filter(({ problem }) => problem === undefined);
      const there = new Set(sound.map(({ position }) => position));
      for (const each of done) expect(there.has(each), `${each} after ${operations}`).toBe(true);
    }
  }
});
