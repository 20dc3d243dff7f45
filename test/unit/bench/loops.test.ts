import { describe, expect, test } from "vitest";
import type { Lane } from "../../../bench/end-to-end/lane.ts";
import { bursts, closedLoop, openLoop, poisson } from "../../../bench/end-to-end/loops.ts";
import { Tally } from "../../../bench/end-to-end/wire.ts";

/** Answers every request after `delayMs`; stalls once for `stallMs` at the start. */
function laneThatTakes(delayMs: number, stallMs = 0): Lane {
  const openAt = performance.now() + stallMs;
  const lane: Lane = {
    rowsPerRequest: 2,
    tally: new Tally(),
    onAnswer: () => undefined,
    send(ticket) {
      const wait = Math.max(delayMs, openAt - performance.now());
      setTimeout(() => lane.onAnswer(ticket, true), wait);
    },
    close: () => Promise.resolve(),
  };
  return lane;
}

describe("closedLoop", () => {
  test("keeps the given number in flight and counts rows", async () => {
    const result = await closedLoop(laneThatTakes(5), { inFlight: 4, durationMs: 200 });
    expect(result.latency.samples).toBeGreaterThan(40);
    expect(result.latency.samples).toBeLessThanOrEqual(4 * 41);
    expect(result.goodputRowsPerS).toBeLessThanOrEqual((4 * 2 * 1000) / 4.5);
    expect(result.unanswered).toBe(0);
  });
});

describe("openLoop", () => {
  test("a stall of the server is in the latency of all that were due meanwhile", async () => {
    const result = await openLoop(laneThatTakes(1, 220), {
      schedule: poisson(500, 1),
      durationMs: 300,
      outstandingMax: 1000,
    });
    // Most of the requests were due during the stall; a client that waits for answers would have sent a single one.
    expect(result.latency.p50Us).toBeGreaterThan(5000);
    expect(result.latency.maxUs).toBeGreaterThan(120_000);
  });

  test("what is over the client's own bound is counted, not sent", async () => {
    const result = await openLoop(laneThatTakes(5000), {
      schedule: poisson(1000, 2),
      durationMs: 100,
      outstandingMax: 10,
    });
    expect(result.unanswered).toBe(10);
    expect(result.unsent).toBeGreaterThan(40);
  });
});

describe("schedules", () => {
  test("Poisson arrivals come at their rate, the same for the same seed", () => {
    const schedule = poisson(1000, 3);
    const again = poisson(1000, 3);
    let last = 0;
    for (let i = 0; i < 10_000; i++) {
      last = schedule();
      expect(again()).toBe(last);
    }
    expect(last).toBeGreaterThan(9500);
    expect(last).toBeLessThan(10_500);
  });

  test("bursts come all at once, then a gap", () => {
    const schedule = bursts(3, 1000);
    expect(Array.from({ length: 7 }, schedule)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000]);
  });
});
