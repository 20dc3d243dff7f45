import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Leaves } from "../../support/leaves.ts";
import type { FeatureName, Leaf, LeavesGroup } from "../../support/leaves.ts";

let leaves: Leaves;
beforeAll(async () => {
  leaves = await Leaves.make();
});

interface Member {
  readonly time: number;
  readonly value: number;
}

interface Step {
  readonly what: "add" | "late" | "remove" | "grow" | "move";
  readonly by: number;
  readonly value: number;
}

/** Few values and times, so that they meet. */
const value = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(1e12, -1e12, 0.1, 1e-9, 12_345.678),
);
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom("add", "add", "add", "late", "remove", "remove", "grow", "move"),
  by: fc.nat({ max: 5 }),
  value,
});
const steps = fc.array(step, { maxLength: 120 });
const ALL: LeavesGroup = {
  needs: [
    "moments",
    "extremes",
    "ends",
    "counts",
    "quantiles",
    "lags",
    "lastTimes",
    "transitions",
    "distinct",
  ],
  lags: 3,
  sequence: 3,
};

/** Members in time order, those of equal time in arrival order. */
class Reference {
  readonly members: Member[] = [];

  get newest(): number {
    return this.members.at(-1)?.time ?? 0;
  }

  insert(member: Member): void {
    const at = this.members.findIndex((other) => other.time > member.time);
    this.members.splice(at < 0 ? this.members.length : at, 0, member);
  }

