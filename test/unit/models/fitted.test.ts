import { beforeAll, describe, expect, test } from "vitest";
import type { Kind, Parameters } from "../../../src/models/kinds.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

const count = 60;

/** Three columns and an outlier, written so that another library can be given the same. */
function table(columns: number): Float64Array {
  const rows = Array.from({ length: count }, (_, i) =>
    i === 13
      ? [4, -5, 6]
      : [Math.sin(i * 1.3) + (i % 7) * 0.1, Math.cos(i * 0.7) * 2, ((i * 37) % 11) * 0.3],
  );
  return Float64Array.from(rows.flatMap((row) => row.slice(0, columns)));
}

function queries(columns: number): Float64Array {
  const rows = [
    [0, 0, 0],
    [1, 2, 3],
    [5, -5, 5],
  ];
  return Float64Array.from(rows.flatMap((row) => row.slice(0, columns)));
}

/** Scores of the training rows 0, 13 and 59, and of the queries. */
function scoresOf(kind: Kind, parameters: Parameters, columns: number): number[] {
  const model = bench.fit(kind, table(columns), columns, { parameters });
  const { own } = bench.trainingScores(count);
  const picked = [0, 13, 59].map((row) => own[row] ?? Number.NaN);
  return [...picked, ...bench.score(model, queries(columns)).raws];
}

// Expected: PyOD 3.6.7's OCSVM and MCD with the same parameters.
describe("one_class_svm's kernels score as PyOD's", () => {
  test.each<readonly [Parameters, readonly number[]]>([
    [
      { kernel: "linear" },
      [31.99777147, -116.13550057, -7.36094637, 31.43565988, -34.45233742, -102.82924006],
    ],
    [
      { kernel: "poly", degree: 2, coef0: 1, gamma: 0.5 },
      [20.75528632, -754.50262444, -34.09402944, 72.3661393, -120.11027208, -706.85302392],
    ],
    [
      { kernel: "sigmoid", gamma: 0.05, coef0: 0.1 },
      [1.53474514, -4.21435324, -0.28977656, 1.48870793, -1.61416725, -3.65287208],
    ],
    [{ kernel: "rbf", nu: 0.1, gamma: 2 }, [0, 0, 0, 0.1061749, 0.14626018, 0.22709624]],
  ])("%o", (parameters, expected) => {
    const scores = scoresOf("one_class_svm", { ...parameters, tol: 1e-9 }, 3);
    const spread = Math.max(...expected.map(Math.abs));
    expected.forEach((wanted, i) => {
      expect(Math.abs((scores[i] ?? Number.NaN) - wanted)).toBeLessThan(2e-5 * spread);
    });
  });
});

describe("mcd scores as PyOD's", () => {
  test.each<readonly [number, Parameters, readonly number[]]>([
    [
      1,
      {},
      [0.15465357973572041, 20.897612086312424, 1.3820564315562212].concat([
        0.15465357973572044, 0.7189386610421451, 33.78577595518619,
      ]),
    ],
    [
      3,
      { assume_centered: true },
      [1.8397401293031637, 38.355708594507405, 3.932087890840271].concat([
        0, 5.07026258292975, 48.34603290070891,
      ]),
    ],
    [
      3,
      { support_fraction: 1 },
      [4.187648753869096, 57.167235688346146, 3.032699487556439].concat([
        2.368516863957004, 5.148114389691275, 62.92154381668369,
      ]),
    ],
  ])("%i columns, %o", (columns, parameters, expected) => {
    const scores = scoresOf("mcd", parameters, columns);
    expected.forEach((wanted, i) => {
      const off = Math.abs((scores[i] ?? Number.NaN) - wanted);
      expect(off).toBeLessThanOrEqual(1e-11 * Math.max(1, wanted));
    });
  });
});

