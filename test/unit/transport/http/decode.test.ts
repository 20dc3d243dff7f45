import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeirError } from "../../../../src/domain/errors.ts";
import { decodeScoreRequest } from "../../../../src/transport/http/decode.ts";
import { parseJson } from "../../../../src/transport/http/json.ts";
import { scoreRequest } from "../../../../src/transport/http/schemas.ts";

const decode = (text: string) => decodeScoreRequest(parseJson(Buffer.from(text)), "cards");

function refusalOf(text: string): WeirError {
  try {
    decode(text);
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error(`was taken: ${text}`);
}

describe("decodeScoreRequest", () => {
  it("reads events, names in camelCase", () => {
    const request = decode(
      `{"events": [{"id": "i", "key": "k", "timeUnixMs": "1700000000123", "systemAction": "deploy",
        "numbers": {"amount": 1.5, "hour": null, "age": "NaN", "x": "-2.5e3"},
        "categories": {"country": "FR", "city": null}}],
        "mode": "MODE_SCORE_ONLY", "timeoutMs": 30, "explain": true, "features": true}`,
    );
    expect(request).toMatchObject({
      detector: "cards",
      frame: undefined,
      mode: 2,
      timeoutMs: 30,
      explain: true,
      features: true,
    });
    const [event] = request.events;
    expect(event).toMatchObject({
      id: "i",
      key: "k",
      timeUnixMs: 1_700_000_000_123,
      systemAction: "deploy",
    });
    expect([...(event?.numbers ?? [])]).toEqual([
      ["amount", 1.5],
      ["hour", NaN],
      ["age", NaN],
      ["x", -2500],
    ]);
    expect([...(event?.categories ?? [])]).toEqual([["country", "FR"]]);
  });

  it("reads names in snake_case, null as absent, and nothing as defaults", () => {
    const request = decode(
      `{"events": [{"time_unix_ms": -5, "system_action": "x", "id": null, "values": [1, null, "NaN"]}],
        "frame": null, "timeout_ms": "7", "mode": 3, "detector": "cards"}`,
    );
    expect(request).toMatchObject({ mode: 3, timeoutMs: 7, explain: false, frame: undefined });
    expect(request.events[0]).toMatchObject({
      id: "",
      timeUnixMs: -5,
      systemAction: "x",
      values: [1, NaN, NaN],
    });
    expect(decode("{}")).toMatchObject({ events: [], mode: 0, timeoutMs: 0 });
  });

  it("reads frames, bytes in base64 and base64url, padded or not", () => {
    const values = Buffer.from(Float64Array.from([1, 2, NaN, -1e-300]).buffer);
    for (const text of [values.toString("base64"), values.toString("base64url")]) {
      const { frame } = decode(
        `{"frame": {"rows": 2, "values": "${text}", "keys": ["a", "b"], "keyIndex": "AAAAAAEAAAA",
          "schema": 4294967295, "system_actions": ["d"]}}`,
      );
      expect(frame).toMatchObject({
        rows: 2,
        keys: ["a", "b"],
        schema: 4_294_967_295,
        systemActions: ["d"],
        ids: [],
      });
      expect(Buffer.from(frame?.values ?? []).equals(values)).toBe(true);
      expect([...(frame?.keyIndex ?? [])]).toEqual([0, 0, 0, 0, 1, 0, 0, 0]);
    }
  });

  it("keeps `__proto__` as a name among names, and pollutes nothing", () => {
    const request = decode(`{"events": [{"numbers": {"__proto__": 1, "constructor": 2}}]}`);
    expect([...(request.events[0]?.numbers ?? [])]).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
    ]);
    expect(Object.hasOwn(Object.prototype, "amount")).toBe(false);
  });

  it.each([
    [`[]`, "MALFORMED", undefined],
    [`"x"`, "MALFORMED", undefined],
    [`null`, "MALFORMED", undefined],
    [`{"nope": 1}`, "MALFORMED", "nope"],
    [`{"__proto__": {"events": []}}`, "MALFORMED", "__proto__"],
    [`{"toString": 1}`, "MALFORMED", "toString"],
    [`{"events": {}}`, "MALFORMED", "events"],
    [`{"events": [null]}`, "MALFORMED", "events[0]"],
    [`{"events": [{}, [1]]}`, "MALFORMED", "events[1]"],
    [`{"events": [{}, {"keys": "k"}]}`, "MALFORMED", "events[1].keys"],
    [`{"events": [{"__proto__": {}}]}`, "MALFORMED", "events[0].__proto__"],
    [`{"events": [{"key": 5}]}`, "MALFORMED", "events[0].key"],
    [`{"events": [{"numbers": [1]}]}`, "MALFORMED", "events[0].numbers"],
    [`{"events": [{"numbers": {"amount": true}}]}`, "MALFORMED", "events[0].numbers.amount"],
    [`{"events": [{"numbers": {"amount": "1,5"}}]}`, "MALFORMED", "events[0].numbers.amount"],
    [`{"events": [{"numbers": {"amount": ""}}]}`, "MALFORMED", "events[0].numbers.amount"],
    [`{"events": [{"categories": {"c": 1}}]}`, "MALFORMED", "events[0].categories.c"],
    [`{"events": [{"values": 1}]}`, "MALFORMED", "events[0].values"],
    [`{"events": [{"values": [1, "x"]}]}`, "MALFORMED", "events[0].values[1]"],
    [`{"events": [{"timeUnixMs": 1.5}]}`, "TIME_OUT_OF_RANGE", "events[0].time_unix_ms"],
    [
      `{"events": [{"timeUnixMs": "9007199254740993"}]}`,
      "TIME_OUT_OF_RANGE",
      "events[0].time_unix_ms",
    ],
    [
      `{"events": [{"timeUnixMs": 9007199254740993}]}`,
      "TIME_OUT_OF_RANGE",
      "events[0].time_unix_ms",
    ],
    [`{"events": [{"time_unix_ms": "now"}]}`, "TIME_OUT_OF_RANGE", "events[0].time_unix_ms"],
    [`{"events": [{"timeUnixMs": 1, "time_unix_ms": 2}]}`, "MALFORMED", "events[0].time_unix_ms"],
    [`{"mode": "MODE_TURBO"}`, "INVALID_ENUM", "mode"],
    [`{"mode": 1.5}`, "INVALID_ENUM", "mode"],
    [`{"timeoutMs": -1}`, "MALFORMED", "timeout_ms"],
    [`{"timeoutMs": 4294967296}`, "MALFORMED", "timeout_ms"],
    [`{"explain": "yes"}`, "MALFORMED", "explain"],
    [`{"features": 1}`, "MALFORMED", "features"],
    [`{"detector": "other"}`, "INVALID_NAME", "detector"],
    [`{"detector": 1}`, "MALFORMED", "detector"],
    [`{"frame": []}`, "MALFORMED", "frame"],
    [`{"frame": {"rows": "x"}}`, "MALFORMED", "frame.rows"],
    [`{"frame": {"values": "%%%%"}}`, "MALFORMED", "frame.values"],
    [`{"frame": {"values": "AAA*"}}`, "MALFORMED", "frame.values"],
    [`{"frame": {"values": "A"}}`, "MALFORMED", "frame.values"],
    [`{"frame": {"values": "AA=A"}}`, "MALFORMED", "frame.values"],
    [`{"frame": {"values": [1]}}`, "MALFORMED", "frame.values"],
    [`{"frame": {"keys": ["a", 1]}}`, "MALFORMED", "frame.keys[1]"],
    [`{"frame": {"key_indexes": ""}}`, "MALFORMED", "frame.key_indexes"],
  ])("refuses %s", (text, reason, field) => {
    const error = refusalOf(text);
    expect(error).toMatchObject({ code: 3, reason });
    expect(error.violations[0]?.field).toBe(field);
  });

  it.each(["", "{", "{}x", "\u0000", '{"a": 01}', "NaN", "[".repeat(100_000)])(
    "refuses what is no JSON: %j",
    (text) => {
      expect(refusalOf(text)).toMatchObject({ code: 3, reason: "MALFORMED" });
    },
  );

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toThrow("not UTF-8");
  });

  it("takes what the documented schema takes", () => {
    const double = fc.oneof(
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.constantFrom("NaN", null),
    );
    const time = fc.oneof(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.maxSafeInteger().map((ms) => String(ms)),
    );
    const anEvent = fc.record(
      {
        id: fc.string(),
        key: fc.string({ unit: "grapheme" }),
        timeUnixMs: time,
        numbers: fc.dictionary(fc.string(), double),
        categories: fc.dictionary(fc.string(), fc.option(fc.string())),
        values: fc.array(double),
        systemAction: fc.string(),
      },
      { requiredKeys: [] },
    );
    const aRequest = fc.record(
      {
        events: fc.array(anEvent, { maxLength: 4 }),
        mode: fc.constantFrom(
          "MODE_SCORE_ONLY",
          "MODE_LEARN_ONLY",
          "MODE_HEARTBEAT",
          0,
          1,
          2,
          3,
          4,
        ),
        timeoutMs: fc.nat(60_000),
        explain: fc.boolean(),
        features: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(aRequest, (body) => {
        expect(scoreRequest.safeParse(body).error).toBeUndefined();
        const request = decode(JSON.stringify(body));
        expect(request.events).toHaveLength(body.events?.length ?? 0);
        expect(request.events.map(({ key }) => key)).toEqual(
          (body.events ?? []).map(({ key }) => key ?? ""),
        );
      }),
    );
  });

  it("survives whatever JSON there is, with an answer or a refusal", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        try {
          decode(text);
        } catch (error) {
          expect(error).toBeInstanceOf(WeirError);
        }
      }),
    );
  });
});