  get values(): number[] {
    return this.members.map((member) => member.value);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

/** What straight code says of members. */
function features(members: readonly Member[], own: number, time: number): Map<FeatureName, number> {
  const values = members.map((member) => member.value);
  const n = values.length;
  const counts = new Map<number, number>();
  for (const each of values) counts.set(each, (counts.get(each) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / n);
  const last = members.findLast((member) => member.value === own);
  const most = n === 0 ? NaN : Math.max(...values);
  const least = n === 0 ? NaN : Math.min(...values);
  return new Map<FeatureName, number>([
    ["count", n],
    ["max", most],
    ["min", least],
    ["range", most - least],
    ["first", values[0] ?? NaN],
    ["last", values.at(-1) ?? NaN],
    ["delta", (values.at(-1) ?? NaN) - (values[0] ?? NaN)],
    ["distinct", counts.size],
    ["share", n === 0 ? NaN : (counts.get(own) ?? 0) / n],
    ["frequency", n === 0 ? NaN : (counts.get(own) ?? 0) / n],
    ["entropy", n === 0 ? NaN : -shares.reduce((sum, share) => sum + share * Math.log(share), 0)],
    ["time_since", last === undefined ? NaN : (time - last.time) / 2],
    ["novelty", novelty(values, own)],
  ]);
}

/** Of three in a row. */
function novelty(values: readonly number[], own: number): number {
  let any = 0;
  let one = 0;
  for (let i = 2; i < values.length; i++) {
    if (values[i - 2] !== values.at(-2) || values[i - 1] !== values.at(-1)) continue;
    any++;
    if (values[i] === own) one++;
  }
  return any === 0 || values.length < 2 ? 1 : 1 - one / any;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(q * (values.length - 1))] ?? NaN;
}

function expectClose(found: number, right: number, tolerance: number, what: string): void {
  if (Number.isNaN(right)) return expect(found, what).toBeNaN();
  expect(Math.abs(found - right), `${what}: ${found}, not ${right}`).toBeLessThanOrEqual(
    tolerance * Math.abs(right) + (tolerance > 0 ? 1e-12 : 0),
  );
}

function expectFeatures(leaf: Leaf, members: readonly Member[], own: number): void {
  const time = (members.at(-1)?.time ?? 0) + 10;
  const values = members.map((member) => member.value);
  for (const [kind, right] of features(members, own, time)) {
    const found = leaf.value(kind, { own, time, parameter: 2 });
    expectClose(found, right, kind === "entropy" || kind === "novelty" ? 1e-12 : 0, kind);
  }
  for (const q of [0, 0.25, 0.5, 0.99, 1]) {
    expectClose(
      leaf.value("quantile", { parameter: q }),
      quantile(values, q),
      0.010001,
      "quantile",
    );
  }
  for (const back of [1, 2, 3]) {
    expectClose(leaf.value("lag", { parameter: back }), values.at(-back) ?? NaN, 0, "lag");
  }
}

/** Moments to what float64s in a straight line give. */
function expectMoments(leaf: Leaf, values: readonly number[]): void {
  const largest = Math.max(1, ...values.map(Math.abs));
  expect(Math.abs(leaf.value("sum") - values.reduce((a, b) => a + b, 0))).toBeLessThanOrEqual(
    1e-13 * values.length * largest,
  );
  if (values.length === 0) return expect(leaf.value("mean")).toBeNaN();
  expect(Math.abs(leaf.value("mean") - mean(values))).toBeLessThanOrEqual(1e-13 * largest);
  if (values.length < 2) return expect(leaf.value("variance")).toBeNaN();
  const middle = mean(values);
  const right = values.reduce((sum, each) => sum + (each - middle) ** 2, 0) / (values.length - 1);
  const tolerance = 1e-12 * right + (1e-14 * largest) ** 2;
  expect(Math.abs(leaf.value("variance") - right)).toBeLessThanOrEqual(tolerance);
}

/** An exact aggregate through steps, and its members. */
function run(list: readonly Step[]): { leaf: Leaf; reference: Reference } {
  leaves.begin(ALL);
  const reference = new Reference();
  const { members } = reference;
  let capacity = 4;
  let leaf = leaves.exact(capacity);
  for (const { what, by, value: each } of list) {
    if (what === "move") leaf = leaf.moved();
    else if (what === "remove") {
      const oldest = members.shift();
      if (oldest !== undefined && leaf.remove(oldest.time, oldest.value)) {
        leaf.clear();
        for (const member of members) leaf.add(member.time, member.value);
      }
    } else {
      if (what === "grow" || members.length === capacity) {
        capacity += by + 1;
        leaf = leaf.grown(capacity);
      }
      const time = Math.max(0, reference.newest + (what === "late" ? -by : Math.max(by - 2, 0)));
      const member = { time, value: each };
      reference.insert(member);
      if (what === "late") leaf.insert(time, each);
      else leaf.add(time, each);
    }
  }
  expect(leaf.isSound).toBe(true);
  expect(leaf.count).toBe(members.length);
  return { leaf, reference };
}

describe("an exact aggregate", () => {
  it("has the features of its members after any adding, late adding, leaving, growing and moving", () => {
    fc.assert(
      fc.property(steps, value, (list, own) => {
        const { leaf, reference } = run(list);
        expectFeatures(leaf, reference.members, own);
        expectMoments(leaf, reference.values);
      }),
      { numRuns: 1000 },
    );
  });

  it("is empty again when all have left", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { leaf, reference } = run(list);
        for (const member of reference.members) leaf.remove(member.time, member.value);
        expectFeatures(leaf, [], 0);
        leaf.add(1, 5);
        leaf.add(2, 7);
        expectFeatures(
          leaf,
          [
            { time: 1, value: 5 },
            { time: 2, value: 7 },
          ],
          7,
        );
        expect([leaf.value("mean"), leaf.value("variance")]).toEqual([6, 2]);
      }),
      { numRuns: 200 },
    );
  });

  it("takes any finite values at any times, the removal of what is not there and more than it holds", () => {
    const any = fc.double({ noDefaultInfinity: true, noNaN: true });
    const call = fc.tuple(fc.constantFrom("add", "insert", "remove"), any, any);
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        leaves.begin(ALL);
        const leaf = leaves.exact(8);
        const guard = leaves.room(64);
        leaves.floats(guard, 8).fill(77);
        for (const [what, time, each] of calls) {
          if (what === "add") leaf.add(time, each);
          else if (what === "insert") leaf.insert(time, each);
          else leaf.remove(time, each);
        }
        expect(leaf.isSound).toBe(true);
        expect(leaf.count).toBeLessThanOrEqual(8);
        expect([...leaves.floats(guard, 8)]).toEqual(Array(8).fill(77));
      }),
      { numRuns: 500 },
    );
  });

  it("is not sound when any index of it leads outside", () => {
    const { leaf } = run(
      Array.from({ length: 40 }, (_, i) => ({ what: "add", by: i % 4, value: i % 5 })),
    );
    const words = new Uint32Array(leaves.memory.buffer, leaf.at, 20);
    for (const index of [0, 1, 2, 8, 9, 10, 12, 13, 15, 16, 18]) {
      const before = words[index] ?? 0;
      words[index] = before + 4096;
      expect(leaf.isSound, `word ${index}`).toBe(false);
      words[index] = before;
    }
    expect(leaf.isSound).toBe(true);
  });
});

