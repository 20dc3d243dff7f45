import type { ConfigProblem } from "./config-file.ts";

/** Every problem as `file:line:column: path: message`, the line, and marks below what is wrong. */
export function formatProblems(
  file: string,
  text: string,
  problems: readonly ConfigProblem[],
): string {
  const lines = text.split(/\r?\n/);
  const blocks = problems.map((problem) => formatProblem(file, lines, problem));
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `${blocks.join("\n\n")}\n\n${count} in ${file}`;
}

function formatProblem(file: string, lines: readonly string[], problem: ConfigProblem): string {
  const { line, column, path, message } = problem;
  const source = (lines[line - 1] ?? "").replaceAll("\t", " ");
  const marks = "^".repeat(Math.max(1, Math.min(problem.length, source.length - column + 1)));
  const number = String(line);
  const gutter = " ".repeat(number.length);
  return [
    `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`,
    `  ${number} | ${source}`,
    `  ${gutter} | ${" ".repeat(column - 1)}${marks}`,
  ].join("\n");
}
