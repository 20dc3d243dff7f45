import * as fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { normalizeSpec } from "../../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../../src/config/detector.ts";
import { Code, WeirError } from "../../../../src/domain/errors.ts";
import { Verdicts } from "../../../../src/domain/verdict.ts";
import { protoDirectory } from "../../../../src/transport/grpc/definitions.ts";
import {
  answerBytesEstimate,
  encodeScoreResponse,
  encodeStreamAnswer,
  encodeStreamError,
} from "../../../../src/transport/grpc/encode.ts";
import { toStatus } from "../../../../src/transport/grpc/status.ts";
import { event, frame as frameOf, request } from "../../../support/core.ts";

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${protoDirectory}/weir/v1/${target.replace(/.*\//, "")}`;
root.loadSync("scoring.proto");
const streamResponse = root.lookupType("weir.v1.ScoreStreamResponse");
const scoreResponse = root.lookupType("weir.v1.ScoreResponse");
const errorType = root.lookupType("weir.v1.Error");

const detector = makeDetector(
  "cards",
  0,
  normalizeSpec({
    inputs: Array.from({ length: 10 }, (_, index) => ({ name: `f${index}`, default_value: 0 })),
    rules: [
      { name: "first", when: "f0 > 1.0", score: 1 },
      { name: "größer", when: "f1 > 1.0", score: 1 },
    ],
  }),
);

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
function derivedVerdicts(): Verdicts {
  const verdicts = new Verdicts(3);
  verdicts.rules.fill(-1);
  verdicts.features = Float64Array.of(1.5, -2, 0, 0.25, NaN, NaN);
  verdicts.defaultedFeatures = Uint8Array.of(0, 0b11, 0);
  verdicts.timeliness = Uint8Array.of(0, 1, 4);
  return verdicts;
}

const row = fc.record({
  id: fc.string({ maxLength: 40, unit: "grapheme" }),
  score: fc.double(),
  raw: fc.double(),
  threshold: fc.double(),
  version: fc.nat(),
  rule: fc.integer({ min: -1, max: 1 }),
  bits: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
  source: fc.integer({ min: 1, max: 4 }),
  state: fc.integer({ min: 1, max: 4 }),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

function fill(rows: readonly Row[], defaulted: boolean): Verdicts {
  const verdicts = new Verdicts(rows.length);
  if (defaulted) verdicts.defaulted = new Uint8Array(rows.length * 2);
  for (const [index, one] of rows.entries()) {
    verdicts.scores[index] = one.score;
    verdicts.rawScores[index] = one.raw;
    verdicts.thresholds[index] = one.threshold;
    verdicts.modelVersions[index] = one.version;
    verdicts.rules[index] = one.rule;
    verdicts.sources[index] = one.source;
    verdicts.states[index] = one.state;
    verdicts.anomalies[index] = Number(one.bits[0]);
    verdicts.replayed[index] = Number(one.bits[1]);
    verdicts.systemActions[index] = Number(one.bits[2]);
    verdicts.durables[index] = Number(one.bits[5]);
    // Inputs 0 and 9: the first bit of a row's first byte, the second of its last.
    if (verdicts.defaulted !== undefined) {
      verdicts.defaulted[index * 2] = Number(one.bits[3]);
      verdicts.defaulted[index * 2 + 1] = Number(one.bits[4]) << 1;
    }
  }
  return verdicts;
}

const asObject = { defaults: true, arrays: true } as const;

interface ResponseObject {
  readonly frame: Record<string, Buffer>;
  readonly verdicts: Record<string, unknown>[];
}

function isResponse(value: object): value is ResponseObject {
  return "verdicts" in value;
}

function read(bytes: Buffer): ResponseObject {
  const message: object = scoreResponse.toObject(scoreResponse.decode(bytes), asObject);
  if (!isResponse(message)) throw new Error("not a ScoreResponse");
  return message;
}

describe("answers", () => {
  test("by name: what protobufjs reads is what the columns hold", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(row, { maxLength: 6 }),
        fc.boolean(),
        (requestId, rows, defaulted) => {
          const verdicts = fill(rows, defaulted);
          const ids = rows.map(({ id }) => id);
          const bytes = encodeStreamAnswer(requestId, { verdicts, detector, ids });
          const message = streamResponse.toObject(streamResponse.decode(bytes), asObject);
          expect(message["requestId"]).toBe(requestId);
          const expected = rows.map((one) => ({
            eventId: one.id,
            ...(Number.isNaN(one.score) ? {} : { score: one.score }),
            anomaly: one.bits[0],
            source: one.source,
            state: one.state,
            rawScore: one.raw,
            modelVersion: one.version,
            reasons: [],
            defaulted: [
              ...(defaulted && one.bits[3] ? ["f0"] : []),
              ...(defaulted && one.bits[4] ? ["f9"] : []),
            ],
            rule: one.rule < 0 ? "" : detector.config.rules[one.rule]!.name,
            systemAction: one.bits[2],
            threshold: one.threshold,
            replayed: one.bits[1],
            durable: one.bits[5],
          }));
          expect(message["response"]).toMatchObject({ verdicts: expected });
          expect(message["response"]).toHaveProperty("verdicts.length", rows.length);
          expect(bytes.length).toBeLessThanOrEqual(16 + rows.length * 96 + rows.length * 160);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("packed: the columns as they are, versions in one number where they agree", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 50 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(undefined, 0, 1),
        (rows, defaulted, agree, durable) => {
          const verdicts = fill(rows, defaulted);
          if (agree) verdicts.modelVersions.fill(3);
          if (durable !== undefined) verdicts.durables.fill(durable);
          const bytes = encodeScoreResponse({ verdicts, detector, ids: undefined });
          expect(bytes.length).toBeLessThanOrEqual(64 + rows.length * 28 + rows.length * 2);
          const { frame } = read(Buffer.from(bytes));
          const doubles = (column: Buffer) =>
            rows.map((_, index) => column.readDoubleLE(index * 8));
          expect(doubles(frame["scores"]!)).toEqual([...verdicts.scores]);
          expect(doubles(frame["rawScores"]!)).toEqual([...verdicts.rawScores]);
          expect([...frame["anomalies"]!]).toEqual([...verdicts.anomalies]);
          expect([...frame["sources"]!]).toEqual([...verdicts.sources]);
          expect([...frame["states"]!]).toEqual([...verdicts.states]);
          expect([...frame["defaulted"]!]).toEqual([...(verdicts.defaulted ?? [])]);
          expect([...frame["replayed"]!]).toEqual(
            verdicts.replayed.includes(1) ? [...verdicts.replayed] : [],
          );
          if (frame["durables"]!.length === 0)
            expect([...new Set(verdicts.durables)]).toEqual([Number(frame["durable"])]);
          else expect([...frame["durables"]!]).toEqual([...verdicts.durables]);
          expect(frame["durables"]!.length > 0).toBe(new Set(verdicts.durables).size > 1);
          if (frame["modelVersions"]!.length === 0)
            expect(new Set(verdicts.modelVersions)).toEqual(new Set([frame["modelVersion"]]));
          else
            expect(rows.map((_, index) => frame["modelVersions"]!.readUInt32LE(index * 4))).toEqual(
              [...verdicts.modelVersions],
            );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("reasons, strongest first, with their baseline", () => {
    const verdicts = new Verdicts(2);
    verdicts.rules.fill(-1);
    verdicts.explanations = [
      {
        baseline: 0.25,
        reasons: [
          { feature: "f1", contribution: 0.5, value: 9, expected: 0 },
          { feature: "f0", contribution: -0.25, value: 0, expected: 1 },
        ],
      },
      undefined,
    ];
    const list = read(encodeScoreResponse({ verdicts, detector, ids: ["a", "b"] })).verdicts;
    expect(list[0]).toMatchObject({
      baseline: 0.25,
      reasons: [
        { feature: "f1", contribution: 0.5, value: 9, expected: 0 },
        { feature: "f0", contribution: -0.25, value: 0, expected: 1 },
      ],
    });
    expect(list[1]).toMatchObject({ reasons: [] });
    expect(list[1]).not.toHaveProperty("baseline");
  });

  test("features, their defaults and the timeliness, by name and packed", () => {
    const verdicts = derivedVerdicts();
    const { verdicts: list } = read(
      Buffer.from(encodeScoreResponse({ verdicts, detector: deriving, ids: ["a", "b", "c"] })),
    );
    expect(list[0]).toMatchObject({ features: [1.5, -2], defaulted: [], timeliness: 0 });
    expect(list[1]).toMatchObject({ features: [0, 0.25], defaulted: ["n", "z"], timeliness: 1 });
    expect(list[2]).toMatchObject({ features: [], defaulted: [], timeliness: 4 });
    const answer = { verdicts, detector: deriving, ids: undefined };
    const { frame } = read(Buffer.from(encodeScoreResponse(answer)));
    expect(Buffer.compare(frame["features"]!, Buffer.from(verdicts.features!.buffer))).toBe(0);
    expect([...frame["defaultedFeatures"]!]).toEqual([0, 0b11, 0]);
    expect([...frame["timeliness"]!]).toEqual([0, 1, 4]);
  });

  test("take no more bytes than was estimated", () => {
    const verdicts = derivedVerdicts();
    const events = ["a", "b", "c"].map((id) => ({ ...event({ values: [1] }), id }));
    const more = { explain: false, features: true };
    const named = request({ detector: "deriving", events, ...more });
    const ids = events.map(({ id }) => id);
    expect(encodeScoreResponse({ verdicts, detector: deriving, ids }).length).toBeLessThanOrEqual(
      answerBytesEstimate(named, 2),
    );
    const packed = request({ detector: "deriving", frame: frameOf([[1], [2], [3]], ids), ...more });
    const bytes = encodeScoreResponse({ verdicts, detector: deriving, ids: undefined });
    expect(bytes.length).toBeLessThanOrEqual(answerBytesEstimate(packed, 2));
    expect(answerBytesEstimate({ ...packed, features: false }, 2)).toBe(64 + 3 * 28);
    expect(answerBytesEstimate({ ...named, explain: true }, 2)).toBeGreaterThan(
      answerBytesEstimate(named, 2) + 3 * 2 * 100,
    );
  });

  test("the words of a reason", () => {
    const verdicts = new Verdicts(1);
    verdicts.rules.fill(-1);
    const reason = { feature: "n", contribution: 0.5, value: 5, expected: 1 };
    const text = "5 events in 1 minute";
    verdicts.explanations = [{ baseline: 0.25, reasons: [{ ...reason, text }, reason] }];
    const [verdict] = read(encodeScoreResponse({ verdicts, detector, ids: [""] })).verdicts;
    expect(verdict).toMatchObject({ reasons: [{ text }, { text: "" }] });
  });

  test("a frame far over the first buffer", () => {
    const verdicts = new Verdicts(50_000);
    verdicts.scores.fill(0.5);
    const bytes = encodeScoreResponse({ verdicts, detector, ids: undefined });
    expect(read(bytes).frame["scores"]).toHaveLength(400_000);
  });
});

describe("errors", () => {
  const error = new WeirError(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", "voll: ü", {
    violations: [{ field: "events[3].numbers.amount", message: "too large" }],
    retryAfterMs: 12.4,
  });
  const expected = {
    code: 8,
    message: "voll: ü",
    reason: "QUEUE_FULL",
    retryAfterMs: 13,
    violations: [{ field: "events[3].numbers.amount", message: "too large" }],
  };

  test("on a stream", () => {
    const message = streamResponse.toObject(
      streamResponse.decode(encodeStreamError(9, error)),
      asObject,
    );
    expect(message).toEqual({ requestId: 9, error: expected });
  });

  test("as a status, with the same as details", () => {
    const status = toStatus(error);
    expect(status).toMatchObject({ code: 8, details: "voll: ü" });
    expect(details(status.metadata.get("grpc-status-details-bin")[0])).toEqual(expected);
  });

  test("what does not fit in trailers is cut, and half a surrogate pair does no harm", () => {
    const long = `\u{1f600}${"\u{1f600}".repeat(300)}`.slice(1);
    const huge = new WeirError(Code.INVALID_ARGUMENT, "UNKNOWN_NAME", long, {
      violations: Array.from({ length: 16 }, () => ({ field: long, message: long })),
    });
    const status = toStatus(huge);
    expect(() => encodeURI(status.details)).not.toThrow();
    expect(encodeURI(status.details).length).toBeLessThan(4096);
    const [bytes] = status.metadata.get("grpc-status-details-bin");
    expect(bytes!.length).toBeLessThanOrEqual(3072);
    expect(details(bytes)["reason"]).toBe("UNKNOWN_NAME");
  });
});

/** The weir.v1.Error in a google.rpc.Status. */
function details(bytes: string | Buffer | undefined): Record<string, unknown> {
  const status = protobuf.Reader.create(Buffer.from(bytes!));
  let packed: Uint8Array = new Uint8Array();
  while (status.pos < status.len) {
    const tag = status.uint32();
    if (tag === 26) packed = status.bytes();
    else status.skipType(tag & 7);
  }
  const any = protobuf.Reader.create(packed);
  any.uint32();
  expect(any.string()).toBe("type.googleapis.com/weir.v1.Error");
  any.uint32();
  return errorType.toObject(errorType.decode(any.bytes()), asObject);
}
