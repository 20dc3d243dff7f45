import { describe, expect, test } from "vitest";
import { featureWords } from "../../../src/admission/feature-words.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";

/** The features of a payment detector, from their JSON mapping. */
function featuresOf(features: readonly object[]) {
  return normalizeSpec({
    inputs: [
      { name: "amount" },
      { name: "balance" },
      { name: "country", type: "category" },
      { name: "vip", type: "category" },
    ],
    features,
  }).features;
}

function words(
  feature: object,
  value: number,
  others: readonly object[] = [],
  took: readonly string[] = [],
): string {
  const features = featuresOf([{ name: "f", ...feature }, ...others]);
  const [first] = features;
  if (first === undefined) throw new Error("no feature");
  return featureWords(first, value, {
    defaulted: false,
    features,
    tookDefault: (name) => took.includes(name),
  });
}

const hour = { sliding: "1h" };
const number = { of: "amount", defaultValue: 0 };
const category = { of: "country", defaultValue: 0 };

describe("every aggregate", () => {
  test.each([
    [{ aggregate: "count", window: { sliding: "1m" } }, 5, "5 events in 1 minute"],
    [{ aggregate: "count", window: hour }, 1, "1 event in 1 hour"],
    [{ aggregate: "count", of: "amount", window: hour }, 2, "2 values of amount in 1 hour"],
    [
      { aggregate: "sum", of: "amount", window: hour },
      1234.5678,
      "the sum of amount in 1 hour is 1230",
    ],
    [
      { aggregate: "mean", ...number, window: hour },
      0.123456,
      "the mean of amount in 1 hour is 0.123",
    ],
    [
      { aggregate: "std", ...number, window: hour },
      2,
      "the standard deviation of amount in 1 hour is 2",
    ],
    [
      { aggregate: "variance", ...number, window: hour },
      4,
      "the variance of amount in 1 hour is 4",
    ],
    [{ aggregate: "min", ...number, window: hour }, -1, "the smallest amount in 1 hour is -1"],
    [{ aggregate: "max", ...number, window: hour }, 9, "the largest amount in 1 hour is 9"],
    [{ aggregate: "range", ...number, window: hour }, 8, "the range of amount in 1 hour is 8"],
    [{ aggregate: "first", ...number, window: hour }, 8, "the first amount in 1 hour was 8"],
    [{ aggregate: "last", ...number, window: hour }, 8, "the last amount in 1 hour was 8"],
    [{ aggregate: "delta", ...number, window: hour }, 8, "amount has risen by 8 in 1 hour"],
    [{ aggregate: "delta", ...number, window: hour }, -2.5, "amount has fallen by 2.5 in 1 hour"],
    [{ aggregate: "delta", ...number, window: hour }, 0, "amount has not changed in 1 hour"],
    [
      { aggregate: "zscore", ...number, window: { sliding: "7d" } },
      4.2,
      "amount is 4.2 standard deviations above this key's mean of 7 days",
    ],
    [
      { aggregate: "zscore", ...number, window: { sliding: "7d" } },
      -1,
      "amount is 1 standard deviation below this key's mean of 7 days",
    ],
    [
      { aggregate: "zscore", ...number, window: { sliding: "7d" } },
      0,
      "amount is at this key's mean of 7 days",
    ],
    [
      { aggregate: "quantile", quantile: 0.95, ...number, window: hour },
      9,
      "the 95 % quantile of amount in 1 hour is 9",
    ],
    [
      { aggregate: "quantile", quantile: 0.5, ...number, window: hour },
      9,
      "the median of amount in 1 hour is 9",
    ],
    [{ aggregate: "distinct", of: "country", window: hour }, 3, "3 different countries in 1 hour"],
    [{ aggregate: "distinct", of: "country", window: hour }, 1, "1 country in 1 hour"],
    [{ aggregate: "rate", unit: "1m", window: hour }, 2.5, "2.5 events a minute over 1 hour"],
    [{ aggregate: "rate", unit: "1h", window: { sliding: "1d" } }, 1, "1 event an hour over 1 day"],
    [{ aggregate: "rate", unit: "5m", window: hour }, 2, "2 events every 5 minutes over 1 hour"],
    [
      { aggregate: "time_since", unit: "1h", defaultValue: 0 },
      3.25,
      "3.25 hours since the last event",
    ],
    [
      { aggregate: "time_since", unit: "1s", ...category },
      1,
      "1 second since the last event with this country",
    ],
    [
      { aggregate: "time_since", unit: "15m", ...category, category: "DE" },
      2,
      'intervals of 15 minutes since the last event with country "DE"',
    ],
    [
      { aggregate: "share", ...category, window: hour },
      0.05,
      "5 % of the events in 1 hour have this country",
    ],
    [
      { aggregate: "share", ...category, category: "US", window: hour },
      0.125,
      '12.5 % of the events in 1 hour have country "US"',
    ],
    [
      { aggregate: "entropy", ...category, window: hour },
      1.5,
      "the countries in 1 hour have an entropy of 1.5",
    ],
    [{ aggregate: "lag", ...number }, 12, "1 value ago amount was 12"],
    [{ aggregate: "lag", n: 3, ...number }, 12, "3 values ago amount was 12"],
    [{ aggregate: "novelty", ...category }, 1, "this country never followed the country before"],
    [
      { aggregate: "novelty", n: 3, ...category },
      0.75,
      "this country followed the 2 countries before in 25 % of the cases",
    ],
  ])("%j", (feature, value, text) => {
    expect(words(feature, value)).toContain(text);
  });
});

