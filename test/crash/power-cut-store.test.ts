import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { compileModule } from "../../src/shard/module.ts";
import { Journal } from "../../src/state/journal/journal.ts";
import {
  inspectTail,
  listSegments,
  readDurableMark,
  readEntries,
} from "../../src/state/journal/segments.ts";
import { equalMemories } from "../../src/state/replay/equal-memories.ts";
import { Replica } from "../../src/state/replay/replica.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";
import { readSnapshotShard } from "../../src/state/snapshot/snapshots.ts";
import { builds } from "../kernel.ts";
import { newestSnapshot, replayCold } from "../support/crash-check.ts";
import { Disk } from "../support/power-cut/disk.ts";
import { whyNoRecorder } from "../support/power-cut/log.ts";
import type { Operation } from "../support/power-cut/log.ts";
import { Recorder } from "../support/power-cut/record.ts";
import { replayShardBytes } from "../support/replay-rig.ts";

const writer = fileURLToPath(new URL("../support/power-cut/store-writer.ts", import.meta.url));
const missing = whyNoRecorder();
const CUTS = Number(process.env["WEIR_CUTS"] ?? 150);
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);

/** What was acknowledged, and when. */
interface Said {
  readonly what: string;
  readonly position: number;
  readonly timeNs: bigint;
}

function saidBy(out: string): Said[] {
  return out
    .trim()
    .split("\n")
    .map((line) => {
      const [what = "", position = "0", timeNs = "0"] = line.split(" ");
      return { what, position: Number(position), timeNs: BigInt(timeNs) };
    });
}

function newest(said: readonly Said[], what: string, before: bigint): number {
  return said.reduce(
    (most, each) =>
      each.what === what && each.timeNs < before ? Math.max(most, each.position) : most,
    0,
  );
}

