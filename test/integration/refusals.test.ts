import { afterEach, describe, expect, test } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const spec = { inputs: [{ name: "amount" }], scaler: "standard" };

describe("refusals name the path", () => {
  const cases: readonly [string, Parameters<typeof request>[0], string, string][] = [
    ["no rows", { detector: "d" }, "NO_ROWS", "events"],
    ["unknown detector", { detector: "nope", events: [event({})] }, "UNKNOWN_DETECTOR", "detector"],
    [
      "unknown number",
      { detector: "d", events: [event({ numbers: { amount: 1, amuont: 2 } })] },
      "UNKNOWN_NAME",
      "events[0].numbers.amuont",
    ],
    [
      "__proto__",
      {
        detector: "d",
        events: [
          {
            ...event({}),
            numbers: new Map([
              ["amount", 1],
              ["__proto__", 2],
            ]),
          },
        ],
      },
      "UNKNOWN_NAME",
      "events[0].numbers.__proto__",
    ],
    [
      "a category for a number",
      { detector: "d", events: [event({ numbers: { amount: 1 }, categories: { amount: "x" } })] },
      "UNKNOWN_NAME",
      "events[0].categories.amount",
    ],
    [
      "both forms",
      { detector: "d", events: [event({ numbers: { amount: 1 }, values: [1] })] },
      "NUMBERS_AND_VALUES",
      "events[0].values",
    ],
    [
      "too many values",
      { detector: "d", events: [event({ values: [1, 2] })] },
      "WRONG_LENGTH",
      "events[0].values",
    ],
    [
      "missing",
      { detector: "d", events: [event({})] },
      "MISSING_INPUT",
      "events[0].numbers.amount",
    ],
    [
      "NaN is missing",
      { detector: "d", events: [event({ values: [Number.NaN] })] },
      "MISSING_INPUT",
      "events[0].values[0]",
    ],
    [
      "infinite",
      { detector: "d", events: [event({ values: [1] }), event({ values: [Infinity] })] },
      "NUMBER_OUT_OF_RANGE",
      "events[1].values[0]",
    ],
    [
      "huge",
      { detector: "d", events: [event({ numbers: { amount: -1.1e100 } })] },
      "NUMBER_OUT_OF_RANGE",
      "events[0].numbers.amount",
    ],
    [
      "time",
      { detector: "d", events: [event({ values: [1], timeUnixMs: 2 ** 53 })] },
      "TIME_OUT_OF_RANGE",
      "events[0].time_unix_ms",
    ],
    [
      "key",
      { detector: "d", events: [event({ values: [1], key: "k".repeat(257) })] },
      "KEY_TOO_LONG",
      "events[0].key",
    ],
    [
      "key of wide characters",
      { detector: "d", events: [event({ values: [1], key: "é".repeat(129) })] },
      "KEY_TOO_LONG",
      "events[0].key",
    ],
    [
      "lone surrogate",
      { detector: "d", events: [event({ values: [1], key: "\ud800" })] },
      "INVALID_TEXT",
      "events[0].key",
    ],
    [
      "id",
      { detector: "d", events: [event({ values: [1], id: "i".repeat(129) })] },
      "ID_TOO_LONG",
      "events[0].id",
    ],
    [
      "system action",
      { detector: "d", events: [event({ values: [1], systemAction: "s".repeat(129) })] },
      "VALUE_TOO_LONG",
      "events[0].system_action",
    ],
    ["mode", { detector: "d", mode: 9, events: [event({ values: [1] })] }, "INVALID_ENUM", "mode"],
    [
      "timeout",
      { detector: "d", timeoutMs: 60_001, events: [event({ values: [1] })] },
      "TIMEOUT_OUT_OF_RANGE",
      "timeout_ms",
    ],
    [
      "frame and events",
      { detector: "d", events: [event({ values: [1] })], frame: frame([[1]], ["k"]) },
      "EVENTS_AND_FRAME",
      "frame",
    ],
    [
      "frame length",
      { detector: "d", frame: { ...frame([[1]], ["k"]), rows: 2 } },
      "WRONG_LENGTH",
      "frame.values",
    ],
    [
      "frame value",
      { detector: "d", frame: frame([[1], [Infinity]], ["k", "k"]) },
      "NUMBER_OUT_OF_RANGE",
      "frame.values[row 1].amount",
    ],
    [
      "frame key index",
      {
        detector: "d",
        frame: {
          ...frame([[1], [2]], ["a", "b"]),
          keyIndex: new Uint8Array(Uint32Array.of(0, 7).buffer),
        },
      },
      "INDEX_OUT_OF_RANGE",
      "frame.key_index[1]",
    ],
    [
      "frame with more keys than rows can name",
      { detector: "d", frame: { ...frame([[1]], ["k"]), keys: Array(2049).fill("") } },
      "WRONG_LENGTH",
      "frame.keys",
    ],
    [
      "frame with more system actions than rows can name",
      { detector: "d", frame: { ...frame([[1]], ["k"]), systemActions: Array(2049).fill("") } },
      "WRONG_LENGTH",
      "frame.system_actions",
    ],
    [
      "frame schema",
      { detector: "d", frame: { ...frame([[1]], ["k"]), schema: 1 } },
      "SCHEMA_CHANGED",
      "frame.schema",
    ],
    [
      "too many rows",
      {
        detector: "d",
        frame: frame(
          Array.from({ length: 2049 }, () => [1]),
          Array(2049).fill("k"),
        ),
      },
      "TOO_MANY_ROWS",
      "frame.rows",
    ],
  ];

  test.each(cases)("%s", async (_name, given, reason, field) => {
    const core = await startCore({ shards: 1 });
    cores.push(core);
    await createDetector(core, "d", spec);
    const error = await submit(core, request(given)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(WeirError);
    expect(error).toMatchObject({ reason });
    expect((error as WeirError).violations[0]?.field).toBe(field);
    expect(core.admission.inFlight).toBe(0);
    expect(core.detectors.status(core.detectors.get("d")).events).toBe(0);
  });
});
