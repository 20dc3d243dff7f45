import { expect, test } from "vitest";
import { readShuttle } from "../../../src/demo/shuttle.ts";

test("the Shuttle table is all there", () => {
  const { columns, values, labels } = readShuttle();
  expect(columns).toHaveLength(9);
  expect(values).toHaveLength(45_000);
  expect(labels.reduce((sum, label) => sum + label, 0)).toBe(399);
  expect(values.every(Number.isFinite)).toBe(true);
});
