import { beforeAll, describe, expect, test } from "vitest";
import { createMemory } from "../../../src/shard/module.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const FREE = 2 << 20;
const memory = createMemory(4 << 20);
let random: KernelPart;

beforeAll(async () => {
  random = await KernelPart.make('export * from "./rng";', memory);
});

const call = (name: string, ...values: readonly number[]): number => random.call(name, ...values);
const normal = (): number => call("randomNormal");

function draws(
  count: number,
  draw: () => number,
  seed: readonly [lo: number, hi: number],
): number[] {
  call("seedRandom", ...seed);
  return Array.from({ length: count }, () => draw());
}

function moment(values: readonly number[], order: number): number {
  return values.reduce((sum, value) => sum + value ** order, 0) / values.length;
}

/** Pearson's chi-squared of counts against equal ones. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function indices(count: number): Uint32Array {
  return new Uint32Array(memory.buffer, FREE, count);
}

describe("random numbers", () => {
  test("are MT19937's of Python's random.Random(42)", () => {
    expect(draws(3, () => call("nextRandom"), [42, 0])).toEqual([
      0.639_426_798_457_883_7, 0.025_010_755_222_666_936, 0.275_029_318_369_119_26,
    ]);
  });

  test("randomNormal has the moments of N(0, 1)", () => {
    const n = 200_000;
    const values = draws(n, normal, [7, 0]);
    // Four standard errors of each moment: sqrt((m_2k - m_k^2) / n).
    expect(Math.abs(moment(values, 1))).toBeLessThan(4 * Math.sqrt(1 / n));
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(values, 3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    const tail = values.filter((value) => Math.abs(value) > 1.959_963_984_540_054).length / n;
    expect(Math.abs(tail - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / n));
    const next = values.slice(1).map((value, i) => value * (values[i] ?? 0));
    expect(Math.abs(moment(next, 1))).toBeLessThan(4 * Math.sqrt(1 / n));
  });

  test("a new seed forgets the deviate that waits", () => {
    const first = draws(4, normal, [3, 0]);
    call("seedRandom", 9, 0);
    normal();
    expect(draws(4, normal, [3, 0])).toEqual(first);
  });

  test.each([
    [1, 0, 2, 0],
    [5, 0, 5, 1],
    [0, 0, 0, 1],
  ])("seeds %i,%i and %i,%i are independent", (lo, hi, otherLo, otherHi) => {
    const n = 50_000;
    const a = draws(n, normal, [lo, hi]);
    const b = draws(n, normal, [otherLo, otherHi]);
    const products = a.map((value, i) => value * (b[i] ?? 0));
    expect(Math.abs(moment(products, 1))).toBeLessThan(4 * Math.sqrt(1 / n));
  });

  test("randomBelow takes each number as often, also where 2^32 is far from a multiple", () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (const value of draws(100_000, () => call("randomBelow", 10), [11, 0])) {
      counts[value] = (counts[value] ?? Number.NaN) + 1;
    }
    // 99.99 % quantile for 9 degrees of freedom.
    expect(chiSquared(counts)).toBeLessThan(33.7);
    const large = 3 * 2 ** 30;
    const thirds = [0, 0, 0];
    for (const value of draws(60_000, () => call("randomBelow", large) >>> 0, [11, 0])) {
      expect(value).toBeLessThan(large);
      const third = Math.floor(value / 2 ** 30);
      thirds[third] = (thirds[third] ?? Number.NaN) + 1;
    }
    expect(chiSquared(thirds)).toBeLessThan(18.4);
    expect(draws(5, () => call("randomBelow", 1), [1, 0])).toEqual([0, 0, 0, 0, 0]);
  });

  test("shuffle keeps what it shuffles and takes each order as often", () => {
    call("seedRandom", 13, 0);
    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      indices(4).set([0, 1, 2, 3]);
      call("shuffle", FREE, 4);
      const order = [...indices(4)].join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    // 99.99 % quantile for 23 degrees of freedom.
    expect(chiSquared([...orders.values()])).toBeLessThan(56);
    indices(5).set([9, 9, 1, 1, 7]);
    call("shuffle", FREE, 4);
    expect(indices(5).toSorted()).toEqual(Uint32Array.of(1, 1, 7, 9, 9));
    expect(indices(5)[4]).toBe(7);
  });

  test("sampleWithout takes different ones, ascending, each set as often", () => {
    call("seedRandom", 17, 0);
    const sets = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      call("sampleWithout", 2, 5, FREE);
      const set = [...indices(2)].join("");
      sets.set(set, (sets.get(set) ?? 0) + 1);
    }
    expect([...sets.keys()].toSorted()).toEqual([
      "01",
      "02",
      "03",
      "04",
      "12",
      "13",
      "14",
      "23",
      "24",
      "34",
    ]);
    // 99.99 % quantile for 9 degrees of freedom.
    expect(chiSquared([...sets.values()])).toBeLessThan(33.7);
    call("sampleWithout", 4, 4, FREE);
    expect([...indices(4)]).toEqual([0, 1, 2, 3]);
  });
});
