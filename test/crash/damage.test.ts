import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { Op, Row } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { chainOf } from "../../src/state/journal/segment-file.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";
import { MANIFEST_FILE, shardFile } from "../../src/state/snapshot/format.ts";
import { encodeText, readText } from "../../src/state/snapshot/text-file.ts";
import { builds } from "../kernel.ts";
import { brokenPromises, differences, newestSnapshot, replayCold } from "../support/crash-check.ts";
import { Ledger } from "../support/crash-ledger.ts";
import { CrashLoad } from "../support/crash-load.ts";
import { CrashServer, weirCommand } from "../support/crash-server.ts";

const SHARDS = 2;
const MEMORY_BYTES = 64 << 20;
const argv = [
  `--shards=${SHARDS}`,
  "--threads=1",
  "--state-memory-mb=128",
  "--snapshot-interval-seconds=1",
  "--journal-max-mb=100000",
];

describe("a data directory that was altered", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-damage-"));
  const whole = join(folder, "whole");
  const ledger = new Ledger();
  const servers: CrashServer[] = [];
  let copies = 0;

  function start(directory: string): CrashServer {
    const server = new CrashServer({ directory, argv, env: { WEIR_LOG_LEVEL: "warn" } });
    servers.push(server);
    return server;
  }

  /** A life with a snapshot, and rows behind it. */
  beforeAll(async () => {
    const server = start(whole);
    const { grpcPort } = await server.serving();
    const random = seededRandom(8);
    const load = new CrashLoad(grpcPort, { ledger, random, inFlight: 8, timeoutMs: 60_000 });
    await load.createDetectors();
    load.run();
    const end = performance.now() + 30_000;
    while (performance.now() < end) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      if (ledger.acknowledgements > 3000 && newestSnapshot(whole) !== undefined) break;
    }
    await server.kill();
    load.close();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(folder, { recursive: true, force: true });
  });

  function copy(): string {
    const directory = join(folder, `copy-${copies++}`);
    cpSync(whole, directory, { recursive: true });
    return directory;
  }

  /** Path of the segment that the newest snapshot's first entries are in. */
  function firstSegment(directory: string): string {
    const names = readdirSync(journalIn(directory)).filter((name) => name.endsWith(".db"));
    return join(journalIn(directory), names.toSorted()[0] ?? "");
  }

  function snapshotOf(directory: string) {
    const snapshot = newestSnapshot(directory);
    if (snapshot === undefined) throw new Error("there is no snapshot");
    return snapshot;
  }

  function flipBit(path: string, share: number): void {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length * share);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
  }

  it("is sound before", { timeout: 60_000 }, async () => {
    const directory = copy();
    const verified = weirCommand(["verify", directory, "--deep"]);
    expect(verified.status, verified.stdout + verified.stderr).toBe(0);
    const module = await compileModule(builds[0]?.[1]);
    const options = { module, shards: SHARDS, memoryBytes: MEMORY_BYTES };
    const { position } = snapshotOf(directory);
    const cold = replayCold(directory, { ...options, until: position });
    expect(differences(snapshotOf(directory), cold, module)).toEqual([]);
    expect(brokenPromises(ledger, replayCold(directory, options).journaled)).toEqual([]);
  });

  it(
    "one bit of a snapshot: verify names the file, and a start uses what is sound",
    { timeout: 60_000 },
    async () => {
      const directory = copy();
      const path = join(snapshotOf(directory).path, shardFile(1));
      flipBit(path, 0.6);
      const verified = weirCommand(["verify", directory]);
      expect(verified.status).toBe(1);
      expect(verified.stdout).toMatch(/^DAMAGED {2}snapshots\/\d+\/shard-1\.snap: /m);
      const server = start(directory);
      const { grpcPort } = await server.serving();
      expect(server.log).toContain(path);
      const options = { ledger, random: Math.random, inFlight: 1, timeoutMs: 60_000 };
      const load = new CrashLoad(grpcPort, options);
      const known = ledger.again.filter(({ acknowledged }) => acknowledged !== undefined);
      const { replays } = ledger;
      await load.again(known.slice(-100));
      expect(ledger.replays - replays).toBe(Math.min(100, known.length));
      expect(ledger.faults).toEqual([]);
      load.close();
      await server.stop();
    },
  );

  it("one row of the journal: verify and a replay name its position", async () => {
    const directory = copy();
    alter(firstSegment(directory), false);
    const verified = weirCommand(["verify", directory]);
    expect(verified.status).toBe(1);
    expect(verified.stdout).toMatch(/DAMAGED .*position \d+/);
    const module = await compileModule(builds[0]?.[1]);
    expect(() =>
      replayCold(directory, { module, shards: SHARDS, memoryBytes: MEMORY_BYTES }),
    ).toThrow(/altered/);
  });

  it(
    "one row of the journal with all checksums made to fit: the states differ",
    { timeout: 60_000 },
    async () => {
      const directory = copy();
      alter(firstSegment(directory), true);
      const deep = weirCommand(["verify", directory, "--deep"]);
      expect(deep.status, deep.stdout).toBe(1);
      const module = await compileModule(builds[0]?.[1]);
      const snapshot = snapshotOf(directory);
      const cold = replayCold(directory, {
        module,
        shards: SHARDS,
        memoryBytes: MEMORY_BYTES,
        until: snapshot.position,
      });
      expect(differences(snapshot, cold, module)).not.toEqual([]);
    },
  );

  it.each(["journal", "snapshot"])(
    "a newer format of the %s: the start says so",
    { timeout: 30_000 },
    async (what) => {
      const directory = copy();
      if (what === "journal") {
        const database = new DatabaseSync(firstSegment(directory));
        database.exec("UPDATE meta SET value = 99 WHERE name = 'format'");
        database.close();
      } else {
        for (const name of readdirSync(join(directory, "snapshots"))) {
          const path = join(directory, "snapshots", name, MANIFEST_FILE);
          const manifest = Object(readText(path, "snapshot")) as object;
          writeFileSync(path, encodeText("snapshot", { ...manifest, format: 99 }));
        }
      }
      const server = start(directory);
      expect(await server.ports).toBeUndefined();
      expect(server.child.exitCode).toBe(1);
      expect(server.log).toMatch(/format 99.*(newer|version)/is);
    },
  );
});

