import type { RollbackDetectorResponse__Output } from "../transport/grpc/generated/weir/v1/RollbackDetectorResponse.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, wrong, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { versionLine } from "./versions.ts";

const usage: ClientUsage = {
  verb: "rollback",
  arguments: ["a detector's name"],
  values: ["to-version"],
  switches: ["replay"],
  help: `weir rollback NAME [--to-version N] [--replay] [OPTIONS]

Takes a detector back to a version that is kept: its specification, and the state that it had. It answers from the next event on.

  weir rollback card-payments                        # to the version before
  weir rollback card-payments --to-version 2         # see weir versions card-payments
  weir rollback card-payments --replay               # with what it would have learned since then

Options:
  --to-version N        (the one before)
  --replay              replay the journal since then through it; the version that answers now does so until that is done
${connectionHelp}
`,
};

/** `weir rollback NAME` */
export async function rollback(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const [name = ""] = flags.given;
  const written = flags.value("to-version") ?? "0";
  const version = /^\d{1,9}$/.test(written) ? Number(written) : Number.NaN;
  if (Number.isNaN(version)) {
    throw wrong(
      usage,
      `--to-version: got ${JSON.stringify(written)}, expected a number: 1, 2, ...`,
    );
  }
  const asked = { name, version, replay: flags.on("replay") };
  const { version: now } = await withClient(flags.connection, (client) =>
    client.ask<RollbackDetectorResponse__Output>((service, done) =>
      service.RollbackDetector(asked, done),
    ),
  );
  if (now) terminal.print(versionLine(name, now, asked.replay));
  return 0;
}
