import { limits } from "../config/limits.ts";
import type { Input } from "../domain/detector.ts";
import { WeirError } from "../domain/errors.ts";
import type { EventInput } from "../domain/event.ts";
import type { NamedRow } from "./kept-rows.ts";
import { categoryText } from "./row-encoding.ts";

// What admission checks of rows, as far as it can be checked before a detector's columns are known.

/** Inputs by name; undefined = none is declared, all are discovered. */
export type Declared = ReadonlyMap<string, Input> | undefined;

/** Of a row's fields those that are declared, as the model will see them. */
export function declaredOnly(row: NamedRow, declared: Declared): NamedRow {
  if (declared === undefined) return row;
  const fields: [string, unknown][] = [];
  for (const [name, value] of row.fields) {
    const input = declared.get(name);
    if (input === undefined) continue;
    if (input.type === "category") fields.push([name, categoryText(value, input.encoding)]);
    else if (typeof value === "number") fields.push([name, value]);
  }
  return { ...row, fields };
}

export function checkRequired(
  row: NamedRow,
  index: number,
  declared: ReadonlyMap<string, Input>,
): void {
  const there = new Set<string>();
  for (const [name, value] of row.fields) {
    if (value === undefined || Number.isNaN(value)) continue;
    there.add(name);
    if (typeof value === "string") checkCategory(value, `data[${index}].${name}`);
  }
  for (const { name, missing } of declared.values()) {
    if (missing !== "refuse" || there.has(name)) continue;
    throw WeirError.invalid(
      "MISSING_INPUT",
      `data[${index}].${name}`,
      "is missing, and the detector requires it",
    );
  }
}

function checkCategory(text: string, field: string): void {
  const bytesMax = limits.categoryBytesMax;
  if (text.isWellFormed() && (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax)) {
    return;
  }
  const message = `is not well-formed Unicode, or longer than ${bytesMax} bytes of UTF-8`;
  throw WeirError.invalid("VALUE_TOO_LONG", field, message);
}

/** Names and types, as admission checks them once the detector is made. */
export function checkDeclared(
  event: EventInput,
  row: number,
  declared: ReadonlyMap<string, Input>,
): void {
  for (const [list, type] of [
    ["numbers", "number"],
    ["categories", "category"],
  ] as const) {
    for (const name of event[list].keys()) {
      if (declared.get(name)?.type === type) continue;
      throw WeirError.invalid(
        "UNKNOWN_NAME",
        `events[${row}].${list}.${name.slice(0, 64)}`,
        `the detector declares no ${type} input of this name`,
      );
    }
  }
}

/** What admission would check of an event, as far as it can be wrong here. */
export function checkEvent(event: EventInput, row: number): void {
  if (event.values.length > 0) {
    throw WeirError.invalid(
      "WRONG_LENGTH",
      `events[${row}].values`,
      "the detector discovers its inputs by name until its first training; send numbers by name until then",
    );
  }
  const texts = [
    ["key", event.key, limits.keyBytesMax, "KEY_TOO_LONG"],
    ["id", event.id, limits.idBytesMax, "ID_TOO_LONG"],
  ] as const;
  for (const [field, text, bytesMax, reason] of texts) {
    if (
      text.isWellFormed() &&
      (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax)
    ) {
      continue;
    }
    const message = `is not well-formed Unicode, or longer than ${bytesMax} bytes of UTF-8`;
    throw WeirError.invalid(reason, `events[${row}].${field}`, message);
  }
  if (!Number.isSafeInteger(event.timeUnixMs)) {
    throw WeirError.invalid(
      "TIME_OUT_OF_RANGE",
      `events[${row}].time_unix_ms`,
      `${event.timeUnixMs} is not a whole number of milliseconds within +-(2^53 - 1)`,
    );
  }
  for (const [name, value] of event.numbers) {
    if (Number.isNaN(value) || Math.abs(value) <= limits.magnitudeMax) continue;
    throw WeirError.invalid(
      "NUMBER_OUT_OF_RANGE",
      `events[${row}].numbers.${name.slice(0, 64)}`,
      `${value} is infinite or its magnitude is over ${limits.magnitudeMax}`,
    );
  }
}
