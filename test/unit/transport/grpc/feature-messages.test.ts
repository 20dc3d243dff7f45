import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../../../src/config/limits.ts";
import { WeirError } from "../../../../src/domain/errors.ts";
import type { FeatureValues } from "../../../../src/serving/features.ts";
import { loadContract } from "../../../../src/transport/grpc/definitions.ts";
import {
  decodeFeatureRequest,
  decodeStreamRequest,
  encodeFeatures,
  encodeStreamFeatures,
} from "../../../../src/transport/grpc/feature-messages.ts";

function methodOf(name: string) {
  const service = loadContract({ longs: Number, defaults: true, arrays: true })[
    "weir.v1.FeatureService"
  ];
  const method = service === undefined || "format" in service ? undefined : service[name];
  if (method === undefined) throw new Error(`no ${name}`);
  return method;
}

const unary = methodOf("GetFeatures");
const stream = methodOf("StreamFeatures");

const requests = fc.record({
  detector: fc.string({ unit: "grapheme", maxLength: 40 }),
  keys: fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 20 }),
  timeUnixMs: fc.maxSafeInteger(),
  features: fc.array(fc.string({ maxLength: 140 }), { maxLength: 8 }),
});

const answers: fc.Arbitrary<FeatureValues> = fc
  .record({
    names: fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), {
      maxLength: 70,
    }),
    keys: fc.array(fc.string({ unit: "grapheme", maxLength: 90 }), { maxLength: 20 }),
    timeUnixMs: fc.maxSafeInteger(),
  })
  .chain((given) => {
    const cells = given.names.length * given.keys.length;
    const bits = (length: number) =>
      fc
        .array(fc.nat(1), { minLength: length, maxLength: length })
        .map((ones) => Uint8Array.from(ones));
    return fc.record({
      names: fc.constant(given.names),
      keys: fc.constant(given.keys),
      timeUnixMs: fc.constant(given.timeUnixMs),
      values: fc
        .array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
          minLength: cells,
          maxLength: cells,
        })
        .map((values) => Float64Array.from(values)),
      defaulted: bits(cells),
      known: bits(given.keys.length),
      exact: bits(given.keys.length),
      covered: bits(given.keys.length),
    });
  });

function expectedOf(features: FeatureValues): object {
  const { names, keys, values } = features;
  return {
    features: names,
    keys: keys.map((key, i) => ({
      key,
      known: features.known[i] === 1,
      values: Array.from(values.subarray(i * names.length, (i + 1) * names.length)),
      defaulted: names.filter((_, j) => features.defaulted[i * names.length + j] === 1),
      exact: features.exact[i] === 1,
      covered: features.covered[i] === 1,
    })),
    timeUnixMs: features.timeUnixMs,
  };
}

describe("against protobufjs", () => {
  test("requests are read as they were meant", () => {
    fc.assert(
      fc.property(requests, fc.nat(0xffffffff), (request, requestId) => {
        const bytes = unary.requestSerialize(request);
        expect(decodeFeatureRequest(bytes)).toMatchObject(request);
        const message = stream.requestSerialize({ requestId, request });
        const decoded = decodeStreamRequest(message);
        expect(decoded.requestId).toBe(requestId);
        expect(decoded.request).toMatchObject(request);
      }),
    );
  });

  test("answers are written as they are meant", () => {
    fc.assert(
      fc.property(answers, fc.nat(0xffffffff), (features, requestId) => {
        expect(unary.responseDeserialize(encodeFeatures(features))).toEqual(expectedOf(features));
        const message = stream.responseDeserialize(encodeStreamFeatures(requestId, features));
        expect(message).toMatchObject({ requestId, response: expectedOf(features) });
      }),
    );
  });
});

test("bytes that are no message are refused, with the id where it can be read", () => {
  const broken = Buffer.from([18, 3, 18, 200, 1, 8, 7]);
  const { requestId, request } = decodeStreamRequest(broken);
  expect(requestId).toBe(7);
  expect(request).toBeInstanceOf(WeirError);
  expect(request).toMatchObject({ reason: "MALFORMED" });
  expect(() => decodeFeatureRequest(Buffer.from([18, 200, 1]))).toThrow("weir.v1.GetFeatures");
  expect(() => decodeFeatureRequest(Buffer.from([18, 1, 0xff]))).toThrow("UTF-8");
});

test("of more keys than a request may have, one too many is read", () => {
  const many = Buffer.alloc(400_000, Buffer.from([18, 0]));
  expect(decodeFeatureRequest(many).keys).toHaveLength(limits.readKeysMax + 1);
  const names = Buffer.alloc(400_000, Buffer.from([34, 0]));
  expect(decodeFeatureRequest(names).features).toHaveLength(256);
});
