import { describe, expect, it } from "vitest";
import type { Reply, Ticket } from "../../../src/admission/scorer.ts";
import { makeDetector, withEncoding } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { limits } from "../../../src/config/limits.ts";
import { Discovery, isDiscovering } from "../../../src/discovery/discovery.ts";
import { KeptRows, type NamedRow } from "../../../src/discovery/kept-rows.ts";
import { systemClock } from "../../../src/domain/clock.ts";
import type { Detector } from "../../../src/domain/detector.ts";
import { Code, WeirError } from "../../../src/domain/errors.ts";
import type { ScoreRequest } from "../../../src/domain/event.ts";
import { State, Verdicts } from "../../../src/domain/verdict.ts";
import { event, request } from "../../support/core.ts";

const named = (row: Record<string, unknown>): NamedRow => ({
  id: "",
  key: "",
  timeUnixMs: 0,
  fields: Object.entries(row),
});

function discovering(spec: object = {}): Detector {
  return makeDetector(
    "sensor",
    0,
    normalizeSpec({ ecod: {}, window: { rows: 50, min_samples: 10 }, ...spec }),
  );
}

/** Discovery over shards that take everything, or what `admit` takes. */
function rig(admit: () => void = () => undefined) {
  const admitted: ScoreRequest[] = [];
  const settled: Detector[] = [];
  let current: Detector | undefined;
  const discovery = new Discovery({
    async settle(detector, { inputs, encoding }, fill) {
      if (current !== undefined && current !== detector) return undefined;
      const plain = makeDetector(detector.name, 0, { ...detector.config, inputs });
      const made = encoding === undefined ? plain : withEncoding(plain, encoding);
      await fill(made, () => settled.push(made));
      return made;
    },
    submit(_detector, submitted, _call, reply: Reply): Ticket {
      admit();
      admitted.push(submitted);
      setImmediate(() => reply.answer(new Verdicts(submitted.events.length), discovering()));
      return { cancel: () => undefined };
    },
    clock: systemClock,
    failed: () => undefined,
  });
  return {
    discovery,
    admitted,
    settled,
    replace: (other: Detector) => {
      current = other;
    },
  };
}

function keepRows(discovery: Discovery, detector: Detector, rows: Record<string, unknown>[]): void {
  discovery.check(detector, rows.map(named));
  discovery.keep(detector, rows.map(named));
}

