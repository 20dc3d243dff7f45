import { expect, test } from "vitest";
import { histogramDelta, parseMetrics, shareAbove } from "../../../bench/end-to-end/metrics.ts";

const text = (fast: number, all: number): string => `
# TYPE weir_x_seconds histogram
weir_x_seconds_bucket{detector="a",source="model",le="0.025"} ${fast}
weir_x_seconds_bucket{detector="a",source="model",le="+Inf"} ${all}
weir_x_seconds_bucket{detector="b",source="model",le="0.025"} 1
weir_x_seconds_bucket{detector="b",source="model",le="+Inf"} 1
weir_x_seconds_sum{detector="a",source="model"} 3.5
weir_x_seconds_count{detector="a",source="model"} ${all}
`;

test("the share of late answers is that between two scrapes, over all labels", () => {
  const delta = histogramDelta(
    parseMetrics(text(10, 10)),
    parseMetrics(text(100, 110)),
    "weir_x_seconds",
  );
  expect(delta?.count).toBe(100);
  const late = shareAbove(delta!, 0.025);
  expect(late.share).toBeCloseTo(0.1, 9);
  expect(late.bound).toBe(0.025);
});

test("a histogram that is not there is undefined", () => {
  expect(histogramDelta([], [], "weir_x_seconds")).toBeUndefined();
});
