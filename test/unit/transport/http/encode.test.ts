import { describe, expect, it } from "vitest";
import { makeDetector } from "../../../../src/config/detector.ts";
import { normalizeSpec } from "../../../../src/config/detector-spec.ts";
import type { ScoreRequest } from "../../../../src/domain/event.ts";
import type { Verdicts } from "../../../../src/domain/verdict.ts";
import { decodeScoreRequest } from "../../../../src/transport/http/decode.ts";
import { encodeScoreResponse } from "../../../../src/transport/http/encode.ts";
import { scoreResponse } from "../../../../src/transport/http/schemas.ts";
import { cardsSpec, verdictsOf } from "../../../support/http-rig.ts";

const cards = makeDetector("cards", 0, normalizeSpec(cardsSpec));

function parsed(text: string): unknown {
  const body: unknown = JSON.parse(text);
  expect(scoreResponse.safeParse(body).error).toBeUndefined();
  return body;
}

function requestOf(body: object): ScoreRequest {
  return decodeScoreRequest(body, "cards");
}

function doubles(values: number[]): string {
  return Buffer.from(Float64Array.from(values).buffer).toString("base64");
}

describe("encodeScoreResponse", () => {
  it("writes what every verdict has, and leaves out what says nothing", () => {
    const request = requestOf({ events: [{ id: 'a"b' }, {}] });
    const verdicts = verdictsOf(request);
    verdicts.scores[1] = NaN;
    verdicts.rawScores[1] = 0;
    verdicts.states[1] = 1;
    verdicts.anomalies[0] = 1;
    verdicts.durables[0] = 1;
    expect(parsed(encodeScoreResponse(request, verdicts, cards))).toEqual({
      verdicts: [
        {
          eventId: 'a"b',
          score: 0,
          anomaly: true,
          source: "SOURCE_MODEL",
          state: "STATE_READY",
          rawScore: 0,
          modelVersion: 1,
          threshold: 0.9,
          durable: true,
        },
        {
          anomaly: false,
          source: "SOURCE_MODEL",
          state: "STATE_COLLECTING",
          rawScore: 0,
          modelVersion: 1,
          threshold: 0.9,
        },
      ],
    });
  });

  it("writes rules, defaults, reasons and flags", () => {
    const request = requestOf({ events: [{}] });
    const verdicts = verdictsOf(request);
    verdicts.rules[0] = 0;
    verdicts.sources[0] = 2;
    verdicts.systemActions[0] = 1;
    verdicts.replayed[0] = 1;
    verdicts.defaulted = Uint8Array.of(0b101);
    verdicts.explanations = [
      {
        baseline: 0.25,
        reasons: [{ feature: "amount", contribution: -0.5, value: NaN, expected: 1 }],
      },
    ];
    expect(parsed(encodeScoreResponse(request, verdicts, cards))).toMatchObject({
      verdicts: [
        {
          source: "SOURCE_RULES",
          rule: "large",
          systemAction: true,
          replayed: true,
          defaulted: ["amount", "country"],
          baseline: 0.25,
          reasons: [{ feature: "amount", contribution: -0.5, value: "NaN", expected: 1 }],
        },
      ],
    });
  });

  it("keeps every bit of a score", () => {
    const scores = [0.1 + 0.2, 5e-324, 1 - 2 ** -53, 0, 1.7976931348623157e308];
    const request = requestOf({ events: scores.map(() => ({})) });
    const verdicts = verdictsOf(request);
    verdicts.scores.set(scores);
    const body: unknown = JSON.parse(encodeScoreResponse(request, verdicts, cards));
    for (const [i, score] of scores.entries()) {
      expect(body).toHaveProperty(`verdicts[${i}].score`, score);
    }
  });

  it("packs the verdicts of a frame", () => {
    const request = requestOf({ frame: { rows: 3 } });
    const verdicts = verdictsOf(request);
    verdicts.scores[0] = NaN;
    const body = parsed(encodeScoreResponse(request, verdicts, cards));
    expect(body).toEqual({
      frame: {
        scores: doubles([NaN, 0.125, 0.25]),
        rawScores: doubles([0, 0.125, 0.25]),
        anomalies: "AAAA",
        sources: "AQEB",
        states: "AwMD",
        modelVersion: 1,
      },
    });
  });

  it("packs what not all rows share", () => {
    const request = requestOf({ frame: { rows: 2 } });
    const verdicts = verdictsOf(request);
    verdicts.modelVersions[1] = 2;
    verdicts.replayed[1] = 1;
    verdicts.defaulted = Uint8Array.of(1, 0);
    verdicts.durables[1] = 1;
    const body = parsed(encodeScoreResponse(request, verdicts, cards));
    expect(body).toMatchObject({
      frame: {
        modelVersions: "AQAAAAIAAAA=",
        replayed: "AAE=",
        defaulted: "AQA=",
        durables: "AAE=",
      },
    });
    expect(body).not.toHaveProperty("frame.durable");
    verdicts.durables[0] = 1;
    const agreeing = parsed(encodeScoreResponse(request, verdicts, cards));
    expect(agreeing).toHaveProperty("frame.durable", true);
    expect(agreeing).not.toHaveProperty("frame.durables");
  });

  it("writes features, their defaults, the timeliness and a reason's words", () => {
    const request = requestOf({ events: [{}, {}, {}], features: true });
    const verdicts = derivedVerdicts(request);
    const reason = { feature: "n", contribution: 0.5, value: 5, expected: 1 };
    const reasons = [{ ...reason, text: "5 events in 1 hour" }, reason];
    verdicts.explanations = [{ baseline: 0, reasons }, undefined, undefined];
    const body = parsed(encodeScoreResponse(request, verdicts, deriving));
    expect(body).toMatchObject({
      verdicts: [
        { features: [1.5, -2], reasons },
        { features: [0, 0.25], defaulted: ["n", "z"], timeliness: "TIMELINESS_LATE" },
        { timeliness: "TIMELINESS_FUTURE_REFUSED" },
      ],
    });
    expect(body).not.toHaveProperty("verdicts[0].timeliness");
    expect(body).not.toHaveProperty("verdicts[0].reasons[1].text");
    expect(body).not.toHaveProperty("verdicts[2].features");
  });

  it("packs features", () => {
    const request = requestOf({ frame: { rows: 3 }, features: true });
    const verdicts = derivedVerdicts(request);
    expect(parsed(encodeScoreResponse(request, verdicts, deriving))).toMatchObject({
      frame: {
        features: doubles([1.5, -2, 0, 0.25, NaN, NaN]),
        defaultedFeatures: "AAMA",
        timeliness: "AAEE",
      },
    });
  });
});

const deriving = makeDetector(
  "deriving",
  0,
  normalizeSpec({
    inputs: [{ name: "amount" }],
    features: [
      { name: "n", aggregate: "COUNT", window: { sliding: "1h" } },
      { name: "z", of: "amount", aggregate: "ZSCORE", default_value: 0 },
    ],
  }),
);

/** Three rows: on time, late with both features defaulted, and refused. */
function derivedVerdicts(request: ScoreRequest): Verdicts {
  const verdicts = verdictsOf(request);
  verdicts.features = Float64Array.of(1.5, -2, 0, 0.25, NaN, NaN);
  verdicts.defaultedFeatures = Uint8Array.of(0, 0b11, 0);
  verdicts.timeliness = Uint8Array.of(0, 1, 4);
  return verdicts;
}
