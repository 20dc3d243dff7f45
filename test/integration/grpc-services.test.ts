import {
  credentials,
  loadPackageDefinition,
  makeClientConstructor,
  status as Status,
} from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Alert } from "../../src/alerts/alerts.ts";
import { Source, State } from "../../src/domain/verdict.ts";

import type { DetectorSpec } from "../../src/transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { WatchAlertsResponse__Output } from "../../src/transport/grpc/generated/weir/v1/WatchAlertsResponse.ts";
import { reflectedPackage } from "../../src/transport/grpc/reflection.ts";
import {
  connect,
  detailsOf,
  errorOf,
  startFake,
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

const everything = reflectedPackage();

/** A client of any service that the server has, without types. */
function plainClient(name: string) {
  const service = everything[name];
  if (service === undefined || "format" in service) throw new Error(`no ${name}`);
  const PlainClient = makeClientConstructor(service, name);
  const client = new PlainClient(`127.0.0.1:${fake.port}`, credentials.createInsecure());
  const method = (path: string) => service[path]!;
  return {
    client,
    unary: (path: string, request: object) =>
      unary<object>((callback) => {
        const { path: full, requestSerialize, responseDeserialize } = method(path);
        return client.makeUnaryRequest(
          full,
          requestSerialize,
          responseDeserialize,
          request,
          callback,
        );
      }),
    serverStream: (path: string, request: object) => {
      const { path: full, requestSerialize, responseDeserialize } = method(path);
      return client.makeServerStreamRequest(full, requestSerialize, responseDeserialize, request);
    },
    bidi: (path: string) => {
      const { path: full, requestSerialize, responseDeserialize } = method(path);
      return client.makeBidiStreamRequest(full, requestSerialize, responseDeserialize);
    },
  };
}

describe("health", () => {
  test("says of the server and of each service whether it serves", async () => {
    const health = plainClient("grpc.health.v1.Health");
    for (const serving of [true, false]) {
      fake.transport.setServing(serving);
      for (const service of [
        "",
        "weir.v1.ScoringService",
        "weir.v1.DetectorService",
        "weir.v1.FeatureService",
        "weir.v1.AdminService",
      ]) {
        expect(valueOf(await health.unary("Check", { service }))).toEqual({
          status: serving ? "SERVING" : "NOT_SERVING",
        });
      }
    }
    expect(errorOf(await health.unary("Check", { service: "nobody" })).code).toBe(Status.NOT_FOUND);
    health.client.close();
  });

  test("a watch sees the drain, and does not hold it up", async () => {
    const health = plainClient("grpc.health.v1.Health");
    const watch = health.serverStream("Watch", { service: "" });
    const seen: unknown[] = [];
    watch.on("data", (message: unknown) => seen.push(message));
    const ended = new Promise<number>((resolve) => watch.on("status", ({ code }) => resolve(code)));
    watch.on("error", () => undefined);
    await until(() => seen.length === 1);
    const start = Date.now();
    expect(await fake.transport.drain(5000)).toBe(true);
    expect(Date.now() - start).toBeLessThan(1000);
    expect(seen).toEqual([{ status: "SERVING" }, { status: "NOT_SERVING" }]);
    expect(await ended).toBe(Status.UNAVAILABLE);
    health.client.close();
  });
});

describe("reflection", () => {
  test.each(["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"])(
    "%s lists every service and has every file",
    async (name) => {
      const reflection = plainClient(name);
      const call = reflection.bidi("ServerReflectionInfo");
      const answers: object[] = [];
      call.on("data", (answer: object) => answers.push(answer));
      const symbols = [
        "weir.v1.ScoringService",
        "weir.v1.DetectorService.CreateDetector",
        "weir.v1.Event",
        "grpc.health.v1.Health",
      ];
      call.write({ list_services: "*" });
      for (const symbol of symbols) call.write({ file_containing_symbol: symbol });
      call.end();
      await new Promise((resolve) => call.on("end", resolve));
      const services = [
        "weir.v1.ScoringService",
        "weir.v1.DetectorService",
        "weir.v1.FeatureService",
        "weir.v1.AdminService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ].map((service) => ({ name: service }));
      expect(answers[0]).toMatchObject({ list_services_response: { service: services } });
      for (const answer of answers.slice(1)) {
        expect(answer).toHaveProperty("file_descriptor_response.file_descriptor_proto.0");
      }
      expect(answers).toHaveLength(symbols.length + 1);
      reflection.client.close();
    },
  );
});

describe("detectors", () => {
  const spec = {
    inputs: [
      { name: "amount", missing: "MISSING_MODEL" },
      { name: "country", type: "INPUT_TYPE_CATEGORY" },
    ],
    scaler: "SCALER_STANDARD",
    halfSpaceTrees: { seed: "18446744073709551615", limits: { amount: { low: -1, high: 2.5 } } },
    rules: [{ name: "large", when: "amount > 1000.0", score: 0.9 }],
    threshold: 0,
  } satisfies DetectorSpec;

  test("created, read, listed, reset and deleted, with every default filled in", async () => {
    const created = valueOf(
      await unary<object>((done) => clients.detectors.CreateDetector({ name: "d", spec }, done)),
    );
    expect(created).toMatchObject({
      detector: {
        name: "d",
        spec: {
          inputs: [
            { name: "amount", missing: "MISSING_MODEL" },
            { name: "country", type: "INPUT_TYPE_CATEGORY" },
          ],
          scaler: "SCALER_STANDARD",
          halfSpaceTrees: {
            trees: 10,
            height: 8,
            window: 250,
            seed: "18446744073709551615",
            limits: { amount: { low: -1, high: 2.5 } },
          },
          rules: [{ name: "large", when: "amount > 1000.0", score: 0.9 }],
          threshold: 0,
          timeoutMs: 20,
          keysMax: "100000",
          atKeysMax: "AT_KEYS_MAX_EVICT",
          fallback: ["SOURCE_RULES", "SOURCE_CACHED", "SOURCE_DEFAULT"],
        },
        status: { modelVersion: 1 },
      },
    });
    expect(created).not.toHaveProperty("detector.spec.alertShare");
    for (const method of ["GetDetector", "ResetDetector"] as const) {
      expect(
        valueOf(await unary<object>((done) => clients.detectors[method]({ name: "d" }, done))),
      ).toEqual(created);
    }
    expect(
      valueOf(await unary<object>((done) => clients.detectors.DeleteDetector({ name: "d" }, done))),
    ).toEqual({});
    const gone = errorOf(await unary((done) => clients.detectors.GetDetector({ name: "d" }, done)));
    expect(gone.code).toBe(Status.NOT_FOUND);
    expect(detailsOf(gone).reason).toBe("UNKNOWN_DETECTOR");
  });

  test.each([
    [{ name: "", spec }, "INVALID_NAME", "name"],
    [{ name: "a/b", spec }, "INVALID_NAME", "name"],
    [{ name: "x".repeat(129), spec }, "INVALID_NAME", "name"],
    [{ name: "d" }, "INVALID_SPEC", undefined],
    [{ name: "d", spec: { ...spec, threshold: Number.NaN } }, "INVALID_SPEC", "spec.threshold"],
    [
      { name: "d", spec: { ...spec, rules: [{ name: "r", when: "amount >", score: 1 }] } },
      "INVALID_SPEC",
      "spec.rules[0].when",
    ],
  ])("%j is refused", async (request, reason, field) => {
    const error = errorOf(await unary((done) => clients.detectors.CreateDetector(request, done)));
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(detailsOf(error).reason).toBe(reason);
    if (field !== undefined) expect(detailsOf(error).violations?.[0]?.field).toBe(field);
  });

  test("a name that is taken", async () => {
    const error = errorOf(
      await unary((done) => clients.detectors.CreateDetector({ name: "cards", spec }, done)),
    );
    expect(error.code).toBe(Status.ALREADY_EXISTS);
    expect(detailsOf(error).reason).toBe("DETECTOR_EXISTS");
  });

  test("lists go by page in the order of names, whatever comes and goes between", async () => {
    for (const name of ["b", "é", "a", "\u{1f600}", "z", "c"]) {
      valueOf(
        await unary<object>((done) => clients.detectors.CreateDetector({ name, spec }, done)),
      );
    }
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = valueOf(
        await unary<{ detectors?: { name?: string }[]; nextPageToken?: string }>((done) =>
          clients.detectors.ListDetectors({ pageSize: 2, pageToken }, done),
        ),
      );
      names.push(...(page.detectors ?? []).map(({ name }) => name ?? ""));
      pageToken = page.nextPageToken ?? "";
      if (names.length === 2) await fake.registry.remove("b");
    } while (pageToken !== "");
    expect(names).toEqual(["a", "b", "c", "cards", "z", "é", "\u{1f600}"]);
    const wrong = errorOf(
      await unary((done) => clients.detectors.ListDetectors({ pageToken: "%%" }, done)),
    );
    expect(wrong.code).toBe(Status.INVALID_ARGUMENT);
    expect(detailsOf(wrong).violations?.[0]?.field).toBe("page_token");
  });

  test("bytes that are no request are INVALID_ARGUMENT, MALFORMED", async () => {
    const error = errorOf(
      await unary((done) =>
        clients.detectors.makeUnaryRequest(
          "/weir.v1.DetectorService/GetDetector",
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          Buffer.from([10, 200]),
          done,
        ),
      ),
    );
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(detailsOf(error).reason).toBe("MALFORMED");
  });
});

const alert: Alert = {
  detector: "cards",
  key: "k",
  timeUnixMs: 1_760_000_000_123,
  eventId: "e",
  score: 0.99,
  rawScore: 0.98,
  threshold: 0.9,
  source: Source.RULES,
  state: State.READY,
  modelVersion: 2,
  rule: "large",
};

function watchAlerts(detectors: string[] = []) {
  const call = clients.scoring.WatchAlerts({ detectors });
  const seen: WatchAlertsResponse__Output[] = [];
  call.on("data", (message: WatchAlertsResponse__Output) => seen.push(message));
  call.on("error", () => undefined);
  const status = new Promise<{ code: number; details: string }>((resolve) =>
    call.on("status", resolve),
  );
  const watching = new Promise((resolve) => call.on("metadata", resolve));
  return { call, seen, status, watching };
}

describe("alerts", () => {
  test("reach those who watch the detector", async () => {
    const [all, others] = [watchAlerts(), watchAlerts(["others"])];
    await all.watching;
    await others.watching;
    expect(fake.transport.watchers).toBe(2);
    fake.alerts.publish(alert);
    fake.alerts.publish({ ...alert, detector: "others" });
    await until(() => all.seen.length === 2 && others.seen.length === 1);
    expect(all.seen[0]).toMatchObject({
      detector: "cards",
      key: "k",
      timeUnixMs: "1760000000123",
      verdict: {
        eventId: "e",
        score: 0.99,
        anomaly: true,
        source: "SOURCE_RULES",
        state: "STATE_READY",
        rawScore: 0.98,
        threshold: 0.9,
        modelVersion: 2,
        rule: "large",
      },
    });
    expect(others.seen[0]?.detector).toBe("others");
    const third = await watchAlerts().status;
    expect(third).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, details: "at most 2" });
    all.call.cancel();
    await until(() => fake.alerts.watchers.size === 1);
    expect(fake.transport.watchers).toBe(1);
  });

  test("a watcher that does not read loses the oldest and is told how many", async () => {
    fake.alerts.max = 10;
    const slow = watchAlerts();
    await slow.watching;
    slow.call.pause();
    const key = "x".repeat(20_000);
    for (let index = 1; index <= 200; index++) {
      fake.alerts.publish({ ...alert, key, timeUnixMs: index });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [watcher] = fake.alerts.watchers;
    expect(watcher!.lost).toBeGreaterThan(50);
    slow.call.resume();
    await until(() => slow.seen.at(-1)?.timeUnixMs === "200");
    expect(slow.seen.length + watcher!.lost).toBe(200);
    expect(Number(slow.seen.at(-1)?.lost)).toBe(watcher!.lost);
  });
});

test("the package that the tests load is the one that is served", () => {
  expect(loadPackageDefinition(everything)).toHaveProperty("weir.v1.ScoringService");
});
