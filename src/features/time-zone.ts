/**
 * From when on which offset from UTC is in force: `[fromMs, offsetMs]`, ascending. Local time = UTC + offset. Before the first one its own
 * offset holds. [] = UTC all the time.
 */
export type Transitions = readonly (readonly [fromMs: number, offsetMs: number])[];

/** What a table covers: 1970 to 2050. After it the last offset stays. */
const FIRST_MS = 0;
const LAST_MS = Date.UTC(2051, 0, 1);
/** No zone has an offset for less time: the shortest is Gaza's week of summer time between Ramadan and winter in 2040. */
const STEP_MS = 3 * 86_400_000;

const tables = new Map<string, Transitions>();

/** The name as the time zone database spells it; undefined = there is no such zone. */
export function timeZoneName(written: string): string | undefined {
  // Intl takes +01:00, too, which no calendar follows.
  if (!/^[A-Za-z]/.test(written)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: written }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Of a name that `timeZoneName` gave. About 20 ms for a zone's first time, then kept: there are some 600 zones. */
export function timeZoneTransitions(name: string): Transitions {
  let table = tables.get(name);
  if (table === undefined) {
    table = search(offsets(name));
    tables.set(name, table);
  }
  return table;
}

function search(offsetAt: (ms: number) => number): Transitions {
  const transitions: [number, number][] = [];
  let before = offsetAt(FIRST_MS);
  if (before !== 0) transitions.push([FIRST_MS, before]);
  for (let from = FIRST_MS; from < LAST_MS; from += STEP_MS) {
    const to = Math.min(from + STEP_MS, LAST_MS);
    const after = offsetAt(to);
    if (after === before) continue;
    // The first second with the new offset.
    let [low, high] = [from / 1000, to / 1000];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle * 1000) === before) low = middle;
      else high = middle;
    }
    if (transitions.length === 0) transitions.push([FIRST_MS, before]);
    transitions.push([high * 1000, after]);
    before = after;
  }
  return transitions;
}

const clock = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/;

/** ms by which a zone's clocks are ahead of UTC at a whole second. */
function offsets(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  });
  return (ms) => {
    const [, month, day, year, hour, minute, second] = (clock.exec(format.format(ms)) ?? []).map(
      Number,
    );
    if (year === undefined || month === undefined) throw new Error(`no clock in ${timeZone}`);
    return Date.UTC(year, month - 1, day, hour, minute, second) - ms;
  };
}
