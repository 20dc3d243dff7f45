import { fork, spawnSync } from "node:child_process";
import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const ports = z.object({ grpcPort: z.number(), httpPort: z.number() });
export type Ports = z.infer<typeof ports>;

export interface CrashServerOptions {
  readonly directory: string;
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `weir start` in a process of its own, on free ports, that a test may end in any way. */
export class CrashServer {
  readonly child: ChildProcess;
  /** Where it serves; undefined = it ended before it did. */
  readonly ports: Promise<Ports | undefined>;
  readonly ended: Promise<void>;
  /** What it logged; the last MiB. */
  log = "";

  constructor({ directory, argv = [], env = {} }: CrashServerOptions) {
    const listen = ["--grpc=127.0.0.1:0", "--http=127.0.0.1:0", `--data=${directory}`];
    this.child = fork(main, ["start", ...listen, ...argv], {
      env: { ...process.env, WEIR_CONFIG: "", ...env },
      execArgv: [],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const keep = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString()).slice(-1_048_576);
    };
    this.child.stdout?.on("data", keep);
    this.child.stderr?.on("data", keep);
    this.ended = new Promise((resolve) => {
      this.child.once("close", () => resolve());
    });
    const first = new Promise<unknown>((resolve) => {
      this.child.once("message", resolve);
    });
    this.ports = Promise.race([first.then((told) => ports.parse(told)), this.ended]).then(
      (told) => told ?? undefined,
    );
  }

  /** Where it serves. Throws with what it logged when it does not. */
  async serving(): Promise<Ports> {
    const told = await this.ports;
    if (told === undefined) throw new Error(`the server did not start:\n${this.log}`);
    return told;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
  }

  /** As a crash ends it: at once. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** As an operator ends it. Throws unless it ends with status 0 within the time. */
  async stop(withinMs = 30_000): Promise<void> {
    const timer = setTimeout(() => this.signal("SIGKILL"), withinMs);
    this.signal("SIGTERM");
    await this.ended;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.child;
    if (exitCode !== 0) {
      throw new Error(`the server ended with ${String(exitCode ?? signalCode)}:\n${this.log}`);
    }
  }
}

/** `weir` with these arguments, to its end. */
export function weirCommand(argv: readonly string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, WEIR_CONFIG: "" };
  return spawnSync(process.execPath, [main, ...argv], { encoding: "utf8", env, timeout: 60_000 });
}