describe("discovery", () => {
  it("learns the number fields in the order in which they were first seen", async () => {
    const { discovery, admitted, settled } = rig();
    const detector = discovering();
    expect(isDiscovering(detector)).toBe(true);
    keepRows(discovery, detector, [
      { name: "x", b: 1 },
      { a: null, flag: true, b: 2 },
    ]);
    for (let i = 0; i < 8; i++) keepRows(discovery, detector, [{ a: i, b: i, late: i }]);
    expect(discovery.missing(detector)).toBe(0);
    const made = await discovery.settle(detector);
    expect(made?.config.inputs.map(({ name }) => name)).toEqual(["b", "a", "late"]);
    expect(settled).toEqual([made]);
    expect(admitted).toHaveLength(1);
    expect(admitted[0]?.mode).toBe(3);
    expect(admitted[0]?.events.slice(0, 3).map(({ values }) => values)).toEqual([
      [1, Number.NaN, Number.NaN],
      [2, Number.NaN, Number.NaN],
      [0, 0, 0],
    ]);
  });

  it("leaves out a field that was ever text, a list or an object", async () => {
    const { discovery } = rig();
    const detector = discovering();
    const rows = Array.from({ length: 9 }, (_, i) => ({ n: i, text: i, list: i, object: i }));
    keepRows(discovery, detector, [...rows, { n: 9, text: "9", list: [9], object: { a: 9 } }]);
    const made = await discovery.settle(detector);
    expect(made?.config.inputs.map(({ name }) => name)).toEqual(["n"]);
  });

  it("keeps no more rows than the window has, the newest", () => {
    const { discovery } = rig();
    const detector = discovering({ window: { rows: 50, min_samples: 60 } });
    keepRows(
      discovery,
      detector,
      Array.from({ length: 70 }, (_, i) => ({ a: i })),
    );
    expect(discovery.status(detector)).toMatchObject({ rows: 50, total: 70 });
    expect(discovery.missing(detector)).toBe(10);
  });

  it("counts rows without fields, and keeps none of them", () => {
    const { discovery } = rig();
    const detector = discovering();
    keepRows(discovery, detector, [{}]);
    expect(discovery.status(detector)).toMatchObject({ rows: 1, total: 1 });
    keepRows(discovery, detector, [{ a: 1 }, {}]);
    expect(discovery.status(detector)).toMatchObject({ rows: 1, total: 3 });
  });

  it("says so when no field has numbers", async () => {
    const { discovery } = rig();
    const detector = discovering();
    keepRows(
      discovery,
      detector,
      Array.from({ length: 12 }, () => ({ word: "a", yes: true })),
    );
    await expect(discovery.settle(detector)).rejects.toThrow(/^No data in buffer/);
    expect(discovery.status(detector).rows).toBe(12);
  });

  it("admits rows that come while it settles, in order", async () => {
    const { discovery, admitted, settled } = rig();
    const detector = discovering();
    const send = (a: number) =>
      discovery.submit(
        detector,
        request({ detector: "sensor", events: [event({ numbers: { a } })] }),
        {
          answer: () => undefined,
          fail: () => undefined,
        },
      );
    for (let a = 0; a < 10; a++) send(a);
    send(10);
    await new Promise(setImmediate);
    send(11);
    expect(discovery.missing(detector)).toBe(0);
    await discovery.settle(detector);
    expect(settled).toHaveLength(1);
    const learned = admitted.flatMap(({ events }) => events.map(({ values }) => values[0]));
    expect(learned).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("tries again while the shards are full", async () => {
    let refusals = 3;
    const { discovery, admitted } = rig(() => {
      if (refusals-- > 0) throw new WeirError(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", "full");
    });
    const detector = discovering();
    keepRows(
      discovery,
      detector,
      Array.from({ length: 10 }, (_, a) => ({ a })),
    );
    await discovery.settle(detector);
    expect(admitted.flatMap(({ events }) => events)).toHaveLength(10);
  });

  it("comes to nothing when the detector was reset meanwhile", async () => {
    const { discovery, replace } = rig();
    const detector = discovering();
    keepRows(
      discovery,
      detector,
      Array.from({ length: 10 }, (_, a) => ({ a })),
    );
    replace(discovering());
    expect(await discovery.settle(detector)).toBeUndefined();
  });
});

describe("discovery of encoded columns", () => {
  const spec = {
    inputs: [
      { name: "amount", missing: "model" },
      { name: "country", type: "category", encoding: "onehot", missing: "model" },
      { name: "known", type: "category", encoding: "binary", missing: "model" },
    ],
  };

  it("names them by the values before the first training, and ignores other fields", async () => {
    const { discovery, admitted } = rig();
    const detector = discovering(spec);
    expect(isDiscovering(detector)).toBe(true);
    const countries = ["GB", "DE", "GB"];
    keepRows(
      discovery,
      detector,
      Array.from({ length: 10 }, (_, i) => ({
        amount: i,
        country: countries[i % 3],
        known: i % 2 === 0,
        other: i,
      })),
    );
    const made = await discovery.settle(detector);
    expect(made?.config.inputs).toEqual(detector.config.inputs);
    expect(made?.features.map(({ name }) => name)).toEqual([
      "amount",
      "country=DE",
      "country=GB",
      "known",
    ]);
    const [first] = admitted[0]?.events ?? [];
    expect(first?.values).toEqual([0]);
    expect([...(first?.categories ?? [])]).toEqual([
      ["country", "GB"],
      ["known", "true"],
    ]);
    const out = new Float64Array(5);
    made?.encoding?.encode((column) => ["DE", "yes"][column], out, 1);
    expect([...out]).toEqual([0, 1, 0, 1, 0]);
  });

  it("refuses what lacks a required input, and text that is too long", () => {
    const { discovery } = rig();
    const detector = discovering({ inputs: [{ name: "amount" }, spec.inputs[1]] });
    expect(() => keepRows(discovery, detector, [{ amount: 1 }, { country: "GB" }])).toThrow(
      expect.objectContaining({ reason: "MISSING_INPUT" }),
    );
    expect(() => keepRows(discovery, detector, [{ amount: 1, country: "x".repeat(257) }])).toThrow(
      expect.objectContaining({ reason: "VALUE_TOO_LONG" }),
    );
    expect(discovery.status(detector).total).toBe(0);
  });

  it("refuses more columns than a model has", async () => {
    const { discovery } = rig();
    const detector = discovering({
      ...spec,
      lag_periods: [1, 2, 3, 4, 5, 6, 7, 8],
      rolling_windows: [2, 3],
      window: { rows: 200, min_samples: 100 },
    });
    keepRows(
      discovery,
      detector,
      Array.from({ length: 100 }, (_, i) => ({ amount: i, country: `c${i}` })),
    );
    await expect(discovery.settle(detector)).rejects.toThrow(/columns with their rolling features/);
  });
});

describe("events of the contract for a detector that discovers", () => {
  const detector = discovering();
  const send = (discovery: Discovery, given: Partial<ScoreRequest>) => {
    let verdicts: Verdicts | undefined;
    discovery.submit(detector, request({ detector: "sensor", ...given }), {
      answer: (answered) => {
        verdicts = answered;
      },
      fail: () => undefined,
    });
    return verdicts;
  };

  it("are kept and answered COLLECTING", () => {
    const { discovery } = rig();
    const verdicts = send(discovery, { events: [event({ numbers: { a: 1 } })] });
    expect(verdicts?.states[0]).toBe(State.COLLECTING);
    expect(verdicts?.scores[0]).toBeNaN();
    expect(verdicts?.thresholds[0]).toBe(0.5);
    expect(discovery.status(detector)).toMatchObject({ rows: 1, total: 1 });
  });

  it("leave no trace when they are only scored, or come under a system action", () => {
    const { discovery } = rig();
    send(discovery, { events: [event({ numbers: { a: 1 } })], mode: 2 });
    send(discovery, { events: [event({ numbers: { a: 1 }, systemAction: "maintenance" })] });
    expect(discovery.status(detector).total).toBe(0);
  });

  it("count once when their ids repeat", () => {
    const { discovery } = rig();
    const twice = [event({ id: "x", numbers: { a: 1 } }), event({ id: "x", numbers: { a: 1 } })];
    expect([...(send(discovery, { events: twice })?.replayed ?? [])]).toEqual([0, 1]);
    expect([...(send(discovery, { events: twice })?.replayed ?? [])]).toEqual([1, 1]);
    expect(discovery.status(detector).total).toBe(1);
  });

  it.each<[string, Partial<ScoreRequest>, string]>([
    [
      "a frame",
      {
        frame: {
          rows: 1,
          values: new Uint8Array(8),
          keys: [],
          keyIndex: new Uint8Array(),
          timesUnixMs: new Uint8Array(),
          ids: [],
          schema: 0,
          categories: [],
          categoryIndex: new Uint8Array(),
          systemActions: [],
          systemActionIndex: new Uint8Array(),
        },
      },
      "INPUTS_UNKNOWN",
    ],
    ["values by position", { events: [event({ values: [1] })] }, "WRONG_LENGTH"],
    ["infinity", { events: [event({ numbers: { a: Infinity } })] }, "NUMBER_OUT_OF_RANGE"],
    ["a long key", { events: [event({ key: "k".repeat(257) })] }, "KEY_TOO_LONG"],
    ["half a time", { events: [event({ timeUnixMs: 0.5 })] }, "TIME_OUT_OF_RANGE"],
    [
      "a name of control characters",
      { events: [event({ numbers: { "a\n": 1 } })] },
      "INVALID_NAME",
    ],
  ])("refuse %s and change nothing", (_what, given, reason) => {
    const { discovery } = rig();
    expect(() => send(discovery, given)).toThrow(expect.objectContaining({ reason }));
    expect(discovery.status(detector).total).toBe(0);
  });
});

describe("kept rows", () => {
  it("refuse more fields than a detector has inputs", () => {
    const kept = new KeptRows({ values: 0 }, 1);
    const wide = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, i]));
    expect(() => kept.check([named(wide)])).toThrow(
      expect.objectContaining({ reason: "TOO_MANY_COLUMNS" }),
    );
    expect(kept.length).toBe(0);
  });

  it("say that fields are too many before they say that values are", () => {
    const kept = new KeptRows({ values: 0 }, 1);
    const rows = Array.from({ length: 1000 }, (_, i) =>
      named(Object.fromEntries(Array.from({ length: 60 }, (__, j) => [`f${i}_${j}`, 1]))),
    );
    expect(() => kept.check(rows)).toThrow(/have 300 fields/);
  });

  it("leave oldest first, however many have left before", () => {
    const kept = new KeptRows({ values: 0 }, 1);
    for (let a = 0; a < 1000; a++) {
      kept.add({ ...named({ a }), id: `${a}` });
      if (a >= 100) kept.dropOldest();
    }
    expect(kept.length).toBe(100);
    expect(kept.holds({ id: "899", key: "" })).toBe(false);
    expect(kept.holds({ id: "900", key: "" })).toBe(true);
    const values = kept
      .take(2, ["a"])
      .concat(kept.take(98, ["a"]))
      .map((each) => each.values[0]);
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => 900 + i));
    expect(kept.length).toBe(0);
  });

  it("count the columns that rolling features make, of numbers only", () => {
    const kept = new KeptRows({ values: 0 }, 33);
    const row = (fields: number, value: unknown) =>
      named(Object.fromEntries(Array.from({ length: fields }, (_, i) => [`f${i}`, value])));
    expect(() => kept.check([row(32, 1)])).toThrow(/1056 columns/);
    expect(() => kept.check([row(31, 1)])).not.toThrow();
    expect(() => kept.check([row(100, "text")])).not.toThrow();
    kept.add(row(31, 1));
    expect(() => kept.check([named({ more: 1 })])).toThrow(/1056 columns/);
  });

  it("hold a bounded number of values, and give room back", () => {
    // A row takes 16 numbers' room beside its values.
    const room = { values: limits.discoveryValuesMax - 19 };
    const kept = new KeptRows(room, 1);
    kept.check([named({ a: 1, b: 2 })]);
    kept.add(named({ a: 1, b: 2 }));
    expect(() => kept.check([named({ a: 1, b: 2 })])).toThrow(
      expect.objectContaining({ reason: "QUEUE_FULL" }),
    );
    kept.dropOldest();
    expect(room.values).toBe(limits.discoveryValuesMax - 19);
    expect(() => kept.check([named({ a: 1, b: 2 })])).not.toThrow();
    kept.add(named({ a: 1 }));
    kept.clear();
    expect(room.values).toBe(limits.discoveryValuesMax - 19);
  });
});
