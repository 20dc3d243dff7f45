import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDetector } from "../../src/config/detector.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { deriveFile, type DeriveOptions, type Outcome } from "../../src/offline/derive.ts";
import { formatOf } from "../../src/offline/formats.ts";
import type { ColumnOptions } from "../../src/offline/plan.ts";
import { releaseModulePath } from "../../src/shard/module.ts";
import { mulberry } from "../kernel.ts";

export const kernelPath: string = process.env["WEIR_TEST_KERNEL"] ?? releaseModulePath;

/** Features of many kinds, with all that a file can do to them: lateness, missing values, categories, a policy that refuses. */
export const cardSpec = {
  inputs: [
    { name: "amount", missing: "model" },
    { name: "tip", defaultValue: 0.5 },
    { name: "country", type: "category", missing: "model" },
  ],
  features: [
    { name: "n_1h", aggregate: "count", window: { sliding: "1h" } },
    { name: "sum_1d", of: "amount", aggregate: "sum", window: { sliding: "1d" } },
    {
      name: "mean_day",
      of: "amount",
      aggregate: "mean",
      window: { tumbling: "day", timeZone: "Europe/Berlin" },
      defaultValue: -1,
    },
    { name: "std_5", of: "amount", aggregate: "std", window: { last: 5 }, defaultValue: 0 },
    {
      name: "z_1d",
      of: "amount",
      aggregate: "zscore",
      window: { sliding: "1d" },
      defaultValue: 0,
    },
    { name: "countries", of: "country", aggregate: "distinct", window: { sliding: "1d" } },
    { name: "since", aggregate: "time_since", unit: "1s", defaultValue: -1, hidden: true },
    { name: "tips", of: "tip", aggregate: "sum", window: { session: "30m" } },
    { name: "ratio", ratio: { of: "amount", to: "mean_day" }, defaultValue: 1 },
  ],
  eventTime: { allowedLateness: "10m", late: "refuse" },
  halfSpaceTrees: { trees: 1, height: 1 },
  timeoutMs: 30_000,
};

export interface CardEvent {
  readonly card: string;
  readonly time: number;
  readonly amount: number | null;
  readonly tip: number | null;
  readonly country: string | null;
}

/** Out of order by up to 15 minutes, some of it beyond the lateness. */
export function cardEvents(rows: number, seed: number): CardEvent[] {
  const random = mulberry(seed);
  const countries = ["DE", "FR", 'a "quoted", name', "Åland", "日本"];
  return Array.from({ length: rows }, (_, row) => {
    const isLate = random() < 0.1;
    return {
      card: `card ${Math.floor(random() * 17)}`,
      time: 1_690_000_000_000 + row * 20_000 - (isLate ? Math.floor(random() * 900_000) : 0),
      amount: random() < 0.05 ? null : Math.round(random() * 1e6) / 100,
      tip: random() < 0.2 ? null : Math.round(random() * 1000) / 100,
      country: random() < 0.1 ? null : (countries[Math.floor(random() * 5)] ?? null),
    };
  });
}

export function toNdjson(events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

export function toCsv(events: readonly object[]): string {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const head = Object.keys(events[0] ?? {}).join(",");
  return `${[head, ...events.map((event) => Object.values(event).map(cell).join(","))].join("\n")}\n`;
}

export const cardColumns: ColumnOptions = {
  key: "card",
  time: "time",
  arrival: undefined,
  systemAction: undefined,
  eventTimestamp: "event_timestamp",
  created: "created",
  keep: [],
  defaulted: false,
  timeliness: false,
};

/** A directory that is gone after the tests, and runs in it. */
export class OfflineRig {
  readonly directory: string = mkdtempSync(join(tmpdir(), "weir-offline-"));

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  options(input: string, output: string, given: Partial<DeriveOptions> = {}): DeriveOptions {
    return {
      detector: makeDetector("cards", 0, normalizeSpec(cardSpec)),
      columns: cardColumns,
      input: { path: this.path(input), format: formatOf(input) },
      output: { path: this.path(output), format: formatOf(output) },
      delimiter: ",",
      kernelPath,
      resume: false,
      onError: "fail",
      checkpointMs: 60_000,
      signal: new AbortController().signal,
      progress: () => undefined,
      notice: () => undefined,
      skipped: () => undefined,
      ...given,
    };
  }

  derive(input: string, output: string, given: Partial<DeriveOptions> = {}): Promise<Outcome> {
    return deriveFile(this.options(input, output, given));
  }

  removeFile(name: string): void {
    rmSync(this.path(name));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
