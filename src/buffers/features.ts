import { limits } from "../config/limits.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { instantiateModels } from "../models/module.ts";
import type { ModelExports } from "../models/module.ts";
import { createMemory } from "../shard/module.ts";
import type { RowBuffer } from "./buffer.ts";
import type { Column } from "./column.ts";
import { derivedColumns, deriveTable } from "./derive.ts";

export const statistics = ["mean", "std", "min", "max"] as const;
export type Statistic = (typeof statistics)[number];

export interface FeatureRequest {
  readonly windows: readonly number[];
  readonly lags: readonly number[];
  readonly statistics: readonly Statistic[];
  /** Only the last rows; 0 = all. */
  readonly tail: number;
}

/** A column of an answer: cells of a buffer's own column, or numbers. */
interface AnswerColumn {
  readonly name: string;
  cell(row: number): number | string | boolean | null;
}

const CELLS_MAX = limits.bufferAnswerCellsMax;
const CHARS_MAX = limits.bufferAnswerCharsMax;
const RETRY_AFTER_MS = 1000;
/** Cells of an answer that are written in one go; the event loop gets a turn after them. */
const CHUNK_CELLS = 50_000;
/** The kernel's memory for one answer: address space, used as it is touched. */
const MEMORY_BYTES = 512 * 1024 * 1024;

/** Rows of buffers with their rolling features, as JSON. Computes in a memory of its own, one answer after the other. */
export class FeatureFrames {
  private readonly module: WebAssembly.Module;
  private kernel: ModelExports | undefined;
  private memory: WebAssembly.Memory | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  /** Characters of answers that are on their way. */
  private held = 0;

  constructor(module: WebAssembly.Module) {
    this.module = module;
  }

  /**
   * `{object, buffer_id, rows, columns, data}` of a buffer as it is when its turn comes. Features are computed over all of its rows,
   * of which `tail` is answered. A feature takes the place of a column that was posted under its name, as in Polars.
   * RESOURCE_EXHAUSTED when that is more than one answer holds, or when too many wait.
   */
  async write(buffer: RowBuffer, request: FeatureRequest): Promise<string> {
    if (this.waiting >= limits.bufferAnswersMax || this.held > limits.bufferAnswersCharsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `${this.waiting} requests for buffers' rows wait and ${this.held} characters of answers are not taken yet, the limit; try again soon`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    this.waiting++;
    const text = this.last.then(() => this.compute(buffer, request));
    this.last = text.catch(() => undefined);
    try {
      return await text;
    } finally {
      this.waiting--;
    }
  }

  /** Counts an answer's characters until what it returns is called. */
  hold(characters: number): () => void {
    this.held += characters;
    return () => {
      this.held -= characters;
    };
  }

  private async compute(buffer: RowBuffer, request: FeatureRequest): Promise<string> {
    const rows = request.tail > 0 ? Math.min(request.tail, buffer.rows) : buffer.rows;
    if (rows === 0) return writeFrame(buffer.id, [], 0);
    const numeric = buffer.columns.filter((column) => column.isNumeric);
    // What the first answered row needs of the rows before it.
    const history = Math.max(0, ...request.windows, ...request.lags);
    const count = Math.min(buffer.rows, rows + history);
    const names = featureNames("", request);
    const columns = buffer.columns.length + numeric.length * names.length;
    if (Math.max(rows * columns, names.length === 0 ? 0 : count * numeric.length) > CELLS_MAX) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "ANSWER_TOO_LARGE",
        `${rows} rows of ${columns} columns, computed from ${count} rows, are more than ${CELLS_MAX} cells, the limit of one answer; ask for a tail`,
      );
    }
    // All cells are read before anything else can change them.
    const own = buffer.columns.map((column) => ownColumn(buffer, column, rows));
    const tables =
      names.length === 0 ? [] : numeric.map((column) => tableOf(buffer, column, count));
    const derived: AnswerColumn[] = [];
    for (const { name, values } of tables) {
      derived.push(...this.derive(name, values, rows, request));
      await turn();
    }
    return writeFrame(buffer.id, joined(own, derived), rows);
  }

  /** One column's features over its values, of the last `rows`. */
  private derive(
    name: string,
    values: Float64Array,
    rows: number,
    request: FeatureRequest,
  ): readonly AnswerColumn[] {
    // Longer than the values are, they are all zeros.
    const asked = request.statistics.length === 0 ? [] : request.windows;
    const windows = asked.filter((window) => window <= values.length);
    const lags = request.lags.filter((lag) => lag < values.length);
    const width = derivedColumns({ columns: 1, windows, lags });
    const memory = (this.memory ??= createMemory(MEMORY_BYTES));
    const kernel = (this.kernel ??= instantiateModels(this.module, memory));
    const table = { columns: 1, rows: values, windows, lags };
    const all = deriveTable(kernel, memory, table).slice((values.length - rows) * width);
    const offsets = new Map(
      featureNames(name, { ...request, windows, lags, statistics }).map((each, i) => [each, i + 1]),
    );
    return featureNames(name, request).map((feature) => {
      const offset = offsets.get(feature);
      if (offset === undefined) return { name: feature, cell: () => 0 };
      return { name: feature, cell: (row: number) => all[row * width + offset] ?? 0 };
    });
  }
}

