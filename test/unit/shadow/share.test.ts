import { expect, test } from "vitest";
import { KeyHash } from "../../../src/shard/key-hash.ts";
import { KeyShare } from "../../../src/shadow/share.ts";

const keys = Array.from({ length: 20_000 }, (_, i) => `customer-${i}`);

test("keys are spread evenly, whatever their partition", () => {
  const share = new KeyShare("candidate");
  const hash = new KeyHash();
  const counts = Array.from({ length: 4 }, () => ({ keys: 0, taken: 0 }));
  for (const key of keys) {
    const bytes = Buffer.from(key);
    hash.of(bytes, 0, bytes.length);
    const quarter = counts[(hash.lo & 255) >>> 6];
    if (quarter === undefined) throw new Error("no quarter");
    quarter.keys++;
    if (share.of(key) < 0.3) quarter.taken++;
  }
  for (const quarter of counts) expect(quarter.taken / quarter.keys).toBeCloseTo(0.3, 1);
});

test("a key stays on its side while the share grows", () => {
  const share = new KeyShare("candidate");
  for (const key of keys.slice(0, 100)) {
    const at = share.of(key);
    expect(at).toBe(share.of(key));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(at).toBeLessThan(1);
  }
});

test("another shadow takes other keys", () => {
  const [a, b] = [new KeyShare("a"), new KeyShare("b")];
  const both = keys.filter((key) => a.of(key) < 0.5 && b.of(key) < 0.5).length;
  expect(both / keys.length).toBeCloseTo(0.25, 1);
});

test("a name and a key do not run into each other", () => {
  expect(new KeyShare("ab").of("c")).not.toBe(new KeyShare("a").of("bc"));
});
