import { limits } from "../config/limits.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { Input } from "../domain/detector.ts";
import type { FrameInput } from "../domain/event.ts";
import { categoryCode } from "../features/category-code.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import type { DetectorRuntime } from "./runtime.ts";
import { checkText, refuseText, stageId } from "./stage-events.ts";
import { FLAG } from "./staged.ts";
import type { Staged } from "./staged.ts";
import { takeNumber } from "./take-number.ts";
import type { Violations } from "./violations.ts";

/** uint32 that says "none" in an index column. */
export const NONE = 0xffff_ffff;

const hash = new KeyHash();

/** Aligned copies of a frame's columns, whose bytes lie anywhere in a receive buffer. */
const aligned = {
  values: new Float64Array(4096),
  index: new Uint32Array(1024),
};

/** Packed rows. What is wrong is named by the frame's field and, inside it, by position. */
export function stageFrame(
  runtime: DetectorRuntime,
  frame: FrameInput,
  staged: Staged,
  violations: Violations,
): void {
  checkSchema(runtime, frame);
  const { rows } = frame;
  if (!lengthsFit(runtime, frame, violations)) return;
  staged.begin(
    rows,
    Math.max(1, frame.keys.length),
    runtime.sources.length,
    runtime.defaultedBytes,
  );
  staged.flags.fill(0, 0, rows);
  stageKeys(frame, staged, violations);
  stageTimes(frame, staged, violations);
  if (frame.ids.length > 0) {
    for (let row = 0; row < rows && !violations.full; row++) {
      stageId(frame.ids[row] ?? "", `frame.ids[${row}]`, row, { staged, violations });
    }
  } else {
    staged.idLength.fill(0, 0, rows);
  }
  stageValues(runtime, frame, staged, violations);
  stageCategories(runtime, frame, staged, violations);
  stageSystemActions(frame, staged, violations);
}

function checkSchema(runtime: DetectorRuntime, frame: FrameInput): void {
  const { schema } = runtime.detector;
  if (frame.schema === 0 || frame.schema === schema) return;
  throw new WeirError(
    Code.FAILED_PRECONDITION,
    "SCHEMA_CHANGED",
    `frame.schema: ${frame.schema} is not the detector's ${schema}; its inputs have changed, read DetectorStatus.schema again`,
    { violations: [{ field: "frame.schema", message: `expected ${schema}` }] },
  );
}

function lengthsFit(runtime: DetectorRuntime, frame: FrameInput, violations: Violations): boolean {
  const { numberInputs, categoryInputs } = runtime.detector;
  const { rows } = frame;
  const bounded = (field: string, got: number): boolean => {
    if (got <= limits.requestRowsMax) return true;
    violations.add(
      "WRONG_LENGTH",
      `frame.${field}`,
      `has more than ${limits.requestRowsMax} entries, as many as a request may have rows`,
    );
    return false;
  };
  const expected = (field: string, got: number, want: number, what: string): boolean => {
    if (got === want) return true;
    violations.add("WRONG_LENGTH", `frame.${field}`, `has ${got} ${what}; expected ${want}`);
    return false;
  };
  const optional = (field: string, bytes: Uint8Array, want: number): boolean =>
    bytes.length === 0 || expected(field, bytes.length, want, "bytes");
  return [
    bounded("keys", frame.keys.length),
    bounded("categories", frame.categories.length),
    bounded("system_actions", frame.systemActions.length),
    expected("values", frame.values.length, rows * numberInputs.length * 8, "bytes"),
    frame.keys.length > 1
      ? expected("key_index", frame.keyIndex.length, rows * 4, "bytes")
      : optional("key_index", frame.keyIndex, rows * 4),
    optional("times_unix_ms", frame.timesUnixMs, rows * 8),
    frame.ids.length === 0 || expected("ids", frame.ids.length, rows, "ids"),
    categoryInputs.length > 0 && frame.categoryIndex.length === 0
      ? true
      : expected(
          "category_index",
          frame.categoryIndex.length,
          rows * categoryInputs.length * 4,
          "bytes",
        ),
    optional("system_action_index", frame.systemActionIndex, rows * 4),
  ].every(Boolean);
}

function stageKeys(frame: FrameInput, staged: Staged, violations: Violations): void {
  const { keys, rows } = frame;
  for (let k = 0; k < Math.max(1, keys.length) && !violations.full; k++) {
    staged.reserveText(limits.keyBytesMax);
    const start = staged.textLength;
    const length = encodeText(keys[k] ?? "", staged.text, start, limits.keyBytesMax);
    if (length < 0) {
      refuseText(length, `frame.keys[${k}]`, violations, "KEY_TOO_LONG", limits.keyBytesMax);
      continue;
    }
    hash.of(staged.text, start, start + length);
    staged.keyLo[k] = hash.lo;
    staged.keyHi[k] = hash.hi;
    staged.keyStart[k] = start;
    staged.keyLength[k] = length;
    staged.textLength = start + length;
  }
  if (frame.keyIndex.length === 0) {
    staged.keyOf.fill(0, 0, rows);
    return;
  }
  const index = alignedIndex(frame.keyIndex);
  const count = staged.keys;
  for (let row = 0; row < rows; row++) {
    const key = index[row] ?? 0;
    if (key >= count) {
      violations.add(
        "INDEX_OUT_OF_RANGE",
        `frame.key_index[${row}]`,
        `${key} is not below ${count}, the number of keys`,
      );
      if (violations.full) return;
    }
    staged.keyOf[row] = key;
  }
}

