import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { protoDirectory } from "../../src/transport/grpc/definitions.ts";
import { startTestService, type TestService } from "../support/service.ts";

const run = promisify(execFile);

let running: TestService;

beforeAll(async () => {
  running = await startTestService();
});

afterAll(() => running.stop());

function works(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const python = process.env["WEIR_PYTHON"] ?? "python3";
const hasPython = works(python, "-c", "import grpc, grpc_tools");

test.skipIf(!hasPython)(
  "Python's grpcio, with generated stubs (skipped where WEIR_PYTHON or python3 has no grpcio and grpcio-tools)",
  async () => {
    const stubs = mkdtempSync(join(tmpdir(), "weir-stubs-"));
    const script = fileURLToPath(new URL("../fixtures/grpc_client.py", import.meta.url));
    const { stdout } = await run(python, [
      script,
      String(running.service.grpcPort),
      protoDirectory,
      stubs,
    ]);
    rmSync(stubs, { recursive: true, force: true });
    const seen: unknown = JSON.parse(stdout);
    expect(seen).toEqual({
      answers: 300,
      ids: true,
      collecting: 25,
      sources: [1],
      packed_equal: true,
      replayed: true,
      unknown_name: ["INVALID_ARGUMENT", expect.stringContaining("__proto__"), true],
      unknown_detector: ["NOT_FOUND", expect.stringContaining("nobody"), true],
      no_rows: ["INVALID_ARGUMENT", expect.any(String), true],
      goes_on: ["UNKNOWN_NAME", ["events[0].numbers.__proto__"], "response"],
      ended: "OK",
      alerts: true,
      status: [300, 1],
      listed: ["python-named", "python-packed", "python-watched"],
    });
  },
);

async function grpcurl(request: object | undefined, ...args: string[]): Promise<string> {
  const data = request === undefined ? [] : ["-d", JSON.stringify(request)];
  const address = `127.0.0.1:${running.service.grpcPort}`;
  const { stdout } = await run("grpcurl", ["-plaintext", ...data, address, ...args]);
  return stdout;
}

async function json(request: object, method: string): Promise<unknown> {
  return JSON.parse(await grpcurl(request, method));
}

describe.skipIf(!works("grpcurl", "-version"))("grpcurl (skipped where it is not in PATH)", () => {
  test("lists and describes by reflection alone", async () => {
    const services = await grpcurl(undefined, "list");
    expect(services.trim().split("\n")).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "weir.v1.AdminService",
      "weir.v1.DetectorService",
      "weir.v1.FeatureService",
      "weir.v1.ScoringService",
    ]);
    expect(await grpcurl(undefined, "describe", "weir.v1.Event")).toContain(
      "map<string, double> numbers = 4;",
    );
    expect(await grpcurl(undefined, "describe", "weir.v1.Verdict")).toContain(
      "optional double score = 2;",
    );
    for (const service of services.trim().split("\n")) {
      expect(await grpcurl(undefined, "describe", service)).toContain("is a service");
    }
  });

  test("checks health, creates, scores, lists and deletes", async () => {
    const service = "weir.v1.ScoringService";
    expect(await json({ service }, "grpc.health.v1.Health/Check")).toEqual({ status: "SERVING" });
    const spec = {
      inputs: [{ name: "amount" }],
      halfSpaceTrees: { limits: { amount: { low: -2, high: 2 } } },
    };
    const created = await json({ name: "curl", spec }, "weir.v1.DetectorService/CreateDetector");
    expect(created).toMatchObject({
      detector: { name: "curl", spec: { halfSpaceTrees: { trees: 10, seed: "42" } } },
    });
    const events = [{ id: "a", key: "k", numbers: { amount: 0.5 } }];
    const request = { detector: "curl", timeoutMs: 5000, events };
    expect(await json(request, "weir.v1.ScoringService/Score")).toMatchObject({
      verdicts: [{ eventId: "a", source: "SOURCE_MODEL", state: "STATE_COLLECTING" }],
    });
    expect(
      await json({ requestId: 3, request }, "weir.v1.ScoringService/ScoreStream"),
    ).toMatchObject({
      requestId: 3,
      response: { verdicts: [{ eventId: "a", replayed: true }] },
    });
    await json({ name: "curl" }, "weir.v1.DetectorService/DeleteDetector");
    const refused = await json(request, "weir.v1.ScoringService/Score").catch(String);
    expect(refused).toMatch(/NotFound[^]*UNKNOWN_DETECTOR/);
  });
});
