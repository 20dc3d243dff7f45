import { extname } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import { CsvReader, type CsvOptions } from "./csv-reader.ts";
import { NdjsonReader } from "./ndjson-reader.ts";
import type { OutputFile } from "./output-file.ts";
import type { OutputColumn, OutputWriter } from "./output.ts";
import { ParquetReader } from "./parquet-reader.ts";
import { ParquetWriter } from "./parquet-writer.ts";
import type { Reader } from "./rows.ts";
import { CsvWriter, NdjsonWriter } from "./text-writers.ts";

export type Format = "csv" | "ndjson" | "parquet";

const formats: ReadonlyMap<string, Format> = new Map([
  [".csv", "csv"],
  [".tsv", "csv"],
  [".ndjson", "ndjson"],
  [".jsonl", "ndjson"],
  [".parquet", "parquet"],
]);

/** By the end of a file's name. Throws an OptionsError when it tells nothing. */
export function formatOf(path: string): Format {
  const format = formats.get(extname(path).toLowerCase());
  if (format !== undefined) return format;
  throw new OptionsError(`${path} is none of ${[...formats.keys()].join(", ")}`, 2);
}

export async function openReader(format: Format, options: CsvOptions): Promise<Reader> {
  try {
    if (format === "parquet") return await ParquetReader.open(options);
    return format === "csv" ? new CsvReader(options) : new NdjsonReader(options);
  } catch (thrown) {
    if (thrown instanceof OptionsError) throw thrown;
    throw OptionsError.unreadable("the events", options.path, thrown);
  }
}

// oxlint-disable-next-line max-params -- what each writer takes
export function openWriter(
  format: Format,
  file: OutputFile,
  columns: readonly OutputColumn[],
  state: unknown,
): OutputWriter {
  if (format === "parquet") return new ParquetWriter(file, columns, state);
  return format === "csv" ? new CsvWriter(file, columns) : new NdjsonWriter(file, columns);
}
