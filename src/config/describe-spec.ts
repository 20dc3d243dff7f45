import { isWindowModel } from "../domain/detector.ts";
import type {
  DetectorConfig,
  HalfSpaceTrees,
  Input,
  Missing,
  Scaler,
  WindowModel,
} from "../domain/detector.ts";
import { Source } from "../domain/verdict.ts";
import { describeFeatures, type FeaturesJson } from "./describe-features.ts";
import { camelCase, describeParameters } from "./window-spec.ts";

/** The canonical proto3 JSON mapping of a DetectorSpec with every default filled in; 64-bit integers are decimal strings. */
export interface DetectorSpecJson extends FeaturesJson {
  readonly inputs: readonly InputJson[];
  readonly scaler: string;
  readonly halfSpaceTrees?: {
    readonly trees: number;
    readonly height: number;
    readonly window: number;
    readonly seed: string;
    readonly limits: Readonly<Record<string, { readonly low: number; readonly high: number }>>;
  };
  /** Of a model that trains on a window; its own message is under its kind's name in camel case. */
  readonly window?: {
    readonly rows: number;
    readonly minSamples: number;
    readonly retrainInterval: number;
    readonly scope: string;
    readonly flaggedRows: string;
  };
  readonly contamination?: number;
  readonly normalization?: string;
  readonly rollingWindows?: readonly number[];
  readonly lagPeriods?: readonly number[];
  readonly modelSeed?: string;
  readonly [kind: string]: unknown;
  /** Exactly one of threshold and alertShare is there. */
  readonly threshold?: number;
  readonly alertShare?: number;
  readonly burnInEvents: number;
  readonly timeoutMs: number;
  readonly batchWaitMs: number;
  readonly rules: readonly {
    readonly name: string;
    readonly when: string;
    readonly score: number;
  }[];
  readonly defaultScore: number;
  readonly fallback: readonly string[];
  readonly cachedMaxAgeMs: number;
  readonly keysMax: string;
  readonly atKeysMax: string;
  readonly keyTtlSeconds: number;
  readonly idsMax: number;
  readonly learnSystemActions: boolean;
}

interface InputJson {
  readonly name: string;
  readonly type: string;
  readonly defaultValue?: number;
  readonly missing: string;
  readonly rulesOnly: boolean;
  readonly encoding?: string;
}

const inputTypes: Readonly<Record<Input["type"], string>> = {
  number: "INPUT_TYPE_NUMBER",
  category: "INPUT_TYPE_CATEGORY",
};
const missings: Readonly<Record<Missing, string>> = {
  refuse: "MISSING_REFUSE",
  default: "MISSING_DEFAULT",
  model: "MISSING_MODEL",
};
const scalers: Readonly<Record<Scaler, string>> = {
  none: "SCALER_NONE",
  standard: "SCALER_STANDARD",
  min_max: "SCALER_MIN_MAX",
  robust: "SCALER_ROBUST",
};
const sources: Readonly<Record<Source, string>> = {
  [Source.MODEL]: "SOURCE_MODEL",
  [Source.RULES]: "SOURCE_RULES",
  [Source.CACHED]: "SOURCE_CACHED",
  [Source.DEFAULT]: "SOURCE_DEFAULT",
};

/** The configuration as a client would write it in full; `normalizeSpec` of it is the same configuration. */
export function describeSpec(config: DetectorConfig): DetectorSpecJson {
  const { model } = config;
  return {
    inputs: config.inputs.map(describeInput),
    ...describeFeatures(config),
    scaler: scalers[config.scaler],
    ...(isWindowModel(model) ? describeWindow(model) : describeTrees(model)),
    ...("fixed" in config.threshold
      ? { threshold: config.threshold.fixed }
      : { alertShare: config.threshold.alertShare }),
    burnInEvents: config.burnInEvents,
    timeoutMs: config.timeoutMs,
    batchWaitMs: config.batchWaitMs,
    rules: config.rules.map(({ name, when, score }) => ({ name, when, score })),
    defaultScore: config.defaultScore,
    fallback: config.fallback.map((source) => sources[source]),
    cachedMaxAgeMs: config.cachedMaxAgeMs,
    keysMax: String(config.keysMax),
    atKeysMax: config.atKeysMax === "evict" ? "AT_KEYS_MAX_EVICT" : "AT_KEYS_MAX_REFUSE",
    keyTtlSeconds: config.keyTtlMs / 1000,
    idsMax: config.idsMax,
    learnSystemActions: config.learnSystemActions,
  };
}

function describeTrees(model: HalfSpaceTrees): Pick<DetectorSpecJson, "halfSpaceTrees"> {
  return {
    halfSpaceTrees: {
      trees: model.trees,
      height: model.height,
      window: model.window,
      seed: String(model.seed),
      limits: Object.fromEntries(
        Array.from(model.limits, ([name, [low, high]]) => [name, { low, high }]),
      ),
    },
  };
}

function describeWindow(model: WindowModel): Partial<DetectorSpecJson> {
  return {
    [camelCase(model.kind)]: describeParameters(model.kind, model.parameters),
    window: {
      rows: model.windowRows,
      minSamples: model.minSamples,
      retrainInterval: model.retrainInterval,
      scope: `SCOPE_${model.scope.toUpperCase()}`,
      flaggedRows: `FLAGGED_ROWS_${model.flaggedRows.toUpperCase()}`,
    },
    contamination: model.contamination,
    normalization: `NORMALIZATION_${model.normalization.toUpperCase()}`,
    rollingWindows: model.rollingWindows,
    lagPeriods: model.lagPeriods,
    modelSeed: String(model.seed),
  };
}

function describeInput(input: Input): InputJson {
  return {
    name: input.name,
    type: inputTypes[input.type],
    ...(Number.isNaN(input.defaultValue) ? {} : { defaultValue: input.defaultValue }),
    missing: missings[input.missing],
    rulesOnly: input.rulesOnly,
    ...(input.encoding === undefined
      ? {}
      : { encoding: `ENCODING_${input.encoding.toUpperCase()}` }),
  };
}
