import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { openDetectorStore } from "../../src/control/detector-store.ts";
import { isDiscovering } from "../../src/discovery/discovery.ts";
import { listSegments } from "../../src/state/journal/segments.ts";
import { listSnapshots, snapshotsIn } from "../../src/state/snapshot/snapshots.ts";
import { createDetector, event, request, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { eventually } from "../support/eventually.ts";
import { startKept } from "../support/kept-server.ts";
import type { KeptServer, KeptServerOptions } from "../support/kept-server.ts";

const MIB = 1 << 20;
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "weir-restart-"));
  cleanUp.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function start(data: string, options?: KeptServerOptions): Promise<KeptServer> {
  const server = await startKept(data, options);
  cleanUp.push(() => server.close());
  return server;
}

const numbers = (i: number) => ({ a: (i * 0.37) % 1, b: (i * 0.61) % 1 });
const ofTrees = { inputs: [{ name: "a" }, { name: "b" }], timeoutMs: 5000 };
const discovers = {
  ecod: {},
  window: { rows: 60, minSamples: 30, retrainInterval: 40 },
  timeoutMs: 5000,
};

async function send(core: TestCore, detector: string, from: number, to: number): Promise<number> {
  let durable = 0;
  for (let i = from; i < to; i++) {
    const one = event({ id: `e${i}`, key: `k${i % 7}`, numbers: numbers(i) });
    const { durables } = await submit(core, request({ detector, events: [one] }));
    durable += durables[0] ?? 0;
  }
  return durable;
}

describe("a data directory that is opened again", () => {
  test("a detector that was reset discovers its inputs again", async () => {
    const data = directory();
    const first = await start(data);
    await createDetector(first.core, "d", discovers);
    await send(first.core, "d", 0, 40);
    await eventually(() => expect(isDiscovering(first.core.detectors.get("d"))).toBe(false));
    await first.core.detectors.reset("d");
    expect(isDiscovering(first.core.detectors.get("d"))).toBe(true);
    await first.close();
    const again = await start(data);
    expect(isDiscovering(again.core.detectors.get("d"))).toBe(true);
    expect(await send(again.core, "d", 0, 40)).toBe(40);
    await eventually(() => expect(isDiscovering(again.core.detectors.get("d"))).toBe(false));
  });

  test("less memory than before is taken back from it", async () => {
    const data = directory();
    const first = await start(data, { memoryBytes: 96 * MIB });
    await createDetector(first.core, "d", ofTrees);
    expect(await send(first.core, "d", 0, 20)).toBe(20);
    await first.close();
    const again = await start(data, { memoryBytes: 64 * MIB });
    expect(again.core.detectors.status(again.core.detectors.get("d")).events).toBe(20);
    await again.core.keeping?.keeper.snapshot();
    await again.close();
    const third = await start(data, { memoryBytes: 64 * MIB });
    expect(third.core.detectors.status(third.core.detectors.get("d")).events).toBe(20);
  });

  test("stored detectors are there after a first start that did not come to its end", async () => {
    const data = directory();
    const store = await openDetectorStore(data);
    await store.save([makeDetector("d", 0, normalizeSpec(ofTrees), () => undefined)]);
    await store.close();
    const first = await start(data, { restores: false });
    await first.close();
    const { core: again } = await start(data);
    expect(again.detectors.list().map(({ name }) => name)).toEqual(["d"]);
  });

  test("without its journal and with a damaged snapshot it is not taken for a new one", async () => {
    const data = directory();
    const first = await start(data);
    await createDetector(first.core, "d", ofTrees);
    await send(first.core, "d", 0, 20);
    await first.core.keeping?.keeper.snapshot();
    await first.close();
    rmSync(join(data, "journal"), { recursive: true });
    const copy = `${data}-copy`;
    cleanUp.push(() => rmSync(copy, { recursive: true, force: true }));
    cpSync(data, copy, { recursive: true });
    const again = await start(copy);
    expect(again.core.detectors.status(again.core.detectors.get("d")).events).toBe(20);
    const [snapshot] = listSnapshots(snapshotsIn(data));
    if (snapshot === undefined) throw new Error("no snapshot");
    for (const name of readdirSync(snapshot.path).filter((each) => each.startsWith("shard-1"))) {
      const path = join(snapshot.path, name);
      const bytes = readFileSync(path);
      bytes[bytes.length >>> 1] = (bytes[bytes.length >>> 1] ?? 0) ^ 0x10;
      writeFileSync(path, bytes);
    }
    const refused = start(data).then(() => "it started", String);
    expect(await refused).toMatch(/no state can be brought back/);
    expect(listSegments(join(data, "journal"))).toEqual([]);
  });

  test.each([0.3, 0.4, 0.5, 0.6, 0.7, 0.95])(
    "what is acknowledged after a damage (at %d of a segment) is there at the next start",
    async (share) => {
      const data = directory();
      const first = await start(data);
      await createDetector(first.core, "d", ofTrees);
      await send(first.core, "d", 0, 300);
      await first.close();
      const [segment] = listSegments(join(data, "journal"));
      if (segment === undefined) throw new Error("no segment");
      const bytes = readFileSync(segment.path);
      const from = Math.floor(bytes.length * share);
      for (let at = from; at < from + 64; at++) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      writeFileSync(segment.path, bytes);
      const events = ({ core }: KeptServer): number =>
        core.detectors.status(core.detectors.get("d")).events;
      const second = await start(data);
      const before = events(second);
      expect(await send(second.core, "d", 1000, 1010)).toBe(10);
      await second.close();
      expect(events(await start(data))).toBe(before + 10);
    },
  );

  test("without its newest segment it goes on from the one before", async () => {
    const data = directory();
    const first = await start(data);
    await createDetector(first.core, "d", ofTrees);
    await send(first.core, "d", 0, 20);
    await first.close();
    const second = await start(data);
    await send(second.core, "d", 20, 40);
    await second.close();
    const newest = listSegments(join(data, "journal")).at(-1);
    if (newest === undefined) throw new Error("no segment");
    truncateSync(newest.path, 5000);
    const third = await start(data);
    expect(third.core.detectors.status(third.core.detectors.get("d")).events).toBe(20);
    expect(readdirSync(join(data, "journal"))).toContain(`${basename(newest.path)}.damaged`);
  });
});
