import { limits } from "../config/limits.ts";
import { nameProblem, textProblem } from "../config/message-reader.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { EventInput } from "../domain/event.ts";

/** A row whose columns nobody knows yet. */
export interface NamedRow {
  readonly id: string;
  readonly key: string;
  /** 0 = arrival. */
  readonly timeUnixMs: number;
  /** By name; numbers are finite and within 1e100. Whatever is neither a number nor null keeps its column out of the model. */
  readonly fields: Iterable<readonly [name: string, value: unknown]>;
}

interface Column {
  readonly index: number;
  /** Whether a number was there. */
  numeric: boolean;
  /** Whether something was there that can be no number of a model: text, a list, an object. */
  spoiled: boolean;
}

interface KeptRow {
  readonly id: string;
  readonly key: string;
  readonly timeUnixMs: number;
  /** By column index; shorter than the columns that came later. NaN = missing. */
  readonly values: Float64Array;
  /** Texts of the fields that will be encoded. */
  readonly categories: ReadonlyMap<string, string>;
}

const noCategories: ReadonlyMap<string, string> = new Map();
const noNumbers: ReadonlyMap<string, number> = new Map();

/** Values that all detectors' kept rows hold together. */
export interface Room {
  values: number;
}

/** Rows that have left are cut off so many at a time: cutting moves all others. */
const CUT_ROWS = 256;
/** What a row takes beside its values, in numbers. */
const ROW_VALUES = 16;

/** The rows of a detector until its columns are known: the newest ones, packed. */
export class KeptRows {
  private readonly rows: KeptRow[] = [];
  /** Index of the oldest row that has not left. */
  private first = 0;
  /** Rows that were taken out, in their order. */
  private readonly taken: KeptRow[] = [];
  private readonly columns = new Map<string, Column>();
  private readonly ids = new Set<string>();
  private readonly room: Room;
  /** Columns that one number column makes: itself and its rolling features. */
  readonly columnsEach: number;
  /** Fields whose texts will be encoded. */
  private readonly encoded: ReadonlySet<string>;

  constructor(room: Room, columnsEach: number, encoded: ReadonlySet<string> = new Set()) {
    this.room = room;
    this.columnsEach = columnsEach;
    this.encoded = encoded;
  }

  get length(): number {
    return this.rows.length - this.first;
  }

  /** Names of the columns that can be a model's, in the order in which they were first seen. */
  numberNames(): string[] {
    return [...this.columns].filter(([, column]) => isNumber(column)).map(([name]) => name);
  }

  /** Whether a row with this id of this key is among them. */
  holds({ id, key }: Pick<NamedRow, "id" | "key">): boolean {
    return id !== "" && this.ids.has(idName(key, id));
  }

  /** Throws what makes the rows too much, or their names no names; nothing has changed then. */
  check(rows: readonly NamedRow[]): void {
    /** Columns that these rows change: whether they make a number column of them. */
    const fresh = new Map<string, boolean>();
    let values = 0;
    for (const [index, row] of rows.entries()) {
      for (const [name, value] of row.fields) this.look(name, value, { index, fresh });
      values += this.columns.size + fresh.size + ROW_VALUES;
      // Further rows can only add to them.
      if (fresh.size > limits.inputsMax) this.checkWidth(fresh);
    }
    this.checkWidth(fresh);
    if (this.room.values + values > limits.discoveryValuesMax) throw noRoom();
  }

  private checkWidth(fresh: ReadonlyMap<string, boolean>): void {
    if (fresh.size === 0) return;
    const all = new Set([...this.columns.keys(), ...fresh.keys()]).size;
    const numbers = [...fresh.values()].reduce((sum, each) => sum + Number(each), 0);
    const columns = (this.numberNames().length + numbers) * this.columnsEach;
    if (all > limits.inputsMax || columns > limits.modelColumnsMax) throw tooWide(all, columns);
  }

