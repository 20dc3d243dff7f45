import { expect } from "vitest";
import type { Feature } from "../../src/domain/detector.ts";
import { Timeliness } from "../../src/domain/verdict.ts";
import { Op, Status } from "../../src/shard/layout.ts";
import type { FeatureOutput, FeatureRow, FeatureShard } from "../support/features-rig.ts";
import { FeatureReference } from "./features-reference.ts";
import type { FeatureAnswer, FeatureValue } from "./features-reference.ts";
import type { Plan } from "./features-streams.ts";

/** Of means, deviations and the like; of the sketch of quantiles. */
const relative = 1e-12;
const sketch = 0.01 * (1 + 1e-9);

const equal: ReadonlySet<string> = new Set([
  "count",
  "min",
  "max",
  "range",
  "first",
  "last",
  "delta",
  "lag",
  "distinct",
  "label",
  "onehot",
  "binary",
]);

function near(actual: number, expected: number, tolerance: number): boolean {
  return Math.abs(actual - expected) <= tolerance;
}

/** Whether a value that is no default is the reference's. */
function agrees({ what }: Feature, actual: number, { value, slack }: FeatureValue): boolean {
  if (what.kind === "encode" && what.encode === "hash") {
    return Number.isInteger(actual) && actual >= 0 && actual < what.n;
  }
  const name = what.kind === "aggregate" ? what.aggregate : what.kind;
  if (equal.has(what.kind === "encode" ? what.encode : name)) return Object.is(actual, value);
  if (name === "quantile") return near(actual, value, sketch * Math.abs(value));
  return near(actual, value, relative * Math.abs(value) + slack);
}

/** What is wrong with a feature, or undefined. */
function mistake(feature: Feature, output: Observed, expected: FeatureValue): string | undefined {
  const { value, defaulted } = output;
  if (!Number.isFinite(value) || Object.is(value, -0)) return `is ${value}`;
  if (defaulted !== expected.defaulted) {
    return `${defaulted ? "took" : "did not take"} its default: ${value}, not ${expected.value}`;
  }
  const same = defaulted ? value === expected.value : agrees(feature, value, expected);
  return same ? undefined : `is ${value}, not ${expected.value}`;
}

interface Observed {
  readonly value: number;
  readonly defaulted: boolean;
}

/** Of ratios and differences: from the numbers that the kernel gave of the others, in one operation. */
function combinationOf(
  { features }: Plan,
  feature: Feature,
  { row, output }: { row: FeatureRow; output: FeatureOutput },
): FeatureValue | undefined {
  const { what } = feature;
  if (what.kind === "aggregate" || what.kind === "encode") return undefined;
  const [of, to] = [what.of, what.to].map((name) => {
    const index = features.findIndex((other) => other.name === name);
    const own = row.op === Op.READ_FEATURES ? undefined : row.values.get(name);
    return index < 0 ? Number(own ?? Number.NaN) : (output.values[index] ?? Number.NaN);
  });
  const value = what.kind === "ratio" ? of! / to! : of! - to!;
  const found = to === 0 && what.kind === "ratio" ? Number.NaN : value;
  return Number.isFinite(found)
    ? { value: found, defaulted: false, slack: 0 }
    : { value: feature.defaultValue, defaulted: true, slack: 0 };
}

/** Everything in which an output is not what the reference says. */
export function mistakes(
  plan: Plan,
  { row, output }: { row: FeatureRow; output: FeatureOutput },
  { values, timeliness }: FeatureAnswer,
): string[] {
  const found: string[] = [];
  if (output.status !== Status.OK) found.push(`status ${output.status}`);
  if (output.timeliness !== timeliness) {
    found.push(`timeliness ${output.timeliness}, not ${timeliness}`);
  }
  if (values === undefined || row.op === Op.LEARN_ONLY) return found;
  for (const [i, feature] of plan.features.entries()) {
    const observed = { value: output.values[i] ?? Number.NaN, defaulted: output.defaulted[i]! };
    const expected = combinationOf(plan, feature, { row, output }) ?? values[i]!;
    const wrong = mistake(feature, observed, expected);
    if (wrong !== undefined) found.push(`${JSON.stringify(feature)} ${wrong}`);
  }
  return found;
}

/** What the reference makes of a row. */
export function answerOf(reference: FeatureReference, row: FeatureRow): FeatureAnswer {
  if (row.op === Op.SCORE_ONLY) return reference.peek(row);
  if (row.op === Op.READ_FEATURES) {
    return { timeliness: Timeliness.ON_TIME, values: reference.read(row.key, row.timeMs) };
  }
  if (row.op !== Op.HEARTBEAT) return reference.learn(row);
  reference.heartbeat(row.timeMs);
  return { timeliness: Timeliness.ON_TIME, values: undefined };
}

/** Steps all rows, one a batch, and expects of each what the reference says. */
export function expectSame(shard: FeatureShard, plan: Plan, rows: readonly FeatureRow[]): void {
  const reference = new FeatureReference(plan.features, plan.eventTime);
  for (const [index, row] of rows.entries()) {
    const expected = answerOf(reference, row);
    const output = shard.one(row);
    expect(mistakes(plan, { row, output }, expected), `row ${index}`).toEqual([]);
  }
}

/** In which features two outputs differ: counts and values not at all, sums by no more than 1e-12 of themselves. */
export function alike(plan: Plan, actual: FeatureOutput, expected: FeatureOutput): string[] {
  const found: string[] = [];
  if (actual.timeliness !== expected.timeliness) found.push("timeliness");
  if (actual.values.length !== expected.values.length) found.push("refused");
  if (actual.values.length === 0) return found;
  for (const [i, feature] of plan.features.entries()) {
    const { what } = feature;
    const value = expected.values[i] ?? Number.NaN;
    const wanted = {
      value,
      defaulted: expected.defaulted[i]!,
      slack: 1e-15 * Math.abs(value) + 1e-20,
    };
    const observed = { value: actual.values[i] ?? Number.NaN, defaulted: actual.defaulted[i]! };
    const sameBits =
      what.kind === "encode" || (what.kind === "aggregate" && what.aggregate === "quantile");
    if (
      sameBits ? Object.is(observed.value, value) : mistake(feature, observed, wanted) === undefined
    )
      continue;
    found.push(`${JSON.stringify(feature)} is ${observed.value}, not ${value}`);
  }
  return found;
}
