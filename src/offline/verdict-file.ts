import { OptionsError } from "../config/options-error.ts";
import { Source, State } from "../domain/verdict.ts";
import type { ComparedRow } from "../report/replay-comparison.ts";
import type { RowText } from "../report/row-text.ts";
import { formatOf, openWriter } from "./formats.ts";
import { OutputFile } from "./output-file.ts";
import type { OutputColumn, OutputWriter } from "./output.ts";

/** Rows that are gathered before they are written. */
const BLOCK_ROWS = 8192;

type Texts = (string | undefined)[];

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
  { name: "version", type: "number", nullable: false },
  { name: "answered_by", type: "text", nullable: true },
];

const sourceNames = namesOf(Source);
const stateNames = namesOf(State);

/** The verdicts of a replay, a row each, beside what was answered live. Has its name once it is whole. */
export class VerdictFile {
  private readonly file: OutputFile;
  private readonly writer: OutputWriter;
  private readonly positions = new Float64Array(BLOCK_ROWS);
  private readonly rowNumbers = new Float64Array(BLOCK_ROWS);
  private readonly ids: Texts = [];
  private readonly keys: Texts = [];
  private readonly times = new Float64Array(BLOCK_ROWS);
  private readonly arrivals = new Float64Array(BLOCK_ROWS);
  private readonly liveScores = new Float64Array(BLOCK_ROWS);
  private readonly liveSources: Texts = [];
  private readonly liveAnomalies = new Float64Array(BLOCK_ROWS);
  private readonly scores = new Float64Array(BLOCK_ROWS);
  private readonly rawScores = new Float64Array(BLOCK_ROWS);
  private readonly thresholds = new Float64Array(BLOCK_ROWS);
  private readonly states: Texts = [];
  private readonly anomalies = new Float64Array(BLOCK_ROWS);
  private readonly modelVersions = new Float64Array(BLOCK_ROWS);
  private readonly versions = new Float64Array(BLOCK_ROWS);
  private readonly detectors: Texts = [];
  /** In the order of `columns`. */
  private readonly values: readonly (Texts | Float64Array)[] = [
    this.positions,
    this.rowNumbers,
    this.ids,
    this.keys,
    this.times,
    this.arrivals,
    this.liveScores,
    this.liveSources,
    this.liveAnomalies,
    this.scores,
    this.rawScores,
    this.thresholds,
    this.states,
    this.anomalies,
    this.modelVersions,
    this.versions,
    this.detectors,
  ];
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
  }

  add(compared: ComparedRow, { key, id }: RowText): void {
    const { batch, row, region, by } = compared;
    const at = this.rows;
    const score = region.score(row);
    const hasScore = !Number.isNaN(score);
    this.positions[at] = batch.entry.position;
    this.rowNumbers[at] = row;
    this.ids[at] = id === "" ? undefined : id;
    this.keys[at] = key === "" ? undefined : key;
    this.times[at] = batch.eventTimeMs(row);
    this.arrivals[at] = batch.arrivalMs(row);
    this.addAnswer(compared, at);
    this.scores[at] = score;
    this.rawScores[at] = hasScore ? region.rawScore(row) : Number.NaN;
    this.thresholds[at] = hasScore ? region.threshold(row) : Number.NaN;
    this.states[at] = stateNames[region.state(row)] ?? "";
    this.anomalies[at] = region.anomaly(row);
    this.modelVersions[at] = region.modelVersion(row);
    this.versions[at] = (by ?? batch.owner(row))?.version ?? 0;
    if (++this.rows === BLOCK_ROWS) this.flush();
  }

  /** What the client got. */
  private addAnswer({ answered, live, by }: ComparedRow, at: number): void {
    const got = answered ?? live;
    this.liveScores[at] = got === undefined ? Number.NaN : got.score;
    this.liveSources[at] = got === undefined ? undefined : sourceNames[got.source];
    this.liveAnomalies[at] = got === undefined ? Number.NaN : Number(got.anomaly);
    this.detectors[at] = by?.name;
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

  private flush(): void {
    if (this.rows > 0) this.writer.write(this.values, this.rows);
    this.rows = 0;
  }
}

/** By number, as the contract's JSON has them in lower case. */
function namesOf(numbers: Readonly<Record<string, number>>): readonly string[] {
  const names: string[] = [];
  for (const [name, number] of Object.entries(numbers)) names[number] = name.toLowerCase();
  return names;
}
