import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { limits } from "../../../../src/config/limits.ts";
import { systemClock } from "../../../../src/domain/clock.ts";
import { Code, WeirError } from "../../../../src/domain/errors.ts";
import { problem } from "../../../../src/transport/http/schemas.ts";
import { createHttpServer } from "../../../../src/transport/http/server.ts";
import { postJson, startHttp, verdictsOf, type HttpRig } from "../../../support/http-rig.ts";
import { exchange } from "../../../support/raw-http.ts";

const rigs: HttpRig[] = [];

async function start(...changes: Parameters<typeof startHttp>): Promise<HttpRig> {
  const rig = await startHttp(...changes);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const { http } of rigs.splice(0)) await http.close();
});

async function problemIn(response: Response, status: number): Promise<Record<string, unknown>> {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  const body: unknown = await response.json();
  const read = problem.safeParse(body);
  expect(read.error).toBeUndefined();
  expect(read.data?.status).toBe(status);
  return { ...read.data };
}

const score = (rig: HttpRig) => `${rig.url}/v1/detectors/cards/score`;

describe("scoring over HTTP", () => {
  it("scores events", async () => {
    const rig = await start();
    const response = await postJson(score(rig), {
      events: [{ id: "e0", numbers: { amount: 1 } }, { id: "e1" }],
      timeoutMs: 25,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await response.json()).toMatchObject({
      verdicts: [
        { eventId: "e0", score: 0 },
        { eventId: "e1", score: 0.125 },
      ],
    });
    expect(rig.scorer.held[0]?.request).toMatchObject({ detector: "cards", timeoutMs: 25 });
    expect(rig.scorer.held[0]?.call).toMatchObject({
      transport: "http",
      deadline: Infinity,
      traceparent: undefined,
    });
    expect(rig.refused).toEqual([]);
  });

  it("passes the caller's trace on", async () => {
    const rig = await start();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await fetch(score(rig), {
      method: "POST",
      headers: { "content-type": "application/json", traceparent },
      body: '{"events": [{}]}',
    });
    expect(rig.scorer.held[0]?.call.traceparent).toBe(traceparent);
  });

  it("finds detectors whose names need percent-encoding", async () => {
    const rig = await start();
    const name = "käse & co %2F?";
    const there = rig.registry.get("cards");
    rig.registry.detectors.set(name, { ...there, name });
    const url = `${rig.url}/v1/detectors/${encodeURIComponent(name)}/score`;
    expect((await postJson(url, { events: [{}] })).status).toBe(200);
    expect(rig.scorer.held[0]?.request.detector).toBe(name);
  });

  it("answers when the scorer does, later", async () => {
    const rig = await start();
    rig.scorer.holding = true;
    const response = postJson(score(rig), { events: [{}] });
    await eventually(() => expect(rig.scorer.held).toHaveLength(1));
    const [held] = rig.scorer.held;
    held?.reply.answer(verdictsOf(held.request), rig.registry.get("cards"));
    expect((await response).status).toBe(200);
    expect(held?.cancelled).toBe(false);
  });

  it("tells a failure after admission", async () => {
    const rig = await start();
    rig.scorer.holding = true;
    const response = postJson(score(rig), { events: [{}] });
    await eventually(() => expect(rig.scorer.held).toHaveLength(1));
    rig.scorer.held[0]?.reply.fail(
      new WeirError(Code.FAILED_PRECONDITION, "DETECTOR_REMOVED", "the detector was deleted"),
    );
    await expect(problemIn(await response, 409)).resolves.toMatchObject({
      reason: "DETECTOR_REMOVED",
    });
  });

  it("cancels what its caller left", async () => {
    const rig = await start();
    rig.scorer.holding = true;
    const gone = new AbortController();
    const response = fetch(score(rig), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"events": [{}]}',
      signal: gone.signal,
    });
    await eventually(() => expect(rig.scorer.held).toHaveLength(1));
    gone.abort();
    await expect(response).rejects.toThrow("abort");
    await eventually(() => expect(rig.scorer.held[0]?.cancelled).toBe(true));
    await expect(rig.http.drain(5_000)).resolves.toBe(true);
  });

  it("says when to try again", async () => {
    const rig = await start();
    rig.scorer.refusal = new WeirError(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", "full", {
      retryAfterMs: 1_001,
    });
    const response = await postJson(score(rig), { events: [{}] });
    expect(response.headers.get("retry-after")).toBe("2");
    await expect(problemIn(response, 429)).resolves.toMatchObject({
      type: "urn:weir:problem:queue-full",
      reason: "QUEUE_FULL",
      retryAfterMs: 1_001,
      instance: "/v1/detectors/cards/score",
    });
    expect(rig.refused).toEqual(["QUEUE_FULL"]);
  });

  it("keeps the text of an unexpected failure to its log", async () => {
    const rig = await start();
    rig.scorer.refusal = new TypeError("secret detail");
    const response = await postJson(score(rig), { events: [{}] });
    const body = await problemIn(response, 500);
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(rig.logged.join("")).toContain("secret detail");
  });
});

