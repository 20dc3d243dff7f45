import { isObject, parseJson } from "../json.ts";
import { WeirError } from "../../../domain/errors.ts";
import { BodyError, notAnObject, type BodyProblem } from "./errors.ts";

/** More of the same is not told. */
const problemsMax = 32;

export type Row = Readonly<Record<string, unknown>>;
type Loc = readonly (string | number)[];
type Problem = Omit<BodyProblem, "loc" | "input">;

/** Bounds of a number; absent = none. */
interface Bounds {
  readonly above?: number;
  readonly min?: number;
  readonly max?: number;
}

/** Either kind of training data that the batch endpoints take. */
export type Rows =
  | { readonly kind: "lists"; readonly lists: readonly (readonly number[])[] }
  | { readonly kind: "objects"; readonly objects: readonly Row[] };

/** A body as a JSON object. Throws BodyError (422) for anything else. `NaN` and `Infinity` are no JSON. */
export function bodyObject(body: unknown): Row {
  if (body === undefined || body === null || (Buffer.isBuffer(body) && body.length === 0)) {
    throw new BodyError([{ type: "missing", loc: [], msg: "Field required", input: null }]);
  }
  const value = parsed(body);
  if (!isObject(value)) throw notAnObject(value);
  return value;
}

function parsed(body: unknown): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    const why = error instanceof WeirError ? error.message : "it could not be read";
    const at = Number(/position (\d+)/.exec(why)?.[1] ?? 0);
    const ctx = { error: `${why} (JSON has no NaN and no Infinity; null = missing)` };
    throw new BodyError([
      { type: "json_invalid", loc: [at], msg: "JSON decode error", input: {}, ctx },
    ]);
  }
}

/**
 * Reads the fields of a body as pydantic does in its lax mode ("20" and 20.0 are the integer 20, unknown fields are ignored, null
 * is an error but where a method says otherwise) and collects what is wrong. A field that is wrong reads as its initial value; the
 * values count only after `check`.
 */
export class BodyReader {
  readonly problems: BodyProblem[] = [];
  private readonly body: Row;
  private readonly where: "body" | "query";

  constructor(body: Row, where: "body" | "query" = "body") {
    this.body = body;
    this.where = where;
  }

