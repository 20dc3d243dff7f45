import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { Code } from "../../src/domain/errors.ts";
import { isObject } from "../../src/transport/http/json.ts";
import * as schemas from "../../src/transport/http/admin-schemas.ts";
import { allCodes, refusalOf } from "../support/fake-operations.ts";
import { until } from "../support/grpc.ts";
import { postJson, startHttp, type HttpRig } from "../support/http-rig.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

async function start(changes: Parameters<typeof startHttp>[0] = {}): Promise<HttpRig> {
  const rig = await startHttp(changes);
  cleanUp.push(() => rig.http.close());
  return rig;
}

const octets = { "content-type": "application/octet-stream" };
const spec = { inputs: [{ name: "amount" }] };

/** The body of an answer, which its schema must take. */
async function body(
  answer: Promise<Response>,
  schema: { parse(value: unknown): unknown },
  status = 200,
): Promise<unknown> {
  const response = await answer;
  expect(response.status).toBe(status);
  return schema.parse(await response.json());
}

async function problem(answer: Promise<Response>): Promise<Readonly<Record<string, unknown>>> {
  const response = await answer;
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  const read: unknown = await response.json();
  if (!isObject(read)) throw new Error("no problem");
  return { ...read, httpStatus: response.status };
}

describe("/v1/admin", () => {
  test("answers as its schemas say", async () => {
    const { url, operations } = await start();
    const at = `${url}/v1/admin`;
    expect(await body(fetch(`${at}/state`), schemas.stateAnswer)).toMatchObject({
      durability: "DURABILITY_ACKNOWLEDGED",
      learning: false,
      durablePosition: "8",
    });
    await body(fetch(`${at}/snapshots`), schemas.snapshotList);
    await body(fetch(`${at}/snapshots`, { method: "POST" }), schemas.snapshotAnswer, 201);
    await body(
      postJson(`${at}/backups`, { directory: "/b", journal: true }),
      schemas.snapshotAnswer,
      201,
    );
    const place = await body(fetch(`${at}/explain?position=12&row=3`), schemas.explainedVerdict);
    expect(place).toMatchObject({ answered: { score: 0.25 }, modelled: { score: 0.75 } });
    await body(fetch(`${at}/explain?detector=cards&key=k&eventId=e`), schemas.explainedVerdict);
    const detector = `${at}/detectors/cards`;
    await body(fetch(`${detector}/versions`), schemas.versionList);
    await body(postJson(`${detector}/versions`, spec), schemas.versionAnswer);
    await body(
      postJson(`${detector}/rollback`, { version: 1, replay: true }),
      schemas.versionAnswer,
    );
    const begin = { name: "next", shadowed: "cards", spec, copy_state: true, share: 0.5 };
    await body(postJson(`${at}/shadows`, begin), schemas.detectorAnswer, 201);
    const shadow = `${at}/shadows/next`;
    await body(fetch(shadow), schemas.shadowReport);
    expect((await postJson(`${shadow}/share`, { share: 1 }, "PUT")).status).toBe(204);
    await body(fetch(`${shadow}/promote`, { method: "POST" }), schemas.detectorAnswer);
    expect((await fetch(shadow, { method: "DELETE" })).status).toBe(204);
    expect(operations.asked).toMatchObject([
      "state",
      "listSnapshots",
      "createSnapshot",
      { backUp: "/b", journal: true },
      { explain: { position: 12, row: 3 } },
      { explain: { detector: "cards", key: "k", eventId: "e" } },
      { versions: "cards" },
      { update: "cards" },
      { rollback: "cards", version: 1, replay: true },
      { start: { name: "next", shadowed: "cards", copyState: true, share: 0.5 } },
      { report: "next" },
      { share: "next", of: 1 },
      { promote: "next" },
      { stop: "next" },
    ]);
  });

  test("findings are lines, and an export is bytes", async () => {
    const { url, operations } = await start();
    const verified = await fetch(`${url}/v1/admin/verify?deep=true`);
    expect(verified.headers.get("content-type")).toContain("application/x-ndjson");
    const lines = (await verified.text()).trimEnd().split("\n");
    expect(lines.map((line) => schemas.finding.parse(JSON.parse(line)))).toEqual(
      operations.findings,
    );
    const exported = await fetch(`${url}/v1/admin/detectors/cards/export`);
    expect(exported.headers.get("content-type")).toBe("application/octet-stream");
    expect(await exported.text()).toBe("firstsecond");
    expect(operations.asked).toEqual([{ verify: true }, { export: "cards" }]);
  });

  test("an import streams its body", async () => {
    const { url, operations } = await start();
    const bytes = Buffer.alloc(9_000_000, 7);
    const answer = fetch(`${url}/v1/admin/import?name=copy`, {
      method: "POST",
      headers: octets,
      body: bytes,
    });
    await body(answer, schemas.detectorAnswer, 201);
    expect(Buffer.concat(operations.imported).equals(bytes)).toBe(true);
    expect(operations.asked).toEqual([{ import: "copy" }]);
  });

  test.each(allCodes)("code %d is its status, before anything is sent", async (code) => {
    const { url, operations } = await start();
    operations.refusal = refusalOf(code);
    const refused = await Promise.all([
      problem(fetch(`${url}/v1/admin/state`)),
      problem(fetch(`${url}/v1/admin/verify`)),
      problem(fetch(`${url}/v1/admin/detectors/cards/export`)),
      problem(fetch(`${url}/v1/admin/import`, { method: "POST", headers: octets, body: "x" })),
    ]);
    for (const one of refused) {
      expect(one).toMatchObject({ reason: "NO_JOURNAL", status: one["httpStatus"] });
    }
    expect(new Set(refused.map((one) => one["status"])).size).toBe(1);
    if (code === Code.UNIMPLEMENTED) expect(refused[0]?.["status"]).toBe(501);
    if (code === Code.ABORTED) expect(refused[0]?.["status"]).toBe(409);
  });

  test.each([
    ["backups", { directory: "b" }, "INVALID_DIRECTORY", "directory"],
    ["backups", {}, "MALFORMED", "directory"],
    ["backups", { directory: "/b", deep: true }, "MALFORMED", "deep"],
    ["detectors/cards/rollback", { version: -1 }, "MALFORMED", "version"],
    ["detectors/cards/rollback", { replay: "yes" }, "MALFORMED", "replay"],
    ["detectors/cards/versions", { inputs: [{}] }, "INVALID_SPEC", "inputs[0].name"],
    ["shadows", { name: "s", shadowed: "c", spec, share: 2 }, "NUMBER_OUT_OF_RANGE", "share"],
    ["shadows", { name: "", shadowed: "c", spec }, "INVALID_NAME", "name"],
    [
      "shadows",
      { name: "s", shadowed: "c", spec, copyState: 1, copy_state: 1 },
      "MALFORMED",
      "copy_state",
    ],
  ])("POST %s with %j is refused", async (path, written, reason, field) => {
    const { url, operations } = await start();
    const refused = await problem(postJson(`${url}/v1/admin/${path}`, written));
    expect(refused).toMatchObject({ status: 400, reason, violations: [{ field }] });
    expect(operations.asked).toEqual([]);
  });

  test("pages of other sites change nothing and begin no work", async () => {
    const { url, operations } = await start();
    const headers = { "sec-fetch-site": "cross-site" };
    const at = `${url}/v1/admin`;
    const asked: [path: string, method: string][] = [
      ["snapshots", "POST"],
      ["shadows/next/promote", "POST"],
      ["verify", "GET"],
      ["detectors/cards/export", "GET"],
    ];
    for (const [path, method] of asked) {
      const refused = await problem(fetch(`${at}/${path}`, { method, headers }));
      expect(refused).toMatchObject({ status: 403, reason: "CROSS_SITE" });
    }
    expect(operations.asked).toEqual([]);
  });

  test("takes no JSON for a state", async () => {
    const { url } = await start();
    const refused = await problem(postJson(`${url}/v1/admin/import`, {}));
    expect(refused).toMatchObject({ status: 415, detail: /application\/octet-stream/ });
  });

  test("an import over its bound is 413, and one that stands still is 408", async () => {
    const { url, operations } = await start({
      operationBounds: { exportBytesMax: 1000, importIdleMs: 100 },
    });
    const large = { method: "POST", headers: octets, body: Buffer.alloc(2000) };
    expect(await problem(fetch(`${url}/v1/admin/import`, large))).toMatchObject({ status: 413 });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const slow = request(`${url}/v1/admin/import`, { method: "POST", headers: octets });
      slow.on("response", (answer) => resolve(answer.statusCode)).on("error", reject);
      slow.write("x");
    });
    expect(status).toBe(408);
    expect(operations.broken).toHaveLength(2);
  });

  test("a client that goes away breaks its import, and ends its export", async () => {
    const { url, operations } = await start();
    const going = request(`${url}/v1/admin/import`, { method: "POST", headers: octets });
    going.on("error", () => undefined);
    going.write("x");
    await until(() => operations.imported.length === 1);
    going.destroy();
    await until(() => operations.broken.length === 1);
    operations.exported = Array.from({ length: 100 }, () => Buffer.alloc(1_000_000));
    const leaving = new AbortController();
    const answer = await fetch(`${url}/v1/admin/detectors/cards/export`, {
      signal: leaving.signal,
    });
    expect(answer.status).toBe(200);
    leaving.abort();
    await until(() => operations.ended === 2);
    expect((await fetch(`${url}/v1/admin/detectors/cards/export`)).status).toBe(200);
  });

  test("an export that breaks in its middle breaks its connection", async () => {
    const { url, operations } = await start();
    operations.exportDetector = async function* () {
      yield Buffer.from("half");
      throw new Error("the rest is damaged");
    };
    const answer = await fetch(`${url}/v1/admin/detectors/cards/export`);
    await expect(answer.text()).rejects.toThrow();
  });
});
