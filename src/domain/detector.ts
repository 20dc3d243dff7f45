import type { Kind, Parameters } from "../models/kinds.ts";
import type { Normalization } from "../models/module.ts";
import type { Source } from "./verdict.ts";

/** What happens to an event that lacks an input. */
export type Missing = "refuse" | "default" | "model";
/** robust: (x - median) / interquartile range; of window models only, whose statistics are those of the training window. */
export type Scaler = "none" | "standard" | "min_max" | "robust";
/** How a category becomes numbers that a window model sees: reference in src/encode/. */
export type Encoding = "hash" | "label" | "onehot" | "binary" | "frequency";

/** One declared input, all defaults filled in. */
export interface Input {
  readonly name: string;
  readonly type: "number" | "category";
  /** A finite number for missing = "default" (numbers only), else NaN. */
  readonly defaultValue: number;
  readonly missing: Missing;
  readonly rulesOnly: boolean;
  /** Of a category input that the model sees; undefined = only rules see it, or it is a number. */
  readonly encoding?: Encoding;
  /** Position among the inputs of its own type: the column of Frame.values, or of Frame.category_index. */
  readonly column: number;
  /** Position in `inputs`: the bit in Verdicts.defaulted. */
  readonly position: number;
}

export interface HalfSpaceTrees {
  readonly kind: "half_space_trees";
  readonly trees: number;
  readonly height: number;
  readonly window: number;
  readonly seed: bigint;
  /** By input name; absent = [0, 1]. */
  readonly limits: ReadonlyMap<string, readonly [low: number, high: number]>;
}

/** A model that trains on a sliding window of rows and is trained anew behind the stream. */
export interface WindowModel {
  readonly kind: Kind;
  /** All of them, as src/models/kinds.ts names them. */
  readonly parameters: Parameters;
  readonly seed: bigint;
  /** Rows that the window holds. */
  readonly windowRows: number;
  /** Rows before the first training. More than windowRows never trains. */
  readonly minSamples: number;
  /** Rows from the position that one training took its window at to the next. */
  readonly retrainInterval: number;
  /** One window and one model for all keys, or for each key. */
  readonly scope: "detector" | "key";
  /** Share of the training rows that are taken for anomalies, 0 < c <= 0.5. */
  readonly contamination: number;
  readonly normalization: Normalization;
  /** Whether rows that were flagged as anomalies enter the window. */
  readonly flaggedRows: "keep" | "drop";
  /** Rows; each gives mean, std, min and max of every number feature. Both empty = the rows as they are. */
  readonly rollingWindows: readonly number[];
  readonly lagPeriods: readonly number[];
}

export type Model = HalfSpaceTrees | WindowModel;

export function isWindowModel(model: Model): model is WindowModel {
  return model.kind !== "half_space_trees";
}

/** DetectorSpec with its defaults filled in, validated and frozen: nothing downstream meets an optional. */
export interface DetectorConfig {
  /** Of a window model, [] = discovered by name until the first training. */
  readonly inputs: readonly Input[];
  readonly scaler: Scaler;
  readonly model: Model;
  /** Fixed, or the key's own running quantile of scores at 1 - alertShare. */
  readonly threshold: { readonly fixed: number } | { readonly alertShare: number };
  readonly burnInEvents: number;
  readonly timeoutMs: number;
  readonly batchWaitMs: number;
  readonly rules: readonly RuleConfig[];
  readonly defaultScore: number;
  /** Sources in the order they are tried; never MODEL. DEFAULT ends it even when it is not named. */
  readonly fallback: readonly Source[];
  readonly cachedMaxAgeMs: number;
  readonly keysMax: number;
  readonly atKeysMax: "evict" | "refuse";
  /** 0 = no expiry. */
  readonly keyTtlMs: number;
  readonly idsMax: number;
  readonly learnSystemActions: boolean;
}

export interface RuleConfig {
  readonly name: string;
  readonly when: string;
  readonly score: number;
}

/** What a rule may look at, read lazily: most rows never need their rules. */
export interface RuleRow {
  readonly key: string;
  /** Event time, Unix ms. */
  readonly timeUnixMs: number;
  /** By position among the detector's number inputs; NaN = missing. */
  number(column: number): number;
  /** By position among the detector's category inputs; undefined = missing. */
  category(column: number): string | undefined;
}

export interface CompiledRules {
  /** Index of the first rule that holds, -1 = none. A rule that fails to evaluate does not hold. Never throws. */
  firstMatch(row: RuleRow): number;
}

/** How categories become columns of a model. A row is looked at by the position of its category inputs; undefined = missing. */
export interface RowEncoding {
  /** In the order of the numbers that `encode` writes. */
  readonly columns: readonly string[];
  encode(category: (column: number) => string | undefined, out: Float64Array, at: number): void;
  /** What a row taught is seen by the rows after it. */
  learn(category: (column: number) => string | undefined): void;
}

/** A detector as it serves: its configuration, and everything derived from it once. */
export interface Detector {
  readonly name: string;
  /** Index of its state in every shard. */
  readonly slot: number;
  readonly config: DetectorConfig;
  /** Hash of the inputs: names, types, order; never 0. */
  readonly schema: number;
  readonly byName: ReadonlyMap<string, Input>;
  readonly numberInputs: readonly Input[];
  readonly categoryInputs: readonly Input[];
  /** The model's features: number inputs that are not rules_only, in the declared order, then encoded columns. [] = not known yet. */
  readonly features: readonly Input[];
  /** Of a detector with category inputs that its model sees, once its columns are known. */
  readonly encoding?: RowEncoding | undefined;
  readonly rules: CompiledRules;
}
