import type { Feature } from "../../src/domain/detector.ts";
import { ExactSums } from "./features-exact.ts";
import { membersOf, spanOf, valueOf } from "./features-windows.ts";
import type { Member, Moment, Span, Value } from "./features-windows.ts";

/* What is computed of a window's members, by definition. */

type Aggregated = Extract<Feature["what"], { kind: "aggregate" }>;
type Encoded = Extract<Feature["what"], { kind: "encode" }>;

/** Undefined = there is nothing to compute it from; `slack`: how far off float64s may be beside what is relative. */
export type Found =
  | number
  | undefined
  | { readonly value: number | undefined; readonly slack: number };

const beforeOnly: ReadonlySet<Aggregated["aggregate"]> = new Set([
  "zscore",
  "time_since",
  "lag",
  "novelty",
]);

type Own = Value | undefined;
type Moments = "sum" | "mean" | "variance" | "std" | "zscore";
type OfNumbers =
  | Moments
  | "min"
  | "max"
  | "range"
  | "first"
  | "last"
  | "delta"
  | "lag"
  | "quantile";

const smallest = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));

/** Of one value or more, in their order; of two or more of them where one has no variance. */
const ofNumbers: Readonly<
  Record<OfNumbers, (values: readonly number[], what: Aggregated, own: Own) => Found>
> = {
  sum: (values) => ({ value: new ExactSums(values).total, slack: cancelled(values) }),
  mean: (values) => ({ value: new ExactSums(values).mean, slack: cancelled(values) }),
  variance: (values) => varianceOf(values),
  std: (values) => Math.sqrt(varianceOf(values) ?? Number.NaN),
  zscore: (values, _, own) => zscoreOf(new ExactSums(values), own),
  min: smallest,
  max: greatest,
  range: (values) => greatest(values) - smallest(values),
  first: (values) => values[0],
  last: (values) => values.at(-1),
  delta: (values) => (values.at(-1) ?? 0) - (values[0] ?? 0),
  lag: (values, { n }) => values.at(-n),
  quantile: (values, { quantile }) =>
    values.toSorted((a, b) => a - b)[Math.floor(quantile * (values.length - 1))],
};

type OfMembers = Exclude<Aggregated["aggregate"], OfNumbers>;

const ofMembers: Readonly<
  Record<OfMembers, (span: Span, what: Aggregated, own: Own, timeMs: number) => Found>
> = {
  count: ({ members }) => members.length,
  distinct: ({ members }) => new Set(members.map(({ value }) => value)).size,
  rate: (span, what) => rateOf(what, span),
  time_since: ({ members }, what, own, timeMs) => sinceOf(what, members, { own, timeMs }),
  share: ({ members }, { category }, own) => shareOf(members, category === "" ? own : category),
  entropy: ({ members }) => entropyOf(members),
  novelty: ({ members }, { n }, own) => noveltyOf(members, own, n),
};

function isOfMembers(aggregate: Aggregated["aggregate"]): aggregate is OfMembers {
  return Object.hasOwn(ofMembers, aggregate);
}

export function aggregateOf(what: Aggregated, moment: Moment): Found {
  const { aggregate } = what;
  const span = spanOf(what, moment, what.excludeCurrent || beforeOnly.has(aggregate));
  const own = moment.current === undefined ? undefined : valueOf(moment.current, what.of);
  if (isOfMembers(aggregate)) return ofMembers[aggregate](span, what, own, moment.timeMs);
  if (span.members.length === 0) return undefined;
  return ofNumbers[aggregate](
    span.members.map(({ value }) => Number(value)),
    what,
    own,
  );
}

/** What is left of large values that cancel each other, in sums of 100 bits. */
function cancelled(values: readonly number[]): number {
  return 2 ** -100 * values.reduce((sum, x) => sum + Math.abs(x), 0);
}

function varianceOf(values: readonly number[]): number | undefined {
  return values.length < 2 ? undefined : new ExactSums(values).variance;
}

function zscoreOf(sums: ExactSums, own: Own): number | undefined {
  if (typeof own !== "number" || sums.count < 2) return undefined;
  const std = Math.sqrt(sums.variance);
  return std === 0 ? undefined : sums.distance(own) / std;
}

function rateOf({ window, unitMs }: Aggregated, { members, fromMs, toMs }: Span): number {
  if (window.kind === "last") {
    return members.length < 2 || toMs === fromMs
      ? 0
      : (members.length - 1) / ((toMs - fromMs) / unitMs);
  }
  if (window.kind === "sliding" || window.kind === "hopping") {
    return members.length / (window.sizeMs / unitMs);
  }
  return members.length / Math.max((toMs - fromMs) / unitMs, 1);
}

function sinceOf(
  { category, unitMs }: Aggregated,
  members: readonly Member[],
  { own, timeMs }: { own: Own; timeMs: number },
): number | undefined {
  const wanted = category === "" ? own : category;
  const ofCategory = typeof members[0]?.value === "string";
  const last = members.findLast(({ value }) => !ofCategory || value === wanted);
  return last === undefined ? undefined : (timeMs - last.timeMs) / unitMs;
}

function shareOf(members: readonly Member[], category: Value | undefined): number | undefined {
  if (category === undefined || members.length === 0) return undefined;
  return members.filter(({ value }) => value === category).length / members.length;
}

function entropyOf(members: readonly Member[]): Found {
  if (members.length === 0) return undefined;
  const counts = new Map<Value, number>();
  for (const { value } of members) counts.set(value, (counts.get(value) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) {
    entropy -= (count / members.length) * Math.log(count / members.length);
  }
  return { value: entropy, slack: 1e-15 };
}

/** How rarely the last n - 1 categories were followed by this one. */
function noveltyOf(members: readonly Member[], own: Own, n: number): number | undefined {
  if (own === undefined) return undefined;
  const values = members.map(({ value }) => value);
  const context = values.slice(Math.max(0, values.length - (n - 1)));
  if (context.length < n - 1) return 1;
  let seen = 0;
  let followed = 0;
  for (let i = n - 1; i < values.length; i++) {
    if (!context.every((value, j) => values[i - (n - 1) + j] === value)) continue;
    seen++;
    if (values[i] === own) followed++;
  }
  return seen === 0 ? 1 : 1 - followed / seen;
}

const truths: ReadonlySet<Value> = new Set(["true", "yes", "1", "on", "t", "y"]);

export function encodedOf(what: Encoded, moment: Moment): Found {
  const own = moment.current?.values.get(what.of);
  if (own === undefined) return undefined;
  switch (what.encode) {
    case "label": {
      const shown = new Set(membersOf(moment.before, what.of).map(({ value }) => value)).add(own);
      const label = [...shown].indexOf(own) + 1;
      return label > 100 ? 0 : label;
    }
    case "onehot":
      return Number(own === what.category);
    case "binary":
      return Number(truths.has(String(own).toLowerCase()));
    case "frequency":
      return shareOf(spanOf({ ...what, where: undefined }, moment, false).members, own);
    case "hash":
      return 0;
    default:
      return what.encode satisfies never;
  }
}
