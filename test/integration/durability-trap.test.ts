import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { listSegments, readVoids } from "../../src/state/journal/segments.ts";
import { createDetector, event, request, submit } from "../support/core.ts";
import { startKept } from "../support/kept-server.ts";
import type { KeptServer } from "../support/kept-server.ts";

const data = mkdtempSync(join(tmpdir(), "weir-trap-"));
let server: KeptServer | undefined;
afterEach(async () => {
  await server?.close();
  rmSync(data, { recursive: true, force: true });
});

async function send({ core }: KeptServer, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const one = event({ id: `e${i}`, key: "k", numbers: { a: (i * 0.37) % 1 } });
    // oxlint-disable-next-line no-await-in-loop -- in their order
    await submit(core, request({ detector: "d", events: [one] }));
  }
}

const eventsOf = ({ core }: KeptServer): number =>
  core.detectors.status(core.detectors.get("d")).events;

/** What a server leaves that ended while it mended a batch that traps: the entry, and nothing that says to leave it out. */
async function appendBroken({ state: { journal } }: KeptServer, shard: number): Promise<number> {
  const broken = new Uint8Array(64);
  new Uint32Array(broken.buffer).set([1000, 1000, 1000, 0]);
  const position = journal.appendPacked(shard, broken);
  await new Promise((resolve) => {
    journal.whenDurable(position, resolve);
  });
  return position;
}

test("a last batch that cannot be stepped is left out, and the server starts, each time", async () => {
  server = await startKept(data, { shards: 1 });
  await createDetector(server.core, "d", { inputs: [{ name: "a" }], timeoutMs: 5000 });
  await send(server, 0, 20);
  const position = await appendBroken(server, 0);
  await server.close();
  for (let start = 1; start <= 2; start++) {
    server = await startKept(data, { shards: 1 });
    expect(eventsOf(server)).toBe(start * 20);
    await send(server, start * 20, (start + 1) * 20);
    await server.close();
  }
  expect([...readVoids(join(data, "journal"), 0)]).toEqual([position]);
});

test("last batches of several shards are left out, behind a damaged end of the journal, too", async () => {
  server = await startKept(data);
  await createDetector(server.core, "d", { inputs: [{ name: "a" }], timeoutMs: 5000 });
  await send(server, 0, 20);
  const broken: number[] = [];
  for (const shard of [2, 0, 1]) broken.push(await appendBroken(server, shard));
  await server.state.journal.roll();
  const { journal } = server.state;
  const last = journal.appendChange(0, { kind: "reset", slot: 200 });
  await new Promise((resolve) => {
    journal.whenDurable(last, resolve);
  });
  await server.close();
  const path = listSegments(join(data, "journal")).at(-1)?.path ?? "";
  const database = new DatabaseSync(path);
  database.exec(`UPDATE entries SET crc = crc + 1 WHERE position = ${last}`);
  database.close();
  server = await startKept(data);
  expect(eventsOf(server)).toBe(20);
  await server.close();
  expect([...readVoids(join(data, "journal"), 0)].toSorted((a, b) => a - b)).toEqual(broken);
});

test("one in the middle is no batch that is left out: the start is refused", async () => {
  server = await startKept(data, { shards: 1 });
  await createDetector(server.core, "d", { inputs: [{ name: "a" }], timeoutMs: 5000 });
  await appendBroken(server, 0);
  await send(server, 0, 3);
  await server.close();
  await expect(startKept(data, { shards: 1 })).rejects.toThrow("no state can be brought back");
});
