import { Client, credentials, status as Status, type ClientDuplexStream } from "@grpc/grpc-js";
import * as fc from "fast-check";
import protobuf from "protobufjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { protoDirectory } from "../../src/transport/grpc/definitions.ts";
import type { DetectorSpec } from "../../src/transport/grpc/generated/weir/v1/DetectorSpec.ts";
import { connect, unary, valueOf } from "../support/grpc.ts";
import { startTestService, type TestService } from "../support/service.ts";

// 10,000 random requests that should be refused, against the whole service: none crashes it, none stays in flight, each gets a code that
// says whose fault it was, and a request that is right still scores beside them.

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${protoDirectory}/weir/v1/${target.replace(/.*\//, "")}`;
root.loadSync("scoring.proto");
const streamRequest = root.lookupType("weir.v1.ScoreStreamRequest");
const streamResponse = root.lookupType("weir.v1.ScoreStreamResponse");

let running: TestService;
let client: Client;

beforeAll(async () => {
  running = await startTestService();
  client = new Client(`127.0.0.1:${running.service.grpcPort}`, credentials.createInsecure());
  const clients = connect(running.service.grpcPort);
  const spec = {
    inputs: [
      { name: "a" },
      { name: "b" },
      { name: "c", type: "INPUT_TYPE_CATEGORY", missing: "MISSING_MODEL" },
    ],
    timeoutMs: 10_000,
  } satisfies DetectorSpec;
  valueOf(
    await unary<object>((done) => clients.detectors.CreateDetector({ name: "d", spec }, done)),
  );
  clients.close();
});

afterAll(async () => {
  client.close();
  await running.stop();
});

const wild = fc.oneof(
  fc.double(),
  fc.constantFrom(Infinity, -Infinity, 1e101, -1e300, Number.NaN, -0),
);
const name = fc.constantFrom(
  "a",
  "b",
  "c",
  "__proto__",
  "constructor",
  "toString",
  "",
  "x".repeat(5000),
  "é",
);
const text = fc.oneof(
  fc.string({ maxLength: 5, unit: "grapheme" }),
  fc.constantFrom("", "k", "y".repeat(300), "\u0000", "z".repeat(70_000)),
);
const time = fc.constantFrom(
  0,
  1,
  -1,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER + 1,
  -(2 ** 60),
);
const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));
const event = fc.record({
  id: text,
  key: text,
  timeUnixMs: time,
  numbers: fc.dictionary(name, wild, { maxKeys: 4 }),
  categories: fc.dictionary(name, text, { maxKeys: 3 }),
  values: fc.array(wild, { maxLength: 4 }),
  systemAction: text,
});
const frame = fc.record({
  rows: fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(0xffff_ffff, 2049, 2048)),
  values: bytes,
  keys: fc.array(text, { maxLength: 3 }),
  keyIndex: bytes,
  timesUnixMs: bytes,
  ids: fc.array(text, { maxLength: 3 }),
  schema: fc.constantFrom(0, 1, 0xffff_ffff),
  categories: fc.array(text, { maxLength: 3 }),
  categoryIndex: bytes,
  systemActions: fc.array(text, { maxLength: 2 }),
  systemActionIndex: bytes,
});
const request = fc.record({
  detector: fc.constantFrom("d", "d", "d", "", "nobody", "\u0000warm-up", "w".repeat(10_000)),
  events: fc.array(event, { maxLength: 3 }),
  frame: fc.option(frame, { nil: undefined }),
  mode: fc.constantFrom(0, 1, 2, 3, 4, -1, 99),
  timeoutMs: fc.constantFrom(0, 1000, 60_001, 0xffff_ffff),
  explain: fc.boolean(),
});
/** Requests that are well formed and wrong (now and then right), some with flipped bytes, and plain noise; without their id. */
const message = fc.oneof(
  {
    weight: 6,
    arbitrary: request.map((one) => Buffer.from(streamRequest.encode({ request: one }).finish())),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        request,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 }),
      )
      .map(([one, flips]) => {
        const encoded = Buffer.from(streamRequest.encode({ request: one }).finish());
        for (const [at, value] of flips) encoded[at % encoded.length] = value;
        return encoded;
      }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value)) },
);

