import { OptionsError } from "../config/options-error.ts";
import { didYouMean } from "../config/problems.ts";
import type { Detector } from "../domain/detector.ts";
import type { OutputColumn } from "./output.ts";
import type { ColumnType, Reader } from "./rows.ts";

export type KeptType = "number" | "text" | "time";

/** A column of the input that is copied. */
export interface Kept {
  readonly name: string;
  /** Undefined = as the file has it, or as the detector declares it, or a text. */
  readonly type: KeptType | undefined;
}

/** Which columns are read and written. */
export interface ColumnOptions {
  readonly key: string;
  readonly time: string;
  /** Undefined = rows arrive at the time of the newest event so far. */
  readonly arrival: string | undefined;
  /** Undefined = no row is one under a known intervention. */
  readonly systemAction: string | undefined;
  /** Of the output. */
  readonly eventTimestamp: string;
  readonly created: string;
  readonly keep: readonly Kept[];
  /** Whether columns say what took its default, and which rows came late. */
  readonly defaulted: boolean;
  readonly timeliness: boolean;
}

/** Of the reader's columns: where each thing is; -1 = the file does not have it. */
export interface Plan {
  readonly key: number;
  readonly time: number;
  readonly arrival: number;
  readonly systemAction: number;
  /** By position among the detector's inputs. */
  readonly inputs: readonly number[];
  readonly keep: readonly { readonly column: number; readonly type: KeptType }[];
  readonly output: readonly OutputColumn[];
}

/** Names that a reader is asked for, each once. */
export function columnsToRead(options: ColumnOptions, detector: Detector): readonly string[] {
  const { key, time, arrival, systemAction, keep } = options;
  const named = [key, time, arrival, systemAction].filter((name) => name !== undefined);
  const inputs = detector.config.inputs.map(({ name }) => name);
  return [...new Set([...named, ...inputs, ...keep.map(({ name }) => name)])];
}

/** Throws an OptionsError when the file lacks a column, or two columns of the output would have one name. */
export function planColumns(options: ColumnOptions, detector: Detector, reader: Reader): Plan {
  const names = columnsToRead(options, detector);
  const at = (name: string | undefined): number => {
    const column = name === undefined ? -1 : names.indexOf(name);
    return column >= 0 && reader.types[column] !== undefined ? column : -1;
  };
  const needed = (name: string, why: string): number => {
    const column = at(name);
    if (column < 0) throw lacking(name, why, reader);
    return column;
  };
  const { inputs } = detector.config;
  const sources = new Set(detector.program?.sources);
  const keep = options.keep.map(({ name, type }) => {
    const column = needed(name, "of --keep; types are :number, :text and :time");
    const isNumber = inputs.some((input) => input.name === name && input.type === "number");
    return { column, type: type ?? typeOf(reader.types[column], isNumber) };
  });
  const plan = {
    key: needed(options.key, "the key; name it with --key-column"),
    time: needed(options.time, "the event's time; name it with --time-column"),
    arrival: options.arrival === undefined ? -1 : needed(options.arrival, "of --arrival-column"),
    systemAction:
      options.systemAction === undefined
        ? -1
        : needed(options.systemAction, "of --system-action-column"),
    inputs: inputs.map((input) => {
      const isNeeded = input.missing === "refuse" && sources.has(input);
      return isNeeded ? needed(input.name, "an input that the detector requires") : at(input.name);
    }),
    keep,
    output: outputOf(options, detector, keep),
  };
  refuseTwice(plan.output);
  return plan;
}

/** Inputs that features or the model read and the file does not have, in words; undefined = it has all. */
export function absentInputs(
  plan: Plan,
  { config, program }: Detector,
  { names = [] }: Reader,
): string | undefined {
  const absent = config.inputs.filter(
    (input, i) => plan.inputs[i] === -1 && program?.sources.includes(input) === true,
  );
  if (absent.length === 0) return undefined;
  const listed = absent.map(({ name }) => JSON.stringify(name)).join(", ");
  return `the input has no column ${listed}: missing in every row${shownNames(names)}`;
}

function shownNames(names: readonly string[]): string {
  if (names.length === 0) return "";
  return `; it has ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", ..." : ""}`;
}

function outputOf(
  options: ColumnOptions,
  { config }: Detector,
  keep: Plan["keep"],
): readonly OutputColumn[] {
  const { late, future } = config.eventTime;
  const nullable = late === "refuse" || (future === "refuse" && options.arrival !== undefined);
  return [
    text(options.key),
    { name: options.eventTimestamp, type: "time", nullable: false },
    { name: options.created, type: "time", nullable: false },
    ...config.features.map(({ name }): OutputColumn => ({ name, type: "number", nullable })),
    ...options.keep.map(({ name }, i): OutputColumn => ({
      name,
      type: keep[i]?.type ?? "text",
      nullable: true,
    })),
    ...(options.defaulted ? [text("defaulted")] : []),
    ...(options.timeliness ? [text("timeliness")] : []),
  ];
}

const text = (name: string): OutputColumn => ({ name, type: "text", nullable: false });

function typeOf(type: ColumnType | undefined, isNumber: boolean): KeptType {
  if (type === undefined || type === "unknown") return isNumber ? "number" : "text";
  return type;
}

function lacking(name: string, why: string, { names = [] }: Reader): OptionsError {
  const hint = didYouMean(name, names);
  return new OptionsError(
    `the input has no column ${JSON.stringify(name)} (${why})${hint === "" ? shownNames(names) : hint}`,
    2,
  );
}

function refuseTwice(columns: readonly OutputColumn[]): void {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new OptionsError(
    `the output would have two columns ${JSON.stringify(twice)}: leave it out of --keep, or rename with --key-column, --event-timestamp or --created-column`,
    2,
  );
}
