import { noJournal } from "../../../src/shard/journal.ts";
import { expect, test } from "vitest";
import { Deadlines } from "../../../src/admission/deadlines.ts";
import { Pending } from "../../../src/admission/pending.ts";
import { DetectorRuntime } from "../../../src/admission/runtime.ts";
import { stageHeartbeats } from "../../../src/admission/stage-heartbeats.ts";
import { Staged } from "../../../src/admission/staged.ts";
import { Violations } from "../../../src/admission/violations.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { Mode } from "../../../src/domain/event.ts";
import type { ScoreRequest } from "../../../src/domain/event.ts";
import { Source } from "../../../src/domain/verdict.ts";
import {
  MEMORY_BYTES_MIN,
  Output,
  Region as Offset,
  regionBase,
} from "../../../src/shard/layout.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { emptyRow, Region } from "../../../src/shard/region.ts";
import { viewsOf } from "../../../src/shard/shard.ts";
import { noTelemetry } from "../../../src/telemetry/no-telemetry.ts";
import { event, frame, request } from "../../support/core.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const detector = makeDetector(
  "d",
  0,
  normalizeSpec({
    inputs: [{ name: "amount" }],
    features: [{ name: "n", aggregate: "count", window: { sliding: "1h" } }],
  }),
);

test("a heartbeat is answered when every shard has had it", () => {
  const clock = new ManualClock();
  const answers: number[] = [];
  const pending = new Pending(
    {
      request: request({ detector: "d", mode: Mode.HEARTBEAT, events: [event({ timeUnixMs: 1 })] }),
      runtime: new DetectorRuntime(detector, noTelemetry.detector("d")),
      rows: 1,
      placements: 2,
      mode: Mode.HEARTBEAT,
      receivedAt: 0,
      arrivalMs: 0,
      deadline: 100,
      reply: {
        answer: ({ sources }) => void answers.push(sources[0] ?? 0),
        fail: (error) => {
          throw error;
        },
      },
      span: undefined,
      admission: 0,
    },
    {
      clock,
      alerts: {
        publish: () => {
          throw new Error("a heartbeat alerts nobody");
        },
        watch: () => ({ take: () => undefined, close: () => undefined }),
      },
      journal: noJournal,
      acknowledges: false,
      deadlines: new Deadlines(clock, () => undefined),
      telemetry: noTelemetry,
      failed: () => undefined,
      settled: () => undefined,
      amend: () => undefined,
    },
  );
  const views = viewsOf(createMemory(MEMORY_BYTES_MIN));
  const region = new Region(0, views);
  region.putRow(emptyRow());
  views.u8[regionBase(0) + Offset.outputs + Output.source] = Source.MODEL;
  pending.done(region, 0, 1);
  expect(answers).toEqual([]);
  pending.done(region, 0, 1);
  expect(answers).toEqual([Source.MODEL]);
});

test("a frame of heartbeats has times, and rows of any request before leave nothing behind", () => {
  const staged = new Staged();
  staged.begin(2, 1, 1, 1);
  staged.flags.fill(255);
  staged.idLength.fill(9);
  const bytes = (times: readonly bigint[]) => new Uint8Array(BigInt64Array.from(times).buffer);
  const beats = { ...frame([[], []], []), keyIndex: new Uint8Array() };
  const violations = new Violations();
  const good = { ...beats, timesUnixMs: bytes([-5n, 7n]) };
  const target = { staged, violations };
  const ahead = { arrivalMs: 7, futureToleranceMs: 0 };
  stageHeartbeats(request({ detector: "d", frame: good }), ahead, target);
  violations.throwIfAny();
  expect(Array.from(staged.times.subarray(0, 2))).toEqual([-5, 7]);
  expect([...staged.flags.slice(0, 2), ...staged.idLength.slice(0, 2)]).toEqual([0, 0, 0, 0]);
  const bad = { ...beats, timesUnixMs: bytes([1n, 0n]), ids: ["a"] };
  stageHeartbeats(request({ detector: "d", frame: bad }), ahead, target);
  expect(() => violations.throwIfAny()).toThrow(
    expect.objectContaining({
      violations: [
        expect.objectContaining({ field: "frame.ids" }),
        expect.objectContaining({ field: "frame.times_unix_ms[1]" }),
      ],
    }),
  );
});

test("a heartbeat from beyond the tolerance is refused by the name of its field", () => {
  const staged = new Staged();
  const arrivalMs = 1_000_000;
  const ahead = { arrivalMs, futureToleranceMs: 300_000 };
  const refused = (beats: Partial<ScoreRequest>): unknown => {
    const violations = new Violations();
    stageHeartbeats(request({ detector: "d", ...beats }), ahead, { staged, violations });
    try {
      violations.throwIfAny();
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  };
  const inTime = event({ timeUnixMs: arrivalMs + 300_000 });
  expect(refused({ events: [inTime, event({ timeUnixMs: -5 })] })).toBeUndefined();
  const tooFar = event({ timeUnixMs: arrivalMs + 300_001 });
  expect(refused({ events: [inTime, tooFar] })).toMatchObject({
    reason: "TIME_OUT_OF_RANGE",
    violations: [
      {
        field: "events[1].time_unix_ms",
        message:
          "is 301s after its arrival, more than future_tolerance, 5m; expected a time that has come",
      },
    ],
  });
  const noNumber = event({ timeUnixMs: Number.POSITIVE_INFINITY });
  expect(refused({ events: [noNumber] })).toMatchObject({
    violations: [{ field: "events[0].time_unix_ms" }],
  });
  const timesUnixMs = new Uint8Array(BigInt64Array.of(5n, BigInt(2 ** 52)).buffer);
  const packed = { ...frame([[], []], []), keyIndex: new Uint8Array(), timesUnixMs };
  expect(refused({ frame: packed })).toMatchObject({
    violations: [{ field: "frame.times_unix_ms[1]" }],
  });
});
