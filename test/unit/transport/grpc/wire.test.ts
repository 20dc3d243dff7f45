import * as fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { Code, WeirError } from "../../../../src/domain/errors.ts";
import type { ScoreRequest } from "../../../../src/domain/event.ts";
import { decodeScoreRequest, decodeStreamRequest } from "../../../../src/transport/grpc/decode.ts";
import { protoDirectory } from "../../../../src/transport/grpc/definitions.ts";
import { StringCache, WireError, WireReader } from "../../../../src/transport/grpc/wire-reader.ts";
import { WireWriter } from "../../../../src/transport/grpc/wire-writer.ts";

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${protoDirectory}/weir/v1/${target.replace(/.*\//, "")}`;
root.loadSync("scoring.proto");
const streamRequest = root.lookupType("weir.v1.ScoreStreamRequest");
const scoreRequest = root.lookupType("weir.v1.ScoreRequest");
const event = root.lookupType("weir.v1.Event");

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed()),
  fc.constantFrom(
    "",
    "amount",
    "__proto__",
    "constructor",
    "toString",
    "é",
    "\u{1f600}",
    "\ufeffbom",
  ),
);
const number = fc.double();
const uint32 = fc.nat({ max: 0xffff_ffff });
const time = fc.oneof(
  fc.integer(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 0, -1),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));
const eventArbitrary = fc.record({
  id: text,
  key: text,
  timeUnixMs: time,
  numbers: fc.array(fc.tuple(text, number), { maxLength: 12 }).map((list) => new Map(list)),
  categories: fc.array(fc.tuple(text, text), { maxLength: 4 }).map((list) => new Map(list)),
  values: fc.array(number, { maxLength: 12 }),
  systemAction: text,
});
const frameArbitrary = fc.record({
  rows: uint32,
  values: bytes,
  keys: fc.array(text, { maxLength: 4 }),
  keyIndex: bytes,
  timesUnixMs: bytes,
  ids: fc.array(text, { maxLength: 4 }),
  schema: uint32,
  categories: fc.array(text, { maxLength: 4 }),
  categoryIndex: bytes,
  systemActions: fc.array(text, { maxLength: 4 }),
  systemActionIndex: bytes,
});
const requestArbitrary: fc.Arbitrary<ScoreRequest> = fc.record({
  detector: text,
  events: fc.array(eventArbitrary, { maxLength: 4 }),
  frame: fc.option(frameArbitrary, { nil: undefined }),
  mode: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer()),
  timeoutMs: uint32,
  explain: fc.boolean(),
  features: fc.boolean(),
});

