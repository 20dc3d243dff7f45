import { describe, expect, test } from "vitest";
import { describeSpec } from "../../../src/config/describe-spec.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { WeirError } from "../../../src/domain/errors.ts";
import { isWindowModel } from "../../../src/domain/detector.ts";
import { encodeParameters, isKind, kinds } from "../../../src/models/kinds.ts";

const inputs = [{ name: "a" }, { name: "b" }];
const names = Object.keys(kinds).filter(isKind);

function windowOf(spec: unknown) {
  const { model } = normalizeSpec(spec);
  if (!isWindowModel(model)) throw new Error("not a window model");
  return model;
}

function violationsOf(spec: unknown): readonly string[] {
  try {
    normalizeSpec(spec);
  } catch (error) {
    if (error instanceof WeirError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe("a specification of a model that trains on a window", () => {
  test.each(names)("%s takes PyOD's defaults, and reads back what it describes", (kind) => {
    const config = normalizeSpec({ inputs, [kind]: {} });
    const model = windowOf({ inputs, [kind]: {} });
    expect(model).toMatchObject({
      kind,
      windowRows: 1000,
      minSamples: 50,
      retrainInterval: 100,
      scope: "detector",
      contamination: 0.1,
      normalization: "calibrated",
    });
    expect(Object.keys(model.parameters)).toEqual(kinds[kind].parameters.map(({ name }) => name));
    expect(config.threshold).toEqual({ fixed: 0.5 });
    expect(config.burnInEvents).toBe(0);
    const again = normalizeSpec(structuredClone(describeSpec(config)));
    expect(again).toEqual(config);
  });

  test("parameters keep what is written, auto and lists among it", () => {
    const forest = windowOf({
      inputs,
      isolation_forest: { n_estimators: 7, max_samples: "auto", max_features: 0.5 },
    });
    expect(encodeParameters("isolation_forest", forest.parameters)).toEqual([7, NaN, 0.5, 0]);
    const coder = windowOf({
      inputs,
      autoencoder: { hidden_neuron_list: [8, 4], dropout_rate: 0 },
    });
    expect(encodeParameters("autoencoder", coder.parameters).slice(-3)).toEqual([2, 8, 4]);
    expect(coder.parameters["dropout_rate"]).toBe(0);
    const wide = { inputs, autoencoder: { hidden_neuron_list: [1024, 512] } };
    expect(windowOf(wide).parameters["hidden_neuron_list"]).toEqual([1024, 512]);
    const team = windowOf({
      inputs,
      suod: { base_estimators: [{ knn: { n_neighbors: 3 } }, { ecod: {} }] },
    });
    expect(encodeParameters("suod", team.parameters)).toEqual([
      0, 1, 0.5, 1, 2, 9, 3, 3, 0, 2, 6, 0,
    ]);
    const spec = normalizeSpec({ inputs, suod: { base_estimators: [{ knn: { p: 1 } }] } });
    expect(normalizeSpec(structuredClone(describeSpec(spec)))).toEqual(spec);
  });

  test("inputs may be left to be discovered, categories encoded", () => {
    expect(normalizeSpec({ ecod: {} }).inputs).toEqual([]);
    const config = normalizeSpec({
      inputs: [{ name: "method", type: "category", encoding: "onehot" }],
      ecod: {},
    });
    expect(config.inputs[0]?.encoding).toBe("onehot");
    expect(normalizeSpec(structuredClone(describeSpec(config)))).toEqual(config);
  });

  test.each([
    [{ inputs, ecod: {}, knn: {} }, ["spec.knn"]],
    [{ inputs, half_space_trees: {}, knn: {} }, ["spec.half_space_trees"]],
    [{ inputs, window: {} }, ["spec.window"]],
    [{ inputs, contamination: 0.2 }, ["spec.contamination"]],
    [{ inputs, scaler: "robust" }, ["spec.scaler"]],
    [{ inputs, ecod: {}, alert_share: 0.1 }, ["spec.alert_share"]],
    [{ inputs, ecod: {}, contamination: 0 }, ["spec.contamination"]],
    [{ inputs, ecod: {}, contamination: 0.6 }, ["spec.contamination"]],
    [{ inputs, ecod: {}, normalization: "raw" }, ["spec.threshold"]],
    [{ inputs, ecod: {}, threshold: 1.5 }, ["spec.threshold"]],
    [{ inputs, ecod: { n_bins: 3 } }, ["spec.ecod.n_bins"]],
    [{ inputs, hbos: { n_bins: 1 } }, ["spec.hbos.n_bins"]],
    [{ inputs, knn: { method: "least" } }, ["spec.knn.method"]],
    [
      { inputs, autoencoder: { hidden_neuron_list: [1024, 512, 1] } },
      ["spec.autoencoder.hidden_neuron_list"],
    ],
    [{ inputs, ecod: {}, window: { rows: 5 } }, ["spec.window.rows"]],
    [{ inputs, ecod: {}, window: { rows: 50_001 } }, ["spec.window.rows"]],
    [{ inputs, ecod: {}, rolling_windows: [5, 0] }, ["spec.rolling_windows[1]"]],
    [{ inputs, ecod: {}, rolling_windows: [5, 5] }, ["spec.rolling_windows"]],
    [
      { inputs, suod: { base_estimators: [{ suod: {} }] } },
      ["spec.suod.base_estimators[0].suod", "spec.suod.base_estimators[0]"],
    ],
    [
      { inputs: [{ name: "c", type: "category", encoding: "label" }, { name: "n" }] },
      ["spec.inputs[0].encoding"],
    ],
    [{ inputs: [{ name: "n", encoding: "label" }], ecod: {} }, ["spec.inputs[0].encoding"]],
  ])("refuses %j", (spec, fields) => {
    expect(violationsOf(spec)).toEqual(fields);
  });

  test("whole numbers may be bigints, as YAML brings them, or decimal strings", () => {
    const model = windowOf({
      inputs,
      isolation_forest: { n_estimators: 7n, max_samples: -1n },
      window: { rows: 500n, min_samples: "30" },
      rolling_windows: [5n, "20"],
      lag_periods: [1n],
    });
    expect(model).toMatchObject({ windowRows: 500, minSamples: 30, rollingWindows: [5, 20] });
    expect(model.parameters).toMatchObject({ n_estimators: 7, max_samples: "auto" });
    const coder = windowOf({ inputs, autoencoder: { hidden_neuron_list: [8n, "4"] } });
    expect(coder.parameters["hidden_neuron_list"]).toEqual([8, 4]);
  });

  test("zscore and raw take thresholds of their own scale", () => {
    expect(normalizeSpec({ inputs, ecod: {}, normalization: "zscore" }).threshold).toEqual({
      fixed: 2,
    });
    const raw = normalizeSpec({ inputs, ecod: {}, normalization: "raw", threshold: 17 });
    expect(raw.threshold).toEqual({ fixed: 17 });
  });

  test("derived columns are bounded", () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ name: `f${i}` }));
    const spec = { inputs: many, ecod: {}, rolling_windows: [2, 3, 4, 5], lag_periods: [1] };
    expect(violationsOf(spec)).toEqual(["spec.rolling_windows"]);
    const encoded = many.map(({ name }) => ({ name, type: "category", encoding: "hash" }));
    expect(violationsOf({ ...spec, inputs: encoded })).toEqual(["spec.rolling_windows"]);
    const hidden = many.map(({ name }) => ({ name, type: "category" }));
    const seen = [{ name: "seen" }, ...hidden.slice(1)];
    expect(violationsOf({ ...spec, inputs: seen })).toEqual([]);
  });
});
