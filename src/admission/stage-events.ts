import { limits } from "../config/limits.ts";
import type { Input } from "../domain/detector.ts";
import { categoryCode } from "../features/category-code.ts";
import type { EventInput } from "../domain/event.ts";
import { KeyHash, NOT_WELL_FORMED, TOO_LONG, encodeText } from "../shard/key-hash.ts";
import type { DetectorRuntime } from "./runtime.ts";
import { FLAG } from "./staged.ts";
import type { Staged } from "./staged.ts";
import { takeNumber } from "./take-number.ts";
import type { Violations } from "./violations.ts";

const hash = new KeyHash();

/** Rows by name, or by position: one key a row. Fields are named as in the contract: `events[3].numbers.amount`. */
export function stageEvents(
  runtime: DetectorRuntime,
  events: readonly EventInput[],
  staged: Staged,
  violations: Violations,
): void {
  staged.begin(events.length, events.length, runtime.sources.length, runtime.defaultedBytes);
  for (let row = 0; row < events.length && !violations.full; row++) {
    const event = events[row];
    if (event === undefined) continue;
    staged.flags[row] = 0;
    staged.keyOf[row] = row;
    stageKey(event, row, staged, violations);
    stageId(event.id, `events[${row}].id`, row, { staged, violations });
    stageTime(event.timeUnixMs, row, staged, violations);
    stageNumbers(runtime, event, row, { staged, violations });
    if (runtime.detector.categoryInputs.length > 0 || event.categories.size > 0) {
      stageCategories(runtime, event, row, { staged, violations });
    }
    stageSystemAction(event, row, staged, violations);
  }
}

interface Target {
  readonly staged: Staged;
  readonly violations: Violations;
}

function stageKey(event: EventInput, row: number, staged: Staged, violations: Violations): void {
  staged.reserveText(limits.keyBytesMax);
  const start = staged.textLength;
  const length = encodeText(event.key, staged.text, start, limits.keyBytesMax);
  if (length < 0) {
    refuseText(length, `events[${row}].key`, violations, "KEY_TOO_LONG", limits.keyBytesMax);
    return;
  }
  hash.of(staged.text, start, start + length);
  staged.keyLo[row] = hash.lo;
  staged.keyHi[row] = hash.hi;
  staged.keyStart[row] = start;
  staged.keyLength[row] = length;
  staged.textLength = start + length;
}

/** An id, from an event or a frame; "" = none. */
export function stageId(id: string, field: string, row: number, target: Target): void {
  const { staged, violations } = target;
  if (id === "") {
    staged.idLength[row] = 0;
    return;
  }
  staged.reserveText(limits.idBytesMax);
  const start = staged.textLength;
  const length = encodeText(id, staged.text, start, limits.idBytesMax);
  if (length < 0) {
    refuseText(length, field, violations, "ID_TOO_LONG", limits.idBytesMax);
    return;
  }
  staged.idStart[row] = start;
  staged.idLength[row] = length;
  staged.textLength = start + length;
  staged.flags[row] = (staged.flags[row] ?? 0) | FLAG.hasId;
}

// oxlint-disable-next-line max-params -- one message for every text that is too long or malformed
export function refuseText(
  outcome: number,
  field: string,
  violations: Violations,
  tooLong: "KEY_TOO_LONG" | "ID_TOO_LONG" | "VALUE_TOO_LONG",
  bytesMax: number,
): void {
  if (outcome === NOT_WELL_FORMED) {
    violations.add("INVALID_TEXT", field, "is not well-formed Unicode (a lone surrogate)");
  } else {
    violations.add(tooLong, field, `is longer than ${bytesMax} bytes of UTF-8`);
  }
}

/** An event time, Unix ms; 0 = none. */
export function stageTime(time: number, row: number, staged: Staged, violations: Violations): void {
  if (!Number.isSafeInteger(time)) {
    violations.add(
      "TIME_OUT_OF_RANGE",
      `events[${row}].time_unix_ms`,
      `${time} is not a whole number of milliseconds within +-(2^53 - 1)`,
    );
  }
  staged.times[row] = time;
}

