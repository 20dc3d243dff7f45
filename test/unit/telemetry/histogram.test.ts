import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BucketLayout,
  Counter,
  Histogram,
  mergeCounts,
  quantile,
  quantileErrorMax,
} from "../../../src/telemetry/histogram.ts";
import { ages, batchRows, durations } from "../../../src/telemetry/layouts.ts";
import { exponential } from "../../../src/telemetry/metrics-export.ts";
import { explicitCounts } from "../../../src/telemetry/prometheus.ts";

const layouts = { durations, ages, batchRows };
/** Between 1 us and 64 s, evenly by magnitude. */
const seconds = fc.double({ min: -13, max: 4, noNaN: true }).map((x) => Math.exp(x));

function next(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + 1n);
  return view.getFloat64(0);
}

function filled(values: readonly number[], layout: BucketLayout = durations): Histogram {
  const histogram = new Histogram(layout);
  for (const value of values) histogram.record(value, 1);
  return histogram;
}

describe.each(Object.entries(layouts))("the layout of %s", (_name, layout) => {
  it("has ascending bounds, each of them inside its own bucket and the next double outside", () => {
    const bounds = [...layout.upper];
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    expect(new Set(bounds).size).toBe(bounds.length);
    for (const [i, bound] of bounds.slice(0, -1).entries()) {
      expect(layout.indexOf(bound)).toBe(i);
      expect(layout.indexOf(next(bound))).toBe(i + 1);
    }
  });

  it("takes any number whatever, and what is out of range in its outermost buckets", () => {
    const last = layout.buckets - 1;
    for (const low of [0, -0, -1, -1e300, -Infinity, Number.NaN, Number.MIN_VALUE]) {
      expect(layout.indexOf(low)).toBe(0);
    }
    for (const high of [1e18, Number.MAX_VALUE, Infinity]) expect(layout.indexOf(high)).toBe(last);
  });

  it("puts every bucket wholly into one exponential and one explicit bucket", () => {
    const ratio = 2 ** (1 / 8);
    for (let i = 1; i < layout.buckets - 1; i++) {
      const [low, high] = [layout.upper[i - 1] ?? 0, layout.upper[i] ?? 0];
      const index = layout.exponentialIndex[i] ?? 0;
      expect(ratio ** index).toBeLessThanOrEqual(low * (1 + 1e-12));
      expect(ratio ** (index + 1)).toBeGreaterThanOrEqual(high * (1 - 1e-12));
      const explicit = layout.explicitIndex[i] ?? 0;
      expect(layout.explicitBounds[explicit - 1] ?? 0).toBeLessThanOrEqual(low);
      expect(layout.explicitBounds[explicit] ?? Infinity).toBeGreaterThanOrEqual(high);
    }
  });

  it("does not leave a bucket wider than an eighth of an octave", () => {
    for (let i = 1; i < layout.buckets - 1; i++) {
      const width = (layout.upper[i] ?? 0) / (layout.upper[i - 1] ?? 0);
      expect(width).toBeLessThanOrEqual(2 ** (1 / 8) * (1 + 1e-12));
    }
  });
});

describe("the layout of durations", () => {
  it("resolves 50 us to 1 s for Prometheus within a factor of two", () => {
    const bounds = durations.explicitBounds;
    expect(bounds[0]).toBeLessThanOrEqual(50e-6);
    for (let i = 1; (bounds[i] ?? 2) <= 1; i++) {
      expect((bounds[i] ?? 0) / (bounds[i - 1] ?? 0)).toBeLessThan(2);
    }
    expect(bounds).toContain(0.02);
  });

  it("refuses round bounds that it cannot place", () => {
    const range = { minExponent: 0, maxExponent: 3 };
    expect(() => new BucketLayout({ ...range, explicitBounds: [0.5] })).toThrow(RangeError);
    expect(() => new BucketLayout({ ...range, explicitBounds: [9] })).toThrow(RangeError);
  });
});

describe("Histogram", () => {
  it("gives quantiles within the stated error of the value of that rank", () => {
    const shares = fc.constantFrom(0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1);
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 500 }), shares, (values, share) => {
        const rank = Math.max(1, Math.ceil(share * values.length));
        const exact = values.toSorted((a, b) => a - b)[rank - 1] ?? 0;
        const estimate = quantile(filled(values), share);
        expect(Math.abs(estimate / exact - 1)).toBeLessThanOrEqual(quantileErrorMax + 1e-12);
      }),
    );
    expect(quantileErrorMax).toBeLessThan(0.045);
  });

  it("merges into what one histogram of all would be", () => {
    fc.assert(
      fc.property(fc.array(seconds), fc.array(seconds), (a, b) => {
        const merged = filled(a);
        merged.merge(filled(b));
        const all = filled([...a, ...b]);
        expect(merged.counts).toEqual(all.counts);
        expect(merged.count).toBe(all.count);
        expect(merged.sum).toBeCloseTo(all.sum, 9);
        expect(mergeCounts([filled(a), filled(b)])?.counts).toEqual(all.counts);
      }),
    );
    expect(mergeCounts([])).toBeUndefined();
  });

  it("counts repeated values once each, ignores NaN and adds nothing negative", () => {
    const histogram = new Histogram(durations);
    histogram.record(0.25, 4);
    histogram.record(Number.NaN, 1);
    histogram.record(-1, 1);
    expect(histogram.count).toBe(5);
    expect(histogram.sum).toBe(1);
    expect(quantile(histogram, 0.1)).toBe(2 ** -20);
    expect(quantile(new Histogram(durations), 0.5)).toBeNaN();
  });

  it("exports every observation once, exponentially and explicitly", () => {
    fc.assert(
      fc.property(fc.array(seconds), (values) => {
        const histogram = filled(values);
        const { positive, count, scale, sum } = exponential(histogram);
        for (const [i, n] of positive.bucketCounts.entries()) {
          const low = 2 ** ((positive.offset + i) / 2 ** scale);
          const high = 2 ** ((positive.offset + i + 1) / 2 ** scale);
          expect(values.filter((v) => v > low && v <= high).length).toBe(n);
        }
        expect(positive.bucketCounts.reduce((a, b) => a + b, 0)).toBe(values.length);
        expect([count, sum]).toEqual([values.length, histogram.sum]);
        const buckets = explicitCounts(histogram);
        for (const [i, bound] of durations.explicitBounds.entries()) {
          const below = durations.explicitBounds[i - 1] ?? 0;
          expect(buckets[i]).toBe(values.filter((v) => v > below && v <= bound).length);
        }
      }),
    );
  });

  it("knows what was recorded in its last windows", () => {
    const histogram = new Histogram(durations, 3);
    const counter = new Counter(3);
    const recent: number[] = [];
    for (let window = 1; window <= 6; window++) {
      histogram.record(0.001 * window, window);
      counter.add(window);
      recent.push(histogram.recent().count);
      expect(counter.recent()).toBe(recent.at(-1));
      histogram.rotate();
      counter.rotate();
    }
    expect(recent).toEqual([1, 3, 6, 9, 12, 15]);
    expect(histogram.recent().count).toBe(11);
    expect(histogram.recent().sum).toBeCloseTo(0.025 + 0.036, 12);
    for (let i = 0; i < 3; i++) histogram.rotate();
    expect(histogram.recent().count).toBe(0);
    expect([...histogram.recent().counts].every((n) => n === 0)).toBe(true);
    expect([histogram.count, counter.total]).toEqual([21, 21]);
  });
});
