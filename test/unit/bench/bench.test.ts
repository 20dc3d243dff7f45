import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { barRows } from "../../../bench/bars.ts";
import { betweenMarkers, report } from "../../../bench/report.ts";
import type { BenchResults } from "../../../bench/results.ts";

function readResults(json: string): BenchResults {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by bench/main.ts
  return JSON.parse(readFileSync(json, "utf8")) as BenchResults;
}

/** The echo is a floor only when it moves as many bytes. */
function expectSameSize(bytes = { weir: 0, echo: 0 }): void {
  expect(bytes.echo).toBeGreaterThan(0.9 * bytes.weir);
  expect(bytes.echo).toBeLessThan(1.1 * bytes.weir);
}

const project = path.resolve(import.meta.dirname, "../../..");

test(
  "the whole benchmark runs at its smallest, and every lane computes the same scores",
  { timeout: 300_000 },
  () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "weir-bench-test-"));
    try {
      const json = path.join(folder, "bench.json");
      const run = spawnSync(process.execPath, ["bench/main.ts", "--tiny", "--json", json], {
        cwd: project,
        encoding: "utf8",
        timeout: 290_000,
      });
      expect(run.status, run.stderr).toBe(0);
      const results = readResults(json);
      const { frames, events, unary, http, memory, step } = results.suites;
      expect(new Set([frames, events, unary, http].map((lane) => lane?.checksum)).size).toBe(1);
      for (const lane of [frames, events, unary]) expectSameSize(lane?.answerBytes);
      expect(memory?.keys).toBeGreaterThan(0);
      for (const { checksum } of step?.cases ?? []) expect(checksum).toMatch(/^[0-9a-f]{12,}$/);
      const { peers } = results.suites;
      if (peers) expect(peers.checksums.weir).toBe(peers.checksums.river);
      else expect(results.skipped["peers"]).toMatch(/WEIR_PYTHON/);
      expect(barRows(results).length).toBeGreaterThan(10);
      expect(report(results)).toContain("### Saturation");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test("the report goes between the markers", () => {
  const text = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n";
  expect(betweenMarkers(text, "new")).toBe(
    "a\n<!-- bench:begin -->\n\nnew\n\n<!-- bench:end -->\nb\n",
  );
  expect(() => betweenMarkers("no markers", "new")).toThrow(/bench:begin/);
});
