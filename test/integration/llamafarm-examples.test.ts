import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPython } from "../../bench/peers/peers.ts";
import { startTestService, type TestService } from "../support/service.ts";

const run = promisify(execFile);
let service: TestService;

beforeAll(async () => {
  service = await startTestService();
});

afterAll(async () => {
  await service?.stop();
});

/** What both print: a line for every twentieth point, the last of which is far off. */
async function expectResults(program: string, script: string): Promise<void> {
  const { host } = new URL(service.url);
  const { stdout } = await run(program, [script, host], { timeout: 60_000 });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(10);
  expect(lines[0]).toMatch(/^20 collecting collecting/);
  expect(lines.at(-1)).toMatch(/^200 \w+ (?:0\.[5-9]\d*|1\.0*) ANOMALY$/);
  for (const line of lines.slice(0, -1)) expect(line).not.toContain("ANOMALY");
}

test("the TypeScript example of streaming runs", async () => {
  await expectResults(process.execPath, "examples/stream.ts");
});

const python = findPython("json");

test.skipIf(python === undefined)(
  `the Python example of streaming runs${python === undefined ? " (skipped: no Python; WEIR_PYTHON names one)" : ""}`,
  async () => {
    await expectResults(python ?? "python3", "examples/stream.py");
  },
);
