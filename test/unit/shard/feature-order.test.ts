import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareCodePoints, featureOrder } from "../../../src/shard/feature-order.ts";

const codePoints = (text: string): number[] => Array.from(text, (c) => c.codePointAt(0) ?? 0);

function byCodePoints(a: string, b: string): number {
  const left = codePoints(a);
  const right = codePoints(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return (left[i] ?? 0) - (right[i] ?? 0);
  }
  return left.length - right.length;
}

describe("the order of feature names", () => {
  it("is that of code points, not of UTF-16 units", () => {
    const names = ["f2", "f10", "\u{1F600}", "\u{FF5E}", "a", "B", "_u", "", "é"];
    const sorted = featureOrder(names).map((index) => names[index]);
    expect(sorted).toEqual(["", "B", "_u", "a", "f10", "f2", "é", "\u{FF5E}", "\u{1F600}"]);
  });

  it("agrees with comparing code point by code point", () => {
    const names = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(byCodePoints(a, b)));
      }),
    );
  });
});
