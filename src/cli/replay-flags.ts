import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { OptionsError } from "../config/options-error.ts";
import { nearest } from "../config/problems.ts";

/** A place in the journal: a position, or a time as Unix ms. */
export type Place = { readonly position: number } | { readonly unixMs: number };

/** What `weir replay` was asked for. Paths are as they were given. */
export interface ReplayFlags {
  readonly data: string;
  readonly detector: string;
  /** Undefined = the first entry, the last one. */
  readonly from: Place | undefined;
  readonly to: Place | undefined;
  readonly spec: string | undefined;
  readonly name: string | undefined;
  readonly cold: boolean;
  readonly out: string | undefined;
  readonly report: string | undefined;
  /** Infinity = all. */
  readonly rowsMax: number;
}

/** What `weir explain` was asked for. */
export interface ExplainFlags {
  readonly data: string;
  readonly query:
    | { readonly detector: string; readonly id: string; readonly key: string | undefined }
    | { readonly position: number; readonly row: number };
  readonly json: boolean;
}

const defaultData = "./.weir";

/** Throws an OptionsError that names the flag and what is expected. */
export function parseReplayFlags(argv: readonly string[]): ReplayFlags {
  const values = ["data", "detector", "from", "to", "spec", "name", "out", "report", "rows-max"];
  const flags = new Flags("replay", argv, values, ["cold"]);
  const [out, report] = [flags.value("out"), flags.value("report")];
  if (out !== undefined && report !== undefined && resolve(out) === resolve(report))
    throw flags.wrong("--out and --report are the same file");
  if (report !== undefined && !/\.html?$/i.test(report)) {
    throw flags.wrong(
      `--report: got ${JSON.stringify(report)}, expected a name that ends in .html`,
    );
  }
  const spec = flags.value("spec");
  if (spec === undefined && flags.value("name") !== undefined) {
    throw flags.wrong("--name chooses one of the detectors of --spec FILE, which is missing");
  }
  return {
    data: flags.value("data") ?? defaultData,
    detector: flags.needed("detector", "payments"),
    from: flags.place("from"),
    to: flags.place("to"),
    spec,
    name: flags.value("name"),
    cold: flags.isOn("cold"),
    out,
    report,
    rowsMax: flags.count("rows-max"),
  };
}

/** Throws an OptionsError that names the flag and what is expected. */
export function parseExplainFlags(argv: readonly string[]): ExplainFlags {
  const flags = new Flags("explain", argv, ["data", "detector", "id", "key", "at"], ["json"]);
  const data = flags.value("data") ?? defaultData;
  const json = flags.isOn("json");
  const at = flags.value("at");
  if (at === undefined) {
    const id = flags.needed("id", "tx-4711 (or --at POSITION:ROW for an event without an id)");
    const detector = flags.needed("detector", "payments");
    return { data, json, query: { detector, id, key: flags.value("key") } };
  }
  const beside = ["id", "key", "detector"].find((name) => flags.value(name) !== undefined);
  if (beside !== undefined) throw flags.wrong(`--at names one row; leave out --${beside}`);
  const [, position, row] = /^@?(\d{1,15}):(\d{1,5})$/.exec(at) ?? [];
  if (position === undefined || row === undefined) {
    throw flags.wrong(`--at: got ${JSON.stringify(at)}, expected POSITION:ROW, as 12345:0`);
  }
  return { data, json, query: { position: Number(position), row: Number(row) } };
}

class Flags {
  private readonly given = new Map<string, string>();
  private readonly on = new Set<string>();
  private readonly verb: string;

  // oxlint-disable-next-line max-params -- what there is, and what is written
  constructor(
    verb: string,
    argv: readonly string[],
    values: readonly string[],
    switches: readonly string[],
  ) {
    this.verb = verb;
    const strings = values.map((name) => [name, { type: "string" as const }] as const);
    const booleans = switches.map((name) => [name, { type: "boolean" as const }] as const);
    const { tokens } = parseArgs({
      args: [...argv],
      options: { ...Object.fromEntries(strings), ...Object.fromEntries(booleans) },
      strict: false,
      tokens: true,
    });
    for (const token of tokens) {
      if (token.kind === "option-terminator") continue;
      if (token.kind === "positional") {
        throw this.wrong(`unexpected argument ${JSON.stringify(token.value)}`);
      }
      const { name, value } = token;
      if (switches.includes(name)) {
        if (value !== undefined) throw this.wrong(`--${name} takes no value`);
        this.on.add(name);
        continue;
      }
      if (!values.includes(name)) throw this.unknown(token.rawName, [...values, ...switches]);
      if (value === undefined || (!token.inlineValue && value.startsWith("--"))) {
        throw this.wrong(`--${name} needs a value`);
      }
      if (this.given.has(name)) throw this.wrong(`--${name} is given twice`);
      this.given.set(name, value);
    }
  }

  value(flag: string): string | undefined {
    return this.given.get(flag);
  }

  isOn(flag: string): boolean {
    return this.on.has(flag);
  }

  needed(flag: string, example: string): string {
    const value = this.given.get(flag);
    if (value === undefined) throw this.wrong(`--${flag} is missing: --${flag} ${example}`);
    return value;
  }

  /** Infinity = not given. */
  count(flag: string): number {
    const value = this.given.get(flag);
    if (value === undefined) return Number.POSITIVE_INFINITY;
    if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
    throw this.wrong(`--${flag}: got ${JSON.stringify(value)}, expected a whole number from 1`);
  }

  place(flag: string): Place | undefined {
    const value = this.given.get(flag);
    if (value === undefined) return undefined;
    if (/^@\d{1,15}$/.test(value)) return { position: Number(value.slice(1)) };
    if (/^\d{10,16}$/.test(value)) return { unixMs: Number(value) };
    const unixMs = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(inUtc(value)) : Number.NaN;
    if (!Number.isNaN(unixMs)) return { unixMs };
    throw this.wrong(
      `--${flag}: got ${JSON.stringify(value)}, expected a time (2026-03-01T12:00:00Z, or Unix milliseconds) or a position (@12345)`,
    );
  }

  wrong(message: string): OptionsError {
    return new OptionsError(
      `${message}\nRun "weir ${this.verb} --help" for examples and all options.`,
      2,
    );
  }

  private unknown(written: string, names: readonly string[]): OptionsError {
    const near = nearest(written.replace(/^-+/, ""), names);
    const hint = near === undefined ? "" : `; did you mean --${near}?`;
    return this.wrong(`there is no option ${written}${hint}`);
  }
}

/** A time without an offset is one in UTC, not one of this machine. */
function inUtc(time: string): string {
  return /T\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(time) ? `${time}Z` : time;
}
