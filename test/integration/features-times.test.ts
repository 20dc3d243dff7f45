import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { detailsOf, errorOf, unary, valueOf } from "../support/grpc.ts";
import { bytesOf, hour, minute, PaymentService, start } from "../support/payment-service.ts";

let service: PaymentService;
beforeAll(async () => {
  service = await PaymentService.start();
});
afterAll(() => service.stop());

describe("events at the wrong time", () => {
  const at = (time: number, amount = 1) => ({
    key: "card",
    timeUnixMs: time,
    numbers: { amount },
  });
  const send = async (detector: string, time: number, amount?: number) => {
    const request = { detector, features: true, events: [at(time, amount)] };
    const [verdict] = valueOf(await service.score(request)).verdicts ?? [];
    if (verdict === undefined) throw new Error("no verdict");
    return { timeliness: "TIMELINESS_UNSPECIFIED", features: [], ...verdict };
  };
  const statusOf = async (name: string) => {
    const answer = valueOf(
      await unary<{ readonly detector?: { readonly status?: object | null } | null }>((callback) =>
        service.clients.detectors.GetDetector({ name }, callback),
      ),
    );
    return answer.detector?.status;
  };

  test("SCORE_ONLY, the default: as of its time, and not learned", async () => {
    await service.create("late-score");
    await send("late-score", start + hour, 10);
    expect(await send("late-score", start + 30 * minute, 7)).toMatchObject({
      timeliness: "TIMELINESS_LATE",
      features: [1, 0, 7, 7, 1, 0],
    });
    // The sum of the last hour is without the late 7.
    expect(await send("late-score", start + hour, 5)).toMatchObject({
      timeliness: "TIMELINESS_UNSPECIFIED",
      features: [2, 0, 15, 7.5, 5 / 7.5, 0],
    });
    expect(await statusOf("late-score")).toMatchObject({ rowsLate: "1", rowsFuture: "0" });
  });

  test("REFUSE: no score, no features, nothing learned", async () => {
    await service.create("late-refuse", { eventTime: { late: "TIME_POLICY_REFUSE" } });
    await send("late-refuse", start + hour, 10);
    const refused = await send("late-refuse", start, 7);
    expect(refused).toMatchObject({ timeliness: "TIMELINESS_LATE_REFUSED", features: [] });
    expect(refused).not.toHaveProperty("score");
    expect(await statusOf("late-refuse")).toMatchObject({ events: "1", rowsLate: "1" });
  });

  test("ON_TIME: taken as of the newest event", async () => {
    await service.create("late-on-time", { eventTime: { late: "TIME_POLICY_ON_TIME" } });
    await send("late-on-time", start + hour, 10);
    expect(await send("late-on-time", start, 7)).toMatchObject({
      timeliness: "TIMELINESS_LATE",
      features: [2, 0, 17, 8.5, 7 / 8.5, 0],
    });
    expect(await statusOf("late-on-time")).toMatchObject({ events: "2" });
  });

  test("inside the allowed lateness it takes its own place", async () => {
    await service.create("lateness", { eventTime: { allowedLateness: "1h" } });
    await send("lateness", start + hour, 10);
    expect(await send("lateness", start + 30 * minute, 7)).toMatchObject({
      timeliness: "TIMELINESS_UNSPECIFIED",
      features: [1, 0, 7, 7, 1, 0],
    });
    expect((await send("lateness", start + hour, 3)).features?.slice(0, 3)).toEqual([2, 0, 20]);
  });

  test("from the future: refused, or as the policy says", async () => {
    await service.create("future");
    const far = Date.now() + hour;
    expect(await send("future", far)).toMatchObject({
      timeliness: "TIMELINESS_FUTURE_REFUSED",
      features: [],
    });
    expect(await statusOf("future")).toMatchObject({ events: "0", keys: "0", rowsFuture: "1" });
    await service.create("future-score", { eventTime: { future: "TIME_POLICY_SCORE_ONLY" } });
    expect(await send("future-score", far, 4)).toMatchObject({
      timeliness: "TIMELINESS_FUTURE",
      features: [1, 0, 4, 4, 1, 0],
    });
    expect(await statusOf("future-score")).toMatchObject({ events: "0", rowsFuture: "1" });
  });

  test("a heartbeat moves the watermark of all keys, wherever they are", async () => {
    await service.create("beats");
    const keys = Array.from({ length: 16 }, (_, i) => `card ${i}`);
    const all = (time: number) => keys.map((key) => ({ ...at(time), key }));
    valueOf(await service.score({ detector: "beats", events: all(start) }));
    expect(await statusOf("beats")).not.toHaveProperty("heartbeatUnixMs");
    const beat = valueOf(
      await service.score({
        detector: "beats",
        mode: "MODE_HEARTBEAT",
        events: [{ timeUnixMs: start + hour }, { timeUnixMs: start + minute }],
      }),
    );
    expect(beat.verdicts).toHaveLength(2);
    for (const verdict of beat.verdicts ?? []) expect(verdict).not.toHaveProperty("score");
    const after = valueOf(
      await service.score({ detector: "beats", events: all(start + 30 * minute) }),
    );
    expect(after.verdicts?.map(({ timeliness }) => timeliness)).toEqual(
      keys.map(() => "TIMELINESS_LATE"),
    );
    expect(await statusOf("beats")).toMatchObject({
      events: "16",
      rowsLate: "16",
      heartbeatUnixMs: String(start + hour),
    });
    const packed = { rows: 1, timesUnixMs: bytesOf(BigInt64Array.of(BigInt(start + 2 * hour))) };
    const one = { detector: "beats", mode: "MODE_HEARTBEAT", frame: packed };
    expect(valueOf(await service.score(one)).frame?.scores).toHaveLength(8);
    expect(await statusOf("beats")).toMatchObject({ heartbeatUnixMs: String(start + 2 * hour) });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('weir_rows_late_total{detector="beats"} 16');
    expect(metrics).toContain('weir_feature_keys{detector="beats",mode="exact"} 16');
  });

  test("a heartbeat without a time, with anything else, or to a detector without features", async () => {
    await service.create("strict");
    const beat = async (row: object, detector = "strict") =>
      detailsOf(errorOf(await service.score({ detector, mode: "MODE_HEARTBEAT", events: [row] })));
    expect(await beat({})).toMatchObject({
      code: 3,
      reason: "TIME_OUT_OF_RANGE",
      violations: [{ field: "events[0].time_unix_ms" }],
    });
    expect(await beat({ timeUnixMs: start, key: "k", numbers: { amount: 1 } })).toMatchObject({
      code: 3,
      violations: [{ field: "events[0].key" }, { field: "events[0].numbers" }],
    });
    expect(await beat({ timeUnixMs: Date.now() + hour })).toMatchObject({
      code: 3,
      reason: "TIME_OUT_OF_RANGE",
      violations: [{ field: "events[0].time_unix_ms" }],
    });
    expect(await statusOf("strict")).not.toHaveProperty("heartbeatUnixMs");
    const packed = { rows: 1, values: Buffer.alloc(8) };
    const refused = await service.score({
      detector: "strict",
      mode: "MODE_HEARTBEAT",
      frame: packed,
    });
    expect(detailsOf(errorOf(refused)).violations?.map(({ field }) => field)).toEqual([
      "frame.times_unix_ms",
      "frame.values",
    ]);
    const plain = { name: "plain", spec: { inputs: [{ name: "amount" }] } };
    await unary<object>((callback) => service.clients.detectors.CreateDetector(plain, callback));
    expect(await beat({ timeUnixMs: start }, "plain")).toMatchObject({
      code: 3,
      reason: "INVALID_ENUM",
      message: expect.stringContaining("has none"),
    });
  });
});
