import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteMarks } from "../../../../src/state/journal/byte-marks.ts";
import { DurableWaiters } from "../../../../src/state/journal/durable-waiters.ts";

const MIB = 1024 * 1024;

describe("waiters for durable positions", () => {
  it("are called once, in order of position and then of coming, by what becomes durable and what fails", () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ reached: fc.integer({ min: 1, max: 50 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3000, size: "max" }), (steps) => {
        const waiters = new DurableWaiters();
        const called: string[] = [];
        let expected: { position: number; name: number }[] = [];
        const inOrder: string[] = [];
        for (const [name, one] of steps.entries()) {
          if ("add" in one) {
            waiters.add(one.add, (durable) => called.push(`${one.add} ${name} ${durable}`));
            expected.push({ position: one.add, name });
            expected = expected.toSorted((a, b) => a.position - b.position || a.name - b.name);
          } else {
            waiters.reached(one.reached);
            while (expected[0] !== undefined && expected[0].position <= one.reached) {
              inOrder.push(`${expected[0].position} ${expected[0].name} true`);
              expected.shift();
            }
          }
          expect(waiters.size).toBe(expected.length);
        }
        waiters.failed();
        inOrder.push(...expected.map(({ position, name }) => `${position} ${name} false`));
        expect(called).toEqual(inOrder);
      }),
      { numRuns: 30 },
    );
  });

  it("may be added to from a callback", () => {
    const waiters = new DurableWaiters();
    const called: string[] = [];
    waiters.add(1, () => {
      called.push("1");
      waiters.add(2, (durable) => called.push(`2 ${durable}`));
      waiters.add(1, () => called.push("1 again"));
    });
    waiters.reached(1);
    expect(called).toEqual(["1", "1 again"]);
    waiters.failed();
    expect(called).toEqual(["1", "1 again", "2 false"]);
  });
});

describe("bytes behind a position", () => {
  it("are exact to a megabyte and an entry, also after entries were taken back", () => {
    const sizes = fc.array(fc.oneof(fc.nat(1000), fc.nat(700_000)), { maxLength: 100 });
    fc.assert(
      fc.property(sizes, fc.nat(100), fc.nat(100), (entries, from, back) => {
        const marks = new ByteMarks();
        for (const [index, bytes] of entries.entries()) marks.add(index + 1, bytes);
        const keep = Math.min(back, entries.length);
        marks.forgetAfter(keep);
        const kept = entries.slice(0, keep);
        const after = Math.min(from, keep);
        const sum = kept.slice(after).reduce((total, bytes) => total + bytes, 0);
        const slack = 2 * (MIB + 700_000);
        expect(marks.since(after)).toBeGreaterThanOrEqual(Math.max(0, sum - slack));
        expect(marks.since(after)).toBeLessThanOrEqual(sum + slack);
      }),
    );
  });

  it("are what it knows of when there are more than it keeps", () => {
    const marks = new ByteMarks();
    for (let position = 1; position <= 40_000; position++) marks.add(position, MIB);
    expect(marks.since(39_990)).toBeLessThanOrEqual(11 * MIB);
    expect(marks.since(39_990)).toBeGreaterThanOrEqual(10 * MIB);
    expect(marks.since(0)).toBeGreaterThan(8000 * MIB);
    expect(marks.since(0)).toBeLessThan(17_000 * MIB);
  });
});
