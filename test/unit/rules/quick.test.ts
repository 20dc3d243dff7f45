import { celEnv, isCelError, plan } from "@bufbuild/cel";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import type { RuleRow } from "../../../src/domain/detector.ts";
import { Quick, quicken } from "../../../src/rules/quick.ts";
import { parseRule } from "../../../src/rules/syntax.ts";
import { RowVariables } from "../../../src/rules/variables.ts";

const { inputs } = normalizeSpec({
  inputs: [
    { name: "a" },
    { name: "b" },
    { name: "in", rules_only: true },
    { name: "c", type: "category" },
    { name: "d", type: "category" },
  ],
});

interface Values {
  readonly key: string;
  readonly numbers: readonly number[];
  readonly texts: readonly (string | undefined)[];
}

function rowOf({ key, numbers, texts }: Values): RuleRow {
  return {
    key,
    timeUnixMs: 0,
    number: (column) => numbers[column] ?? NaN,
    category: (column) => texts[column],
  };
}

const environment = celEnv();

/** What the evaluator says: true, false, or "error". */
function slowly(when: string): (row: RuleRow) => unknown {
  const evaluate = plan(environment, parseRule(when).program);
  const variables = new RowVariables(inputs);
  return (row) => {
    variables.look(row);
    const result = evaluate(variables.bindings);
    return isCelError(result) ? "error" : result;
  };
}

const doubles = fc.constantFrom(
  "a",
  "b",
  "inputs.a",
  "inputs['in']",
  "1.5",
  "0.0",
  "-2.0",
  "1e300",
);
const wholes = fc.constantFrom("0", "1", "-3", "9007199254740993");
const texts = fc.constantFrom("c", "d", "key", "inputs.c", "'x'", "''", "'xy'");
const { truth } = fc.letrec<{ truth: string; number: string }>((tie) => ({
  number: fc.oneof(
    { depthSize: "small" },
    doubles,
    fc.tuple(tie("number"), fc.constantFrom("+", "-", "*", "/"), tie("number")).map(inBraces),
    tie("number").map((number) => `-(${number})`),
  ),
  truth: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("true", "false", "has(inputs.a)", "has(inputs.c)", "!has(inputs.b)"),
    fc
      .tuple(
        tie("number"),
        fc.constantFrom("<", "<=", ">", ">=", "==", "!="),
        fc.oneof(tie("number"), wholes),
      )
      .map(inBraces),
    fc.tuple(texts, fc.constantFrom("==", "!="), texts).map(inBraces),
    fc
      .tuple(texts, fc.constantFrom("contains", "startsWith", "endsWith", "matches"), texts)
      .map(([left, name, right]) => `${left}.${name}(${name === "matches" ? "'^x+y?$'" : right})`),
    fc
      .tuple(texts, fc.constantFrom("['x', 'y']", "['']", "['x', d]"))
      .map(([left, list]) => `(${left} in ${list})`),
    fc
      .tuple(tie("number"), fc.constantFrom("[1, 2.5, 0]", "[-3.0]", "[a, 1.5]"))
      .map(([left, list]) => `(${left} in ${list})`),
    fc.tuple(tie("truth"), fc.constantFrom("&&", "||"), tie("truth")).map(inBraces),
    tie("truth").map((inner) => `!(${inner})`),
    fc.tuple(tie("truth"), tie("truth"), tie("truth")).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
  ),
}));

function inBraces(parts: readonly string[]): string {
  return `(${parts.join(" ")})`;
}

const values: fc.Arbitrary<Values> = fc.record({
  key: fc.constantFrom("", "x", "xxy"),
  numbers: fc.array(fc.constantFrom(NaN, 0, -0, 1, 1.5, -3, 1e100), { minLength: 3, maxLength: 3 }),
  texts: fc.array(fc.constantFrom(undefined, "", "x", "xy"), { minLength: 2, maxLength: 2 }),
});

describe("a quick rule", () => {
  it("says what the evaluator says, or that it does not know", () => {
    let known = 0;
    fc.assert(
      fc.property(truth, fc.array(values, { minLength: 1, maxLength: 8 }), (when, rows) => {
        const quickly = quicken(parseRule(when).tree, inputs);
        const slow = slowly(when);
        for (const row of rows.map(rowOf)) {
          const answer = quickly?.(row) ?? Quick.UNSURE;
          if (answer === Quick.UNSURE) continue;
          known++;
          expect(slow(row)).toBe(answer === Quick.YES);
        }
      }),
      { numRuns: 2000 },
    );
    expect(known).toBeGreaterThan(1000);
  });

  it.each([
    "a > 10000",
    "a > 10000 && c == 'FR'",
    "c in ['DE', 'FR'] || !(a <= 1.5)",
    "has(inputs.a) && inputs['a'] * 2.0 + b > 3.0",
    "key.startsWith('card') ? a > 1 : c.matches('^x')",
  ])("covers %s", (when) => {
    const row = rowOf({ key: "card", numbers: [2, 3, 4], texts: ["FR", "x"] });
    expect(quicken(parseRule(when).tree, inputs)?.(row)).not.toBe(Quick.UNSURE);
  });
});
