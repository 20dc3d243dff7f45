/** 1234567 as "1,234,567". */
export function grouped(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** With four significant digits; "none" for NaN. */
export function digits(value: number): string {
  if (Number.isNaN(value)) return "none";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return String(Number(value.toPrecision(4)));
}

/** "12.3 %" of `whole`; "0 %" of nothing. */
export function percent(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const share = (part / whole) * 100;
  if (share > 99.95 && part < whole) return "over 99.9 %";
  return share < 0.1 ? "under 0.1 %" : `${Number(share.toFixed(1))} %`;
}

/** As many of them as are said with their noun: "1 row", "2,000 rows". */
export function counted(value: number, noun: string): string {
  return `${grouped(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** ISO 8601 in UTC. */
export function timeText(unixMs: number): string {
  return Number.isFinite(unixMs) && Math.abs(unixMs) <= 8.64e15
    ? new Date(unixMs).toISOString()
    : String(unixMs);
}
