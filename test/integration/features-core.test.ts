import { afterEach, describe, expect, test } from "vitest";
import type { EventInput, FrameInput } from "../../src/domain/event.ts";
import { Mode } from "../../src/domain/event.ts";
import { Source, Timeliness, type Verdicts } from "../../src/domain/verdict.ts";
import { categoryCode } from "../../src/features/category-code.ts";
import { mulberry, normal } from "../kernel.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { SlowPool } from "../support/slow-pool.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

async function start(options: Parameters<typeof startCore>[0] = {}): Promise<TestCore> {
  const core = await startCore(options);
  cores.push(core);
  return core;
}

const minute = 60_000;
const hour = 60 * minute;
const began = Date.UTC(2026, 3, 1);

/** `kind` and `hour` are read by features alone: they lie before the model's inputs in a region. */
const spec = {
  inputs: [
    { name: "kind", type: "category", missing: "model" },
    { name: "amount" },
    { name: "hour", rulesOnly: true, missing: "default", defaultValue: 12 },
    { name: "balance", missing: "model" },
  ],
  halfSpaceTrees: { window: 20, trees: 5, height: 4, limits: { amount: { low: -3, high: 3 } } },
  burnInEvents: 5,
  timeoutMs: 30_000,
  features: [
    { name: "kinds", of: "kind", aggregate: "distinct", window: { last: 8 }, hidden: true },
    { name: "n", aggregate: "count", window: { sliding: "20m" } },
    { name: "mean", of: "amount", aggregate: "mean", window: { sliding: "2h" }, defaultValue: 0 },
    { name: "late_hours", of: "hour", aggregate: "mean", defaultValue: 0 },
    {
      name: "refunds",
      aggregate: "count",
      window: { tumbling: "1h" },
      where: { input: "kind", equals: "refund" },
    },
    { name: "above", difference: { of: "amount", to: "mean" }, defaultValue: 0 },
    { name: "low", of: "balance", aggregate: "min", window: { session: "15m" }, defaultValue: -1 },
  ],
  eventTime: { allowedLateness: "10m" },
};

interface Payment {
  readonly key: string;
  readonly time: number;
  readonly kind: string | undefined;
  readonly amount: number;
  readonly hour: number;
  readonly balance: number;
}

const kinds = ["sale", "refund", "größer", undefined];

/** A stream over nine keys, some events out of order inside the lateness and some beyond it. */
function paymentsOf(count: number): Payment[] {
  const random = mulberry(7);
  return Array.from({ length: count }, (_, i) => {
    const back = random() < 0.2 ? Math.floor(random() * 60) * minute : 0;
    return {
      key: `card ${Math.floor(random() * 9)}`,
      time: began + i * minute - back,
      kind: kinds[Math.floor(random() * kinds.length)],
      amount: normal(random),
      hour: random() < 0.1 ? NaN : Math.floor(random() * 24),
      balance: random() < 0.3 ? NaN : normal(random),
    };
  });
}

const byName = (rows: readonly Payment[]): EventInput[] =>
  rows.map(({ key, time, kind, amount, hour: at, balance }) =>
    event({
      key,
      timeUnixMs: time,
      numbers: { amount, hour: at, balance },
      categories: kind === undefined ? {} : { kind },
    }),
  );

const byPosition = (rows: readonly Payment[]): EventInput[] =>
  rows.map(({ key, time, kind, amount, hour: at, balance }) =>
    event({
      key,
      timeUnixMs: time,
      values: [amount, at, balance],
      categories: kind === undefined ? {} : { kind },
    }),
  );

function packed(rows: readonly Payment[]): FrameInput {
  const numbers = rows.map(({ amount, hour: at, balance }) => [amount, at, balance]);
  const categories = ["refund", "größer", "never", "sale"];
  const indices = rows.map(({ kind }) =>
    kind === undefined ? 0xffff_ffff : categories.indexOf(kind),
  );
  const times = BigInt64Array.from(rows, ({ time }) => BigInt(time));
  return {
    ...frame(
      numbers,
      rows.map(({ key }) => key),
    ),
    timesUnixMs: new Uint8Array(times.buffer),
    categories,
    categoryIndex: new Uint8Array(Uint32Array.from(indices).buffer),
  };
}

const forms = {
  "by name": (rows: readonly Payment[]) => ({ events: byName(rows) }),
  "by position": (rows: readonly Payment[]) => ({ events: byPosition(rows) }),
  packed: (rows: readonly Payment[]) => ({ frame: packed(rows) }),
} as const;

