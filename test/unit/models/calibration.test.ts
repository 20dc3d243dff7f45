import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { normalizations } from "../../../src/models/module.ts";
import type { Normalization } from "../../../src/models/module.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry, normal } from "../../kernel.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const memory = createMemory(8 << 20);
let part: KernelPart;
let base = 0;

beforeAll(async () => {
  part = await KernelPart.make(
    `import { calibrate, checkCalibration, normalize } from "./model/calibration";
     import { modelAt } from "./model/model";
     import { beginModel, newTraining } from "./model/training";
     import { beginWork, WORK_BASE } from "./model/work";
     export function workBase(): u32 { return WORK_BASE; }
     /** Scores lie at WORK_BASE, as new rows behind them. */
     export function fit(count: u32, contamination: f64): u32 {
       beginWork(WORK_BASE + (count << 4));
       const training = newTraining(6, WORK_BASE, count, 1);
       training.contamination = contamination;
       beginModel(training, 16);
       calibrate(modelAt(training.model), WORK_BASE, WORK_BASE + (count << 3), count);
       return training.model;
     }
     export function check(model: u32): bool { return checkCalibration(modelAt(model)); }
     export function score(model: u32, raw: f64, normalization: u32): f64 {
       return normalize(modelAt(model), raw, normalization);
     }`,
    memory,
  );
  base = part.call("workBase");
});

interface Calibration {
  readonly score: (raw: number, normalization?: Normalization) => number;
  /** Byte of the model in memory. */
  readonly address: number;
}

function calibrated(own: readonly number[], contamination = 0.1, asNew = own): Calibration {
  new Float64Array(memory.buffer, base, own.length).set(own);
  new Float64Array(memory.buffer, base + own.length * 8, own.length).set(asNew);
  const address = part.call("fit", own.length, contamination);
  expect(part.call("check", address)).toBe(1);
  return {
    address,
    score: (raw, normalization = "calibrated") =>
      part.call("score", address, raw, normalizations.indexOf(normalization)),
  };
}

/** Training scores of all sorts: few and many, equal and different, tiny and huge. */
const scoresArbitrary = fc.oneof(
  fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: 2, maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 100 }),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 50 }),
  fc.array(fc.double({ noNaN: true, min: 0, max: 1e-300 }), { minLength: 2, maxLength: 50 }),
  fc
    .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 2, max: 30 }))
    .map(([value, count]) => Array.from({ length: count }, () => value)),
);
const rawArbitrary = fc.double({ noNaN: true, noDefaultInfinity: true });
const contaminations = fc.constantFrom(0.001, 0.02, 0.1, 0.5);

