import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { isRecord } from "../end-to-end/channel.ts";
import { inputs, type Rows } from "../end-to-end/workload.ts";

/** Python's peers as a process that answers commands. */
export interface Peers {
  readonly versions: Readonly<Record<string, string>>;
  run(
    peer: "river" | "bytewax",
  ): Promise<{ readonly eventsPerS: number; readonly checksum: string }>;
  stop(): void;
}

/** WEIR_PYTHON, else python3, when it can import `module`; undefined otherwise. */
export function findPython(module: string): string | undefined {
  const python = process.env["WEIR_PYTHON"] ?? "python3";
  const probe = spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" });
  return probe.status === 0 ? python : undefined;
}

/** Starts peers.py over these rows. Rejects when it does not answer. */
export async function startPeers(python: string, rows: Rows): Promise<Peers> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-peers-"));
  const file = path.join(folder, "rows.f64");
  writeFileSync(file, rows.values);
  const script = path.join(import.meta.dirname, "peers.py");
  const child = spawn(python, [script, file, String(inputs)], { stdio: "pipe" });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const versions = await ask(child.stdin, lines, "versions");
  return {
    versions: Object.fromEntries(Object.entries(versions).map(([k, v]) => [k, String(v)])),
    async run(peer) {
      const answer = await ask(child.stdin, lines, peer);
      return { eventsPerS: Number(answer["events_per_s"]), checksum: String(answer["checksum"]) };
    },
    stop() {
      child.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a peer process one command and reads its answer. Rejects with what went wrong there. */
export async function ask(
  stdin: Writable,
  lines: AsyncIterator<string>,
  command: string,
): Promise<Record<string, unknown>> {
  stdin.write(`${command}\n`);
  const line = await lines.next();
  const answer: unknown = line.done ? undefined : JSON.parse(line.value);
  if (!isRecord(answer)) throw new Error(`the peer did not answer ${command}`);
  if (typeof answer["error"] === "string") throw new Error(`peer ${command}: ${answer["error"]}`);
  return answer;
}
