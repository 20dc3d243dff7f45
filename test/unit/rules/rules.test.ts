import { describe, expect, it } from "vitest";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import type { RuleRow } from "../../../src/domain/detector.ts";
import { patternPlaces } from "../../../src/rules/patterns.ts";
import { WeirError } from "../../../src/domain/errors.ts";

const inputs = [
  { name: "amount" },
  { name: "a b", rules_only: true },
  { name: "country", type: "category" },
  { name: "in", rules_only: true },
];

function detector(...rules: string[]) {
  const failed: number[] = [];
  const spec = {
    inputs,
    rules: rules.map((when, i) => ({ name: `rule ${i}`, when, score: 1 })),
  };
  const { rules: compiled } = makeDetector("d", 0, normalizeSpec(spec), (i) => failed.push(i));
  return { match: (row: Partial<Row> = {}) => compiled.firstMatch(rowOf(row)), failed };
}

interface Row {
  readonly key: string;
  readonly time: number;
  readonly numbers: readonly number[];
  readonly country: string | undefined;
}

function rowOf(row: Partial<Row>): RuleRow {
  const { key = "card 1", time = 1_700_000_000_000, numbers = [20_000, 3, 1] } = row;
  const country = "country" in row ? row.country : "FR";
  return {
    key,
    timeUnixMs: time,
    number: (column) => numbers[column] ?? NaN,
    category: () => country,
  };
}

/** The message of the only violation. */
function refusal(when: string): string {
  try {
    detector("true", when);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(WeirError);
    const { violations } = WeirError.from(thrown);
    expect(violations.map(({ field }) => field)).toEqual(["spec.rules[1].when"]);
    return violations[0]!.message;
  }
  throw new Error(`${when} was taken`);
}

describe("patternPlaces", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["a{3}(bc){10}", 23],
    ["(a{30}){30}", 900],
    ["[a-z{3}]{2}", 2],
    [String.raw`\{3}`, 3],
    ["a{2,}", 2],
    ["a{", 2],
    [")(", 1],
  ])("%s has %i", (pattern, places) => {
    expect(patternPlaces(pattern)).toBe(places);
  });
});

describe("a rule", () => {
  it.each([
    ["amount > 10000", true],
    ["amount > 10000.5 && country == 'FR'", true],
    ["amount > 30000 || country in ['FR', 'DE']", true],
    ["!(amount < 1u)", true],
    ["inputs['a b'] == 3", true],
    ["inputs['in'] == 1", true],
    ["has(inputs.amount) && inputs.amount > 5.0 * 2.0", true],
    ["key.startsWith('card') && size(key) == 6", true],
    ["time.getFullYear() == 2023", true],
    ["time > timestamp('2023-01-01T00:00:00Z')", true],
    ["['FR'].exists(c, c == country)", true],
    ["inputs.exists(name, name == 'a b')", true],
    ["country.matches('^[A-Z]{2}$')", true],
    ["amount > 20000", false],
    ["amount > 1 ? country == 'DE' : true", false],
  ])("%s holds: %s", (when, holds) => {
    expect(detector(when).match()).toBe(holds ? 0 : -1);
  });

  it("answers with the first that holds", () => {
    expect(detector("amount < 0", "amount > 1", "true").match()).toBe(1);
  });

  it("does not hold on a missing input, and says so", () => {
    const rules = detector("amount > 1", "country == 'FR'", "!has(inputs.amount)");
    expect(rules.match({ numbers: [NaN], country: undefined })).toBe(2);
    expect(rules.failed).toEqual([0, 1]);
  });

  it("sees no row but its own", () => {
    const rules = detector("amount > 1");
    expect([rules.match(), rules.match({ numbers: [0] }), rules.match()]).toEqual([0, -1, 0]);
  });

  it("has no time outside the years 1 to 9999", () => {
    const rules = detector("time.getFullYear() > 0");
    const times = [-(2 ** 53) + 1, -62_135_596_800_000, -1, 253_402_300_799_999, 2 ** 53 - 1];
    expect(times.map((time) => rules.match({ time }))).toEqual([-1, 0, 0, 0, -1]);
  });
});

describe("a refused rule points at the character", () => {
  it.each([
    ["amout > 1", 'there is no name "amout"; did you mean "amount"?', 0],
    ["amount > 1 && b", "there is no name", 14],
    ["amount >", "it ends, expected a value", 8],
    ["amount > && true", "expected a value", 9],
    ["amount = 1", "expected == to compare", 7],
    ["amount > 1 and true", "expected &&", 11],
    ["(amount > 1", "expected ) or an operator", 11],
    ["amount * 2 > 1.0", "write whole numbers as 2.0", 7],
    ["amount == 'x'", "never equal", 7],
    ["country in [1]", "never equal", 8],
    ["amount", "expected true or false", 0],
    ["inputs.amuont > 2", 'did you mean "amount"?', 6],
    ["inputs['a  b'] > 2.0", 'did you mean "a b"?', 7],
    ["sizee(country) > 2", 'did you mean "size"?', 0],
    ["[1].all(x, [2].all(y, x > y))", "cannot be nested", 14],
    ["country.matches('(a')", "is no pattern: error parsing regexp: missing closing )", 16],
    ["country.matches(key)", "expected a pattern written out in quotes", 16],
    ["country.matches('(a{30}){30}')", "steps, at most", 7],
    ["'\ud800' == key", "not well-formed", undefined],
  ])("%s", (when, message, column) => {
    const text = refusal(when);
    expect(text).toContain(message);
    if (column === undefined) return;
    expect(text.split("\n").slice(1)).toEqual([`  ${when}`, `  ${" ".repeat(column)}^`]);
  });

  it("on the line of a longer expression", () => {
    expect(refusal("amount > 1 &&\n\tamout > 2")).toMatch(/\n {3}amout > 2\n {3}\^$/);
  });

  it("when it could take long", () => {
    const list = Array.from({ length: 1000 }, (_, i) => i).join(",");
    expect(refusal(`[${list}].exists(x, amount > x)`)).toContain("steps, at most");
    expect(refusal(`${"(".repeat(4000)}true`)).toBeTruthy();
    expect(refusal(`'${"x".repeat(5000)}' == key`)).toContain("at most 4096");
  });
});
