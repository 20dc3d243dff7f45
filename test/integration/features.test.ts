import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StreamClient, valueOf } from "../support/grpc.ts";
import {
  bytesOf,
  features,
  hour,
  minute,
  PaymentService,
  second,
  start,
} from "../support/payment-service.ts";

let service: PaymentService;
beforeAll(async () => {
  service = await PaymentService.start();
});
afterAll(() => service.stop());

/** amount, country, time of one card's payments. */
const payments = [
  { amount: 10, country: "DE", time: start },
  { amount: 20, country: "FR", time: start + 30 * second },
  { amount: 60, country: "DE", time: start + 90 * second },
  { amount: 5, country: undefined, time: start + 2 * hour },
] as const;

// The third payment is exactly a minute after the second, which has left (t - 1m, t] then.
const expected = [
  [1, 1, 10, 10, 1, 0],
  [2, 2, 30, 15, 20 / 15, 0],
  [1, 2, 90, 30, 2, 45 / Math.sqrt(50)],
  [1, 0, 5, 5, 1, -25 / Math.sqrt(700)],
];
const defaulted = [["z_1d"], ["z_1d"], [], []];

/** The payments as events. */
function events(key: string): object[] {
  return payments.map(({ amount, country, time }) => ({
    key,
    timeUnixMs: time,
    numbers: { amount },
    categories: country === undefined ? {} : { country },
  }));
}

/** The payments as one frame. */
function frameOf(key: string): object {
  const categories = ["FR", "DE"];
  const indexOf = (country: string | undefined): number =>
    country === undefined ? 0xffff_ffff : categories.indexOf(country);
  return {
    rows: payments.length,
    values: bytesOf(Float64Array.from(payments, ({ amount }) => amount)),
    keys: [key],
    timesUnixMs: bytesOf(BigInt64Array.from(payments, ({ time }) => BigInt(time))),
    categories,
    categoryIndex: bytesOf(Uint32Array.from(payments, ({ country }) => indexOf(country))),
  };
}

function doublesOf(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(i * 8));
}

function closeTo(rows: readonly (readonly number[])[]): unknown[][] {
  return rows.map((row) => row.map((value): unknown => expect.closeTo(value, 10)));
}

interface Answered {
  readonly features?: readonly number[];
  readonly defaulted?: readonly string[];
}

function expectPayments(verdicts: readonly Answered[] | undefined): void {
  expect(verdicts?.map((each) => each.features)).toEqual(closeTo(expected));
  expect(verdicts?.map((each) => each.defaulted ?? [])).toEqual(defaulted);
}

describe("features in verdicts", () => {
  test("in the order of the specification, by hand, over a unary call", async () => {
    await service.create("unary");
    const answer = valueOf(
      await service.score({ detector: "unary", features: true, events: events("card") }),
    );
    expectPayments(answer.verdicts);
  });

  test("one by one over a stream", async () => {
    await service.create("stream");
    const stream = new StreamClient(service.clients);
    for (const [i, event] of events("card").entries()) {
      stream.send({
        requestId: i + 1,
        request: { detector: "stream", features: true, events: [event] },
      });
    }
    await stream.wait(payments.length);
    const verdicts = payments.map((_, i) => stream.answerTo(i + 1)?.response?.verdicts?.[0] ?? {});
    expectPayments(verdicts);
    stream.call.end();
    await stream.status;
  });

  test("packed, over a stream and a unary call", async () => {
    await service.create("packed");
    const stream = new StreamClient(service.clients);
    const request = { detector: "packed", features: true };
    stream.send({ requestId: 1, request: { ...request, frame: frameOf("card") } });
    await stream.wait(1);
    stream.call.end();
    const other = valueOf(await service.score({ ...request, frame: frameOf("other") }));
    for (const { frame } of [stream.answerTo(1)?.response ?? {}, other]) {
      if (frame === undefined || frame === null) throw new Error("no frame");
      expect(doublesOf(frame.features ?? Buffer.alloc(0))).toEqual(closeTo(expected).flat());
      expect([...(frame.defaultedFeatures ?? [])]).toEqual([0b10_0000, 0b10_0000, 0, 0]);
      expect(frame).not.toHaveProperty("timeliness");
    }
  });

  test("over HTTP, by name and packed", async () => {
    await service.create("http");
    const post = async (body: object): Promise<unknown> => {
      const answer = await fetch(`${service.url}/v1/detectors/http/score`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ features: true, ...body }),
      });
      expect(answer.status).toBe(200);
      return answer.json();
    };
    const named = await post({ events: events("card") });
    expect(named).toMatchObject({
      verdicts: closeTo(expected).map((row) => ({ features: row })),
    });
    expect(named).toHaveProperty("verdicts[0].defaulted", ["z_1d"]);
    expect(named).not.toHaveProperty("verdicts[2].defaulted");
    const inBase64 = Object.fromEntries(
      Object.entries(frameOf("other")).map(([field, value]) => [
        field,
        Buffer.isBuffer(value) ? value.toString("base64") : value,
      ]),
    );
    const packed = await post({ frame: inBase64 });
    expect(packed).toHaveProperty("frame.defaultedFeatures", "ICAAAA==");
    const { frame } = packed as { readonly frame: { readonly features: string } };
    expect(doublesOf(Buffer.from(frame.features, "base64"))).toEqual(closeTo(expected).flat());
  });

  test("not asked for they are not there; SCORE_ONLY sees them as if it came next", async () => {
    await service.create("modes");
    const [first, ...rest] = events("card");
    const plain = valueOf(await service.score({ detector: "modes", events: [first] }));
    expect(plain.verdicts?.[0]).not.toHaveProperty("features");
    expect(plain.verdicts?.[0]).not.toHaveProperty("defaulted");
    const only = (mode: string) =>
      service.score({ detector: "modes", mode, features: true, events: rest.slice(0, 1) });
    for (let i = 0; i < 2; i++) {
      const looked = valueOf(await only("MODE_SCORE_ONLY"));
      expect([looked.verdicts?.[0]?.features]).toEqual(closeTo(expected.slice(1, 2)));
    }
    const taught = valueOf(await only("MODE_LEARN_ONLY"));
    expect([taught.verdicts?.[0]?.features]).toEqual(closeTo(expected.slice(1, 2)));
    expect(taught.verdicts?.[0]).not.toHaveProperty("score");
  });

  test("a duplicate has none", async () => {
    await service.create("twice");
    const event = { ...events("card")[0], id: "p1" };
    const request = { detector: "twice", features: true, events: [event] };
    const first = valueOf(await service.score(request));
    expect(first.verdicts?.[0]?.features).toHaveLength(6);
    const again = valueOf(await service.score(request));
    expect(again.verdicts?.[0]).toMatchObject({ replayed: true });
    expect(again.verdicts?.[0]).not.toHaveProperty("features");
    expect(again.verdicts?.[0]).not.toHaveProperty("defaulted");
  });
});