interface Answer {
  readonly requestId: number;
  readonly error?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
  };
  readonly response?: object;
}
function isAnswer(value: object): value is Answer {
  return "requestId" in value;
}

const same = (value: Buffer): Buffer => value;
/** What a request alone can be blamed for. */
const blamed: readonly number[] = [
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.FAILED_PRECONDITION,
  Status.RESOURCE_EXHAUSTED,
];

/** Sends all of them on one stream, up to `window` in flight; resolves to the answers. */
function exchange(messages: readonly Buffer[], window: number): Promise<readonly Answer[]> {
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    "/weir.v1.ScoringService/ScoreStream",
    same,
    same,
  );
  const answers: Answer[] = [];
  let sent = 0;
  const fill = (): void => {
    for (; sent < messages.length && sent - answers.length < window; sent++) {
      stream.write(messages[sent]!);
    }
    if (answers.length === messages.length) stream.end();
  };
  return new Promise((resolve, reject) => {
    stream.on("data", (raw: Buffer) => {
      const answer: object = streamResponse.toObject(streamResponse.decode(raw), {
        defaults: true,
      });
      if (isAnswer(answer)) answers.push(answer);
      fill();
    });
    stream.on("error", reject);
    stream.on("end", () => resolve(answers));
    fill();
  });
}

function framedId(id: number, rest: Buffer): Buffer {
  return Buffer.concat([streamRequest.encode({ requestId: id }).finish(), rest]);
}

describe("10,000 random malformed requests", () => {
  test("on a stream: one answer each, with a code that blames the request, and the stream goes on", async () => {
    const good = streamRequest.encode({
      request: { detector: "d", events: [{ key: "good", numbers: { a: 1, b: 2 } }], mode: 2 },
    });
    const goodBytes = Buffer.from(good.finish());
    const before = running.service.core.admission.inFlight;
    for (let batch = 0; batch < 10; batch++) {
      const noise = fc.sample(message, { numRuns: 1000, seed: 1000 + batch });
      const messages = noise.map((one, index) =>
        framedId(index + 1, index % 50 === 49 ? goodBytes : one),
      );
      const answers = await exchange(messages, 64);
      expect(answers).toHaveLength(messages.length);
      for (const { error, requestId, response } of answers) {
        if (requestId % 50 === 0 && requestId <= 1000) expect(response).toBeDefined();
        if (error === undefined) continue;
        expect(blamed, JSON.stringify(error)).toContain(error.code);
        expect(error.reason).toMatch(/^[A-Z_]+$/);
        expect(error.message).not.toBe("");
        expect(error.message.length).toBeLessThan(2000);
      }
      expect(answers.filter(({ error }) => error !== undefined).length).toBeGreaterThan(700);
    }
    expect(running.service.core.admission.inFlight).toBe(before);
  });

  test("unary: a status that blames the request", async () => {
    const messages = fc.sample(
      fc.oneof(
        request.map((one) =>
          Buffer.from(root.lookupType("weir.v1.ScoreRequest").encode(one).finish()),
        ),
        bytes,
      ),
      { numRuns: 1000, seed: 7 },
    );
    const codes = new Set<number>();
    for (const one of messages) {
      const outcome = await unary<Buffer>((done) =>
        client.makeUnaryRequest("/weir.v1.ScoringService/Score", same, same, one, done),
      );
      if ("error" in outcome) codes.add(outcome.error.code);
    }
    for (const code of codes) expect(blamed).toContain(code);
    expect(codes.size).toBeGreaterThan(1);
    expect(running.service.core.admission.inFlight).toBe(0);
  });
});
