import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { mulberry, normal } from "../../kernel.ts";
import { Leaves } from "../../support/leaves.ts";
import type { Leaf } from "../../support/leaves.ts";

let leaves: Leaves;
beforeAll(async () => {
  leaves = await Leaves.make();
});

const QUANTILES = [0, 0.01, 0.1, 0.5, 0.9, 0.99, 1];
const RELATIVE = 0.01 + 1e-9;

function rightQuantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] ?? NaN;
}

function expectQuantiles(leaf: Leaf, values: readonly number[], from = 0): void {
  for (const q of QUANTILES.filter((each) => each >= from)) {
    const right = rightQuantile(values, q);
    const found = leaf.value("quantile", { parameter: q });
    expect(Math.abs(found - right), `${q}: ${found}, not ${right}`).toBeLessThanOrEqual(
      RELATIVE * Math.abs(right),
    );
  }
}

function addAll(leaf: Leaf, values: readonly number[]): void {
  for (const [i, value] of values.entries()) leaf.add(i, value);
}

describe("quantiles", () => {
  it("are within 1 % of a member's value, of any size and sign, after some have left", () => {
    const size = fc
      .tuple(fc.double({ min: -99, max: 99, noNaN: true }), fc.constantFrom(-1, 0, 1, 1))
      .map(([exponent, sign]) => sign * 10 ** exponent + 0);
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 300 }), fc.nat(), (values, count) => {
        leaves.begin({ needs: ["quantiles"] });
        const leaf = leaves.exact(values.length);
        addAll(leaf, values);
        expectQuantiles(leaf, values);
        const gone = count % values.length;
        for (let i = 0; i < gone; i++) leaf.remove(i, values[i] ?? 0);
        expectQuantiles(leaf, values.slice(gone));
        expect(leaf.isSound).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("are within 1 % of 20,000 amounts, and of panes of them", () => {
    const random = mulberry(3);
    const values = Array.from({ length: 20_000 }, () => Math.exp(3 + 1.5 * normal(random)));
    leaves.begin({ needs: ["quantiles"] });
    const one = leaves.pane();
    addAll(one, values);
    expectQuantiles(one, values);
    const joined = leaves.pane();
    for (let i = 0; i < 20; i++) {
      const pane = leaves.pane();
      addAll(pane, values.slice(i * 1000, (i + 1) * 1000));
      joined.merge(pane);
    }
    expectQuantiles(joined, values);
    expect(joined.value("quantile", { parameter: 0.5 })).toBe(
      one.value("quantile", { parameter: 0.5 }),
    );
  });

  it("lose the bound from the smallest magnitudes up where values have more than 512 sizes", () => {
    // 1,151 sizes on either side of 0.
    const values = Array.from({ length: 4001 }, (_, i) => {
      const exponent = (Math.abs(i - 2000) - 1) / 200;
      return Math.sign(i - 2000) * 10 ** exponent;
    });
    const mixed = values.map((_, i) => values[(i * 1663) % values.length] ?? 0);
    leaves.begin({ needs: ["quantiles"] });
    const pane = leaves.pane();
    addAll(pane, mixed);
    expect(pane.isSound).toBe(true);
    for (const q of [0, 0.05, 0.1, 0.9, 0.95, 1]) {
      const right = rightQuantile(values, q);
      const found = pane.value("quantile", { parameter: q });
      expect(Math.abs(found / right - 1), `${q}`).toBeLessThanOrEqual(RELATIVE);
    }
    const found = pane.value("quantile", { parameter: 0.6 });
    expect(found).toBeGreaterThan(2 * rightQuantile(values, 0.6));
    expect(found).toBeLessThan(rightQuantile(values, 0.9));
  });

  it("of a full sketch can leave again, and it is as new when it is empty", () => {
    const values = Array.from(
      { length: 3000 },
      (_, i) => 10 ** ((i * 7) % 31) * (i % 2 === 1 ? 1 : -(1.1 ** (i % 97))),
    );
    leaves.begin({ needs: ["quantiles"] });
    const leaf = leaves.exact(3000);
    addAll(leaf, values);
    for (let i = 0; i < 2990; i++) leaf.remove(i, values[i] ?? 0);
    expect(leaf.isSound).toBe(true);
    expect(leaf.value("quantile", { parameter: 1 })).toBeGreaterThan(0);
    for (let i = 2990; i < 3000; i++) leaf.remove(i, values[i] ?? 0);
    expect(leaf.value("quantile", { parameter: 0.5 })).toBeNaN();
    leaf.add(1, 1e-50);
    leaf.add(2, -1e-50);
    expectQuantiles(leaf, [1e-50, -1e-50]);
  });
});

describe("distinct values of panes", () => {
  const estimate = (count: number, seed: number): number => {
    const random = mulberry(seed);
    leaves.begin({ needs: ["distinct"] });
    const pane = leaves.pane();
    for (let i = 0; i < count; i++) {
      const code = Math.floor(random() * 2 ** 52);
      pane.add(i, code);
      if (i % 3 === 0) pane.add(i, code);
    }
    return pane.value("distinct");
  };

  it("are exact up to 112, seen any number of times", () => {
    leaves.begin({ needs: ["distinct"] });
    const pane = leaves.pane();
    expect(pane.value("distinct")).toBe(0);
    for (let i = 0; i < 112; i++) {
      for (let again = 0; again <= i; again++) pane.add(i, again / 4);
      expect(pane.value("distinct")).toBe(i + 1);
    }
    expect(pane.isSound).toBe(true);
  });

  it.each([113, 200, 1000, 2500, 5000, 20_000])("of %i have a standard error of 3.3 %", (count) => {
    const seeds = count > 5000 ? 40 : 100;
    const errors = Array.from({ length: seeds }, (_, seed) => estimate(count, seed) / count - 1);
    const mean = errors.reduce((sum, error) => sum + error, 0) / seeds;
    const spread = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / seeds);
    // Three standard errors of each.
    expect(Math.abs(mean)).toBeLessThan((3 * 0.033) / Math.sqrt(seeds));
    expect(spread).toBeLessThan(0.033 * (1 + 3 / Math.sqrt(2 * seeds)));
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.14);
    expect(spread).toBeGreaterThan(0);
  });

  it("of panes joined are those of all members, to the bit, few or many", () => {
    const list = fc.array(fc.nat({ max: 400 }), { maxLength: 300, size: "max" });
    fc.assert(
      fc.property(fc.array(list, { maxLength: 5 }), (parts) => {
        leaves.begin({ needs: ["distinct"] });
        const all = leaves.pane();
        const joined = leaves.pane();
        for (const part of parts) {
          const pane = leaves.pane();
          addAll(pane, part);
          addAll(all, part);
          joined.merge(pane);
        }
        expect(joined.isSound && all.isSound).toBe(true);
        expect(joined.value("distinct")).toBe(all.value("distinct"));
        const right = new Set(parts.flat()).size;
        if (right <= 112) expect(joined.value("distinct")).toBe(right);
      }),
      { numRuns: 200 },
    );
  });
});

