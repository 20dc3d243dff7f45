import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { loadOptions } from "../../src/config/options.ts";
import { startTestService, type TestService } from "../support/service.ts";

// The worked examples as their READMEs run them.

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "weir-examples-"));
let running: TestService | undefined;

afterEach(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function evaluate(example: string, ...args: readonly string[]): Promise<string> {
  const config = `--config=examples/${example}/weir.yaml`;
  const { detectors } = loadOptions({ argv: [config], env: {}, cwd: process.cwd() });
  running = await startTestService({ detectors });
  const address = `127.0.0.1:${running.service.grpcPort}`;
  const script = `examples/${example}/evaluate.ts`;
  return (await run(process.execPath, [script, ...args, address])).stdout;
}

/** Numbers of the line that begins so. */
function numbersOf(output: string, name: string): readonly number[] {
  const line = output.split("\n").find((each) => each.startsWith(name));
  return [...(line ?? "").slice(name.length).matchAll(/\d+\.\d+/g)].map(Number);
}

test("windowed features find more of the frauds in card payments", async () => {
  const output = await evaluate("cards");
  expect(output).toContain("46180 payments of 300 cards, 1119 of them fraud");
  expect(numbersOf(output, "ROC AUC")).toEqual([0.9405, 0.9879]);
  expect(numbersOf(output, "precision at 1 % alerts")).toEqual([27.1, 67]);
}, 60_000);

test("a series in NAB's form is evaluated with and without them", async () => {
  const start = Date.UTC(2026, 0, 1);
  const stamp = (i: number): string =>
    new Date(start + i * 300_000).toISOString().slice(0, 19).replace("T", " ");
  const isOff = (i: number): boolean => i >= 2500 && i < 2600;
  // The level moves by day; in the stretch it is restless, at values that are ordinary.
  const value = (i: number): number => (isOff(i) ? 32 + 36 * (i % 2) : 50 + 20 * Math.sin(i / 46));
  const lines = Array.from({ length: 3000 }, (_, i) => `${stamp(i)},${value(i)}`);
  mkdirSync(join(folder, "data"), { recursive: true });
  mkdirSync(join(folder, "labels"));
  writeFileSync(join(folder, "data/made.csv"), `timestamp,value\n${lines.join("\n")}\n`);
  const windows = { "made.csv": [[stamp(2500), stamp(2599)]] };
  writeFileSync(join(folder, "labels/combined_windows.json"), JSON.stringify(windows));
  const output = await evaluate("series", folder, "made");
  expect(output).toContain("made: 3000 samples, 1 labelled stretches");
  const [plain = 1] = numbersOf(output, "series-plain");
  const [windowed = 0] = numbersOf(output, "series-windowed");
  expect(windowed).toBeGreaterThan(plain + 0.1);
}, 60_000);
