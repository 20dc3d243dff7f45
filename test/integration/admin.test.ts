import { status as Status, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { Code, WeirError } from "../../src/domain/errors.ts";
import type { ExportDetectorResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ExportDetectorResponse.ts";
import type { ImportDetectorRequest } from "../../src/transport/grpc/generated/weir/v1/ImportDetectorRequest.ts";
import type { ImportDetectorResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ImportDetectorResponse.ts";
import type { CreateSnapshotResponse__Output } from "../../src/transport/grpc/generated/weir/v1/CreateSnapshotResponse.ts";
import type { GetStateResponse__Output } from "../../src/transport/grpc/generated/weir/v1/GetStateResponse.ts";
import type { ListSnapshotsResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ListSnapshotsResponse.ts";
import type { ListVersionsResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ListVersionsResponse.ts";
import type { StartShadowResponse__Output } from "../../src/transport/grpc/generated/weir/v1/StartShadowResponse.ts";
import type { UpdateDetectorResponse__Output } from "../../src/transport/grpc/generated/weir/v1/UpdateDetectorResponse.ts";
import { allCodes, aReport, refusalOf } from "../support/fake-operations.ts";
import { connect, detailsOf, errorOf, startFake, unary, until, valueOf } from "../support/grpc.ts";
import type { Clients, Outcome } from "../support/grpc.ts";

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

/** Everything that an export, or a verification, sends before its end. */
function collect<T>(call: {
  on(event: "data", take: (item: T) => void): unknown;
  on(event: "error", take: (error: ServiceError) => void): unknown;
  on(event: "end", take: () => void): unknown;
}): Promise<{ readonly items: T[]; readonly error: ServiceError | undefined }> {
  return new Promise((resolve) => {
    const items: T[] = [];
    call.on("data", (item) => items.push(item));
    call.on("error", (error) => resolve({ items, error }));
    call.on("end", () => resolve({ items, error: undefined }));
  });
}

function startImport({ admin }: Clients) {
  const done = Promise.withResolvers<Outcome<ImportDetectorResponse__Output>>();
  const call = admin.ImportDetector((error, value) => {
    if (error !== null) done.resolve({ error });
    else if (value !== undefined) done.resolve({ value });
  });
  call.on("error", () => undefined);
  return { call, outcome: done.promise };
}

async function importOf(
  clients: Clients,
  messages: readonly ImportDetectorRequest[],
): Promise<Outcome<ImportDetectorResponse__Output>> {
  const { call, outcome } = startImport(clients);
  for (const message of messages) call.write(message);
  call.end();
  return outcome;
}

const spec = { inputs: [{ name: "amount" }] };
const chunk = Buffer.from("bytes");

describe("what is asked reaches the operations, and their answers the client", () => {
  test("the state and its snapshots, numbers up to 2^53 - 1 to the digit", async () => {
    const { admin, operations } = await start();
    const state = valueOf(
      await unary<GetStateResponse__Output>((done) => admin.GetState({}, done)),
    );
    expect(state).toMatchObject({
      durability: "DURABILITY_ACKNOWLEDGED",
      problem: "the disk is full",
      position: "9",
      durablePosition: "8",
      shards: 2,
      snapshots: [{ position: "9007199254740991", fileBytes: "2" }],
    });
    expect(state.learning ?? false).toBe(false);
    const { snapshot } = valueOf(
      await unary<CreateSnapshotResponse__Output>((done) => admin.CreateSnapshot({}, done)),
    );
    expect(snapshot).toMatchObject({ timeUnixMs: "1700000000000" });
    expect(
      valueOf(await unary<ListSnapshotsResponse__Output>((done) => admin.ListSnapshots({}, done)))
        .snapshots,
    ).toHaveLength(1);
    valueOf(await unary((done) => admin.BackUp({ directory: "/var/./backup/x/.." }, done)));
    valueOf(await unary((done) => admin.BackUp({ directory: "/b", journal: true }, done)));
    expect(operations.asked).toEqual([
      "state",
      "createSnapshot",
      "listSnapshots",
      { backUp: "/var/backup" },
      { backUp: "/b", journal: true },
    ]);
  });

  test("findings, as they are made", async () => {
    const { admin, operations } = await start();
    const { items, error } = await collect(admin.VerifyState({ deep: true }));
    expect(error).toBeUndefined();
    expect(items).toEqual([
      { what: "snapshots/1", sound: true, problem: "", progress: 0.5 },
      { what: "journal/1.db", sound: false, problem: "position 7: changed", progress: 1 },
    ]);
    expect(operations.asked).toEqual([{ verify: true }]);
  });

  test("a past verdict, by its id and by its place", async () => {
    const { admin, operations } = await start();
    const byId = { detector: "cards", key: "k", eventId: "e" };
    const explained = valueOf(await unary((done) => admin.ExplainVerdict(byId, done)));
    expect(explained).toMatchObject({
      position: "12",
      row: 3,
      detector: "cards",
      key: "k",
      version: 2,
      answered: { eventId: "e", score: 0.25, source: "SOURCE_DEFAULT", durable: true },
      modelled: { eventId: "e", score: 0.75, source: "SOURCE_MODEL", state: "STATE_READY" },
    });
    valueOf(await unary((done) => admin.ExplainVerdict({ position: "12", row: 3 }, done)));
    expect(operations.asked).toEqual([{ explain: byId }, { explain: { position: 12, row: 3 } }]);
  });

  test("versions", async () => {
    const { admin, operations } = await start();
    const { version } = valueOf(
      await unary<UpdateDetectorResponse__Output>((done) =>
        admin.UpdateDetector({ name: "cards", spec }, done),
      ),
    );
    expect(version).toMatchObject({
      version: 2,
      state: "VERSION_STATE_SERVING",
      spec: { inputs: [{ name: "amount" }] },
      events: "1099511627776",
      keptState: true,
    });
    const { versions } = valueOf(
      await unary<ListVersionsResponse__Output>((done) =>
        admin.ListVersions({ name: "cards" }, done),
      ),
    );
    expect(versions?.map((one) => one.state)).toEqual([
      "VERSION_STATE_SERVING",
      "VERSION_STATE_KEPT",
    ]);
    const back = { name: "cards", version: 1, replay: true };
    valueOf(await unary((done) => admin.RollbackDetector(back, done)));
    expect(operations.asked.at(-1)).toEqual({ rollback: "cards", version: 1, replay: true });
  });

  test("shadows", async () => {
    const { admin, operations } = await start();
    const begin = { name: "next", shadowed: "cards", spec, copyState: true, share: 0.25 };
    const started = valueOf(
      await unary<StartShadowResponse__Output>((done) => admin.StartShadow(begin, done)),
    );
    expect(started.detector).toMatchObject({ name: "next" });
    expect(operations.asked[0]).toMatchObject({
      start: { name: "next", shadowed: "cards", copyState: true, share: 0.25 },
    });
    valueOf(await unary((done) => admin.SetShadowShare({ name: "next", share: 1 }, done)));
    const report = valueOf(await unary((done) => admin.GetShadowReport({ name: "next" }, done)));
    expect(report).toMatchObject({
      rows: "1234567",
      rankCorrelation: 0.93,
      liveScores: aReport.liveScores.map(String),
    });
    valueOf(await unary((done) => admin.PromoteShadow({ name: "next" }, done)));
    valueOf(await unary((done) => admin.StopShadow({ name: "next" }, done)));
    expect(operations.asked.slice(1)).toEqual([
      { share: "next", of: 1 },
      { report: "next" },
      { promote: "next" },
      { stop: "next" },
    ]);
  });
});

describe("what is wrong is refused before anything is done", () => {
  test.each([
    [{ position: 2, eventId: "e" }, "MALFORMED", "position"],
    [{}, "MALFORMED", "event_id"],
    [{ eventId: "e" }, "MALFORMED", "detector"],
    [{ eventId: "e", detector: "d", row: 1 }, "MALFORMED", "row"],
    [{ eventId: "e", detector: "d", key: "k".repeat(257) }, "KEY_TOO_LONG", "key"],
    [{ eventId: "é".repeat(65), detector: "d" }, "ID_TOO_LONG", "event_id"],
    [{ position: "9007199254740992" }, "NUMBER_OUT_OF_RANGE", "position"],
  ])("ExplainVerdict %j", async (request, reason, field) => {
    const { admin, operations } = await start();
    const error = errorOf(await unary((done) => admin.ExplainVerdict(request, done)));
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(detailsOf(error)).toMatchObject({ reason, violations: [{ field }] });
    expect(operations.asked).toEqual([]);
  });

  test.each(["", "relative", "../up", "/nul\0byte", `/${"x".repeat(5000)}`])(
    "BackUp into %j",
    async (directory) => {
      const { admin, operations } = await start();
      const error = errorOf(await unary((done) => admin.BackUp({ directory }, done)));
      expect(detailsOf(error).reason).toBe("INVALID_DIRECTORY");
      expect(operations.asked).toEqual([]);
    },
  );

  test.each([-0.01, 1.01, NaN, Infinity])("a share of %d", async (share) => {
    const { admin, operations } = await start();
    const set = errorOf(await unary((done) => admin.SetShadowShare({ name: "s", share }, done)));
    const begin = { name: "s", shadowed: "cards", spec, share };
    const begun = errorOf(await unary((done) => admin.StartShadow(begin, done)));
    for (const error of [set, begun]) {
      expect(detailsOf(error)).toMatchObject({
        reason: "NUMBER_OUT_OF_RANGE",
        violations: [{ field: "share" }],
      });
    }
    expect(operations.asked).toEqual([]);
  });

  test("specifications and names, by path", async () => {
    const { admin, clients, operations } = await start();
    const bad = { inputs: [{ name: "" }] };
    const update = errorOf(
      await unary((done) => admin.UpdateDetector({ name: "cards", spec: bad }, done)),
    );
    expect(detailsOf(update).violations?.[0]?.field).toBe("spec.inputs[0].name");
    const long = { name: "n".repeat(1_000_000), shadowed: "cards", spec };
    const started = errorOf(await unary((done) => admin.StartShadow(long, done)));
    expect(started.code).toBe(Status.INVALID_ARGUMENT);
    const named = errorOf(await importOf(clients, [{ name: "n".repeat(129), chunk }]));
    expect(detailsOf(named).reason).toBe("INVALID_NAME");
    expect(operations.asked).toEqual([]);
  });
});

describe("every refusal of the operations is its status", () => {
  const statuses = Object.entries(Code);

  test.each(allCodes)("code %d", async (code) => {
    const { admin, clients, operations, failures } = await start();
    operations.refusal = refusalOf(code);
    const expected = { code, reason: "NO_JOURNAL" };
    const unaryError = errorOf(await unary((done) => admin.CreateSnapshot({}, done)));
    const exported = await collect(admin.ExportDetector({ name: "cards" }));
    const verified = await collect(admin.VerifyState({}));
    const imported = errorOf(await importOf(clients, [{ chunk }]));
    for (const error of [unaryError, exported.error, verified.error, imported]) {
      expect(error?.code).toBe(code);
      expect(error && detailsOf(error)).toMatchObject(expected);
    }
    expect(failures).toHaveLength(code === Code.INTERNAL ? 4 : 0);
    expect(statuses).toContainEqual([Status[code], code]);
  });

  test("what is no WeirError is INTERNAL, and says nothing of itself", async () => {
    const { admin, operations, failures } = await start();
    operations.refusal = new Error("a secret");
    const error = errorOf(await unary((done) => admin.GetState({}, done)));
    expect(error).toMatchObject({ code: Status.INTERNAL, details: "internal error" });
    expect(failures[0]?.cause).toBe(operations.refusal);
  });
});

describe("an export", () => {
  test("is chunks of bounded size that make the same bytes", async () => {
    const { admin, operations } = await start({ operationBounds: { exportChunkBytesMax: 1000 } });
    const bytes = Buffer.from(Array.from({ length: 2500 }, (_, i) => i % 251));
    operations.exported = [bytes, Buffer.alloc(0), Buffer.from("end")];
    const { items } = await collect(admin.ExportDetector({ name: "cards" }));
    expect(items.map((item) => item.chunk?.length)).toEqual([1000, 1000, 500, 3]);
    const got = Buffer.concat(items.map((item) => item.chunk ?? Buffer.alloc(0)));
    expect(got.equals(Buffer.concat(operations.exported))).toBe(true);
  });

  test("uses one buffer again and again, and waits for its reader", async () => {
    const { admin, operations } = await start();
    const buffer = Buffer.alloc(256 * 1024);
    let produced = 0;
    operations.exportDetector = async function* () {
      for (let i = 0; i < 200; i++) {
        buffer.fill(i);
        produced++;
        yield buffer;
      }
    };
    const call = admin.ExportDetector({ name: "cards" });
    const seen: number[] = [];
    call.on("data", ({ chunk: part }: ExportDetectorResponse__Output) => {
      seen.push(...new Set(part));
      if (seen.length === 1) call.pause();
    });
    const done = collect<ExportDetectorResponse__Output>(call);
    await until(() => seen.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // What the client's own stream takes before it stops, and two windows.
    expect(produced).toBeLessThan(30);
    call.resume();
    await done;
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i % 256));
  });

  test("that is cancelled ends the work, and lets the next one in", async () => {
    const { admin, operations } = await start();
    operations.holding = true;
    const call = admin.ExportDetector({ name: "cards" });
    const first = collect(call);
    await until(() => operations.asked.length === 1);
    const second = await collect(admin.ExportDetector({ name: "cards" }));
    expect(second.error?.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(second.error && detailsOf(second.error)).toMatchObject({
      reason: "OPERATION_RUNNING",
      retryAfterMs: 1000,
    });
    call.cancel();
    expect((await first).error?.code).toBe(Status.CANCELLED);
    operations.release();
    await until(() => operations.ended === 1);
    expect((await collect(admin.ExportDetector({ name: "cards" }))).error).toBeUndefined();
  });

  test("that breaks in its middle is an error after its chunks, not an end", async () => {
    const { admin, operations } = await start();
    operations.exportDetector = async function* () {
      yield chunk;
      throw new WeirError(Code.FAILED_PRECONDITION, "DAMAGED", "segment 3 is damaged");
    };
    const { items, error } = await collect(admin.ExportDetector({ name: "cards" }));
    expect(items).toHaveLength(1);
    expect(error).toMatchObject({ code: Status.FAILED_PRECONDITION, details: /segment 3/ });
  });

  test("is broken off by a drain, with a reason", async () => {
    const { admin, operations, transport } = await start();
    operations.holding = true;
    const verified = collect(admin.VerifyState({}));
    const exported = collect(admin.ExportDetector({ name: "cards" }));
    await until(() => operations.asked.length === 2);
    const drained = transport.drain(5000);
    for (const { error } of [await exported, await verified]) {
      expect(error && detailsOf(error).reason).toBe("DRAINING");
    }
    operations.release();
    expect(await drained).toBe(true);
  });
});

describe("an import", () => {
  test("takes chunks as they come, the name before them", async () => {
    const { clients, operations } = await start();
    const sent = [{ name: "copy" }, { chunk: Buffer.from("a") }, { chunk: Buffer.from("bc") }];
    expect(valueOf(await importOf(clients, sent)).detector).toMatchObject({ name: "cards" });
    valueOf(await importOf(clients, [{ chunk }]));
    expect(operations.asked).toEqual([{ import: "copy" }, { import: "" }]);
    expect(operations.imported.map(String)).toEqual(["a", "bc", "bytes"]);
  });

  test.each([
    ["no message", [], "MALFORMED"],
    ["a chunk without bytes", [{ chunk }, {}], "MALFORMED"],
    [
      "a second name",
      [
        { name: "a", chunk },
        { name: "b", chunk },
      ],
      "MALFORMED",
    ],
    ["bytes over the bound", Array.from({ length: 30 }, () => ({ chunk })), "MESSAGE_TOO_LARGE"],
  ])("with %s is refused, and nothing of it is taken", async (_what, messages, reason) => {
    const { clients, operations } = await start({ operationBounds: { exportBytesMax: 100 } });
    const error = errorOf(await importOf(clients, messages));
    expect(detailsOf(error).reason).toBe(reason);
    expect(operations.broken).toHaveLength(messages.length === 0 ? 0 : 1);
    expect(valueOf(await importOf(clients, [{ chunk }]))).toBeDefined();
  });

  test("that never ends is given up, and lets the next one in", async () => {
    const { clients, operations } = await start({ operationBounds: { importIdleMs: 100 } });
    const { call, outcome } = startImport(clients);
    call.write({ chunk });
    const error = errorOf(await outcome);
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(detailsOf(error).reason).toBe("REQUEST_TIMEOUT");
    expect(operations.broken).toHaveLength(1);
    expect(valueOf(await importOf(clients, [{ chunk }]))).toBeDefined();
  });

  test("that floods is bounded, and refused while it still sends", async () => {
    const { clients, operations } = await start({ operationBounds: { exportBytesMax: 3_000_000 } });
    const { call, outcome } = startImport(clients);
    const flood = setInterval(() => call.write({ chunk: Buffer.alloc(100_000) }), 1);
    const error = errorOf(await outcome);
    clearInterval(flood);
    expect(detailsOf(error).reason).toBe("MESSAGE_TOO_LARGE");
    expect(Buffer.concat(operations.imported).length).toBeLessThanOrEqual(3_000_000);
  });

  test("that is cancelled in its middle fails there, and lets the next one in", async () => {
    const { clients, operations } = await start();
    const { call, outcome } = startImport(clients);
    call.write({ chunk });
    await until(() => operations.imported.length === 1);
    const other = errorOf(await importOf(clients, [{ chunk }]));
    expect(detailsOf(other).reason).toBe("OPERATION_RUNNING");
    call.cancel();
    expect(errorOf(await outcome).code).toBe(Status.CANCELLED);
    await until(() => operations.ended === 1);
    expect(valueOf(await importOf(clients, [{ chunk }]))).toBeDefined();
  });

  test("is broken off by a drain", async () => {
    const { clients, operations, transport } = await start();
    const { call, outcome } = startImport(clients);
    call.write({ chunk });
    await until(() => operations.imported.length === 1);
    const drained = transport.drain(5000);
    expect(detailsOf(errorOf(await outcome)).reason).toBe("DRAINING");
    expect(await drained).toBe(true);
  });
});