/** Everything that a row's verdict says, bit for bit. */
function told(verdicts: Verdicts): string[] {
  const features = (verdicts.features?.length ?? 0) / verdicts.rows;
  const bytes = (verdicts.defaultedFeatures?.length ?? 0) / verdicts.rows;
  return Array.from({ length: verdicts.rows }, (_, row) => {
    const numbers = [
      verdicts.scores[row] ?? NaN,
      ...(verdicts.features?.slice(row * features, (row + 1) * features) ?? []),
    ];
    const bits = verdicts.defaultedFeatures?.slice(row * bytes, (row + 1) * bytes) ?? [0];
    return [
      Buffer.from(Float64Array.from(numbers).buffer).toString("hex"),
      [...bits].join(),
      verdicts.timeliness?.[row] ?? 0,
      verdicts.states[row],
    ].join(" ");
  });
}

interface Sending {
  readonly form: keyof typeof forms;
  /** Rows of a request: 1.. this. */
  readonly rowsMax: number;
  readonly detector?: string;
}

async function send(core: TestCore, rows: readonly Payment[], sending: Sending): Promise<string[]> {
  const { form, rowsMax, detector = "d" } = sending;
  const random = mulberry(rowsMax);
  const answers: Promise<Verdicts>[] = [];
  for (let at = 0; at < rows.length;) {
    const count = 1 + Math.floor(random() * rowsMax);
    const part = forms[form](rows.slice(at, at + count));
    answers.push(submit(core, request({ detector, features: true, ...part })));
    at += count;
    if (answers.length % 7 === 0) await answers.at(-1);
  }
  return (await Promise.all(answers)).flatMap(told);
}

describe("the same bits", () => {
  test("by name, by position and packed, in whatever batches, over 1, 2 and 3 shards", async () => {
    const rows = paymentsOf(600);
    let expected: string[] | undefined;
    for (const shards of [1, 2, 3]) {
      const core = await start({ shards });
      for (const [form, rowsMax] of [
        ["by name", 1],
        ["by position", 20],
        ["packed", 300],
        ["packed", 3],
      ] as const) {
        const detector = `${form} ${rowsMax}`;
        await createDetector(core, detector, spec);
        const got = await send(core, rows, { form, rowsMax, detector });
        expected ??= got;
        expect(got, `${detector} over ${shards}`).toEqual(expected);
      }
    }
    const late = expected?.filter((each) => each.split(" ")[2] === "1").length ?? 0;
    const scored = expected?.filter((each) => !each.startsWith("000000000000f87f")).length ?? 0;
    expect(late).toBeGreaterThan(5);
    expect(scored).toBeGreaterThan(200);
  });

  test("where one window is of all keys, which have features of their own", async () => {
    const rows = paymentsOf(300);
    const { halfSpaceTrees: _, burnInEvents: __, ...rest } = spec;
    const model = {
      ...rest,
      ecod: {},
      window: { rows: 100, minSamples: 50, retrainInterval: 100 },
    };
    let expected: string[] | undefined;
    for (const [shards, form] of [
      [1, "by name"],
      [2, "packed"],
      [3, "by position"],
    ] as const) {
      const core = await start({ shards });
      await createDetector(core, "d", model);
      const got: string[] = [];
      for (let at = 0; at < rows.length; at += 50) {
        got.push(...(await send(core, rows.slice(at, at + 50), { form, rowsMax: 50 })));
        await core.trainer.idle();
      }
      expected ??= got;
      expect(got, `${form} over ${shards}`).toEqual(expected);
      const { slot } = core.detectors.get("d");
      expect(core.shards.windowModels.cellOf(slot)).toMatchObject({ version: 3 });
      // All keys' logs are there, where the cell is.
      expect(core.shards.counters(slot).keys).toBeGreaterThanOrEqual(9);
    }
    expect(expected?.some((each) => !each.startsWith("000000000000f87f"))).toBe(true);
  });

  test("a heartbeat stands in order with the rows around it, whatever the number of shards", async () => {
    const rows = paymentsOf(200);
    const beats = new Set([50, 120, 121]);
    let expected: string[] | undefined;
    for (const shards of [1, 2, 3]) {
      const core = await start({ shards });
      await createDetector(core, "d", spec);
      const answers: Promise<Verdicts>[] = [];
      for (const [i, row] of rows.entries()) {
        answers.push(
          submit(core, request({ detector: "d", features: true, events: byName([row]) })),
        );
        if (!beats.has(i)) continue;
        const ahead = event({ timeUnixMs: row.time + 30 * minute });
        void submit(core, request({ detector: "d", mode: Mode.HEARTBEAT, events: [ahead] }));
      }
      const got = (await Promise.all(answers)).flatMap(told);
      expected ??= got;
      expect(got, `${shards} shards`).toEqual(expected);
    }
    const late = expected?.map((each) => each.split(" ")[2] === "1") ?? [];
    expect(late.slice(51, 60).every(Boolean)).toBe(true);
  });
});

