import * as fc from "fast-check";
import { expect, test } from "vitest";
import { durationMsMax, formatDuration, parseDuration } from "../../../src/config/duration.ts";

test("durations are a number and a unit", () => {
  const read = ["250ms", "90s", "15m", "1.5h", "30d", "2w", "0s", " 1 m ", "0.1h", "0.001s"];
  expect(read.map(parseDuration)).toEqual([
    250, 90_000, 900_000, 5_400_000, 2_592_000_000, 1_209_600_000, 0, 60_000, 360_000, 1,
  ]);
  for (const text of [
    "",
    "5",
    "m",
    "1h30m",
    "-1s",
    "1e3s",
    "1 year",
    "1M",
    "0.5ms",
    "1.s",
    ".5s",
    "१s",
  ]) {
    expect([text, parseDuration(text)]).toEqual([text, undefined]);
  }
});

test("a duration written is the one read, in the largest unit up to days", () => {
  expect([0, 1, 90_000, 3_600_000, 86_400_000, 1_209_600_000].map(formatDuration)).toEqual([
    "0s",
    "1ms",
    "90s",
    "1h",
    "1d",
    "14d",
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: durationMsMax }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});
