import { parse } from "@bufbuild/cel";

/** A parsed expression: the tree, and where its parts stand in the source. */
export interface Parsed {
  readonly tree: Tree;
  /** Offset of an expression by its id, in UTF-16 units. */
  readonly positions: Readonly<Record<string, number>>;
  /** For the planner. */
  readonly program: ReturnType<typeof parse>;
}

/** A node of CEL's abstract syntax tree. */
export type Tree = ReturnType<typeof parse>["expr"];

/** An expression that cannot become a rule, with the place in its source. */
export class RuleError extends Error {
  override readonly name = "RuleError";

  constructor(source: string, offset: number, message: string) {
    super(`${message}\n${excerpt(source, skipBlanks(source, offset))}`);
  }
}

/** Throws a RuleError that points at the first character that is not understood. */
export function parseRule(source: string): Parsed {
  try {
    const program = parse(source);
    return { tree: program.expr, positions: program.sourceInfo?.positions ?? {}, program };
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new RuleError(source, 0, "is nested too deeply");
    const { offset, expected } = locate(source, 0);
    const found = offset < source.trimEnd().length ? `found ${foundAt(source, offset)}` : "it ends";
    const meant = meantBy(source, offset);
    throw new RuleError(source, offset, `is not CEL: ${found}, expected ${meant ?? expected}`);
  }
}

interface Failure {
  readonly offset: number;
  readonly expected: string;
}

const operator = /^(\|\||&&|==|!=|<=|>=|[<>+\-*/%]|in\b)/;

/**
 * Where the parser gives up. It reports an operator whose right side is broken at the operator itself, so the right side is
 * parsed alone to find the place that matters.
 */
function locate(source: string, start: number): Failure {
  const failure = failureOf(source.slice(start));
  if (failure === undefined) return { offset: start, expected: "something else" };
  const offset = start + failure.offset;
  const operated = failure.names.has("end of input") ? operator.exec(source.slice(offset)) : null;
  if (operated !== null) {
    const right = offset + operated[0].length;
    if (failureOf(source.slice(right)) !== undefined) return locate(source, right);
  }
  return { offset: skipBlanks(source, offset), expected: expectation(failure.names) };
}

function failureOf(source: string): { offset: number; names: ReadonlySet<string> } | undefined {
  try {
    parse(source);
    return undefined;
  } catch (thrown) {
    const names = new Set<string>();
    if (!isSyntaxError(thrown)) return { offset: 0, names };
    for (const { value } of thrown.expected) names.add(value);
    return { offset: thrown.location.start.offset, names };
  }
}

interface SyntaxFailure {
  readonly location: { readonly start: { readonly offset: number } };
  readonly expected: readonly { readonly value: string }[];
}

/** The parser's own error, which its package does not export. */
function isSyntaxError(thrown: unknown): thrown is SyntaxFailure {
  return thrown instanceof Error && "location" in thrown && "expected" in thrown;
}

function expectation(names: ReadonlySet<string>): string {
  if (names.has("identifier")) return "a value: a name, a number, a text in quotes, ( or [";
  const closers = [")", "]", "}", ",", ":"].filter((closer) => names.has(closer));
  if (closers.length > 0) return [...closers, "or an operator"].join(" ");
  return "an operator or the end";
}

/** Habits from other languages, with CEL's own way. */
function meantBy(source: string, offset: number): string | undefined {
  const rest = source.slice(offset);
  if (/^=(?!=)/.test(rest)) return "== to compare";
  if (/^and\b/i.test(rest)) return "&&";
  if (/^or\b/i.test(rest)) return "||";
  return rest.startsWith("?") ? "a choice with both sides: condition ? yes : no" : undefined;
}

function skipBlanks(source: string, offset: number): number {
  const blanks = /^\s*/.exec(source.slice(offset));
  return offset + (blanks?.[0].length ?? 0);
}

function foundAt(source: string, offset: number): string {
  const word = /^(\w+|.)/su.exec(source.slice(offset));
  return JSON.stringify(word?.[0].slice(0, 32) ?? "");
}

/** The line that holds the offset, and a caret below the character. */
function excerpt(source: string, offset: number): string {
  const start = source.lastIndexOf("\n", offset - 1) + 1;
  const end = source.indexOf("\n", start);
  const line = source.slice(start, end === -1 ? undefined : end).replaceAll(/\s/g, " ");
  const column = Math.min(offset - start, line.length);
  // A long line is cut around its caret.
  const from = Math.max(0, column - 60);
  const shown = line.slice(from, from + 120);
  const caret = Array.from(line.slice(from, column)).length;
  return `  ${shown}\n  ${" ".repeat(caret)}^`;
}