describe("every window", () => {
  const mean = (window: object | undefined) => words({ aggregate: "mean", ...number, window }, 2);
  const z = (window: object | undefined) => words({ aggregate: "zscore", ...number, window }, 2);
  test.each([
    [{ sliding: "90m" }, "in 90 minutes", "of 90 minutes"],
    [{ sliding: "30d" }, "in 30 days", "of 30 days"],
    [{ sliding: "36h" }, "in 36 hours", "of 36 hours"],
    [{ sliding: "1500ms" }, "in 1500 milliseconds", "of 1500 milliseconds"],
    [
      { hopping: { size: "1h", slide: "5m" } },
      "in 1 hour up to the last multiple of 5 minutes",
      "of 1 hour up to the last multiple of 5 minutes",
    ],
    [
      { tumbling: "6h" },
      "since the last multiple of 6 hours",
      "since the last multiple of 6 hours",
    ],
    [{ tumbling: "day" }, "today", "today"],
    [{ tumbling: "week" }, "this week", "this week"],
    [
      { tumbling: "month", timeZone: "Europe/Berlin" },
      "this month (Europe/Berlin)",
      "this month (Europe/Berlin)",
    ],
    [
      { session: "30m" },
      "in this session, without a pause over 30 minutes",
      "in this session, without a pause over 30 minutes",
    ],
    [{ last: 5 }, "in the last 5 events", "of the last 5 events"],
    [undefined, "so far", "of all events"],
    [
      { global: { everyEvents: 100 } },
      "so far, as of the last multiple of 100 events",
      "of all events, as of the last multiple of 100 events",
    ],
    [
      { global: { every: "1h" } },
      "so far, taken every 1 hour",
      "of all events, taken every 1 hour",
    ],
    [
      { global: { onChange: true } },
      "so far, as of the last change",
      "of all events, as of the last change",
    ],
  ])("%j", (window, inIt, ofIt) => {
    expect(mean(window)).toBe(`the mean of amount ${inIt} is 2`);
    expect(z(window)).toBe(`amount is 2 standard deviations above this key's mean ${ofIt}`);
  });

  test("of rates", () => {
    const rate = (window: object | undefined) =>
      words({ aggregate: "rate", unit: "1m", window }, 2);
    expect(rate({ last: 5 })).toBe("2 events a minute over the last 5 events");
    expect(rate({ session: "1m" })).toBe(
      "2 events a minute in this session, without a pause over 1 minute",
    );
    expect(rate({ tumbling: "day" })).toBe("2 events a minute today");
  });
});

