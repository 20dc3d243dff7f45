import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from "node:http2";
import { connect as connectTcp } from "node:net";
import { status as Status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { loadContract } from "../../src/transport/grpc/definitions.ts";
import { connectionWindowBytes, streamWindowBytes } from "../../src/transport/grpc/windows.ts";
import {
  connect,
  errorOf,
  startFake,
  StreamClient,
  unary,
  until,
  type Clients,
} from "../support/grpc.ts";

type Fake = Awaited<ReturnType<typeof startFake>>;

let fake: Fake;
let clients: Clients;
let session: ClientHttp2Session;

beforeEach(async () => {
  fake = await startFake({ limits: { connectionStreamsMax: 4 } });
  clients = connect(fake.port);
  session = connectHttp2(`http://127.0.0.1:${fake.port}`);
  session.on("error", () => undefined);
});

afterEach(() => {
  session.destroy();
  clients.close();
  fake.transport.close();
});

const service = loadContract()["weir.v1.ScoringService"];
if (service === undefined || "format" in service) throw new Error("no service");
const { requestSerialize } = service["ScoreStream"]!;

/** A gRPC message with its five bytes of framing. */
function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** A score stream over bare HTTP/2, whose answers nobody reads until someone does. */
function rawStream(): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": "/weir.v1.ScoringService/ScoreStream",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  return stream;
}

const bigAnswer = { detector: "cards", frame: { rows: limits.requestRowsMax } };

