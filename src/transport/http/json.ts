import { isUtf8 } from "node:buffer";
import { malformed } from "./errors.ts";

/** JSON.parse as it is since ES2026: the reviver is shown the source of a primitive. Older lib types lack it. */
const parse: (
  text: string,
  reviver?: (key: string, value: unknown, context?: { readonly source?: string }) => unknown,
) => unknown = JSON.parse;

/** A body as JSON. `__proto__` becomes an own key like any other, to be refused by name. MALFORMED. */
export function parseJson(body: unknown): unknown {
  return parseText(body, undefined);
}

/**
 * As `parseJson`, but whole numbers beyond 2^53 become bigints: no digit is lost. Five times as slow, so only for what is
 * sent once.
 */
export function parseExactJson(body: unknown): unknown {
  return parseText(body, keepDigits);
}

function parseText(body: unknown, reviver: typeof keepDigits | undefined): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw malformed("expected a JSON object as the body, got none");
  }
  if (!isUtf8(body)) throw malformed("the body is not UTF-8");
  try {
    return parse(body.toString("utf8"), reviver);
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "it is nested too deeply";
    throw malformed(`the body is not JSON: ${why}`, error);
  }
}

const wholeNumber = /^-?\d{1,40}$/;

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && wholeNumber.test(source) ? BigInt(source) : value;
}

/** A JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
