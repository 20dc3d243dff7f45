import type { MessageReader } from "./message-reader.ts";
import { show } from "./problems.ts";

const unitsMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 7 * 86_400_000],
]);

/** Ten years. */
export const durationMsMax = 3650 * 86_400_000;

const written = /^(\d{1,15}(?:\.\d{1,9})?) ?(ms|s|m|h|d|w)$/;

/** ms of a text as 90s, 15m, 1.5h or 30d: a number and ms, s, m, h, d or w. Undefined = it is none, or no whole number of ms. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = written.exec(text.trim()) ?? [];
  const unitMs = unitsMs.get(unit ?? "");
  if (number === undefined || unitMs === undefined) return undefined;
  // 0.1h is 360000.00000000006 ms in floating point.
  const ms = Math.round(Number(number) * unitMs);
  return Math.abs(Number(number) * unitMs - ms) < 1e-6 ? ms : undefined;
}

/** A duration in the largest unit up to days that it is a whole number of. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let text = `${ms}ms`;
  for (const [unit, unitMs] of unitsMs) {
    if (unit !== "w" && ms % unitMs === 0) text = `${ms / unitMs}${unit}`;
  }
  return text;
}

interface DurationBounds {
  /** ms; 1, or 0 where none is a duration, too. */
  readonly min: 0 | 1;
  /** What the value may be beside a duration: `, or day, week or month`. */
  readonly or?: string;
}

/** ms of a field; undefined when it is absent or wrong, which is noted. */
export function readDuration(
  reader: MessageReader,
  name: string,
  { min, or = "" }: DurationBounds,
): number | undefined {
  const value = reader.raw(name);
  if (value === undefined || value === "") return undefined;
  if (min === 0 && (value === 0 || value === "0")) return 0;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined) {
    reader.wrong(
      name,
      `got ${show(value)}, expected a duration as 90s, 15m, 1h or 30d${or}${unitHint(value)}`,
    );
    return undefined;
  }
  if (ms >= min && ms <= durationMsMax) return ms;
  const least = min === 0 ? "0s" : "1ms";
  reader.wrong(name, `got ${show(value)}, expected a duration between ${least} and 3650d${or}`);
  return undefined;
}

/** Of a number alone: it has no unit. */
function unitHint(value: unknown): string {
  const bare = typeof value === "number" || typeof value === "bigint" ? String(value) : value;
  if (typeof bare !== "string" || !/^\d+$/.test(bare)) return "";
  return `; did you mean "${bare}s"?`;
}
