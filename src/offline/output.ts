/** A column of the output. */
export interface OutputColumn {
  readonly name: string;
  readonly type: "text" | "time" | "number";
  /** Whether values may be missing: "" (CSV), null (NDJSON, Parquet). */
  readonly nullable: boolean;
}

/** A column's values: texts, or Unix ms and numbers with NaN for what is missing. */
export type OutputValues = readonly (string | undefined)[] | Float64Array;

export interface OutputWriter {
  /** The first `rows` values of every column; taken before it returns. */
  write(values: readonly OutputValues[], rows: number): void;
  /** What is not in the file yet, as far as it is to be kept for going on later; to be cloned. */
  state(): unknown;
  /** Writes what is left. The file itself is not closed. */
  finish(): void;
}

const DAY_MS = 86_400_000;
let knownDay = Number.NaN;
let knownDate = "";

/** ISO 8601 in UTC with milliseconds, as Date writes it, at a fraction of its cost. */
export function isoOf(time: number): string {
  const day = Math.floor(time / DAY_MS);
  if (day !== knownDay) {
    knownDate = new Date(day * DAY_MS).toISOString().slice(0, -13);
    knownDay = day;
  }
  const ms = time - day * DAY_MS;
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${knownDate}${clock}.${String(ms % 1000).padStart(3, "0")}Z`;
}

const twos = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));

function two(value: number): string {
  return twos[value] ?? "";
}
