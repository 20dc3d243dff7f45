import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { payments, trainedOnce } from "../support/encoded-rig.ts";
import { CrashServer, weirCommand } from "../support/crash-server.ts";
import { eventually } from "../support/eventually.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

const answer = z.object({
  verdicts: z.array(z.object({ score: z.number().optional(), rawScore: z.number().optional() })),
});
const versionList = z.object({
  versions: z.array(z.object({ version: z.number(), problem: z.string().optional() })),
});

class Client {
  private readonly server: CrashServer;

  constructor(directory: string) {
    this.server = new CrashServer({ directory });
    cleanUp.push(() => this.server.kill());
  }

  async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const { httpPort } = await this.server.serving();
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async score(from: number, count: number, mode = "MODE_SCORE_AND_LEARN"): Promise<unknown> {
    const events = payments(from, count).map(({ key, numbers, categories }) => ({
      key,
      numbers: Object.fromEntries(numbers),
      categories: Object.fromEntries(categories),
    }));
    const said = await this.send("POST", "detectors/cards/score", { events, mode });
    return answer.parse(said).verdicts;
  }

  kill(): Promise<void> {
    return this.server.kill();
  }
}

test("a detector that encodes, its shadow and its versions outlive kills", async () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-kill-encoded-"));
  cleanUp.push(() => rmSync(directory, { recursive: true, force: true }));
  let client = new Client(directory);
  const killed = async (): Promise<void> => {
    await client.kill();
    client = new Client(directory);
  };
  const asked = () => client.score(0, 120, "MODE_SCORE_ONLY");
  const spec = trainedOnce;
  await client.send("PUT", "detectors/cards", spec);
  await client.score(0, 40);
  await eventually(async () => {
    expect(JSON.stringify(await client.score(0, 1, "MODE_SCORE_ONLY"))).toContain('"score":');
  });
  await client.send("POST", "admin/shadows", {
    name: "b",
    shadowed: "cards",
    spec,
    copyState: true,
  });
  const first = await asked();
  await client.send("POST", "admin/detectors/cards/versions", { ...spec, threshold: 0.9 });
  await client.score(40, 60);
  const before = await asked();
  expect(before).not.toEqual(first);
  // What was not written when it is killed cannot be gone back to.
  await eventually(async () => {
    const listed = await client.send("GET", "admin/detectors/cards/versions");
    const { versions } = versionList.parse(listed);
    expect(versions.map(({ problem = "" }) => problem)).toEqual(["", ""]);
  });
  const unanswered = client.score(100, 20).catch(() => undefined);
  await killed();
  await unanswered;
  const now = await asked();
  await client.send("PUT", "admin/shadows/b/share", { share: 1 });
  expect(await asked()).toEqual(now);
  await client.send("PUT", "admin/shadows/b/share", { share: 0 });
  await client.send("POST", "admin/detectors/cards/rollback", { version: 1 });
  expect(await asked()).toEqual(first);
  await killed();
  expect(await asked()).toEqual(first);
  await client.send("POST", "admin/shadows/b/promote");
  expect(await asked()).toEqual(now);
  await killed();
  expect(await asked()).toEqual(now);
  await client.kill();
  const verified = weirCommand(["verify", directory, "--deep"]);
  expect(verified.status, verified.stdout).toBe(0);
}, 240_000);