describe.skipIf(missing !== undefined)(
  `the store after a power cut (seed ${seed}${missing === undefined ? "" : `; ${missing}`})`,
  () => {
    const kernel = builds[0]?.[1] ?? "";
    let module: WebAssembly.Module;
    /** Checksums of bodies by position: what the writer appended, whatever was kept. */
    const truth = new Map<number, number>();
    const recorders: Recorder[] = [];

    const record = async (keep: string) => {
      const recorder = new Recorder();
      recorders.push(recorder);
      const said = saidBy(await recorder.run(writer, String(seed), kernel, keep));
      return { recorder, said, operations: recorder.operations() };
    };
    let whole: Awaited<ReturnType<typeof record>>;

    beforeAll(async () => {
      if (missing !== undefined) return;
      module = await compileModule(kernel);
      whole = await record("all");
      const end = diskAt(whole.operations, whole.operations.length, whole.recorder);
      for (const { position, body } of readEntries(journalIn(end), { after: 0 })) {
        truth.set(position, crc32(body));
      }
    });
    afterAll(() => {
      for (const recorder of recorders) recorder.remove();
    });

    /** A directory as the disk holds it after a cut; without `random` all of it. */
    function diskAt(
      operations: readonly Operation[],
      cut: number,
      recorder: Recorder,
      random?: () => number,
    ): string {
      const disk = new Disk(operations);
      disk.advance(cut);
      const directory = recorder.another();
      disk.write(directory, random);
      return directory;
    }

    /** Reads everything, and returns the newest position that is there. */
    function check(directory: string, acknowledged: number, snapshot: number): number {
      const journal = journalIn(directory);
      const segments = listSegments(journal);
      for (const { path } of segments) {
        const tail = inspectTail(path);
        expect(tail.lost, tail.what).toBe(false);
        if (tail.droppedBytes > 0) expect(tail.what).toContain(`${path}-wal`);
      }
      let position = (segments[0]?.first ?? 1) - 1;
      for (const entry of readEntries(journal, { after: position })) {
        position++;
        expect(entry.position).toBe(position);
        expect(crc32(entry.body), `entry ${position}`).toBe(truth.get(position));
      }
      expect(position).toBeGreaterThanOrEqual(acknowledged);
      const mark = readDurableMark(journal);
      expect(mark.problem).toBe("");
      expect(mark.position).toBeLessThanOrEqual(position);
      const newestOne = newestSnapshot(directory);
      expect(newestOne?.position ?? 0).toBeGreaterThanOrEqual(snapshot);
      // What leaves the journal is in a snapshot.
      expect(newestOne?.position ?? 0).toBeGreaterThanOrEqual((segments[0]?.first ?? 1) - 1);
      return position;
    }

    /** The state that a start would bring back: the newest snapshot, and what comes after it. */
    function recovered(directory: string, position: number): Replica {
      const snapshot = newestSnapshot(directory);
      const replica =
        snapshot === undefined
          ? Replica.create(module, replayShardBytes)
          : Replica.blank(module, replayShardBytes);
      if (snapshot !== undefined) readSnapshotShard(snapshot, 0, replica.views.u8);
      const after = snapshot?.position ?? 0;
      for (const entry of readEntries(journalIn(directory), { after, until: position })) {
        replica.apply(entry);
      }
      return replica;
    }

    it.each(["all", "bounded"])(
      "holds every acknowledged entry once, and nothing half-written (journal: %s)",
      { timeout: 240_000 },
      async (keep) => {
        const { recorder, said, operations } = keep === "all" ? whole : await record(keep);
        const uncut = diskAt(whole.operations, whole.operations.length, whole.recorder);
        const random = seededRandom(seed);
        const seen = { dropped: 0, torn: 0, tails: 0, unfinished: 0 };
        const recycled = operations.flatMap((each, i) =>
          each.kind === "rename" && each.path.endsWith("-wal") ? [i] : [],
        );
        for (let i = 0; i < CUTS; i++) {
          // Where a log becomes the spare one is a moment that few would meet.
          const moment = i % 3 === 0 ? recycled[Math.floor(random() * recycled.length)] : undefined;
          const cut = (moment ?? random() * (operations.length + 5)) - random() * 5;
          const disk = new Disk(operations);
          disk.advance(Math.round(cut));
          const directory = recorder.another();
          const losses = disk.write(directory, random);
          seen.dropped += losses.dropped;
          seen.torn += losses.torn;
          const acknowledged = newest(said, "entry", disk.timeNs);
          const snapshot = newest(said, "snapshot", disk.timeNs);
          const position = check(directory, acknowledged, snapshot);
          if (position > acknowledged) seen.unfinished++;
          for (const { path } of listSegments(journalIn(directory))) {
            if (inspectTail(path).droppedBytes > 0) seen.tails++;
          }
          if (i % 10 === 0) {
            const cold = replayCold(uncut, {
              module,
              shards: 1,
              memoryBytes: replayShardBytes,
              until: position,
            });
            const replica = recovered(directory, position);
            const [shard] = cold.shards;
            expect(shard && equalMemories(replica.views.u8, shard.views.u8)).toBeUndefined();
            await goesOn(directory, position);
          }
          rmSync(directory, { recursive: true });
        }
        // Without losses the cuts would prove nothing.
        expect(seen.dropped).toBeGreaterThan(0);
        expect(seen.torn).toBeGreaterThan(0);
        expect(seen.tails).toBeGreaterThan(0);
      },
    );

    /** A journal is opened behind what was recovered, and what it takes is read back behind it. */
    async function goesOn(directory: string, position: number): Promise<void> {
      const { views } = Replica.create(module, replayShardBytes);
      const journal = await Journal.open({
        directory: journalIn(directory),
        first: position + 1,
        shards: 1,
        views: [views],
        durability: "acknowledged",
        spaceMinBytes: 0,
      });
      const appended = journal.appendChange(0, { kind: "reset", slot: 3 });
      expect(appended).toBe(position + 1);
      await new Promise<void>((resolve, reject) => {
        journal.whenDurable(appended, (durable) => (durable ? resolve() : reject(new Error("no"))));
      });
      await journal.close();
      const after = Math.max(position - 5, (listSegments(journalIn(directory))[0]?.first ?? 1) - 1);
      const all = [...readEntries(journalIn(directory), { after })];
      expect(all.at(-1)?.position).toBe(appended);
    }
  },
);
