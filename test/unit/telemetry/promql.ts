/** A metric that an expression reads, with the label names that it filters on. */
export interface Selector {
  readonly metric: string;
  /** What it asks of each label: the value or the pattern. */
  readonly matchers: readonly {
    readonly label: string;
    readonly operator: string;
    readonly value: string;
  }[];
}

const functions = new Set(
  "sum min max rate increase absent histogram_quantile min_over_time and label_values".split(" "),
);
const matcher = /^\s*(?<label>[a-zA-Z_]\w*)\s*(?<operator>=~|!~|!=|=)\s*"(?<value>[^"]*)"\s*$/;

/** What a PromQL expression reads and groups by. Knows as much of the language as the console uses; throws on other words. */
export function readPromql(expression: string): {
  readonly selectors: readonly Selector[];
  readonly grouping: readonly string[];
} {
  const grouping: string[] = [];
  const rest = expression.replaceAll(/\bby\s*\((?<labels>[^)]*)\)/g, (_, labels: string) => {
    grouping.push(...labels.split(",").map((label) => label.trim()));
    return " ";
  });
  const selectors: Selector[] = [];
  const words = /(?<![\w."$[])(?<word>[a-zA-Z_]\w*)(?:\{(?<matchers>[^}]*)\})?/g;
  for (const match of rest.matchAll(words)) {
    const { word = "", matchers = "" } = match.groups ?? {};
    if (functions.has(word)) continue;
    selectors.push({
      metric: word,
      matchers: matchers.split(",").filter(Boolean).map(readMatcher),
    });
  }
  return { selectors, grouping };
}

function readMatcher(text: string): Selector["matchers"][number] {
  const { label, operator, value } = matcher.exec(text)?.groups ?? {};
  if (label === undefined || operator === undefined || value === undefined) {
    throw new Error(`no matcher: ${text}`);
  }
  return { label, operator, value };
}
