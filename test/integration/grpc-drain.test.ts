import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { status as Status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
  fake = await startFake();
  clients = connect(fake.port);
});

afterEach(() => {
  clients.close();
  fake.transport.close();
});

describe("drain", () => {
  const events = [{ numbers: { amount: 1 } }];

  test("answers what is admitted, refuses what is new, ends streams OK and closes", async () => {
    fake.scorer.holding = true;
    const busy = new StreamClient(clients);
    busy.send({ requestId: 1, request: { detector: "cards", events } });
    const idle = new StreamClient(clients);
    const watch = clients.scoring.WatchAlerts({});
    const watchEnd = new Promise<number>((resolve) =>
      watch.on("status", ({ code }) => resolve(code)),
    );
    watch.resume();
    const pending = unary<object>((done) =>
      clients.scoring.Score({ detector: "cards", events }, done),
    );
    await fake.scorer.wait(2);
    await until(() => fake.transport.streams === 2 && fake.transport.watchers === 1);
    const drained = fake.transport.drain(5000);

    expect((await idle.status).code).toBe(Status.OK);
    expect(await watchEnd).toBe(Status.OK);
    busy.send({ requestId: 2, request: { detector: "cards", events } });
    await busy.wait(1);
    expect(busy.answers[0]).toMatchObject({
      requestId: 2,
      error: { code: Status.UNAVAILABLE, reason: "DRAINING" },
    });
    const refusals = [
      await unary((done) => clients.scoring.Score({ detector: "cards", events }, done)),
      await unary((done) => clients.detectors.GetDetector({ name: "cards" }, done)),
    ];
    for (const refusal of refusals) {
      expect(errorOf(refusal).code).toBe(Status.UNAVAILABLE);
      expect(detailsOf(errorOf(refusal)).reason).toBe("DRAINING");
    }
    expect((await new StreamClient(clients).status).code).toBe(Status.UNAVAILABLE);
    for (const admitted of fake.scorer.admitted) admitted.answer();
    expect(valueOf(await pending)).toMatchObject({ verdicts: [{ score: 0.5 }] });
    expect((await busy.status).code).toBe(Status.OK);
    expect(busy.answers[1]?.requestId).toBe(1);
    expect(await drained).toBe(true);
    const after = connect(fake.port, undefined, { "grpc.use_local_subchannel_pool": 1 });
    const refused = errorOf(await unary((done) => after.scoring.Score({}, done)));
    expect(refused.code).toBe(Status.UNAVAILABLE);
    after.close();
  });

  test("waits neither for calls without a request nor for connections that stay", async () => {
    const socket = connectTcp(fake.port, "127.0.0.1");
    const session = connectHttp2(`http://127.0.0.1:${fake.port}`);
    for (const harmless of [socket, session]) harmless.on("error", () => undefined);
    for (const method of ["Score", "WatchAlerts"]) {
      session
        .request({
          ":method": "POST",
          ":path": `/weir.v1.ScoringService/${method}`,
          "content-type": "application/grpc",
        })
        .on("error", () => undefined);
    }
    await new Promise((resolve) => session.ping(resolve));
    const start = Date.now();
    expect(await fake.transport.drain(20_000)).toBe(true);
    expect(Date.now() - start).toBeLessThan(5000);
    session.destroy();
    socket.destroy();
  });

  test("what does not end is cut off at the timeout", async () => {
    fake.scorer.holding = true;
    const stream = new StreamClient(clients);
    stream.send({ requestId: 1, request: { detector: "cards", events } });
    await fake.scorer.wait(1);
    const start = Date.now();
    expect(await fake.transport.drain(100)).toBe(false);
    expect(Date.now() - start).toBeLessThan(1000);
    expect((await stream.status).code).not.toBe(Status.OK);
    await until(() => fake.scorer.admitted[0]?.cancelled === true);
  });
});

test("an address that is taken is named", async () => {
  await expect(startFake({ address: `127.0.0.1:${fake.port}` })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${fake.port}`,
  );
});

test("an address that is none is named, and one of IPv6 is one", async () => {
  await expect(startFake({ address: "nowhere" })).rejects.toThrow(
    "cannot listen on nowhere: expected host:port",
  );
  const six = await startFake({ address: "[::1]:0" }).catch(String);
  // Where the machine has no IPv6 the message says so.
  if (typeof six === "string") expect(six).toContain("cannot listen on [::1]:0");
  else six.transport.close();
});
