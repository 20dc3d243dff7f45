import { describe, expect, test } from "vitest";
import { barRows, figure, percent } from "../../../bench/bars.ts";
import type { LoopResult } from "../../../bench/end-to-end/loops.ts";
import type { BenchResults, LaneReport, OpenReport } from "../../../bench/results.ts";

const spread = (median: number) => ({ median, low: median, high: median, runs: 5 });

function run(load: number, p99Us: number, target: "weir" | "echo" = "weir"): OpenReport {
  const result: LoopResult = {
    elapsedMs: 1000,
    offeredPerS: 1000,
    goodputRowsPerS: 1000,
    latency: { samples: 100, p50Us: 1, p95Us: 1, p99Us, p999Us: undefined, maxUs: p99Us },
    sources: { model: 0.6, rules: 0, cached: 0, default: 0.4 },
    refused: {},
    unanswered: 0,
    unsent: 0,
    sendLagP99Us: 0,
  };
  return {
    target,
    arrivals: "poisson",
    load,
    result,
    goodputOfSaturation: 0.95,
    late: { share: 0.0005, boundS: 0.025 },
    controlLateShare: 0.01,
  };
}

function reached(events: Partial<LaneReport>): ReadonlyMap<string, string> {
  const lane: LaneReport = {
    lane: "events",
    rowsPerRequest: 1,
    requestBytes: 1,
    answerBytes: { weir: 1, echo: 1 },
    checksum: "",
    saturation: {
      inFlight: 1,
      weirRowsPerS: spread(90),
      echoRowsPerS: spread(100),
      ratio: spread(0.9),
      modelShare: 1,
      meanBatchRows: 8,
    },
    open: [run(0.5, 4000), run(0.5, 4000, "echo"), run(2, 50_000)],
    ...events,
  };
  const results: BenchResults = {
    date: "2026-01-01T00:00:00Z",
    machine: { cpu: "", cores: 2, memoryGb: 8, node: "26", system: "", load: 0 },
    scale: "full",
    suites: { events: lane },
    skipped: {},
  };
  return new Map(barRows(results).map((row) => [row.what, row.reached]));
}

describe("barRows", () => {
  test("says which of the two numbers was reached", () => {
    const rows = reached({});
    expect(rows.get("rows by name, one event a message, of the echo")).toBe("moonshot");
    expect(rows.get("p99 at half of saturation, events")).toBe("moonshot");
    expect(rows.get("overload at 2x, events: late, goodput, from the model")).toBe("bar");
  });

  test("a slow p99 at half load costs the moonshot, not the bar", () => {
    const rows = reached({ open: [run(0.5, 9000), run(0.5, 2000, "echo")] });
    expect(rows.get("rows by name, one event a message, of the echo")).toBe("bar");
    expect(rows.get("p99 at half of saturation, events")).toBe("bar");
  });

  test("late answers miss the bar, however late a bare timer was", () => {
    const late = { ...run(2, 50_000), late: { share: 0.002, boundS: 0.025 } };
    const rows = reached({ open: [late] });
    expect(rows.get("overload at 2x, events: late, goodput, from the model")).toBe("no");
  });
});

test("figures have three digits, thousands apart", () => {
  expect(figure(1_234_567.8)).toBe("1,234,568");
  expect(figure(0.012_345)).toBe("0.0123");
  expect(figure(Number.NaN)).toBe("-");
  expect(percent(0.999_69)).toBe("99.96 %");
});

describe("barRows of trainings", () => {
  test.each([
    [1.29, "bar"],
    [1.31, "no"],
  ] as const)("a p99 of %d times that without is %s", (ratio, expected) => {
    const training = {
      kind: "ecod",
      lane: "events",
      offeredRowsPerS: 1000,
      stillP99Us: spread(1000),
      trainingP99Us: spread(1000 * ratio),
      ratio: spread(ratio),
      trainings: 10,
      foreignP99Us: { median: 1, low: 1, high: 1, runs: 1 },
      foreignRatio: { median: 1, low: 1, high: 1, runs: 1 },
      busyShare: 0.9,
    } as const;
    const [row] = barRows({
      date: "2026-01-01T00:00:00Z",
      machine: { cpu: "", cores: 2, memoryGb: 8, node: "26", system: "", load: 0 },
      scale: "full",
      suites: { training: { runs: [training] } },
      skipped: {},
    });
    expect(row).toMatchObject({ reached: expected, measured: `${ratio}x` });
  });
});
