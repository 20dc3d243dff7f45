import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { brokenPromises, differences, newestSnapshot, replayCold } from "../support/crash-check.ts";
import { Ledger } from "../support/crash-ledger.ts";
import { CrashLoad } from "../support/crash-load.ts";
import { CrashServer, weirCommand } from "../support/crash-server.ts";
import { errorOf, unary } from "../support/grpc.ts";

const MIB = 1024 * 1024;
const SHARDS = 2;
const argv = [
  `--shards=${SHARDS}`,
  "--threads=1",
  "--state-memory-mb=128",
  "--snapshot-interval-seconds=1",
  "--journal-max-mb=100000",
];
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "weir-disk-"));
  cleanUp.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A disk of its own of so many MiB. */
function mounted(mib: number): string {
  const directory = temporary();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", directory]);
  cleanUp.push(() => execFileSync("umount", ["-l", directory]));
  return directory;
}

function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "weir-mount-"));
  const mounts = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
  if (mounts.status === 0) execFileSync("umount", [directory]);
  rmSync(directory, { recursive: true });
  return mounts.status === 0;
}

function start(directory: string): CrashServer {
  const server = new CrashServer({ directory, argv, env: { WEIR_LOG_LEVEL: "warn" } });
  cleanUp.push(() => server.kill());
  return server;
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

async function learning(httpPort: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  const line = /^weir_learning(?:\{[^}]*\})? (\d)/m.exec(await answer.text());
  if (line === null) throw new Error("the metrics do not say whether the server learns");
  return line[1] === "1";
}

/** What a client was promised is there, and the newest snapshot is what an uninterrupted run is. */
async function expectKept(directory: string, ledger: Ledger): Promise<void> {
  const module = await compileModule(builds[0]?.[1]);
  const snapshot = newestSnapshot(directory);
  const options = { module, shards: SHARDS, memoryBytes: 64 * MIB };
  expect(brokenPromises(ledger, replayCold(directory, options).journaled).slice(0, 5)).toEqual([]);
  if (snapshot === undefined) return;
  const same = replayCold(directory, { ...options, until: snapshot.position });
  expect(differences(snapshot, same, module)).toEqual([]);
}

const disks = mayMount();
const skipped = disks ? "" : " (skipped: it takes a user that may mount)";

describe("a disk that is not as it should be", () => {
  it.skipIf(!disks)(
    `fills up and is freed: nothing is learned meanwhile, and nothing acknowledged is lost${skipped}`,
    { timeout: 120_000 },
    async () => {
      const directory = mounted(200);
      const ballast = join(directory, "ballast");
      const data = join(directory, "data");
      mkdirSync(data);
      writeFileSync(ballast, Buffer.alloc(192 * MIB));
      const server = start(data);
      const { grpcPort, httpPort } = await server.serving();
      const ledger = new Ledger();
      const random = seededRandom(5);
      const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 24, timeoutMs: 5000 });
      await load.createDetectors();
      load.run();
      await until(async () => !(await learning(httpPort)), "the disk is full");
      const { unsure } = ledger;
      await until(() => ledger.unsure > unsure + 200, "events are scored all the same");
      const spec = { inputs: [{ name: "a" }] };
      const refused = await unary<object>((done) =>
        load.clients.detectors.CreateDetector({ name: "another", spec }, done),
      );
      expect(errorOf(refused).message).toMatch(/journal|disk/i);
      rmSync(ballast);
      await until(() => learning(httpPort), "it learns again");
      const { acknowledgements } = ledger;
      await until(() => ledger.acknowledgements > acknowledgements + 500, "it acknowledges again");
      await load.drained();
      load.close();
      await server.stop();
      await expectKept(data, ledger);
      const verified = weirCommand(["verify", data]);
      expect(verified.status, verified.stdout + verified.stderr).toBe(0);
    },
  );

  it.skipIf(!disks)(`cannot be written: the start says so${skipped}`, async () => {
    const directory = mounted(64);
    execFileSync("mount", ["-o", "remount,ro", directory]);
    const server = start(directory);
    expect(await server.ports).toBeUndefined();
    expect(server.child.exitCode).toBe(1);
    expect(server.log).toMatch(/cannot use the data directory.*read-only/is);
  });

  it("is used by another server: the start says by which", async () => {
    const directory = temporary();
    const first = start(directory);
    await first.serving();
    const second = start(directory);
    expect(await second.ports).toBeUndefined();
    expect(second.child.exitCode).toBe(1);
    expect(second.log).toContain(`in use by another weir (process ${first.child.pid})`);
    await first.stop();
  });
});

describe("a server that stands still", () => {
  it("goes on as if nothing had been", { timeout: 120_000 }, async () => {
    const directory = temporary();
    const server = start(directory);
    const { grpcPort } = await server.serving();
    const ledger = new Ledger();
    const random = seededRandom(6);
    const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 24, timeoutMs: 300 });
    await load.createDetectors();
    load.run();
    await until(() => ledger.acknowledgements > 500, "it answers");
    for (let stop = 0; stop < 4; stop++) {
      server.signal("SIGSTOP");
      await new Promise((resolve) => {
        setTimeout(resolve, 200 + random() * 600);
      });
      server.signal("SIGCONT");
      const { acknowledgements } = ledger;
      await until(() => ledger.acknowledgements > acknowledgements + 300, "it goes on");
    }
    await load.drained();
    load.close();
    await server.stop();
    await expectKept(directory, ledger);
  });
});