describe("a reader that stalls", () => {
  test("is not read once its answers pile up, and gets every one of them when it reads again", async () => {
    const requests = 400;
    const stalled = rawStream();
    const sent = Array.from({ length: requests }, (_, index) =>
      framed(requestSerialize({ requestId: index + 1, request: bigAnswer })),
    );
    stalled.end(Buffer.concat(sent));
    let highest = 0;
    const sample = setInterval(() => {
      highest = Math.max(highest, fake.transport.bufferedBytes.max);
    }, 1);
    await until(() => highest > limits.streamBufferedBytesMax / 4);

    // Others flow meanwhile, on the same connection and on another one.
    const other = new StreamClient(clients);
    const sibling = rawStream();
    let siblingBytes = 0;
    sibling.on("data", (bytes: Buffer) => {
      siblingBytes += bytes.length;
    });
    for (let requestId = 1; requestId <= 500; requestId++) {
      const request = { detector: "cards", events: [{ numbers: { amount: 1 } }] };
      other.send({ requestId, request });
      sibling.write(framed(requestSerialize({ requestId, request })));
    }
    await other.wait(500);
    await until(() => siblingBytes > 500 * 20);
    other.call.end();
    sibling.end();
    const admitted = fake.scorer.admitted.filter(
      ({ request }) => request.frame !== undefined,
    ).length;
    expect(admitted).toBeLessThan(60);
    expect(highest).toBeLessThanOrEqual(limits.streamBufferedBytesMax);

    let received = 0;
    stalled.on("data", (bytes: Buffer) => {
      received += bytes.length;
    });
    await new Promise((resolve) => stalled.on("end", resolve));
    clearInterval(sample);
    expect(highest).toBeLessThanOrEqual(limits.streamBufferedBytesMax);
    expect(received).toBeGreaterThan(requests * limits.requestRowsMax * 19);
    await until(() => fake.transport.streams === 0);
    expect(fake.transport.bufferedBytes.total).toBe(0);
  });

  test("answers that are only promised count too", async () => {
    fake.scorer.holding = true;
    const stream = rawStream();
    for (let requestId = 1; requestId <= 200; requestId++) {
      stream.write(framed(requestSerialize({ requestId, request: bigAnswer })));
    }
    await fake.scorer.wait(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { length } = fake.scorer.admitted;
    expect(length).toBeLessThan(20);
    for (const one of fake.scorer.admitted) one.answer();
    stream.resume();
    await fake.scorer.wait(length + 1);
  });

  test("frees what it holds when it goes away", async () => {
    const stream = rawStream();
    for (let requestId = 1; requestId <= 100; requestId++) {
      stream.write(framed(requestSerialize({ requestId, request: bigAnswer })));
    }
    await until(() => fake.transport.bufferedBytes.max > 0);
    session.destroy();
    await until(() => fake.transport.streams === 0);
    expect(fake.transport.bufferedBytes).toEqual({ total: 0, max: 0 });
  });
});

test("a score stream widens its connection's windows", async () => {
  const stream = rawStream();
  await until(() => session.remoteSettings?.initialWindowSize === streamWindowBytes);
  await until(() => session.state.remoteWindowSize === connectionWindowBytes);
  stream.destroy();
});

describe("limits of the wire", () => {
  const huge = {
    detector: "cards",
    frame: { rows: 1, values: Buffer.alloc(limits.messageBytesMax) },
  };

  test("a message that is too large: its call ends and says the limit, its connection lives on", async () => {
    const witness = new StreamClient(clients);
    witness.send({ requestId: 1, request: { detector: "cards" } });
    await witness.wait(1);
    const refused = errorOf(await unary((callback) => clients.scoring.Score(huge, callback)));
    expect(refused.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(refused.details).toContain(String(limits.messageBytesMax));
    const stream = new StreamClient(clients);
    stream.send({ requestId: 1, request: huge });
    const status = await stream.status;
    expect(status.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(status.details).toContain(String(limits.messageBytesMax));
    witness.send({ requestId: 2, request: { detector: "cards" } });
    await witness.wait(2);
    witness.call.end();
    expect((await witness.status).code).toBe(Status.OK);
  });

  test("one stream too many on a connection", async () => {
    const open = Array.from({ length: 4 }, () => new StreamClient(clients));
    for (const stream of open) {
      stream.send({ requestId: 1, request: { detector: "cards" } });
      await stream.wait(1);
    }
    const fifth = await new StreamClient(clients).status;
    expect(fifth.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(fifth.details).toContain("at most 4");
    expect(fake.refused).toEqual(["TOO_MANY_STREAMS"]);
    const elsewhere = connect(fake.port, undefined, { "grpc.use_local_subchannel_pool": 1 });
    const other = new StreamClient(elsewhere);
    other.send({ requestId: 1, request: { detector: "cards" } });
    await other.wait(1);
    elsewhere.close();
    open[0]?.call.end();
    await open[0]?.status;
    const next = new StreamClient(clients);
    next.send({ requestId: 1, request: { detector: "cards" } });
    await next.wait(1);
    for (const stream of [...open, next]) stream.call.cancel();
  });

  test("bytes that are no request: unary INVALID_ARGUMENT, on a stream an error with its id", async () => {
    const stream = rawStream();
    const chunks: Buffer[] = [];
    stream.on("data", (bytes: Buffer) => chunks.push(bytes));
    const id = requestSerialize({ requestId: 9 });
    stream.write(framed(Buffer.concat([id, Buffer.from([18, 200, 1])])));
    stream.end(framed(requestSerialize({ requestId: 10, request: { detector: "cards" } })));
    await new Promise((resolve) => stream.on("end", resolve));
    const text = Buffer.concat(chunks).toString("latin1");
    expect(text).toContain("MALFORMED");
    expect(fake.scorer.admitted).toHaveLength(1);
    expect(fake.refused).toEqual(["MALFORMED"]);
  });

  test.each([
    ["garbage", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    ["random bytes", Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) & 255))],
    [
      "a preface and garbage",
      Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(3000, 0xfe)]),
    ],
    ["nothing", Buffer.alloc(0)],
  ])("%s on the port harms nobody", async (_what, bytes) => {
    const witness = new StreamClient(clients);
    witness.send({ requestId: 1, request: { detector: "cards" } });
    await witness.wait(1);
    const socket = connectTcp(fake.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.end(bytes);
    await new Promise((resolve) => {
      socket.on("close", resolve);
      socket.resume();
    });
    witness.send({ requestId: 2, request: { detector: "cards" } });
    await witness.wait(2);
    witness.call.cancel();
  });

  test("a connection that never answers a ping is given up", async () => {
    const impatient = await startFake({ keepalive: { timeMs: 50, timeoutMs: 50 } });
    const socket = connectTcp(impatient.port, "127.0.0.1");
    socket.on("error", () => undefined);
    // The preface and empty settings, and then silence.
    socket.write(
      Buffer.concat([
        Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
      ]),
    );
    socket.resume();
    await new Promise((resolve) => socket.on("close", resolve));
    impatient.transport.close();
  });
});
