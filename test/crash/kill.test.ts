import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { brokenPromises, differences, newestSnapshot, replayCold } from "../support/crash-check.ts";
import { Ledger } from "../support/crash-ledger.ts";
import { CrashLoad } from "../support/crash-load.ts";
import { CrashServer } from "../support/crash-server.ts";

const KILLS = Number(process.env["WEIR_KILLS"] ?? 20);
/** Kills from one look at the whole journal to the next. */
const LOOK_EVERY = 7;
const SHARDS = 2;
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);

const argv = [
  `--shards=${SHARDS}`,
  "--threads=1",
  "--state-memory-mb=128",
  "--snapshot-interval-seconds=1",
  // All of it is kept, so that it can be replayed from nothing.
  "--journal-max-mb=100000",
  "--drain-timeout-ms=5000",
];

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Waits for what may take longer on a busy machine; at most so long. */
async function until(condition: () => boolean, atMostMs: number): Promise<void> {
  const end = performance.now() + atMostMs;
  while (!condition() && performance.now() < end) await sleep(5);
}

describe(`a server that is killed ${KILLS} times (seed ${seed})`, () => {
  const data = mkdtempSync(join(tmpdir(), "weir-kill-"));
  const random = seededRandom(seed);
  const ledger = new Ledger();
  const servers: CrashServer[] = [];
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(data, { recursive: true, force: true });
  });

  function start(): CrashServer {
    const server = new CrashServer({
      directory: data,
      argv,
      env: { WEIR_LOG_LEVEL: process.env["WEIR_LOG_LEVEL"] ?? "warn" },
    });
    servers.push(server);
    return server;
  }

  /** Load, and the kill in the middle of it; or already while the server starts. */
  async function live(kill: number): Promise<void> {
    const server = start();
    if (random() < 0.25 && kill > 0) {
      await Promise.race([sleep(random() * 900), server.ports]);
      await server.kill();
      return;
    }
    const { grpcPort } = await server.serving();
    const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 24, timeoutMs: 60_000 });
    await load.createDetectors();
    load.run();
    // Some are killed in the middle of what the control plane asked for.
    const change = sleep(random() * 300).then(() =>
      random() < 0.5 ? load.changeTemporary() : load.takeSnapshot(),
    );
    const enough = ledger.acknowledgements + 20 + random() ** 2 * 6000;
    // At the very acknowledgement: what it promises must be there already.
    ledger.onAcknowledged = () => {
      if (ledger.acknowledgements > enough) server.signal("SIGKILL");
    };
    await Promise.race([server.ended, sleep(1500)]);
    await server.kill();
    ledger.onAcknowledged = () => undefined;
    await change;
    load.close();
  }

  /** A start in which nothing new is sent but what was acknowledged before, an end as an operator wants it, and a look at all that is there. */
  async function look(): Promise<void> {
    const before = newestSnapshot(data)?.position ?? 0;
    const server = start();
    const { grpcPort } = await server.serving();
    const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 24, timeoutMs: 60_000 });
    const acknowledged = ledger.again.filter((row) => row.acknowledged !== undefined);
    const replays = ledger.replays;
    const twice = acknowledged.filter(({ sent }) => sent > 1);
    const again = [...new Set([...acknowledged.slice(-300), ...twice.slice(-600)])];
    await load.again(again);
    expect(ledger.replays - replays, "ids that were remembered").toBe(again.length);
    load.close();
    await until(() => (newestSnapshot(data)?.position ?? 0) > before, 60_000);
    await server.stop();
    const module = await compileModule(builds[0]?.[1]);
    const snapshot = newestSnapshot(data);
    expect(snapshot, server.log).toBeDefined();
    if (snapshot === undefined) return;
    const options = { module, shards: SHARDS, memoryBytes: snapshot.manifest.memoryBytes };
    const cold = replayCold(data, options);
    const logs = servers.map(({ log }) => log).join("");
    expect(brokenPromises(ledger, cold.journaled).slice(0, 10), logs).toEqual([]);
    expect(logs).not.toContain("may be lost");
    const at = snapshot.position;
    const same = at === cold.position ? cold : replayCold(data, { ...options, until: at });
    expect(differences(snapshot, same, module)).toEqual([]);
  }

  it(
    "keeps every acknowledged row once, and is what one uninterrupted run is",
    { timeout: 120_000 + KILLS * 12_000 },
    async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        await live(kill);
        if (kill % LOOK_EVERY === LOOK_EVERY - 1) await look();
      }
      await look();
      // A client that got nothing would prove nothing.
      expect(ledger.acknowledgements).toBeGreaterThan(KILLS * 20);
      expect(ledger.replays).toBeGreaterThan(0);
    },
  );
});
