import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { status as Status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { connect, errorOf, startFake, unary, valueOf } from "../support/grpc.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

async function start(changes: Parameters<typeof startFake>[0] = {}) {
  const rig = await startFake(changes);
  cleanUp.push(() => rig.transport.close());
  const clients = connect(rig.port);
  cleanUp.push(() => clients.close());
  return { ...rig, clients, admin: clients.admin };
}

describe("where it is served", () => {
  test("alone on an address of its own", async () => {
    const { admin, clients } = await start({ adminOnly: true });
    expect(valueOf(await unary((done) => admin.GetState({}, done)))).toBeDefined();
    const score = errorOf(await unary((done) => clients.scoring.Score({ detector: "x" }, done)));
    expect(score.code).toBe(Status.UNIMPLEMENTED);
  });

  test("grpcurl lists it and calls it", async () => {
    const { port } = await start();
    const grpcurl = (...rest: string[]) =>
      promisify(execFile)("grpcurl", ["-plaintext", `127.0.0.1:${port}`, ...rest]);
    const listed = await grpcurl("list").catch((error: NodeJS.ErrnoException) => error);
    // Not on every machine.
    if ("code" in listed && listed.code === "ENOENT") return;
    expect(listed).toHaveProperty("stdout", expect.stringContaining("weir.v1.AdminService\n"));
    const { stdout } = await grpcurl("weir.v1.AdminService/GetState");
    expect(JSON.parse(stdout)).toMatchObject({ durability: "DURABILITY_ACKNOWLEDGED" });
  });
});
