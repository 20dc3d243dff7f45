import { show } from "../../config/problems.ts";
import { WeirError, type Reason } from "../../domain/errors.ts";
import type { EventInput, FrameInput, ScoreRequest } from "../../domain/event.ts";
import { malformed } from "./errors.ts";
import { isObject } from "./json.ts";

// ScoreRequest from its proto3 JSON mapping, by hand: this is the hot path (0.25 us a row of ten numbers after JSON.parse's
// 0.63 us, where zod takes 0.85 us). What it takes is what `schemas.ts` documents; a test holds the two together. What fits
// the mapping is admission's to judge: lengths, ranges, undeclared names.

/** Where a value stands: a row of `events`, or the path of a message ("" = the request). Made into text only when refused. */
type Place = number | string;

/** By proto name. */
export type Fields<T> = ReadonlyMap<string, (into: T, value: unknown, place: Place) => void>;

const noBytes: Uint8Array = Buffer.alloc(0);
const noNumbers: ReadonlyMap<string, number> = new Map();
const noCategories: ReadonlyMap<string, string> = new Map();
const noEvents: readonly EventInput[] = [];

class RequestDraft implements ScoreRequest {
  detector = "";
  events: readonly EventInput[] = noEvents;
  frame: FrameInput | undefined = undefined;
  mode = 0;
  timeoutMs = 0;
  explain = false;
  features = false;
}

class EventDraft implements EventInput {
  id = "";
  key = "";
  timeUnixMs = 0;
  numbers: ReadonlyMap<string, number> = noNumbers;
  categories: ReadonlyMap<string, string> = noCategories;
  values: readonly number[] = [];
  systemAction = "";
}

class FrameDraft implements FrameInput {
  rows = 0;
  values = noBytes;
  keys: readonly string[] = [];
  keyIndex = noBytes;
  timesUnixMs = noBytes;
  ids: readonly string[] = [];
  schema = 0;
  categories: readonly string[] = [];
  categoryIndex = noBytes;
  systemActions: readonly string[] = [];
  systemActionIndex = noBytes;
}

const requestFields: Fields<RequestDraft> = new Map([
  ["detector", (into, value, place) => void (into.detector = text(value, place, "detector"))],
  ["events", (into, value) => void (into.events = events(value))],
  ["frame", (into, value) => void (into.frame = frame(value))],
  ["mode", (into, value) => void (into.mode = mode(value))],
  [
    "timeout_ms",
    (into, value, place) => void (into.timeoutMs = uint32(value, place, "timeout_ms")),
  ],
  ["explain", (into, value, place) => void (into.explain = bool(value, place, "explain"))],
  ["features", (into, value, place) => void (into.features = bool(value, place, "features"))],
]);

const eventFields: Fields<EventDraft> = new Map([
  ["id", (into, value, place) => void (into.id = text(value, place, "id"))],
  ["key", (into, value, place) => void (into.key = text(value, place, "key"))],
  ["time_unix_ms", (into, value, place) => void (into.timeUnixMs = time(value, place))],
  ["numbers", (into, value, place) => void (into.numbers = numbers(value, place))],
  ["categories", (into, value, place) => void (into.categories = categories(value, place))],
  ["values", (into, value, place) => void (into.values = values(value, place))],
  [
    "system_action",
    (into, value, place) => void (into.systemAction = text(value, place, "system_action")),
  ],
]);

const frameFields: Fields<FrameDraft> = new Map([
  ["rows", (into, value, place) => void (into.rows = uint32(value, place, "rows"))],
  ["values", (into, value) => void (into.values = bytes(value, "values"))],
  ["keys", (into, value) => void (into.keys = texts(value, "frame.keys"))],
  ["key_index", (into, value) => void (into.keyIndex = bytes(value, "key_index"))],
  ["times_unix_ms", (into, value) => void (into.timesUnixMs = bytes(value, "times_unix_ms"))],
  ["ids", (into, value) => void (into.ids = texts(value, "frame.ids"))],
  ["schema", (into, value, place) => void (into.schema = uint32(value, place, "schema"))],
  ["categories", (into, value) => void (into.categories = texts(value, "frame.categories"))],
  ["category_index", (into, value) => void (into.categoryIndex = bytes(value, "category_index"))],
  [
    "system_actions",
    (into, value) => void (into.systemActions = texts(value, "frame.system_actions")),
  ],
  [
    "system_action_index",
    (into, value) => void (into.systemActionIndex = bytes(value, "system_action_index")),
  ],
]);

