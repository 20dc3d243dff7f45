import type { ListVersionsResponse__Output } from "../transport/grpc/generated/weir/v1/ListVersionsResponse.ts";
import type { Version__Output } from "../transport/grpc/generated/weir/v1/Version.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { table, time, whole } from "./words.ts";

const usage: ClientUsage = {
  verb: "versions",
  arguments: ["a detector's name"],
  help: `weir versions NAME [OPTIONS]

The versions of a detector: the one that answers, one that still learns beside it, and those that can be gone back to (weir rollback).

  weir versions card-payments

Options:
${connectionHelp}
`,
};

/** `weir versions NAME` */
export async function versions(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const [name = ""] = flags.given;
  const { versions: found = [] } = await withClient(flags.connection, (client) =>
    client.ask<ListVersionsResponse__Output>((service, done) =>
      service.ListVersions({ name }, done),
    ),
  );
  for (const line of versionTable(found)) terminal.print(line);
  return 0;
}

export function versionTable(found: readonly Version__Output[]): readonly string[] {
  const rows = found.map((one) => [
    whole(one.version),
    stateOf(one),
    time(one.madeUnixMs),
    positions(one),
    whole(one.events),
    one.keptState === true ? "kept" : "cold",
  ]);
  const problems = found.flatMap(({ version, problem = "" }) =>
    problem === "" ? [] : [`version ${version ?? 0} cannot be gone back to: ${problem}`],
  );
  const head = ["version", "state", "made", "answered", "events", "began"];
  return [...table([head, ...rows], new Set([0, 4])), ...problems];
}

/** In words, of one version. `replays`: what it learns from is the journal. */
export function versionLine(name: string, one: Version__Output, replays = false): string {
  const { version = 0, state } = one;
  if (state === "VERSION_STATE_LEARNING") {
    if (replays) {
      return `${name}: the journal is replayed through version ${version}, about ${toGo(one)}; the version that answers does so until then. How far it is: weir versions ${name}`;
    }
    return `${name}: version ${version} learns beside the one that answers, ${toGo(one)}; see weir versions ${name}`;
  }
  const began = one.keptState === true ? "it kept the state" : "it began cold";
  return `${name}: version ${version} answers now; ${began}: ${whole(one.events)} events learned`;
}

function stateOf(one: Version__Output): string {
  const word = (one.state ?? "").replace("VERSION_STATE_", "").toLowerCase();
  return word === "learning" ? `learning, ${toGo(one)}` : word;
}

function toGo({ eventsUntilReady }: Version__Output): string {
  const left = whole(eventsUntilReady);
  return `${left} ${left === "1" ? "event" : "events"} to go`;
}

function positions({ state, fromPosition, toPosition }: Version__Output): string {
  const [from, to] = [Number(fromPosition ?? 0), Number(toPosition ?? 0)];
  // Where nothing is journaled there are no positions.
  if (from === 0) return state === "VERSION_STATE_LEARNING" ? "not yet" : "";
  return to === 0 ? `from ${whole(from)} on` : `${whole(from)} to ${whole(to)}`;
}
