import { beforeAll, describe, expect, test } from "vitest";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry, normal } from "../../kernel.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const FREE = 2 << 20;
const memory = createMemory(16 << 20);
let part: KernelPart;
const call = (name: string, ...values: readonly number[]): number => part.call(name, ...values);

beforeAll(async () => {
  part = await KernelPart.make(
    `export * from "./model/chi-square";
     export * from "./model/linear-algebra";
     export * from "./model/select";
     import { exponentials } from "./model/exponential";
     export function exponential(x: f64): f64 {
       const pair = exponentials(f64x2.replace_lane(f64x2.splat(0), 1, x));
       return f64x2.extract_lane(pair, 0) == 1 ? f64x2.extract_lane(pair, 1) : NaN;
     }`,
    memory,
  );
});

describe("exponentials", () => {
  test("are within a few units in the last place of Math.exp", () => {
    for (let x = -707.9; x < 708; x += 0.0937) {
      const wanted = Math.exp(x);
      expect(Math.abs(call("exponential", x) - wanted)).toBeLessThanOrEqual(1e-15 * wanted);
    }
    expect(call("exponential", 0)).toBe(1);
    expect(call("exponential", -0)).toBe(1);
  });

  test("end in 0 on one side and in a number on the other", () => {
    for (const x of [-708.1, -1e4, -1e300, -Infinity]) expect(call("exponential", x)).toBe(0);
    for (const x of [709, 1e4, Infinity]) {
      expect(call("exponential", x)).toBeCloseTo(Math.exp(709), -300);
    }
  });
});

// Expected: scipy.stats.chi2.
test.each([
  [1, 5.023886187314888, 0.7457867763960359, 0.454936423119572],
  [2, 7.377758908227871, 0.7274682069659874, 1.386294361119891],
  [3, 9.348403604496148, 0.7275332416820113, 2.3659738843753377],
  [10, 20.483177350807388, 0.7763281831885005, 9.34181776559197],
  [30, 46.97924224367115, 0.8742713192250562, 29.336031516661585],
  [257, 303.2984077510903, 0.9991517434146014, 256.33364164843914],
] as const)("chi-square of %i degrees of freedom", (freedom, upper, below, middle) => {
  expect(Math.abs(call("chiSquareQuantile", 0.975, freedom) / upper - 1)).toBeLessThan(1e-12);
  expect(Math.abs(call("chiSquareBelow", 1.3 * freedom, freedom) / below - 1)).toBeLessThan(1e-12);
  expect(Math.abs(call("chiSquareQuantile", 0.5, freedom) / middle - 1)).toBeLessThan(1e-12);
  expect(call("chiSquareQuantile", 1, freedom)).toBe(Infinity);
});

test("selection keeps the smallest numbers, of equal ones the first", () => {
  const random = mulberry(5);
  for (let round = 0; round < 300; round++) {
    const count = 1 + Math.floor(random() * 200);
    const kinds = 1 + Math.floor(random() * 50);
    const values = Array.from({ length: count }, () =>
      round % 2 === 0 ? Math.floor(random() * kinds) : normal(random),
    );
    if (round % 5 === 0) values.sort((a, b) => a - b);
    const wanted = 1 + Math.floor(random() * count);
    new Float64Array(memory.buffer, FREE, count).set(values);
    call("smallest", FREE, count, wanted, FREE + 65_536, FREE + 131_072);
    const expected = Array.from(values.keys())
      .toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b)
      .slice(0, wanted)
      .toSorted((a, b) => a - b);
    expect([...new Uint32Array(memory.buffer, FREE + 65_536, wanted)]).toEqual(expected);
  }
});

/** Rows' covariance, of `rank` independent columns; the others are sums of them. */
function covarianceOf(n: number, rank: number, random: () => number): number[][] {
  const rows = Array.from({ length: 3 * n }, () => {
    const free = Array.from({ length: rank }, (_, c) => normal(random) * 10 ** (c % 4));
    return Array.from({ length: n }, (_, c) =>
      c < rank ? (free[c] ?? 0) : (free[c % rank] ?? 0) + (free[(c + 1) % rank] ?? 0),
    );
  });
  return Array.from({ length: n }, (_, i) =>
    Array.from(
      { length: n },
      (_unused, j) =>
        rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0) / rows.length,
    ),
  );
}

function product(a: readonly number[][], b: readonly number[][]): number[][] {
  return a.map((row) =>
    (b[0] ?? []).map((_, j) => row.reduce((sum, x, k) => sum + x * (b[k]?.[j] ?? 0), 0)),
  );
}

function pseudoInverse(matrix: readonly number[][]): {
  readonly inverse: number[][];
  readonly logDeterminant: number;
} {
  const n = matrix.length;
  matrix.forEach((row, i) => {
    new Float64Array(memory.buffer, FREE + call("halfRow", i), i + 1).set(row.slice(0, i + 1));
  });
  const out = FREE + 65_536;
  const logDeterminant = call("pseudoInverse", FREE, n, out, FREE + 131_072);
  const half = (i: number, j: number): number =>
    new Float64Array(memory.buffer, out + call("halfRow", i), i + 1)[j] ?? Number.NaN;
  const inverse = matrix.map((row, i) =>
    row.map((_, j) => (i === j ? half(i, i) : half(Math.max(i, j), Math.min(i, j)) / 2)),
  );
  return { inverse, logDeterminant };
}

describe.each([
  [1, 1],
  [2, 2],
  [7, 7],
  [8, 5],
  [30, 30],
  [31, 12],
] as const)("the pseudo-inverse of %i columns, %i of them free", (n, rank) => {
  test("gives the matrix back between two of it, and is symmetric about it", () => {
    const matrix = covarianceOf(n, rank, mulberry(n * rank));
    const { inverse } = pseudoInverse(matrix);
    const left = product(matrix, inverse);
    const back = product(left, matrix);
    matrix.forEach((row, i) => {
      row.forEach((value, j) => {
        const size = Math.sqrt((matrix[i]?.[i] ?? 0) * (matrix[j]?.[j] ?? 0));
        expect(Math.abs((back[i]?.[j] ?? 0) - value)).toBeLessThan(1e-8 * size);
      });
    });
    const trace = left.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
    expect(trace).toBeCloseTo(rank, 5);
  });
});

test("the determinant of what has no spread in a direction is comparable, and lower", () => {
  const whole = covarianceOf(4, 4, mulberry(3));
  const { logDeterminant } = pseudoInverse(whole);
  // A triangular elimination of four columns by hand would say the same: det = product of pivots.
  const pivots = whole.map((row) => [...row]);
  let expected = 0;
  pivots.forEach((row, i) => {
    expected += Math.log(row[i] ?? 0);
    pivots.slice(i + 1).forEach((other) => {
      const factor = (other[i] ?? 0) / (row[i] ?? 0);
      row.forEach((value, k) => (other[k] = (other[k] ?? 0) - factor * value));
    });
  });
  expect(logDeterminant).toBeCloseTo(expected, 9);
  const singular = pseudoInverse(covarianceOf(4, 3, mulberry(3))).logDeterminant;
  expect(singular).toBeLessThan(logDeterminant - 10);
  expect(singular).toBeGreaterThan(-200);
  expect(
    pseudoInverse([
      [0, 0],
      [0, 0],
    ]).logDeterminant,
  ).toBe(-Infinity);
});
