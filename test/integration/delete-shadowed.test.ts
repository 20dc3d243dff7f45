import { status as Status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, detailsOf, errorOf, unary, valueOf } from "../support/grpc.ts";
import type { Clients } from "../support/grpc.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const spec = { inputs: [{ name: "a" }], halfSpaceTrees: { window: 10 } };
const why =
  'detector "live" is shadowed by "next", which would be deleted with it; stop it first, or promote it and delete that';
let running: TestService;
let clients: Clients;

beforeAll(async () => {
  running = await startTestService();
  clients = connect(running.service.grpcPort);
  const { admin, detectors } = clients;
  valueOf(await unary((done) => detectors.CreateDetector({ name: "live", spec }, done)));
  const start = { name: "next", shadowed: "live", spec };
  valueOf(await unary((done) => admin.StartShadow(start, done)));
});
afterAll(async () => {
  clients.close();
  await running.stop();
});

async function names(): Promise<unknown> {
  const { detectors = [] } = valueOf(
    await unary<{ detectors?: { name?: string }[] }>((done) =>
      clients.detectors.ListDetectors({}, done),
    ),
  );
  return detectors.map(({ name }) => name);
}

test("a detector that is shadowed is not deleted over gRPC", async () => {
  const { detectors } = clients;
  const error = errorOf(await unary((done) => detectors.DeleteDetector({ name: "live" }, done)));
  expect(error).toMatchObject({ code: Status.FAILED_PRECONDITION, details: why });
  expect(detailsOf(error).reason).toBe("SHADOWED");
  expect(await names()).toEqual(["live", "next"]);
});

test("nor over HTTP", async () => {
  const response = await fetch(`${running.url}/v1/detectors/live`, { method: "DELETE" });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ reason: "SHADOWED", detail: why });
  expect(await names()).toEqual(["live", "next"]);
});

test("its shadow is, and then it is, too", async () => {
  const { detectors } = clients;
  const shadow = await fetch(`${running.url}/v1/detectors/next`, { method: "DELETE" });
  expect(shadow.status).toBe(204);
  valueOf(await unary((done) => detectors.DeleteDetector({ name: "live" }, done)));
  expect(await names()).toEqual([]);
});
