import { status as Status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { connect, StreamClient, unary, until, valueOf } from "../support/grpc.ts";
import { startTestService } from "../support/service.ts";

test("a stop under load answers everything admitted, ends every stream with OK, and is over soon", async () => {
  const running = await startTestService();
  const clients = connect(running.service.grpcPort);
  const spec = { inputs: [{ name: "a" }, { name: "b" }], timeoutMs: 5000 };
  valueOf(
    await unary<object>((done) => clients.detectors.CreateDetector({ name: "d", spec }, done)),
  );
  const streams = Array.from({ length: 4 }, () => new StreamClient(clients));
  for (const stream of streams) {
    let sent = 0;
    const send = (): void => {
      sent++;
      const numbers = { a: Math.sin(sent), b: Math.cos(sent) };
      stream.send({
        requestId: sent,
        request: { detector: "d", events: [{ key: `k${sent % 7}`, numbers }] },
      });
    };
    stream.call.on("data", send);
    for (let window = 0; window < 32; window++) send();
  }
  await until(() => streams.every(({ answers }) => answers.length > 500));
  const start = Date.now();
  await running.stop();
  expect(Date.now() - start).toBeLessThan(5000);
  for (const stream of streams) {
    expect((await stream.status).code).toBe(Status.OK);
    // One answer a request, none twice, in whatever order; at most what was in flight is refused as draining or never read.
    const ids = stream.answers.map(({ requestId }) => requestId ?? 0);
    expect(new Set(ids).size).toBe(ids.length);
    const refused = stream.answers.filter(({ error }) => error !== undefined && error !== null);
    for (const { error } of refused) expect(error?.reason).toBe("DRAINING");
  }
  expect(running.service.core.admission.inFlight).toBe(0);
  clients.close();
});
