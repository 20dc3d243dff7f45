import { isWindowModel } from "../domain/detector.ts";
import type { Model, WindowModel } from "../domain/detector.ts";
import type { Kind, Parameters, ParameterValue } from "../models/kinds.ts";
import { kinds } from "../models/kinds.ts";

/** A forest of more leaves than this is never stepped inline: building or folding it takes milliseconds. */
const INLINE_LEAVES_MAX = 4096;
/** The row that work counts in: 10 trees of height 8, about 0.2 us. */
const UNIT_NODES = 80;
const UNIT_NS = 200;
/** An explained row of Half-Space Trees costs as much as 16 (10 features) to 80 (256 features) others; of most kinds 3 to 20. */
const EXPLAINED_WORK = 16;
/** Of a row of a window model whatever its kind: derived, normalized, copied into the window. */
const WINDOW_ROW_NS = 200;
/** Of each rolling window or lag of each feature. */
const DERIVED_NS = 30;
/** Of a row of a detector with features: its key's log and groups, and each feature. */
const FEATURES_ROW_NS = 300;
const FEATURE_NS = 40;
/** Rows that the kinds which look at training rows keep at most. */
const KEPT_ROWS_MAX = 4096;

/** Cost of one row, in rows through 10 trees of height 8; huge = never inline. So batches on the main thread stay short. */
export function rowWorkOf(model: Model, features: number): number {
  if (isWindowModel(model)) return (WINDOW_ROW_NS + scoredNs(model, features)) / UNIT_NS;
  const { trees, height } = model;
  return trees * 2 ** height > INLINE_LEAVES_MAX
    ? Number.MAX_SAFE_INTEGER
    : Math.max(0.25, (trees * height) / UNIT_NODES);
}

/** The same for a row that is explained. one_class_svm measures the distance to its rows once more for each column. */
export function explainedRowWorkOf(model: Model, features: number): number {
  const plain = rowWorkOf(model, features);
  if (model.kind !== "one_class_svm") return plain * EXPLAINED_WORK;
  return plain * (EXPLAINED_WORK + columnsOf(model, features));
}

/** What `features` derived features add to a row. */
export function featureWorkOf(features: number): number {
  return (FEATURES_ROW_NS + features * FEATURE_NS) / UNIT_NS;
}

function columnsOf({ rollingWindows, lagPeriods }: WindowModel, features: number): number {
  return features * (1 + 4 * rollingWindows.length + lagPeriods.length);
}

function scoredNs(model: WindowModel, features: number): number {
  const { kind, parameters, windowRows } = model;
  const columns = columnsOf(model, features);
  const rows = Math.min(windowRows, KEPT_ROWS_MAX);
  return DERIVED_NS * (columns - features) + scoreNs(kind, { parameters, columns, rows });
}

interface Shape {
  readonly parameters: Parameters;
  readonly columns: number;
  readonly rows: number;
}

/** Nanoseconds of one score: 1.2 to 3 times what was measured with 1,000 and 4,000 rows of 10 and 50 columns. */
function scoreNs(kind: Kind, shape: Shape): number {
  const { columns, rows } = shape;
  const number = (name: string): number => Number(valueOf(kind, shape.parameters, name));
  switch (kind) {
    case "ecod":
    case "copod":
      return columns * 60;
    case "hbos":
      return columns * 15;
    case "loda":
      return number("n_random_cuts") * 12;
    case "isolation_forest":
      return number("n_estimators") * 20;
    case "knn":
      return rows * columns * 0.25;
    case "local_outlier_factor":
      return rows * columns * 0.5;
    case "one_class_svm":
      return rows * (6 + columns / 4);
    case "autoencoder":
      return autoencoderWeights(shape) * 0.12;
    case "mcd":
      return columns ** 2 * 0.5;
    case "cblof":
      return number("n_clusters") * columns;
    case "suod":
      return estimatorsNs(shape) * 1.5;
    default:
      return kind satisfies never;
  }
}

function valueOf(kind: Kind, parameters: Parameters, name: string): ParameterValue {
  const initial = kinds[kind].parameters.find((parameter) => parameter.name === name)?.initial;
  return parameters[name] ?? initial ?? 0;
}

/** Each weight is one multiplication; the layers go from the columns down the list and back. */
function autoencoderWeights({ parameters, columns }: Shape): number {
  const list = valueOf("autoencoder", parameters, "hidden_neuron_list");
  let weights = 0;
  let width = columns;
  if (typeof list !== "object") return weights;
  for (const layer of list) {
    if (typeof layer !== "number") continue;
    weights += width * layer;
    width = layer;
  }
  return 2 * weights;
}

function estimatorsNs({ parameters, columns, rows }: Shape): number {
  const list = valueOf("suod", parameters, "base_estimators");
  let sum = 0;
  if (typeof list !== "object") return sum;
  for (const each of list) {
    if (typeof each === "number") continue;
    sum += scoreNs(each.kind, { parameters: each.parameters, columns, rows });
  }
  return sum;
}
