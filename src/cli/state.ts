import type { GetStateResponse__Output } from "../transport/grpc/generated/weir/v1/GetStateResponse.ts";
import type { Snapshot__Output } from "../transport/grpc/generated/weir/v1/Snapshot.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { bytes, table, time, whole } from "./words.ts";

const usage: ClientUsage = {
  verb: "state",
  help: `weir state [OPTIONS]

What a running server has on disk, how far it is, and whether it still learns.

  weir state
  weir state --address scoring.internal:50051 || page-somebody

Ends with 1 where events no longer teach anything: the journal cannot be written. Scores go on meanwhile.

Options:
${connectionHelp}
`,
};

/** `weir state`: 0 = it learns, or keeps nothing by its configuration. */
export async function state(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const found = await withClient(flags.connection, (client) =>
    client.ask<GetStateResponse__Output>((service, done) => service.GetState({}, done)),
  );
  for (const line of stateText(found)) terminal.print(line);
  return found.learning === true ? 0 : 1;
}

export function stateText(found: GetStateResponse__Output): readonly string[] {
  const { snapshots = [], problem = "" } = found;
  const durability = (found.durability ?? "").replace("DURABILITY_", "").toLowerCase();
  const learning = found.learning === true ? "learning" : "NOT LEARNING: events are only scored";
  const lines = [
    ["server", learning],
    ["durability", durability],
    ["shards", whole(found.shards)],
  ];
  if (durability !== "none") {
    lines.push(
      ["journal", journalText(found)],
      ["snapshots", snapshots.length === 0 ? "none yet" : whole(snapshots.length)],
    );
  }
  return [
    ...table(lines),
    ...(problem === "" ? [] : ["", problem]),
    ...(snapshots.length === 0 ? [] : ["", ...snapshotTable(snapshots)]),
  ];
}

function journalText(found: GetStateResponse__Output): string {
  const [from, to] = [Number(found.oldestPosition ?? 0), Number(found.position ?? 0)];
  const size = bytes(found.journalBytes);
  if (from === 0 || from > to) return `nothing after position ${whole(to)}; ${size}`;
  const waiting = to - Number(found.durablePosition ?? 0);
  const onDisk = waiting > 0 ? `the last ${whole(waiting)} not on disk yet` : "all on disk";
  return `positions ${whole(from)} to ${whole(to)}, ${onDisk}; ${size}`;
}

export function snapshotTable(snapshots: readonly Snapshot__Output[]): readonly string[] {
  const rows = snapshots.map((one) => [
    whole(one.position),
    time(one.timeUnixMs),
    bytes(one.stateBytes),
    bytes(one.fileBytes),
  ]);
  return table([["position", "made", "state", "on disk"], ...rows], new Set([0, 2, 3]));
}
