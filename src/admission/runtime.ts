import type { Detector, Input } from "../domain/detector.ts";
import type { DetectorMeter } from "../telemetry/telemetry.ts";
import type { FirstVerdict } from "./amend.ts";
import { KeyLedger } from "./key-ledger.ts";
import { hasOneCell } from "./one-cell.ts";
import { explainedRowWorkOf, rowWorkOf } from "./row-work.ts";
import { ScoreCache } from "./score-cache.ts";

/** What admission keeps of a detector beside its configuration. */
export class DetectorRuntime {
  /** By position among the number inputs: the model's column, -1 = rules only. */
  readonly featureOf: Int16Array;
  readonly defaultedBytes: number;
  /** Cost of one row, in rows through 10 trees of height 8; huge = never inline. */
  readonly rowWork: number;
  /** The same with an explanation. */
  readonly explainedRowWork: number;
  /** Whether all rows go to one cell, whatever their key. */
  readonly oneCell: boolean;
  readonly ledger: KeyLedger | undefined;
  /** Also where CACHED is no fallback: it tells how far a key's model is, and its threshold. */
  readonly cache = new ScoreCache();
  /** First verdicts by the fallback that are on their way to the shards, by `idName`. */
  readonly amending = new Map<string, FirstVerdict>();
  /** Rows with an id that were admitted to learn. */
  sequence = 0;
  fallbacks = 0;
  lastError = "";

  readonly detector: Detector;
  readonly meter: DetectorMeter;

  constructor(detector: Detector, meter: DetectorMeter) {
    this.detector = detector;
    this.meter = meter;
    const { config, numberInputs, features } = detector;
    this.featureOf = Int16Array.from(numberInputs, (input: Input) => features.indexOf(input));
    this.defaultedBytes = (config.inputs.length + 7) >>> 3;
    this.rowWork = rowWorkOf(config.model, features.length);
    this.explainedRowWork = explainedRowWorkOf(config.model, features.length);
    this.oneCell = hasOneCell(detector);
    this.ledger =
      config.atKeysMax === "refuse" && !this.oneCell
        ? new KeyLedger(Math.ceil(config.keysMax / 256), config.keyTtlMs)
        : undefined;
  }

  /** The detector was reset: what was remembered of its keys is gone. */
  forget(): void {
    this.ledger?.clear();
    this.cache.clear();
    this.lastError = "";
  }
}
