/*
 * Values as Python sees them. Clients of LlamaFarm know their categories by the text that Python's str() makes of a value, so the
 * encodings have to make the same text: True, 1.0 and 1 are three categories.
 */

/**
 * A number that was written with a point or an exponent and is whole: Python's 1.0, which JSON.parse alone cannot tell from 1.
 * Made by `pythonNumbers`.
 */
export class WholeFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** One value of a row. A missing key is undefined, and the same as null. */
export type Cell = string | number | bigint | boolean | WholeFloat | null | undefined;

/** Digits of an integer that keeps all of them: making a bigint takes time that grows with the square of its length. */
const digitsMax = 40;
const wholeNumber = /^-?\d+$/;

/** A reviver for JSON.parse: keeps floats that are whole apart from integers, and all digits of long integers. */
export function pythonNumbers(
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  if (typeof value !== "number") return value;
  const source = context?.source ?? "";
  if (wholeNumber.test(source)) {
    return Number.isSafeInteger(value) || source.length > digitsMax ? value : BigInt(source);
  }
  return Number.isInteger(value) ? new WholeFloat(value) : value;
}

/** Python's str(). */
export function pythonText(value: Exclude<Cell, null | undefined>): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof WholeFloat) return floatText(value.value);
  if (typeof value === "bigint") return value.toString();
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "0" : String(value);
  return Number.isInteger(value) ? BigInt(value).toString() : floatText(value);
}

/** repr() of a float: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16 on. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [digits = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 16) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits}e${exponent < 0 ? "-" : "+"}${size}`;
}

const space =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*";
const digits = "\\d+(?:_\\d+)*";
const decimal = new RegExp(
  `^${space}([+-]?(?:${digits}(?:\\.(?:${digits})?)?|\\.${digits})(?:[eE][+-]?${digits})?)${space}$`,
);
/** Longer texts are no numbers that anybody measured. */
const numberCharsMax = 512;

/** Python's float() of a value; undefined where it fails, and where the result is not finite. */
export function pythonFloat(value: Cell): number | undefined {
  const number = floatOf(value);
  return Number.isFinite(number) ? number : undefined;
}

function floatOf(value: Cell): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof WholeFloat) return value.value;
  if (typeof value !== "string" || value.length > numberCharsMax) return Number.NaN;
  const match = decimal.exec(value);
  return match === null ? Number.NaN : Number((match[1] ?? "").replaceAll("_", ""));
}

const yes: ReadonlySet<string> = new Set(["true", "yes", "1", "on", "t", "y"]);
const surroundingSpace = new RegExp(`^${space}|${space}$`, "g");
const yesCharsMax = 64;

/** Whether a value means yes: a number that is not zero, or one of true, yes, 1, on, t, y in any case. */
export function meansYes(value: Cell): boolean {
  if (typeof value === "string") {
    return (
      value.length <= yesCharsMax && yes.has(value.replace(surroundingSpace, "").toLowerCase())
    );
  }
  if (value instanceof WholeFloat) return value.value !== 0;
  return Boolean(value);
}

/** The order in which Python sorts texts: by code points. */
export function comparePythonTexts(a: string, b: string): number {
  // UTF-16 puts characters beyond the basic plane (surrogates) before U+E000 to U+FFFF; UTF-8 keeps the order of code points.
  return surrogate.test(a) || surrogate.test(b)
    ? Buffer.from(a).compare(Buffer.from(b))
    : plain(a, b);
}

const surrogate = /[\ud800-\udfff]/;

function plain(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