describe("filters", () => {
  test.each([
    [{ input: "country", equals: 'D"E' }, String.raw`where country is "D\"E"`],
    [{ input: "country", differs: "DE" }, 'where country is not "DE"'],
    [{ input: "balance", less: 5 }, "where balance is below 5"],
    [{ input: "balance", atMost: 5 }, "where balance is at most 5"],
    [{ input: "balance", greater: 5 }, "where balance is over 5"],
    [{ input: "balance", atLeast: 5 }, "where balance is at least 5"],
    [{ input: "balance", equalTo: 5 }, "where balance is 5"],
  ])("%j", (where, text) => {
    expect(words({ aggregate: "count", window: hour, where }, 2)).toBe(
      `2 events ${text} in 1 hour`,
    );
  });

  test("the event itself apart", () => {
    const feature = { aggregate: "max", ...number, window: hour, excludeCurrent: true };
    expect(words(feature, 2)).toBe("the largest amount in 1 hour before this event is 2");
  });
});

describe("ratios and differences", () => {
  const mean = { name: "mean", aggregate: "mean", ...number, window: { sliding: "30d" } };
  const usual = { name: "usual", aggregate: "mean", of: "balance", defaultValue: 0, window: hour };
  const n = { name: "n", aggregate: "count", window: hour };
  const rate = { name: "tempo", aggregate: "rate", unit: "1m", window: hour };
  const all = [mean, usual, n, rate];
  const ratio = (of: string, to: string, value: number) =>
    words({ ratio: { of, to }, defaultValue: 0 }, value, all);

  test("name what they compare", () => {
    expect(ratio("amount", "mean", 9.1)).toBe("amount is 9.1x this key's mean of 30 days");
    expect(ratio("amount", "usual", 2)).toBe("amount is 2x this key's mean of balance of 1 hour");
    expect(ratio("amount", "balance", 0.5)).toBe("amount is 0.5x balance");
    expect(ratio("mean", "n", 3)).toBe(
      "the mean of amount in 30 days is 3x the number of events in 1 hour",
    );
    expect(ratio("n", "tempo", 3)).toBe("the number of events in 1 hour is 3x tempo");
  });

  test("of differences the side", () => {
    const difference = (value: number) =>
      words({ difference: { of: "amount", to: "mean" }, defaultValue: 0 }, value, all);
    expect(difference(40)).toBe("amount is 40 above this key's mean of 30 days");
    expect(difference(-4)).toBe("amount is 4 below this key's mean of 30 days");
    expect(difference(0)).toBe("amount equals this key's mean of 30 days");
  });
});

describe("encodings", () => {
  test.each([
    [{ encode: "label" }, 3, "this country is number 3 that this key showed"],
    [{ encode: "label" }, 0, "this country is beyond the first 100 of this key"],
    [{ encode: "onehot", category: "DE" }, 1, 'country is "DE"'],
    [{ encode: "onehot", category: "DE" }, 0, 'country is not "DE"'],
    [{ encode: "hash" }, 517, "country hashes to 517"],
    [{ encode: "binary" }, 1, "country is true"],
    [{ encode: "binary" }, 0, "country is not true"],
    [{ encode: "frequency", window: hour }, 0.2, "20 % of the events in 1 hour have this country"],
  ])("%j", (feature, value, text) => {
    expect(words({ ...category, ...feature }, value)).toBe(text);
  });
});

test("a default is said to be one", () => {
  const features = featuresOf([
    { name: "mean", aggregate: "mean", of: "amount", defaultValue: -1, window: hour },
    { name: "z", aggregate: "zscore", ...number },
  ]);
  const said = features.map((feature) =>
    featureWords(feature, feature.defaultValue, {
      defaulted: true,
      features,
      tookDefault: () => true,
    }),
  );
  expect(said).toEqual([
    "the mean of amount in 1 hour has no value; -1 is its default",
    "z has no value; 0 is its default",
  ]);
});

test("what a ratio or difference is of may be a default itself", () => {
  const mean = {
    name: "mean_30d",
    of: "amount",
    aggregate: "mean",
    window: { sliding: "30d" },
    default_value: 30,
  };
  const ratio = { ratio: { of: "amount", to: "mean_30d" }, default_value: 1 };
  expect(words(ratio, 9.1, [mean])).toBe("amount is 9.1x this key's mean of 30 days");
  expect(words(ratio, 30, [mean], ["mean_30d"])).toBe("amount is 30x the default of mean_30d, 30");
  const difference = { difference: { of: "mean_30d", to: "amount" }, default_value: 0 };
  expect(words(difference, 5, [mean], ["mean_30d"])).toBe(
    "the default of mean_30d, 30 is 5 above amount",
  );
});
