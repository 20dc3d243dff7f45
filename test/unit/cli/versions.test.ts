import { expect, test } from "vitest";
import { versionTable } from "../../../src/cli/versions.ts";

test("one event to go is one event, and without a journal there are no positions", () => {
  expect(
    versionTable([
      { version: 2, state: "VERSION_STATE_LEARNING", eventsUntilReady: "1" },
      { version: 1, state: "VERSION_STATE_SERVING", fromPosition: "0" },
    ]).map((line) => line.split(/ {2,}/).filter((cell) => cell !== "")),
  ).toEqual([
    ["version", "state", "made", "answered", "events", "began"],
    ["2", "learning, 1 event to go", "not yet", "0", "cold"],
    ["1", "serving", "0", "cold"],
  ]);
});