describe("every normalization", () => {
  test("keeps order and bounds whatever the training scores", () => {
    fc.assert(
      fc.property(
        scoresArbitrary,
        fc.array(rawArbitrary, { minLength: 2, maxLength: 20 }),
        contaminations,
        (own, others, contamination) => {
          const { score } = calibrated(own, contamination);
          const near = own.map((x) => x * (1 + 1e-15)).filter((x) => Number.isFinite(x));
          const raws = [...others, ...own, ...near].toSorted((a, b) => a - b);
          for (const normalization of normalizations) {
            const scores = raws.map((raw) => score(raw, normalization));
            scores.forEach((each, i) => {
              expect(Number.isFinite(each), `${normalization} of ${raws[i]}`).toBe(true);
              expect(each).toBeGreaterThanOrEqual(scores[i - 1] ?? -Infinity);
            });
            if (normalization === "raw" || normalization === "zscore") continue;
            expect(scores[0]).toBeGreaterThanOrEqual(0);
            expect(scores.at(-1)).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("calibrated", () => {
  test("tells different training scores apart", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 2, maxLength: 400 }),
        (own) => {
          const { score } = calibrated(own);
          const scores = own.toSorted((a, b) => a - b).map((raw) => score(raw));
          scores.forEach((each, i) => {
            if (i > 0) expect(each).toBeGreaterThan(scores[i - 1] ?? Infinity);
          });
        },
      ),
    );
  });

  test("is the conformal share at the training scores, ties by half", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 2, maxLength: 300 }),
        contaminations,
        (own, c) => {
          const { score } = calibrated(own, c);
          for (const raw of own) {
            const above = own.filter((x) => x > raw).length;
            const equal = own.filter((x) => x === raw).length;
            const p = (above + (equal + 1) / 2) / (own.length + 1);
            const expected = p >= c ? (0.5 * (1 - p)) / (1 - c) : 0.5 + 0.5 * (1 - p / c);
            expect(score(raw)).toBeCloseTo(expected, 12);
          }
        },
      ),
    );
  });

  test("puts the median near 0.28 and the contamination quantile at 0.5", () => {
    const own = Array.from({ length: 999 }, (_, i) => i);
    const { score } = calibrated(own, 0.1);
    expect(score(499)).toBeCloseTo(0.5 * (0.5 / 0.9), 12);
    expect(score(899)).toBeCloseTo(0.5, 12);
    expect(score(898.9)).toBeLessThan(0.5);
    expect(score(899.1)).toBeGreaterThan(0.5);
    expect(calibrated([3, 3, 3, 3]).score(3)).toBeCloseTo(0.5 * (0.5 / 0.9), 12);
  });

  test("goes on beyond the window, so that extremes still order", () => {
    const random = mulberry(1);
    const samples = {
      normal: () => normal(random),
      uniform: () => random(),
      exponential: () => -Math.log(1 - random()),
      heavy: () => (1 - random()) ** -1,
    };
    for (const [name, draw] of Object.entries(samples)) {
      const own = Array.from({ length: 1000 }, () => draw());
      const top = own.toSorted((a, b) => b - a);
      const { score } = calibrated(own);
      const most = top[0] ?? 0;
      const width = most - (top[99] ?? 0);
      let last = score(most);
      // No step at the window's end.
      expect(score(most + width * 1e-9) - last, name).toBeLessThan(1e-9);
      for (let far = width / 64; far < width * 4000; far *= 2) {
        const next = score(most + far);
        expect(next, `${name} + ${far}`).toBeGreaterThan(last);
        last = next;
      }
      expect(last, name).toBeLessThanOrEqual(1);
    }
  });

  test("goes on below the window too", () => {
    const { score } = calibrated([5, 6, 7, 8, 9]);
    expect(score(4)).toBeLessThan(score(5));
    expect(score(-1e6)).toBeLessThan(score(4));
    expect(score(-1e300)).toBeGreaterThanOrEqual(0);
  });

  test("is continuous: a small step of the raw score is a small step of the score", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 3, maxLength: 100 }),
        fc.double({ noNaN: true, min: -100, max: 1100 }),
        (own, raw) => {
          const { score } = calibrated(own);
          expect(Math.abs(score(raw + 1e-9) - score(raw))).toBeLessThan(1e-6);
        },
      ),
    );
  });

  test("keeps p within its stated error where there are more rows than knots", () => {
    const random = mulberry(3);
    const count = 50_000;
    const own = Array.from({ length: count }, () => Math.exp(normal(random)));
    const sorted = own.toSorted((a, b) => b - a);
    const { score } = calibrated(own, 0.5);
    // With c = 1/2 the score is 1 - p on both sides.
    for (let rank = 0; rank < count; rank += 1 + Math.floor(rank / 37)) {
      const p = (rank + 1) / (count + 1);
      const found = 1 - score(sorted[rank] ?? 0);
      expect(Math.abs(found - p), `rank ${rank}`).toBeLessThan(rank < 140 ? 1e-12 : p / 140);
    }
  });

  test("refuses knots that are not in order, or not there", () => {
    const { address } = calibrated([1, 2, 3, 4]);
    const knots = new Float64Array(memory.buffer, address + 256 + 32, 8);
    const sound = Float64Array.from(knots);
    for (const [index, value] of [
      [0, Number.NaN],
      [1, 0.5],
      [2, Infinity],
      [3, Number.NaN],
      [4, 2],
      [5, 0.9],
      [7, Number.NaN],
      [7, -1],
    ] as const) {
      knots.set(sound);
      expect(part.call("check", address)).toBe(1);
      knots[index] = value;
      expect(part.call("check", address), `${index}: ${value}`).toBe(0);
    }
  });
});

describe("statistics", () => {
  const own = [4, 1, 3, 2, 10];
  const asNew = [1, 2, 3, 4, 5];

  test("are those of LlamaFarm: of the training rows as new rows", () => {
    const { score } = calibrated(own, 0.1, asNew);
    const sigma = Math.SQRT2;
    expect(score(4.5, "zscore")).toBeCloseTo(1.5 / sigma, 14);
    expect(score(4.5, "llamafarm_stream")).toBeCloseTo(1 / (1 + Math.exp(-1.5 / sigma)), 14);
    expect(score(-1e5, "llamafarm_stream")).toBe(0);
    // Quartiles 2 and 4, median 3.
    expect(score(4.5, "standardization")).toBeCloseTo(1 / (1 + Math.exp(-1.5 / 4)), 14);
    expect(score(1e300, "standardization")).toBe(1);
    expect(score(-1e300, "standardization")).toBeCloseTo(Math.exp(-700), 310);
  });

  test("without a spread divide by one", () => {
    const { score } = calibrated([7, 7, 7], 0.1);
    expect(score(8, "zscore")).toBe(1);
    expect(score(8, "llamafarm_stream")).toBeCloseTo(1 / (1 + Math.exp(-1)), 14);
    expect(score(8, "standardization")).toBeCloseTo(1 / (1 + Math.exp(-1)), 14);
  });

  test("without a middle spread divide by the standard deviation", () => {
    const { score } = calibrated([0, 5, 5, 5, 5, 5, 5, 10], 0.1);
    expect(score(7.5, "standardization")).toBeCloseTo(1 / (1 + Math.exp(-1)), 14);
  });

  test.each([1e-200, 1, 1e200, 1e307])("hold for scores of about %d", (unit) => {
    const scaled = asNew.map((x) => x * unit);
    const { score } = calibrated(scaled);
    expect(score(4.5 * unit, "zscore")).toBeCloseTo(1.5 / Math.SQRT2, 12);
    expect(score(3 * unit)).toBeCloseTo(0.5 * (0.5 / 0.9), 12);
  });
});
