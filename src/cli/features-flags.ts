import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { OptionsError } from "../config/options-error.ts";
import { nearest } from "../config/problems.ts";
import type { Kept } from "../offline/plan.ts";

const values = [
  "detector",
  "name",
  "in",
  "out",
  "key-column",
  "time-column",
  "arrival-column",
  "system-action-column",
  "event-timestamp",
  "created-column",
  "keep",
  "delimiter",
  "on-error",
] as const;
const switches = ["defaulted", "timeliness", "resume"] as const;

type ValueFlag = (typeof values)[number];
type SwitchFlag = (typeof switches)[number];

/** What `weir features` was asked for. Paths are absolute. */
export interface FeaturesFlags {
  readonly detector: string;
  readonly name: string | undefined;
  readonly in: string;
  readonly out: string;
  readonly keyColumn: string;
  readonly timeColumn: string;
  readonly arrivalColumn: string | undefined;
  readonly systemActionColumn: string | undefined;
  readonly eventTimestamp: string;
  readonly createdColumn: string;
  readonly keep: readonly Kept[];
  readonly delimiter: string;
  readonly onError: "fail" | "skip";
  readonly defaulted: boolean;
  readonly timeliness: boolean;
  readonly resume: boolean;
}

/** Throws an OptionsError that names the flag and what is expected. */
export function parseFeaturesFlags(argv: readonly string[], cwd: string): FeaturesFlags {
  const { given, on } = read(argv);
  const needed = (flag: ValueFlag, example: string): string => {
    const value = given.get(flag);
    if (value === undefined) throw wrong(`--${flag} is missing: --${flag} ${example}`);
    return value;
  };
  const input = resolve(cwd, needed("in", "events.csv"));
  const output = resolve(cwd, needed("out", "features.parquet"));
  if (input === output) throw wrong("--in and --out are the same file");
  return {
    detector: resolve(cwd, needed("detector", "detector.yaml")),
    name: given.get("name"),
    in: input,
    out: output,
    keyColumn: given.get("key-column") ?? "key",
    timeColumn: given.get("time-column") ?? "time",
    arrivalColumn: given.get("arrival-column"),
    systemActionColumn: given.get("system-action-column"),
    eventTimestamp: given.get("event-timestamp") ?? "event_timestamp",
    createdColumn: given.get("created-column") ?? "created",
    keep: keptOf(given.get("keep")),
    delimiter: delimiterOf(given.get("delimiter"), input),
    onError: onErrorOf(given.get("on-error")),
    defaulted: on.has("defaulted"),
    timeliness: on.has("timeliness"),
    resume: on.has("resume"),
  };
}

interface Read {
  readonly given: ReadonlyMap<ValueFlag, string>;
  readonly on: ReadonlySet<SwitchFlag>;
}

function read(argv: readonly string[]): Read {
  const strings = values.map((name) => [name, { type: "string" as const }] as const);
  const booleans = switches.map((name) => [name, { type: "boolean" as const }] as const);
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...Object.fromEntries(strings), ...Object.fromEntries(booleans) },
    strict: false,
    tokens: true,
  });
  const given = new Map<ValueFlag, string>();
  const on = new Set<SwitchFlag>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw wrong(`unexpected argument ${JSON.stringify(token.value)}`);
    }
    const named = switches.find((name) => name === token.name);
    if (named !== undefined) {
      if (token.value !== undefined) throw wrong(`--${named} takes no value`);
      on.add(named);
      continue;
    }
    const flag = values.find((name) => name === token.name);
    if (flag === undefined) throw unknown(token.rawName);
    if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      throw wrong(`--${flag} needs a value`);
    }
    if (given.has(flag)) throw wrong(`--${flag} is given twice`);
    given.set(flag, token.value);
  }
  return { given, on };
}

