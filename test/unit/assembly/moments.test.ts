import { beforeAll, describe, expect, it } from "vitest";
import { mulberry, normal } from "../../kernel.ts";
import { Leaves } from "../../support/leaves.ts";

let leaves: Leaves;
beforeAll(async () => {
  leaves = await Leaves.make();
});

const SCALE = 2 ** 60;

/** Sum, mean and variance as rational numbers, rounded once. Values are whole multiples of 2^-60. */
function exactly(values: readonly number[]): { sum: number; mean: number; variance: number } {
  let sum = 0n;
  let squares = 0n;
  for (const value of values) {
    const whole = BigInt(value * SCALE);
    sum += whole;
    squares += whole * whole;
  }
  const n = BigInt(values.length);
  return {
    sum: ratio(sum, 1n, 1),
    mean: ratio(sum, n, 1),
    variance: ratio(n * squares - sum * sum, n * (n - 1n), 2),
  };
}

function ratio(above: bigint, below: bigint, power: number): number {
  return Number((above << 400n) / below) / 2 ** 400 / SCALE ** power;
}

const relative = (value: number, right: number): number =>
  right === 0 ? Math.abs(value) : Math.abs(value / right - 1);

interface Slide {
  readonly values: readonly number[];
  readonly length: number;
  readonly steps: number;
  readonly checks: number;
}

/** The largest relative errors of a window that slides, and how often it was made anew. */
function slide({ values, length, steps, checks }: Slide): {
  sum: number;
  mean: number;
  variance: number;
  renewed: number;
} {
  leaves.begin({ needs: ["moments"] });
  const at = leaves.room(64);
  const source = leaves.room(8 * values.length);
  leaves.floats(source, values.length).set(values);
  const worst = { sum: 0, mean: 0, variance: 0, renewed: 0 };
  const stride = Math.floor(steps / checks);
  for (let from = 0; from < steps; from += stride) {
    worst.renewed += leaves.call("slide", at, source, values.length, length, from, stride);
    const end = from + stride;
    const members = Array.from(
      { length: Math.min(length, end) },
      (_, i) => values[(end - 1 - i) % values.length] ?? 0,
    );
    const right = exactly(members);
    for (const name of ["sum", "mean", "variance"] as const) {
      worst[name] = Math.max(worst[name], relative(leaves.call(name, at), right[name]));
    }
  }
  return worst;
}

function series(size: number, value: (random: () => number, i: number) => number): number[] {
  const random = mulberry(size);
  return Array.from({ length: size }, (_, i) => value(random, i));
}

describe("moments of a sliding window", () => {
  it("are within an ulp after 10 million events with an offset of 1e9", () => {
    const values = series(100_003, (random) => 1e9 + 1e4 * normal(random));
    const worst = slide({ values, length: 1000, steps: 10_000_000, checks: 200 });
    expect(worst.sum).toBeLessThan(3e-16);
    expect(worst.mean).toBeLessThan(3e-16);
    expect(worst.variance).toBeLessThan(1e-15);
    expect(worst.renewed).toBe(0);
  });

  it.each([
    [
      "amounts over ten orders of magnitude",
      (random: () => number) => Math.exp(4 * normal(random)),
    ],
    [
      "a stream that walks away from its pivot",
      (random: () => number, i: number) => i * 10 + random(),
    ],
    [
      "cents beside an amount of 1e12 now and then",
      (random: () => number, i: number) => (i % 1501 === 0 ? 1e12 : 1 + random() / 100),
    ],
    [
      "a first value of 1e30 and then the same one again and again",
      (_random: () => number, i: number) => (i === 0 ? 1e30 : 0.1),
    ],
  ])("are within a few ulps with %s", (_name, value) => {
    const values = series(20_011, (random, i) => Math.round(value(random, i) * 2 ** 30) / 2 ** 30);
    const worst = slide({ values, length: 500, steps: 400_000, checks: 400 });
    expect(worst.mean).toBeLessThan(1e-15);
    expect(worst.variance).toBeLessThan(1e-13);
    expect(worst.renewed).toBeLessThan(4000);
  });

  it("are made anew at most once in half a window, with outliers of growing size", () => {
    const values = series(4096, (random, i) => (i % 64 === 0 ? 2 ** (i % 55) : random()));
    const { renewed, variance } = slide({ values, length: 128, steps: 100_000, checks: 50 });
    expect(renewed).toBeLessThan(100_000 / 64);
    expect(variance).toBeLessThan(1e-13);
  });

  it("of 1e100 and -1e100 are finite, and of nothing are none", () => {
    leaves.begin({ needs: ["moments"] });
    const leaf = leaves.exact(4);
    expect([leaf.value("sum"), leaf.value("mean"), leaf.value("variance")]).toEqual([0, NaN, NaN]);
    leaf.add(1, 1e100);
    expect([leaf.value("mean"), leaf.value("variance")]).toEqual([1e100, NaN]);
    leaf.add(2, -1e100);
    expect([leaf.value("sum"), leaf.value("mean")]).toEqual([0, 0]);
    expect(leaf.value("std")).toBeCloseTo(Math.SQRT2 * 1e100, -90);
    leaf.remove(1, 1e100);
    leaf.remove(2, -1e100);
    leaf.add(3, 0.1);
    leaf.add(4, 0.1);
    expect([leaf.value("mean"), leaf.value("std"), leaf.value("zscore", { own: 1 })]).toEqual([
      0.1,
      0,
      Number.NaN,
    ]);
  });

  it("of panes joined are those of all members", () => {
    const parts = [
      series(1000, (random) => 1e9 + random()),
      series(10, () => 5e8),
      [],
      series(2000, (random) => 1e-3 * random()),
    ].map((part) => part.map((value) => Math.round(value * 2 ** 40) / 2 ** 40));
    leaves.begin({ needs: ["moments"] });
    const at = leaves.room(64);
    leaves.call("addAll", at, at, 0);
    for (const part of parts) {
      const source = leaves.room(8 * part.length);
      leaves.floats(source, part.length).set(part);
      const pane = leaves.room(64);
      leaves.call("addAll", pane, source, part.length);
      leaves.call("mergeMoments", at, pane);
    }
    const right = exactly(parts.flat());
    for (const name of ["sum", "mean", "variance"] as const) {
      expect(relative(leaves.call(name, at), right[name]), name).toBeLessThan(3e-16);
    }
  });
});