const requestNames = spellings(requestFields);
const eventNames = spellings(eventFields);
const frameNames = spellings(frameFields);

/** A body as a ScoreRequest to `detector`, the path's. Throws INVALID_ARGUMENT by path, in proto spelling. */
export function decodeScoreRequest(body: unknown, detector: string): ScoreRequest {
  const request = new RequestDraft();
  read(body, "", requestNames, request);
  takeName(request, detector);
  return request;
}

/** The detector of the path; a body may repeat it, and may not name another. */
export function takeName(request: { detector: string }, detector: string): void {
  if (request.detector !== "" && request.detector !== detector) {
    throw WeirError.invalid(
      "INVALID_NAME",
      "detector",
      `got ${show(request.detector)}, but the path says ${show(detector)}`,
    );
  }
  request.detector = detector;
}

interface Field<T> {
  readonly name: string;
  readonly set: (into: T, value: unknown, place: Place) => void;
  /** The same field in its other spelling. */
  readonly other: string | undefined;
}

/** Every field under its camelCase and its snake_case name. */
export function spellings<T>(fields: Fields<T>): ReadonlyMap<string, Field<T>> {
  const all = new Map<string, Field<T>>();
  for (const [snake, set] of fields) {
    const camel = snake.replace(/_[a-z]/g, (letter) => letter.charAt(1).toUpperCase());
    all.set(snake, { name: snake, set, other: camel === snake ? undefined : camel });
    if (camel !== snake) all.set(camel, { name: snake, set, other: undefined });
  }
  return all;
}

/** Reads an object's fields, each at most once. Throws by path for one that is not there. */
export function read<T>(
  value: unknown,
  place: Place,
  fields: ReadonlyMap<string, Field<T>>,
  into: T,
): void {
  if (!isObject(value)) throw wrong(value, placeOf(place) || "the body", "an object");
  for (const written of Object.keys(value)) {
    const field = fields.get(written);
    if (field === undefined) throw unknownField(written, place, fields);
    const content = value[written];
    if (field.other !== undefined && Object.hasOwn(value, field.other)) {
      throw refuse("MALFORMED", pathOf(place, field.name), "given twice");
    }
    // null = the field is not there.
    if (content !== null) field.set(into, content, place);
  }
}

function unknownField<T>(
  written: string,
  place: Place,
  fields: ReadonlyMap<string, Field<T>>,
): WeirError {
  const known = [...new Set(Array.from(fields.values(), (field) => field.name))].join(", ");
  const name = written.length > 64 ? `${written.slice(0, 60)}...` : written;
  return refuse(
    "MALFORMED",
    pathOf(place, name),
    `there is no such field; expected one of ${known}`,
  );
}

function events(value: unknown): readonly EventInput[] {
  if (!Array.isArray(value)) throw wrong(value, "events", "a list");
  const rows: readonly unknown[] = value;
  return rows.map((row, i) => {
    const event = new EventDraft();
    read(row, i, eventNames, event);
    return event;
  });
}

function frame(value: unknown): FrameInput {
  const draft = new FrameDraft();
  read(value, "frame", frameNames, draft);
  return draft;
}

const modes: ReadonlyMap<unknown, number> = new Map([
  ["MODE_UNSPECIFIED", 0],
  ["MODE_SCORE_AND_LEARN", 1],
  ["MODE_SCORE_ONLY", 2],
  ["MODE_LEARN_ONLY", 3],
  ["MODE_HEARTBEAT", 4],
]);

function mode(value: unknown): number {
  const number = modes.get(value) ?? value;
  // A number without a name is admission's to refuse, as it comes over gRPC.
  if (typeof number === "number" && Number.isInteger(number)) return number;
  const names = [...modes.keys()].join(", ");
  throw refuse("INVALID_ENUM", "mode", `got ${show(value)}, expected one of ${names}`);
}

export function text(value: unknown, place: Place, field: string): string {
  if (typeof value === "string") return value;
  throw wrong(value, pathOf(place, field), "text");
}

