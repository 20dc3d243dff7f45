import { limits } from "./limits.ts";
import { didYouMean, show, type Path, type Problems } from "./problems.ts";

/** A value under the name that it was written with. */
interface Field {
  readonly value: unknown;
  readonly path: Path;
}

interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads one message of the contract from its proto3 JSON mapping: camelCase and snake_case names, null = absent, numbers
 * also as decimal strings. Every reader returns the default where the field is absent or wrong, and notes what is wrong.
 */
export class MessageReader {
  readonly path: Path;
  readonly problems: Problems;
  /** It is an object, or absent. */
  readonly readable: boolean;
  readonly #fields = new Map<string, Field>();

  /** `names` are the fields of the message in proto spelling. */
  constructor(value: unknown, path: Path, names: readonly string[], problems: Problems) {
    this.path = path;
    this.problems = problems;
    const entries = entriesOf(value);
    this.readable = entries !== undefined || value === undefined || value === null;
    if (!this.readable) problems.add(path, `got ${show(value)}, expected an object`);
    for (const [written, content] of entries ?? []) this.#take(written, content, names);
  }

  #take(written: string, value: unknown, names: readonly string[]): void {
    const name = snakeCase(written);
    if (!names.includes(name)) {
      const hint = didYouMean(name, names);
      const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
      this.problems.add(
        [...this.path, printable(written)],
        `there is no such field${expected}`,
        true,
      );
      return;
    }
    const path = [...this.path, name];
    if (this.#fields.has(name)) this.problems.add(path, "given twice", true);
    if (value !== null && value !== undefined) this.#fields.set(name, { value, path });
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** Notes a problem with a field of this message. */
  wrong(name: string, message: string): void {
    this.problems.add([...this.path, name], message);
  }

  /** The written value, undefined when absent. */
  raw(name: string): unknown {
    return this.#fields.get(name)?.value;
  }

  bool(name: string): boolean {
    const field = this.#fields.get(name);
    if (field === undefined) return false;
    if (typeof field.value === "boolean") return field.value;
    this.problems.add(field.path, `got ${show(field.value)}, expected true or false`);
    return false;
  }

  /** Undefined when absent; a finite number within the bounds otherwise. */
  double(name: string, bounds: NumberBounds): number | undefined {
    const field = this.#fields.get(name);
    if (field === undefined) return undefined;
    const number = doubleOf(field.value);
    // JSON has no -0: what is read back must be what was written.
    const inBounds = number !== undefined && number >= bounds.min && number <= bounds.max;
    if (inBounds) return number === 0 ? 0 : number;
    this.problems.add(
      field.path,
      `got ${show(field.value)}, expected a finite number ${between(bounds)}`,
    );
    return undefined;
  }

  /** An unsigned count; absent and 0 = the default. */
  count(name: string, bounds: NumberBounds & { readonly default: number }): number {
    const value = this.integer(name, { min: 0, max: Number.MAX_SAFE_INTEGER });
    if (value === undefined || value === 0) return bounds.default;
    if (value >= bounds.min && value <= bounds.max) return value;
    this.wrong(
      name,
      `got ${value}, expected a whole number ${between(bounds)} (0 = ${bounds.default})`,
    );
    return bounds.default;
  }

  /** A whole number within the bounds; undefined when absent. */
  integer(name: string, bounds: NumberBounds): number | undefined {
    const value = this.bigint(name, { min: BigInt(bounds.min), max: BigInt(bounds.max) });
    return value === undefined ? undefined : Number(value);
  }

  /** A whole number that never passes through a double. Undefined when absent. */
  bigint(name: string, bounds: { readonly min: bigint; readonly max: bigint }): bigint | undefined {
    const field = this.#fields.get(name);
    if (field === undefined) return undefined;
    const value = bigintOf(field.value);
    if (value !== undefined && value >= bounds.min && value <= bounds.max) return value;
    const lost = typeof field.value === "number" && Math.abs(field.value) > Number.MAX_SAFE_INTEGER;
    const expected = lost
      ? "which has lost digits as a number: write it as a decimal string"
      : `expected a whole number between ${bounds.min} and ${bounds.max}`;
    this.problems.add(field.path, `got ${show(field.value)}, ${expected}`);
    return undefined;
  }

  /** Whole numbers within the bounds, at most `max` of them; those that are none are left out and noted. */
  integers(name: string, max: number, bounds: NumberBounds): number[] {
    const numbers: number[] = [];
    for (const { value, path } of this.list(name, max)) {
      const number = Number(bigintOf(value) ?? Number.NaN);
      if (number >= bounds.min && number <= bounds.max) numbers.push(number);
      else
        this.problems.add(path, `got ${show(value)}, expected a whole number ${between(bounds)}`);
    }
    return numbers;
  }

  /** "" when absent. Well-formed Unicode of at most so many bytes. */
  text(name: string, bytesMax: number): string {
    const field = this.#fields.get(name);
    if (field === undefined) return "";
    if (typeof field.value !== "string") {
      this.problems.add(field.path, `got ${show(field.value)}, expected text`);
      return "";
    }
    const wrong = textProblem(field.value, bytesMax);
    if (wrong === undefined) return field.value;
    this.problems.add(field.path, wrong);
    return "";
  }

  /** A name: text, not empty, without control characters, not `__proto__`. */
  name(name: string, bytesMax: number): string {
    if (this.raw(name) === undefined || this.raw(name) === "") {
      this.wrong(name, "must not be empty");
      return "";
    }
    const value = this.text(name, bytesMax);
    const wrong = value === "" ? undefined : nameProblem(value);
    if (wrong !== undefined) this.wrong(name, wrong);
    return value;
  }

  /** The domain's value of an enum; the one at index 0 when absent. */
  enumeration<const T>(name: string, table: EnumTable<T>): T {
    const field = this.#fields.get(name);
    if (field === undefined) return table.unspecified;
    return readEnum(field.value, field.path, table, this.problems);
  }

  /** The elements with their paths; [] when absent. At most `max` are taken. */
  list(name: string, max: number): readonly Field[] {
    const field = this.#fields.get(name);
    if (field === undefined) return [];
    if (!Array.isArray(field.value)) {
      this.problems.add(field.path, `got ${show(field.value)}, expected a list`);
      return [];
    }
    const elements: readonly unknown[] = field.value;
    if (elements.length > max) {
      this.problems.add(field.path, `has ${elements.length} elements, at most ${max} are taken`);
    }
    // Array.from sees holes too.
    return Array.from(elements.slice(0, max), (value, i) => ({ value, path: [...field.path, i] }));
  }

  /** The entries of a map field; [] when absent. */
  entries(name: string): readonly (readonly [key: string, value: unknown])[] {
    const field = this.#fields.get(name);
    if (field === undefined) return [];
    const entries = entriesOf(field.value);
    if (entries !== undefined) return entries;
    this.problems.add(field.path, `got ${show(field.value)}, expected a map`);
    return [];
  }
}

/** An enum of the contract: `prefix` + name in the proto, with the domain's value. */
export interface EnumTable<T> {
  readonly prefix: string;
  /** What UNSPECIFIED (number 0) and absent mean. */
  readonly unspecified: T;
  /** Names without their prefix, in the order of their numbers from 1. */
  readonly values: readonly (readonly [name: string, value: T])[];
}

/** Takes the proto's name, its short form in any case, or its number. */
export function readEnum<T>(
  value: unknown,
  path: Path,
  table: EnumTable<T>,
  problems: Problems,
): T {
  const names = table.values.map(([name]) => name.toLowerCase());
  if (typeof value === "string") {
    const upper = value.toUpperCase();
    const short = upper.startsWith(table.prefix) ? upper.slice(table.prefix.length) : upper;
    if (short === "UNSPECIFIED") return table.unspecified;
    const found = table.values.find(([name]) => name === short);
    if (found !== undefined) return found[1];
    const hint = didYouMean(short, names);
    problems.add(path, `got ${show(value)}, expected one of ${names.join(", ")}${hint}`);
    return table.unspecified;
  }
  const number = typeof value === "bigint" ? Number(value) : value;
  if (number === 0) return table.unspecified;
  const found = typeof number === "number" ? table.values[number - 1] : undefined;
  if (found !== undefined) return found[1];
  problems.add(path, `got ${show(value)}, expected one of ${names.join(", ")}`);
  return table.unspecified;
}

/** What is wrong with a text, undefined = nothing. */
export function textProblem(text: string, bytesMax: number): string | undefined {
  if (text.length > bytesMax || Buffer.byteLength(text) > bytesMax) {
    return `has ${Buffer.byteLength(text)} bytes, at most ${bytesMax} are taken`;
  }
  return text.isWellFormed() ? undefined : "is not well-formed Unicode";
}

const controlCharacter = /\p{Cc}/u;

/** What is wrong with a text as a name, undefined = nothing. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (controlCharacter.test(name)) return "must not contain control characters";
  if (name === "__proto__") return '"__proto__" cannot be a name';
  return undefined;
}

/** Own enumerable entries of a plain object or a Map with text keys; undefined for everything else. */
function entriesOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (value instanceof Map) {
    const entries: [string, unknown][] = [];
    for (const [key, content] of value as ReadonlyMap<unknown, unknown>) {
      entries.push([typeof key === "string" ? key : show(key), content]);
    }
    return entries;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  return Object.entries(value);
}

/** `defaultValue` -> `default_value`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function printable(name: string): string {
  return name.length > 64 ? `${name.slice(0, 60)}...` : name;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function doubleOf(value: unknown): number | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && decimal.test(value)) return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

const wholeNumber = /^-?\d{1,20}$/;

function bigintOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "string") return wholeNumber.test(value) ? BigInt(value) : undefined;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return undefined;
}

function between(bounds: NumberBounds): string {
  const { magnitudeMax } = limits;
  if (bounds.min === -magnitudeMax && bounds.max === magnitudeMax) {
    return `of magnitude at most ${magnitudeMax}`;
  }
  return `between ${bounds.min} and ${bounds.max}`;
}
