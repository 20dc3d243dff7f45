import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { catalogue, prometheusName } from "../../../src/telemetry/catalogue.ts";
import { parsePrometheus, type Family } from "./prometheus-parser.ts";
import { readPromql } from "./promql.ts";
import { exercise, start } from "./scenario.ts";

const panel = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string().min(1),
  description: z.string().optional(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z
    .array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() }))
    .default([]),
});
const dashboard = z
  .object({
    uid: z.literal("weir"),
    panels: z.array(panel),
    templating: z.object({
      list: z.array(
        z.object({
          name: z.string(),
          definition: z.string().optional(),
          options: z.array(z.object({ value: z.string() })).optional(),
        }),
      ),
    }),
  })
  .parse(JSON.parse(read("grafana-dashboard.json")));

const rule = z.strictObject({
  alert: z.string().regex(/^Weir[A-Z][a-zA-Z]+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(["info", "warning", "critical"]) }),
  annotations: z.strictObject({ summary: z.string().min(1), description: z.string().min(1) }),
});
const rules = z
  .strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule) })) })
  .parse(parse(read("prometheus-alerts.yml")))
  .groups.flatMap((group) => group.rules);

const panels = dashboard.panels.filter(({ type }) => type !== "row");
const variables = dashboard.templating.list;
/** What the console asks Prometheus, by who asks. */
const asked: readonly (readonly [who: string, expression: string])[] = [
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...variables.flatMap(({ name, definition }) =>
    definition === undefined
      ? []
      : [[`variable ${name}`, withoutLabelArgument(definition)] as const],
  ),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];
/** Labels that Prometheus adds when it scrapes. */
const targetLabels = ["job", "instance"];

let families: Map<string, Family>;
let stop: () => Promise<void>;
beforeAll(async () => {
  const { telemetry } = start();
  stop = () => telemetry.shutdown();
  exercise(telemetry);
  families = parsePrometheus((await telemetry.metricsText()).body);
});
afterAll(() => stop());

function read(file: string): string {
  return readFileSync(new URL(`../../../console/${file}`, import.meta.url), "utf8");
}

/** `label_values(metric{...}, label)` reads the metric; the label is checked as a grouping. */
function withoutLabelArgument(definition: string): string {
  return definition.replace(
    /^label_values\((?<metric>.*), (?<label>\w+)\)$/,
    "$<metric> by ($<label>)",
  );
}

/** Values of each label of a sample's name, as they are scraped. */
function labelsOf(metric: string): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const { samples } of families.values()) {
    for (const sample of samples.filter(({ name }) => name === metric)) {
      for (const [label, value] of Object.entries(sample.labels)) {
        labels.set(label, (labels.get(label) ?? new Set()).add(value));
      }
    }
  }
  return labels;
}

function labelNames(metric: string): string[] {
  return Array.from(labelsOf(metric).keys());
}

describe("the console", () => {
  it.each(asked)("%s reads only what /metrics has", (_who, expression) => {
    const { selectors, grouping } = readPromql(expression);
    expect(selectors.length).toBeGreaterThan(0);
    const names = [...families.values()].flatMap(({ samples }) => samples.map(({ name }) => name));
    for (const { metric, matchers } of selectors) {
      expect(names).toContain(metric);
      const labels = labelsOf(metric);
      for (const { label } of matchers) {
        expect([...labels.keys(), ...targetLabels], metric).toContain(label);
      }
      for (const label of grouping) {
        expect([...labels.keys(), ...targetLabels], metric).toContain(label);
      }
    }
  });

  it("filters on values that occur", () => {
    const closed = new Set([
      "le",
      "source",
      "stage",
      "transport",
      "reason",
      "quantile",
      "signal",
      "outcome",
      "mode",
    ]);
    for (const [who, expression] of asked) {
      for (const { metric, matchers } of readPromql(expression).selectors) {
        for (const { label, value } of matchers.filter((m) => closed.has(m.label))) {
          const values = value.startsWith("$") ? objectives() : value.split("|");
          for (const one of values)
            expect([...(labelsOf(metric).get(label) ?? [])], who).toContain(one);
        }
      }
    }
  });

  it("uses functions where they belong", () => {
    for (const [who, expression] of asked) {
      for (const { metric } of readPromql(expression).selectors) {
        const isCumulative = /_(total|bucket|count|sum)$/.test(metric);
        const isRated = new RegExp(`(rate|increase)\\(${metric}\\b`).test(expression);
        expect(isRated || who.startsWith("variable"), `${who}: ${metric}`).toBe(
          isCumulative || who.startsWith("variable"),
        );
      }
    }
  });

  it("shows every metric of the catalogue on the dashboard", () => {
    const shown = panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => readPromql(expr).selectors),
    );
    const names = new Set(shown.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, "")));
    expect([...names].toSorted()).toEqual(catalogue.map(prometheusName).toSorted());
  });

  it("knows every label in its legends", () => {
    for (const { title, targets } of panels) {
      for (const { expr, legendFormat } of targets) {
        const { selectors, grouping } = readPromql(expr);
        const known = [...grouping, ...selectors.flatMap(({ metric }) => labelNames(metric))];
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect([...known, ...targetLabels], title).toContain(label);
        }
      }
    }
  });

  it("names only labels that its alerts keep", () => {
    for (const { alert, expr, annotations } of rules) {
      const { selectors, grouping } = readPromql(expr);
      const kept =
        grouping.length > 0
          ? grouping
          : [...targetLabels, ...selectors.flatMap(({ metric }) => labelNames(metric))];
      const text = `${annotations.summary} ${annotations.description}`;
      for (const [, label] of text.matchAll(/\$labels\.(\w+)/g))
        expect(kept, alert).toContain(label);
    }
  });

  it("alerts on latency, backlog, the error share of a stage, worker restarts and the fallback share", () => {
    const metrics = rules.flatMap(({ expr }) =>
      readPromql(expr).selectors.map(({ metric }) => metric),
    );
    for (const metric of [
      "weir_request_duration_seconds_bucket",
      "weir_queue_rows",
      "weir_requests_in_flight",
      "weir_stage_failures_total",
      "weir_worker_restarts_total",
      "weir_fallbacks_total",
    ]) {
      expect(metrics).toContain(metric);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it("documents the whole catalogue, and nothing else", () => {
    const cells = read("README.md")
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .filter(([, name]) => name?.startsWith("`") === true)
      .map(([, name, type, labels, meaning]) => [name, type, labels, meaning]);
    expect(cells).toEqual(
      catalogue.map((metric) => {
        const { kind, labels, description } = metric;
        return [`\`${prometheusName(metric)}\``, kind, labels.join(", "), description];
      }),
    );
  });

  it("lays its panels side by side, each with its own id and a description", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = new Set<string>();
    for (const { title, description, gridPos } of panels) {
      expect(description, title).toBeTruthy();
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });
});

/** Bounds that the objective can be set to. */
function objectives(): readonly string[] {
  return variables.find(({ name }) => name === "slo")?.options?.map(({ value }) => value) ?? [];
}
