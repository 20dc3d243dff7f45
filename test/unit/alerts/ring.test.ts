import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ring } from "../../../src/alerts/ring.ts";

describe("Ring", () => {
  it("is a queue that keeps the newest", () => {
    const operations = fc.array(fc.boolean(), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), operations, (max, steps) => {
        const ring = new Ring<number>(max);
        const model: number[] = [];
        for (const [i, push] of steps.entries()) {
          if (push) {
            expect(ring.push(i)).toBe(model.length < max);
            model.push(i);
            if (model.length > max) model.shift();
          } else {
            expect(ring.shift()).toBe(model.shift());
          }
          expect(ring.size).toBe(model.length);
        }
      }),
    );
  });

  it("refuses a bound below one", () => {
    expect(() => new Ring(0)).toThrow(RangeError);
    expect(() => new Ring(1.5)).toThrow(RangeError);
  });
});
