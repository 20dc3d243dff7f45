import { existsSync } from "node:fs";
import { link, open, rm, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import { Screen } from "../demo/screen.ts";
import type { ExportDetectorResponse__Output } from "../transport/grpc/generated/weir/v1/ExportDetectorResponse.ts";
import { withClient, type AdminClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { bytes } from "./words.ts";

const usage: ClientUsage = {
  verb: "export",
  arguments: ["a detector's name"],
  values: ["to"],
  help: `weir export NAME --to FILE [OPTIONS]

Writes one detector of a running server, its specification and all that it has learned, into a file on this machine. Another server takes it
over with weir import. The detector goes on scoring and learning; the file holds it as of one position of the journal.

  weir export card-payments --to card-payments.weir
  weir import card-payments.weir --address other:50051

Options:
  --to FILE             must not exist; it has its name only when it is whole
${connectionHelp}
`,
};

/** `weir export NAME --to FILE` */
export async function exportDetector(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const [name = ""] = flags.given;
  const path = resolve(flags.needed("to", `${name}.weir`));
  if (existsSync(path)) throw there(path);
  const partial = `${path}.partial`;
  try {
    const written = await withClient(flags.connection, (client) => receive(client, name, partial));
    // Unlike a rename, a link takes no file's place.
    await link(partial, path);
    await unlink(partial);
    terminal.print(`${path}: ${name}, ${bytes(written)}`);
    return 0;
  } catch (thrown) {
    await rm(partial, { force: true });
    throw fileProblem(thrown, path);
  }
}

/** Resolves to the bytes of the file, which is on disk then. */
async function receive(client: AdminClient, name: string, path: string): Promise<number> {
  const screen = new Screen(process.stderr, process.env);
  const file = await open(path, "w");
  const call = client.service.ExportDetector({ name });
  let written = 0;
  try {
    const messages: AsyncIterable<ExportDetectorResponse__Output> = call;
    for await (const { chunk } of messages) {
      if (chunk === undefined) continue;
      await file.writeFile(chunk);
      written += chunk.length;
      screen.note(`${bytes(written)} received`);
    }
    await file.sync();
  } finally {
    call.cancel();
    await file.close();
    screen.endProgress();
  }
  return written;
}

function there(path: string): OptionsError {
  return new OptionsError(`${path} is there already: move it away, or choose another with --to`, 1);
}

function fileProblem(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || !("syscall" in thrown) || !("code" in thrown)) return thrown;
  if (thrown.code === "EEXIST") return there(path);
  const next = "choose another place with --to FILE";
  return new OptionsError(`cannot write ${path}: ${thrown.message}; ${next}`, 1, thrown);
}
