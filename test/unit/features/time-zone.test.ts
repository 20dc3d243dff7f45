import { expect, test } from "vitest";
import { timeZoneName, timeZoneTransitions } from "../../../src/features/time-zone.ts";

const utc = (text: string) => Date.parse(`${text}Z`);

test("Berlin's clocks change where they did, and as they will until 2050", () => {
  const table = timeZoneTransitions("Europe/Berlin");
  expect(table.slice(0, 3)).toEqual([
    [0, 3_600_000],
    [utc("1980-04-06T01:00"), 7_200_000],
    [utc("1980-09-28T01:00"), 3_600_000],
  ]);
  expect(table.slice(-2)).toEqual([
    [utc("2050-03-27T01:00"), 7_200_000],
    [utc("2050-10-30T01:00"), 3_600_000],
  ]);
});

test("zones without a change are one entry, or none at UTC", () => {
  expect(timeZoneTransitions("UTC")).toEqual([]);
  expect(timeZoneTransitions("Asia/Tokyo")).toEqual([[0, 9 * 3_600_000]]);
  // UTC-0:44:30 until 1972.
  expect(timeZoneTransitions("Africa/Monrovia")).toEqual([
    [0, -2_670_000],
    [utc("1972-01-07T00:44:30"), 0],
  ]);
});

interface Transition {
  readonly epochMilliseconds: number;
  readonly offsetNanoseconds: number;
  getTimeZoneTransition(direction: "next"): Transition | null;
}

/** Node's own knowledge of the same database, which TypeScript has no types of. */
function expected(zone: string): [number, number][] {
  const { Temporal } = globalThis as unknown as {
    readonly Temporal: {
      Instant: { from(text: string): { toZonedDateTimeISO(zone: string): Transition } };
    };
  };
  let at: Transition | null = Temporal.Instant.from("1970-01-01T00:00Z").toZonedDateTimeISO(zone);
  const table: [number, number][] = [];
  for (
    ;
    at !== null && at.epochMilliseconds < Date.UTC(2051, 0, 1);
    at = at.getTimeZoneTransition("next")
  ) {
    const offset = at.offsetNanoseconds / 1e6;
    // Some transitions change the name only.
    if (table.length === 0 || table.at(-1)?.[1] !== offset)
      table.push([at.epochMilliseconds, offset]);
  }
  return table.length === 1 && table[0]?.[1] === 0 ? [] : table;
}

test.each([
  "Europe/London",
  "America/New_York",
  "America/Sao_Paulo",
  "Africa/Casablanca",
  "Africa/El_Aaiun",
  "Asia/Gaza",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Asia/Pyongyang",
  "Antarctica/Troll",
  "Asia/Kathmandu",
  "Africa/Cairo",
  "America/Argentina/San_Luis",
  "Europe/Istanbul",
])("%s is as Node knows it", (zone) => {
  expect(timeZoneTransitions(zone)).toEqual(expected(zone));
  expect(timeZoneTransitions(zone).length).toBeLessThan(256);
});

test("a name is known in any case, and only where it is a zone's", () => {
  expect(timeZoneName("europe/berlin")).toBe("Europe/Berlin");
  expect(timeZoneName("UTC")).toBe("UTC");
  for (const written of ["", "Europe/Berlim", "+01:00", "Mars/Olympus", "__proto__"]) {
    expect(timeZoneName(written)).toBeUndefined();
  }
});
