import type { Aggregate, FeatureEncode } from "../domain/detector.ts";

/** In the order of the contract's numbers, from 1. */
export const aggregateNames: readonly Aggregate[] = [
  "count",
  "sum",
  "mean",
  "std",
  "variance",
  "min",
  "max",
  "range",
  "first",
  "last",
  "delta",
  "zscore",
  "quantile",
  "distinct",
  "rate",
  "time_since",
  "share",
  "entropy",
  "lag",
  "novelty",
];
export const encodeNames: readonly FeatureEncode[] = [
  "label",
  "onehot",
  "hash",
  "binary",
  "frequency",
];

/** What a way to compute a feature needs and takes; the contract says what each of them is. */
export interface Trait {
  /** What it is computed of; any: a number, a category or nothing; value: a number or a category. */
  readonly of: "number" | "category" | "any" | "value";
  /** Why it may have no value; undefined = it always has one. */
  readonly empty?: string;
  /** Fields of its own, beside name, of, default_value and hidden. */
  readonly fields: readonly TraitField[];
}

export type TraitField =
  | "window"
  | "where"
  | "exclude_current"
  | "quantile"
  | "category"
  | "n"
  | "unit";

const windowed = ["window", "where", "exclude_current"] as const;

export const aggregateTraits: Readonly<Record<Aggregate, Trait>> = {
  count: { of: "any", fields: windowed },
  sum: { of: "number", fields: windowed },
  mean: { of: "number", fields: windowed, empty: "an empty window has none" },
  std: { of: "number", fields: windowed, empty: "a window of less than two values has none" },
  variance: { of: "number", fields: windowed, empty: "a window of less than two values has none" },
  min: { of: "number", fields: windowed, empty: "an empty window has none" },
  max: { of: "number", fields: windowed, empty: "an empty window has none" },
  range: { of: "number", fields: windowed, empty: "an empty window has none" },
  first: { of: "number", fields: windowed, empty: "an empty window has none" },
  last: { of: "number", fields: windowed, empty: "an empty window has none" },
  delta: { of: "number", fields: windowed, empty: "an empty window has none" },
  zscore: {
    of: "number",
    fields: windowed,
    empty: "there is none until the window before the event has two different values",
  },
  quantile: {
    of: "number",
    fields: [...windowed, "quantile"],
    empty: "an empty window has none",
  },
  distinct: { of: "value", fields: windowed },
  rate: { of: "any", fields: [...windowed, "unit"] },
  time_since: {
    of: "any",
    fields: ["where", "exclude_current", "category", "unit"],
    empty: "a key's first event has none",
  },
  share: {
    of: "category",
    fields: [...windowed, "category"],
    empty: "an empty window has none",
  },
  entropy: { of: "category", fields: windowed, empty: "an empty window has none" },
  lag: {
    of: "number",
    fields: ["where", "exclude_current", "n"],
    empty: "a key's first events have none",
  },
  novelty: {
    of: "category",
    fields: ["where", "exclude_current", "n"],
    empty: "an event without the category has none",
  },
};

/** Of an event without the category all of them are 0 where no default is declared. */
export const encodeTraits: Readonly<Record<FeatureEncode, Trait>> = {
  label: { of: "category", fields: [] },
  onehot: { of: "category", fields: ["category"] },
  hash: { of: "category", fields: ["n"] },
  binary: { of: "category", fields: [] },
  frequency: { of: "category", fields: ["window"] },
};

export const traitFields: readonly TraitField[] = [
  "window",
  "where",
  "exclude_current",
  "quantile",
  "category",
  "n",
  "unit",
];

/** Which ways have a field: `lag, novelty and hash`. */
export function havingField(field: TraitField): string {
  if (field === "window") return "aggregates but time_since, lag and novelty, and of frequency";
  const names = [...Object.entries(aggregateTraits), ...Object.entries(encodeTraits)]
    .filter(([, trait]) => trait.fields.includes(field))
    .map(([name]) => name);
  if (names.length > 5) return "aggregates";
  return names.length < 2
    ? names.join("")
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}