function bool(value: unknown, place: Place, field: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(value, pathOf(place, field), "true or false");
}

const wholeNumber = /^-?\d{1,20}$/;

function integer(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && wholeNumber.test(value) ? Number(value) : NaN;
}

function uint32(value: unknown, place: Place, field: string): number {
  const number = integer(value);
  if (number >= 0 && number <= 0xffffffff && Number.isInteger(number)) return number;
  throw wrong(value, pathOf(place, field), "a whole number between 0 and 4294967295");
}

/** int64 within +-(2^53 - 1): there a double is exact, and a digit string that rounds into it does not exist. */
export function time(value: unknown, place: Place): number {
  const number = integer(value);
  if (Number.isSafeInteger(number)) return number;
  const expected = `got ${show(value)}, expected whole milliseconds within +-(2^53 - 1)`;
  throw refuse("TIME_OUT_OF_RANGE", pathOf(place, "time_unix_ms"), expected);
}

const decimal = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const named: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

/** null = missing = NaN; undefined = no number. Infinities are admission's to refuse. */
function double(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value === null) return NaN;
  if (typeof value !== "string") return undefined;
  return named.get(value) ?? (decimal.test(value) ? Number(value) : undefined);
}

const aDouble = 'a number, null or "NaN"';

function numbers(value: unknown, place: Place): ReadonlyMap<string, number> {
  if (!isObject(value)) throw wrong(value, pathOf(place, "numbers"), "a map of numbers by input");
  const map = new Map<string, number>();
  for (const name of Object.keys(value)) {
    const number = double(value[name]);
    if (number === undefined) {
      throw wrong(value[name], `${pathOf(place, "numbers")}.${short(name)}`, aDouble);
    }
    map.set(name, number);
  }
  return map;
}

function values(value: unknown, place: Place): readonly number[] {
  if (!Array.isArray(value)) throw wrong(value, pathOf(place, "values"), "a list of numbers");
  const elements: readonly unknown[] = value;
  return elements.map((element, i) => {
    const number = double(element);
    if (number !== undefined) return number;
    throw wrong(element, `${pathOf(place, "values")}[${i}]`, aDouble);
  });
}

function categories(value: unknown, place: Place): ReadonlyMap<string, string> {
  if (!isObject(value)) throw wrong(value, pathOf(place, "categories"), "a map of texts by input");
  const map = new Map<string, string>();
  for (const name of Object.keys(value)) {
    const category = value[name];
    if (typeof category === "string") map.set(name, category);
    else if (category !== null) {
      throw wrong(category, `${pathOf(place, "categories")}.${short(name)}`, "text or null");
    }
  }
  return map;
}

export function texts(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) throw wrong(value, path, "a list of texts");
  const elements: readonly unknown[] = value;
  return elements.map((element, i) => {
    if (typeof element === "string") return element;
    throw wrong(element, `${path}[${i}]`, "text");
  });
}

/** base64 or base64url, padded or not. */
function bytes(value: unknown, field: string): Uint8Array {
  if (typeof value === "string") {
    const digits = value.length - padding(value);
    const decoded = Buffer.from(value, "base64");
    // Node skips what is no base64 digit; then there are fewer bytes than digits promise.
    if (digits % 4 !== 1 && decoded.length === Math.floor((digits * 3) / 4)) return decoded;
  }
  throw wrong(value, `frame.${field}`, "bytes in base64");
}

function padding(base64: string): number {
  if (base64.length % 4 !== 0 || !base64.endsWith("=")) return 0;
  return base64.endsWith("==") ? 2 : 1;
}

function placeOf(place: Place): string {
  return typeof place === "number" ? `events[${place}]` : place;
}

function pathOf(place: Place, field: string): string {
  const outer = placeOf(place);
  return outer === "" ? field : `${outer}.${field}`;
}

function short(name: string): string {
  return name.length > 64 ? `${name.slice(0, 60)}...` : name;
}

function wrong(value: unknown, path: string, expected: string): WeirError {
  const message = `got ${show(value)}, expected ${expected}`;
  return path === "the body"
    ? malformed(`the body: ${message}`)
    : refuse("MALFORMED", path, message);
}

function refuse(reason: Reason, path: string, message: string): WeirError {
  return WeirError.invalid(reason, path, message);
}
