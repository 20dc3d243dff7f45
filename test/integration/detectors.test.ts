import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { limits } from "../../src/config/limits.ts";
import { lockDirectory } from "../../src/control/directory-lock.ts";
import { openDetectorStore } from "../../src/control/detector-store.ts";
import { createDetector, event, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { eventually } from "../support/eventually.ts";
import { startTestService } from "../support/service.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

const spec = {
  inputs: [{ name: "amount" }],
  halfSpaceTrees: { trees: 1, height: 1 },
  keysMax: 256,
};

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "weir-detectors-"));
  cleanUp.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function start(options: Parameters<typeof startCore>[0] = {}): Promise<TestCore> {
  const core = await startCore({ shards: 1, shardMemoryBytes: 64 * 1024 * 1024, ...options });
  cleanUp.push(() => core.close());
  return core;
}

describe("a change that cannot be stored", () => {
  const failing = { isBroken: false, load: () => Promise.resolve(new Map()) };
  const store = {
    ...failing,
    save(): Promise<void> {
      return store.isBroken ? Promise.reject(new Error("disk full")) : Promise.resolve();
    },
  };

  test("makes no detector, and no half of one", async () => {
    store.isBroken = true;
    const core = await start({ store });
    await expect(createDetector(core, "d", spec)).rejects.toThrow("disk full");
    expect(core.detectors.find("d")).toBeUndefined();
    store.isBroken = false;
    await createDetector(core, "d", spec);
    expect(core.detectors.find("d")?.slot).toBe(0);
  });

  test("removes none", async () => {
    store.isBroken = false;
    const core = await start({ store });
    await createDetector(core, "d", spec);
    store.isBroken = true;
    await expect(core.detectors.remove("d")).rejects.toThrow("disk full");
    const one = request({ detector: "d", events: [event({ numbers: { amount: 1 } })] });
    await expect(submit(core, one)).resolves.toBeDefined();
    store.isBroken = false;
    await core.detectors.remove("d");
    expect(core.detectors.find("d")).toBeUndefined();
  });
});

describe("slots", () => {
  test("all detectors that a server takes leave one for its own", async () => {
    const core = await start();
    for (let i = 0; i < limits.detectorsMax; i++) await createDetector(core, `d${i}`, spec);
    await expect(createDetector(core, "one more", spec)).rejects.toMatchObject({
      reason: "TOO_MANY_DETECTORS",
    });
    const config = normalizeSpec(spec);
    const found = await core.detectors.withTemporary("\u0000own", config, () =>
      Promise.resolve(core.detectors.find("\u0000own")),
    );
    expect(found).toBeDefined();
    expect(core.detectors.find("\u0000own")).toBeUndefined();
    await core.detectors.remove("d3");
    await createDetector(core, "one more", spec);
  });

  test("more stored and declared detectors than fit are told, before any is made", async () => {
    const config = normalizeSpec(spec);
    const named = (prefix: string) =>
      new Map(Array.from({ length: 40 }, (_, i) => [`${prefix}${i}`, config]));
    const core = await start({
      store: { load: () => Promise.resolve(named("stored")), save: () => Promise.resolve() },
    });
    await expect(core.detectors.restore(named("declared"))).rejects.toThrow(
      "40 stored and 40 declared detectors are 80 together",
    );
    expect(core.detectors.list()).toEqual([]);
  });
});

describe("a data directory", () => {
  test("belongs to one store at a time", async () => {
    const path = directory();
    const first = await openDetectorStore(path);
    await expect(openDetectorStore(path)).rejects.toThrow(
      `${path} is in use by another weir (process ${process.pid})`,
    );
    await first.close();
    const second = await openDetectorStore(path);
    await second.close();
    expect(readdirSync(path)).toEqual([]);
  });

  test.each([
    ["a process that is gone", "999999999 1\n"],
    ["another process that got the same id", `${process.pid} 1\n`],
    ["nobody: the file was cut off", ""],
  ])("whose lock names %s is taken over", async (_who, lock) => {
    const path = directory();
    writeFileSync(join(path, "weir.lock"), lock);
    const store = await openDetectorStore(path);
    expect(readFileSync(join(path, "weir.lock"), "utf8")).toMatch(`${process.pid} `);
    await store.close();
  });

  test("whose lock was left behind is taken over by one of those who come for it at once", async () => {
    const path = directory();
    const lock = join(path, "weir.lock");
    for (let round = 0; round < 100; round++) {
      writeFileSync(lock, "999999999 1\n");
      const came = await Promise.allSettled(Array.from({ length: 4 }, () => lockDirectory(path)));
      const released = came.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      expect(released).toHaveLength(1);
      expect(readdirSync(path)).toEqual(["weir.lock"]);
      await released[0]?.();
      expect(readdirSync(path)).toEqual([]);
    }
  });

  test.skipIf(process.platform !== "linux")(
    "whose lock names a process that was killed and that nobody has buried is taken over",
    async () => {
      const path = directory();
      const lock = join(path, "weir.lock");
      // A shell whose child ends, and that then becomes a program that never waits for it.
      const parent = spawn("sh", ["-c", `sleep 0.05 & echo $! > ${lock}; exec sleep 30`]);
      cleanUp.push(() => parent.kill("SIGKILL"));
      await eventually(() => {
        const pid = readFileSync(lock, "utf8").trim();
        const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
        expect(after[0]).toBe("Z");
        writeFileSync(lock, `${pid} ${after.split(" ")[19]}\n`);
      });
      const store = await openDetectorStore(path);
      await store.close();
    },
  );

  test("with a damaged file is named", async () => {
    const path = directory();
    writeFileSync(join(path, "detectors.json"), '{"format": 1, "det');
    const store = await openDetectorStore(path);
    await expect(store.load()).rejects.toThrow(`${join(path, "detectors.json")} is damaged`);
    await store.close();
  });

  test("is given back, with every port, when a start fails half-way", async () => {
    const path = directory();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => taken.close());
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const http = { host: "127.0.0.1", port };
    await expect(startTestService({ dataDirectory: path, http })).rejects.toThrow("EADDRINUSE");
    expect(readdirSync(path)).toEqual(["journal", "models", "snapshots"]);
    const service = await startTestService({ dataDirectory: path });
    await expect(startTestService({ dataDirectory: path })).rejects.toThrow("is in use by");
    await service.stop();
    expect(readdirSync(path)).toEqual(["journal", "models", "snapshots"]);
  }, 60_000);
});
