import type { Aggregate, Feature, FeatureFilter, FeatureWindow } from "../domain/detector.ts";

type What<Kind extends Feature["what"]["kind"]> = Extract<Feature["what"], { readonly kind: Kind }>;
type AggregateOf = What<"aggregate">;

/** What a feature's value is said beside. */
export interface FeatureContext {
  /** Whether the value is the default, because the window has nothing to compute from. */
  readonly defaulted: boolean;
  /** All of the detector: ratios and differences name two of them. */
  readonly features: readonly Feature[];
  /** Whether the feature of a name took its default in this row. */
  tookDefault(name: string): boolean;
}

/**
 * A derived feature's value in words, as an analyst reads it: "5 events in 1 minute", "amount is 4.2 standard deviations above this
 * key's mean of 7 days". Numbers have three significant digits.
 */
export function featureWords(feature: Feature, value: number, context: FeatureContext): string {
  const { what } = feature;
  if (context.defaulted) return `${nounOf(feature)} has no value; ${digits(value)} is its default`;
  switch (what.kind) {
    case "aggregate":
      return aggregateWords(what, value);
    case "encode":
      return encodeWords(what, value);
    case "ratio":
      return `${termOf(what.of, context)} is ${digits(value)}x ${baseOf(what, context)}`;
    case "difference":
      return differenceWords(what, value, context);
    default:
      return what satisfies never;
  }
}

function differenceWords(
  what: What<"ratio" | "difference">,
  value: number,
  context: FeatureContext,
): string {
  const [of, to] = [termOf(what.of, context), baseOf(what, context)];
  if (value === 0) return `${of} equals ${to}`;
  return `${of} is ${digits(Math.abs(value))} ${value > 0 ? "above" : "below"} ${to}`;
}

/** The first of a ratio or difference. */
function termOf(name: string, context: FeatureContext): string {
  const feature = context.features.find((each) => each.name === name);
  if (feature === undefined) return name;
  return context.tookDefault(name) ? defaultOf(feature) : nounOf(feature);
}

const defaultOf = ({ name, defaultValue }: Feature): string =>
  `the default of ${name}, ${digits(defaultValue)}`;

/** The second: "this key's mean of 30 days" where it is of the same input as the first. */
function baseOf({ of, to }: What<"ratio" | "difference">, context: FeatureContext): string {
  const feature = context.features.find((each) => each.name === to);
  if (feature === undefined) return to;
  if (context.tookDefault(to)) return defaultOf(feature);
  const { what } = feature;
  if (what.kind !== "aggregate") return nounOf(feature);
  const called = statisticOf(what);
  if (called === undefined) return nounOf(feature);
  const statisticOfIt = what.of === of ? called.replace(/ of$/, "") : `${called} ${what.of}`;
  return `this key's ${statisticOfIt}${membersOf(what)}${inWindow(what.window, "of")}${beforeIt(what)}`;
}

function aggregateWords(what: AggregateOf, value: number): string {
  return aggregates[what.aggregate](what, value);
}

type Words = (what: AggregateOf, value: number) => string;

/** Which events count, in which window. */
const within = (what: AggregateOf): string =>
  `${membersOf(what)}${inWindow(what.window)}${beforeIt(what)}`;
const statistic: Words = (what, value) =>
  `the ${statisticOf(what)} ${what.of}${within(what)} is ${digits(value)}`;
const atAnEnd: Words = (what, value) =>
  `the ${what.aggregate} ${what.of}${within(what)} was ${digits(value)}`;

