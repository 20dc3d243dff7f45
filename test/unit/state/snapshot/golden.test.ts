import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ABI_VERSION } from "../../../../src/shard/layout.ts";
import { ProcessState } from "../../../../src/state/process-state.ts";
import { SnapshotOfOtherVersion } from "../../../../src/state/snapshot/format.ts";
import {
  checkSnapshot,
  openSnapshot,
  readSnapshotProcess,
  readSnapshotShard,
} from "../../../../src/state/snapshot/snapshots.ts";
import { stateOf } from "../../../support/snapshot-memory.ts";

/** Written by the first Weir that made snapshots, of memories that no kernel made. Never written again: what it wrote must stay readable. */
const path = join(
  fileURLToPath(new URL("../../../fixtures/state/snapshot-v1", import.meta.url)),
  "00000000000000000042",
);
const WRITTEN_ABI = 4;

const states = [
  "35bd1ebbbb4432d96af1de5a7f5407ee67b951518ace5eba5e03a5de4edee937",
  "792606b1f50fae8ddef85ee1054e3594b167000c1037c36e624053701015e8c6",
];

test.runIf(ABI_VERSION === WRITTEN_ABI)("a snapshot of format 1 is read as it was written", () => {
  const snapshot = openSnapshot(path);
  checkSnapshot(snapshot);
  expect(snapshot.manifest).toMatchObject({
    format: 1,
    position: 42,
    timeUnixMs: 1_700_000_000_000,
  });
  for (const [shard, expected] of states.entries()) {
    const into = new Uint8Array(snapshot.manifest.memoryBytes);
    readSnapshotShard(snapshot, shard, into);
    expect(createHash("sha256").update(stateOf(into)).digest("hex")).toBe(expected);
  }
  const { catalogue } = ProcessState.fromJson(readSnapshotProcess(snapshot));
  expect(catalogue.detectors).toEqual([
    { name: "zahlungen ü", slot: 3, version: 2, spec: { inputs: ["amount"] } },
  ]);
});

test.runIf(ABI_VERSION !== WRITTEN_ABI)(
  "a snapshot of an older kernel says which version wrote it",
  () => {
    expect(() => openSnapshot(path)).toThrow(SnapshotOfOtherVersion);
    expect(() => openSnapshot(path)).toThrow(
      "was written by Weir 0.1.0 and holds the memory of its kernel",
    );
  },
);
