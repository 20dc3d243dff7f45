import { connect as connectHttp2, type ClientHttp2Stream } from "node:http2";
import { status as Status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { Code, WeirError } from "../../src/domain/errors.ts";
import { loadContract } from "../../src/transport/grpc/definitions.ts";
import type { GetFeaturesResponse__Output } from "../../src/transport/grpc/generated/weir/v1/GetFeaturesResponse.ts";
import type { StreamFeaturesResponse__Output } from "../../src/transport/grpc/generated/weir/v1/StreamFeaturesResponse.ts";
import {
  connect,
  detailsOf,
  errorOf,
  startFake,
  unary,
  until,
  valueOf,
  type Clients,
} from "../support/grpc.ts";

// The transport's own behaviour, over a reader that answers what and when it is told.

type Fake = Awaited<ReturnType<typeof startFake>>;

let fake: Fake;
let clients: Clients;

beforeEach(async () => {
  fake = await startFake({ limits: { connectionStreamsMax: 4 } });
  clients = connect(fake.port);
});

afterEach(() => {
  clients.close();
  fake.transport.close();
});

const busy = new WeirError(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", "full", { retryAfterMs: 10 });

function get(request: object, deadline?: number) {
  return unary<GetFeaturesResponse__Output>((done) =>
    clients.features.GetFeatures(request, deadline === undefined ? {} : { deadline }, done),
  );
}

/** A stream with its answers in order of arrival. */
function open() {
  const call = clients.features.StreamFeatures();
  const answers: StreamFeaturesResponse__Output[] = [];
  call.on("data", (answer: StreamFeaturesResponse__Output) => answers.push(answer));
  call.on("error", () => undefined);
  const status = new Promise<number>((resolve) => call.on("status", ({ code }) => resolve(code)));
  return { call, answers, status };
}

describe("GetFeatures", () => {
  test("hands the request on and the answer back", async () => {
    const request = { detector: "cards", keys: ["a", "b"], timeUnixMs: "-7", features: ["x", "y"] };
    expect(valueOf(await get(request))).toEqual({
      features: ["x", "y"],
      keys: [
        { key: "a", values: [0, 0.125], covered: true },
        { key: "b", known: true, values: [1, 1.125], defaulted: ["y"], exact: true, covered: true },
      ],
      timeUnixMs: "-7",
    });
    expect(fake.features.admitted[0]?.request).toMatchObject({ ...request, timeUnixMs: -7 });
  });

  test("is refused with a status, its details and a retry hint", async () => {
    fake.features.refuse = () => busy;
    const error = errorOf(await get({ detector: "cards", keys: ["a"] }));
    expect(error.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error)).toMatchObject({ reason: "QUEUE_FULL", retryAfterMs: 10 });
    expect(fake.refused).toEqual(["QUEUE_FULL"]);
  });

  test("passes the caller's deadline on, and that the caller left", async () => {
    fake.features.holding = true;
    const error = errorOf(await get({ detector: "cards", keys: ["a"] }, Date.now() + 200));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    const [read] = fake.features.admitted;
    const left = (read?.call.deadline ?? 0) - (read?.call.receivedAt ?? 0);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(200);
    await until(() => fake.features.admitted[0]?.cancelled === true);
  });
});

describe("StreamFeatures", () => {
  test("answers out of order by id; a refused request does not end it", async () => {
    const stream = open();
    fake.features.holding = true;
    for (const requestId of [1, 2]) {
      stream.call.write({ requestId, request: { detector: "cards", keys: [`k${requestId}`] } });
    }
    await until(() => fake.features.admitted.length === 2);
    stream.call.write({ requestId: 2, request: { detector: "cards", keys: ["again"] } });
    await until(() => stream.answers.length === 1);
    fake.features.refuse = () => busy;
    stream.call.write({ requestId: 3, request: { detector: "cards", keys: ["full"] } });
    await until(() => stream.answers.length === 2);
    fake.features.admitted[1]?.answer();
    fake.features.admitted[0]?.fail(busy);
    stream.call.end();
    expect(await stream.status).toBe(Status.OK);
    expect(stream.answers).toMatchObject([
      { requestId: 2, error: { reason: "DUPLICATE_REQUEST_ID" } },
      {
        requestId: 3,
        error: { reason: "QUEUE_FULL", code: Code.RESOURCE_EXHAUSTED, retryAfterMs: 10 },
      },
      { requestId: 2, response: { keys: [{ key: "k2" }] } },
      { requestId: 1, error: { reason: "QUEUE_FULL" } },
    ]);
  });

  test("takes a bounded number of requests in flight", async () => {
    fake.features.holding = true;
    const stream = open();
    const sent = limits.streamRequestsMax + 20;
    for (let requestId = 1; requestId <= sent; requestId++) {
      stream.call.write({ requestId, request: { detector: "cards", keys: ["k"] } });
    }
    await until(() => stream.answers.length === 20);
    expect(stream.answers.every(({ error }) => error?.reason === "TOO_MANY_IN_FLIGHT")).toBe(true);
    for (const read of fake.features.admitted) read.answer();
    stream.call.end();
    expect(await stream.status).toBe(Status.OK);
    expect(stream.answers).toHaveLength(sent);
  });

  test("cancels what is in flight when its caller leaves", async () => {
    fake.features.holding = true;
    const stream = open();
    stream.call.write({ requestId: 1, request: { detector: "cards", keys: ["k"] } });
    await until(() => fake.features.admitted.length === 1);
    stream.call.cancel();
    await until(() => fake.features.admitted[0]?.cancelled === true);
    await until(() => fake.transport.streams === 0);
  });

  test("counts among the streams of a connection", async () => {
    const streams = Array.from({ length: 4 }, open);
    await until(() => fake.transport.streams === 4);
    expect(await open().status).toBe(Status.RESOURCE_EXHAUSTED);
    for (const { call } of streams) call.end();
    expect(await Promise.all(streams.map(({ status }) => status))).toEqual([0, 0, 0, 0]);
  });
});

const service = loadContract()["weir.v1.FeatureService"];
if (service === undefined || "format" in service) throw new Error("no service");
const { requestSerialize } = service["StreamFeatures"]!;

function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Messages that arrive until the stream ends. */
async function countMessages(stream: ClientHttp2Stream): Promise<number> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => stream.on("end", resolve));
  const bytes = Buffer.concat(chunks);
  let messages = 0;
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) messages++;
  return messages;
}