function stageNumbers(
  runtime: DetectorRuntime,
  event: EventInput,
  row: number,
  target: Target,
): void {
  const { violations } = target;
  const { numberInputs } = runtime.detector;
  const { numbers, values } = event;
  if (values.length > 0) {
    if (numbers.size > 0) {
      violations.add(
        "NUMBERS_AND_VALUES",
        `events[${row}].values`,
        "numbers and values are both set; send the numbers by name or by position, not both",
      );
      return;
    }
    if (values.length !== numberInputs.length) {
      violations.add(
        "WRONG_LENGTH",
        `events[${row}].values`,
        `has ${values.length} values; expected ${numberInputs.length}, one a number input in the detector's order`,
      );
      return;
    }
    const place = { row, field: positionField, ...target };
    for (const input of numberInputs) {
      takeNumber(runtime, input, values[input.column] ?? Number.NaN, place);
    }
    return;
  }
  let known = 0;
  const place = { row, field: nameField, ...target };
  for (const input of numberInputs) {
    const value = numbers.get(input.name);
    if (value !== undefined) known++;
    takeNumber(runtime, input, value ?? Number.NaN, place);
  }
  if (known !== numbers.size) refuseUnknown(runtime, numbers, "number", { row, violations });
}

const positionField = (row: number, input: Input): string =>
  `events[${row}].values[${input.column}]`;
const nameField = (row: number, input: Input): string => `events[${row}].numbers.${input.name}`;

function refuseUnknown(
  runtime: DetectorRuntime,
  given: ReadonlyMap<string, unknown>,
  type: "number" | "category",
  at: { readonly row: number; readonly violations: Violations },
): void {
  const { byName } = runtime.detector;
  const list = type === "number" ? "numbers" : "categories";
  for (const name of given.keys()) {
    const input = byName.get(name);
    if (input?.type === type) continue;
    const shown = name.length > 64 ? `${name.slice(0, 64)}...` : name;
    at.violations.add(
      "UNKNOWN_NAME",
      `events[${at.row}].${list}.${shown}`,
      input === undefined
        ? `the detector declares no input of this name; it declares ${someNames(byName)}`
        : `the detector declares it as a ${input.type}; send it in ${type === "number" ? "categories" : "numbers"}`,
    );
  }
}

/** The declared names, the first few of them: cheaper than looking for the nearest one of a hostile name. */
function someNames(byName: ReadonlyMap<string, Input>): string {
  const names = [...byName.keys()];
  return names.length > 8 ? `${names.slice(0, 8).join(", ")}, ...` : names.join(", ");
}

function stageCategories(
  runtime: DetectorRuntime,
  event: EventInput,
  row: number,
  { staged, violations }: Target,
): void {
  const { codeOf, sources } = runtime;
  let known = 0;
  for (const input of runtime.detector.categoryInputs) {
    const value = event.categories.get(input.name);
    const code = codeOf[input.column] ?? -1;
    const at = row * sources.length + code;
    if (value === undefined) {
      if (code >= 0) staged.values[at] = Number.NaN;
      if (input.missing === "refuse") {
        violations.add(
          "MISSING_INPUT",
          categoryField(row, input),
          "is missing, and the detector requires it",
        );
      }
      continue;
    }
    known++;
    const isText = checkText(value, categoryField(row, input), limits.categoryBytesMax, violations);
    if (code >= 0 && isText) staged.values[at] = categoryCode(value);
  }
  if (known !== event.categories.size) {
    refuseUnknown(runtime, event.categories, "category", { row, violations });
  }
}

const categoryField = (row: number, input: Input): string =>
  `events[${row}].categories.${input.name}`;

/** Whether a category or a system action has the length and form of one; else why not is told. */
export function checkText(
  text: string,
  field: string,
  bytesMax: number,
  violations: Violations,
): boolean {
  const isWellFormed = text.isWellFormed();
  if (isWellFormed && (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax)) {
    return true;
  }
  const outcome = isWellFormed ? TOO_LONG : NOT_WELL_FORMED;
  refuseText(outcome, field, violations, "VALUE_TOO_LONG", bytesMax);
  return false;
}

function stageSystemAction(
  event: EventInput,
  row: number,
  staged: Staged,
  violations: Violations,
): void {
  if (event.systemAction === "") return;
  staged.flags[row] = (staged.flags[row] ?? 0) | FLAG.systemAction;
  checkText(
    event.systemAction,
    `events[${row}].system_action`,
    limits.systemActionBytesMax,
    violations,
  );
}
