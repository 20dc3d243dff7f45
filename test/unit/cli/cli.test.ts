import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { banner } from "../../../src/cli/banner.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { startFailure } from "../../../src/cli/start-failure.ts";
import { textLog } from "../../../src/cli/text-log.ts";
import { version } from "../../../src/version.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { optionTable } from "../../../src/config/option-table.ts";
import { loadOptions } from "../../../src/config/options.ts";
import { OptionsError } from "../../../src/config/options-error.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-cli-"));
afterAll(() => rmSync(directory, { recursive: true }));

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

describe("weir", () => {
  it.each([["--help"], ["-h"], ["help"], ["start", "--help"], ["check-config", "--help"]])(
    "teaches with %s %s",
    async (...argv) => {
      const { status, out } = await weir(...argv.filter(Boolean));
      expect(status).toBe(0);
      for (const { flag, env } of optionTable) {
        expect(out).toContain(`--${flag} `);
        expect(out).toContain(env);
      }
      expect(out).toContain("127.0.0.1:50051");
      expect(out).toContain("Examples:");
      for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    },
  );

  it("tells its version", async () => {
    expect(await weir("--version")).toEqual({ status: 0, out: version, error: "" });
    expect((await weir("version")).out).toBe(version);
  });

  it.each([
    [["strat"], 'weir: there is no verb "strat"; did you mean "start"?'],
    [["frobnicate"], "expected one of start, demo, check-config, config-schema, features"],
    [["--grcp=x"], "weir: there is no option --grcp; did you mean --grpc?"],
    [["start", "--htpp=x"], "did you mean --http?"],
    [["check-config"], "expected one file: weir check-config weir.yaml"],
    [["check-config", "--strict"], "expected one file"],
    [["config-schema", "x"], "takes no arguments"],
  ])("%j: says what is wrong, and ends with 2", async (argv, message) => {
    const { status, error } = await weir(...argv);
    expect(error).toContain(message);
    expect(status).toBe(2);
  });

  it("checks a configuration", async () => {
    const path = join(directory, "weir.yaml");
    writeFileSync(path, "detectors:\n  d:\n    inputs: [{name: a}]\n");
    const fine = await weir("check-config", path);
    expect(fine).toEqual({ status: 0, out: `${path} is fine; 1 detector: d`, error: "" });
    writeFileSync(path, "detectors:\n  d:\n    inptus: [{name: a}]\n");
    const wrong = await weir("check-config", path);
    expect(wrong.status).toBe(1);
    expect(wrong.error).toContain(`${path}:3:5: detectors.d.inptus: there is no such field; did`);
    expect((await weir("check-config", join(directory, "none.yaml"))).status).toBe(1);
  });

  it("prints the schema for editors", async () => {
    const { status, out } = await weir("config-schema");
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: "object", additionalProperties: false });
  });

  it("runs as a process", () => {
    const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
    const run = spawnSync(process.execPath, [main, "--nope"], { encoding: "utf8" });
    expect(run.status).toBe(2);
    expect(run.stderr).toBe(
      'weir: there is no option --nope\nRun "weir --help" for all options.\n',
    );
  });
});

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("a failed start says what to do next", () => {
  const options = loadOptions({
    argv: ["--http=[::1]:80", "--admin=127.0.0.1:50052"],
    env: {},
    cwd: directory,
  });

  it.each([
    [
      new Error(
        "No address added out of total 1 resolved errors: [listen EADDRINUSE: address already in use 127.0.0.1:50051]",
      ),
      "127.0.0.1:50051 is in use, perhaps by another weir: stop it, or choose another address with --grpc",
    ],
    [coded("EADDRINUSE", "listen EADDRINUSE: [::1]:80"), "[::1]:80 is in use"],
    [
      new Error("cannot listen", { cause: coded("EADDRINUSE", "address in use [::1]:80") }),
      "is in use",
    ],
    [coded("ENOTFOUND", "getaddrinfo ENOTFOUND nowhere:50051"), "is no address of this machine"],
    [coded("EACCES", "listen EACCES: permission denied ::1:80"), "[::1]:80 needs a privilege"],
    [
      coded("EADDRINUSE", "listen EADDRINUSE: 127.0.0.1:50052"),
      "127.0.0.1:50052 is in use, perhaps by another weir: stop it, or choose another address with --admin",
    ],
    [coded("ENOENT", "no such file, open 'build/weir.wasm'"), "Build it first: npm run build"],
  ])("%s", (thrown, message) => {
    const failure = startFailure(thrown, options);
    expect(failure).toBeInstanceOf(OptionsError);
    expect(String(failure)).toContain(message);
  });

  it.each([
    ["EACCES", "weir.lock", "let the user that runs weir write it, or choose another"],
    ["ENOSPC", "weir.lock", "make room on its disk, or choose another"],
    ["ENOENT", "", "make the directory that it is in, or choose another"],
    ["ENOTDIR", "journal", "move that file away, or choose another"],
  ])("%s in the data directory", (code, name, next) => {
    const thrown = Object.assign(coded(code, "no"), { path: join(options.dataDirectory, name) });
    const failure = startFailure(thrown, options);
    expect(failure).toBeInstanceOf(OptionsError);
    expect(String(failure)).toContain(`cannot use the data directory ${options.dataDirectory}: `);
    expect(String(failure)).toContain(next);
    const other = Object.assign(coded(code, "no"), { path: `${options.dataDirectory}-other` });
    expect(startFailure(other, options)).toBe(other);
  });

  it("leaves other errors as they are", () => {
    const thrown = new Error("a bug");
    expect(startFailure(thrown, options)).toBe(thrown);
  });
});

describe("the banner", () => {
  it("tells where the server is and how to send a first event", () => {
    const options = loadOptions({ argv: ["--http=0.0.0.0:0"], env: {}, cwd: directory });
    const text = banner(options, { grpcPort: 50_051, httpPort: 8080, detectors: [] });
    expect(text).toContain("gRPC       127.0.0.1:50051\n");
    expect(text).toContain("HTTP       http://localhost:8080\n");
    expect(text).toContain("curl -X PUT http://localhost:8080/v1/detectors/first ");
    expect(text).toContain("curl http://localhost:8080/v1/detectors/first/score ");
  });

  it("shows an event that the first detector takes", () => {
    const options = loadOptions({ argv: [], env: {}, cwd: directory });
    const spec = {
      inputs: [
        { name: "it's" },
        { name: "b", default_value: 1 },
        { name: "c", type: "category" },
        { name: "d", type: "category", missing: "model" },
      ],
    };
    const detectors = [makeDetector("my cards", 0, normalizeSpec(spec))];
    const text = banner(options, { grpcPort: 1, httpPort: 2, detectors });
    expect(text).toContain("detectors  my cards\n");
    expect(text).toContain("/v1/detectors/my%20cards/score ");
    expect(text).toContain(String.raw`"numbers":{"it'\''s":12.5},"categories":{"c":"a"}}`);
    expect(text).not.toContain("PUT");
  });
});

describe("the log on a terminal", () => {
  it("is readable", () => {
    const lines: string[] = [];
    const log = textLog({ print: (line) => lines.push(line) });
    log.write(
      '{"level":"info","time":"2026-11-21T12:00:01.000Z","msg":"up","port":1,"name":"a b"}\n',
    );
    log.write('{"level":"error","time":"","msg":"lost","err":{"stack":"Error: x\\n    at y"}}\n');
    log.write("plain\n");
    expect(lines).toEqual([
      '12:00:01 INFO  up  port=1  name="a b"',
      " ERROR lost\nError: x\n    at y",
      "plain",
    ]);
  });
});