describe("refusals over HTTP", () => {
  it.each([
    ["no JSON", "{", "MALFORMED", undefined],
    ["an unknown field", '{"evnts": []}', "MALFORMED", "evnts"],
    ["__proto__ as a field", '{"__proto__": 1}', "MALFORMED", "__proto__"],
    ["a wrong type", '{"events": [{"key": 1}]}', "MALFORMED", "events[0].key"],
    ["another detector", '{"detector": "x"}', "INVALID_NAME", "detector"],
  ])("%s is 400", async (_, text, reason, field) => {
    const rig = await start();
    const body = await problemIn(await postJson(score(rig), text), 400);
    expect(body).toMatchObject({ reason, violations: field === undefined ? [] : [{ field }] });
    expect(rig.refused).toEqual([reason]);
    expect(rig.scorer.held).toEqual([]);
  });

  it("an empty body is 400", async () => {
    const rig = await start();
    await problemIn(await postJson(score(rig), ""), 400);
    await problemIn(await fetch(score(rig), { method: "POST" }), 400);
  });

  it("an unknown detector is 404", async () => {
    const rig = await start();
    const response = await postJson(`${rig.url}/v1/detectors/nope/score`, { events: [{}] });
    await expect(problemIn(response, 404)).resolves.toMatchObject({ reason: "UNKNOWN_DETECTOR" });
  });

  it.each(["/nope", "/v1", "/v1/detectors/cards/score/x", "/v1/detectors/cards/nope", "/healthz/"])(
    "nothing at %s is 404",
    async (path) => {
      const rig = await start();
      const response = await fetch(`${rig.url}${path}?q=1`);
      await expect(problemIn(response, 404)).resolves.toMatchObject({
        reason: "NOT_FOUND",
        instance: path,
      });
      await problemIn(await postJson(`${rig.url}${path}`, "{"), 404);
    },
  );

  it.each([
    ["DELETE", "/v1/detectors/cards/score", "POST"],
    ["PATCH", "/v1/detectors/cards", "DELETE, GET, HEAD, PUT"],
    ["DELETE", "/v1/detectors", "GET, HEAD, POST"],
    ["POST", "/healthz", "GET, HEAD"],
    ["OPTIONS", "/v1/alerts", "GET"],
    ["PROPFIND", "/", "GET, HEAD"],
  ])("%s %s is 405 with Allow", async (method, path, allow) => {
    const rig = await start();
    const response = await fetch(`${rig.url}${path}`, { method });
    expect(response.headers.get("allow")).toBe(allow);
    await expect(problemIn(response, 405)).resolves.toMatchObject({
      reason: "METHOD_NOT_ALLOWED",
    });
  });

  it("a body over the limit is 413", async () => {
    const rig = await start({ limits: { messageBytesMax: 100 } });
    const body = await problemIn(await postJson(score(rig), `{"x": "${"y".repeat(200)}"}`), 413);
    expect(body).toMatchObject({ reason: "MESSAGE_TOO_LARGE" });
    expect(body["detail"]).toContain("100 bytes");
  });

  it("a body over the limit that does not say its length is 413", async () => {
    const rig = await start({ limits: { messageBytesMax: 100 } });
    const chunk = "y".repeat(150);
    const answer = await exchange(
      rig.port,
      "POST /v1/detectors/cards/score HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" +
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" +
        `${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
    );
    expect(answer).toContain("HTTP/1.1 413");
    expect(answer).toContain("MESSAGE_TOO_LARGE");
  });

  it.each([
    ["text/plain", {}],
    ["application/x-www-form-urlencoded", {}],
    ["application/jsonx", {}],
    ["application/json", { "content-encoding": "gzip" }],
  ])("%s %j is 415", async (type, headers) => {
    const rig = await start();
    const response = await fetch(score(rig), {
      method: "POST",
      headers: { "content-type": type, ...headers },
      body: gzipSync("{}"),
    });
    await expect(problemIn(response, 415)).resolves.toMatchObject({
      reason: "UNSUPPORTED_MEDIA_TYPE",
    });
  });

  it("a path that is not well-formed is 400", async () => {
    const rig = await start();
    await problemIn(await fetch(`${rig.url}/v1/detectors/%ff/score`), 400);
    await problemIn(await fetch(`${rig.url}/v1/detectors/${"a".repeat(600)}`), 400);
  });

  it("headers over the limit are 431", async () => {
    const rig = await start();
    const answer = await exchange(
      rig.port,
      `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${"y".repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toContain("HTTP/1.1 431 ");
    expect(answer).toContain("content-type: application/problem+json");
    expect(answer).toContain("MESSAGE_TOO_LARGE");
  });

  it.each([
    ["garbage", "\u0000\u0001\u0002garbage\r\n\r\n"],
    ["TLS", Buffer.from("16030100a5010000a1030364", "hex")],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a bad length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"],
  ])("%s on the port is 400", async (_, bytes) => {
    const rig = await start();
    const answer = await exchange(rig.port, bytes);
    expect(answer).toContain("HTTP/1.1 400 ");
    expect(answer).toContain("MALFORMED");
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
  });

  it("survives a client that goes away in the middle of its body", async () => {
    const rig = await start();
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(
      "POST /v1/detectors/cards/score HTTP/1.1\r\nhost: x\r\n" +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"events"',
    );
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    socket.resetAndDestroy();
    await eventually(async () => {
      expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
    });
    expect(rig.logged).toEqual([]);
  });

  it("closes a request that does not arrive in time", async () => {
    const rig = await start({ limits: { httpRequestTimeoutMs: 50 } });
    const answer = await exchange(rig.port, "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
    expect(answer).toContain("HTTP/1.1 408 ");
    expect(answer).toContain("REQUEST_TIMEOUT");
  });
});

describe("the life of the HTTP server", () => {
  it("is alive but not ready while it warms up, and refuses work", async () => {
    const rig = await start({ serving: false });
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${rig.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: "warming" });
    for (const path of ["/v1/detectors", "/v1/detectors/cards", "/v1/alerts"]) {
      const response = await fetch(`${rig.url}${path}`);
      expect(response.headers.get("retry-after")).toBe("1");
      await expect(problemIn(response, 503)).resolves.toMatchObject({ reason: "WARMING_UP" });
    }
    await problemIn(await postJson(score(rig), { events: [{}] }), 503);
    rig.http.setServing(true);
    expect((await fetch(`${rig.url}/readyz`)).status).toBe(200);
    expect((await postJson(score(rig), { events: [{}] })).status).toBe(200);
  });

  it("drains: answers what was admitted, refuses the rest, still says that it is alive", async () => {
    const rig = await start();
    rig.scorer.holding = true;
    const admitted = postJson(score(rig), { events: [{}] });
    await eventually(() => expect(rig.scorer.held).toHaveLength(1));
    let drained: boolean | undefined;
    const draining = rig.http.drain(10_000).then((inTime) => {
      drained = inTime;
      return inTime;
    });
    const refused = await postJson(score(rig), { events: [{}] });
    expect(refused.headers.get("connection")).toBe("close");
    await expect(problemIn(refused, 503)).resolves.toMatchObject({ reason: "DRAINING" });
    expect((await fetch(`${rig.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
    expect(drained).toBeUndefined();
    const [held] = rig.scorer.held;
    held?.reply.answer(verdictsOf(held.request), rig.registry.get("cards"));
    expect((await admitted).status).toBe(200);
    await expect(draining).resolves.toBe(true);
    await rig.http.close();
    await expect(fetch(`${rig.url}/healthz`)).rejects.toThrow("fetch failed");
  });

  it("drains no longer than it may", async () => {
    const rig = await start();
    rig.scorer.holding = true;
    const response = postJson(score(rig), { events: [{}] });
    await eventually(() => expect(rig.scorer.held).toHaveLength(1));
    await expect(rig.http.drain(50)).resolves.toBe(false);
    const started = performance.now();
    await Promise.all([rig.http.close(), expect(response).rejects.toThrow("fetch failed")]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("rejects when the port is taken", async () => {
    const rig = await start();
    const other = await createHttpServer(
      { host: "127.0.0.1", port: rig.port, limits, version: "0" },
      {
        scorer: rig.scorer,
        features: rig.features,
        registry: rig.registry,
        alerts: rig.alerts,
        telemetry: { refused: () => undefined },
        metricsText: () => Promise.resolve({ contentType: "text/plain", body: "" }),
        stats: () => ({}),
        clock: systemClock,
        logger: pino({ level: "silent" }),
      },
    );
    await expect(other.listen()).rejects.toThrow("EADDRINUSE");
    await other.close();
  });

  it("answers HEAD as GET, without a body", async () => {
    const rig = await start();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest(`${rig.url}/readyz`, { method: "HEAD" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it("serves metrics, statistics and an index", async () => {
    const rig = await start();
    const metrics = await fetch(`${rig.url}/metrics`);
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await metrics.text()).toBe("a 1\n");
    expect(await (await fetch(`${rig.url}/v1/stats`)).json()).toEqual({ detectors: [] });
    const index = await fetch(rig.url);
    expect(index.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const links = (await index.text()).matchAll(/href="([^"]+)"/g);
    const paths = Array.from(links, ([, path]) => path).filter((path) => path !== "/v1/alerts");
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) expect((await fetch(`${rig.url}${path}`)).status).toBe(200);
  });
});
