import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

const project = path.resolve(import.meta.dirname, "../../..");

test(
  "the demo ends by itself, finds most of what is labelled, and leaves nothing behind",
  { timeout: 120_000 },
  () => {
    const run = spawnSync(process.execPath, ["src/main.ts", "demo"], {
      cwd: project,
      encoding: "utf8",
      timeout: 115_000,
    });
    expect(run.status, run.stderr).toBe(0);
    const found = [...run.stdout.matchAll(/([\d,]+) of ([\d,]+) labelled events found/g)];
    expect(found).toHaveLength(2);
    for (const [, part, whole] of found) {
      const share = Number(part?.replaceAll(",", "")) / Number(whole?.replaceAll(",", ""));
      expect(share).toBeGreaterThan(0.7);
    }
    expect(run.stdout).toMatch(/p50\/p95\/p99/);
    expect(run.stdout).toMatch(/impossible travel.*speed|impossible travel.*km_from_home/);
    expect(run.stdout).toContain("npm start");
    expect(run.stdout).not.toContain("\u001B");
  },
);

test("help says what it does, and starts nothing", () => {
  // A folder of its own: other tests make directories of the same name meanwhile.
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-demo-test-"));
  const run = spawnSync(process.execPath, ["src/main.ts", "demo", "--help"], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, TMPDIR: folder },
  });
  expect(run.status).toBe(0);
  expect(run.stdout).toContain("demo");
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});
