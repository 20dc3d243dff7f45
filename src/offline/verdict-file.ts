import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { OptionsError } from "../config/options-error.ts";
import { Source, State } from "../domain/verdict.ts";
import type { ComparedRow } from "../report/replay-comparison.ts";
import type { RowText } from "../report/row-text.ts";
import { formatOf } from "./formats.ts";
import type { OutputColumn } from "./output.ts";
import { ThreadState, Word } from "./verdict-thread.ts";
import type { Coded, VerdictTask, VerdictThreadData } from "./verdict-thread.ts";

/** Rows that are gathered before they are written. */
const BLOCK_ROWS = 8192;
/** Blocks that wait to be written: a replay waits when the disk is slower. */
const BLOCKS_MAX = 8;
/** A thread that has not moved for so long is gone. */
const SILENT_MS = 120_000;

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

/** Behind the names of every column. */
const NO_NAME = 255;
const sourceNames = namesOf(Source);
const stateNames = namesOf(State);

/** The verdicts of a replay, a row each, beside what was answered live. Has its name once it is whole. */
export class VerdictFile {
  private readonly path: string;
  private readonly words = new Int32Array(new SharedArrayBuffer(Word.length * 4));
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private blocks = 0;
  private readonly positions = new Float64Array(BLOCK_ROWS);
  private readonly rowNumbers = new Float64Array(BLOCK_ROWS);
  private readonly ids: Texts = [];
  private readonly keys: Texts = [];
  private readonly times = new Float64Array(BLOCK_ROWS);
  private readonly arrivals = new Float64Array(BLOCK_ROWS);
  private readonly liveScores = new Float64Array(BLOCK_ROWS);
  private readonly liveSources = new Uint8Array(BLOCK_ROWS);
  private readonly liveAnomalies = new Float64Array(BLOCK_ROWS);
  private readonly scores = new Float64Array(BLOCK_ROWS);
  private readonly rawScores = new Float64Array(BLOCK_ROWS);
  private readonly thresholds = new Float64Array(BLOCK_ROWS);
  private readonly states = new Uint8Array(BLOCK_ROWS);
  private readonly anomalies = new Float64Array(BLOCK_ROWS);
  private readonly modelVersions = new Float64Array(BLOCK_ROWS);
  private readonly versions = new Float64Array(BLOCK_ROWS);
  private readonly detectors = new Uint8Array(BLOCK_ROWS);
  private readonly detectorNames: string[] = [];
  /** In the order of `columns`. */
  private readonly values: readonly (Texts | Float64Array | Coded)[] = [
    this.positions,
    this.rowNumbers,
    this.ids,
    this.keys,
    this.times,
    this.arrivals,
    this.liveScores,
    { names: sourceNames, codes: this.liveSources },
    this.liveAnomalies,
    this.scores,
    this.rawScores,
    this.thresholds,
    { names: stateNames, codes: this.states },
    this.anomalies,
    this.modelVersions,
    this.versions,
    { names: this.detectorNames, codes: this.detectors },
  ];
  private rows = 0;

  /** Throws an OptionsError for a name that tells no format, or a file that cannot be written. */
  constructor(path: string) {
    formatOf(path);
    this.path = path;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const workerData: VerdictThreadData = { words: this.words, port: port2, path, columns };
    const url = new URL("./verdict-thread.ts", import.meta.url);
    this.worker = new Worker(url, { name: "weir-verdicts", workerData, transferList: [port2] });
    this.worker.unref();
    this.waitFor(() => this.state !== ThreadState.OPENING);
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
    this.states[at] = region.state(row);
    this.anomalies[at] = region.anomaly(row);
    this.modelVersions[at] = region.modelVersion(row);
    this.versions[at] = (by ?? batch.owner(row))?.version ?? 0;
    if (++this.rows === BLOCK_ROWS) this.flush();
  }

  /** What the client got. */
  private addAnswer({ answered, live, by }: ComparedRow, at: number): void {
    const got = answered ?? live;
    this.liveScores[at] = got === undefined ? Number.NaN : got.score;
    this.liveSources[at] = got === undefined ? NO_NAME : got.source;
    this.liveAnomalies[at] = got === undefined ? Number.NaN : Number(got.anomaly);
    this.detectors[at] = by === undefined ? NO_NAME : this.codeOf(by.name);
  }

  /** The file has its name when it returns. Throws an OptionsError that says why it has not. */
  finish(): void {
    this.flush();
    this.post({ task: "finish" });
    this.waitFor(() => this.state === ThreadState.CLOSED);
  }

  /** Takes the file away that was begun. */
  abandon(): void {
    if (this.state === ThreadState.CLOSED) return;
    this.post({ task: "abandon" });
    this.wait(() => this.state === ThreadState.CLOSED);
    void this.worker.terminate();
  }

  private get state(): number {
    return Atomics.load(this.words, Word.STATE);
  }

  /** Few detectors answer to one name. */
  private codeOf(name: string): number {
    const known = this.detectorNames.indexOf(name);
    return known >= 0 ? known : this.detectorNames.push(name) - 1;
  }

  private flush(): void {
    if (this.rows === 0) return;
    this.post({ task: "write", values: this.values, rows: this.rows });
    this.blocks++;
    this.rows = 0;
    this.waitFor(() => this.blocks - Atomics.load(this.words, Word.BLOCKS) <= BLOCKS_MAX);
  }

  private post(task: VerdictTask): void {
    this.port.postMessage(task, []);
  }

  private waitFor(isSo: () => boolean): void {
    const isAlive = this.wait(() => isSo() || this.state === ThreadState.FAILED);
    if (isAlive && this.state !== ThreadState.FAILED) return;
    const why: unknown = receiveMessageOnPort(this.port)?.message;
    const text = typeof why === "string" ? why : "the thread that writes it does not answer";
    throw new OptionsError(`cannot write ${this.path}: ${text}`, 1);
  }

  /** A replay does not give way to events in between. False = nothing moves any more. */
  private wait(isSo: () => boolean): boolean {
    const { words } = this;
    for (;;) {
      const seen = Atomics.load(words, Word.CHANGES);
      if (isSo()) return true;
      if (Atomics.wait(words, Word.CHANGES, seen, SILENT_MS) === "timed-out") return false;
    }
  }
}

/** By number, as the contract's JSON has them in lower case. */
function namesOf(numbers: Readonly<Record<string, number>>): readonly string[] {
  const names: string[] = [];
  for (const [name, number] of Object.entries(numbers)) names[number] = name.toLowerCase();
  return names;
}
