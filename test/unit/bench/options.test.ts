import { expect, test } from "vitest";
import { parseOptions, scales, suiteNames } from "../../../bench/options.ts";

test("everything runs in full by default", () => {
  const options = parseOptions([]);
  expect(options.scale).toBe(scales.full);
  expect([...options.suites]).toEqual([...suiteNames]);
});

test("--only may be repeated; a suite that does not exist is named", () => {
  expect([...parseOptions(["--only", "frames", "--only", "idle", "--tiny"]).suites]).toEqual([
    "frames",
    "idle",
  ]);
  expect(() => parseOptions(["--only", "nothing"])).toThrow(/--only nothing: no such suite/);
});
