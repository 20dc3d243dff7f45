import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WeirError } from "../../../../src/domain/errors.ts";
import { Keeper } from "../../../../src/state/keeper/keeper.ts";
import type { KeeperOptions, Perform } from "../../../../src/state/keeper/keeper.ts";
import type { KeeperDone, KeeperRequest } from "../../../../src/state/keeper/protocol.ts";
import type { Manifest } from "../../../../src/state/snapshot/format.ts";
import { checkSnapshot, listSnapshots } from "../../../../src/state/snapshot/snapshots.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { DataRig, kernelModule } from "../../../support/snapshot-rig.ts";

const module = await kernelModule();
const manifest = {} as Manifest;

/** Answers when the test says so. */
class FakeThread implements Perform {
  readonly asked: KeeperRequest[] = [];
  private answer: ((done: KeeperDone | Error) => void) | undefined;

  async run(_setting: unknown, request: KeeperRequest): Promise<KeeperDone> {
    this.asked.push(request);
    return new Promise((resolve, reject) => {
      this.answer = (done) => (done instanceof Error ? reject(done) : resolve(done));
    });
  }

  async stop(): Promise<void> {
    this.answer?.(new Error("stopped"));
  }

  async finish(done?: Error): Promise<void> {
    const request = this.asked.at(-1);
    if (request?.kind === "snapshot") {
      const snapshot = { path: "", position: request.until, manifest };
      const none = { rows: 0, shared: 0, removed: [], oldest: 0, segmentsRemoved: 0 };
      const rest = { damaged: [], newestSegmentSince: 0 };
      this.answer?.(done ?? { kind: "snapshot", snapshot, ...none, ...rest });
    } else {
      this.answer?.(done ?? { kind: "seal" });
    }
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

interface Rig {
  readonly keeper: Keeper;
  readonly thread: FakeThread;
  readonly clock: ManualClock;
  readonly server: { position: number; bytes: number };
  readonly logged: string[];
}

function rig(more: Partial<KeeperOptions> = {}): Rig {
  const clock = new ManualClock();
  const thread = new FakeThread();
  const server = { position: 0, bytes: 0 };
  const logged: string[] = [];
  const keeper = new Keeper({
    module,
    data: "/nowhere",
    shards: 1,
    memoryBytes: 1,
    snapshotsKept: 3,
    journalBytesMax: 4_000_000,
    journalAgeMsMax: 1e12,
    settled: () => server.position,
    journalBytes: () => server.bytes,
    newest: 0,
    intervalMs: 300_000,
    bytesBetween: 2_000_000,
    clock,
    log: {
      info: (_fields, message) => void logged.push(message),
      warn: (_fields, message) => void logged.push(message),
      error: (_fields, message) => void logged.push(message),
    },
    perform: thread,
    ...more,
  });
  return { keeper, thread, clock, server, logged };
}

test("a snapshot is made every interval, if anything has happened", async () => {
  const { keeper, thread, clock, server } = rig();
  keeper.start();
  clock.advance(900_000);
  expect(thread.asked).toEqual([]);
  server.position = 5;
  clock.advance(1000);
  expect(thread.asked).toEqual([{ kind: "snapshot", until: 5 }]);
  server.position = 7;
  await thread.finish();
  expect(keeper.position).toBe(5);
  clock.advance(298_000);
  expect(thread.asked).toHaveLength(1);
  clock.advance(2000);
  expect(thread.asked.at(-1)).toEqual({ kind: "snapshot", until: 7 });
  await thread.finish();
  expect(keeper.snapshots).toBe(2);
  await keeper.close();
});

test("a journal that grows fast makes it earlier, so that all kept snapshots fit the journal's bound", async () => {
  const { keeper, thread, clock, server } = rig();
  keeper.start();
  server.position = 5;
  server.bytes = 999_999;
  clock.advance(2000);
  expect(thread.asked).toEqual([]);
  server.bytes = 1_000_000;
  clock.advance(1000);
  expect(thread.asked).toHaveLength(1);
  await thread.finish();
  server.position = 6;
  server.bytes = 1_999_999;
  clock.advance(5000);
  expect(thread.asked).toHaveLength(1);
  await keeper.close();
});

test("one that fails is said, counted and tried again, ever later; one that is made forgets that", async () => {
  const { keeper, thread, clock, server, logged } = rig();
  keeper.start();
  server.position = 5;
  clock.advance(300_000);
  for (const wait of [10_000, 20_000, 40_000]) {
    await thread.finish(new Error("ENOSPC: no space left"));
    expect(keeper.problem).toBe("ENOSPC: no space left");
    const before = thread.asked.length;
    clock.advance(wait - 1000);
    expect(thread.asked).toHaveLength(before);
    clock.advance(1000);
    expect(thread.asked).toHaveLength(before + 1);
  }
  expect(keeper.failures).toBe(3);
  expect(logged.at(-1)).toContain("a snapshot could not be made");
  await thread.finish();
  expect(keeper.problem).toBeUndefined();
  await keeper.close();
});

test("two snapshots are never made at a time; other requests wait their turn", async () => {
  const { keeper, thread, server } = rig();
  server.position = 5;
  const first = keeper.snapshot();
  const sealed = keeper.seal("/a.db");
  await expect(keeper.snapshot()).rejects.toMatchObject({ reason: "SNAPSHOT_RUNNING" });
  expect(thread.asked).toHaveLength(1);
  await thread.finish();
  expect((await first).position).toBe(5);
  expect(thread.asked.at(-1)).toEqual({ kind: "seal", path: "/a.db" });
  await thread.finish();
  await sealed;
  await keeper.close();
});

test("requests that wait are bounded", async () => {
  const { keeper } = rig();
  const all = Array.from({ length: 70 }, async (_, i) => keeper.seal(`/${i}.db`));
  const ends = Promise.allSettled(all);
  await keeper.close();
  const reasons = (await ends).map((end) =>
    end.status === "rejected" && end.reason instanceof WeirError ? end.reason.reason : "done",
  );
  expect(reasons.filter((reason) => reason === "QUEUE_FULL")).toHaveLength(5);
  expect(reasons.filter((reason) => reason === "DRAINING")).toHaveLength(64);
});

test("a segment that grows old is ended", async () => {
  let aged = 0;
  const { keeper, thread, server } = rig({ journalAgeMsMax: 80_000, onAged: () => void aged++ });
  const run = thread.run.bind(thread);
  const since = new ManualClock().unixMs() - 10_001;
  thread.run = async (...given) => ({
    ...(await run(...given)),
    newestSegmentSince: since,
  });
  server.position = 1;
  const made = keeper.snapshot();
  await thread.finish();
  await made;
  expect(aged).toBe(1);
  await keeper.close();
});

test("a thread makes snapshots, says how far it is, and can be ended in the middle", async () => {
  const data = new DataRig(module);
  data.batches(6);
  const { keeper } = rig({ ...data.setting, settled: () => data.position, perform: undefined });
  const snapshot = await keeper.snapshot();
  checkSnapshot(snapshot);
  await keeper.seal(join(data.data, "journal", "none.db"));
  data.batches(60);
  const cut = Promise.allSettled([keeper.snapshot()]);
  await new Promise((resolve) => void setTimeout(resolve, 150));
  await keeper.close();
  const [end] = await cut;
  const listed = listSnapshots(join(data.data, "snapshots"));
  const made =
    end.status === "fulfilled" ? [data.position, snapshot.position] : [snapshot.position];
  expect(listed.map(({ position }) => position)).toEqual(made);
  const left = readdirSync(join(data.data, "snapshots")).filter((name) => name.endsWith(".new"));
  expect(left.length).toBeLessThanOrEqual(1);
});
