import { isWindowModel } from "../domain/detector.ts";
import type { Detector, Input, Model } from "../domain/detector.ts";
import type { DetectorMeter } from "../telemetry/telemetry.ts";
import type { FirstVerdict } from "./amend.ts";
import { KeyLedger } from "./key-ledger.ts";
import { ScoreCache } from "./score-cache.ts";

/** A forest of more leaves than this is never stepped inline: building or folding it takes milliseconds. */
const INLINE_LEAVES_MAX = 4096;
/** The row that `work` counts in: 10 trees of height 8. */
const UNIT_NODES = 80;

/** What admission keeps of a detector beside its configuration. */
export class DetectorRuntime {
  /** By position among the number inputs: the model's column, -1 = rules only. */
  readonly featureOf: Int16Array;
  readonly defaultedBytes: number;
  /** Cost of one row, in rows through 10 trees of height 8; huge = never inline. */
  readonly rowWork: number;
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
    this.rowWork = rowWorkOf(config.model);
    this.ledger =
      config.atKeysMax === "refuse"
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

function rowWorkOf(model: Model): number {
  if (isWindowModel(model)) return 1;
  const { trees, height } = model;
  return trees * 2 ** height > INLINE_LEAVES_MAX
    ? Number.MAX_SAFE_INTEGER
    : Math.max(0.25, (trees * height) / UNIT_NODES);
}
