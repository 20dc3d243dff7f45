import { describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { WholeFloat } from "../../../src/encode/python.ts";
import { FittedError } from "../../../src/fitted/errors.ts";
import { checkSize, inTurns, rowsOfObjects, tableOfLists } from "../../../src/fitted/table.ts";

function refusal(action: () => unknown): FittedError {
  try {
    action();
  } catch (error) {
    if (error instanceof FittedError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a table", () => {
  it("holds lists row by row, with what is missing", () => {
    const table = tableOfLists([
      [1, Number.NaN],
      [3, 4],
    ]);
    expect(table).toEqual({ values: Float64Array.of(1, Number.NaN, 3, 4), rows: 2, columns: 2 });
  });

  it.each([
    ["no rows", [], "invalid", "data is empty"],
    ["no columns", [[]], "invalid", "no columns"],
    ["rows that differ", [[1], [1, 2]], "invalid", "data[1] has 2 numbers, expected 1"],
    ["a number that is too large", [[1], [-1e101]], "invalid", "data[1][0]: got -1e+101"],
  ] as const)("refuses %s", (_, lists, reason, what) => {
    const error = refusal(() => tableOfLists(lists));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(what);
  });

  it.each([
    [1, limits.modelColumnsMax + 1, "1025 columns"],
    [limits.fitRowsMax + 1, 1, "100001 rows"],
    [100_000, 1000, "8388608 numbers"],
  ])("refuses %d x %d before anything is made of it", (rows, columns, what) => {
    const error = refusal(() => checkSize(rows, columns));
    expect(error.reason).toBe("too_large");
    expect(error.message).toContain(what);
  });

  it("takes only values that can be encoded, of the fields that are", async () => {
    const rows = [{ a: 1, b: null, c: [1] }, { a: new WholeFloat(1) }];
    expect(await rowsOfObjects(rows, ["a", "b", "constructor"])).toEqual(rows);
    await expect(rowsOfObjects(rows, ["a", "c"])).rejects.toThrow("data[0].c: got a list");
  });

  it("lets other work in between", async () => {
    let turns = 0;
    const other = setInterval(() => turns++, 0);
    let seen = 0;
    await inTurns(Array.from({ length: 100_000 }), 2, (_, i) => {
      expect(i).toBe(seen++);
    });
    clearInterval(other);
    expect(seen).toBe(100_000);
    expect(turns).toBeGreaterThan(3);
  });
});
