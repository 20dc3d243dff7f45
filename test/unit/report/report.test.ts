import { describe, expect, test } from "vitest";
import { Comparison } from "../../../src/report/compare.ts";
import { htmlReport } from "../../../src/report/html-report.ts";
import type { ChangedAlert, ReportContent } from "../../../src/report/html-report.ts";
import { html, shown } from "../../../src/report/markup.ts";
import { counted, digits, percent } from "../../../src/report/numbers.ts";
import { specDifferences } from "../../../src/report/spec-differences.ts";
import { distributionChart } from "../../../src/report/terminal-chart.ts";
import { Timeline } from "../../../src/report/timeline.ts";

const hostile = `<script>alert("x")</script>&'\u202e\u0007\n`;

function content(given: Partial<ReportContent> = {}): ReportContent {
  const comparison = new Comparison();
  const timeline = new Timeline();
  for (let i = 0; i < 100; i++) {
    comparison.add(i / 100, i > 95, i / 200, false);
    timeline.add(i, { score: i / 100, anomaly: i > 95 }, { score: i / 200, anomaly: false });
  }
  return {
    title: "a replay",
    about: [],
    finding: "found",
    names: { live: "live", other: "replayed" },
    summary: comparison.summary(),
    timeline: timeline.buckets(),
    gained: [],
    lost: [],
    differences: undefined,
    ...given,
  };
}

const anAlert: ChangedAlert = {
  position: 12,
  row: 3,
  key: "k",
  id: "i",
  timeUnixMs: 1_700_000_000_000,
  liveScore: 0.9,
  otherScore: Number.NaN,
};

describe("the page", () => {
  test("escapes whatever came with the data, wherever it is put", () => {
    const page = htmlReport(
      content({
        title: hostile,
        about: [[hostile, hostile]],
        finding: hostile,
        names: { live: hostile, other: hostile },
        lost: [{ ...anAlert, key: hostile, id: hostile }],
        differences: [{ path: hostile, live: hostile, other: hostile }],
      }),
    );
    expect(page).not.toContain("<script");
    expect(page).not.toContain('alert("x")');
    expect(page).not.toContain("\u202e");
    expect(page).not.toContain("\u0007");
    expect(
      page.split("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;").length,
    ).toBeGreaterThan(10);
  });

  test("needs nothing else: no script, no address", () => {
    const page = htmlReport(content());
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<(script|link|img|iframe)|https?:|url\(/);
  });

  test("says how many alerts are not listed", () => {
    const page = htmlReport(content({ lost: [anAlert] }));
    expect(page).toContain("And 3 more.");
    expect(page).toContain("12:3");
  });

  test("has room for the numbers beside its charts", () => {
    const most = 987_654_321;
    const { summary, timeline } = content();
    const { distribution } = summary;
    const page = htmlReport(
      content({
        summary: { ...summary, distribution: { ...distribution, live: [most, 0], other: [0, 1] } },
        timeline: timeline.map((bucket) => ({ ...bucket, liveAnomalies: most })),
      }),
    );
    const labels = [
      ...page.matchAll(/<text x="([\d.]+)"[^>]*text-anchor="end">([\d,.]+)<\/text>/g),
    ];
    expect(labels.map(([, , label]) => label)).toContain("987,654,321");
    expect(labels.map(([, , label]) => label)).toContain("600,000,000");
    // A digit of the 13 px font is at most 8 px wide.
    for (const [, x, label = ""] of labels)
      expect(Number(x)).toBeGreaterThanOrEqual(label.length * 8);
  });

  test("leaves numbers out of charts that are none", () => {
    const page = htmlReport(content({ timeline: [], summary: new Comparison().summary() }));
    expect(page.replaceAll(/<title>[^<]*<\/title>/g, "")).not.toMatch(
      /"(NaN|undefined|-?Infinity|none)"/,
    );
  });
});

test("markup puts texts in escaped, and markup as it is", () => {
  expect(html`<b title="${'"'}">${html`<i>${"<"}</i>`}${[1, "&"]}</b>`.text).toBe(
    '<b title="&quot;"><i>&lt;</i>1&amp;</b>',
  );
  expect(shown("a\u001b[31mb\u202e")).toBe(String.raw`a\u{1b}[31mb\u{202e}`);
});