/** "amount,label:number": names, each with the type that it is to have or without. */
function keptOf(written: string | undefined): readonly Kept[] {
  if (written === undefined) return [];
  return written.split(",").map((part) => {
    const [, name = "", type] = /^(.*?)(?::(number|text|time))?$/.exec(part.trim()) ?? [];
    if (name === "") throw wrong("--keep: expected names of columns as amount,label:number");
    if (type === "number" || type === "text" || type === "time") return { name, type };
    return { name, type: undefined };
  });
}

function delimiterOf(written: string | undefined, input: string): string {
  if (written === undefined) return input.toLowerCase().endsWith(".tsv") ? "\t" : ",";
  const delimiter = written === "\\t" ? "\t" : written;
  if (/^[\t\u0020-\u007e]$/.test(delimiter) && delimiter !== '"') return delimiter;
  throw wrong(`--delimiter: got ${JSON.stringify(written)}, expected one ASCII character`);
}

function onErrorOf(written: string | undefined): "fail" | "skip" {
  if (written === undefined || written === "fail") return "fail";
  if (written === "skip") return "skip";
  throw wrong(`--on-error: got ${JSON.stringify(written)}, expected fail or skip`);
}

function unknown(written: string): OptionsError {
  const near = nearest(written.replace(/^-+/, ""), [...values, ...switches]);
  return wrong(
    `there is no option ${written}${near === undefined ? "" : `; did you mean --${near}?`}`,
  );
}

function wrong(message: string): OptionsError {
  return new OptionsError(
    `${message}\nRun "weir features --help" for an example and all options.`,
    2,
  );
}

export const featuresHelp = `weir features --detector FILE --in EVENTS --out FEATURES [OPTIONS]

Computes the features of every event in a file with the kernel that serves them: the numbers are those that a server computes for the
same events in the same order, bit for bit, and each row sees only what had arrived before it. No server is needed.

  weir features --detector detector.yaml --in events.csv --out features.parquet --key-column card --keep amount,is_fraud:number

What goes in (.csv, .tsv, .ndjson, .jsonl, .parquet), one event a row, in the order of arrival:
  key               --key-column NAME ("key"); a text or a whole number
  time of the event --time-column NAME ("time"); Unix milliseconds or ISO 8601 (UTC where it names no offset)
  inputs            columns named as the inputs of the detector; empty or null = missing, with the detector's own rules for that
A .csv has a header and may be quoted (RFC 4180).

What comes out (.parquet, .csv, .tsv, .ndjson, .jsonl), one row an event, in the same order:
  the key, event_timestamp, created (the arrival), the features in the order of the detector, then what --keep names

Options:
  --detector FILE               a detector's specification, or a configuration file with \`detectors:\`
  --name NAME                   which of the detectors of such a file
  --in FILE, --out FILE         the format is told by the end of the name
  --key-column NAME             (key)
  --time-column NAME            (time)
  --arrival-column NAME         when each row arrived; rows must be in this order. Without it a row arrives at the newest event time so
                                far. Arrival decides which events are of the future, when idle keys expire, and what \`created\` is
  --system-action-column NAME   rows that name an action are learned only where the detector learns system actions
  --keep NAMES                  columns to copy: NAME,NAME:number,NAME:text,NAME:time
  --event-timestamp NAME        of the output (event_timestamp)
  --created-column NAME         of the output (created): Feast's created timestamp
  --defaulted                   adds the column \`defaulted\`: inputs and features that took their default, with ; between
  --timeliness                  adds the column \`timeliness\`: on_time, late, future, late_refused, future_refused
  --delimiter C                 of .csv (,), \\t = tab
  --on-error fail|skip          what becomes of a row that cannot be taken: end, naming it (fail), or leave it out and count it
  --resume                      go on where a run was interrupted (its state is beside the output: FILE.partial, FILE.checkpoint)

A row that the detector's event_time policy refuses has no features (empty, null). The output has its name only when it is whole.
examples/feast/ loads it into Feast.
`;
