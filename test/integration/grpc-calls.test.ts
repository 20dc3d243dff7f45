import { compressionAlgorithms, Metadata, status as Status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Code, WeirError, type Reason } from "../../src/domain/errors.ts";
import {
  connect,
  detailsOf,
  errorOf,
  startFake,
  StreamClient,
  unary,
  until,
  valueOf,
  type Clients,
} from "../support/grpc.ts";

type Fake = Awaited<ReturnType<typeof startFake>>;

let fake: Fake;
let clients: Clients;

beforeEach(async () => {
  fake = await startFake({ limits: { streamRequestsMax: 3 } });
  clients = connect(fake.port);
});

afterEach(() => {
  clients.close();
  fake.transport.close();
});

const events = [{ id: "e1", key: "k", numbers: { amount: 1 } }];
const score = (request: object, metadata = new Metadata(), options = {}) =>
  unary<object>((callback) => clients.scoring.Score(request, metadata, options, callback));

describe("answers", () => {
  test("unary, by name and packed", async () => {
    const named = valueOf(await score({ detector: "cards", events }));
    expect(named).toMatchObject({
      verdicts: [{ eventId: "e1", score: 0.5, source: "SOURCE_MODEL", state: "STATE_READY" }],
    });
    const packed = valueOf(
      await score({ detector: "cards", frame: { rows: 2, values: Buffer.alloc(16) } }),
    );
    expect(packed).toMatchObject({ frame: { sources: Buffer.from([1, 1]) } });
    expect(fake.scorer.admitted[0]?.request).toMatchObject({
      detector: "cards",
      events: [{ key: "k" }],
    });
    expect(fake.scorer.admitted[0]?.call.transport).toBe("grpc_unary");
  });

  test("a stream's answers come as they are ready and carry their ids", async () => {
    fake.scorer.holding = true;
    const stream = new StreamClient(clients);
    for (const requestId of [1, 2, 3])
      stream.send({ requestId, request: { detector: "cards", events } });
    await fake.scorer.wait(3);
    for (const index of [2, 0, 1]) fake.scorer.admitted[index]?.answer();
    await stream.wait(3);
    expect(stream.answers.map(({ requestId }) => requestId)).toEqual([3, 1, 2]);
    expect(stream.answers[0]?.response?.verdicts?.[0]).toMatchObject({ eventId: "e1", score: 0.5 });
    stream.call.end();
    expect((await stream.status).code).toBe(Status.OK);
    await until(() => fake.transport.streams === 0);
  });

  test("after half-close everything in flight is answered, then the stream ends OK", async () => {
    fake.scorer.holding = true;
    const stream = new StreamClient(clients);
    stream.send({ requestId: 1, request: { detector: "cards", events } });
    stream.send({ requestId: 2, request: { detector: "cards", events } });
    stream.call.end();
    await fake.scorer.wait(2);
    fake.scorer.admitted[1]?.answer();
    fake.scorer.admitted[0]?.fail(
      new WeirError(Code.FAILED_PRECONDITION, "DETECTOR_REMOVED", "gone"),
    );
    expect((await stream.status).code).toBe(Status.OK);
    expect(stream.answers.map(({ requestId }) => requestId)).toEqual([2, 1]);
    expect(stream.answers[1]?.error?.reason).toBe("DETECTOR_REMOVED");
  });

  test("the trace and the deadline reach the scorer, less the time an answer needs", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const metadata = new Metadata();
    metadata.set("traceparent", traceparent);
    await score({ detector: "cards", events }, metadata, { deadline: Date.now() + 5000 });
    const stream = new StreamClient(clients, metadata);
    stream.send({ requestId: 1, request: { detector: "cards", events } });
    await stream.wait(1);
    stream.call.end();
    const [first, second] = fake.scorer.admitted;
    expect(first?.call.traceparent).toBe(traceparent);
    expect(first!.call.deadline - first!.call.receivedAt).toBeGreaterThan(4000);
    expect(first!.call.deadline - first!.call.receivedAt).toBeLessThan(5000);
    expect(second?.call).toMatchObject({
      traceparent,
      deadline: Infinity,
      transport: "grpc_stream",
    });
  });

  test("3,000 empty messages in one write overflow nothing", async () => {
    const stream = new StreamClient(clients);
    for (let index = 0; index < 3000; index++) stream.send({});
    await stream.wait(3000);
    stream.call.end();
    expect((await stream.status).code).toBe(Status.OK);
  });
});