  /** Throws BodyError with everything that was wrong so far. */
  check(): void {
    if (this.problems.length > 0) throw new BodyError(this.problems, this.where);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.body, name);
  }

  /** As it is; undefined = not there. */
  raw(name: string): unknown {
    return this.has(name) ? this.body[name] : undefined;
  }

  add(loc: Loc, input: unknown, problem: Problem): void {
    if (this.problems.length < problemsMax) this.problems.push({ ...problem, loc, input });
  }

  /** Without `initial` it is required. */
  text(name: string, initial?: string): string {
    const value = this.given(name, initial === undefined);
    if (value === undefined) return initial ?? "";
    if (typeof value === "string") return value;
    this.add([name], value, stringType);
    return "";
  }

  optionalText(name: string): string | null {
    return (this.raw(name) ?? null) === null ? null : this.text(name);
  }

  integer(name: string, options: Bounds & { readonly initial: number }): number {
    const value = this.given(name, false);
    return value === undefined ? options.initial : this.integerAt([name], value, options);
  }

  optionalInteger(name: string, bounds: Bounds = {}): number | null {
    const value = this.raw(name) ?? null;
    return value === null ? null : this.integerAt([name], value, bounds);
  }

  number(name: string, options: Bounds & { readonly initial: number }): number {
    const value = this.given(name, false);
    return value === undefined ? options.initial : this.numberAt([name], value, options);
  }

  optionalNumber(name: string, bounds: Bounds = {}): number | null {
    const value = this.raw(name) ?? null;
    return value === null ? null : this.numberAt([name], value, bounds);
  }

  flag(name: string, initial: boolean): boolean {
    const value = this.given(name, false);
    if (value === undefined) return initial;
    const read = typeof value === "string" ? flags.get(value.toLowerCase()) : numericFlag(value);
    if (read !== undefined) return read;
    this.add([name], value, isPrimitive(value) ? boolParsing : boolType);
    return initial;
  }

  choice<T extends string>(name: string, choices: readonly T[], initial: T): T {
    const value = this.given(name, false);
    if (value === undefined) return initial;
    return this.choiceAt([name], value, choices) ?? initial;
  }

  /** A list or null. */
  choices<T extends string>(name: string, choices: readonly T[]): readonly T[] | null {
    return this.optionalList(name, (value, loc) => this.choiceAt(loc, value, choices));
  }

  /** A list or null. */
  integers(name: string, bounds: Bounds = {}): readonly number[] | null {
    return this.optionalList(name, (value, loc) => this.integerAt(loc, value, bounds));
  }

  /** An object or null. */
  optionalObject(name: string): Row | null {
    const value = this.raw(name) ?? null;
    if (value === null) return null;
    if (isObject(value)) return value;
    this.add([name], value, dictType);
    return null;
  }

  /** Required: an object, or a list of objects. A lone object is a list of one. */
  objects(name: string): readonly Row[] {
    const value = this.given(name, true);
    if (value === undefined) return [];
    if (isObject(value)) return [value];
    if (Array.isArray(value) && value.every(isObject)) return value;
    this.add([name, "dict[str,any]"], value, dictType);
    this.addObjectProblems([name, "list[dict[str,any]]"], value);
    return [];
  }

  /** Required: a list of lists of numbers (null = NaN, missing), or a list of objects. An empty list has no kind: lists. */
  rows(name: string): Rows {
    const nothing: Rows = { kind: "lists", lists: [] };
    const value = this.given(name, true);
    if (value === undefined) return nothing;
    if (Array.isArray(value) && value.length > 0 && value.every(isObject)) {
      return { kind: "objects", objects: value };
    }
    const before = this.problems.length;
    const lists = this.lists([name, "list[list[float]]"], value);
    if (this.problems.length === before) return { kind: "lists", lists };
    this.addObjectProblems([name, "list[dict[str,any]]"], value);
    return nothing;
  }

  private given(name: string, required: boolean): unknown {
    if (this.has(name)) return this.body[name] ?? null;
    if (required) this.add([name], this.body, missing);
    return undefined;
  }

  private optionalList<T>(
    name: string,
    read: (value: unknown, loc: Loc) => T | undefined,
  ): readonly T[] | null {
    const value = this.raw(name) ?? null;
    if (value === null) return null;
    if (!Array.isArray(value)) {
      this.add([name], value, listType);
      return null;
    }
    return value.flatMap((each: unknown, i) => read(each, [name, i]) ?? []);
  }

  private choiceAt<T extends string>(
    loc: Loc,
    value: unknown,
    choices: readonly T[],
  ): T | undefined {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.add(loc, value, literalError(choices));
    return found;
  }

  private integerAt(loc: Loc, value: unknown, bounds: Bounds): number {
    const read = integerOf(value);
    if (typeof read === "number") return this.within(loc, { value, read }, bounds);
    this.add(loc, value, read);
    return 0;
  }

  private numberAt(loc: Loc, value: unknown, bounds: Bounds): number {
    const read = numberOf(value);
    if (typeof read === "number") return this.within(loc, { value, read }, bounds);
    this.add(loc, value, read);
    return 0;
  }

  private within(
    loc: Loc,
    { value, read }: { readonly value: unknown; readonly read: number },
    { above, min, max }: Bounds,
  ): number {
    if (above !== undefined && !(read > above)) {
      this.add(loc, value, bound("greater_than", "greater than", "gt", above));
    } else if (min !== undefined && !(read >= min)) {
      this.add(loc, value, bound("greater_than_equal", "greater than or equal to", "ge", min));
    } else if (max !== undefined && !(read <= max)) {
      this.add(loc, value, bound("less_than_equal", "less than or equal to", "le", max));
    }
    return read;
  }

  private lists(loc: Loc, value: unknown): readonly (readonly number[])[] {
    if (!Array.isArray(value)) {
      this.add(loc, value, listType);
      return [];
    }
    return value.map((row: unknown, i) => {
      if (Array.isArray(row)) return row.map((cell, j) => this.cell(loc, [i, j], cell));
      this.add([...loc, i], row, listType);
      return [];
    });
  }

  private cell(loc: Loc, [i, j]: readonly [number, number], cell: unknown): number {
    if (typeof cell === "number" && Number.isFinite(cell)) return cell;
    return cell === null ? Number.NaN : this.numberAt([...loc, i, j], cell, {});
  }

  private addObjectProblems(loc: Loc, value: unknown): void {
    if (!Array.isArray(value)) {
      this.add(loc, value, listType);
      return;
    }
    for (const [i, row] of value.entries()) {
      if (!isObject(row)) this.add([...loc, i], row, dictType);
    }
  }
}

