import type { Terminal } from "./terminal.ts";

/**
 * Where a structured log goes on a terminal: JSON lines in, readable lines out (`12:00:01 INFO  drained  requests=3`). Lines that
 * are no JSON objects pass as they are.
 */
export function textLog(terminal: Pick<Terminal, "print">): { write(line: string): void } {
  return { write: (line) => terminal.print(readable(line.trimEnd())) };
}

function readable(line: string): string {
  const fields = parse(line);
  if (fields === undefined) return line;
  const { level = "", time = "", msg = "", err, ...rest } = fields;
  const clock = typeof time === "string" ? time.slice(11, 19) : "";
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${shown(value)}`);
  const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}`;
  const stack = isObject(err) && typeof err["stack"] === "string" ? `\n${err["stack"]}` : "";
  return `${[head, ...pairs].join("  ")}${stack}`;
}

function shown(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value) ?? "";
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
