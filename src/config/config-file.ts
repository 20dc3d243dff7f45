import {
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
} from "yaml";
import type * as z from "zod";
import type { DetectorConfig } from "../domain/detector.ts";
import { detectorNameProblem, readSpec } from "./detector-spec.ts";
import { configJsonSchema, optionsSchema, type FileOptions } from "./file-schema.ts";
import { limits } from "./limits.ts";
import { didYouMean, formatPath, Problems, type Path, type Problem } from "./problems.ts";

/** A mistake in a configuration file. */
export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Characters that are wrong, at least 1. */
  readonly length: number;
  /** `detectors.cards.inputs[2].name`; "" = the file's syntax. */
  readonly path: string;
  /** What was found, what is expected, and the nearest name where one is near. */
  readonly message: string;
}

/** A configuration file that was read: it counts only when `problems` is empty. */
export interface ConfigFile {
  readonly options: FileOptions;
  readonly detectors: ReadonlyMap<string, DetectorConfig>;
  /** In the order of the file. */
  readonly problems: readonly ConfigProblem[];
}

const problemsMax = 50;

/** Everything that is wrong with a configuration file, in the order of its lines; [] = nothing. */
export function checkConfig(text: string): readonly ConfigProblem[] {
  return readConfig(text).problems;
}

export function readConfig(text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    intAsBigInt: true,
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    const problems = syntax.map(({ pos, message }) => place(lines, pos, "", `YAML: ${message}`));
    return { options: {}, detectors: new Map(), problems: inOrder(problems) };
  }
  const problems = new Problems(problemsMax);
  const written = valueOf(document, problems);
  const options = readOptions(written, problems);
  const detectors = readDetectors(fieldOf(written, "detectors") ?? {}, problems);
  return {
    options,
    detectors,
    problems: inOrder(problems.list.map((problem) => locate(problem, document, lines))),
  };
}

function valueOf(document: Document.Parsed, problems: Problems): unknown {
  try {
    // An empty file is an empty configuration.
    const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    if (!refersToItself(value, [])) return value;
    problems.add([], "YAML: an alias refers to what it stands in");
  } catch (thrown) {
    problems.add([], `YAML: ${thrown instanceof Error ? thrown.message : "too many aliases"}`);
  }
  return {};
}

function refersToItself(value: unknown, around: readonly object[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (around.includes(value)) return true;
  return Object.values(value).some((content) => refersToItself(content, [...around, value]));
}

/** Checks a tree of options against the schema; {} when it is wrong. */
export function readOptions(written: unknown, problems: Problems): FileOptions {
  const result = optionsSchema.safeParse(withNumbers(written));
  if (result.success) return result.data;
  for (const issue of result.error.issues) noteIssue(issue, problems);
  return {};
}

/** What a detector's own specification, taken for a configuration file, begins with. */
const ofDetectors = new Set(["inputs", "features", "event_time"]);
const underName = "; it is a detector's: write it under `detectors:` and a name";

function noteIssue(issue: z.core.$ZodIssue, problems: Problems): void {
  const path = issue.path.map((step) => (typeof step === "symbol" ? "?" : step));
  if (issue.code !== "unrecognized_keys") {
    problems.add(path, issue.message);
    return;
  }
  const names = namesAt(path);
  for (const key of issue.keys) {
    const hint = path.length === 0 && ofDetectors.has(key) ? underName : didYouMean(key, names);
    const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
    problems.add([...path, key], `there is no such option${expected}`, true);
  }
}

/** The names of the options at a path. */
function namesAt(path: Path): readonly string[] {
  let node: unknown = configJsonSchema();
  for (const step of path) node = fieldOf(fieldOf(node, "properties"), String(step));
  return Object.keys(fieldOf(node, "properties") ?? {});
}

function fieldOf(value: unknown, name: string): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const field: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof field === "object" && field !== null ? field : undefined;
}

/** Without nulls, and whole numbers as numbers where they fit; except in detectors, which have 64-bit fields. */
function withNumbers(value: unknown, depth = 0): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  if (Array.isArray(value)) return value.map((element) => withNumbers(element, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [key, content] of Object.entries(value)) {
    // An option without a value, or a section whose options are all commented out.
    if (content === null || content === undefined) continue;
    const detectors = depth === 0 && key === "detectors";
    entries.push([key, detectors ? content : withNumbers(content, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function readDetectors(specs: object, problems: Problems): ReadonlyMap<string, DetectorConfig> {
  const detectors = new Map<string, DetectorConfig>();
  // The schema has told what is wrong with a list.
  const entries: [string, unknown][] = Array.isArray(specs) ? [] : Object.entries(specs);
  if (entries.length > limits.detectorsMax) {
    problems.add(["detectors"], `${entries.length} detectors, at most ${limits.detectorsMax} fit`);
  }
  for (const [name, spec] of entries) {
    const path = ["detectors", name];
    const wrongName = detectorNameProblem(name);
    if (wrongName !== undefined) problems.add(path, `as a detector's name: ${wrongName}`, true);
    const own = new Problems(problemsMax);
    const config = readSpec(spec, path, own);
    for (const problem of own.list) problems.add(problem.path, problem.message, problem.atName);
    if (config !== undefined) detectors.set(name, config);
  }
  return detectors;
}

/** The problem with the place of what is wrong, or of the nearest thing around it that is there. */
function locate(problem: Problem, document: Document.Parsed, lines: LineCounter): ConfigProblem {
  let node: unknown = document.contents;
  let range: Range | undefined = rangeOf(node);
  for (const [i, step] of problem.path.entries()) {
    const found = child(node, step);
    if (found === undefined) break;
    const last = i === problem.path.length - 1;
    const atName = (last && problem.atName) || isCollection(found.value);
    const [first, second] = atName ? [found.key, found.value] : [found.value, found.key];
    range = rangeOf(first) ?? rangeOf(second) ?? range;
    node = found.value;
  }
  return place(lines, range ?? [0, 1], formatPath(problem.path), problem.message);
}

type Range = readonly [start: number, end: number];

function rangeOf(node: unknown): Range | undefined {
  if (!isScalar(node) && !isCollection(node)) return undefined;
  if (node.range === null || node.range === undefined) return undefined;
  const [start, end] = node.range;
  // Of a list's element that is an object, only its first name is marked.
  if (isCollection(node)) return [start, start + 1];
  // A name without a value has an empty one.
  return end > start ? [start, end] : undefined;
}

function child(node: unknown, step: string | number): { key: unknown; value: unknown } | undefined {
  if (!isCollection(node)) return undefined;
  if (!isMap(node)) {
    const value = typeof step === "number" ? node.items[step] : undefined;
    return value === undefined ? undefined : { key: value, value };
  }
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const written = String(pair.key.value);
    if (written === step || snakeCase(written) === step)
      return { key: pair.key, value: pair.value };
  }
  return undefined;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function place(lines: LineCounter, range: Range, path: string, message: string): ConfigProblem {
  const { line, col } = lines.linePos(range[0]);
  const length = Math.max(1, range[1] - range[0]);
  return { line: Math.max(1, line), column: Math.max(1, col), length, path, message };
}

function inOrder(problems: ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