describe("novelty", () => {
  /** Two values: contexts of two come again and again. */
  const seen = fc.array(
    fc.record({ by: fc.nat({ max: 3 }), value: fc.nat({ max: 1 }), isLate: fc.boolean() }),
    { maxLength: 30, size: "max" },
  );

  function expectNovelty(leaf: Leaf, values: readonly number[]): void {
    for (const own of [0, 1]) {
      expectClose(leaf.value("novelty", { own }), novelty(values, own), 1e-12, `of ${own}`);
    }
  }

  it("of an exact aggregate is of its members, late ones in their place, after some have left", () => {
    fc.assert(
      fc.property(seen, fc.nat({ max: 20 }), (list, gone) => {
        leaves.begin(ALL);
        const leaf = leaves.exact(30);
        const reference = new Reference();
        for (const { by, isLate, value: each } of list) {
          const time = Math.max(0, reference.newest + (isLate ? -by : by));
          reference.insert({ time, value: each });
          leaf.insert(time, each);
        }
        expectNovelty(leaf, reference.values);
        for (const member of reference.members.splice(0, gone)) {
          leaf.remove(member.time, member.value);
        }
        expectNovelty(leaf, reference.values);
      }),
      { numRuns: 500 },
    );
  });

  it("of panes joined knows the transitions from one to the next, of panes shorter than a context too", () => {
    fc.assert(
      fc.property(seen, (list) => {
        leaves.begin(ALL);
        const joined = leaves.pane();
        let pane = leaves.pane();
        for (const [time, { by, value: each }] of list.entries()) {
          pane.add(time, each);
          if (by === 0) continue;
          joined.merge(pane);
          pane = leaves.pane();
        }
        joined.merge(pane);
        expectNovelty(
          joined,
          list.map((member) => member.value),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe("panes", () => {
  const part = fc.array(fc.record({ by: fc.nat({ max: 4 }), isLate: fc.boolean(), value }), {
    maxLength: 25,
  });

  it("joined have the features of all members", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), value, (parts, own) => {
        leaves.begin(ALL);
        const all: Member[] = [];
        const joined = leaves.pane();
        for (const list of parts) {
          const pane = leaves.pane();
          const reference = new Reference();
          const start = (all.at(-1)?.time ?? 0) + 1;
          for (const { by, value: each } of list) {
            const member = { time: Math.max(reference.newest, start) + by, value: each };
            reference.insert(member);
            pane.add(member.time, each);
          }
          joined.merge(pane);
          all.push(...reference.members);
        }
        expect(joined.isSound).toBe(true);
        expectFeatures(joined, all, own);
        expectMoments(
          joined,
          all.map((member) => member.value),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("take late members into their place", () => {
    fc.assert(
      fc.property(part, value, (list, own) => {
        leaves.begin(ALL);
        const pane = leaves.pane();
        const reference = new Reference();
        for (const { by, isLate, value: each } of list) {
          // As far back as the tail holds what comes before: two contexts of two.
          const oldest = reference.members.at(-2)?.time ?? 0;
          const time = isLate ? Math.max(oldest, reference.newest - by) : reference.newest + by;
          reference.insert({ time, value: each });
          if (isLate) pane.insert(time, each);
          else pane.add(time, each);
        }
        const time = reference.newest;
        for (const [kind, right] of features(reference.members, own, time)) {
          const found = pane.value(kind, { own, time, parameter: 2 });
          const tolerance = kind === "entropy" || kind === "novelty" ? 1e-12 : 0;
          expectClose(found, right, tolerance, kind);
        }
        for (const back of [1, 2, 3]) {
          const right = reference.values.at(-back) ?? NaN;
          expectClose(pane.value("lag", { parameter: back }), right, 0, "lag");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("count the categories after 64 as one other", () => {
    leaves.begin({ needs: ["counts"] });
    const pane = leaves.pane();
    for (let i = 0; i < 100; i++) pane.add(i, i);
    for (let i = 0; i < 100; i++) pane.add(100, 3);
    expect(pane.value("share", { category: 3 })).toBe(101 / 200);
    expect(pane.value("share", { category: 90 })).toBe(0);
    const shares = [...Array<number>(63).fill(1 / 200), 36 / 200, 101 / 200];
    const right = -shares.reduce((sum, share) => sum + share * Math.log(share), 0);
    expect(pane.value("entropy")).toBeCloseTo(right, 12);
    expect(pane.isSound).toBe(true);
  });
});
