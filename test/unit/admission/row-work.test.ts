import { expect, test } from "vitest";
import { explainedRowWorkOf, featureWorkOf, rowWorkOf } from "../../../src/admission/row-work.ts";
import type { WindowModel } from "../../../src/domain/detector.ts";
import { kinds } from "../../../src/models/kinds.ts";
import type { Kind, Parameters } from "../../../src/models/kinds.ts";

const windowModel = (kind: Kind, given: Partial<WindowModel> = {}): WindowModel => ({
  kind,
  parameters: {},
  seed: 1n,
  windowRows: 1000,
  minSamples: 50,
  retrainInterval: 100,
  scope: "detector",
  contamination: 0.1,
  normalization: "calibrated",
  flaggedRows: "keep",
  rollingWindows: [],
  lagPeriods: [],
  ...given,
});
const names = Object.keys(kinds).filter((name): name is Kind => name in kinds);

test.each(names)(
  "a row of %s has a finite cost, more with rolling features, more explained",
  (kind) => {
    const work = rowWorkOf(windowModel(kind), 10);
    expect(work).toBeGreaterThan(1);
    expect(work).toBeLessThan(1000);
    expect(rowWorkOf(windowModel(kind, { rollingWindows: [10] }), 10)).toBeGreaterThan(work);
    expect(explainedRowWorkOf(windowModel(kind), 10)).toBeGreaterThan(work);
  },
);

test("what a kind is told of its size counts", () => {
  const work = (kind: Kind, parameters: Parameters): number =>
    rowWorkOf(windowModel(kind, { parameters }), 10);
  expect(work("isolation_forest", { n_estimators: 500 })).toBeCloseTo(
    1 + 5 * (work("isolation_forest", {}) - 1),
  );
  expect(work("autoencoder", { hidden_neuron_list: [512, 512] })).toBeGreaterThan(
    50 * work("autoencoder", { hidden_neuron_list: [8] }),
  );
  expect(work("suod", { base_estimators: [{ kind: "ecod", parameters: {} }] })).toBeLessThan(
    work("suod", {}) / 5,
  );
});

test("trees count by nodes, and a wide forest never runs inline", () => {
  const trees = { kind: "half_space_trees", window: 250, seed: 1n, limits: new Map() } as const;
  expect(rowWorkOf({ ...trees, trees: 10, height: 8 }, 10)).toBe(1);
  expect(explainedRowWorkOf({ ...trees, trees: 10, height: 8 }, 10)).toBe(16);
  expect(rowWorkOf({ ...trees, trees: 25, height: 15 }, 10)).toBe(Number.MAX_SAFE_INTEGER);
});

test("derived features cost a row's look at its key, and each its own", () => {
  // 300 ns and 40 ns each, in rows of 200 ns.
  expect(featureWorkOf(1)).toBeCloseTo(1.7);
  expect(featureWorkOf(64)).toBeCloseTo(14.3);
});
