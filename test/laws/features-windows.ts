import type { FeatureFilter, FeatureWindow } from "../../src/domain/detector.ts";
import { calendarStart } from "./features-calendar.ts";

/* Which events a window has, by definition: filtered out of all events of a key. */

export type Value = number | string;

/** An event in its place: `values` as they came, `timeMs` as a policy has it. */
export interface Placed {
  readonly timeMs: number;
  readonly values: ReadonlyMap<string, Value>;
}

export interface Member {
  readonly timeMs: number;
  readonly value: Value;
}

/** What a feature is computed of: the events before it, and the event unless there is none. */
export interface Moment {
  readonly before: readonly Placed[];
  readonly current: Placed | undefined;
  readonly timeMs: number;
}

/** Members, when their window began, and as of when it is. */
export interface Span {
  readonly members: readonly Member[];
  readonly fromMs: number;
  readonly toMs: number;
}

const always = 1;

/** How many events of a log are at or before that time. */
export function countUntil(log: readonly Placed[], timeMs: number): number {
  let count = log.length;
  while (count > 0 && (log[count - 1]?.timeMs ?? 0) > timeMs) count--;
  return count;
}

const comparisons: Readonly<Record<FeatureFilter["op"], (value: Value, to: Value) => boolean>> = {
  equals: (value, to) => value === to,
  differs: (value, to) => value !== to,
  less: (value, to) => value < to,
  at_most: (value, to) => value <= to,
  greater: (value, to) => value > to,
  at_least: (value, to) => value >= to,
  equal_to: (value, to) => value === to,
};

/** What is missing passes none. */
function passes(filter: FeatureFilter | undefined, { values }: Placed): boolean {
  if (filter === undefined) return true;
  const value = values.get(filter.input);
  return value !== undefined && comparisons[filter.op](value, filter.value);
}

/** The value of an event; every event has one of "". */
export function valueOf(event: Placed | undefined, of: string): Value | undefined {
  return of === "" ? always : event?.values.get(of);
}

export function membersOf(events: readonly Placed[], of: string): Member[] {
  return events.flatMap((event) => {
    const value = valueOf(event, of);
    return value === undefined ? [] : [{ timeMs: event.timeMs, value }];
  });
}

/** The window's members; without the event itself where it is not to be counted. */
export function spanOf(
  { of, window, where }: { of: string; window: FeatureWindow; where: FeatureFilter | undefined },
  { before, current, timeMs }: Moment,
  excludeCurrent: boolean,
): Span {
  const all = current === undefined || excludeCurrent ? before : [...before, current];
  const events = all.filter((event) => passes(where, event));
  if (window.kind === "last") {
    const members = membersOf(events, of).slice(-window.events);
    return { members, fromMs: startOf(members, timeMs), toMs: members.at(-1)?.timeMs ?? timeMs };
  }
  if (window.kind === "global") {
    const members = firedOf(membersOf(events, of), window);
    return { members, fromMs: startOf(members, timeMs), toMs: timeMs };
  }
  if (window.kind === "session") {
    const session = sessionOf(events, window.gapMs, timeMs);
    return { members: membersOf(session, of), fromMs: startOf(session, timeMs), toMs: timeMs };
  }
  const { after, from, to } = boundsOf(window, timeMs);
  const inside = events.filter(
    (event) => (after ? event.timeMs > from : event.timeMs >= from) && event.timeMs <= to,
  );
  return { members: membersOf(inside, of), fromMs: from, toMs: timeMs };
}

/** The first one's time; of none the time as of which it is. */
function startOf(events: readonly { readonly timeMs: number }[], timeMs: number): number {
  return events[0]?.timeMs ?? timeMs;
}

/** The events back to the first gap, from a time on. */
function sessionOf(events: readonly Placed[], gapMs: number, timeMs: number): readonly Placed[] {
  let first = events.length;
  for (let edge = timeMs; first > 0; first--) {
    const previous = events[first - 1]?.timeMs ?? Number.NEGATIVE_INFINITY;
    if (edge - previous > gapMs) break;
    edge = previous;
  }
  return events.slice(first);
}

/** (from, to] where `after`, else [from, to]. */
function boundsOf(
  window: Extract<FeatureWindow, { kind: "sliding" | "hopping" | "tumbling" | "calendar" }>,
  timeMs: number,
): { after: boolean; from: number; to: number } {
  switch (window.kind) {
    case "sliding":
      return { after: true, from: timeMs - window.sizeMs, to: timeMs };
    case "hopping": {
      const end = Math.floor(timeMs / window.slideMs) * window.slideMs;
      return { after: true, from: end - window.sizeMs, to: end };
    }
    case "tumbling":
      return {
        after: false,
        from: Math.floor(timeMs / window.sizeMs) * window.sizeMs,
        to: timeMs,
      };
    case "calendar":
      return {
        after: false,
        from: calendarStart(timeMs, window.unit, window.timeZone),
        to: timeMs,
      };
    default:
      return window satisfies never;
  }
}

/** The members up to the last one at which the trigger fired. */
function firedOf(
  members: readonly Member[],
  { everyEvents, everyMs, onChange }: Extract<FeatureWindow, { kind: "global" }>,
): readonly Member[] {
  if (everyEvents === 0 && everyMs === 0 && !onChange) return members;
  let fired = 0;
  let firedMs = Number.NEGATIVE_INFINITY;
  for (const [i, { timeMs, value }] of members.entries()) {
    const due =
      (everyEvents > 0 && (i + 1) % everyEvents === 0) ||
      (everyMs > 0 && Math.floor(timeMs / everyMs) * everyMs > firedMs) ||
      (onChange && value !== members[i - 1]?.value);
    if (!due) continue;
    fired = i + 1;
    firedMs = timeMs;
  }
  return members.slice(0, fired);
}