describe("defaults", () => {
  test("inputs and features that took theirs are told apart", async () => {
    const core = await start();
    await createDetector(core, "d", spec);
    const [row] = paymentsOf(1);
    if (row === undefined) throw new Error("no row");
    const bare = { ...row, hour: NaN, balance: NaN, kind: undefined };
    const verdicts = await submit(
      core,
      request({ detector: "d", features: true, events: byName([bare]) }),
    );
    // hour is the third input; `low` is the seventh feature.
    expect([...(verdicts.defaulted ?? [])]).toEqual([0b100]);
    expect([...(verdicts.defaultedFeatures ?? [])]).toEqual([0b100_0000]);
    expect([...(verdicts.features ?? [])]).toEqual([0, 1, bare.amount, 12, 0, 0, -1]);
  });

  test("are named with explanations alone, too, and not otherwise", async () => {
    const core = await start();
    await createDetector(core, "d", spec);
    const bare = paymentsOf(1).map((row) => ({ ...row, balance: NaN }));
    const ask = (more: object) =>
      submit(core, request({ detector: "d", ...forms.packed(bare), ...more }));
    expect([...((await ask({ explain: true })).defaultedFeatures ?? [])]).toEqual([0b100_0000]);
    const plain = await ask({});
    expect([plain.defaultedFeatures, plain.features, plain.timeliness]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

/** Another key of the same partition: that is the low byte of a key's hash, which is a category's too. */
function twinOf(key: string): string {
  const partitionOf = (text: string): number => categoryCode(text) % 256;
  const twin = Array.from({ length: 5000 }, (_, i) => `twin ${i}`).find(
    (each) => partitionOf(each) === partitionOf(key),
  );
  if (twin === undefined) throw new Error("no twin");
  return twin;
}

describe("bounds", () => {
  test("a fallback has no features, and rows of other batches keep theirs", async () => {
    let pool: SlowPool | undefined;
    const core = await start({
      shards: 1,
      inlineWorkMax: 0,
      createPool: (options) => (pool = new SlowPool(options)),
    });
    await createDetector(core, "d", spec);
    const rows = paymentsOf(2);
    if (pool === undefined) throw new Error("no pool");
    pool.slow = true;
    const verdicts = await submit(
      core,
      request({
        detector: "d",
        features: true,
        explain: true,
        timeoutMs: 30,
        events: byName(rows),
      }),
    );
    expect([...verdicts.sources]).toEqual([Source.DEFAULT, Source.DEFAULT]);
    expect(verdicts.features?.every(Number.isNaN)).toBe(true);
    expect(verdicts.defaultedFeatures).toBeUndefined();
    pool.release();
    await core.shards.idle();
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(2);
  });

  test("keys of rows that came at the wrong time take no place where new keys are refused", async () => {
    const core = await start();
    const eventTime = { future: "refuse", futureTolerance: "1m" };
    // One key a partition.
    await createDetector(core, "d", { ...spec, keysMax: 1, atKeysMax: "refuse", eventTime });
    const [row] = paymentsOf(1);
    if (row === undefined) throw new Error("no row");
    const twin = twinOf(row.key);
    const ask = (rows: readonly Payment[]) =>
      submit(core, request({ detector: "d", events: byName(rows) }));
    const far = { ...row, time: Date.now() + hour };
    const refused = await ask([far, far]);
    expect([...(refused.timeliness ?? [])]).toEqual([
      Timeliness.FUTURE_REFUSED,
      Timeliness.FUTURE_REFUSED,
    ]);
    expect(
      (
        await ask([
          { ...row, key: twin },
          { ...far, key: twin },
        ])
      ).timeliness,
    ).toBeDefined();
    await expect(ask([row])).rejects.toMatchObject({ reason: "KEYS_FULL" });
    expect(core.detectors.status(core.detectors.get("d")).keys).toBe(1);
  });

  test("rows without any input of the model make a key, since they have features", async () => {
    const core = await start();
    await createDetector(core, "d", {
      ...spec,
      inputs: [{ name: "amount", missing: "model" }],
      halfSpaceTrees: { window: 20 },
      features: [{ name: "n", aggregate: "count", window: { sliding: "1h" } }],
      keysMax: 1,
      atKeysMax: "refuse",
    });
    const nothing = event({ key: "k", timeUnixMs: began });
    const seen: number[][] = [];
    for (let i = 0; i < 3; i++) {
      const verdicts = await submit(
        core,
        request({ detector: "d", features: true, events: [nothing] }),
      );
      seen.push([...(verdicts.features ?? [])]);
    }
    expect(seen).toEqual([[1], [2], [3]]);
    const other = event({ key: twinOf("k"), timeUnixMs: began });
    await expect(submit(core, request({ detector: "d", events: [other] }))).rejects.toMatchObject({
      reason: "KEYS_FULL",
    });
    expect(core.detectors.status(core.detectors.get("d"))).toMatchObject({ keys: 1, events: 3 });
  });
});
