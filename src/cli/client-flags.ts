import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { OptionsError } from "../config/options-error.ts";
import { nearest } from "../config/problems.ts";
import type { Connection } from "./admin-client.ts";

/** What a verb takes beside --address and the TLS files. */
export interface ClientUsage {
  /** As it is typed: "shadow start". */
  readonly verb: string;
  /** What stands for each argument in the help, in their order: all are needed. */
  readonly arguments?: readonly string[];
  readonly values?: readonly string[];
  readonly switches?: readonly string[];
  readonly help: string;
}

export interface ClientFlags {
  readonly connection: Connection;
  /** One for each of `ClientUsage.arguments`. */
  readonly given: readonly string[];
  value(flag: string): string | undefined;
  /** Throws when it was not given. */
  needed(flag: string, example: string): string;
  on(flag: string): boolean;
  /** 0..1; undefined = not given. */
  share(): number | undefined;
}

const connectionFlags = ["address", "tls-ca", "tls-cert", "tls-key"];

/** Of every verb that talks to a server, for its help. */
export const connectionHelp = `  --address HOST:PORT   of the server's gRPC, or of its operations where they have their own (127.0.0.1:50051)
  --tls-ca FILE         the authority of a server that speaks TLS, PEM
  --tls-cert FILE, --tls-key FILE
                        what this client shows, where the server asks for certificates`;

/** Undefined = the help was asked for. Throws an OptionsError that names what is wrong and what is expected. */
export function parseClientFlags(
  argv: readonly string[],
  usage: ClientUsage,
): ClientFlags | undefined {
  if (argv.includes("--help") || argv.includes("-h")) return undefined;
  const values = [...connectionFlags, ...(usage.values ?? [])];
  const switches = usage.switches ?? [];
  const { given, flags, on } = read(argv, { usage, values, switches });
  const names = usage.arguments ?? [];
  if (given.length !== names.length) {
    const expected = names.length === 0 ? "no argument" : names.join(" and ");
    const got = given.length === 0 ? "none" : given.join(" ");
    throw wrong(usage, `expected ${expected}, got ${got}`);
  }
  return {
    connection: connectionOf(flags, usage),
    given,
    value: (flag) => flags.get(flag),
    needed(flag, example) {
      const value = flags.get(flag);
      if (value === undefined) throw wrong(usage, `--${flag} is missing: --${flag} ${example}`);
      return value;
    },
    on: (flag) => on.has(flag),
    share: () => shareOf(flags.get("share"), usage),
  };
}

interface Read {
  readonly given: string[];
  readonly flags: Map<string, string>;
  readonly on: Set<string>;
}

function read(
  argv: readonly string[],
  known: {
    readonly usage: ClientUsage;
    readonly values: string[];
    readonly switches: readonly string[];
  },
): Read {
  const { usage, values, switches } = known;
  const strings = values.map((name) => [name, { type: "string" as const }] as const);
  const booleans = switches.map((name) => [name, { type: "boolean" as const }] as const);
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...Object.fromEntries(strings), ...Object.fromEntries(booleans) },
    strict: false,
    tokens: true,
  });
  const found: Read = { given: [], flags: new Map(), on: new Set() };
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      found.given.push(token.value);
    } else if (switches.includes(token.name)) {
      if (token.value !== undefined) throw wrong(usage, `--${token.name} takes no value`);
      found.on.add(token.name);
    } else if (!values.includes(token.name)) {
      const near = nearest(token.rawName.replace(/^-+/, ""), [...values, ...switches]);
      const hint = near === undefined ? "" : `; did you mean --${near}?`;
      throw wrong(usage, `there is no option ${token.rawName}${hint}`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      throw wrong(usage, `--${token.name} needs a value`);
    } else if (found.flags.has(token.name)) {
      throw wrong(usage, `--${token.name} is given twice`);
    } else {
      found.flags.set(token.name, token.value);
    }
  }
  return found;
}

function connectionOf(flags: ReadonlyMap<string, string>, usage: ClientUsage): Connection {
  const address = flags.get("address") ?? "127.0.0.1:50051";
  if (!/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/.test(address)) {
    throw wrong(usage, `--address: got ${JSON.stringify(address)}, expected HOST:PORT`);
  }
  const [ca, cert, key] = [flags.get("tls-ca"), flags.get("tls-cert"), flags.get("tls-key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw wrong(usage, "--tls-cert and --tls-key go together");
  }
  if (ca === undefined) {
    if (cert !== undefined) throw wrong(usage, "--tls-ca is missing: the server's authority");
    return { address, tls: undefined };
  }
  const own =
    cert === undefined || key === undefined ? undefined : { cert: pem(cert), key: pem(key) };
  return { address, tls: { ca: pem(ca), own } };
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw OptionsError.unreadable("the PEM file", path, thrown);
  }
}

function shareOf(written: string | undefined, usage: ClientUsage): number | undefined {
  if (written === undefined) return undefined;
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(written) ?? [];
  const share = Number(digits) / (percent === "%" ? 100 : 1);
  if (share >= 0 && share <= 1) return share;
  const got = JSON.stringify(written);
  throw wrong(usage, `--share: got ${got}, expected a share of keys such as 0.1 or 10%`);
}

/** What is wrong with a command line, with where its help is. */
export function wrong({ verb }: Pick<ClientUsage, "verb">, message: string): OptionsError {
  return new OptionsError(
    `${message}\nRun "weir ${verb} --help" for an example and all options.`,
    2,
  );
}
