import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate, percentile, rocAuc, type Outcome } from "../../../src/demo/evaluate.ts";

const outcome = (score: number | undefined, label?: string, alert = false): Outcome => ({
  label,
  score,
  alert,
  ready: score !== undefined,
});

describe("evaluate", () => {
  test("counts only events on which an alert was possible", () => {
    const evaluation = evaluate([
      outcome(undefined, "fraud"),
      outcome(0.9, "fraud", true),
      outcome(0.8, "fraud"),
      outcome(0.7, undefined, true),
      outcome(0.1),
    ]);
    expect(evaluation).toMatchObject({ events: 5, ready: 4, labelled: 2, alerts: 2, found: 1 });
    expect(evaluation.precision).toBe(0.5);
    expect(evaluation.recall).toBe(0.5);
    expect(evaluation.byLabel).toEqual(new Map([["fraud", { labelled: 2, found: 1 }]]));
  });
});

describe("rocAuc", () => {
  test("is 1, 0 and a half where it must be", () => {
    expect(rocAuc([outcome(0.1), outcome(0.9, "x")])).toBe(1);
    expect(rocAuc([outcome(0.9), outcome(0.1, "x")])).toBe(0);
    expect(rocAuc([outcome(0.5), outcome(0.5, "x")])).toBe(0.5);
    expect(rocAuc([outcome(0.5)])).toBeNaN();
  });

  test("is the share of pairs in the right order, ties half", () => {
    const scored = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(scored, (rows) => {
        const positives = rows.filter(([, positive]) => positive);
        const negatives = rows.filter(([, positive]) => !positive);
        fc.pre(positives.length > 0 && negatives.length > 0);
        let right = 0;
        for (const [high] of positives) {
          for (const [low] of negatives) right += high > low ? 1 : high === low ? 0.5 : 0;
        }
        const auc = rocAuc(
          rows.map(([score, positive]) => outcome(score, positive ? "x" : undefined)),
        );
        expect(auc).toBeCloseTo(right / (positives.length * negatives.length), 12);
      }),
    );
  });
});

test("percentile sorts and picks", () => {
  expect(percentile(Float64Array.of(3, 1, 2, 4), 0.5)).toBe(3);
  expect(percentile(new Float64Array(0), 0.5)).toBeNaN();
});
