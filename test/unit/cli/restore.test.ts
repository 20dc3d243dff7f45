import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { lockDirectory } from "../../../src/control/directory-lock.ts";
import { readEntries } from "../../../src/state/journal/segments.ts";
import {
  checkSnapshot,
  listSnapshots,
  openSnapshot,
  snapshotsIn,
} from "../../../src/state/snapshot/snapshots.ts";
import { DataRig, kernelModule } from "../../support/snapshot-rig.ts";

async function weir(...argv: string[]): Promise<{ status: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const terminal = {
    print: (text: string) => out.push(text),
    error: (text: string) => error.push(text),
    interactive: false,
  };
  const status = await dispatch(argv, terminal);
  return { status, out: out.join("\n"), error: error.join("\n") };
}

/** A server's data after it stopped: two snapshots, and entries behind the newest. */
async function stopped(): Promise<DataRig> {
  const rig = new DataRig(await kernelModule());
  rig.batches(2);
  rig.snapshot();
  rig.batches(2);
  rig.snapshot();
  rig.batches(1);
  rig.close();
  return rig;
}

function place(): string {
  const made = mkdtempSync(join(tmpdir(), "weir-restore-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return join(made, "data");
}

function entries(data: string): unknown[] {
  return Array.from(readEntries(join(data, "journal"), { after: 0 }), ({ body, ...entry }) => ({
    ...entry,
    body: Buffer.from(body).toString("base64"),
  }));
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length - 100;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

test("a data directory comes back whole: its snapshots and every entry", async () => {
  const rig = await stopped();
  writeFileSync(join(rig.data, "journal", "00000000000000000099.db.damaged"), "");
  const data = place();
  const { status, out } = await weir("restore", rig.data, "--data", data);
  expect(status).toBe(0);
  expect(out).toContain(`and the journal up to position ${rig.position}`);
  expect(out).toContain(`weir start --data ${data}`);
  const restored = listSnapshots(snapshotsIn(data));
  expect(restored).toHaveLength(2);
  const [newest] = listSnapshots(snapshotsIn(rig.data));
  expect(restored[0]?.position).toBe(newest?.position);
  checkSnapshot(openSnapshot(restored[0]?.path ?? ""));
  expect(entries(data)).toEqual(entries(rig.data));
  expect(readdirSync(data).toSorted()).toEqual(["journal", "snapshots"]);
  expect((await weir("start", "--help")).status).toBe(0);
  expect(readdirSync(join(data, "journal")).filter((name) => name.includes("damaged"))).toEqual([]);
});

test("one snapshot comes back alone, as it was then", async () => {
  const rig = await stopped();
  const older = listSnapshots(snapshotsIn(rig.data)).at(-1);
  const data = place();
  const { status, out } = await weir("restore", older?.path ?? "", "--data", data);
  expect(status).toBe(0);
  expect(out).not.toContain("and the journal");
  expect(listSnapshots(snapshotsIn(data)).map(({ position }) => position)).toEqual([
    older?.position,
  ]);
  expect(existsSync(join(data, "journal"))).toBe(false);
});

test("a damaged snapshot is named, and the one before is used with the whole journal", async () => {
  const rig = await stopped();
  const [newest, older] = listSnapshots(snapshotsIn(rig.data));
  flip(join(newest?.path ?? "", "shard-0.snap"));
  const data = place();
  const { status, error } = await weir("restore", rig.data, "--data", data);
  expect(status).toBe(0);
  expect(error).toContain(`${newest?.path} is not sound`);
  expect(listSnapshots(snapshotsIn(data))[0]?.position).toBe(older?.position);
  expect(entries(data)).toEqual(entries(rig.data));
});

test("what is damaged throughout is refused, and nothing is there after it", async () => {
  const rig = await stopped();
  const data = place();
  rig.sql(3, "update entries set unix_ms = unix_ms + 1 where position = 3");
  const altered = await weir("restore", rig.data, "--data", data);
  expect(altered.status).toBe(1);
  expect(altered.error).toMatch(/journal is not sound: .*3[\s\S]*weir verify/);
  for (const { path } of listSnapshots(snapshotsIn(rig.data))) flip(join(path, "shard-1.snap"));
  const none = await weir("restore", rig.data, "--data", data);
  expect(none).toMatchObject({ status: 1, error: expect.stringContaining("no sound snapshot") });
  expect(readdirSync(data)).toEqual([]);
});

test("a directory that is in use, or not empty, or no backup, is refused", async () => {
  const rig = await stopped();
  const data = place();
  const unlock = await lockDirectory(rig.data);
  const used = await weir("restore", rig.data, "--data", data);
  expect(used.error).toContain("in use");
  await unlock();
  expect((await weir("restore", rig.data, "--data", data)).status).toBe(0);
  const again = await weir("restore", rig.data, "--data", data);
  expect(again).toMatchObject({
    status: 1,
    error: expect.stringContaining("is not empty, it has"),
  });
  const target = await lockDirectory(data);
  expect((await weir("restore", rig.data, "--data", data)).error).toContain("in use");
  await target();
  const nothing = await weir("restore", join(rig.data, "none"), "--data", place());
  expect(nothing.error).toContain("give a directory that weir backup wrote");
  const inside = await weir("restore", rig.data, "--data", join(rig.data, "x"));
  expect(inside).toMatchObject({ status: 2, error: expect.stringContaining("outside") });
  expect((await weir("restore", rig.data)).error).toContain("--data is missing");
});