/** Another value in an early entry of rows of the first detector, which forgets nothing; `fits`: with the checksums of everything from there on. */
function alter(path: string, fits: boolean): void {
  const database = new DatabaseSync(path);
  const rows = database
    .prepare("SELECT position, rows, body FROM entries WHERE kind = 1 ORDER BY position LIMIT 100")
    .all()
    .filter(({ body }) => body instanceof Uint8Array && isOfTrees(body));
  const row = rows[Math.floor(rows.length / 2)];
  const body = row?.["body"];
  const position = Number(row?.["position"]);
  if (!(body instanceof Uint8Array)) throw new Error("no rows in the journal");
  // The first row's first value: a little more.
  const at = 16 + Number(row?.["rows"]) * 64;
  const view = new DataView(body.buffer, body.byteOffset);
  view.setFloat64(at, view.getFloat64(at, true) + 0.25, true);
  database.prepare("UPDATE entries SET body = ? WHERE position = ?").run(body, position);
  if (fits) refit(database, position, body);
  database.close();
}

/** The first row is learned by the detector in slot 0. */
function isOfTrees(body: Uint8Array): boolean {
  const row = new DataView(body.buffer, body.byteOffset + 16);
  return row.getUint16(Row.slot, true) === 0 && row.getUint8(Row.op) === Op.SCORE_AND_LEARN;
}

function refit(database: DatabaseSync, position: number, body: Uint8Array): void {
  database.prepare("UPDATE entries SET crc = ? WHERE position = ?").run(crc32(body), position);
  const before = database.prepare("SELECT chain FROM entries WHERE position = ?").get(position - 1);
  let chain = Number(before?.["chain"]);
  const update = database.prepare("UPDATE entries SET chain = ? WHERE position = ?");
  const entries = database
    .prepare("SELECT *, length(body) AS bytes FROM entries WHERE position >= ? ORDER BY position")
    .all(position);
  for (const entry of entries) {
    const of = (name: string): number => Number(entry[name]);
    chain = chainOf(
      {
        position: of("position"),
        unixMs: of("unix_ms"),
        shard: of("shard"),
        kind: of("kind"),
        rows: of("rows"),
        bytes: of("bytes"),
        crc: of("crc"),
      },
      chain,
    );
    update.run(chain, of("position"));
  }
}