describe("the chart on the terminal", () => {
  const names = { live: "live", other: "replayed" };

  test("has both sides on one scale, and the scores that there are", () => {
    const comparison = new Comparison();
    for (let i = 0; i < 80; i++) comparison.add(0.9501, false, 0.9601, false);
    for (let i = 0; i < 20; i++) comparison.add(0.9512, false, 0.9512, false);
    comparison.add(0.9512, false, 0.9694, false);
    const lines = distributionChart(comparison.summary().distribution, names);
    expect(lines).toHaveLength(21);
    expect(lines.slice(0, 3)).toEqual([
      "score         live                       replayed",
      "0.950-0.951   █████████████████████ 80                          0",
      "0.951-0.952   █████▌                21   █████▎                20",
    ]);
    expect(lines.slice(10, 13)).toEqual([
      "0.959-0.960                          0                          0",
      "0.960-0.961                          0   █████████████████████ 80",
      "0.961-0.962                          0                          0",
    ]);
    expect(lines.at(-1)).toBe("0.969-0.970                          0   ▎                      1");
  });

  test("widens its bins until all scores are in them", () => {
    for (const scores of [[0, 1], [0.2, 0.21], [0.999], [-5, 9], [0.5, 0.9]]) {
      const comparison = new Comparison();
      for (const score of scores) comparison.add(score, false, score, false);
      const { from, live, width } = comparison.summary().distribution;
      expect(live.reduce((sum, rows) => sum + rows, 0)).toBe(scores.length);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(from + 20 * width).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  test.each([
    [0.025, "0.500-0.525"],
    [0.05, "0.50-0.55"],
    [0.01, "0.50-0.51"],
    [0.002, "0.500-0.502"],
  ])("names bins of %d exactly", (width, first) => {
    const bins = [1];
    const [, line] = distributionChart({ from: 0.5, width, live: bins, other: bins }, names);
    expect(line?.split(" ")[0]).toBe(first);
  });

  test("fits 80 columns with ten million rows in a bin", () => {
    const bins = Array.from({ length: 20 }, () => 9_999_999);
    const distribution = { from: 0.98, width: 0.001, live: bins, other: bins };
    for (const line of distributionChart(distribution, names)) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  test("says that there are no scores", () => {
    expect(distributionChart(new Comparison().summary().distribution, names)).toEqual([
      "no scores on either side",
    ]);
  });
});

describe("scores over time", () => {
  test("are summed in at most 120 stretches, whose sums do not depend on how they grew", () => {
    const timeline = new Timeline();
    for (let i = 0; i < 10_000; i++) {
      const score = i % 100 === 7 ? Number.NaN : (i % 10) / 10;
      timeline.add(
        1000 + i * 977,
        { score, anomaly: i % 50 === 0 },
        { score: i === 9000 ? 0.95 : 0.5, anomaly: false },
      );
    }
    const buckets = timeline.buckets();
    expect(buckets.length).toBeGreaterThan(55);
    expect(buckets.length).toBeLessThanOrEqual(120);
    const sum = (of: (bucket: (typeof buckets)[number]) => number): number =>
      buckets.reduce((all, bucket) => all + of(bucket), 0);
    expect(sum(({ rows }) => rows)).toBe(10_000);
    expect(sum(({ liveAnomalies }) => liveAnomalies)).toBe(200);
    expect(sum(({ otherMean, rows }) => otherMean * rows)).toBeCloseTo(5000.45, 6);
    expect(Math.max(...buckets.map(({ liveMax }) => liveMax))).toBe(0.9);
    expect(buckets.filter(({ otherMax }) => otherMax === 0.95)).toHaveLength(1);
    expect(buckets[0]?.startUnixMs).toBe(1000);
    const ends = buckets.map(({ endUnixMs }) => endUnixMs);
    expect(buckets.slice(1).map(({ startUnixMs }) => startUnixMs)).toEqual(ends.slice(0, -1));
  });

  test("has no mean where there are no scores", () => {
    const timeline = new Timeline();
    const none = { score: Number.NaN, anomaly: false };
    timeline.add(5, none, { score: 0.5, anomaly: true });
    expect(timeline.buckets()).toMatchObject([
      { rows: 1, liveMean: Number.NaN, liveMax: Number.NaN, otherMean: 0.5, otherAnomalies: 1 },
    ]);
    expect(new Timeline().buckets()).toEqual([]);
  });
});

test("specifications differ in fields that one has, or that have other values", () => {
  const live = { trees: { trees: 10, window: 250 }, inputs: [{ name: "a" }, { name: "b" }] };
  const other = { trees: { trees: 25, window: 250 }, inputs: [{ name: "a" }], threshold: 0.5 };
  expect(specDifferences(live, other)).toEqual([
    { path: "trees.trees", live: "10", other: "25" },
    { path: "inputs[1].name", live: '"b"', other: "" },
    { path: "threshold", live: "", other: "0.5" },
  ]);
  expect(specDifferences(live, live)).toEqual([]);
});

test("numbers are said without more than is known", () => {
  expect([
    percent(0, 10),
    percent(1, 100_000),
    percent(1, 3),
    percent(99_999, 100_000),
    percent(5, 5),
  ]).toEqual(["0 %", "under 0.1 %", "33.3 %", "over 99.9 %", "100 %"]);
  expect([digits(Number.NaN), digits(0.123456), digits(7)]).toEqual(["none", "0.1235", "7"]);
  expect([counted(1, "row"), counted(2000, "row")]).toEqual(["1 row", "2,000 rows"]);
});
