import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, status as Status, type ChannelCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, errorOf, startFake, StreamClient, unary, valueOf } from "../support/grpc.ts";

const openssl = hasOpenssl();

async function ask(port: number, channel: ChannelCredentials) {
  const secure = connect(port, channel, {
    "grpc.use_local_subchannel_pool": 1,
    // grpc-js gives an address as the server's name, which newer Node refuses.
    "grpc.ssl_target_name_override": "localhost",
  });
  const outcome = await unary<object>((done) =>
    secure.scoring.Score(
      { detector: "cards", events: [{}] },
      { deadline: Date.now() + 3000 },
      done,
    ),
  );
  const stream = "value" in outcome ? new StreamClient(secure) : undefined;
  stream?.send({ requestId: 1, request: { detector: "cards", events: [{}] } });
  await stream?.wait(1);
  secure.close();
  return outcome;
}

describe.skipIf(!openssl)("TLS (skipped where there is no openssl)", () => {
  let directory: string;
  const file = (name: string): Buffer => readFileSync(join(directory, name));

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "weir-tls-"));
    const run = (...args: string[]) =>
      execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    writeFileSync(join(directory, "san"), "subjectAltName=IP:127.0.0.1,DNS:localhost");
    for (const ca of ["ca", "stranger"]) {
      run(
        "req",
        "-x509",
        ...key,
        "-keyout",
        `${ca}.key`,
        "-out",
        `${ca}.crt`,
        "-subj",
        `/CN=${ca}`,
        "-days",
        "2",
      );
    }
    for (const [name, ca] of [
      ["server", "ca"],
      ["client", "ca"],
      ["intruder", "stranger"],
    ] as const) {
      run("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      run(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        `${ca}.crt`,
        "-CAkey",
        `${ca}.key`,
        "-CAcreateserial",
        "-out",
        `${name}.crt`,
        "-days",
        "2",
        "-extfile",
        "san",
      );
    }
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("a client that trusts the server's authority; not one in plain text, not one that trusts another", async () => {
    const tls = { cert: file("server.crt"), key: file("server.key"), clientCa: undefined };
    const secure = await startFake({ tls });
    valueOf(await ask(secure.port, credentials.createSsl(file("ca.crt"))));
    for (const wrong of [
      credentials.createInsecure(),
      credentials.createSsl(file("stranger.crt")),
    ]) {
      expect([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED]).toContain(
        errorOf(await ask(secure.port, wrong)).code,
      );
    }
    secure.transport.close();
  });

  test("a handshake that never ends does not hold a drain up", async () => {
    const tls = { cert: file("server.crt"), key: file("server.key"), clientCa: undefined };
    const secure = await startFake({ tls });
    const socket = connectTcp(secure.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    valueOf(await ask(secure.port, credentials.createSsl(file("ca.crt"))));
    const start = Date.now();
    expect(await secure.transport.drain(20_000)).toBe(true);
    expect(Date.now() - start).toBeLessThan(5000);
    socket.destroy();
  });

  test("mutual: only clients whose certificate the client authority signed", async () => {
    const tls = { cert: file("server.crt"), key: file("server.key"), clientCa: file("ca.crt") };
    const secure = await startFake({ tls });
    const as = (name: string) =>
      credentials.createSsl(file("ca.crt"), file(`${name}.key`), file(`${name}.crt`));
    valueOf(await ask(secure.port, as("client")));
    for (const wrong of [as("intruder"), credentials.createSsl(file("ca.crt"))]) {
      expect([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED]).toContain(
        errorOf(await ask(secure.port, wrong)).code,
      );
    }
    secure.transport.close();
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