  /** Keeps a row that was checked. */
  add(row: NamedRow): void {
    const values: number[] = [];
    const categories = new Map<string, string>();
    for (const [name, value] of row.fields) {
      if (this.encoded.has(name)) {
        if (typeof value === "string") categories.set(name, value);
        continue;
      }
      const column = this.column(name);
      if (typeof value === "number") {
        column.numeric = true;
        while (values.length < column.index) values.push(Number.NaN);
        values[column.index] = value;
      } else if (typeof value === "string" || (typeof value === "object" && value !== null)) {
        column.spoiled = true;
      }
    }
    const { id, key, timeUnixMs } = row;
    if (id !== "") this.ids.add(idName(key, id));
    const kept = {
      id,
      key,
      timeUnixMs,
      values: Float64Array.from(values),
      categories: categories.size === 0 ? noCategories : categories,
    };
    this.room.values += sizeOf(kept);
    this.rows.push(kept);
  }

  categories(): readonly ReadonlyMap<string, string>[] {
    return this.rows.slice(this.first).map(({ categories }) => categories);
  }

  dropOldest(): void {
    const dropped = this.rows[this.first];
    if (dropped === undefined) return;
    this.first++;
    if (this.first === CUT_ROWS) this.cut();
    this.room.values -= sizeOf(dropped);
    if (dropped.id !== "") this.ids.delete(idName(dropped.key, dropped.id));
  }

  /** Takes the oldest rows out, up to a `giveBack`, as events by position over the columns `names`. */
  take(count: number, names: readonly string[]): EventInput[] {
    const indices = names.map((name) => this.columns.get(name)?.index ?? -1);
    this.cut();
    return this.rows.splice(0, count).map((row) => {
      this.taken.push(row);
      const { id, key, timeUnixMs, categories, values } = row;
      return {
        id,
        key,
        timeUnixMs,
        numbers: noNumbers,
        categories,
        values: indices.map((index) => values[index] ?? Number.NaN),
        systemAction: "",
      };
    });
  }

  /** What was taken out is there again. */
  giveBack(): void {
    this.cut();
    this.rows.unshift(...this.taken.splice(0));
  }

  /** Forgets them all. */
  clear(): void {
    this.giveBack();
    for (const row of this.rows) this.room.values -= sizeOf(row);
    this.rows.length = 0;
    this.columns.clear();
    this.ids.clear();
  }

  private cut(): void {
    this.rows.splice(0, this.first);
    this.first = 0;
  }

  private look(
    name: string,
    value: unknown,
    { index, fresh }: { readonly index: number; readonly fresh: Map<string, boolean> },
  ): void {
    if (this.encoded.has(name)) return;
    const known = this.columns.get(name);
    if (known === undefined) {
      const seen = fresh.get(name);
      if (seen === undefined) checkName(name, index);
      if (seen !== true) fresh.set(name, typeof value === "number");
    } else if (!known.numeric && !known.spoiled && typeof value === "number") {
      fresh.set(name, true);
    }
  }

  private column(name: string): Column {
    let column = this.columns.get(name);
    if (column === undefined) {
      column = { index: this.columns.size, numeric: false, spoiled: false };
      this.columns.set(name, column);
    }
    return column;
  }
}

/** In numbers; a text counts as four and two characters each. */
function sizeOf({ values, categories }: KeptRow): number {
  let size = ROW_VALUES + values.length;
  for (const text of categories.values()) size += 4 + (text.length >>> 1);
  return size;
}

function isNumber({ numeric, spoiled }: Column): boolean {
  return numeric && !spoiled;
}

function idName(key: string, id: string): string {
  return `${key.length}:${key}${id}`;
}

function checkName(name: string, row: number): void {
  const problem = textProblem(name, limits.inputNameBytesMax) ?? nameProblem(name);
  if (problem === undefined) return;
  throw WeirError.invalid("INVALID_NAME", `data[${row}]`, `the name of a field: ${problem}`);
}

/** RESOURCE_EXHAUSTED: the rows' fields are too many for a model. */
export function tooWide(names: number, columns: number): WeirError {
  const { inputsMax, modelColumnsMax } = limits;
  return new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "TOO_MANY_COLUMNS",
    `the rows have ${names} fields, which make ${columns} columns with their rolling features and lags; at most ${inputsMax} fields and ${modelColumnsMax} columns are taken`,
  );
}

function noRoom(): WeirError {
  return new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "QUEUE_FULL",
    `detectors that wait for their first training hold ${limits.discoveryValuesMax} values together, the limit; delete one, or lower min_samples`,
  );
}
