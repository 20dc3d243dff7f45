import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { startTestService } from "../support/service.ts";

const run = promisify(execFile);

/** Black-box cases for LlamaFarm's API; they may be run in place, not shipped. */
const folder = process.env["WEIR_CONFORMANCE"];

/** The first Python that has what the cases need. */
function findPython(): string | undefined {
  const named = process.env["WEIR_PYTHON"];
  return (named === undefined ? ["python3", "python"] : [named]).find((python) => {
    try {
      execFileSync(python, ["-c", "import httpx, pytest"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

const python = findPython();
const hasCases = folder !== undefined && existsSync(join(folder, "pytest.ini"));

/** Why the cases do not run here; "" = they do. */
function whyNot(): string {
  if (!hasCases) return " (skipped: WEIR_CONFORMANCE names no folder of cases)";
  return python === undefined
    ? " (skipped: no Python with httpx and pytest; WEIR_PYTHON names one)"
    : "";
}

describe("LlamaFarm's API from outside", () => {
  const name = `passes the black-box cases${whyNot()}`;
  it.runIf(whyNot() === "")(name, { timeout: 600_000 }, async () => {
    const cases = folder ?? "";
    const test = await startTestService();
    try {
      const { output, code } = await run(
        python ?? "",
        ["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-c", "pytest.ini", "."],
        {
          cwd: cases,
          env: { ...process.env, WEIR_HTTP: test.url, PYTHONDONTWRITEBYTECODE: "1" },
          maxBuffer: 16 * 1024 * 1024,
        },
      ).then(
        ({ stdout }) => ({ output: stdout, code: 0 }),
        (error: { readonly stdout?: string; readonly code?: number }) => ({
          output: error.stdout ?? "pytest did not run",
          code: error.code ?? 1,
        }),
      );
      expect(code, output).toBe(0);
      expect(output).toMatch(/\d+ passed/);
    } finally {
      await test.stop();
    }
  });
});
