import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { Shard, viewsOf } from "../../../src/shard/shard.ts";
import { filesOf } from "../../../src/state/journal/segment-file.ts";
import { listSegments } from "../../../src/state/journal/segments.ts";
import { openState } from "../../../src/state/open-state.ts";
import { equalMemories } from "../../../src/state/replay/equal-memories.ts";
import { journalIn } from "../../../src/state/replay/restore-shard.ts";
import { listSnapshots, snapshotsIn } from "../../../src/state/snapshot/snapshots.ts";
import { replayShardBytes } from "../../support/replay-rig.ts";
import { DataRig, kernelModule } from "../../support/snapshot-rig.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A directory with a snapshot in the middle of its journal, and the snapshot that a keeper makes of its end. */
async function prepared(): Promise<{ readonly rig: DataRig; readonly data: string }> {
  const rig = new DataRig(await kernelModule(), 30_000);
  rig.batches(3);
  rig.snapshot();
  rig.batches(3);
  const data = mkdtempSync(join(tmpdir(), "weir-rebuild-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  cpSync(rig.data, data, { recursive: true, filter: (path) => !path.endsWith("-shm") });
  rig.snapshot({ snapshotsKept: 1, journalBytesMax: 0 });
  rig.close();
  return { rig, data };
}

/** A start on the directory, and its first shard. */
async function opened(data: string) {
  const state = await openState({
    data,
    module: await kernelModule(),
    durability: "acknowledged",
    shards: 2,
    shardsGiven: false,
    memoryBytes: replayShardBytes,
    clock: systemClock,
    log,
  });
  onTestFinished(() => state.journal.close());
  const [memory] = state.memories;
  if (memory === undefined) throw new Error("no shard");
  const shard = new Shard(0, memory, viewsOf(memory));
  return { state, memory, shard };
}

test("a shard is made anew while the keeper replaces the snapshot and removes segments", async () => {
  const { rig, data } = await prepared();
  const { state, memory, shard } = await opened(data);
  const before = new Uint8Array(memory.buffer).slice();
  new Uint8Array(memory.buffer).fill(1, 0, 65_536);
  const rebuilt = state.rebuild(shard, rig.position);
  // Its thread is not there yet.
  const [old = ""] = readdirSync(snapshotsIn(data));
  const path = listSnapshots(snapshotsIn(rig.data))[0]?.path ?? "";
  renameSync(path, join(snapshotsIn(data), path.slice(-20)));
  rmSync(join(snapshotsIn(data), old), { recursive: true });
  for (const segment of listSegments(journalIn(data)).slice(0, -1)) {
    for (const file of filesOf(segment.path)) rmSync(file, { force: true });
  }
  await rebuilt;
  expect(equalMemories(new Uint8Array(memory.buffer), before)).toBeUndefined();
});

test("what cannot be made anew says why, once every snapshot was tried", async () => {
  const { rig, data } = await prepared();
  const { state, shard } = await opened(data);
  await expect(state.rebuild(shard, rig.position + 7)).rejects.toThrow(
    `and should go to ${rig.position + 7}`,
  );
});
