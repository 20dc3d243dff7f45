import { spawnSync } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPython } from "../../../bench/peers/peers.ts";
import { startDemoServer, type DemoServer } from "../../../src/demo/server-process.ts";

const project = path.resolve(import.meta.dirname, "../../..");
let server: DemoServer;
beforeAll(async () => {
  server = await startDemoServer();
});
afterAll(async () => {
  await server.stop();
});

/** What both clients print: a line for every hundredth event, the last of which is far off. */
function expectVerdicts(program: string, script: string): void {
  const run = spawnSync(program, [script, `127.0.0.1:${server.grpcPort}`], {
    cwd: project,
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(run.status, run.stderr).toBe(0);
  const lines = run.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(10);
  expect(lines.at(-1)).toMatch(/^1000 0\.9\d+ ANOMALY$/);
  for (const line of lines.slice(5, -1)) expect(line).not.toContain("ANOMALY");
}

test("the TypeScript client of the README runs", () => {
  expectVerdicts(process.execPath, "examples/client.ts");
});

const python = findPython("grpc, grpc_tools");
test.skipIf(python === undefined)(
  `the Python client of the README runs${python === undefined ? " (skipped: no Python with grpcio and grpcio-tools; WEIR_PYTHON names one)" : ""}`,
  () => {
    expectVerdicts(python ?? "python3", "examples/client.py");
  },
);
