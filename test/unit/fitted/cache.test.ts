import { describe, expect, it } from "vitest";
import { Cache } from "../../../src/fitted/cache.ts";

describe("a cache", () => {
  it("lets go of what was used longest ago, by number", () => {
    const cache = new Cache<string>({ countMax: 2, bytesMax: 100 });
    cache.set("a", "A", 1);
    cache.set("b", "B", 1);
    expect(cache.get("a")).toBe("A");
    cache.set("c", "C", 1);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual(["A", undefined, "C"]);
    expect(cache.size).toBe(2);
  });

  it("lets go by bytes, and keeps the newest whatever its size", () => {
    const cache = new Cache<string>({ countMax: 10, bytesMax: 100 });
    cache.set("a", "A", 60);
    cache.set("b", "B", 50);
    expect([cache.get("a"), cache.bytes]).toEqual([undefined, 50]);
    cache.set("big", "BIG", 1000);
    expect([cache.get("b"), cache.get("big"), cache.bytes]).toEqual([undefined, "BIG", 1000]);
    cache.set("c", "C", 1);
    expect([cache.get("big"), cache.bytes]).toEqual([undefined, 1]);
  });

  it("counts what replaces something once", () => {
    const cache = new Cache<string>({ countMax: 10, bytesMax: 100 });
    cache.set("a", "A", 60);
    cache.set("a", "B", 70);
    expect([cache.get("a"), cache.size, cache.bytes]).toEqual(["B", 1, 70]);
  });
});
