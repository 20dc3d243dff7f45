import type { CreateSnapshotResponse__Output } from "../transport/grpc/generated/weir/v1/CreateSnapshotResponse.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import { snapshotTable } from "./state.ts";
import type { Terminal } from "./terminal.ts";

const usage: ClientUsage = {
  verb: "snapshot",
  help: `weir snapshot [OPTIONS]

Makes a running server write a snapshot of everything that is journaled so far, and waits until it is on disk. Scoring goes on.
A start after it replays only what came later: do it before a restart that is to be quick.

  weir snapshot

Options:
${connectionHelp}
`,
};

/** `weir snapshot` */
export async function snapshot(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const { snapshot: made } = await withClient(flags.connection, (client) =>
    client.ask<CreateSnapshotResponse__Output>((service, done) => service.CreateSnapshot({}, done)),
  );
  for (const line of snapshotTable(made ? [made] : [])) terminal.print(line);
  return 0;
}
