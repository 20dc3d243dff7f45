import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { status as Status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPython } from "../../bench/peers/peers.ts";
import type { DetectorSpec } from "../../src/transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { GetFeaturesResponse__Output } from "../../src/transport/grpc/generated/weir/v1/GetFeaturesResponse.ts";
import type { StreamFeaturesResponse__Output } from "../../src/transport/grpc/generated/weir/v1/StreamFeaturesResponse.ts";
import {
  connect,
  detailsOf,
  errorOf,
  unary,
  until,
  valueOf,
  type Clients,
} from "../support/grpc.ts";
import { postJson } from "../support/http-rig.ts";
import { startTestService, type TestService } from "../support/service.ts";

// Real clients of the whole service: what gRPC, HTTP, grpcurl and the examples get.

const run = promisify(execFile);
const grpcurl = "grpcurl";
const t0 = 1_700_000_000_000;
const spec: DetectorSpec = {
  inputs: [{ name: "amount" }],
  features: [
    { name: "count_1h", aggregate: "AGGREGATE_COUNT", window: { sliding: "1h" } },
    {
      name: "mean_1h",
      of: "amount",
      aggregate: "AGGREGATE_MEAN",
      window: { sliding: "1h" },
      defaultValue: -1,
    },
  ],
  timeoutMs: 60_000,
};

let running: TestService;
let clients: Clients;

beforeAll(async () => {
  running = await startTestService();
  clients = connect(running.service.grpcPort);
  valueOf(
    await unary<object>((done) => clients.detectors.CreateDetector({ name: "cards", spec }, done)),
  );
  await unary((done) =>
    clients.detectors.CreateDetector(
      { name: "plain", spec: { inputs: [{ name: "amount" }] } },
      done,
    ),
  );
  const events = Array.from({ length: 100 }, (_, i) => ({
    key: `card-${i % 10}`,
    timeUnixMs: t0 + i * 60_000,
    numbers: { amount: i },
  }));
  valueOf(
    await unary<object>((done) => clients.scoring.Score({ detector: "cards", events }, done)),
  );
});

afterAll(async () => {
  clients.close();
  await running.stop();
});

const request = {
  detector: "cards",
  keys: ["card-3", "nobody", "card-3"],
  timeUnixMs: String(t0 + 99 * 60_000),
};
/** card-3 was seen at minutes 43, 53, 63, 73, 83, 93 of the hour before minute 99. */
const known = { key: "card-3", known: true, values: [6, 68], exact: true, covered: true };
const unknown = {
  key: "nobody",
  values: [0, -1],
  defaulted: ["mean_1h"],
  exact: true,
  covered: true,
};

const get = (asked: object) =>
  unary<GetFeaturesResponse__Output>((done) => clients.features.GetFeatures(asked, done));
const url = (name = "cards"): string => `${running.url}/v1/detectors/${name}/features`;

async function json(response: Response): Promise<unknown> {
  return await response.json();
}

describe("the same features", () => {
  test("come over a unary call, a stream and HTTP", async () => {
    const names = ["count_1h", "mean_1h"];
    const { timeUnixMs } = request;
    const answer = { features: names, keys: [known, unknown, known], timeUnixMs };
    expect(valueOf(await get(request))).toEqual(answer);
    const call = clients.features.StreamFeatures();
    const answers: StreamFeaturesResponse__Output[] = [];
    call.on("data", (message: StreamFeaturesResponse__Output) => answers.push(message));
    call.write({ requestId: 9, request });
    call.end();
    await new Promise((resolve) => call.on("end", resolve));
    expect(answers).toEqual([{ requestId: 9, response: answer }]);

    const { detector: _, ...body } = request;
    const posted = await postJson(url(), body);
    expect(posted.status).toBe(200);
    expect(await json(posted)).toEqual({
      ...answer,
      keys: [known, { ...unknown, known: false }, known],
    });
    const query = `key=card-3&timeUnixMs=${timeUnixMs}&features=mean_1h`;
    const got = await fetch(`${url()}?${query}`);
    expect(got.headers.get("cache-control")).toBe("no-store");
    expect(await json(got)).toEqual({
      features: ["mean_1h"],
      keys: [{ ...known, values: [68] }],
      timeUnixMs,
    });
  });

  test("as of now have the time of arrival", async () => {
    const before = Date.now();
    const { timeUnixMs, keys } = valueOf(await get({ detector: "cards", keys: ["card-3"] }));
    expect(Number(timeUnixMs)).toBeGreaterThanOrEqual(before);
    expect(Number(timeUnixMs)).toBeLessThanOrEqual(Date.now());
    expect(keys?.[0]).toMatchObject({ known: true, values: [0, -1] });
  });

  test("are counted and timed", async () => {
    const text = await (await fetch(`${running.url}/metrics`)).text();
    expect(text).toMatch(/weir_feature_request_duration_seconds_count\{detector="cards"\} \d/);
    const keys = Number(/weir_feature_keys_read_total\{detector="cards"\} (\d+)/.exec(text)?.[1]);
    expect(keys).toBeGreaterThanOrEqual(11);
  });
});