function ownColumn(buffer: RowBuffer, column: Column, rows: number): AnswerColumn {
  const first = buffer.rows - rows;
  const cells = Array.from({ length: rows }, (_, i) => column.get(buffer.at(first + i)));
  return { name: column.name, cell: (row) => cells[row] ?? null };
}

/** Own columns, a feature in the place of one that has its name; then the other features. */
function joined(
  own: readonly AnswerColumn[],
  derived: readonly AnswerColumn[],
): readonly AnswerColumn[] {
  const byName = new Map([...own, ...derived].map((column) => [column.name, column]));
  return [...byName.values()];
}

/** The last `count` values of a column, NaN = null. */
function tableOf(
  buffer: RowBuffer,
  column: Column,
  count: number,
): { readonly name: string; readonly values: Float64Array } {
  const first = buffer.rows - count;
  const values = Float64Array.from({ length: count }, (_, i) =>
    column.number(buffer.at(first + i)),
  );
  return { name: column.name, values };
}

/** The names of a column's features, in the order of their columns. */
function featureNames(
  column: string,
  { windows, lags, statistics: wanted }: FeatureRequest,
): readonly string[] {
  return [
    ...windows.flatMap((window) =>
      wanted.map((statistic) => `${column}_rolling_${statistic}_${window}`),
    ),
    ...lags.map((lag) => `${column}_lag_${lag}`),
  ];
}

/** Lets the event loop do something else. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function writeFrame(
  id: string,
  columns: readonly AnswerColumn[],
  rows: number,
): Promise<string> {
  const names = columns.map(({ name }) => JSON.stringify(name));
  const parts = [
    `{"object":"polars_data","buffer_id":${JSON.stringify(id)},"rows":${rows},"columns":[${names.join(",")}],"data":[`,
  ];
  // Names and the shortest cells.
  const least = rows * names.reduce((sum, name) => sum + name.length + 3, 2);
  if (least > CHARS_MAX) throw tooLong(columns.length, rows);
  let characters = 0;
  const chunk = Math.max(1, Math.floor(CHUNK_CELLS / Math.max(1, columns.length)));
  for (let row = 0; row < rows; row++) {
    if (row > 0 && row % chunk === 0) await turn();
    const cells = columns.map((column, c) => `${names[c]}:${textOf(column.cell(row))}`);
    const part = `${row === 0 ? "" : ","}{${cells.join(",")}}`;
    characters += part.length;
    if (characters > CHARS_MAX) throw tooLong(columns.length, rows);
    parts.push(part);
  }
  parts.push("]}");
  return parts.join("");
}

function tooLong(columns: number, rows: number): WeirError {
  return new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "ANSWER_TOO_LARGE",
    `${rows} rows of ${columns} columns are more than ${CHARS_MAX} characters, the limit of one answer; ask for a tail`,
  );
}

function textOf(cell: number | string | boolean | null): string {
  if (typeof cell === "string") return JSON.stringify(cell);
  // An overflow of huge values has no JSON number.
  if (typeof cell === "number" && !Number.isFinite(cell)) return "null";
  return String(cell);
}
