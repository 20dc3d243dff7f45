import { limits } from "../config/limits.ts";
import { Timeliness } from "../domain/verdict.ts";
import { Status } from "../shard/layout.ts";
import type { Counts } from "./checkpoint.ts";
import type { Derived, Engine } from "./engine.ts";
import type { OutputValues, OutputWriter } from "./output.ts";
import type { ColumnOptions, Plan } from "./plan.ts";
import { RowFault, type Block } from "./rows.ts";
import type { RowStager } from "./stage-row.ts";

interface BatchParts {
  readonly engine: Engine;
  readonly stager: RowStager;
  readonly plan: Plan;
  readonly columns: ColumnOptions;
}

/** A row that found no room. */
interface Roomless {
  /** Position in its block. */
  readonly row: number;
  readonly message: string;
}

type KeptValues = (string | undefined)[] | Float64Array;

const timelinessNames = Object.entries(Timeliness).map(([name]) => name.toLowerCase());

/** Rows on their way through the kernel: what is written beside their features waits here. */
export class Batch {
  /** Written, over all batches. */
  rows = 0;
  private refused = 0;
  private oldestMs = Number.POSITIVE_INFINITY;
  private newestMs = Number.NEGATIVE_INFINITY;
  private pending = 0;
  private readonly keys: string[] = [];
  private readonly times: Float64Array;
  private readonly created: Float64Array;
  private readonly kept: readonly KeptValues[];
  /** Positions in the block. */
  private readonly blockRows: Uint32Array;
  private readonly defaultedInputs: (readonly string[])[] = [];
  private readonly defaulted: string[] = [];
  private readonly timeliness: string[] = [];
  private readonly parts: BatchParts;
  private readonly writer: OutputWriter;

  constructor(parts: BatchParts, writer: OutputWriter) {
    const { rowsMax } = parts.engine;
    this.parts = parts;
    this.writer = writer;
    this.times = new Float64Array(rowsMax);
    this.created = new Float64Array(rowsMax);
    this.blockRows = new Uint32Array(rowsMax);
    this.kept = parts.plan.keep.map(({ type }) =>
      type === "text" ? [] : new Float64Array(rowsMax),
    );
  }

  goOn({ rows, refused, oldestMs, newestMs }: Counts): void {
    this.rows = rows;
    this.refused = refused;
    this.oldestMs = oldestMs;
    this.newestMs = newestMs;
  }

  counts(): Omit<Counts, "skipped"> {
    const { rows, refused, oldestMs, newestMs } = this;
    return { rows, refused, oldestMs, newestMs, arrivalMs: this.parts.stager.arrivalMs };
  }

  /** Whether it is to be flushed before the next row. */
  get isFull(): boolean {
    return !this.parts.engine.fits(limits.keyBytesMax);
  }

  /** Throws a RowFault when the row cannot be taken. */
  add(block: Block, row: number): void {
    const { stager, engine, columns } = this.parts;
    const at = this.pending;
    this.keep(block, row, at);
    stager.stage(block, row);
    engine.add(stager);
    this.keys[at] = stager.keyText;
    this.times[at] = stager.timeMs;
    this.created[at] = stager.arrivalMs;
    this.blockRows[at] = row;
    if (columns.defaulted) this.defaultedInputs[at] = stager.defaultedInputs();
    this.oldestMs = Math.min(this.oldestMs, stager.timeMs);
    this.newestMs = Math.max(this.newestMs, stager.timeMs);
    this.pending++;
  }

  /** Derives and writes what was added. Rows that found no room are left out. */
  flush(): readonly Roomless[] {
    const rows = this.pending;
    if (rows === 0) return [];
    this.pending = 0;
    const derived = this.parts.engine.run();
    this.describe(derived, rows);
    const values = this.values(derived);
    const roomless = this.roomless(derived, rows);
    if (roomless.length === 0) {
      this.writer.write(values, rows);
      this.rows += rows;
      return roomless;
    }
    const isOk = (_: unknown, row: number): boolean => derived.statuses[row] === Status.OK;
    const left = values.map((column) => column.slice(0, rows).filter(isOk));
    this.writer.write(left, rows - roomless.length);
    this.rows += rows - roomless.length;
    return roomless;
  }

  private keep(block: Block, row: number, at: number): void {
    for (const [i, { column, type }] of this.parts.plan.keep.entries()) {
      const values = this.kept[i];
      if (values === undefined) continue;
      if (!(values instanceof Float64Array)) values[at] = block.text(row, column);
      else values[at] = type === "time" ? block.timeMs(row, column) : block.number(row, column);
    }
  }

  private values({ features }: Derived): readonly OutputValues[] {
    const { columns } = this.parts;
    return [
      this.keys,
      this.times,
      this.created,
      ...features,
      ...this.kept,
      ...(columns.defaulted ? [this.defaulted] : []),
      ...(columns.timeliness ? [this.timeliness] : []),
    ];
  }

  private describe(derived: Derived, rows: number): void {
    const { columns } = this.parts;
    for (let row = 0; row < rows; row++) {
      const when = derived.timeliness[row] ?? 0;
      if (when >= Timeliness.LATE_REFUSED) this.refused++;
      if (columns.timeliness) this.timeliness[row] = timelinessNames[when] ?? "";
      if (columns.defaulted) this.defaulted[row] = this.namesOf(derived, row);
    }
  }

  /** Inputs and features that took their default, in the order of the specification. */
  private namesOf({ defaulted: [low, high] }: Derived, row: number): string {
    const inputs = this.defaultedInputs[row] ?? [];
    const words = [low[row] ?? 0, high[row] ?? 0];
    if (inputs.length === 0 && words[0] === 0 && words[1] === 0) return "";
    const { features } = this.parts.engine.runtime.detector.config;
    const taken = features.filter((_, i) => (((words[i >>> 5] ?? 0) >>> (i & 31)) & 1) === 1);
    return [...inputs, ...taken.map(({ name }) => name)].join(";");
  }

  private roomless({ statuses }: Derived, rows: number): readonly Roomless[] {
    const found: Roomless[] = [];
    for (let row = 0; row < rows; row++) {
      const status = statuses[row] ?? 0;
      if (status === Status.OK) continue;
      if (status !== Status.KEYS_FULL) throw new RowFault(`${why(status)} for more keys`);
      const { keysMax } = this.parts.engine.runtime.detector.config;
      const message = `the key ${JSON.stringify(this.keys[row])} does not fit: the detector keeps keys_max = ${keysMax} keys and refuses more`;
      found.push({ row: this.blockRows[row] ?? 0, message });
    }
    return found;
  }
}

function why(status: number): string {
  return status === Status.NO_MEMORY ? "there is no memory" : `the kernel answered ${status}`;
}
