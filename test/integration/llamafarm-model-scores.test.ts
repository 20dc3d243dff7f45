import { describe, expect, it } from "vitest";
import { kindNames } from "../models.ts";
import { fresh, grid, post, useService } from "../support/fitted-rig.ts";
import type { FittedAnswer } from "../support/fitted-rig.ts";

useService();

describe("scores", () => {
  // RobustScaler, PyOD 3.6.7 and numpy on the same rows; asked rows one at a time.
  const train = Array.from({ length: 40 }, (_, i) => [
    ((i * 37) % 101) / 7,
    ((i * i) % 53) / 3 + (i % 10 === 0 ? 5 : 0),
  ]);
  const asked = [
    [7.0, 5.0],
    [100.0, -3.0],
    [0.0, 17.5],
    [3.2, 50.0],
  ];
  const ecod = [1.743564366069934, 7.427144133408616, 5.6353846641805605, 5.12455904041457];
  const knn = [0.4294485754680455, 12.431002882717697, 0.7243771270700244, 3.5398165192132387];
  const hbos = [1.6671228451943554, 4.4073635713934225, 2.3604731385491284, 3.79836613883035];

  it.each([
    ["ecod", "standardization", 0.6040532728549757, ecod, 0.4090376787973528],
    ["ecod", "zscore", 1.0776689155790737, ecod, -1.2183451259587312],
    ["ecod", "raw", 4.3067835244157715, ecod, 1.743564366069934],
    ["knn", "standardization", 0.5914946449695797, knn, 0.5124045614390731],
    ["knn", "zscore", 1.0914283511657956, knn, 0.19324858855472055],
    ["knn", "raw", 0.5447919097649284, knn, 0.4294485754680455],
    ["hbos", "standardization", 0.6583071023146448, hbos, 0.5911435177758295],
    ["hbos", "zscore", 1.350766495098146, hbos, 0.631126290997763],
    ["hbos", "raw", 2.1057737152071616, hbos, 1.6671228451943554],
  ] as const)(
    "of %s with %s are LlamaFarm's",
    async (...[backend, normalization, threshold, raws, first]) => {
      const key = { model: fresh(), backend, normalization };
      const fitted = await post("fit", { ...key, data: train });
      expect(fitted.model_params.threshold).toBeCloseTo(threshold, 9);
      const { data, summary } = await post("score", { ...key, data: asked });
      expect(summary.threshold).toBe(fitted.model_params.threshold);
      for (const [i, raw] of raws.entries()) expect(data[i]?.raw_score).toBeCloseTo(raw, 9);
      expect(data[0]?.score).toBeCloseTo(first, 9);
    },
  );

  it("raw: score and raw_score are the same", async () => {
    const key = { model: fresh(), backend: "ecod", normalization: "raw" };
    await post("fit", { ...key, data: grid });
    const { data } = await post("score", { ...key, data: grid.slice(0, 10) });
    for (const each of data) expect(each.score).toBe(each.raw_score);
  });

  it("a lower threshold never flags fewer, and 0 is compared with but not told", async () => {
    const key = { model: fresh(), backend: "ecod" };
    const fitted = await post("fit", { ...key, data: grid });
    const answers = await Promise.all(
      [0, 0.1, 0.5, 0.9].map((threshold) => post("score", { ...key, data: grid, threshold })),
    );
    const counts = answers.map((each) => each.summary.anomaly_count);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(counts[0]).toBe(100);
    expect(answers[0]?.summary.threshold).toBe(fitted.model_params.threshold);
    expect(answers[1]?.summary.threshold).toBe(0.1);
  });

  it.each(["standardization", "calibrated"])("%s keeps them within 0..1", async (normalization) => {
    const key = { model: fresh(), backend: "copod", normalization };
    await post("fit", { ...key, data: grid });
    const { data } = await post("score", { ...key, data: [...grid, [1e9, -1e9]] });
    for (const { score } of data) expect(score >= 0 && score <= 1).toBe(true);
  });

  it("a missing number takes the column's median", async () => {
    const key = { model: fresh(), backend: "knn" };
    await post("fit", { ...key, data: [...grid.slice(0, 49), [null, 3], ...grid.slice(50)] });
    const median = (await post("score", { ...key, data: [[null, 5]] })).data[0];
    const column = grid.map(([a]) => a).filter((_, i) => i !== 49);
    const middle = column.toSorted((a, b) => a - b)[49];
    expect((await post("score", { ...key, data: [[middle, 5]] })).data[0]).toEqual(median);
  });

  it("objects match by name, and values that are 1.0 are not 1", async () => {
    const key = { model: fresh(), backend: "ecod", normalization: "raw" };
    const schema = { a: "label", b: "numeric" };
    const rows = Array.from(
      { length: 30 },
      (_, i) => `{"a":${i % 3 === 0 ? "1.0" : "1"},"b":${i % 7}}`,
    );
    await post("fit", `{"data":[${rows.join()}],${JSON.stringify({ ...key, schema }).slice(1)}`);
    const ask = (data: string): Promise<FittedAnswer> =>
      post("score", `{"data":[${data}],${JSON.stringify(key).slice(1)}`);
    const { data } = await ask(
      '{"a":1,"b":3},{"b":3,"x":9,"a":1},{"a":"1","b":3},{"b":3,"a":1.0},{"b":3,"a":10e-1},{"b":3}',
    );
    const raws = data.map((each) => each.raw_score);
    expect(raws[1]).toBe(raws[0]);
    expect(raws[2]).toBe(raws[0]);
    expect(raws[3]).not.toBe(raws[0]);
    expect(raws[4]).toBe(raws[3]);
    expect(raws[5]).not.toBe(raws[0]);
  });

  it("explain tells what each feature did, the largest first, onehot as one", async () => {
    const key = { model: fresh(), backend: "ecod", normalization: "standardization" };
    const data = Array.from({ length: 60 }, (_, i) => ({
      amount: (i * 37) % 61,
      method: ["GET", "POST", "PUT"][i % 3],
      hour: (i * 7) % 24,
    }));
    const schema = { amount: "numeric", hour: "numeric", method: "onehot" };
    await post("fit", { ...key, data, schema });
    const strange = [{ amount: 5000, method: "GET", hour: 12 }];
    const answer = await post("score", { ...key, data: strange, explain: true });
    const [item] = answer.data;
    if (item === undefined) throw new Error("there is no answer");
    const { score, explanation } = item;
    expect(explanation.contributions[0]).toMatchObject({ feature: "amount", value: 5000 });
    const features = explanation.contributions.map((each) => each.feature);
    expect(features.toSorted()).toEqual(["amount", "hour", "method"]);
    const sum = explanation.contributions.reduce(
      (all, each) => all + each.contribution,
      explanation.baseline,
    );
    expect(sum).toBeCloseTo(score, 9);
    const lists = { model: fresh(), backend: "ecod" };
    await post("fit", { ...lists, data: grid });
    const listed = await post("score", { ...lists, data: [[null, 1e6]], explain: true });
    expect(listed.data[0]?.explanation.contributions).toEqual([
      { feature: "f1", value: 1e6, contribution: expect.any(Number) },
      { feature: "f0", value: null, contribution: expect.any(Number) },
    ]);
  });
});

