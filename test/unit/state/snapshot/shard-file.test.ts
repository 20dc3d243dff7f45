import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ARENA_BASE, PAGE_BYTES, Root } from "../../../../src/shard/layout.ts";
import { disk } from "../../../../src/state/snapshot/disk.ts";
import { SnapshotDamage, SnapshotOfOtherVersion } from "../../../../src/state/snapshot/format.ts";
import { checkShard, readShard } from "../../../../src/state/snapshot/shard-reader.ts";
import { writeShard } from "../../../../src/state/snapshot/shard-writer.ts";
import { decodeText, encodeText } from "../../../../src/state/snapshot/text-file.ts";
import { madeUpMemory, stateOf } from "../../../support/snapshot-memory.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-shard-file-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(memory: Uint8Array, shard = 1): { readonly path: string; readonly bytes: Buffer } {
  const path = join(directory, `shard-${shard}.snap`);
  rmSync(path, { force: true });
  writeShard(disk, memory, { directory, shard, shards: 4, position: 77 });
  return { path, bytes: readFileSync(path) };
}

test("what is read is what was written, whatever the memory", () => {
  const pages = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(pages, fc.integer(), fc.constantFrom(1, 7, 5000), (length, seed, spread) => {
      const memory = madeUpMemory(length, seed, spread);
      const { path } = write(memory);
      const into = new Uint8Array(memory.length + 3 * PAGE_BYTES);
      const header = readShard(path, into);
      expect(Buffer.compare(stateOf(into), stateOf(memory))).toBe(0);
      expect(header).toMatchObject({
        shard: 1,
        shards: 4,
        position: 77,
        memoryBytes: memory.length,
      });
      expect(into.subarray(PAGE_BYTES, ARENA_BASE).every((byte) => byte === 0)).toBe(true);
      expect(into.subarray(memory.length).every((byte) => byte === 0)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("a memory over a SharedArrayBuffer is written and read as any other", () => {
  const memory = madeUpMemory(20, 5);
  const shared = new Uint8Array(new SharedArrayBuffer(memory.length));
  shared.set(memory);
  const { path, bytes } = write(shared);
  expect(bytes.equals(write(memory, 1).bytes)).toBe(true);
  const into = new Uint8Array(new SharedArrayBuffer(memory.length));
  readShard(path, into);
  expect(Buffer.compare(stateOf(into), stateOf(memory))).toBe(0);
});

test("how a step was run is not written: two memories that differ in it alone make the same file", () => {
  const a = madeUpMemory(2, 9);
  const b = a.slice();
  new DataView(b.buffer).setUint32(Root.row, 815, true);
  expect(write(a).bytes.equals(write(b).bytes)).toBe(true);
});

test("every flipped bit is found", () => {
  const { path, bytes } = write(madeUpMemory(2, 3, 9001));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >>> 3;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(path, bytes);
    expect(() => checkShard(path), `bit ${bit}`).toThrow(SnapshotDamage);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  }
  writeFileSync(path, bytes);
  expect(checkShard(path).position).toBe(77);
});

test("a file that was cut off is found, at whatever length, and so are bytes behind its end", () => {
  const { path, bytes } = write(madeUpMemory(2, 3, 9001));
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    expect(() => checkShard(path), `length ${length}`).toThrow(SnapshotDamage);
  }
  writeFileSync(path, Buffer.concat([bytes, Buffer.from([0])]));
  expect(() => checkShard(path)).toThrow(/1 bytes lie behind its end/);
});

test("damage is named by file and place", () => {
  const { path, bytes } = write(madeUpMemory(33, 3));
  const at = bytes.length - 100;
  bytes[at] = (bytes[at] ?? 0) ^ 16;
  writeFileSync(path, bytes);
  expect(() => checkShard(path)).toThrow(
    new RegExp(`^${path} is damaged: (the checksum of )?the chunk at byte \\d+ `),
  );
});

test("a shard that is in the middle of something is not written", () => {
  const memory = madeUpMemory(1, 3);
  new DataView(memory.buffer).setUint32(Root.inProgress, 1, true);
  expect(() => write(memory)).toThrow("shard 1 is not idle");
  expect(() => write(new Uint8Array(memory.length))).toThrow("holds no shard");
});

test("a memory that is too small is told what it takes", () => {
  const memory = madeUpMemory(3, 3);
  const { path } = write(memory);
  expect(() => readShard(path, new Uint8Array(memory.length - 1))).toThrow(
    `${path} is of a shard with ${memory.length} bytes of memory, and there are ${memory.length - 1}`,
  );
});

test.each([
  ["format", 2, "written by Weir 9.9.9 in format 2; this is Weir"],
  ["kernelAbi", 999, "written by Weir 9.9.9 and holds the memory of its kernel (ABI 999)"],
])("a file with another %s says who wrote it and what to do", (name, value, expected) => {
  const { path, bytes } = write(madeUpMemory(1, 3));
  const end = bytes.indexOf(10, bytes.indexOf(10) + 1) + 1;
  const header = decodeText(bytes.subarray(0, end), "shard", path);
  const changed = { ...(header as object), version: "9.9.9", [name]: value };
  writeFileSync(path, Buffer.concat([encodeText("shard", changed), bytes.subarray(end)]));
  expect(() => checkShard(path)).toThrow(SnapshotOfOtherVersion);
  expect(() => checkShard(path)).toThrow(expected);
  expect(() => checkShard(path)).toThrow("use that version for this data directory");
});
