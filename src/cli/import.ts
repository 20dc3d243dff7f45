import { createReadStream, statSync } from "node:fs";
import { resolve } from "node:path";
import { limits } from "../config/limits.ts";
import { OptionsError } from "../config/options-error.ts";
import { Screen } from "../demo/screen.ts";
import type { ImportDetectorResponse__Output } from "../transport/grpc/generated/weir/v1/ImportDetectorResponse.ts";
import { withClient, type AdminClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { bytes, whole } from "./words.ts";

const usage: ClientUsage = {
  verb: "import",
  arguments: ["a file"],
  values: ["name"],
  help: `weir import FILE [--name NAME] [OPTIONS]

Gives a running server a detector that weir export wrote: its specification and all that it had learned. Whole or not at all. Both servers
have the same number of shards (weir state).

  weir import card-payments.weir
  weir import card-payments.weir --name card-payments-copy --address other:50051

Options:
  --name NAME           of the detector on this server (as it was called)
${connectionHelp}
`,
};

/** `weir import FILE` */
export async function importDetector(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const path = resolve(flags.given[0] ?? "");
  const size = sizeOf(path);
  const name = flags.value("name") ?? "";
  const { detector } = await withClient(flags.connection, (client) =>
    send(client, { path, size, name }),
  );
  const { events, keys } = detector?.status ?? {};
  const made = detector?.name ?? name;
  terminal.print(`${made} is there: ${whole(keys)} keys, ${whole(events)} events learned`);
  return 0;
}

interface Sent {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
}

async function send(client: AdminClient, sent: Sent): Promise<ImportDetectorResponse__Output> {
  const screen = new Screen(process.stderr, process.env);
  const outcome = Promise.withResolvers<ImportDetectorResponse__Output>();
  let over = false;
  const call = client.service.ImportDetector((error, value) => {
    over = true;
    if (error !== null) outcome.reject(error);
    else if (value !== undefined) outcome.resolve(value);
  });
  // The outcome tells it.
  call.on("error", () => undefined);
  const write = (message: { name?: string; chunk?: Buffer }): Promise<void> =>
    new Promise((resolveWrite) => {
      call.write(message, () => resolveWrite());
    });
  const ended = outcome.promise.then(
    () => undefined,
    () => undefined,
  );
  try {
    await Promise.race([write({ name: sent.name }), ended]);
    let done = 0;
    const file: AsyncIterable<Buffer> = createReadStream(sent.path, {
      highWaterMark: limits.exportChunkBytesMax,
    });
    for await (const chunk of file) {
      if (over) break;
      await Promise.race([write({ chunk }), ended]);
      done += chunk.length;
      screen.progress(done / sent.size, `${bytes(done)} of ${bytes(sent.size)} sent`);
    }
    call.end();
    return await outcome.promise;
  } finally {
    screen.endProgress();
    call.cancel();
  }
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path);
    if (found.isFile()) return found.size;
  } catch (thrown) {
    throw OptionsError.unreadable("the exported detector", path, thrown);
  }
  throw new OptionsError(`cannot read the exported detector ${path}: it is no file`, 1);
}