describe("every backend", () => {
  it.each(kindNames)("%s fits, scores, detects and loads", async (backend) => {
    const key = { model: fresh(), backend };
    const data = Array.from({ length: 120 }, (_, i) => [
      Math.sin(i * 12.9898) * 3,
      Math.cos(i * 78.233) * 2,
      Math.sin(i * i),
    ]);
    const epochs = backend === "autoencoder" ? { epochs: 20 } : {};
    const fitted = await post("fit", { ...key, ...epochs, data });
    expect(fitted).toMatchObject({ backend, samples_fitted: 120 });
    const answer = await post("score", {
      ...key,
      data: [
        [0.1, 0.2, 0],
        [60, -70, 80],
      ],
    });
    const [usual, strange] = answer.data;
    // LODA's histograms end at the window's edges: what lies beyond may look usual in many projections.
    if (backend !== "loda") {
      expect(strange?.raw_score).toBeGreaterThan(usual?.raw_score ?? Infinity);
      expect(strange?.is_anomaly).toBe(true);
    }
    const detected = await post("detect", {
      ...key,
      data: [
        [0.1, 0.2, 0],
        [60, -70, 80],
      ],
    });
    const flagged = answer.data.filter((each) => each.is_anomaly);
    expect(detected.data.map((each) => each.index)).toEqual(flagged.map((each) => each.index));
    expect((await post("load", key)).threshold).toBe(fitted.model_params.threshold);
    expect((await post("score", { ...key, data: [[60, -70, 80]] })).data[0]?.score).toBe(
      strange?.score,
    );
  });

  it("takes the kind's own parameters, named as PyOD names them", async () => {
    const key = { model: fresh(), backend: "knn", normalization: "raw" };
    const data = Array.from({ length: 20 }, (_, i) => [i]);
    const scores = await Promise.all(
      [1, 3].map(async (n_neighbors) => {
        const model = `${key.model}-${n_neighbors}`;
        await post("fit", { ...key, model, data, parameters: { n_neighbors } });
        return (await post("score", { ...key, model, data: [[25]] })).data[0]?.score;
      }),
    );
    // Scaled by the quartiles' distance, 9.5.
    expect(scores[0]).toBeCloseTo(6 / 9.5, 12);
    expect(scores[1]).toBeCloseTo(8 / 9.5, 12);
  });

  it("explain tells values of fields that are named as what every object has", async () => {
    const key = { model: fresh(), backend: "ecod" };
    const data = Array.from({ length: 20 }, (_, i) => ({ constructor: i, b: (i * 7) % 5 }));
    await post("fit", { ...key, data, schema: { constructor: "numeric", b: "numeric" } });
    const asked = await post("score", { ...key, data: [{ b: 99 }], explain: true });
    expect(asked.data[0]?.explanation.contributions).toEqual([
      { feature: "b", value: 99, contribution: expect.any(Number) },
      { feature: "constructor", value: null, contribution: expect.any(Number) },
    ]);
  });
});
