/* Local days, weeks and months as Intl tells them: found by asking it for the date of one moment after another. */

const formats = new Map<string, Intl.DateTimeFormat>();
const starts = new Map<string, number>();

const dayMs = 86_400_000;

interface LocalDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** The date on a wall calendar in that zone. */
export function localDate(timeMs: number, timeZone: string): LocalDate {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  return {
    year: Number(parts.get("year")),
    month: Number(parts.get("month")),
    day: Number(parts.get("day")),
  };
}

/** Days since the epoch of a date, as if it were UTC's. */
function dayNumber({ year, month, day }: LocalDate): number {
  return Date.UTC(year, month - 1, day) / dayMs;
}

/** The first moment of the local day, week (from Monday) or month that the time is in. */
export function calendarStart(
  timeMs: number,
  unit: "day" | "week" | "month",
  timeZone: string,
): number {
  const date = localDate(timeMs, timeZone);
  const today = dayNumber(date);
  const first =
    unit === "day"
      ? today
      : unit === "week"
        ? today - ((today + 3) % 7)
        : dayNumber({ ...date, day: 1 });
  const name = `${timeZone} ${first}`;
  let start = starts.get(name);
  if (start === undefined) {
    start = firstMoment(first, timeZone, timeMs);
    starts.set(name, start);
  }
  return start;
}

/** The first moment that has that date or a later one; the time given is one. */
function firstMoment(day: number, timeZone: string, timeMs: number): number {
  let before = day * dayMs - 2 * dayMs;
  let after = timeMs;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dayNumber(localDate(middle, timeZone)) >= day) after = middle;
    else before = middle;
  }
  return after;
}
