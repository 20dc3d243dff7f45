import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { dispatch } from "../../src/cli/dispatch.ts";
import { explain } from "../../src/cli/explain.ts";
import { replay } from "../../src/cli/replay.ts";
import type { ScoreResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ScoreResponse.ts";
import { connect, unary, valueOf } from "../support/grpc.ts";
import { keptModulePath } from "../support/kept-core.ts";
import { startTestService } from "../support/service.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

const spec = { inputs: [{ name: "a" }], halfSpaceTrees: { window: 5 }, timeoutMs: 10_000 };

interface Ran {
  readonly status: number;
  readonly text: string;
}

async function ran(verb: typeof explain, ...argv: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const terminal = { print, error: print, interactive: false };
  const status = await verb(argv, terminal, keptModulePath);
  return { status, text: lines.join("\n") };
}

/** Backs up a server that has scored, taken a snapshot, and scored on. What it said, by id. */
async function backedUp(...options: readonly string[]) {
  const place = mkdtempSync(join(tmpdir(), "weir-backup-"));
  cleanUp.push(() => rmSync(place, { recursive: true, force: true }));
  const running = await startTestService();
  const clients = connect(running.service.grpcPort);
  const scores = new Map<string, number | undefined>();
  const send = async (rows: number): Promise<void> => {
    for (let i = 0; i < rows; i++) {
      const id = `e${scores.size}`;
      const one = { id, key: `k${i % 3}`, numbers: { a: ((scores.size * 7919) % 1009) / 1009 } };
      const { verdicts = [] } = valueOf(
        // oxlint-disable-next-line no-await-in-loop -- one after the other, as a client does
        await unary<ScoreResponse__Output>((done) =>
          clients.scoring.Score({ detector: "d", events: [one] }, done),
        ),
      );
      scores.set(id, verdicts[0]?.score);
    }
  };
  try {
    valueOf(await unary((done) => clients.detectors.CreateDetector({ name: "d", spec }, done)));
    await send(60);
    valueOf(await unary((done) => clients.admin.CreateSnapshot({}, done)));
    await send(60);
    const address = `--address=127.0.0.1:${running.service.grpcPort}`;
    const to = join(place, "backup");
    const { status, text } = await ran(dispatch, "backup", to, address, ...options);
    expect(status).toBe(0);
    // What comes later is not in it, and what is copied is not touched by the server that goes on.
    await send(20);
    return { place, backup: to, scores, text };
  } finally {
    clients.close();
    await running.stop();
  }
}

const asked = ["--detector", "d", "--id"] as const;

describe("a backup without the journal", () => {
  test("says so, and what to do, where a past verdict is asked for", async () => {
    const { backup, place } = await backedUp();
    const why =
      "has no journal, so its past verdicts are not known: it is a backup, or was restored from one, without its rows. Look in the data directory of the server that made it, or make the next backup with weir backup --journal";
    await expect(ran(explain, ...asked, "e30", "--data", backup)).rejects.toThrow(
      `${backup} ${why}`,
    );
    const data = join(place, "data");
    expect((await ran(dispatch, "restore", backup, "--data", data)).status).toBe(0);
    await expect(ran(explain, ...asked, "e30", "--data", data)).rejects.toThrow(`${data} ${why}`);
    await expect(ran(explain, "--at", "3:0", "--data", data)).rejects.toThrow(why);
    await expect(ran(replay, "--detector", "d", "--data", data)).rejects.toThrow(why);
  });
});

test("a backup with the journal explains what was answered, also when it is restored", async () => {
  const { backup, place, scores, text } = await backedUp("--journal");
  expect(text).toContain(", and the journal");
  expect(readdirSync(backup).toSorted()).toEqual(["journal", "models", "snapshots"]);
  expect((await ran(dispatch, "verify", "--deep", "--data", backup)).status).toBe(0);
  const data = join(place, "data");
  expect((await ran(dispatch, "restore", backup, "--data", data)).status).toBe(0);
  for (const directory of [backup, data]) {
    for (const id of ["e30", "e90", "e119"]) {
      const { text: json } = await ran(explain, ...asked, id, "--data", directory, "--json");
      const { answered } = JSON.parse(json) as { answered: { score: number | null } };
      expect(answered.score, id).toBe(scores.get(id) ?? null);
    }
    await expect(ran(explain, ...asked, "e130", "--data", directory)).rejects.toThrow("no row of");
    const { text: replayed } = await ran(replay, "--detector", "d", "--data", directory);
    expect(replayed).toContain("Everything is equal: 120 verdicts");
  }
  const again = await startTestService({ dataDirectory: data });
  await again.stop();
});
