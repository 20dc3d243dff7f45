import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import { lockDirectory } from "../control/directory-lock.ts";
import { makeDirectory } from "../domain/make-directory.ts";
import { Screen } from "../demo/screen.ts";
import { copyState, readBackup } from "../state/restore-backup.ts";
import { parseClientFlags, wrong, type ClientUsage } from "./client-flags.ts";
import { dataFailure } from "./start-failure.ts";
import type { Terminal } from "./terminal.ts";
import { bytes, time, whole } from "./words.ts";

const LOCK = "weir.lock";

const usage: ClientUsage = {
  verb: "restore",
  arguments: ["a backup"],
  values: ["data"],
  help: `weir restore BACKUP --data DIR

Makes a data directory of a backup (weir backup), of another data directory whose server is stopped, or of one snapshot in it. Everything is
read and checked before anything is copied, and copied before anything has its name. No server is needed, and none may run in DIR.

  weir restore /backups/weir-2026-11-21 --data /var/lib/weir
  weir restore .weir/snapshots/00000000000000012345 --data /tmp/then    # as it was then
  weir start --data /var/lib/weir

Options:
  --data DIR            must not exist, or be empty
`,
};

/** `weir restore BACKUP --data DIR`: offline. */
export async function restore(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const from = resolve(flags.given[0] ?? "");
  const data = resolve(flags.needed("data", "/var/lib/weir"));
  if (!existsSync(from)) {
    throw new OptionsError(`there is no ${from}: give a directory that weir backup wrote`, 1);
  }
  if (data === from || data.startsWith(`${from}/`)) {
    throw wrong(usage, "--data: expected a directory outside of the backup");
  }
  const unlockSource = existsSync(join(from, "snapshots")) ? await lockSource(from) : undefined;
  try {
    return await into(data, from, terminal);
  } finally {
    await unlockSource?.();
  }
}

/** Of a server that runs the journal goes on while it is copied. Where nothing can be written, none does. */
async function lockSource(from: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockDirectory(from);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code === "EROFS" || code === "EACCES") return undefined;
    throw thrown;
  }
}

async function into(data: string, from: string, terminal: Terminal): Promise<number> {
  await makeDirectory(data).catch((thrown: unknown) => {
    throw dataFailure(thrown, data);
  });
  const unlock = await lockDirectory(data);
  const screen = new Screen(process.stderr, process.env);
  try {
    const there = (await readdir(data)).filter((name) => name !== LOCK);
    if (there.length > 0) {
      const [first = ""] = there;
      const next = "choose an empty one with --data DIR, or move what is in it away";
      throw new OptionsError(`${data} is not empty, it has ${first}: ${next}`, 1);
    }
    screen.note(`reading ${from}`);
    const backup = readBackup(from, (what) =>
      terminal.error(`weir: ${what}; the one before is used`),
    );
    screen.note(`copying ${bytes(backup.bytes)}`);
    await copyState(backup, data);
    screen.endProgress();
    const { position, manifest } = backup.snapshot;
    const behind =
      backup.last > position ? `, and the journal up to position ${whole(backup.last)}` : "";
    terminal.print(
      `${data}: the snapshot at position ${whole(position)} of ${time(manifest.timeUnixMs)}${behind}; ${bytes(backup.bytes)}`,
    );
    terminal.print(`Start it: weir start --data ${data}`);
    return 0;
  } finally {
    screen.endProgress();
    await unlock();
  }
}