const missing: Problem = { type: "missing", msg: "Field required" };
const stringType: Problem = { type: "string_type", msg: "Input should be a valid string" };
const listType: Problem = { type: "list_type", msg: "Input should be a valid list" };
const dictType: Problem = { type: "dict_type", msg: "Input should be a valid dictionary" };
const boolType: Problem = { type: "bool_type", msg: "Input should be a valid boolean" };
const boolParsing: Problem = {
  type: "bool_parsing",
  msg: "Input should be a valid boolean, unable to interpret input",
};
const intType: Problem = { type: "int_type", msg: "Input should be a valid integer" };
const intParsing: Problem = {
  type: "int_parsing",
  msg: "Input should be a valid integer, unable to parse string as an integer",
};
const intFromFloat: Problem = {
  type: "int_from_float",
  msg: "Input should be a valid integer, got a number with a fractional part",
};
const intSize: Problem = {
  type: "int_parsing_size",
  msg: "Unable to parse input string as an integer, exceeded maximum size",
};
const floatType: Problem = { type: "float_type", msg: "Input should be a valid number" };
const floatParsing: Problem = {
  type: "float_parsing",
  msg: "Input should be a valid number, unable to parse string as a number",
};
const finite: Problem = { type: "finite_number", msg: "Input should be a finite number" };

function literalError(choices: readonly string[]): Problem {
  const all = choices.map((choice) => `'${choice}'`);
  const last = all.pop() ?? "";
  const expected = all.length === 0 ? last : `${all.join(", ")} or ${last}`;
  return { type: "literal_error", msg: `Input should be ${expected}`, ctx: { expected } };
}

function bound(type: string, words: string, name: string, value: number): Problem {
  return { type, msg: `Input should be ${words} ${value}`, ctx: { [name]: value } };
}

const flags: ReadonlyMap<string, boolean> = new Map([
  ...["true", "1", "on", "t", "yes", "y"].map((word): [string, boolean] => [word, true]),
  ...["false", "0", "off", "f", "no", "n"].map((word): [string, boolean] => [word, false]),
]);

function numericFlag(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === 1) return true;
  return value === 0 ? false : undefined;
}

function isPrimitive(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

const wholeText = /^[+-]?\d+(?:_\d+)*(?:\.0*)?$/;
const numberText = /^[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** pydantic's lax integer, or what is wrong. */
function integerOf(value: unknown): number | Problem {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string") {
    const text = value.trim();
    if (!wholeText.test(text)) return intParsing;
    return safe(Number(text.replaceAll("_", "")));
  }
  if (typeof value !== "number") return intType;
  if (!Number.isFinite(value)) return finite;
  return Number.isInteger(value) ? safe(value) : intFromFloat;
}

function safe(value: number): number | Problem {
  return Number.isSafeInteger(value) ? value : intSize;
}

/** pydantic's lax float, finite, or what is wrong. */
function numberOf(value: unknown): number | Problem {
  if (typeof value === "number") return Number.isFinite(value) ? value : finite;
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return floatType;
  const text = value.trim();
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(text)) return finite;
  if (!numberText.test(text)) return floatParsing;
  const read = Number(text.replaceAll("_", ""));
  return Number.isFinite(read) ? read : finite;
}
