import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";

/** A Weir of the demo's own, in a process of its own: what it measures is what any client would. */
export interface DemoServer {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const portsMessage = z.object({ grpcPort: z.number(), httpPort: z.number() });
const startTimeoutMs = 60_000;
const stopTimeoutMs = 5000;

/** `weir start` on free ports of the loopback interface with a temporary data directory. Rejects with what it wrote to stderr. */
export async function startDemoServer(): Promise<DemoServer> {
  const data = mkdtempSync(path.join(os.tmpdir(), "weir-demo-"));
  // Beside this file whether it runs as source or compiled.
  const main = path.resolve(import.meta.dirname, `../main${path.extname(import.meta.filename)}`);
  const child = fork(
    main,
    ["start", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", data],
    {
      env: {
        ...process.env,
        WEIR_CONFIG: "",
        WEIR_LOG_LEVEL: "warn",
        // Nothing here is worth waiting for.
        WEIR_DRAIN_TIMEOUT_MS: "300",
      },
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    },
  );
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exited;
    clearTimeout(timer);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const ports = await new Promise<unknown>((resolve, reject) => {
      setTimeout(() => reject(new Error("it took too long")), startTimeoutMs).unref();
      child.once("message", resolve);
      child.once("error", reject);
      void exited.then(() => reject(new Error("it ended")));
    });
    return { ...portsMessage.parse(ports), stop };
  } catch (error) {
    child.kill("SIGKILL");
    await stop();
    throw new Error(`Weir did not start: ${String(error)}\n${complaints}`, { cause: error });
  }
}
