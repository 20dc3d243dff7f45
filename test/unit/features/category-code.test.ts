import fc from "fast-check";
import { expect, test } from "vitest";
import { categoryCode, categoryCodeOf } from "../../../src/features/category-code.ts";
import { KeyHash } from "../../../src/shard/key-hash.ts";

test("codes are the ones that state and files were written with", () => {
  expect(["", "DE", "grocery", "Zürich", "寿司", "a".repeat(400)].map(categoryCode)).toEqual([
    2445071920036875, 1482251115377231, 3016595413500496, 532134981051845, 1686429222390955,
    2711338116304064,
  ]);
});

test("a code is made of the hash of the UTF-8 bytes, whole and without a sign", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), (text) => {
      const bytes = new TextEncoder().encode(text);
      const hash = new KeyHash();
      hash.of(bytes, 0, bytes.length);
      const code = categoryCode(text);
      expect(BigInt(code)).toBe((BigInt(hash.hi & 0xfffff) << 32n) | BigInt(hash.lo));
      expect(Object.is(code, -0)).toBe(false);
      const padded = new Uint8Array([1, 2, ...bytes, 3]);
      expect(categoryCodeOf(padded, 2, 2 + bytes.length)).toBe(code);
    }),
  );
});

test("100,000 texts have 100,000 codes", () => {
  const codes = new Set(Array.from({ length: 100_000 }, (_, i) => categoryCode(`merchant ${i}`)));
  expect(codes.size).toBe(100_000);
});
