import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { compileModule } from "../../src/shard/module.ts";
import { inspectTail, listSegments, readDurableMark } from "../../src/state/journal/segments.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";
import { builds } from "../kernel.ts";
import { brokenPromises, differences, newestSnapshot, replayCold } from "../support/crash-check.ts";
import { Ledger } from "../support/crash-ledger.ts";
import { CrashLoad } from "../support/crash-load.ts";
import { CrashServer } from "../support/crash-server.ts";
import { Disk } from "../support/power-cut/disk.ts";
import { whyNoRecorder } from "../support/power-cut/log.ts";
import type { Operation } from "../support/power-cut/log.ts";
import { Recorder } from "../support/power-cut/record.ts";

const missing = whyNoRecorder();
const CUTS = Number(process.env["WEIR_CUTS"] ?? 40);
/** Cuts after which a server is started. */
const STARTS = 3;
const ROWS = 8000;
const MEMORY_BYTES = 64 << 20;
const SHARDS = 2;
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);

const argv = [
  `--shards=${SHARDS}`,
  "--threads=1",
  `--state-memory-mb=${(SHARDS * MEMORY_BYTES) >> 20}`,
  "--snapshot-interval-seconds=1",
  "--journal-max-mb=100000",
];

describe.skipIf(missing !== undefined)(
  `a server after a power cut (seed ${seed}${missing === undefined ? "" : `; ${missing}`})`,
  () => {
    const random = seededRandom(seed);
    const ledger = new Ledger();
    let recorder: Recorder;
    let operations: readonly Operation[];

    /** One life under load, with all that it did to its directory. */
    beforeAll(async () => {
      if (missing !== undefined) return;
      recorder = new Recorder();
      const { directory, environment } = recorder;
      const server = new CrashServer({
        directory,
        argv,
        env: { ...environment, WEIR_LOG_LEVEL: "warn" },
      });
      const { grpcPort } = await server.serving();
      const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 16, timeoutMs: 60_000 });
      await load.createDetectors();
      load.run();
      const end = performance.now() + 20_000;
      while (performance.now() < end) {
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
        if (random() < 0.1) await load.changeTemporary();
        if (ledger.acknowledgements > ROWS && newestSnapshot(directory) !== undefined) break;
      }
      await server.kill();
      load.close();
      operations = recorder.operations();
    }, 60_000);
    afterAll(() => recorder?.remove());

    /** A directory as the disk holds it after a cut, and when that was. */
    function cutAt(index: number, choose?: () => number): { directory: string; timeNs: bigint } {
      const disk = new Disk(operations);
      disk.advance(index);
      const directory = recorder.another();
      disk.write(directory, choose);
      return { directory, timeNs: disk.timeNs };
    }

    it("has every acknowledged row once", { timeout: 240_000 }, async () => {
      expect(ledger.acknowledgements).toBeGreaterThan(ROWS / 4);
      const module = await compileModule(builds[0]?.[1]);
      const options = { module, shards: SHARDS, memoryBytes: MEMORY_BYTES };
      for (let cut = 0; cut < CUTS; cut++) {
        const { directory, timeNs } = cutAt(Math.floor(random() * (operations.length + 1)), random);
        const cold = replayCold(directory, options);
        expect(brokenPromises(ledger, cold.journaled, timeNs).slice(0, 5)).toEqual([]);
        for (const { path } of listSegments(journalIn(directory))) {
          expect(inspectTail(path).lost).toBe(false);
        }
        const { position: reached, problem } = readDurableMark(journalIn(directory));
        expect(problem).toBe("");
        expect(reached).toBeLessThanOrEqual(cold.position);
        const snapshot = newestSnapshot(directory);
        if (snapshot !== undefined && cut % 5 === 0) {
          expect(snapshot.position).toBeLessThanOrEqual(cold.position);
          const same = replayCold(directory, { ...options, until: snapshot.position });
          expect(differences(snapshot, same, module)).toEqual([]);
        }
        rmSync(directory, { recursive: true });
      }
    });

    it("starts, and repeats what it acknowledged", { timeout: 120_000 }, async () => {
      for (let start = 0; start < STARTS; start++) {
        // In the later half, where there is something to repeat.
        const index = Math.floor((0.5 + random() / 2) * operations.length);
        const { directory, timeNs } = cutAt(index, random);
        const env = { WEIR_LOG_LEVEL: "warn" };
        const server = new CrashServer({ directory, argv, env });
        const { grpcPort } = await server.serving();
        const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 1, timeoutMs: 60_000 });
        const known = ledger.again.filter(
          ({ acknowledged }) => acknowledged !== undefined && acknowledged.timeNs < timeNs,
        );
        const rows = known.slice(-200);
        const replays = ledger.replays;
        await load.again(rows);
        expect(ledger.faults).toEqual([]);
        expect(ledger.replays - replays).toBe(rows.length);
        expect(server.log).not.toContain("may be lost");
        load.close();
        await server.stop();
      }
    });
  },
);