const many = Array.from({ length: 8193 }, (_, i) => `k${i}`);
const refusals = [
  [{ detector: "nobody", keys: ["a"] }, Status.NOT_FOUND, 404, "UNKNOWN_DETECTOR", "detector"],
  [{ detector: "plain", keys: ["a"] }, Status.FAILED_PRECONDITION, 409, "NO_FEATURES", "detector"],
  [{ detector: "cards", keys: [] }, Status.INVALID_ARGUMENT, 400, "NO_ROWS", "keys"],
  [{ detector: "cards", keys: many }, Status.RESOURCE_EXHAUSTED, 413, "TOO_MANY_ROWS", "keys"],
  [
    { detector: "cards", keys: ["a", "k".repeat(257)] },
    Status.INVALID_ARGUMENT,
    400,
    "KEY_TOO_LONG",
    "keys[1]",
  ],
  [
    { detector: "cards", keys: ["a"], timeUnixMs: "9007199254740993" },
    Status.INVALID_ARGUMENT,
    400,
    "TIME_OUT_OF_RANGE",
    "time_unix_ms",
  ],
  [
    { detector: "cards", keys: ["a"], features: ["mean_1h", "count_1"] },
    Status.INVALID_ARGUMENT,
    400,
    "UNKNOWN_NAME",
    "features[1]",
  ],
] as const;

describe("a request that is wrong", () => {
  test.each(refusals)("is refused alike over gRPC and HTTP: %#", async (...refusal) => {
    const [asked, code, httpStatus, reason, field] = refusal;
    const error = errorOf(await get(asked));
    expect(error.code).toBe(code);
    expect(detailsOf(error)).toMatchObject({ reason, violations: [{ field }] });
    const { detector, ...body } = asked;
    const response = await postJson(url(detector), body);
    expect(response.status).toBe(httpStatus);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(await json(response)).toMatchObject({ reason, violations: [{ field }] });
  });

  test.each([
    ["{", "MALFORMED"],
    [{ keys: "a" }, "MALFORMED"],
    [{ keys: [1] }, "MALFORMED"],
    [{ keys: ["a"], since: 3 }, "MALFORMED"],
    [{ keys: ["\ud800"] }, "INVALID_TEXT"],
    [{ keys: ["a"], timeUnixMs: 1.5 }, "TIME_OUT_OF_RANGE"],
    [{ keys: ["a"], time_unix_ms: 1, timeUnixMs: 1 }, "MALFORMED"],
    [{ keys: ["a"], detector: "other" }, "INVALID_NAME"],
  ])("is refused over HTTP: %j", async (body, reason) => {
    const response = await postJson(url(), body);
    expect(response.status).toBe(400);
    expect(await json(response)).toMatchObject({ reason });
  });

  test.each([
    "",
    "?key=a&key=b",
    "?key=a&timeUnixMs=soon",
    "?key=a&other=1",
    `?key=${"k".repeat(257)}`,
  ])("is refused as a query: %s", async (query) => {
    expect((await fetch(url() + query)).status).toBe(400);
  });

  test("may be of giant keys: it is refused, and the server goes on", async () => {
    const giant = "g".repeat(3_000_000);
    const error = errorOf(await get({ detector: "cards", keys: [giant] }));
    expect(detailsOf(error).reason).toBe("KEY_TOO_LONG");
    expect((await postJson(url(), { keys: [giant] })).status).toBe(400);
    expect(valueOf(await get(request)).keys).toHaveLength(3);
  });
});

