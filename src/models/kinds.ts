/**
 * The kinds of models that train on a window, with their hyper-parameters: names and defaults as PyOD has them. The kernel gets
 * them as float64s in the order of this table, see `encodeParameters`.
 */
export interface Parameter {
  readonly name: string;
  readonly type: "count" | "number" | "flag" | "choice" | "counts" | "estimators";
  /** What the value may be; of a list, each of its elements. Absent for flags and choices. */
  readonly min?: number;
  readonly max?: number;
  /** The words of a choice; encoded as their index. */
  readonly choices?: readonly string[];
  /** Whether "auto" is taken too; encoded as NaN. */
  readonly auto?: boolean;
  readonly initial: ParameterValue;
}

export type ParameterValue =
  | number
  | boolean
  | string
  | readonly number[]
  | readonly EstimatorSpec[];

/** One of SUOD's base kinds. */
export interface EstimatorSpec {
  readonly kind: Kind;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

export type Kind =
  | "isolation_forest"
  | "one_class_svm"
  | "local_outlier_factor"
  | "autoencoder"
  | "ecod"
  | "hbos"
  | "copod"
  | "knn"
  | "mcd"
  | "cblof"
  | "suod"
  | "loda";

export interface KindEntry {
  /** As the kernel numbers it; 1 is half_space_trees, which does not train on a window. */
  readonly number: number;
  readonly parameters: readonly Parameter[];
}

const count = (name: string, initial: number, min: number, max: number): Parameter => ({
  name,
  type: "count",
  min,
  max,
  initial,
});
const number = (name: string, initial: number, min: number, max: number): Parameter => ({
  name,
  type: "number",
  min,
  max,
  initial,
});
const flag = (name: string, initial: boolean): Parameter => ({ name, type: "flag", initial });
const choice = (name: string, choices: readonly string[]): Parameter => ({
  name,
  type: "choice",
  choices,
  initial: choices[0] ?? "",
});

/** Of one_class_svm: the share of rows that may be outside. */
const nuMin = 1e-6;

/** Minkowski's exponent: 1 = Manhattan, 2 = Euclidean. */
const minkowski = number("p", 2, 1, 64);

/** SUOD's base kinds by default: PyOD's. */
const suodEstimators: readonly EstimatorSpec[] = [
  { kind: "local_outlier_factor", parameters: { n_neighbors: 15 } },
  { kind: "local_outlier_factor", parameters: { n_neighbors: 20 } },
  { kind: "hbos", parameters: { n_bins: 10 } },
  { kind: "hbos", parameters: { n_bins: 20 } },
  { kind: "copod", parameters: {} },
  { kind: "isolation_forest", parameters: { n_estimators: 50 } },
  { kind: "isolation_forest", parameters: { n_estimators: 100 } },
  { kind: "isolation_forest", parameters: { n_estimators: 150 } },
];

export const estimatorsMax = 16;
export const hiddenLayersMax = 8;
/** Weights between an autoencoder's hidden layers, there and back: a row takes half a millisecond through so many, and others wait for it. */
export const hiddenWeightsMax = 1_048_576;

export const kinds: Readonly<Record<Kind, KindEntry>> = {
  isolation_forest: {
    number: 2,
    parameters: [
      count("n_estimators", 100, 1, 1000),
      { ...count("max_samples", 256, 2, 65_536), auto: true, initial: "auto" },
      number("max_features", 1, 1e-9, 1),
      flag("bootstrap", false),
    ],
  },
  one_class_svm: {
    number: 3,
    parameters: [
      choice("kernel", ["rbf", "linear", "poly", "sigmoid"]),
      count("degree", 3, 1, 16),
      { ...number("gamma", 1, 1e-12, 1e12), auto: true, initial: "auto" },
      number("coef0", 0, -1e12, 1e12),
      number("tol", 1e-3, 1e-9, 1),
      number("nu", 0.5, nuMin, 1),
      flag("shrinking", true),
    ],
  },
  local_outlier_factor: {
    number: 4,
    parameters: [count("n_neighbors", 20, 1, 1024), minkowski],
  },
  autoencoder: {
    number: 5,
    parameters: [
      choice("hidden_activation_name", ["relu", "tanh", "sigmoid"]),
      flag("batch_norm", true),
      number("dropout_rate", 0.2, 0, 0.99),
      number("lr", 1e-3, 1e-9, 1),
      count("epoch_num", 10, 1, 10_000),
      count("batch_size", 32, 2, 65_536),
      number("weight_decay", 1e-5, 0, 1),
      flag("preprocessing", true),
      { name: "hidden_neuron_list", type: "counts", min: 1, max: 1024, initial: [64, 32] },
    ],
  },
  ecod: { number: 6, parameters: [] },
  hbos: {
    number: 7,
    parameters: [
      { ...count("n_bins", 10, 2, 1024), auto: true },
      number("alpha", 0.1, 1e-12, 0.999_999),
      number("tol", 0.5, 0, 0.999_999),
    ],
  },
  copod: { number: 8, parameters: [] },
  knn: {
    number: 9,
    parameters: [
      count("n_neighbors", 5, 1, 1024),
      choice("method", ["largest", "mean", "median"]),
      minkowski,
    ],
  },
  mcd: {
    number: 10,
    parameters: [
      flag("assume_centered", false),
      { ...number("support_fraction", 0.5, 1e-6, 1), auto: true, initial: "auto" },
    ],
  },
  cblof: {
    number: 11,
    parameters: [
      count("n_clusters", 8, 2, 1024),
      number("alpha", 0.9, 0.5, 1),
      number("beta", 5, 1, 1e12),
      flag("use_weights", false),
    ],
  },
  suod: {
    number: 12,
    parameters: [
      choice("combination", ["average", "maximization"]),
      flag("rp_flag_global", true),
      number("target_dim_frac", 0.5, 1e-9, 1),
      flag("approx_flag_global", true),
      { name: "base_estimators", type: "estimators", initial: suodEstimators },
    ],
  },
  loda: {
    number: 13,
    parameters: [
      { ...count("n_bins", 10, 2, 1024), auto: true },
      count("n_random_cuts", 100, 1, 1024),
    ],
  },
};

export function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name);
}