/** Event times of a frame's rows; 0 = none. */
export function stageTimes(frame: FrameInput, staged: Staged, violations: Violations): void {
  const { timesUnixMs: bytes, rows } = frame;
  if (bytes.length === 0) {
    staged.times.fill(0, 0, rows);
    return;
  }
  const words = alignedIndex(bytes);
  for (let row = 0; row < rows; row++) {
    const time = ((words[row * 2 + 1] ?? 0) | 0) * 0x1_0000_0000 + (words[row * 2] ?? 0);
    if (!Number.isSafeInteger(time)) {
      violations.add(
        "TIME_OUT_OF_RANGE",
        `frame.times_unix_ms[${row}]`,
        "is not within +-(2^53 - 1)",
      );
      if (violations.full) return;
    }
    staged.times[row] = time;
  }
}

const valueField = (row: number, input: Input): string => `frame.values[row ${row}].${input.name}`;

function stageValues(
  runtime: DetectorRuntime,
  frame: FrameInput,
  staged: Staged,
  violations: Violations,
): void {
  const { plain } = runtime;
  const { numberInputs } = runtime.detector;
  const columns = numberInputs.length;
  const count = frame.rows * columns;
  if (!plain && aligned.values.length < count) aligned.values = new Float64Array(count * 2);
  const values = plain ? staged.values : aligned.values;
  new Uint8Array(values.buffer, values.byteOffset, count * 8).set(frame.values);
  if (!plain) {
    scatterValues(runtime, frame.rows, staged, violations);
    return;
  }
  const max = limits.magnitudeMax;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? Number.NaN;
    if (value <= max && value >= -max) continue;
    const row = Math.floor(i / columns);
    const input = numberInputs[i - row * columns];
    if (input === undefined) continue;
    takeNumber(runtime, input, value, { row, field: valueField, staged, violations });
    if (violations.full) return;
  }
}

/** From the frame's columns to the sources, where these are others or in another order. */
function scatterValues(
  runtime: DetectorRuntime,
  rows: number,
  staged: Staged,
  violations: Violations,
): void {
  const { sourceOf, sources } = runtime;
  const { numberInputs } = runtime.detector;
  const columns = numberInputs.length;
  const width = sources.length;
  const max = limits.magnitudeMax;
  for (let row = 0; row < rows; row++) {
    for (const input of numberInputs) {
      const value = aligned.values[row * columns + input.column] ?? Number.NaN;
      if (value <= max && value >= -max) {
        const source = sourceOf[input.column] ?? -1;
        if (source >= 0) staged.values[row * width + source] = value;
        continue;
      }
      takeNumber(runtime, input, value, { row, field: valueField, staged, violations });
      if (violations.full) return;
    }
  }
}

function stageCategories(
  runtime: DetectorRuntime,
  frame: FrameInput,
  staged: Staged,
  violations: Violations,
): void {
  const { categoryInputs } = runtime.detector;
  if (categoryInputs.length === 0) return;
  const codes = codesOf(runtime, frame, violations);
  const { codeOf, sources } = runtime;
  const index = frame.categoryIndex.length === 0 ? undefined : alignedIndex(frame.categoryIndex);
  for (let row = 0; row < frame.rows && !violations.full; row++) {
    for (const input of categoryInputs) {
      const category = index?.[row * categoryInputs.length + input.column] ?? NONE;
      const source = codeOf[input.column] ?? -1;
      if (source >= 0) {
        const code = category < codes.length ? codes[category] : undefined;
        staged.values[row * sources.length + source] = code ?? Number.NaN;
      }
      if (category === NONE) {
        if (input.missing !== "refuse") continue;
        const field = categoryField(row, input);
        violations.add("MISSING_INPUT", field, "is missing, and the detector requires it");
      } else if (category >= frame.categories.length) {
        violations.add(
          "INDEX_OUT_OF_RANGE",
          categoryField(row, input),
          `${category} is not below ${frame.categories.length}, the number of categories`,
        );
      }
    }
  }
}

const categoryField = (row: number, input: Input): string =>
  `frame.category_index[row ${row}].${input.name}`;

/** The frame's categories as features read them, each hashed once; empty where none are read. Their texts are checked. */
function codesOf(
  { codeOf }: DetectorRuntime,
  { categories }: FrameInput,
  violations: Violations,
): Float64Array {
  const reads = codeOf.some((source) => source >= 0);
  const codes = new Float64Array(reads ? categories.length : 0);
  for (const [i, text] of categories.entries()) {
    const field = `frame.categories[${i}]`;
    const isText = checkText(text, field, limits.categoryBytesMax, violations);
    if (reads && isText) codes[i] = categoryCode(text);
  }
  return codes;
}

function stageSystemActions(frame: FrameInput, staged: Staged, violations: Violations): void {
  if (frame.systemActionIndex.length === 0) return;
  frame.systemActions.forEach((text, i) =>
    checkText(text, `frame.system_actions[${i}]`, limits.systemActionBytesMax, violations),
  );
  const index = alignedIndex(frame.systemActionIndex);
  for (let row = 0; row < frame.rows && !violations.full; row++) {
    const action = index[row] ?? NONE;
    if (action === NONE) continue;
    if (action >= frame.systemActions.length) {
      violations.add(
        "INDEX_OUT_OF_RANGE",
        `frame.system_action_index[${row}]`,
        `${action} is not below ${frame.systemActions.length}, the number of system actions`,
      );
    }
    staged.flags[row] = (staged.flags[row] ?? 0) | FLAG.systemAction;
  }
}

/** The bytes as uint32; valid until the next call. */
function alignedIndex(bytes: Uint8Array): Uint32Array {
  const words = (bytes.length + 3) >>> 2;
  if (aligned.index.length < words) aligned.index = new Uint32Array(words * 2);
  new Uint8Array(aligned.index.buffer, 0, bytes.length).set(bytes);
  return aligned.index;
}
