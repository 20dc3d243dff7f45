import type { EncoderState } from "../encode/state.ts";
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

/** As in DetectorSpec's Aggregate, which says what each is. */
export type Aggregate =
  | "count"
  | "sum"
  | "mean"
  | "std"
  | "variance"
  | "min"
  | "max"
  | "range"
  | "first"
  | "last"
  | "delta"
  | "zscore"
  | "quantile"
  | "distinct"
  | "rate"
  | "time_since"
  | "share"
  | "entropy"
  | "lag"
  | "novelty";

/** A category as a number, a state for every key; not the encodings of inputs, which are a detector's. */
export type FeatureEncode = "label" | "onehot" | "hash" | "binary" | "frequency";

/** Events of a key that a feature is computed from. Times and lengths in ms. */
export type FeatureWindow =
  | { readonly kind: "sliding"; readonly sizeMs: number }
  | { readonly kind: "hopping"; readonly sizeMs: number; readonly slideMs: number }
  | { readonly kind: "tumbling"; readonly sizeMs: number }
  | {
      readonly kind: "calendar";
      readonly unit: "day" | "week" | "month";
      /** "UTC", or a name of the IANA database. */
      readonly timeZone: string;
    }
  | { readonly kind: "session"; readonly gapMs: number }
  | { readonly kind: "last"; readonly events: number }
  | {
      readonly kind: "global";
      /** All 0 and false = at every event. */
      readonly everyEvents: number;
      readonly everyMs: number;
      readonly onChange: boolean;
    };

export interface FeatureFilter {
  readonly input: string;
  readonly op: "equals" | "differs" | "less" | "at_most" | "greater" | "at_least" | "equal_to";
  /** A text for equals and differs, else a number. */
  readonly value: string | number;
}

/** One derived feature, all defaults filled in. */
export interface Feature {
  readonly name: string;
  /** Seen by the model. */
  readonly seen: boolean;
  /** Finite; NaN = it always has a value (count, sum, rate and distinct, whose empty value is 0). */
  readonly defaultValue: number;
  readonly what:
    | {
        readonly kind: "aggregate";
        readonly aggregate: Aggregate;
        /** Input name; "" = the events themselves. */
        readonly of: string;
        readonly window: FeatureWindow;
        readonly where: FeatureFilter | undefined;
        readonly excludeCurrent: boolean;
        /** Of quantile. */
        readonly quantile: number;
        /** Of share and time_since; "" = the event's own. */
        readonly category: string;
        /** Of lag and novelty. */
        readonly n: number;
        /** Of rate and time_since. */
        readonly unitMs: number;
      }
    | {
        readonly kind: "encode";
        readonly encode: FeatureEncode;
        readonly of: string;
        /** Of frequency. */
        readonly window: FeatureWindow;
        /** Of onehot. */
        readonly category: string;
        /** Of hash. */
        readonly n: number;
      }
    | {
        readonly kind: "ratio" | "difference";
        /** Names of features of the other kinds, or of number inputs. */
        readonly of: string;
        readonly to: string;
      };
}

export type TimePolicy = "refuse" | "score_only" | "on_time";

export interface EventTime {
  readonly latenessMs: number;
  readonly late: TimePolicy;
  readonly futureToleranceMs: number;
  readonly future: TimePolicy;
  /** Events that a key's log holds before windows are made of panes. */
  readonly exactEvents: number;
}

export function isWindowModel(model: Model): model is WindowModel {
  return model.kind !== "half_space_trees";
}

/** DetectorSpec with its defaults filled in, validated and frozen: nothing downstream meets an optional. */
export interface DetectorConfig {
  /** Of a window model, [] = discovered by name until the first training. */
  readonly inputs: readonly Input[];
  /** Derived from the inputs by a key's windows; [] = none. */
  readonly features: readonly Feature[];
  readonly eventTime: EventTime;
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
  /** What a row taught is seen by the rows after it. The texts that it taught, in the encoding's own order; undefined = it teaches nothing yet. */
  learn(category: (column: number) => string | undefined): readonly (string | null)[] | undefined;
  /** What it has learned. */
  state(): EncoderState;
  /** Of the detectors whose rows it encodes: a live one, and those that see its rows. */
  readonly slots: ReadonlySet<number>;
  join(slot: number): void;
  leave(slot: number): void;
}

/**
 * How the kernel derives features, for a detector that has any. A row's float64s in a region are the sources, the features (`order`), the
 * bits of those that took their default, and what an explanation asks for.
 */
export interface FeatureProgram {
  /** What is sent to the kernel of a row, by position: inputs that only features read, then `Detector.features`. Categories go as codes. */
  readonly sources: readonly Input[];
  /** Index of the first source that the model sees. */
  readonly modelFirst: number;
  /** Names of the model's columns: of `Detector.features`, then of the features that it sees. */
  readonly columns: readonly string[];
  /** By the kernel's position, features that the model sees first: index in `DetectorConfig.features`. */
  readonly order: readonly number[];
  /** As the kernel reads it: src/shard/feature-program.ts. */
  readonly block: Float64Array;
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
  /** Undefined = no features are derived. */
  readonly program?: FeatureProgram | undefined;
  readonly rules: CompiledRules;
}
