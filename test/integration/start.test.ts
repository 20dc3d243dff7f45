import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "weir-start-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

function isEntry(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function made(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

function file(path: string): string {
  made(dirname(path));
  writeFileSync(path, "");
  return path;
}

function link(to: string, path: string): string {
  symlinkSync(to, path);
  return path;
}

class Weir {
  readonly child: ChildProcess;
  out = "";
  error = "";

  constructor(...argv: string[]) {
    const env = { ...process.env, WEIR_GRPC: "127.0.0.1:0", WEIR_HTTP: "off" };
    const args = [main, "--threads=1", "--state-memory-mb=64", `--data=${directory}/d`, ...argv];
    this.child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.out += chunk.toString()));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.error += chunk.toString()));
  }

  /** The log line with this message. */
  async logged(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      for (const line of this.out.split("\n").slice(0, -1)) {
        const entry: unknown = JSON.parse(line);
        if (isEntry(entry) && entry["msg"] === message) return entry;
      }
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.error}`);
      await Promise.race([once(this.child.stdout!, "data"), once(this.child, "close")]);
    }
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, "close");
    return this.child.exitCode;
  }
}

describe("weir start", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "serves, and drains at %s with status 0",
    async (signal) => {
      const path = join(directory, "weir.yaml");
      writeFileSync(path, "detectors: {cards: {inputs: [{name: amount}]}}");
      const weir = new Weir(`--config=${path}`);
      const serving = await weir.logged("serving");
      expect(serving).toMatchObject({ level: "info", detectors: 1 });
      expect(serving["grpcPort"]).toBeGreaterThan(0);
      weir.child.kill(signal);
      expect(await weir.ended()).toBe(0);
      await weir.logged("stopped");
      expect(weir.error).toBe("");
    },
  );

  it("says how many shards there are, whatever was the default", async () => {
    const data = `--data=${directory}/shards`;
    const first = new Weir(data, "--shards=2");
    expect(await first.logged("serving")).toMatchObject({ shards: 2 });
    first.child.kill("SIGTERM");
    await first.ended();
    const again = new Weir(data);
    expect(await again.logged("serving")).toMatchObject({ shards: 2 });
    expect(await again.logged("starting")).not.toHaveProperty("shards");
    again.child.kill("SIGTERM");
    expect(await again.ended()).toBe(0);
  });

  it("says that durability none leaves out what was learned before", async () => {
    const data = `--data=${directory}/none`;
    const message = "what was learned is in the journal, and is not used: durability is none";
    for (const [durability, isTold] of [
      ["none", false],
      ["relaxed", false],
      ["none", true],
    ] as const) {
      const weir = new Weir(data, `--durability=${durability}`);
      await weir.logged("serving");
      expect(weir.out.includes(message), durability).toBe(isTold);
      weir.child.kill("SIGTERM");
      expect(await weir.ended()).toBe(0);
    }
  });

  it("says which detectors are declared otherwise than before", async () => {
    const path = join(directory, "declared.yaml");
    for (const [share, isTold] of [
      [0.02, false],
      [0.02, false],
      [0.05, true],
    ] as const) {
      writeFileSync(path, `detectors: {cards: {inputs: [{name: amount}], alert_share: ${share}}}`);
      const weir = new Weir(`--config=${path}`, `--data=${directory}/declared`);
      await weir.logged("serving");
      const message =
        "the configuration declares this detector anew: it goes on with what it had learned";
      const told = '"detector":"cards","differs":["threshold"],"version":2';
      expect(weir.out.includes(message)).toBe(isTold);
      expect(weir.out.includes(told)).toBe(isTold);
      weir.child.kill("SIGTERM");
      expect(await weir.ended()).toBe(0);
    }
  });

  it("stops when it is told so before it serves", async () => {
    const weir = new Weir();
    await weir.logged("starting");
    weir.child.kill("SIGTERM");
    expect(await weir.ended()).toBe(0);
  });

  it("ends at once at the second signal, with 130", async () => {
    const weir = new Weir();
    await weir.logged("serving");
    weir.child.kill("SIGINT");
    weir.child.kill("SIGTERM");
    expect(await weir.ended()).toBe(130);
  });

  it("says what to do when the address is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    for (const flag of ["--grpc", "--http"]) {
      const weir = new Weir(`${flag}=127.0.0.1:${port}`);
      expect(await weir.ended()).toBe(1);
      expect(weir.error).toBe(
        `weir: 127.0.0.1:${port} is in use, perhaps by another weir: stop it, or choose another address with ${flag} HOST:PORT (port 0 = any free one)\n`,
      );
    }
    other.close();
  });

  it.each([
    ["is a file", () => file(join(directory, "file"))],
    ["is below a file", () => join(file(join(directory, "file")), "data")],
    ["is where no directory can be made", () => "/proc/weir/data"],
    ["is where no file can be made", () => "/proc"],
    ["is a link to nothing", () => link("nothing", join(directory, "link"))],
    ["has a file for its journal", () => dirname(file(join(directory, "1", "journal")))],
    ["has a file for its snapshots", () => dirname(file(join(directory, "2", "snapshots")))],
    ["has a directory for its lock", () => dirname(made(join(directory, "3", "weir.lock")))],
  ])("says what to do when the data directory %s", { timeout: 30_000 }, async (_what, make) => {
    const data = make();
    const weir = new Weir(`--data=${data}`);
    expect(await weir.ended()).toBe(1);
    expect(weir.error).toContain(`weir: cannot use the data directory ${data}: `);
    expect(weir.error).toMatch(/, or choose another with --data DIR\n$/u);
    expect(weir.error.split("\n")).toHaveLength(3);
  });
});
