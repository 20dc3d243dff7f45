import type { FeatureFilter, FeatureWindow, Input } from "../domain/detector.ts";
import { timeZoneName } from "../features/time-zone.ts";
import { readDuration } from "./duration.ts";
import { limits } from "./limits.ts";
import { MessageReader } from "./message-reader.ts";
import { didYouMean, show, type Path, type Problems } from "./problems.ts";

/** All events of the key, at every event. */
export const allEvents: FeatureWindow = Object.freeze({
  kind: "global",
  everyEvents: 0,
  everyMs: 0,
  onChange: false,
});

const kinds = ["sliding", "hopping", "tumbling", "session", "last", "global"] as const;
const calendarUnits = ["day", "week", "month"] as const;
const uint32Max = 2 ** 32 - 1;

/** What the events are that a feature is computed from. */
export interface WindowContext {
  readonly exactEvents: number;
  /** Whether the feature is of an input: others have no values that change. */
  readonly hasValue: boolean;
}

/** A FeatureWindow; absent or wrong (which is noted) = all events. */
export function readFeatureWindow(feature: MessageReader, context: WindowContext): FeatureWindow {
  const value = feature.raw("window");
  if (value === undefined) return allEvents;
  const path = [...feature.path, "window"];
  const reader = new MessageReader(value, path, [...kinds, "time_zone"], feature.problems);
  if (!reader.readable) return allEvents;
  const [kind, ...others] = kinds.filter((each) => isGiven(reader, each));
  if (kind === undefined || others.length > 0) {
    const got = kind === undefined ? "" : `got ${[kind, ...others].join(" and ")}, `;
    feature.problems.add(path, `${got}expected exactly one of ${kinds.join(", ")}`);
    return allEvents;
  }
  if (isGiven(reader, "time_zone") && !isCalendar(reader.raw("tumbling"))) {
    reader.wrong("time_zone", "is of tumbling: day, week or month; this window has none");
  }
  return readKind(reader, kind, context);
}

function readKind(
  reader: MessageReader,
  kind: (typeof kinds)[number],
  { exactEvents, hasValue }: WindowContext,
): FeatureWindow {
  switch (kind) {
    case "sliding":
      return { kind, sizeMs: readDuration(reader, kind, { min: 1 }) ?? 1 };
    case "hopping":
      return readHopping(reader);
    case "tumbling":
      return readTumbling(reader);
    case "session":
      return { kind, gapMs: readDuration(reader, kind, { min: 1 }) ?? 1 };
    case "last":
      return { kind, events: readLast(reader, exactEvents) };
    case "global":
      return readTrigger(reader, hasValue);
    default:
      return kind satisfies never;
  }
}

/** Whether a field without presence is there: its zero is the same as none. */
export function isGiven(reader: MessageReader, name: string): boolean {
  const value = reader.raw(name);
  return value !== undefined && value !== "" && value !== 0 && value !== 0n && value !== false;
}

function isCalendar(written: unknown): written is (typeof calendarUnits)[number] {
  return calendarUnits.some((unit) => unit === written);
}

function readHopping(window: MessageReader): FeatureWindow {
  const path = [...window.path, "hopping"];
  const fields = ["size", "slide"];
  const reader = new MessageReader(window.raw("hopping"), path, fields, window.problems);
  for (const name of fields) {
    if (!isGiven(reader, name)) reader.wrong(name, "is missing: expected a duration as 5m");
  }
  const sizeMs = readDuration(reader, "size", { min: 1 }) ?? 1;
  const slideMs = readDuration(reader, "slide", { min: 1 }) ?? sizeMs;
  if (isGiven(reader, "size") && sizeMs % slideMs !== 0) {
    reader.wrong(
      "slide",
      `got ${show(reader.raw("slide"))}, expected a duration that divides the size, ${show(reader.raw("size"))}`,
    );
  }
  return { kind: "hopping", sizeMs, slideMs };
}

function readTumbling(window: MessageReader): FeatureWindow {
  const written = window.raw("tumbling");
  if (isCalendar(written)) {
    return { kind: "calendar", unit: written, timeZone: readTimeZone(window) };
  }
  const or = ", or day, week or month";
  return { kind: "tumbling", sizeMs: readDuration(window, "tumbling", { min: 1, or }) ?? 1 };
}