const refusals: [Reason, Code, number][] = [
  ["NO_ROWS", Code.INVALID_ARGUMENT, 0],
  ["UNKNOWN_DETECTOR", Code.NOT_FOUND, 0],
  ["SCHEMA_CHANGED", Code.FAILED_PRECONDITION, 0],
  ["QUEUE_FULL", Code.RESOURCE_EXHAUSTED, 25],
  ["KEYS_FULL", Code.RESOURCE_EXHAUSTED, 0],
  ["WARMING_UP", Code.UNAVAILABLE, 100],
  ["INTERNAL", Code.INTERNAL, 0],
];

describe.each(refusals)("refused with %s", (reason, code, retryAfterMs) => {
  const error = new WeirError(code, reason, `because of ${reason}`, {
    retryAfterMs,
    violations: [{ field: "events[0].key", message: "no" }],
  });
  const expected = {
    code,
    reason,
    message: `because of ${reason}`,
    violations: [{ field: "events[0].key", message: "no" }],
  };

  test.each(["at admission", "after it"])("unary, %s", async (when) => {
    if (when === "at admission") fake.scorer.refuse = () => error;
    else fake.scorer.holding = true;
    const outcome = score({ detector: "cards", events });
    if (when === "after it") {
      await fake.scorer.wait(1);
      fake.scorer.admitted[0]?.fail(error);
    }
    const status = errorOf(await outcome);
    expect(status.code).toBe(code);
    expect(status.details).toBe(`because of ${reason}`);
    expect(detailsOf(status)).toEqual({ ...expected, retryAfterMs });
    expect(fake.refused).toEqual([reason]);
    expect(fake.failures).toHaveLength(reason === "INTERNAL" ? 1 : 0);
  });

  test.each(["at admission", "after it"])(
    "on a stream, %s, and the stream goes on",
    async (when) => {
      fake.scorer.holding = true;
      const stream = new StreamClient(clients);
      if (when === "at admission")
        fake.scorer.refuse = ({ detector }) => (detector === "no" ? error : undefined);
      stream.send({ requestId: 8, request: { detector: "no", events } });
      if (when === "after it") {
        await fake.scorer.wait(1);
        fake.scorer.admitted[0]?.fail(error);
      }
      await stream.wait(1);
      expect(stream.answers[0]).toMatchObject({ requestId: 8, error: expected });
      expect(stream.answers[0]?.error?.retryAfterMs ?? 0).toBe(retryAfterMs);
      fake.scorer.holding = false;
      stream.send({ requestId: 8, request: { detector: "cards", events } });
      await stream.wait(2);
      expect(stream.answers[1]?.response?.verdicts).toHaveLength(1);
      stream.call.end();
      expect((await stream.status).code).toBe(Status.OK);
    },
  );
});

