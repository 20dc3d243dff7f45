import { describe, expect, it } from "vitest";
import { isObject, parseExactJson, parseJson } from "../../../../src/transport/http/json.ts";

describe("parseExactJson", () => {
  it("keeps the digits of whole numbers beyond 2^53", () => {
    const text =
      '{"seed": 18446744073709551615, "n": [9007199254740993], "a": 1, "b": 1e300, "c": 0.5}';
    expect(parseExactJson(Buffer.from(text))).toEqual({
      seed: 18_446_744_073_709_551_615n,
      n: [9_007_199_254_740_993n],
      a: 1,
      b: 1e300,
      c: 0.5,
    });
  });

  it("keeps `__proto__` as an own key and pollutes nothing", () => {
    for (const parse of [parseJson, parseExactJson]) {
      const body = parse(Buffer.from('{"__proto__": {"polluted": 1}}'));
      expect(Reflect.ownKeys(isObject(body) ? body : {})).toEqual(["__proto__"]);
      expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
      expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
    }
  });

  it("refuses what is nested too deeply", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(() => parseExactJson(Buffer.from(deep))).toThrow("not JSON");
  });

  it("refuses no body", () => {
    expect(() => parseJson(undefined)).toThrow("got none");
    expect(() => parseJson(Buffer.alloc(0))).toThrow("got none");
  });
});
