import { limits } from "../../../config/limits.ts";
import type { Detector } from "../../../domain/detector.ts";
import { Code, WeirError } from "../../../domain/errors.ts";
import type { EventInput } from "../../../domain/event.ts";
import { Source, type Verdicts } from "../../../domain/verdict.ts";
import { checkRequired, declaredOnly } from "../../../discovery/checks.ts";
import type { NamedRow } from "../../../discovery/kept-rows.ts";
import { categoryText } from "../../../discovery/row-encoding.ts";
import type { Row } from "./validate.ts";

/** One point's answer. */
export interface StreamItem {
  index: number;
  readonly score: number | null;
  readonly is_anomaly: boolean | null;
  readonly raw_score: number | null;
  readonly samples_until_ready: number;
  /** Only where the model did not answer: `rules`, `cached` or `default`. */
  readonly source?: string;
}

const noNumbers: ReadonlyMap<string, number> = new Map();
const noCategories: ReadonlyMap<string, string> = new Map();

/** Throws 400 for the first number that no model takes: infinite, or beyond 1e100. */
export function checkNumbers(data: readonly Row[]): void {
  for (const [index, row] of data.entries()) {
    for (const name of Object.keys(row)) {
      const value = row[name];
      if (typeof value !== "number" || Math.abs(value) <= limits.magnitudeMax) continue;
      throw WeirError.invalid(
        "NUMBER_OUT_OF_RANGE",
        `data[${index}].${name.slice(0, 64)}`,
        `${value} is infinite or its magnitude is over ${limits.magnitudeMax}`,
      );
    }
  }
}

/** Throws 400 for the first point that lacks a required input or has a text that is too long: no part of the points is learned then. */
export function checkInputs(data: readonly Row[], { byName }: Detector): void {
  for (const [index, row] of data.entries()) {
    checkRequired(declaredOnly(namedRow(row), byName), index, byName);
  }
}

/** A point for a detector that does not know its inputs yet. */
export function namedRow(row: Row): NamedRow {
  return { id: "", key: "", timeUnixMs: 0, fields: Object.entries(row) };
}

/** A point by the detector's inputs: by name; what is missing, null or of another type is missing; other names are ignored. */
export function eventOf(row: Row, { numberInputs, categoryInputs }: Detector): EventInput {
  const values: number[] = [];
  for (const { name } of numberInputs) {
    const value = row[name];
    values.push(typeof value === "number" ? value : Number.NaN);
  }
  return {
    id: "",
    key: "",
    timeUnixMs: 0,
    numbers: noNumbers,
    categories: categoryInputs.length === 0 ? noCategories : categoriesOf(row, categoryInputs),
    values,
    systemAction: "",
  };
}

function categoriesOf(row: Row, inputs: Detector["categoryInputs"]): ReadonlyMap<string, string> {
  const categories = new Map<string, string>();
  for (const { name, encoding } of inputs) {
    const text = categoryText(Object.hasOwn(row, name) ? row[name] : undefined, encoding);
    if (text !== undefined) categories.set(name, text);
  }
  return categories;
}

/** A refusal by admission, which names places as they are over gRPC, with the names of points; `first` is the first row's point. */
export function ofPoints(error: unknown, { numberInputs }: Detector, first: number): unknown {
  if (!(error instanceof WeirError) || error.code !== Code.INVALID_ARGUMENT) return error;
  const message = error.message.replace(
    /^events\[(\d+)\]\.(?:values\[(\d+)\]|categories\.)/,
    (_, row: string, column: string | undefined) =>
      `data[${Number(row) + first}].${column === undefined ? "" : numberInputs[Number(column)]?.name}`,
  );
  return new WeirError(error.code, error.reason, message);
}

/** A point that trains the first model, or waits for it. */
export function collectingItem(samplesUntilReady: number): StreamItem {
  return {
    index: 0,
    score: null,
    is_anomaly: null,
    raw_score: null,
    samples_until_ready: samplesUntilReady,
  };
}

const sourceWords: Readonly<Record<number, string>> = {
  [Source.RULES]: "rules",
  [Source.CACHED]: "cached",
  [Source.DEFAULT]: "default",
};

/** Row `row` of what was answered. */
export function itemOf(verdicts: Verdicts, row: number, samplesUntilReady: number): StreamItem {
  const score = verdicts.scores[row] ?? Number.NaN;
  const source = sourceWords[verdicts.sources[row] ?? 0];
  if (Number.isNaN(score)) return collectingItem(samplesUntilReady);
  const item: StreamItem = {
    index: 0,
    score,
    is_anomaly: verdicts.anomalies[row] === 1,
    raw_score: source === undefined ? (verdicts.rawScores[row] ?? null) : null,
    samples_until_ready: samplesUntilReady,
  };
  return source === undefined ? item : { ...item, source };
}