test("a reader that stalls is not read, others flow, and it gets everything when it reads", async () => {
  const session = connectHttp2(`http://127.0.0.1:${fake.port}`);
  session.on("error", () => undefined);
  const stalled = session.request({
    ":method": "POST",
    ":path": "/weir.v1.FeatureService/StreamFeatures",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const keys = Array.from({ length: 2000 }, (_, i) => `key-${i}`);
  const requests = 300;
  stalled.end(
    Buffer.concat(
      Array.from({ length: requests }, (_, i) =>
        framed(requestSerialize({ requestId: i + 1, request: { detector: "cards", keys } })),
      ),
    ),
  );
  let highest = 0;
  const sample = setInterval(() => {
    highest = Math.max(highest, fake.transport.bufferedBytes.max);
  }, 1);
  await until(() => highest > limits.streamBufferedBytesMax / 4);
  expect(valueOf(await get({ detector: "cards", keys: ["k"] })).keys).toHaveLength(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const admitted = fake.features.admitted.length;
  expect(admitted).toBeLessThan(requests);
  expect(await countMessages(stalled)).toBe(requests);
  clearInterval(sample);
  expect(highest).toBeLessThanOrEqual(limits.streamBufferedBytesMax);
  session.destroy();
});

test("a drain answers what is admitted, refuses what is new and ends streams OK", async () => {
  fake.features.holding = true;
  const stream = open();
  stream.call.write({ requestId: 1, request: { detector: "cards", keys: ["k"] } });
  const pending = get({ detector: "cards", keys: ["k"] });
  await until(() => fake.features.admitted.length === 2);
  const drained = fake.transport.drain(5000);
  stream.call.write({ requestId: 2, request: { detector: "cards", keys: ["k"] } });
  await until(() => stream.answers.length === 1);
  expect(stream.answers[0]).toMatchObject({ requestId: 2, error: { reason: "DRAINING" } });
  expect(errorOf(await get({ detector: "cards", keys: ["k"] })).code).toBe(Status.UNAVAILABLE);
  for (const read of fake.features.admitted) read.answer();
  expect(valueOf(await pending).keys).toHaveLength(1);
  expect(await stream.status).toBe(Status.OK);
  expect(stream.answers).toHaveLength(2);
  expect(await drained).toBe(true);
});
