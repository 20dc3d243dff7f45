import { OptionsError } from "../config/options-error.ts";
import { Source, State } from "../domain/verdict.ts";
import type { ComparedRow } from "../report/replay-comparison.ts";
import type { RowText } from "../report/row-text.ts";
import type { Answered } from "../shard/journal.ts";
import { formatOf, openWriter } from "./formats.ts";
import { OutputFile } from "./output-file.ts";
import type { OutputColumn, OutputWriter } from "./output.ts";

/** Rows that are gathered before they are written. */
const BLOCK_ROWS = 8192;

const columns: readonly OutputColumn[] = [
  { name: "position", type: "number", nullable: false },
  { name: "row", type: "number", nullable: false },
  { name: "id", type: "text", nullable: true },
  { name: "key", type: "text", nullable: true },
  { name: "time", type: "time", nullable: false },
  { name: "arrival", type: "time", nullable: false },
  { name: "live_score", type: "number", nullable: true },
  { name: "live_source", type: "text", nullable: true },
  { name: "live_anomaly", type: "number", nullable: true },
  { name: "score", type: "number", nullable: true },
  { name: "raw_score", type: "number", nullable: true },
  { name: "threshold", type: "number", nullable: true },
  { name: "state", type: "text", nullable: false },
  { name: "anomaly", type: "number", nullable: false },
  { name: "model_version", type: "number", nullable: false },
];

const sourceNames = namesOf(Source);
const stateNames = namesOf(State);

/** The verdicts of a replay, a row each, beside what was answered live. Has its name once it is whole. */
export class VerdictFile {
  private readonly file: OutputFile;
  private readonly writer: OutputWriter;
  private readonly values: readonly ((string | undefined)[] | Float64Array)[];
  private rows = 0;

  /** Throws an OptionsError for a name that tells no format, or a file that cannot be written. */
  constructor(path: string) {
    const format = formatOf(path);
    try {
      this.file = new OutputFile(path, undefined);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new OptionsError(`cannot write ${path}: ${why}`, 1, thrown);
    }
    this.writer = openWriter(format, this.file, columns, undefined);
    this.values = columns.map(({ type }) => (type === "text" ? [] : new Float64Array(BLOCK_ROWS)));
  }

  add(compared: ComparedRow, { key, id }: RowText): void {
    const { batch, row, region } = compared;
    const score = region.score(row);
    const hasScore = !Number.isNaN(score);
    const answered = answeredOf(compared);
    this.put([
      batch.entry.position,
      row,
      id === "" ? undefined : id,
      key === "" ? undefined : key,
      batch.eventTimeMs(row),
      batch.arrivalMs(row),
      answered?.score,
      answered === undefined ? undefined : sourceNames[answered.source],
      answered === undefined ? undefined : Number(answered.anomaly),
      score,
      hasScore ? region.rawScore(row) : Number.NaN,
      hasScore ? region.threshold(row) : Number.NaN,
      stateNames[region.state(row)] ?? "",
      region.anomaly(row),
      region.modelVersion(row),
    ]);
  }

  finish(): void {
    this.flush();
    this.writer.finish();
    this.file.finish();
  }

  /** Takes the file away that was begun. */
  abandon(): void {
    this.file.abandon(false);
  }

  private put(cells: readonly (number | string | undefined)[]): void {
    for (const [i, target] of this.values.entries()) {
      const cell = cells[i];
      if (target instanceof Float64Array) {
        target[this.rows] = typeof cell === "number" ? cell : Number.NaN;
      } else {
        target[this.rows] = typeof cell === "string" ? cell : undefined;
      }
    }
    if (++this.rows === BLOCK_ROWS) this.flush();
  }

  private flush(): void {
    if (this.rows > 0) this.writer.write(this.values, this.rows);
    this.rows = 0;
  }
}

/** What the client got: the fallback's answer where one came first. */
function answeredOf({ batch, row, live }: ComparedRow):
  | (Pick<Answered, "score" | "source"> & {
      readonly anomaly: number | boolean;
    })
  | undefined {
  return batch.answered(row) ?? live;
}

/** By number, as the contract's JSON has them in lower case. */
function namesOf(numbers: Readonly<Record<string, number>>): readonly string[] {
  const names: string[] = [];
  for (const [name, number] of Object.entries(numbers)) names[number] = name.toLowerCase();
  return names;
}
