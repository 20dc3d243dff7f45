import { RowFault, shown } from "./rows.ts";

/** Powers of ten that are exact as float64s. */
const TENS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const MANTISSA_DIGITS_MAX = 15;
const DIGIT_0 = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;

/**
 * The number that the ASCII bytes[start, end) write; NaN = not a plain decimal of at most 15 digits, which `numberOf` then looks at. Rounded
 * as `Number` does: a quotient of two exact float64s is (Clinger 1990).
 */
export function plainNumber(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  let mantissa = 0;
  let point = -1;
  for (let at = first; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const digit = byte - DIGIT_0;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (byte === POINT && point < 0) point = at;
    else return Number.NaN;
  }
  const digits = point < 0 ? end - first : end - first - 1;
  const value = scaled(mantissa, digits, point < 0 ? 0 : end - point - 1);
  return isNegative ? -value : value;
}

/** `places` digits are behind the point. */
function scaled(mantissa: number, digits: number, places: number): number {
  if (digits <= 0 || digits > MANTISSA_DIGITS_MAX) return Number.NaN;
  return mantissa / (TENS[places] ?? Number.NaN);
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** NaN = missing: nothing, or NaN. Throws a RowFault when it is no number. */
export function numberOf(text: string, column: string): number {
  const written = text.trim();
  if (written === "" || written.toLowerCase() === "nan") return Number.NaN;
  if (decimal.test(written)) return Number(written);
  throw new RowFault(
    `column ${column}: ${shown(text)} is no number; expected one as 12.5 or 1e-3, or nothing`,
  );
}

const unixMs = /^-?\d{1,16}$/;
const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;
/** What a Date can be. */
const TIME_MAX = 8.64e15;

/** Unix ms; NaN = missing. Without an offset a time is UTC; what is finer than a millisecond is cut off. Throws a RowFault. */
export function timeOf(text: string, column: string): number {
  const written = text.trim();
  if (written === "") return Number.NaN;
  const time = unixMs.test(written) ? Number(written) : isoTime(written);
  return checkTime(time, text, column);
}

/** The same time when a Date can be it. */
export function checkTime(time: number, given: unknown, column: string): number {
  if (Number.isInteger(time) && Math.abs(time) <= TIME_MAX) return time;
  throw new RowFault(
    `column ${column}: ${shown(given)} is no time; expected whole Unix milliseconds, or ISO 8601 as 2026-03-01T12:00:00.000Z`,
  );
}

function isoTime(text: string): number {
  const parts = iso.exec(text);
  if (parts === null) return Number.NaN;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] =
    parts;
  const date = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC takes years below 100 for the 20th century, and the 31st of February for a day in March.
  const isDate = new Date(date).toISOString().startsWith(`${year}-${month}-${day}`);
  if (!isDate || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return Number.NaN;
  const clock = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return date + clock * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3)) - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone.length <= 3 && !/^[+-]/.test(zone)) return 0;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}