describe("the stream's own refusals", () => {
  test("an id that is in flight, and again once it is answered", async () => {
    fake.scorer.holding = true;
    const stream = new StreamClient(clients);
    stream.send({ requestId: 5, request: { detector: "cards", events } });
    stream.send({ requestId: 5, request: { detector: "cards", events } });
    await stream.wait(1);
    expect(stream.answers[0]).toMatchObject({
      requestId: 5,
      error: {
        code: Status.INVALID_ARGUMENT,
        reason: "DUPLICATE_REQUEST_ID",
        violations: [{ field: "request_id" }],
      },
    });
    fake.scorer.admitted[0]?.answer();
    await stream.wait(2);
    stream.send({ requestId: 5, request: { detector: "cards", events } });
    await fake.scorer.wait(2);
    stream.call.cancel();
  });

  test("too many in flight, with the limit and a hint", async () => {
    fake.scorer.holding = true;
    const stream = new StreamClient(clients);
    for (const requestId of [1, 2, 3, 4])
      stream.send({ requestId, request: { detector: "cards", events } });
    await stream.wait(1);
    expect(stream.answers[0]).toMatchObject({
      requestId: 4,
      error: { code: Status.RESOURCE_EXHAUSTED, reason: "TOO_MANY_IN_FLIGHT", retryAfterMs: 10 },
    });
    expect(stream.answers[0]?.error?.message).toContain("3");
    stream.call.cancel();
  });

  test("an explained answer over the largest message", async () => {
    const values = Array.from({ length: 100 }, () => 1);
    const many = {
      detector: "cards",
      explain: true,
      events: Array.from({ length: 1000 }, () => ({ values })),
    };
    const stream = new StreamClient(clients);
    stream.send({ requestId: 1, request: many });
    await stream.wait(1);
    expect(stream.answers[0]?.error).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      reason: "TOO_MANY_ROWS",
    });
    expect(detailsOf(errorOf(await score(many))).reason).toBe("TOO_MANY_ROWS");
    expect(fake.scorer.admitted).toHaveLength(0);
    stream.call.end();
  });

  test("requests that are compressed keep their order", async () => {
    const zipped = connect(fake.port, undefined, {
      "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
    });
    const stream = new StreamClient(zipped);
    for (let requestId = 1; requestId <= 200; requestId++) {
      stream.send({ requestId, request: { detector: "cards", events } });
    }
    await stream.wait(200);
    const ids = Array.from({ length: 200 }, (_, index) => index + 1);
    expect(stream.answers.map(({ requestId }) => requestId)).toEqual(ids);
    stream.call.end();
    expect((await stream.status).code).toBe(Status.OK);
    zipped.close();
  });

  test("an error that is no WeirError is INTERNAL, and reported with its cause", async () => {
    const bug = new TypeError("x is undefined");
    fake.scorer.refuse = () => {
      throw bug;
    };
    const stream = new StreamClient(clients);
    stream.send({ requestId: 1, request: { detector: "cards", events } });
    await stream.wait(1);
    expect(stream.answers[0]?.error).toMatchObject({
      code: Status.INTERNAL,
      message: "internal error",
    });
    expect(errorOf(await score({ events })).code).toBe(Status.INTERNAL);
    expect(fake.failures.map(({ cause }) => cause)).toEqual([bug, bug]);
    stream.call.end();
    expect((await stream.status).code).toBe(Status.OK);
  });
});

describe("a caller that goes away", () => {
  test("unary: cancelled, and at its deadline", async () => {
    fake.scorer.holding = true;
    const call = clients.scoring.Score({ detector: "cards", events }, () => undefined);
    await fake.scorer.wait(1);
    call.cancel();
    await until(() => fake.scorer.admitted[0]?.cancelled === true);
    const late = await score({ detector: "cards", events }, new Metadata(), {
      deadline: Date.now() + 50,
    });
    expect(errorOf(late).code).toBe(Status.DEADLINE_EXCEEDED);
    await until(() => fake.scorer.admitted[1]?.cancelled === true);
  });

  test("an answered unary call is not cancelled when it ends", async () => {
    valueOf(await score({ detector: "cards", events }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fake.scorer.admitted[0]?.cancelled).toBe(false);
  });

  test("a stream: cancelled, at its deadline, and when its connection dies", async () => {
    fake.scorer.holding = true;
    const cancelled = new StreamClient(clients);
    cancelled.send({ requestId: 1, request: { detector: "cards", events } });
    const late = new StreamClient(clients, new Metadata(), Date.now() + 80);
    late.send({ requestId: 1, request: { detector: "cards", events } });
    const other = connect(fake.port);
    const dead = new StreamClient(other);
    dead.send({ requestId: 1, request: { detector: "cards", events } });
    await fake.scorer.wait(3);
    cancelled.call.cancel();
    other.close();
    dead.call.cancel();
    expect((await late.status).code).toBe(Status.DEADLINE_EXCEEDED);
    await until(() => fake.scorer.admitted.every((one) => one.cancelled));
    await until(() => fake.transport.streams === 0);
  });
});