describe("many keys", () => {
  test("8192 of the longest come back in order", async () => {
    const keys = Array.from({ length: 8192 }, (_, i) => `${i}-`.padEnd(256, "long"));
    const answer = valueOf(await get({ detector: "cards", keys, features: ["count_1h"] }));
    expect(answer.keys?.map(({ key }) => key)).toEqual(keys);
    const posted = await postJson(url(), { keys });
    expect(posted.status).toBe(200);
  });

  test("a stream with hundreds of requests in flight, beside scoring, answers each once", async () => {
    const call = clients.features.StreamFeatures();
    const seen = new Map<number, StreamFeaturesResponse__Output>();
    call.on("data", (message: StreamFeaturesResponse__Output) => {
      expect(seen.has(message.requestId ?? 0)).toBe(false);
      seen.set(message.requestId ?? 0, message);
    });
    const requests = 600;
    for (let requestId = 1; requestId <= requests; requestId++) {
      const keys = Array.from({ length: 50 }, (_, i) => `card-${(requestId + i) % 12}`);
      call.write({
        requestId,
        request: { detector: "cards", keys, timeUnixMs: request.timeUnixMs },
      });
      if (requestId % 20 !== 0) continue;
      const events = [{ key: "other", timeUnixMs: t0, numbers: { amount: requestId } }];
      valueOf(
        await unary<object>((done) => clients.scoring.Score({ detector: "cards", events }, done)),
      );
    }
    call.end();
    await until(() => seen.size === requests);
    for (const [requestId, { response, error }] of seen) {
      expect(error).toBeUndefined();
      expect(response?.keys).toHaveLength(50);
      const index = (3 - requestId + 12 * 60) % 12;
      expect(response?.keys?.[index]).toEqual(known);
    }
  });
});

describe("other clients", () => {
  const shown = [
    "now: card-1: payments_1h 3, mean_30d 14.5, merchants_1d 4",
    "now: card-2 (unknown): payments_1h 0, mean_30d 0, merchants_1d 0",
    "an hour ago: card-1: payments_1h 3, mean_30d 13, merchants_1d 4",
    "an hour ago: card-2 (unknown): payments_1h 0, mean_30d 0, merchants_1d 0",
    "",
  ];

  test("the TypeScript example runs", async () => {
    const address = `127.0.0.1:${running.service.grpcPort}`;
    const { stdout } = await run(process.execPath, ["examples/get-features.ts", address]);
    expect(stdout.split("\n")).toEqual(shown);
  });

  const python = findPython("grpc, grpc_tools");
  test.skipIf(python === undefined)(
    "the Python example runs (skipped where WEIR_PYTHON or python3 has no grpcio and grpcio-tools)",
    async () => {
      const address = `127.0.0.1:${running.service.grpcPort}`;
      const { stdout } = await run(python ?? "python3", ["examples/get_features.py", address]);
      expect(stdout.split("\n")).toEqual(shown);
    },
  );

  test.skipIf(!hasGrpcurl())(
    "grpcurl reads by reflection (skipped where it is not in PATH)",
    async () => {
      const { stdout } = await run(grpcurl, [
        "-plaintext",
        "-d",
        JSON.stringify(request),
        `127.0.0.1:${running.service.grpcPort}`,
        "weir.v1.FeatureService/GetFeatures",
      ]);
      expect(JSON.parse(stdout)).toMatchObject({ keys: [known, unknown, known] });
    },
  );
});

function hasGrpcurl(): boolean {
  try {
    execFileSync(grpcurl, ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
