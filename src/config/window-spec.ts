import type { WindowModel } from "../domain/detector.ts";
import {
  completeParameters,
  estimatorsMax,
  hiddenLayersMax,
  hiddenWeightsMax,
  isKind,
  kinds,
} from "../models/kinds.ts";
import type {
  EstimatorSpec,
  Kind,
  Parameter,
  Parameters,
  ParameterValue,
} from "../models/kinds.ts";
import type { Normalization } from "../models/module.ts";
import { limits } from "./limits.ts";
import { MessageReader, type EnumTable } from "./message-reader.ts";
import { show, type Path, type Problems } from "./problems.ts";

/** What absent means for a model that trains on a window. */
export const windowDefaults = {
  rows: 1000,
  minSamples: 50,
  retrainInterval: 100,
  contamination: 0.1,
  seed: 42n,
} as const;

/** The fields of DetectorSpec that only such a model has. */
export const windowFields = [
  "window",
  "contamination",
  "normalization",
  "rolling_windows",
  "lag_periods",
  "model_seed",
] as const;

const scopes: EnumTable<WindowModel["scope"]> = {
  prefix: "SCOPE_",
  unspecified: "detector",
  values: [
    ["DETECTOR", "detector"],
    ["KEY", "key"],
  ],
};
const flaggedRows: EnumTable<WindowModel["flaggedRows"]> = {
  prefix: "FLAGGED_ROWS_",
  unspecified: "keep",
  values: [
    ["KEEP", "keep"],
    ["DROP", "drop"],
  ],
};
const normalizations: EnumTable<Normalization> = {
  prefix: "NORMALIZATION_",
  unspecified: "calibrated",
  values: [
    ["CALIBRATED", "calibrated"],
    ["LLAMAFARM_STREAM", "llamafarm_stream"],
    ["STANDARDIZATION", "standardization"],
    ["ZSCORE", "zscore"],
    ["RAW", "raw"],
  ],
};

const uint64Max = 2n ** 64n - 1n;

/** The kinds that a specification names: one is right. */
export function namedKinds(spec: MessageReader): readonly Kind[] {
  return Object.keys(kinds)
    .filter(isKind)
    .filter((kind) => spec.has(kind));
}

/** The window model that a DetectorSpec describes; what is wrong with it is noted in the reader's problems. */
export function readWindowModel(spec: MessageReader, kind: Kind): WindowModel {
  const fields = ["rows", "min_samples", "retrain_interval", "scope", "flagged_rows"];
  const path = [...spec.path, "window"];
  const window = new MessageReader(spec.raw("window"), path, fields, spec.problems);
  return {
    kind,
    parameters: readParameters(kind, spec.raw(kind), [...spec.path, kind], spec.problems),
    seed: spec.bigint("model_seed", { min: 0n, max: uint64Max }) ?? windowDefaults.seed,
    windowRows: window.count("rows", {
      min: 10,
      max: limits.windowRowsMax,
      default: windowDefaults.rows,
    }),
    minSamples: window.count("min_samples", {
      min: 2,
      max: limits.minSamplesMax,
      default: windowDefaults.minSamples,
    }),
    retrainInterval: window.count("retrain_interval", {
      min: 1,
      max: limits.retrainIntervalMax,
      default: windowDefaults.retrainInterval,
    }),
    scope: window.enumeration("scope", scopes),
    flaggedRows: window.enumeration("flagged_rows", flaggedRows),
    contamination: readContamination(spec),
    normalization: spec.enumeration("normalization", normalizations),
    rollingWindows: readPeriods(spec, "rolling_windows"),
    lagPeriods: readPeriods(spec, "lag_periods"),
  };
}

/** What a score must exceed to be an anomaly: 0.5 where scores lie within 0..1. */
export function readWindowThreshold(spec: MessageReader, model: WindowModel): number {
  const { normalization } = model;
  const isOpen = normalization === "raw" || normalization === "zscore";
  const most = limits.magnitudeMax;
  const bounds = isOpen ? { min: -most, max: most } : { min: 0, max: 1 };
  const threshold = spec.double("threshold", bounds);
  if (spec.has("alert_share")) {
    spec.wrong("alert_share", `is of half_space_trees: of ${model.kind} set contamination`);
  }
  if (normalization === "raw" && !spec.has("threshold")) {
    spec.wrong("threshold", "is missing: raw scores have a scale of their own");
  }
  return threshold ?? (normalization === "zscore" ? 2 : 0.5);
}

function readContamination(spec: MessageReader): number {
  const value = spec.double("contamination", { min: 0, max: 0.5 });
  if (value === 0) spec.wrong("contamination", "got 0, expected more than 0 and at most 0.5");
  return value ?? windowDefaults.contamination;
}

