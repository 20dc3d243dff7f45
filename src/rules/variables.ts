import { celMap, type CelInput, type CelMap } from "@bufbuild/cel";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Input, RuleRow } from "../domain/detector.ts";

/** Names that every rule has beside its detector's inputs; they win over an input of the same name. */
const builtIns: ReadonlyMap<string, string> = new Map([
  ["inputs", "map"],
  ["key", "string"],
  ["time", "google.protobuf.Timestamp"],
]);

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** CEL's keywords and the words that it reserves. */
const reserved = new Set(
  (
    "true false null in as break const continue else for function if import let loop package namespace return var void " +
    "while"
  ).split(" "),
);

/** What a rule can name, with CEL type names: `inputs`, `key`, `time` and every input whose name is a CEL identifier. */
export function variableTypes(inputs: readonly Input[]): ReadonlyMap<string, string> {
  const types = new Map(builtIns);
  for (const input of inputs) if (isVariable(input)) types.set(input.name, celTypeOf(input));
  return types;
}

export function celTypeOf(input: Input): string {
  return input.type === "number" ? "double" : "string";
}

/** Whether a rule can name the input without `inputs`. */
export function isVariable(input: Input): boolean {
  return identifier.test(input.name) && !reserved.has(input.name) && !builtIns.has(input.name);
}

type Value = number | string | CelMap | ReturnType<typeof timestampFromMs> | undefined;

/** 0001-01-01 and 9999-12-31, the range of google.protobuf.Timestamp, Unix ms. */
const timestampMsMin = -62_135_596_800_000;
const timestampMsMax = 253_402_300_799_999;

/** The variables of the row that is looked at: one object for all rows, whose getters read the row when a rule asks. */
export class RowVariables {
  #row: RuleRow | undefined;
  /** What the evaluator reads; undefined = missing. */
  readonly bindings: Record<string, CelInput> = { __proto__: null };

  constructor(inputs: readonly Input[]) {
    const define = (name: string, get: (row: RuleRow) => Value) => {
      const read = () => (this.#row === undefined ? undefined : get(this.#row));
      Object.defineProperty(this.bindings, name, { get: read });
    };
    define("inputs", (row) => celMap(valuesOf(row, inputs)));
    define("key", (row) => row.key);
    define("time", (row) => timeOf(row));
    for (const input of inputs) {
      if (isVariable(input)) define(input.name, (row) => valueOf(row, input));
    }
  }

  /** Undefined = no row: everything is missing. */
  look(row: RuleRow | undefined): void {
    this.#row = row;
  }
}

function valueOf(row: RuleRow, input: Input): number | string | undefined {
  if (input.type === "category") return row.category(input.column);
  const value = row.number(input.column);
  return Number.isNaN(value) ? undefined : value;
}

function valuesOf(row: RuleRow, inputs: readonly Input[]): ReadonlyMap<string, number | string> {
  const values = new Map<string, number | string>();
  for (const input of inputs) {
    const value = valueOf(row, input);
    if (value !== undefined) values.set(input.name, value);
  }
  return values;
}

function timeOf(row: RuleRow): ReturnType<typeof timestampFromMs> | undefined {
  const { timeUnixMs } = row;
  if (!(timeUnixMs >= timestampMsMin && timeUnixMs <= timestampMsMax)) return undefined;
  return timestampFromMs(Math.floor(timeUnixMs));
}