describe("a large window", () => {
  test("of one_class_svm trains on a sample that the seed chooses, and scores all rows", () => {
    const random = mulberry(6);
    const rows = Float64Array.from({ length: 5000 * 2 }, () => normal(random));
    const fit = (seed: bigint): { readonly model: Uint8Array; readonly own: Float64Array } => {
      const model = bench.fit("one_class_svm", rows, 2, { seed });
      return { model, own: bench.trainingScores(5000).own };
    };
    const first = fit(1n);
    expect(new DataView(first.model.buffer).getUint32(132, true)).toBe(4096);
    const { raws } = bench.score(first.model, rows);
    expect(first.own).toEqual(raws);
    expect(fit(1n).model).toEqual(first.model);
    expect(fit(2n).model).not.toEqual(first.model);
    const inside = first.own.filter((score) => score <= 0).length;
    expect(inside / 5000).toBeGreaterThan(0.45);
    expect(inside / 5000).toBeLessThan(0.55);
  });

  test("of mcd finds the majority beyond 1,500 rows, whatever a fifth of the rows are", () => {
    const random = mulberry(8);
    const rows = Float64Array.from({ length: 3000 * 3 }, (_, i) =>
      i % 15 < 3 ? 8 + normal(random) : normal(random),
    );
    const model = bench.fit("mcd", rows, 3);
    const { raws } = bench.score(model, Float64Array.of(0, 0, 0, 3, 0, 0, 8, 8, 8));
    expect(raws[0]).toBeLessThan(0.1);
    expect(raws[1]).toBeGreaterThan(7);
    expect(raws[1]).toBeLessThan(11);
    expect(raws[2]).toBeGreaterThan(150);
  });
});

describe("autoencoder", () => {
  const random = mulberry(9);
  // One number in eight columns: a network with a narrow middle can give it back.
  const line = (value: number): number[] =>
    Array.from({ length: 8 }, (_, c) => value * (c + 1) + 0.05 * normal(random));
  const rows = Float64Array.from(Array.from({ length: 400 }, () => line(normal(random))).flat());

  test.each<Parameters>([
    { epoch_num: 60 },
    { epoch_num: 60, hidden_activation_name: "tanh" },
    { epoch_num: 120, hidden_activation_name: "sigmoid", dropout_rate: 0 },
    { epoch_num: 60, batch_norm: false },
    { epoch_num: 60, hidden_neuron_list: [5], dropout_rate: 0, lr: 0.01 },
    { epoch_num: 60, hidden_neuron_list: [17, 9, 3], dropout_rate: 0, lr: 0.01 },
  ])("learns what rows have in common with %o", (parameters) => {
    const model = bench.fit("autoencoder", rows, 8, { parameters });
    const own = bench.trainingScores(400).own.toSorted();
    const usual = own[200] ?? Number.NaN;
    // Rows have a norm of about 2.8 once they are standardised.
    expect(usual).toBeLessThan(1);
    const broken = Float64Array.from(line(1), (value, c) => (c % 2 === 0 ? value : -value));
    expect(bench.score(model, broken).raws[0]).toBeGreaterThan(3 * usual);
  });

  test("is the same for the same seed, another for another", () => {
    const fit = (seed: bigint): Uint8Array => bench.fit("autoencoder", rows, 8, { seed });
    expect(fit(3n)).toEqual(fit(3n));
    expect(fit(3n)).not.toEqual(fit(4n));
  });

  test("trains on one batch of all rows where there are fewer than a batch", () => {
    const few = rows.slice(0, 8 * 20);
    const untrained = bench.fit("autoencoder", few, 8, { parameters: { epoch_num: 1, lr: 1e-9 } });
    const trained = bench.fit("autoencoder", few, 8, { parameters: { epoch_num: 300 } });
    const norm = (model: Uint8Array): number =>
      bench.score(model, few).raws.reduce((sum, raw) => sum + raw, 0);
    expect(norm(trained)).toBeLessThan(0.7 * norm(untrained));
  });

  test("fails where its weights run away", () => {
    const wild = rows.map((value) => value * 1e30);
    const parameters: Parameters = { preprocessing: false, lr: 1, batch_norm: false };
    expect(() => bench.fit("autoencoder", wild, 8, { parameters })).toThrow("values are too large");
  });

  test("ends early, by a sample of the rows, where the network is large for the window", () => {
    const wide = Float64Array.from({ length: 3000 * 16 }, () => normal(random));
    const hidden = [1024, 1024];
    const model = bench.fit("autoencoder", wide, 16, {
      parameters: { hidden_neuron_list: hidden },
    });
    const seen = new DataView(model.buffer).getUint32(132, true);
    expect(seen).toBeLessThan(3000);
    expect(seen % 32).toBe(0);
    expect(bench.trainingScores(3000).own.every(Number.isFinite)).toBe(true);
  });
});