describe("bounded memory of categories", () => {
  it("keeps the times of the 256 that were last seen", () => {
    const seen = fc.array(fc.nat({ max: 320 }), { minLength: 300, maxLength: 900 });
    fc.assert(
      fc.property(seen, (codes) => {
        leaves.begin({ needs: ["lastTimes"] });
        const pane = leaves.pane();
        const last = new Map<number, number>();
        for (const [time, code] of codes.entries()) {
          pane.add(time, code);
          last.delete(code);
          last.set(code, time);
        }
        const kept = new Map([...last].slice(-256));
        for (let own = 0; own <= 320; own++) {
          const since = pane.value("time_since", { own, time: 1000, parameter: 1 });
          expect(since).toBe(1000 - (kept.get(own) ?? NaN));
        }
        expect(pane.isSound).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps the transitions that were last used, a context as long as any of them", () => {
    leaves.begin({ needs: ["transitions"], sequence: 2 });
    const pane = leaves.pane();
    let time = 0;
    const see = (...codes: readonly number[]) => {
      for (const code of codes) pane.add(time++, code);
    };
    const novelty = (from: number, to: number): number => {
      see(from);
      return pane.value("novelty", { own: to });
    };
    for (let i = 0; i < 10; i++) see(1, 2);
    see(1, 3);
    expect(novelty(1, 2)).toBeCloseTo(1 - 10 / 11, 12);
    expect(novelty(1, 3)).toBeCloseTo(1 - 1 / 12, 12);
    for (let i = 0; i < 50; i++) see(1, 2, 1000 + i);
    expect(pane.isSound).toBe(true);
    const before = novelty(1, 2);
    expect(before).toBeLessThan(0.1);
    // Others take all 256 places.
    for (let i = 0; i < 400; i++) see(5000 + i);
    expect(pane.isSound).toBe(true);
    expect(novelty(1, 2)).toBe(1);
    see(2, 1, 2);
    expect(novelty(1, 2)).toBe(0);
  });
});
