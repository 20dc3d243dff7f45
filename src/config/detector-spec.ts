import { isWindowModel } from "../domain/detector.ts";
import type { DetectorConfig, Feature, Input, Model, Scaler } from "../domain/detector.ts";
import { Code, violationsMax, WeirError } from "../domain/errors.ts";
import { Source } from "../domain/verdict.ts";
import { checkRules } from "../rules/compile.ts";
import { kinds } from "../models/kinds.ts";
import { readEventTime } from "./event-time-spec.ts";
import { checkFeatures } from "./feature-limits.ts";
import { readFeatures } from "./feature-spec.ts";
import { isSeen, readInputs } from "./input-spec.ts";
import { limits } from "./limits.ts";
import {
  MessageReader,
  nameProblem,
  readEnum,
  textProblem,
  type EnumTable,
} from "./message-reader.ts";
import { formatPath, Problems, show, type Path } from "./problems.ts";
import { readTrees } from "./tree-spec.ts";
import { namedKinds, readWindowModel, readWindowThreshold, windowFields } from "./window-spec.ts";

/** What absent and 0 mean in a DetectorSpec: the contract's own numbers. */
const defaults = {
  alertShare: 0.01,
  burnInEvents: 250,
  timeoutMs: 20,
  batchWaitMs: 10,
  defaultScore: 0.5,
  cachedMaxAgeMs: 60_000,
  keysMax: 100_000,
  idsMax: 100_000,
  fallback: [Source.RULES, Source.CACHED, Source.DEFAULT],
} as const;

const uint32Max = 2 ** 32 - 1;

const scalers: EnumTable<Scaler> = {
  prefix: "SCALER_",
  unspecified: "none",
  values: [
    ["NONE", "none"],
    ["STANDARD", "standard"],
    ["MIN_MAX", "min_max"],
    ["ROBUST", "robust"],
  ],
};
const atKeysMaxes: EnumTable<DetectorConfig["atKeysMax"]> = {
  prefix: "AT_KEYS_MAX_",
  unspecified: "evict",
  values: [
    ["EVICT", "evict"],
    ["REFUSE", "refuse"],
  ],
};
const sources: EnumTable<Source | undefined> = {
  prefix: "SOURCE_",
  unspecified: undefined,
  values: [
    ["MODEL", Source.MODEL],
    ["RULES", Source.RULES],
    ["CACHED", Source.CACHED],
    ["DEFAULT", Source.DEFAULT],
  ],
};

const specFields = [
  "inputs",
  "scaler",
  "half_space_trees",
  "threshold",
  "alert_share",
  "burn_in_events",
  "timeout_ms",
  "batch_wait_ms",
  "rules",
  "default_score",
  "fallback",
  "cached_max_age_ms",
  "keys_max",
  "at_keys_max",
  "key_ttl_seconds",
  "ids_max",
  "learn_system_actions",
  "features",
  "event_time",
  ...windowFields,
  ...Object.keys(kinds),
];

/**
 * A DetectorSpec in its proto3 JSON mapping (field names in either spelling; enums by name, by short name such as
 * `standard`, or by number; 64-bit integers as numbers, decimal strings or bigints) as the frozen configuration, every default
 * filled in and every rule compiled once. Throws INVALID_ARGUMENT, INVALID_SPEC with a violation for each thing that is
 * wrong, by its path in proto spelling below `path`.
 */
export function normalizeSpec(spec: unknown, path = "spec"): DetectorConfig {
  const problems = new Problems(violationsMax);
  const config = readSpec(spec, [path], problems);
  const [first] = problems.list;
  if (first === undefined && config !== undefined) return config;
  const violations = problems.list.map((problem) => ({
    field: formatPath(problem.path),
    message: problem.message,
  }));
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const headline = violations[0] ?? { field: path, message: "is not a detector specification" };
  throw new WeirError(
    Code.INVALID_ARGUMENT,
    "INVALID_SPEC",
    `${headline.field === "" ? "" : `${headline.field}: `}${headline.message}${more}`,
    { violations },
  );
}