const aggregates: Readonly<Record<Aggregate, Words>> = {
  count: (what, value) =>
    what.of === ""
      ? `${counted(value, "event")}${within(what)}`
      : `${counted(value, "value")} of ${what.of}${within(what)}`,
  sum: statistic,
  mean: statistic,
  std: statistic,
  variance: statistic,
  min: statistic,
  max: statistic,
  range: statistic,
  quantile: statistic,
  first: atAnEnd,
  last: atAnEnd,
  delta: (what, value) =>
    value === 0
      ? `${what.of} has not changed${within(what)}`
      : `${what.of} has ${value > 0 ? "risen" : "fallen"} by ${digits(Math.abs(value))}${within(what)}`,
  zscore: zscoreWords,
  distinct: (what, value) =>
    value === 1
      ? `1 ${what.of}${within(what)}`
      : `${digits(value)} different ${plural(what.of)}${within(what)}`,
  rate: (what, value) =>
    `${counted(value, "event")} ${perUnit(what.unitMs)}${membersOf(what)}${inWindow(what.window, "over")}${beforeIt(what)}`,
  time_since: sinceWords,
  share: (what, value) =>
    `${digits(value * 100)} % of the events${within(what)} have ${categoryOf(what)}`,
  entropy: (what, value) =>
    `the ${plural(what.of)}${within(what)} have an entropy of ${digits(value)}`,
  lag: (what, value) =>
    `${counted(what.n, "value")} ago ${what.of} was ${digits(value)}${membersOf(what)}${narrower(what.window)}`,
  novelty: noveltyWords,
};

/** Statistics of an input's numbers, as they are called. */
const statistics: Readonly<Partial<Record<Aggregate, string>>> = {
  sum: "sum of",
  mean: "mean of",
  std: "standard deviation of",
  variance: "variance of",
  min: "smallest",
  max: "largest",
  range: "range of",
  first: "first",
  last: "last",
};

/** What comes before the input's name; undefined = it is none. */
function statisticOf({ aggregate, quantile }: AggregateOf): string | undefined {
  if (aggregate !== "quantile") return statistics[aggregate];
  return quantile === 0.5 ? "median of" : `${digits(quantile * 100)} % quantile of`;
}

function zscoreWords(what: AggregateOf, value: number): string {
  const { of, window } = what;
  const mean = `this key's mean${membersOf(what)}${inWindow(window, "of")}`;
  if (value === 0) return `${of} is at ${mean}`;
  const side = value > 0 ? "above" : "below";
  return `${of} is ${counted(Math.abs(value), "standard deviation")} ${side} ${mean}`;
}

function sinceWords(what: AggregateOf, value: number): string {
  const time = `${counted(value, unitName(what.unitMs))} since the last event`;
  if (what.of === "") return `${time}${membersOf(what)}`;
  return `${time} with ${categoryOf(what)}${membersOf(what)}`;
}

function noveltyWords(what: AggregateOf, value: number): string {
  const { of, n } = what;
  const before = n === 2 ? `the ${of} before` : `the ${n - 1} ${plural(of)} before`;
  const where = `${membersOf(what)}${narrower(what.window)}`;
  if (value === 1) return `this ${of} never followed ${before}${where}`;
  return `this ${of} followed ${before} in ${digits((1 - value) * 100)} % of the cases${where}`;
}

function encodeWords({ encode, of, category, window }: What<"encode">, value: number): string {
  switch (encode) {
    case "label":
      return value === 0
        ? `this ${of} is beyond the first 100 of this key`
        : `this ${of} is number ${digits(value)} that this key showed`;
    case "onehot":
      return `${of} is ${value === 1 ? "" : "not "}${quoted(category)}`;
    case "hash":
      return `${of} hashes to ${value}`;
    case "binary":
      return `${of} is ${value === 1 ? "true" : "not true"}`;
    case "frequency":
      return `${digits(value * 100)} % of the events${inWindow(window)} have this ${of}`;
    default:
      return encode satisfies never;
  }
}

/** What a feature is, without its value: "the mean of amount in 30 days"; its name where that would take a sentence. */
function nounOf({ name, what }: Feature): string {
  if (what.kind !== "aggregate") return name;
  const { aggregate, of } = what;
  if (aggregate === "count") {
    return `the number of ${of === "" ? "events" : `values of ${of}`}${within(what)}`;
  }
  if (aggregate === "distinct") return `the number of different ${plural(of)}${within(what)}`;
  const called = statisticOf(what);
  return called === undefined ? name : `the ${called} ${of}${within(what)}`;
}

/** Which events count: " where country is "DE"". */
function membersOf({ where }: AggregateOf): string {
  return where === undefined ? "" : ` where ${where.input} ${comparison(where)}`;
}

