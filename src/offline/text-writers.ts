import type { OutputFile } from "./output-file.ts";
import { isoOf } from "./output.ts";
import type { OutputColumn, OutputValues, OutputWriter } from "./output.ts";

type Cell = string | number | undefined;

/** CSV as in RFC 4180, lines end with LF. Numbers are the shortest that read back as the same float64. */
export class CsvWriter implements OutputWriter {
  private readonly file: OutputFile;
  private readonly columns: readonly OutputColumn[];

  constructor(file: OutputFile, columns: readonly OutputColumn[]) {
    this.file = file;
    this.columns = columns;
    if (file.bytes > 0) return;
    file.write(Buffer.from(`${columns.map(({ name }) => quoted(name)).join(",")}\n`));
  }

  write(values: readonly OutputValues[], rows: number): void {
    let text = "";
    const types = this.columns.map(({ type }) => type);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < types.length; column++) {
        if (column > 0) text += ",";
        const cell: Cell = values[column]?.[row];
        if (typeof cell === "string") text += quoted(cell);
        else if (cell !== undefined && !Number.isNaN(cell)) {
          text += types[column] === "time" ? isoOf(cell) : String(cell);
        }
      }
      text += "\n";
    }
    this.file.write(Buffer.from(text));
  }

  state(): unknown {
    return undefined;
  }

  finish(): void {}
}

const special = /[",\r\n]/;

function quoted(text: string): string {
  return special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A JSON object a line. */
export class NdjsonWriter implements OutputWriter {
  private readonly file: OutputFile;
  private readonly columns: readonly OutputColumn[];
  private readonly names: readonly string[];

  constructor(file: OutputFile, columns: readonly OutputColumn[]) {
    this.file = file;
    this.columns = columns;
    this.names = columns.map(({ name }, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
  }

  write(values: readonly OutputValues[], rows: number): void {
    let text = "";
    const types = this.columns.map(({ type }) => type);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < types.length; column++) {
        const cell: Cell = values[column]?.[row];
        text += this.names[column] ?? "";
        if (typeof cell === "string") text += JSON.stringify(cell);
        else if (cell === undefined || Number.isNaN(cell)) text += "null";
        else text += types[column] === "time" ? `"${isoOf(cell)}"` : String(cell);
      }
      text += "}\n";
    }
    this.file.write(Buffer.from(text));
  }

  state(): unknown {
    return undefined;
  }

  finish(): void {}
}