/** As `normalizeSpec`, but notes what is wrong in `problems`; the result counts only when none was noted. */
export function readSpec(
  spec: unknown,
  path: Path,
  problems: Problems,
): DetectorConfig | undefined {
  if (spec === undefined || spec === null) {
    problems.add(path, "is missing: a detector needs at least one input");
    return undefined;
  }
  const reader = new MessageReader(spec, path, specFields, problems);
  if (!reader.readable) return undefined;
  const isWindow = namedKinds(reader).length > 0;
  const inputs = readInputs(reader, isWindow);
  const eventTime = readEventTime(reader);
  const features = readFeatures(reader, inputs, eventTime.exactEvents);
  const model = readModel(reader, inputs, features);
  checkFeatures(reader, { inputs, features, model, eventTime });
  const config: DetectorConfig = {
    inputs,
    features,
    eventTime,
    scaler: readScaler(reader, isWindow),
    model,
    threshold: readThreshold(reader, model),
    ...readTimes(reader, isWindow),
    rules: readRules(reader),
    defaultScore: reader.double("default_score", { min: 0, max: 1 }) ?? defaults.defaultScore,
    fallback: readFallback(reader),
    ...readKeys(reader),
    learnSystemActions: reader.bool("learn_system_actions"),
  };
  if (!problems.any)
    checkRules(config, (rule, message) => {
      problems.add([...path, "rules", rule, "when"], message);
    });
  return deepFreeze(config);
}

function readModel(
  spec: MessageReader,
  inputs: readonly Input[],
  features: readonly Feature[],
): Model {
  const [kind, ...others] = namedKinds(spec);
  if (kind === undefined) {
    for (const name of windowFields) {
      if (spec.has(name)) {
        spec.wrong(name, "is of models that train on a window: half_space_trees has none");
      }
    }
    const seen = inputs.filter((input) => input.type === "number" && isSeen(input));
    const derived = features.filter((feature) => feature.seen);
    return readTrees(
      spec,
      [...seen, ...derived].map(({ name }) => name),
    );
  }
  for (const other of spec.has("half_space_trees") ? ["half_space_trees", ...others] : others) {
    spec.wrong(other, `expected one model, and ${kind} is given too`);
  }
  const model = readWindowModel(spec, kind);
  // How many columns onehot makes is known only when its values have come.
  const seen = inputs.filter((input) => isSeen(input) && input.encoding !== "onehot").length;
  const derived = 1 + 4 * model.rollingWindows.length + model.lagPeriods.length;
  if (seen * derived > limits.modelColumnsMax) {
    spec.wrong(
      "rolling_windows",
      `${seen} inputs that the model sees with their windows and lags are ${seen * derived} columns, at most ${limits.modelColumnsMax} are taken`,
    );
  }
  return model;
}

function readScaler(spec: MessageReader, isWindow: boolean): Scaler {
  const scaler = spec.enumeration("scaler", scalers);
  if (scaler === "robust" && !isWindow) {
    spec.wrong(
      "scaler",
      "robust is of models that train on a window, expected none, standard or min_max",
    );
  }
  return scaler;
}

function readThreshold(spec: MessageReader, model: Model): DetectorConfig["threshold"] {
  if (isWindowModel(model)) return { fixed: readWindowThreshold(spec, model) };
  const fixed = spec.double("threshold", { min: 0, max: 1 });
  const share = spec.double("alert_share", { min: 0, max: 0.5 });
  if (spec.has("threshold") && spec.has("alert_share")) {
    spec.wrong("alert_share", "expected threshold or alert_share, not both");
  }
  if (share === 0) spec.wrong("alert_share", "got 0, expected more than 0 and at most 0.5");
  return fixed === undefined ? { alertShare: share ?? defaults.alertShare } : { fixed };
}

