import type { Detector, Input } from "../domain/detector.ts";
import { readWorkOf } from "../features/read-work.ts";
import { Status } from "../shard/layout.ts";
import type { Recalled } from "../shard/recall.ts";
import type { DetectorMeter } from "../telemetry/telemetry.ts";
import { FirstVerdicts } from "./first-verdicts.ts";
import { KeyLedger } from "./key-ledger.ts";
import { hasOneCell } from "./one-cell.ts";
import { explainedRowWorkOf, featureWorkOf, rowWorkOf } from "./row-work.ts";
import { ScoreCache } from "./score-cache.ts";

/** What admission keeps of a detector beside its configuration. */
export class DetectorRuntime {
  /** What is sent to the shard of a row, by position: the model's inputs, and before them those that only features are derived from. */
  readonly sources: readonly Input[];
  /** Index of the first source that the model sees. */
  readonly modelFirst: number;
  /** By position among the number inputs: its source, -1 = only rules read it. */
  readonly sourceOf: Int16Array;
  /** The same by position among the category inputs, whose sources are codes. */
  readonly codeOf: Int16Array;
  /** Whether the sources are the number inputs as they are declared. */
  readonly plain: boolean;
  /** float64s that the shard writes behind the sources: the features, and the bits of those that took their default; 0 = none. */
  readonly derived: number;
  /** Columns of the model. */
  readonly columns: number;
  readonly defaultedBytes: number;
  /** Cost of one row, in rows through 10 trees of height 8; huge = never inline. */
  readonly rowWork: number;
  /** The same with an explanation. */
  readonly explainedRowWork: number;
  /** What a row costs on top that is only scored: to see its features, it goes through its key's whole log. */
  readonly lookWork: number;
  /** Whether all rows go to the shard of the key "", where their one cell is. */
  readonly oneShard: boolean;
  /** Whether they are rows of the key "" there, too, because nothing is kept of their own keys. */
  readonly oneCell: boolean;
  ledger: KeyLedger | undefined;
  /** Also where CACHED is no fallback: it tells how far a key's model is, and its threshold. */
  cache = new ScoreCache();
  firstVerdicts = new FirstVerdicts();
  /** Rows with an id that were admitted to learn. */
  sequence = 0;
  fallbacks = 0;
  lastError = "";

  readonly detector: Detector;
  readonly meter: DetectorMeter;

  constructor(detector: Detector, meter: DetectorMeter) {
    this.detector = detector;
    this.meter = meter;
    const { config, numberInputs, categoryInputs, features, program } = detector;
    const sources = program?.sources ?? features;
    this.sources = sources;
    this.modelFirst = program?.modelFirst ?? 0;
    this.sourceOf = Int16Array.from(numberInputs, (input: Input) => sources.indexOf(input));
    this.codeOf = Int16Array.from(categoryInputs, (input: Input) => sources.indexOf(input));
    this.plain =
      sources.length === numberInputs.length && this.sourceOf.every((source, i) => source === i);
    this.derived = program === undefined ? 0 : program.order.length + 1;
    this.columns = program?.columns.length ?? features.length;
    this.defaultedBytes = (config.inputs.length + 7) >>> 3;
    const work = program === undefined ? 0 : featureWorkOf(program.order.length);
    this.rowWork = rowWorkOf(config.model, this.columns) + work;
    this.explainedRowWork = explainedRowWorkOf(config.model, this.columns) + work;
    this.lookWork = program === undefined ? 0 : Math.max(0, readWorkOf(program, false) - work);
    this.oneShard = hasOneCell(detector);
    this.oneCell = this.oneShard && program === undefined;
    this.ledger =
      config.atKeysMax === "refuse" && !this.oneCell
        ? new KeyLedger(Math.ceil(config.keysMax / 256), config.keyTtlMs)
        : undefined;
  }

  /** The shard did not take a row: it is answered without the model, and the operator told why. */
  noteRefusal(status: number): void {
    this.lastError =
      status === Status.NO_MEMORY
        ? "a row was not learned: the shard's memory is full; raise state_memory_mb or lower keys_max"
        : `a row was not learned: status ${status}`;
  }

  /** The shards are back at an earlier state: `recall` tells what is in it. */
  goBack(): void {
    this.sequence = 0;
    this.ledger?.clear();
  }

  /** The detector's state was brought back, in one shard or in all. */
  recall(recalled: Recalled): void {
    this.sequence = Math.max(this.sequence, recalled.sequence);
    if (this.ledger === undefined) return;
    for (const key of recalled.keys()) this.ledger.admit([{ ...key, makes: true }], key.seenMs);
  }

  /** The detector has the state of `state` from now on, and goes by the name of `name`. */
  adopt(state: DetectorRuntime, name: DetectorRuntime): void {
    this.ledger = state.ledger;
    this.cache = state.cache;
    this.firstVerdicts = state.firstVerdicts;
    // What is in flight may have the newer one.
    this.sequence = Math.max(state.sequence, name.sequence);
    this.fallbacks = name.fallbacks;
    this.lastError = name.lastError;
  }

  /** The detector has the state of `before`, under other settings. */
  reconfigure(before: DetectorRuntime): void {
    const { keysMax, keyTtlMs } = this.detector.config;
    const was = before.detector.config;
    const own = this.ledger;
    this.adopt(before, before);
    if (own === undefined || (was.keysMax === keysMax && was.keyTtlMs === keyTtlMs)) {
      if (own === undefined) this.ledger = undefined;
      return;
    }
    this.ledger = own;
    this.copyKeys(before);
  }

  /** The detector begins with the state of another. */
  copyKeys(from: DetectorRuntime): void {
    if (from.ledger !== undefined) this.ledger?.copy(from.ledger);
  }

  /** The detector was reset: what was remembered of its keys is gone. */
  forget(): void {
    this.ledger?.clear();
    this.cache.clear();
    this.lastError = "";
  }
}
