import { resolve } from "node:path";
import type { BackUpResponse__Output } from "../transport/grpc/generated/weir/v1/BackUpResponse.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import { snapshotTable } from "./state.ts";
import type { Terminal } from "./terminal.ts";
import { whole } from "./words.ts";

const usage: ClientUsage = {
  verb: "backup",
  arguments: ["a directory"],
  switches: ["journal"],
  help: `weir backup DIR [--journal] [OPTIONS]

Makes a running server write its whole state into a directory on the server's machine, while it goes on scoring: a snapshot, the versions
that can be gone back to, and fitted models. The journal is not in it: what was before can be replayed and explained only where it is. DIR
must not exist, or be empty; a relative path is relative to where this command runs, so for a server on another machine give it in full.

  weir backup /backups/weir-2026-11-21
  weir verify /backups/weir-2026-11-21                      # is it sound?
  weir restore /backups/weir-2026-11-21 --data /var/lib/weir    # on a new machine, then: weir start --data /var/lib/weir

Options:
  --journal             with the journal and all snapshots, as long as they are: past verdicts can be explained and replayed there, too
${connectionHelp}
`,
};

/** `weir backup DIR` */
export async function backup(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const directory = resolve(flags.given[0] ?? "");
  const journal = flags.on("journal");
  const { snapshot } = await withClient(flags.connection, (client) =>
    client.ask<BackUpResponse__Output>((service, done) =>
      service.BackUp({ directory, journal }, done),
    ),
  );
  const past = journal ? ", and the journal" : "";
  terminal.print(
    `${directory} holds everything up to position ${whole(snapshot?.position)}${past}`,
  );
  for (const line of snapshotTable(snapshot ? [snapshot] : [])) terminal.print(line);
  return 0;
}