function readTimes(
  spec: MessageReader,
  isWindow: boolean,
): Pick<DetectorConfig, "burnInEvents" | "timeoutMs" | "batchWaitMs" | "cachedMaxAgeMs"> {
  return {
    burnInEvents:
      spec.integer("burn_in_events", { min: 0, max: uint32Max }) ??
      (isWindow ? 0 : defaults.burnInEvents),
    timeoutMs: spec.count("timeout_ms", {
      min: 1,
      max: limits.timeoutMsMax,
      default: defaults.timeoutMs,
    }),
    batchWaitMs: spec.count("batch_wait_ms", {
      min: limits.batchWaitMsMin,
      max: limits.batchWaitMsMax,
      default: defaults.batchWaitMs,
    }),
    cachedMaxAgeMs: spec.count("cached_max_age_ms", {
      min: 1,
      max: uint32Max,
      default: defaults.cachedMaxAgeMs,
    }),
  };
}

function readRules(spec: MessageReader): DetectorConfig["rules"] {
  const names = new Set<string>();
  return spec.list("rules", limits.rulesMax).map(({ value, path }) => {
    const reader = new MessageReader(value, path, ["name", "when", "score"], spec.problems);
    const name = reader.name("name", limits.ruleNameBytesMax);
    if (name !== "" && names.has(name)) reader.wrong("name", `${show(name)} is declared twice`);
    names.add(name);
    const when = reader.text("when", limits.ruleBytesMax);
    if (!reader.has("when") || reader.raw("when") === "") {
      reader.wrong(
        "when",
        "must not be empty: expected a CEL expression, for example amount > 10000",
      );
    }
    return { name, when, score: reader.double("score", { min: 0, max: 1 }) ?? 0 };
  });
}

function readFallback(spec: MessageReader): readonly Source[] {
  const fallback: Source[] = [];
  for (const { value, path } of spec.list("fallback", 16)) {
    const before = spec.problems.list.length;
    const source = readEnum(value, path, sources, spec.problems);
    if (spec.problems.list.length > before) continue;
    if (source === undefined || source === Source.MODEL) {
      spec.problems.add(path, `got ${show(value)}, expected one of rules, cached, default`);
    } else if (fallback.includes(source)) {
      spec.problems.add(path, `${show(value)} is named twice`);
    } else {
      fallback.push(source);
    }
  }
  return fallback.length === 0 ? [...defaults.fallback] : fallback;
}

function readKeys(
  spec: MessageReader,
): Pick<DetectorConfig, "keysMax" | "atKeysMax" | "keyTtlMs" | "idsMax"> {
  return {
    keysMax: spec.count("keys_max", { min: 1, max: limits.keysMax, default: defaults.keysMax }),
    atKeysMax: spec.enumeration("at_keys_max", atKeysMaxes),
    keyTtlMs: (spec.integer("key_ttl_seconds", { min: 0, max: uint32Max }) ?? 0) * 1000,
    idsMax: spec.count("ids_max", { min: 1, max: limits.idsMax, default: defaults.idsMax }),
  };
}

/** The contract's rule for a detector's name; returns it, or throws INVALID_ARGUMENT, INVALID_NAME about `field`. */
export function detectorName(name: unknown, field = "name"): string {
  const wrong = detectorNameProblem(name);
  if (wrong !== undefined) throw WeirError.invalid("INVALID_NAME", field, wrong);
  return String(name);
}

/** What is wrong with a detector's name, undefined = nothing. */
export function detectorNameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return `got ${show(name)}, expected text`;
  const wrong = textProblem(name, limits.detectorNameBytesMax) ?? nameProblem(name);
  if (wrong !== undefined) return wrong;
  const part = ["/", "\\", ".."].find((forbidden) => name.includes(forbidden));
  return part === undefined ? undefined : `got ${show(name)}, must not contain ${show(part)}`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof Map)) {
    for (const content of Object.values(value)) deepFreeze(content);
    Object.freeze(value);
  }
  return value;
}