/** protobufjs takes maps as objects; `__proto__` must be an own name of these. */
function own(map: ReadonlyMap<string, unknown>): object {
  const object: object = {};
  for (const [name, value] of map) {
    Object.defineProperty(object, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

function encode(request: ScoreRequest): Buffer {
  const message = {
    ...request,
    events: request.events.map((one) => ({
      ...one,
      numbers: own(one.numbers),
      categories: own(one.categories),
    })),
  };
  return Buffer.from(scoreRequest.encode(message).finish());
}

/** Alone in its ArrayBuffer, or at an odd offset of a larger one. */
function unaligned(source: Buffer): Buffer {
  const padded = Buffer.alloc(source.length + 16, 0xff);
  source.copy(padded, 3);
  return padded.subarray(3, 3 + source.length);
}

function refusal(decode: () => unknown): WeirError {
  try {
    decode();
  } catch (thrown) {
    if (thrown instanceof WeirError) return thrown;
    throw thrown;
  }
  throw new Error("it was decoded");
}

describe("decoding", () => {
  test("whatever protobufjs encodes comes back", () => {
    fc.assert(
      fc.property(requestArbitrary, (request) => {
        expect(decodeScoreRequest(unaligned(encode(request)))).toEqual(request);
      }),
      { numRuns: 500 },
    );
  });

  test("a stream's message carries its id and its request", () => {
    fc.assert(
      fc.property(uint32, requestArbitrary, (requestId, request) => {
        const outer = Buffer.concat([
          streamRequest.encode({ requestId }).finish(),
          tagged(18, encode(request)),
        ]);
        expect(decodeStreamRequest(outer)).toEqual({ requestId, request });
      }),
      { numRuns: 200 },
    );
    expect(decodeStreamRequest(Buffer.alloc(0)).requestId).toBe(0);
  });

  test("parts that are concatenated merge, as protobuf has it", () => {
    fc.assert(
      fc.property(requestArbitrary, requestArbitrary, (first, second) => {
        const both = decodeScoreRequest(Buffer.concat([encode(first), encode(second)]));
        expect(both.events).toEqual([...first.events, ...second.events]);
        expect(both.detector).toBe(second.detector);
        if (first.frame !== undefined && second.frame !== undefined) {
          expect(both.frame?.keys).toEqual([...first.frame.keys, ...second.frame.keys]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("unknown fields and groups are passed over", () => {
    const unknown = fc.oneof(
      fc.nat().map((value) => new protobuf.Writer().uint32((99 << 3) | 0).uint64(value)),
      fc.double().map((value) => new protobuf.Writer().uint32((99 << 3) | 1).double(value)),
      bytes.map((value) => new protobuf.Writer().uint32((99 << 3) | 2).bytes(value)),
      fc.nat().map((value) => new protobuf.Writer().uint32((2000 << 3) | 5).fixed32(value)),
      bytes.map((value) =>
        new protobuf.Writer()
          .uint32((99 << 3) | 3)
          .uint32((1 << 3) | 2)
          .bytes(value)
          .uint32((98 << 3) | 3)
          .uint32((98 << 3) | 4)
          .uint32((99 << 3) | 4),
      ),
      // A known field with another wire type: detector as a varint, events as a double.
      fc.nat().map((value) => new protobuf.Writer().uint32((1 << 3) | 0).uint32(value)),
      fc.double().map((value) => new protobuf.Writer().uint32((2 << 3) | 1).double(value)),
    );
    fc.assert(
      fc.property(
        fc.array(unknown.map((one) => Buffer.from(one.finish()))),
        requestArbitrary,
        (extra, request) => {
          const noise = Buffer.concat(extra);
          expect(decodeScoreRequest(Buffer.concat([noise, encode(request), noise]))).toEqual(
            request,
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("repeated doubles one by one, packed, and both", () => {
    const values = new protobuf.Writer();
    values.uint32(49).double(1.5).uint32(49).double(-0);
    values.uint32(50).fork().double(2).double(Number.NaN).ldelim().uint32(49).double(3);
    const outer = new protobuf.Writer().uint32(18).bytes(values.finish());
    const [row] = decodeScoreRequest(Buffer.from(outer.finish())).events;
    expect(row?.values).toEqual([1.5, -0, 2, Number.NaN, 3]);
  });

  test("of a name that comes twice the last value counts; absent halves of an entry are empty", () => {
    const entry = (name: string | undefined, value: number | undefined): Buffer => {
      const writer = new protobuf.Writer();
      if (name !== undefined) writer.uint32(10).string(name);
      if (value !== undefined) writer.uint32(17).double(value);
      return tagged(34, Buffer.from(writer.finish()));
    };
    const inner = Buffer.concat([
      entry("a", 1),
      entry("a", 2),
      entry(undefined, 5),
      entry("b", undefined),
    ]);
    const [row] = decodeScoreRequest(tagged(18, inner)).events;
    expect(row?.numbers).toEqual(
      new Map([
        ["a", 2],
        ["", 5],
        ["b", 0],
      ]),
    );
  });

  test("names that objects inherit are own names", () => {
    const request = {
      ...emptyRequest(),
      events: [
        {
          ...emptyEvent(),
          numbers: new Map([
            ["__proto__", 1],
            ["toString", 2],
          ]),
        },
      ],
    };
    const [row] = decodeScoreRequest(encode(request)).events;
    expect([...(row?.numbers ?? [])]).toEqual([
      ["__proto__", 1],
      ["toString", 2],
    ]);
  });

  test("a time beyond 2^53 - 1 stays beyond it", () => {
    const beyond = fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(beyond, fc.boolean(), (magnitude, negative) => {
        const value = BigInt.asUintN(64, negative ? -magnitude : magnitude);
        const writer = new WireWriter();
        writer.start();
        const inner = Buffer.concat([Buffer.from([24]), varint(value)]);
        const [row] = decodeScoreRequest(tagged(18, inner)).events;
        expect(Number.isSafeInteger(row?.timeUnixMs)).toBe(false);
        expect((row?.timeUnixMs ?? 0) < 0).toBe(negative);
      }),
    );
  });
});

describe("bytes that are no message", () => {
  test("a message cut anywhere is a shorter message or malformed, and never anything else", () => {
    fc.assert(
      fc.property(
        requestArbitrary,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (request, share) => {
          const whole = encode(request);
          const cut = whole.subarray(0, Math.floor(whole.length * share));
          let ours: unknown;
          try {
            ours = decodeScoreRequest(cut);
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: "MALFORMED" });
          }
          // The other way does not hold: protobufjs takes a string that is cut short.
          if (ours !== undefined) expect(() => scoreRequest.decode(cut)).not.toThrow();
        },
      ),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["text that is not UTF-8", Buffer.from([10, 2, 0xc3, 0x28])],
    ["half a surrogate pair", Buffer.from([10, 3, 0xed, 0xa0, 0x80])],
    [
      "long text that is not UTF-8",
      Buffer.concat([Buffer.from([10, 41]), Buffer.alloc(40, 97), Buffer.from([0xff])]),
    ],
    ["a group that does not end", Buffer.from([0x9b, 0x06, 8, 1])],
    ["a group that ends as another", Buffer.from([0x9b, 0x06, 0x94, 0x06])],
    ["the end of no group", Buffer.from([0x9c, 0x06])],
    ["groups nested without end", Buffer.alloc(4000, 0x0b)],
    ["field number 0", Buffer.from([2, 0])],
    ["wire type 7", Buffer.from([15])],
    ["a varint of eleven bytes", Buffer.from([40, ...Array.from({ length: 10 }, () => 0x80), 1])],
    ["a tag beyond 32 bits", Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 1, 0])],
    ["an event longer than its message", Buffer.from([18, 100, 10, 1, 97])],
    ["a field longer than its event", Buffer.from([18, 3, 10, 9, 97, 10, 1, 97])],
  ])("%s", (_what, message) => {
    const error = refusal(() => decodeScoreRequest(message));
    expect(error).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: "MALFORMED" });
    expect(error.message).toMatch(/weir\.v1\.ScoreRequest: .* \(byte \d+\)/);
  });

  test("the id is told when only the request is broken, before or behind it", () => {
    const id = Buffer.from(streamRequest.encode({ requestId: 77 }).finish());
    const broken = tagged(18, Buffer.from([10, 50]));
    for (const message of [Buffer.concat([id, broken]), Buffer.concat([broken, id])]) {
      const decoded = decodeStreamRequest(message);
      expect(decoded.requestId).toBe(77);
      expect(decoded.request).toBeInstanceOf(WeirError);
    }
    expect(decodeStreamRequest(Buffer.from([0xff])).requestId).toBe(0);
  });
});

describe("the string cache", () => {
  test("never gives another text, however many share a slot", () => {
    const cache = new StringCache(4);
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), (list) => {
        for (const one of [...list, ...list]) {
          const source = Buffer.from(one);
          expect(cache.text(source, 0, source.length)).toBe(one);
        }
      }),
    );
  });

  test("refuses bytes that are not UTF-8, also the second time", () => {
    const cache = new StringCache(4);
    const wrong = Buffer.from([0xc3, 0x28]);
    expect(() => cache.text(wrong, 0, 2)).toThrow(WireError);
    expect(() => cache.text(wrong, 0, 2)).toThrow(WireError);
  });
});

describe("the writer", () => {
  test("lengths of one to four bytes", () => {
    const writer = new WireWriter();
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const content = Buffer.alloc(length, 97);
      writer.start();
      const outer = writer.open(18);
      writer.bytes(10, content);
      writer.close(outer);
      const reader = new WireReader();
      reader.reset(Buffer.from(writer.finish()));
      expect(reader.tag()).toBe(18);
      reader.enter();
      expect(reader.tag()).toBe(10);
      expect(reader.bytes().equals(content)).toBe(true);
      expect(reader.pos).toBe(reader.end);
    }
  });

  test("text of any alphabet and length", () => {
    const writer = new WireWriter();
    const reader = new WireReader();
    fc.assert(
      fc.property(fc.array(text), (list) => {
        writer.start();
        for (const one of list) writer.text(10, one);
        reader.reset(Buffer.from(writer.finish()));
        for (const one of list) {
          expect(reader.tag()).toBe(10);
          expect(reader.text()).toBe(one);
        }
      }),
    );
  });
});

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.from(new protobuf.Writer().uint32(tag).bytes(content).finish());
}

function varint(value: bigint): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Buffer.from(out);
}

function emptyEvent() {
  return {
    id: "",
    key: "",
    timeUnixMs: 0,
    numbers: new Map(),
    categories: new Map(),
    values: [],
    systemAction: "",
  };
}

function emptyRequest(): ScoreRequest {
  return { detector: "", events: [], frame: undefined, mode: 0, timeoutMs: 0, explain: false };
}

test("the types under test are the contract's", () => {
  expect(event.fieldsArray.length).toBe(7);
});
