import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { loadOptions, type ResolvedOptions } from "../../../src/config/options.ts";
import { OptionsError } from "../../../src/config/options-error.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-options-"));
afterAll(() => rmSync(directory, { recursive: true }));

const tls = fileURLToPath(new URL("../../fixtures/tls/", import.meta.url));

function load(argv: string[], env: Record<string, string> = {}): ResolvedOptions {
  return loadOptions({ argv, env, cwd: directory });
}

function config(text: string): string {
  writeFileSync(join(directory, "weir.yaml"), text);
  return "--config=weir.yaml";
}

function failure(argv: string[], env: Record<string, string> = {}): [string, number] {
  try {
    load(argv, env);
  } catch (thrown) {
    if (thrown instanceof OptionsError) return [thrown.message, thrown.exitCode];
    throw thrown;
  }
  throw new Error(`${argv.join(" ")} was taken`);
}

describe("loadOptions", () => {
  it("has a default for everything", () => {
    const options = load([]);
    expect(options).toMatchObject({
      grpc: { host: "127.0.0.1", port: 50_051 },
      http: { host: "127.0.0.1", port: 14_345 },
      dataDirectory: join(directory, ".weir"),
      admin: "same",
      tls: undefined,
      drainTimeoutMs: 10_000,
      state: {
        durability: "acknowledged",
        snapshotIntervalMs: 300_000,
        snapshotsKept: 3,
        journalBytesMax: 8 * 1024 ** 3,
        journalAgeMsMax: 7 * 24 * 3600 * 1000,
        versionsKept: 3,
      },
      shardsGiven: false,
      log: { level: "info", format: "auto" },
      telemetry: { enabled: true, traceSampleRatio: 0.01, metricsIntervalMs: 10_000 },
      webhook: undefined,
      configFile: undefined,
    });
    expect(options.telemetry.otlpEndpoint).toBeUndefined();
    expect([256, 2048]).toContain(options.inlineRowsMax);
    expect(options.threads).toBeGreaterThanOrEqual(1);
    expect(options.shards).toBe(Math.min(options.threads, limits.shardsMax));
    expect(options.shardMemoryBytes % 65_536).toBe(0);
    expect(options.limits).toEqual(limits);
    expect(options.detectors.size).toBe(0);
    expect(Object.isFrozen(options)).toBe(true);
    expect(Object.isFrozen(options.limits)).toBe(true);
  });

  it("takes a flag over the environment over the file", () => {
    const file = config(
      "grpc: a:1\nhttp: a:2\ndata: from-file\nlog: {level: warn, format: json}\n",
    );
    const env = {
      WEIR_CONFIG: "weir.yaml",
      WEIR_GRPC: "b:1",
      WEIR_HTTP: "b:2",
      WEIR_LOG_LEVEL: "",
    };
    const options = load(["--grpc", "[::1]:0"], env);
    expect(options.grpc).toEqual({ host: "::1", port: 0 });
    expect(options.http).toEqual({ host: "b", port: 2 });
    expect(options.dataDirectory).toBe(join(directory, "from-file"));
    expect(options.log).toEqual({ level: "warn", format: "json" });
    expect(options.configFile).toBe(join(directory, "weir.yaml"));
    expect(load([file, "--data=x"], env).dataDirectory).toBe(join(directory, "x"));
  });

  it("reads every section of the file", () => {
    const options = load([
      config(`
http: off
threads: 2
shards: 4
admin: 127.0.0.1:9
durability: relaxed
snapshots: {interval_seconds: 0, kept: 1}
journal: {max_mb: 0, max_age_hours: 1}
versions_kept: 0
state_memory_mb: 256
drain_timeout_ms: 0
telemetry: {enabled: false, otlp_endpoint: "http://c:4317", trace_sample_ratio: 1}
alerts: {webhook: {url: "https://example.com/x", detectors: [d], attempts: 2}}
limits: {request_rows_max: 10, http_body_bytes_max: 1000}
detectors: {d: {inputs: [{name: a}]}}
`),
    ]);
    expect(options).toMatchObject({
      http: undefined,
      threads: 2,
      shards: 4,
      shardsGiven: true,
      admin: { host: "127.0.0.1", port: 9 },
      state: {
        durability: "relaxed",
        snapshotIntervalMs: 0,
        snapshotsKept: 1,
        journalBytesMax: 0,
        journalAgeMsMax: 3_600_000,
        versionsKept: 0,
      },
      shardMemoryBytes: 64 * 1024 * 1024,
      drainTimeoutMs: 0,
      telemetry: { enabled: false, otlpEndpoint: "http://c:4317", traceSampleRatio: 1 },
      webhook: { detectors: ["d"], headers: {}, timeoutMs: 10_000, attemptsMax: 2 },
      limits: { requestRowsMax: 10, httpBodyBytesMax: 1000, keyBytesMax: limits.keyBytesMax },
    });
    expect(options.webhook?.url.href).toBe("https://example.com/x");
    expect([...options.detectors.keys()]).toEqual(["d"]);
  });

  it("takes what is kept on disk from flags and the environment, over the file", () => {
    const file = config("durability: none\nsnapshots: {kept: 7}\nshards: 1\n");
    const argv = [file, "--durability=relaxed", "--snapshot-interval-seconds=1", "--admin=off"];
    const options = load(argv, { WEIR_VERSIONS_KEPT: "16", WEIR_JOURNAL_MAX_MB: "1" });
    expect(options.state).toMatchObject({
      durability: "relaxed",
      snapshotIntervalMs: 1000,
      snapshotsKept: 7,
      journalBytesMax: 1024 ** 2,
      versionsKept: 16,
    });
    expect(options.admin).toBeUndefined();
    expect(options.shardsGiven).toBe(true);
    expect(load(["--shards=1"]).shardsGiven).toBe(true);
    expect(load([], { WEIR_SHARDS: "1" }).shardsGiven).toBe(true);
  });

  it("gives a shard at most what WebAssembly can address", () => {
    const { shardMemoryBytes } = load(["--shards=1", "--state-memory-mb=100000"]);
    expect(shardMemoryBytes).toBe(65_535 * 65_536);
  });

  it("reads TLS from wherever its halves are given", () => {
    const argv = ["--tls-cert", join(tls, "server.pem")];
    const options = load(argv, { WEIR_TLS_KEY: join(tls, "server-key.pem") });
    expect(options.tls?.cert.toString()).toContain("BEGIN CERTIFICATE");
    expect(options.tls?.clientCa).toBeUndefined();
    const mutual = load([...argv, `--tls-client-ca=${join(tls, "ca.pem")}`], {
      WEIR_TLS_KEY: join(tls, "server-key.pem"),
    });
    expect(mutual.tls?.clientCa?.length).toBeGreaterThan(0);
  });

  it.each([
    [["--grcp", "x"], "there is no option --grcp; did you mean --grpc?", 2],
    [["-x"], "there is no option -x", 2],
    [["--grpc"], "--grpc needs a value", 2],
    [["--grpc", "--http=off"], "--grpc needs a value", 2],
    [["--grpc=x"], '--grpc: got "x", expected HOST:PORT', 2],
    [["--grpc=a:65536"], "grpc: got a:65536, expected a port between 0 and 65535", 2],
    [["extra"], 'unexpected argument "extra"', 2],
    [["--threads=0"], "--threads: got 0, expected a whole number between 1 and 256", 2],
    [["--threads=two"], '--threads: got "two", expected a whole number', 2],
    [["--durability=always"], '--durability: got "always", expected one of acknowledged,', 2],
    [
      ["--versions-kept=17"],
      "--versions-kept: got 17, expected a whole number between 0 and 16",
      2,
    ],
    [["--snapshots-kept=0"], "--snapshots-kept: got 0, expected a whole number between 1 and", 2],
    [["--admin=here"], '--admin: got "here", expected HOST:PORT, "same" or "off"', 2],
    [["--telemetry=perhaps"], '--telemetry: got "perhaps", expected on or off', 2],
    [
      ["--state-memory-mb=31", "--shards=1"],
      "state_memory_mb: got 31 for 1 shards, expected at",
      2,
    ],
    [["--config=nowhere.yaml"], "cannot read the configuration file nowhere.yaml: there is no", 1],
    [["--config=."], "cannot read the configuration file .: it is a directory", 1],
    [["--tls-cert=x"], "tls.key: got nothing, expected the path of a file", 2],
    [["--tls-cert=x", "--tls-key=y"], "cannot read the certificate (tls.cert)", 1],
    [
      [`--tls-cert=${tls}server-key.pem`, `--tls-key=${tls}server-key.pem`],
      "server-key.pem is no certificate in PEM form",
      1,
    ],
    [
      [`--tls-cert=${tls}server.pem`, `--tls-key=${tls}client-key.pem`],
      "client-key.pem does not belong to the certificate",
      1,
    ],
    [
      [
        `--tls-cert=${tls}server.pem`,
        `--tls-key=${tls}server-key.pem`,
        `--tls-client-ca=${tls}README.md`,
      ],
      "README.md is no certificate in PEM form",
      1,
    ],
  ])("%j fails", (argv, message, exitCode) => {
    const [text, status] = failure(argv);
    expect(text).toContain(message);
    expect(status).toBe(exitCode);
  });

  it("names the variable that is wrong", () => {
    expect(failure([], { WEIR_HTTP: "here" })[0]).toContain('WEIR_HTTP: got "here", expected');
  });

  it("shows what is wrong in the file", () => {
    const [text, status] = failure([config("grpc: x\nthread: 1\n")]);
    expect(text).toContain('weir.yaml:1:7: grpc: got "x"');
    expect(text).toContain(
      'weir.yaml:2:1: thread: there is no such option; did you mean "threads"',
    );
    expect(status).toBe(1);
  });
});
