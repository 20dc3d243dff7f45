import { z } from "zod";
import { detectorSchema } from "../../config/detector-schema.ts";
import { isObject } from "./json.ts";

/** The enums of a DetectorSpec by their field: what proto3 JSON writes before the short name that files use. */
const prefixes: Readonly<Record<string, string>> = {
  type: "INPUT_TYPE_",
  missing: "MISSING_",
  scaler: "SCALER_",
  fallback: "SOURCE_",
  at_keys_max: "AT_KEYS_MAX_",
};

/**
 * The configuration file's schema of a detector in the spelling that HTTP answers with: camelCase names, enums in full. Both are
 * taken.
 */
export function detectorSpecSchema(): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(detectorSchema, { io: "input" });
  return inProtoJson(schema, undefined);
}

function inProtoJson(
  schema: Readonly<Record<string, unknown>>,
  prefix: string | undefined,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "properties" && isObject(value)) result[keyword] = renamed(value);
    else if (keyword === "required" && Array.isArray(value)) result[keyword] = value.map(camelCase);
    else if (keyword === "enum" || keyword === "default") result[keyword] = inFull(value, prefix);
    else result[keyword] = isObject(value) ? inProtoJson(value, prefix) : value;
  }
  return result;
}

function renamed(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      camelCase(name),
      isObject(schema) ? inProtoJson(schema, prefixes[name]) : schema,
    ]),
  );
}

function inFull(value: unknown, prefix: string | undefined): unknown {
  if (prefix === undefined) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => inFull(each, prefix));
  return typeof value === "string" ? `${prefix}${value.toUpperCase()}` : value;
}

function camelCase(name: unknown): string {
  return String(name).replace(/_[a-z]/g, (letter) => letter.charAt(1).toUpperCase());
}