function comparison({ op, value }: FeatureFilter): string {
  const shown = typeof value === "string" ? quoted(value) : digits(value);
  switch (op) {
    case "equals":
    case "equal_to":
      return `is ${shown}`;
    case "differs":
      return `is not ${shown}`;
    case "less":
      return `is below ${shown}`;
    case "at_most":
      return `is at most ${shown}`;
    case "greater":
      return `is over ${shown}`;
    case "at_least":
      return `is at least ${shown}`;
    default:
      return op satisfies never;
  }
}

function beforeIt({ excludeCurrent }: AggregateOf): string {
  return excludeCurrent ? " before this event" : "";
}

/** A window after what is of it: " in 1 hour" (what is counted), " of 30 days" (a statistic), " over 1 hour" (a rate). */
function inWindow(window: FeatureWindow, preposition: "in" | "of" | "over" = "in"): string {
  switch (window.kind) {
    case "sliding":
      return ` ${preposition} ${duration(window.sizeMs)}`;
    case "hopping":
      return ` ${preposition} ${duration(window.sizeMs)} ${hop(window)}`;
    case "last":
      return ` ${preposition} the last ${counted(window.events, "event")}`;
    case "global":
      return `${preposition === "of" ? " of all events" : " so far"}${asOf(window)}`;
    case "tumbling":
    case "calendar":
    case "session":
      return ` ${runningWindow(window)}`;
    default:
      return window satisfies never;
  }
}

/** The same where it is not the whole life of the key. */
function narrower(window: FeatureWindow): string {
  return window.kind === "global" ? "" : inWindow(window);
}

/** A window that begins at some time and ends with the event. */
function runningWindow(
  window: Extract<FeatureWindow, { readonly kind: "tumbling" | "calendar" | "session" }>,
): string {
  switch (window.kind) {
    case "tumbling":
      return `since the last multiple of ${duration(window.sizeMs)}`;
    case "calendar": {
      const zone = window.timeZone === "UTC" ? "" : ` (${window.timeZone})`;
      return `${window.unit === "day" ? "today" : `this ${window.unit}`}${zone}`;
    }
    case "session":
      return `in this session, without a pause over ${duration(window.gapMs)}`;
    default:
      return window satisfies never;
  }
}

function hop({ slideMs }: Extract<FeatureWindow, { readonly kind: "hopping" }>): string {
  return `up to the last multiple of ${duration(slideMs)}`;
}

function asOf({
  everyEvents,
  everyMs,
  onChange,
}: Extract<FeatureWindow, { readonly kind: "global" }>): string {
  if (everyEvents > 0) return `, as of the last multiple of ${counted(everyEvents, "event")}`;
  if (everyMs > 0) return `, taken every ${duration(everyMs)}`;
  return onChange ? ", as of the last change" : "";
}

function categoryOf({ of, category }: AggregateOf): string {
  return category === "" ? `this ${of}` : `${of} ${quoted(category)}`;
}

const units: readonly (readonly [ms: number, name: string])[] = [
  [7 * 86_400_000, "week"],
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
  [1, "millisecond"],
];

/** "7 days", "90 minutes": in the largest unit that gives a whole number, weeks apart. */
function duration(ms: number): string {
  for (const [unit, name] of units) {
    if (name !== "week" && ms % unit === 0) return counted(ms / unit, name);
  }
  return counted(ms, "millisecond");
}

/** Of a duration that a number is counted in: "hour", or "interval of 15 minutes". */
function unitName(ms: number): string {
  return units.find(([unit]) => unit === ms)?.[1] ?? `interval of ${duration(ms)}`;
}

function perUnit(ms: number): string {
  const name = units.find(([unit]) => unit === ms)?.[1];
  if (name === undefined) return `every ${duration(ms)}`;
  return name === "hour" ? "an hour" : `a ${name}`;
}

/** "1 event", "5 events", "2.5 events". */
function counted(value: number, one: string): string {
  if (value === 1) return `1 ${one}`;
  const [head = "", ...rest] = one.split(" of ");
  return `${digits(value)} ${[plural(head), ...rest].join(" of ")}`;
}

function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Three significant digits; whole numbers below a million as they are. */
function digits(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return String(Number(value.toPrecision(3)));
}
