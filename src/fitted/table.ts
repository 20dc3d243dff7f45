import { setImmediate as nextTurn } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import { show } from "../config/problems.ts";
import type { Encoder, Row } from "../encode/encoder.ts";
import { WholeFloat } from "../encode/python.ts";
import type { Cell } from "../encode/python.ts";
import { FittedError } from "./errors.ts";

/** Rows of numbers: row-major, NaN = missing. */
export interface Table {
  readonly values: Float64Array<ArrayBuffer>;
  readonly rows: number;
  readonly columns: number;
}

/** Cells encoded or learned before other work gets a turn: about a millisecond. */
const turnCells = 2000;

/** Lists of numbers, all equally long; NaN = missing. `invalid`, `too_large`. */
export function tableOfLists(lists: readonly (readonly number[])[]): Table {
  const columns = lists[0]?.length ?? 0;
  checkSize(lists.length, columns);
  const values = new Float64Array(lists.length * columns);
  for (const [i, list] of lists.entries()) {
    if (list.length !== columns) {
      throw new FittedError(
        "invalid",
        `data[${i}] has ${list.length} numbers, expected ${columns} as data[0] has`,
      );
    }
    for (const [j, value] of list.entries()) {
      if (Math.abs(value) > limits.magnitudeMax) {
        const beyond = `got ${value}, expected a magnitude of at most ${limits.magnitudeMax}`;
        throw new FittedError("invalid", `data[${i}][${j}]: ${beyond}`);
      }
      values[i * columns + j] = value;
    }
  }
  return { values, rows: lists.length, columns };
}

/** Objects by a fitted encoder, in slices, so that other work goes on meanwhile. `too_large`. */
export async function tableOfObjects(rows: readonly Row[], encoder: Encoder): Promise<Table> {
  const columns = encoder.columns.length;
  checkSize(rows.length, columns);
  const values = new Float64Array(rows.length * columns);
  await inTurns(rows, columns, (row, i) => encoder.encode(row, values, i * columns));
  return { values, rows: rows.length, columns };
}

/** Calls back for every row, `cells` of work each, and lets other work in between. */
export async function inTurns<T>(
  rows: readonly T[],
  cells: number,
  each: (row: T, index: number) => void,
): Promise<void> {
  const turnRows = Math.max(1, Math.floor(turnCells / Math.max(1, cells)));
  for (const [i, row] of rows.entries()) {
    if (i > 0 && i % turnRows === 0) await nextTurn();
    each(row, i);
  }
}

/** Objects as rows for an encoder: their fields of these names are values that can be encoded. `invalid`. */
export async function rowsOfObjects(
  objects: readonly Readonly<Record<string, unknown>>[],
  fields: readonly string[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await inTurns(objects, fields.length, (object, i) => {
    if (hasCells(object, fields)) rows.push(object);
    else throw wrongCell(object, fields, i);
  });
  return rows;
}

/** Other fields may hold whatever they do: an encoder does not look at them. */
function hasCells(
  object: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): object is Row {
  return fields.every((field) => isCell(object[field]) || !Object.hasOwn(object, field));
}

function isCell(value: unknown): value is Cell {
  return (
    value === null ||
    (typeof value !== "object" && typeof value !== "function") ||
    value instanceof WholeFloat
  );
}

function wrongCell(
  object: Readonly<Record<string, unknown>>,
  fields: readonly string[],
  index: number,
): FittedError {
  const field = fields.find((each) => !hasCells(object, [each])) ?? "";
  return new FittedError(
    "invalid",
    `data[${index}].${field}: got ${show(object[field])}, expected text, a number, true, false or null`,
  );
}

/** Before anything is made of them. `invalid`, `too_large`. */
export function checkSize(rows: number, columns: number): void {
  const { fitRowsMax, fitNumbersMax, modelColumnsMax } = limits;
  if (rows === 0) throw new FittedError("invalid", "data is empty, expected at least one row");
  if (columns === 0) throw new FittedError("invalid", "data has no columns");
  if (columns > modelColumnsMax) {
    throw new FittedError(
      "too_large",
      `data has ${columns} columns, at most ${modelColumnsMax} are taken`,
    );
  }
  if (rows > fitRowsMax) {
    throw new FittedError("too_large", `data has ${rows} rows, at most ${fitRowsMax} are taken`);
  }
  if (rows * columns > fitNumbersMax) {
    throw new FittedError(
      "too_large",
      `data has ${rows} rows of ${columns} columns, at most ${fitNumbersMax} numbers are taken`,
    );
  }
}