describe("explanations", () => {
  test("say a derived feature in words, and add up", async () => {
    await service.create("explained");
    const usual = Array.from({ length: 12 }, (_, i) => ({
      key: "card",
      timeUnixMs: start + i * 10 * minute,
      numbers: { amount: 10 + (i % 3) },
      categories: { country: "DE" },
    }));
    await service.score({ detector: "explained", events: usual });
    const odd = {
      key: "card",
      timeUnixMs: start + 110 * minute + 30 * second,
      numbers: { amount: 100 },
      categories: { country: "US" },
    };
    const answer = valueOf(
      await service.score({ detector: "explained", explain: true, features: true, events: [odd] }),
    );
    const verdict = answer.verdicts?.[0];
    if (verdict === undefined) throw new Error("no verdict");
    const { reasons = [], features: values = [] } = verdict;
    // amount, and the five features that the model sees.
    expect(reasons).toHaveLength(6);
    const of = new Map(reasons.map((reason) => [reason.feature, reason]));
    expect(of.get("amount")).toMatchObject({ value: 100 });
    expect(of.get("amount")).not.toHaveProperty("text");
    const seen = features.filter(({ hidden }) => hidden !== true).map(({ name = "" }) => name);
    expect(seen.map((name) => of.get(name)?.value)).toEqual(values.toSpliced(1, 1));
    const mean = (10 + 11 + 12 + 10 + 11 + 12 + 100) / 7;
    expect(seen.map((name) => of.get(name)?.text)).toEqual([
      "2 events in 1 minute",
      "the sum of amount in 1 hour is 166",
      "the mean of amount in 1 hour is 23.7",
      `amount is ${(100 / mean).toPrecision(3)}x this key's mean of 1 hour`,
      expect.stringMatching(
        /^amount is [\d.]+ standard deviations above this key's mean of 1 day$/,
      ),
    ]);
    const sum = reasons.reduce((total, { contribution = 0 }) => total + contribution, 0);
    expect((verdict.baseline ?? 0) + sum).toBeCloseTo(verdict.score ?? NaN, 9);
  });

  test("a feature without a value says so, and is named among the defaults", async () => {
    const z = { ...features[5], name: "z_1h", window: { sliding: "1h" } };
    await service.create("fresh", { features: [z] });
    await service.score({ detector: "fresh", events: events("card") });
    const far = { key: "card", timeUnixMs: start + 10 * hour, numbers: { amount: 7 } };
    const [verdict] =
      valueOf(await service.score({ detector: "fresh", explain: true, events: [far] })).verdicts ??
      [];
    expect(verdict).toMatchObject({ defaulted: ["z_1h"] });
    expect(verdict).not.toHaveProperty("features");
    const reason = verdict?.reasons?.find(({ feature }) => feature === "z_1h");
    expect(reason).toMatchObject({ text: "z_1h has no value; 0 is its default" });
  });
});