function readTimeZone(window: MessageReader): string {
  const written = window.text("time_zone", limits.timeZoneBytesMax);
  if (written === "") return "UTC";
  const name = timeZoneName(written);
  if (name !== undefined) return name;
  const hint = didYouMean(written, Intl.supportedValuesOf("timeZone"));
  window.wrong("time_zone", `got ${show(written)}, expected UTC or a name as Europe/Berlin${hint}`);
  return "UTC";
}

function readLast(window: MessageReader, exactEvents: number): number {
  const events = window.integer("last", { min: 1, max: uint32Max }) ?? 1;
  if (events > exactEvents) {
    window.wrong(
      "last",
      `got ${events}, expected at most ${exactEvents}, the events that a key's log holds: raise event_time.exact_events`,
    );
  }
  return events;
}

function readTrigger(window: MessageReader, hasValue: boolean): FeatureWindow {
  const path = [...window.path, "global"];
  const fields = ["every_events", "every", "on_change"];
  const reader = new MessageReader(window.raw("global"), path, fields, window.problems);
  const onChange = reader.bool("on_change");
  if (onChange && !hasValue) {
    reader.wrong("on_change", "needs a value that changes: write of: and the name of an input");
  }
  return {
    kind: "global",
    everyEvents: reader.integer("every_events", { min: 0, max: uint32Max }) ?? 0,
    everyMs: readDuration(reader, "every", { min: 1 }) ?? 0,
    onChange,
  };
}

const comparisons = {
  equals: "category",
  differs: "category",
  less: "number",
  at_most: "number",
  greater: "number",
  at_least: "number",
  equal_to: "number",
} as const;
const ops: readonly FeatureFilter["op"][] = [
  "equals",
  "differs",
  "less",
  "at_most",
  "greater",
  "at_least",
  "equal_to",
];
const magnitude = { min: -limits.magnitudeMax, max: limits.magnitudeMax };

/** A Filter; absent or wrong (which is noted) = undefined. */
export function readFilter(
  feature: MessageReader,
  inputs: ReadonlyMap<string, Input>,
): FeatureFilter | undefined {
  const value = feature.raw("where");
  if (value === undefined) return undefined;
  const path = [...feature.path, "where"];
  const reader = new MessageReader(value, path, ["input", ...ops], feature.problems);
  if (!reader.readable) return undefined;
  const input = readInputName(reader, "input", inputs);
  const [op, ...others] = ops.filter((each) => reader.has(each));
  if (op === undefined || others.length > 0) {
    const got = op === undefined ? "" : `got ${[op, ...others].join(" and ")}, `;
    feature.problems.add(path, `${got}expected exactly one of ${ops.join(", ")}`);
    return undefined;
  }
  const type = comparisons[op];
  if (input !== undefined && input.type !== type) {
    const fitting = ops.filter((each) => comparisons[each] === input.type).join(", ");
    reader.wrong(op, `compares a ${type}, and ${show(input.name)} is a ${input.type}: ${fitting}`);
  }
  const compared =
    type === "category"
      ? reader.text(op, limits.categoryBytesMax)
      : (reader.double(op, magnitude) ?? 0);
  return { input: input?.name ?? "", op, value: compared };
}

/** A declared input by its name in a field that must be there; undefined when it is wrong, which is noted. */
function readInputName(
  reader: MessageReader,
  name: string,
  inputs: ReadonlyMap<string, Input>,
): Input | undefined {
  if (!isGiven(reader, name)) {
    reader.wrong(name, `is missing: expected the name of an input`);
    return undefined;
  }
  const written = reader.text(name, limits.inputNameBytesMax);
  const input = inputs.get(written);
  if (input === undefined && written !== "") {
    unknownInput([...reader.path, name], written, inputs.keys(), reader.problems);
  }
  return input;
}

/** Notes that no input has a name. */
export function unknownInput(
  path: Path,
  written: string,
  names: Iterable<string>,
  problems: Problems,
): void {
  const known = [...names];
  const hint = didYouMean(written, known);
  const some = known
    .slice(0, 8)
    .map((name) => show(name))
    .join(", ");
  const expected = known.length === 0 ? "; there are none" : `; expected one of ${some}`;
  problems.add(path, `got ${show(written)}, which is no declared input${hint || expected}`);
}
