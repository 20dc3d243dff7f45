import type { DetectorConfig, HalfSpaceTrees, Input, Missing, Scaler } from "../domain/detector.ts";
import { Code, violationsMax, WeirError } from "../domain/errors.ts";
import { Source } from "../domain/verdict.ts";
import { checkRules } from "../rules/compile.ts";

import { limits } from "./limits.ts";
import {
  MessageReader,
  nameProblem,
  readEnum,
  textProblem,
  type EnumTable,
} from "./message-reader.ts";
import { didYouMean, formatPath, Problems, show, type Path } from "./problems.ts";

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
  trees: 10,
  height: 8,
  window: 250,
  seed: 42n,
  fallback: [Source.RULES, Source.CACHED, Source.DEFAULT],
} as const;

const uint32Max = 2 ** 32 - 1;
const uint64Max = 2n ** 64n - 1n;
const magnitude = { min: -limits.magnitudeMax, max: limits.magnitudeMax };

const inputTypes: EnumTable<Input["type"]> = {
  prefix: "INPUT_TYPE_",
  unspecified: "number",
  values: [
    ["NUMBER", "number"],
    ["CATEGORY", "category"],
  ],
};
const missings: EnumTable<Missing | undefined> = {
  prefix: "MISSING_",
  unspecified: undefined,
  values: [
    ["REFUSE", "refuse"],
    ["DEFAULT", "default"],
    ["MODEL", "model"],
  ],
};
const scalers: EnumTable<Scaler> = {
  prefix: "SCALER_",
  unspecified: "none",
  values: [
    ["NONE", "none"],
    ["STANDARD", "standard"],
    ["MIN_MAX", "min_max"],
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
  const inputs = readInputs(reader);
  const config: DetectorConfig = {
    inputs,
    scaler: reader.enumeration("scaler", scalers),
    model: readTrees(reader, inputs),
    threshold: readThreshold(reader),
    ...readTimes(reader),
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

function readInputs(spec: MessageReader): readonly Input[] {
  const inputs: Input[] = [];
  const problemsBefore = spec.problems.list.length;
  const names = new Set<string>();
  const columns = { number: 0, category: 0 };
  for (const { value, path } of spec.list("inputs", limits.inputsMax)) {
    const input = readInput(value, path, spec.problems);
    if (names.has(input.name)) {
      spec.problems.add([...path, "name"], `${show(input.name)} is declared twice`);
    }
    if (input.name !== "") names.add(input.name);
    inputs.push({ ...input, column: columns[input.type]++, position: inputs.length });
  }
  const feature = inputs.some((input) => input.type === "number" && !input.rulesOnly);
  if (!feature && spec.problems.list.length === problemsBefore) {
    spec.wrong(
      "inputs",
      "expected at least one number input that is not rules_only: the model needs a feature",
    );
  }
  return inputs;
}

function readInput(
  value: unknown,
  path: Path,
  problems: Problems,
): Omit<Input, "column" | "position"> {
  const fields = ["name", "type", "default_value", "missing", "rules_only"];
  const reader = new MessageReader(value, path, fields, problems);
  const name = reader.name("name", limits.inputNameBytesMax);
  const type = reader.enumeration("type", inputTypes);
  const defaultValue = reader.double("default_value", magnitude);
  const asked = reader.enumeration("missing", missings);
  if (type === "category" && reader.has("default_value")) {
    reader.wrong("default_value", "only number inputs have a default value");
  }
  if (asked === "default" && !reader.has("default_value")) {
    const expected = type === "number" ? "needs a default_value" : "is for number inputs only";
    reader.wrong("missing", `"default" ${expected}`);
  }
  const missing = asked ?? (defaultValue === undefined ? "refuse" : "default");
  return {
    name,
    type,
    defaultValue: missing === "default" ? (defaultValue ?? NaN) : NaN,
    missing,
    rulesOnly: reader.bool("rules_only"),
  };
}

function readTrees(spec: MessageReader, inputs: readonly Input[]): HalfSpaceTrees {
  const path = [...spec.path, "half_space_trees"];
  const fields = ["trees", "height", "window", "seed", "limits"];
  const reader = new MessageReader(spec.raw("half_space_trees"), path, fields, spec.problems);
  const trees = reader.count("trees", { min: 1, max: limits.treesMax, default: defaults.trees });
  const height = reader.count("height", {
    min: 1,
    max: limits.heightMax,
    default: defaults.height,
  });
  const leaves = trees * 2 ** height;
  if (leaves > limits.leavesMax) {
    spec.wrong(
      "half_space_trees",
      `${trees} trees of height ${height} have ${leaves} leaves, at most ${limits.leavesMax} are taken: lower trees or height`,
    );
  }
  return {
    kind: "half_space_trees",
    trees,
    height,
    window: reader.count("window", { min: 1, max: limits.windowMax, default: defaults.window }),
    seed: reader.bigint("seed", { min: 0n, max: uint64Max }) ?? defaults.seed,
    limits: readLimits(reader, inputs),
  };
}

function readLimits(
  trees: MessageReader,
  inputs: readonly Input[],
): ReadonlyMap<string, readonly [number, number]> {
  const features = inputs.filter((input) => input.type === "number" && !input.rulesOnly);
  const names = new Set(features.map((input) => input.name));
  const boxes = new Map<string, readonly [number, number]>();
  for (const [name, value] of trees.entries("limits")) {
    const path = [...trees.path, "limits", name.slice(0, limits.inputNameBytesMax)];
    if (!names.has(name)) {
      const hint = didYouMean(name, names);
      trees.problems.add(path, `is no declared number input that the model sees${hint}`, true);
      continue;
    }
    const reader = new MessageReader(value, path, ["low", "high"], trees.problems);
    const low = reader.double("low", magnitude) ?? 0;
    const high = reader.double("high", magnitude) ?? 0;
    if (!(low < high)) trees.problems.add(path, `low (${low}) must be less than high (${high})`);
    boxes.set(name, [low, high]);
  }
  return boxes;
}

function readThreshold(spec: MessageReader): DetectorConfig["threshold"] {
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
): Pick<DetectorConfig, "burnInEvents" | "timeoutMs" | "batchWaitMs" | "cachedMaxAgeMs"> {
  return {
    burnInEvents:
      spec.integer("burn_in_events", { min: 0, max: uint32Max }) ?? defaults.burnInEvents,
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