function readPeriods(
  spec: MessageReader,
  name: "rolling_windows" | "lag_periods",
): readonly number[] {
  const periods = spec.integers(name, limits.periodsMax, { min: 1, max: limits.windowRowsMax });
  const twice = periods.find((period, i) => periods.indexOf(period) !== i);
  if (twice !== undefined) spec.wrong(name, `names ${twice} twice`);
  return periods;
}

/** A kind's parameters, all of them, from its message; see src/models/kinds.ts for names and ranges. */
export function readParameters(
  kind: Kind,
  value: unknown,
  path: Path,
  problems: Problems,
): Parameters {
  const table = kinds[kind].parameters;
  const reader = new MessageReader(
    value,
    path,
    table.map(({ name }) => name),
    problems,
  );
  const read = table.map(
    (parameter) => [parameter.name, readParameter(reader, parameter)] as const,
  );
  return completeParameters(kind, Object.fromEntries(read));
}

function readParameter(reader: MessageReader, parameter: Parameter): ParameterValue {
  const { name, initial } = parameter;
  if (!reader.has(name)) return initial;
  switch (parameter.type) {
    case "count":
    case "number":
      return readNumber(reader, parameter);
    case "flag":
      return reader.bool(name);
    case "choice":
      return readChoice(reader, parameter);
    case "counts":
      return readCounts(reader, parameter);
    case "estimators":
      return readEstimators(reader, name) ?? initial;
    default:
      return parameter.type satisfies never;
  }
}

function isAuto(written: unknown): boolean {
  return written === "auto" || written === -1 || written === -1n || written === "-1";
}

/** -1 and "auto" are the same where a parameter has one; of a count 0 is the default. */
function readNumber(reader: MessageReader, parameter: Parameter): ParameterValue {
  const { name, type, initial, min = 0, max = Number.MAX_SAFE_INTEGER } = parameter;
  const written = reader.raw(name);
  if (parameter.auto === true && isAuto(written)) return "auto";
  if (type === "number") return reader.double(name, { min, max }) ?? initial;
  return readWholeNumber(reader, parameter);
}

function readWholeNumber(reader: MessageReader, parameter: Parameter): ParameterValue {
  const { name, initial, min = 0, max = Number.MAX_SAFE_INTEGER } = parameter;
  const value = reader.integer(name, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (value === undefined || value === 0) return initial;
  if (value >= min && value <= max) return value;
  const auto = parameter.auto === true ? ', or -1 ("auto")' : "";
  reader.wrong(name, `got ${value}, expected a whole number between ${min} and ${max}${auto}`);
  return initial;
}

function readChoice(reader: MessageReader, { name, choices = [], initial }: Parameter) {
  const value = reader.raw(name);
  if (value === "") return initial;
  if (typeof value === "string" && choices.includes(value)) return value;
  reader.wrong(name, `got ${show(value)}, expected one of ${choices.join(", ")}`);
  return initial;
}

function readCounts(reader: MessageReader, parameter: Parameter): ParameterValue {
  const { name, initial, min = 1, max = 1 } = parameter;
  const counts = reader.integers(name, hiddenLayersMax, { min, max });
  const weights = counts.reduce((sum, count, i) => sum + 2 * count * (counts[i + 1] ?? 0), 0);
  if (weights > hiddenWeightsMax) {
    reader.wrong(name, `makes ${weights} weights, at most ${hiddenWeightsMax} are taken`);
  }
  return counts.length === 0 ? initial : counts;
}

function readEstimators(reader: MessageReader, name: string): readonly EstimatorSpec[] | undefined {
  const names = Object.keys(kinds).filter((kind) => kind !== "suod");
  const estimators: EstimatorSpec[] = [];
  for (const { value, path } of reader.list(name, estimatorsMax)) {
    const estimator = new MessageReader(value, path, names, reader.problems);
    const [kind, ...others] = namedKinds(estimator);
    if (kind === undefined || others.length > 0) {
      reader.problems.add(path, `expected exactly one of ${names.join(", ")}`);
      continue;
    }
    const parameters = readParameters(kind, estimator.raw(kind), [...path, kind], reader.problems);
    estimators.push({ kind, parameters });
  }
  return estimators.length === 0 ? undefined : estimators;
}

/** A kind's parameters as its message is written: in the proto3 JSON mapping, every one of them. */
export function describeParameters(kind: Kind, parameters: Parameters): Record<string, unknown> {
  return Object.fromEntries(
    kinds[kind].parameters
      .map((parameter) => {
        const value = parameters[parameter.name] ?? parameter.initial;
        return [camelCase(parameter.name), describeValue(parameter, value)] as const;
      })
      .filter(([, value]) => value !== undefined),
  );
}

function describeValue(parameter: Parameter, value: ParameterValue): unknown {
  // Of a number that is a double in the contract, absent is auto.
  if (value === "auto") return parameter.type === "count" ? -1 : undefined;
  if (typeof value !== "object") return value;
  return value.map((element) =>
    typeof element === "number"
      ? element
      : { [camelCase(element.kind)]: describeParameters(element.kind, element.parameters) },
  );
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