export type Parameters = Readonly<Record<string, ParameterValue>>;

/** All parameters of a kind, in the table's order: what is not given is the table's. Of estimators too. */
export function completeParameters(kind: Kind, given: Parameters): Parameters {
  return Object.fromEntries(
    kinds[kind].parameters.map(({ name, initial }) => [name, complete(given[name] ?? initial)]),
  );
}

function complete(value: ParameterValue): ParameterValue {
  if (typeof value !== "object" || !value.some((element) => typeof element === "object")) {
    return value;
  }
  return value.flatMap((element) =>
    typeof element === "object"
      ? [{ kind: element.kind, parameters: completeParameters(element.kind, element.parameters) }]
      : [],
  );
}

/**
 * A kind's parameters as the kernel reads them: one float64 each in the table's order (flag 0 or 1, choice its index, "auto" NaN);
 * of a list its length, then its elements; of an estimator its kind's number, the length of its own parameters, then those. What
 * is not given is the table's.
 */
export function encodeParameters(kind: Kind, given: Parameters): number[] {
  return kinds[kind].parameters.flatMap((parameter) =>
    encode(parameter, given[parameter.name] ?? parameter.initial),
  );
}

function encode(parameter: Parameter, value: ParameterValue): number[] {
  if (typeof value === "number") return [value];
  if (typeof value === "boolean") return [value ? 1 : 0];
  if (typeof value === "string") {
    return value === "auto" ? [Number.NaN] : [Math.max(0, parameter.choices?.indexOf(value) ?? 0)];
  }
  const elements = value.flatMap((element) => {
    if (typeof element === "number") return [element];
    const inner = encodeParameters(element.kind, element.parameters);
    return [kinds[element.kind].number, inner.length, ...inner];
  });
  return [value.length, ...elements];
}

/** LlamaFarm's constructor values, where they are not PyOD's defaults. */
export function llamafarmParameters(kind: Kind, contamination: number): Parameters {
  if (kind === "one_class_svm") return { nu: Math.max(contamination, nuMin) };
  return llamafarmValues[kind] ?? {};
}

const llamafarmValues: Readonly<Partial<Record<Kind, Parameters>>> = {
  autoencoder: { epoch_num: 100 },
  suod: {
    base_estimators: [
      { kind: "isolation_forest", parameters: {} },
      { kind: "hbos", parameters: {} },
      { kind: "copod", parameters: {} },
    ],
  },
};
