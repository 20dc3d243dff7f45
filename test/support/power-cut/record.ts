import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { compileRecorder, readOperations, recordedEnvironment } from "./log.ts";
import type { Operation } from "./log.ts";

/** A folder with a recorder, a directory that it watches, and room for what a test makes of them. */
export class Recorder {
  readonly folder: string;
  /** Recorded. */
  readonly directory: string;
  /** While this file exists, writes and syncs below the directory fail. */
  readonly fault: string;
  readonly #log: string;
  readonly #library: string;
  #copies = 0;

  constructor() {
    this.folder = mkdtempSync(path.join(os.tmpdir(), "weir-power-cut-"));
    this.directory = path.join(this.folder, "data");
    this.fault = path.join(this.folder, "fault");
    this.#log = path.join(this.folder, "log");
    this.#library = compileRecorder(this.folder);
    mkdirSync(this.directory);
  }

  get environment(): Record<string, string> {
    return recordedEnvironment(this.#library, {
      directory: this.directory,
      log: this.#log,
      fault: this.fault,
    });
  }

  /** Runs a script under the recorder, with the watched directory as its first argument; returns what it wrote to stdout. */
  async run(script: string, ...argv: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [script, this.directory, ...argv], {
      env: { ...process.env, ...this.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    await once(child, "close");
    if (child.exitCode !== 0)
      throw new Error(`${script}: ${String(child.exitCode)}\n${complaints}`);
    return out;
  }

  operations(): Operation[] {
    return readOperations(this.#log);
  }

  /** Path for a directory that is not there yet. */
  another(): string {
    return path.join(this.folder, `disk-${this.#copies++}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
