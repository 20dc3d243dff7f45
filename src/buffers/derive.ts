import { CONTROL_BASE } from "../shard/layout.ts";
import type { ModelExports } from "../models/module.ts";
import { WORK_BASE } from "../models/training.ts";

/** A table of numbers and the rolling features that are asked of it. */
export interface DeriveRequest {
  readonly columns: number;
  /** Row-major, NaN = missing. */
  readonly rows: Float64Array;
  /** Rows, each 1 or more. */
  readonly windows: readonly number[];
  readonly lags: readonly number[];
}

/** Columns of a derived row: each column itself, four numbers a window and one a lag. */
export function derivedColumns({ columns, windows, lags }: Omit<DeriveRequest, "rows">): number {
  return columns * (1 + 4 * windows.length + lags.length);
}

/**
 * The derived rows, row-major: the columns as they are, then column by column for each window mean, std, min, max, and its lags;
 * assembly/feature/rolling.ts says what they are. A view of the kernel's memory, good until its next call. Throws RangeError when
 * the memory is too small.
 */
export function deriveTable(
  kernel: ModelExports,
  memory: WebAssembly.Memory,
  request: DeriveRequest,
): Float64Array {
  const { columns, rows, windows, lags } = request;
  const count = rows.length / columns;
  if (WORK_BASE + rows.byteLength > memory.buffer.byteLength) throw tooLarge();
  const control = new Float64Array(memory.buffer, CONTROL_BASE, 8192);
  control.set([columns, count, windows.length, lags.length, ...windows, ...lags]);
  new Float64Array(memory.buffer, WORK_BASE, rows.length).set(rows);
  let address: number;
  try {
    address = kernel.deriveTable() >>> 0;
  } catch (error) {
    throw tooLarge(error);
  }
  return new Float64Array(memory.buffer, address, count * derivedColumns(request));
}

function tooLarge(cause?: unknown): RangeError {
  return new RangeError("the table does not fit into memory", { cause });
}
