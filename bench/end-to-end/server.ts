import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { EchoAnswers } from "./echo.ts";

/** A server in a process of its own. */
export interface ServerProcess {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** From fork to the message that tells the ports. */
  readonly startMs: number;
  /** Resident memory, bytes; NaN where the system does not tell. */
  residentBytes(): Promise<number>;
  /** Sends a message and waits for one back. */
  ask(message: object): Promise<unknown>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Weir as `npm start` runs it, on ports of its own, with a data directory that goes with it. WEIR_BENCH_MAIN names the src/main.ts of
 * another checkout, to compare two versions.
 */
export async function startWeir(
  options: {
    readonly telemetry?: boolean;
    /** A data directory that is there and stays; absent = one of its own. */
    readonly data?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<ServerProcess> {
  const data = options.data ?? mkdtempSync(path.join(os.tmpdir(), "weir-bench-"));
  const main =
    process.env["WEIR_BENCH_MAIN"] ?? path.resolve(import.meta.dirname, "../../src/main.ts");
  const args = ["start", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", data];
  const env = {
    WEIR_LOG_LEVEL: "warn",
    // As the echo and the peers, which write nothing; the suite of durability says what keeping costs.
    WEIR_DURABILITY: "none",
    WEIR_TELEMETRY: options.telemetry === false ? "off" : "on",
    ...options.env,
  };
  const server = await start(main, args, env);
  return {
    ...server,
    async stop() {
      await server.stop();
      if (options.data === undefined) rmSync(data, { recursive: true, force: true });
    },
  };
}

/** The echo server, answering with these. */
export async function startEcho(answers: EchoAnswers): Promise<ServerProcess> {
  const server = await start(path.join(import.meta.dirname, "echo.ts"), [], {});
  await server.ask(answers);
  return server;
}

/** A fastify server that validates the stream endpoint's JSON and answers a constant. */
export function startFastifyEcho(): Promise<ServerProcess> {
  return start(fileURLToPath(new URL("./fastify-echo.ts", import.meta.url)), [], {});
}

const portsMessage = z.object({ grpcPort: z.number(), httpPort: z.number() });
const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

async function start(
  module: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const startedAt = performance.now();
  const child = fork(module, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...env },
    execArgv: [],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  const ports = await nextMessage(child, startTimeoutMs).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`${path.basename(module)} did not start:\n${stderr}`, { cause: error });
  });
  const { grpcPort, httpPort } = portsMessage.parse(ports);
  return {
    grpcPort,
    httpPort,
    startMs: performance.now() - startedAt,
    residentBytes: () => residentBytes(child.pid ?? 0),
    ask(message) {
      const answer = nextMessage(child, startTimeoutMs);
      child.send(message);
      return answer;
    },
    stop: () => stopChild(child, "SIGTERM"),
    kill: () => stopChild(child, "SIGKILL"),
  };
}

function nextMessage(child: ChildProcess, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(new Error("no message in time")), timeoutMs);
    const onExit = (): void => finish(new Error("it exited"));
    const onMessage = (message: unknown): void => finish(undefined, message);
    function finish(error: Error | undefined, message?: unknown): void {
      clearTimeout(timer);
      child.off("exit", onExit);
      child.off("message", onMessage);
      if (error) reject(error);
      else resolve(message);
    }
    child.once("exit", onExit);
    child.once("message", onMessage);
  });
}

async function stopChild(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  child.kill(signal);
  await exited;
  clearTimeout(timer);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return match ? Number(match[1]) * 1024 : Number.NaN;
}
