import type { Distribution } from "./compare.ts";
import { grouped } from "./numbers.ts";

const BAR_COLUMNS = 21;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * Two distributions of scores side by side on one scale, within 80 columns up to ten million rows a bin; bins without a row on either side at both ends are
 * left out. `paint` may colour a bar: 0 = the live one's.
 */
export function distributionChart(
  { from, live, other, width }: Distribution,
  names: { readonly live: string; readonly other: string },
  paint: (side: 0 | 1, bar: string) => string = (_, bar) => bar,
): readonly string[] {
  const most = Math.max(...live, ...other);
  const inUse = live.map((rows, bin) => rows + (other[bin] ?? 0) > 0);
  if (!inUse.includes(true)) return ["no scores on either side"];
  const columns = [live, other].map((bins) =>
    Math.max(...bins.map((rows) => grouped(rows).length)),
  );
  const side = (which: 0 | 1, rows: number): string => {
    const bar = barOf(rows, most);
    const space = " ".repeat(BAR_COLUMNS - bar.length);
    return `${paint(which, bar)}${space} ${grouped(rows).padStart(columns[which] ?? 0)}`;
  };
  const places = areHundredths(width) && areHundredths(from) ? 2 : 3;
  const edge = (bin: number): string => (from + bin * width).toFixed(places);
  const head = "score".padEnd(places * 2 + 5);
  const lines = [
    `${head}   ${names.live.padEnd(BAR_COLUMNS + 1 + (columns[0] ?? 0))}   ${names.other}`,
  ];
  for (let bin = inUse.indexOf(true); bin <= inUse.lastIndexOf(true); bin++) {
    const bars = `${side(0, live[bin] ?? 0)}   ${side(1, other[bin] ?? 0)}`;
    lines.push(`${edge(bin)}-${edge(bin + 1)}   ${bars}`);
  }
  return lines;
}

function areHundredths(value: number): boolean {
  return Math.abs(value * 100 - Math.round(value * 100)) < 1e-9;
}

/** In eighths of a column; a single row shows. */
function barOf(rows: number, most: number): string {
  if (rows === 0) return "";
  const eighths = Math.max(1, Math.round((rows / most) * BAR_COLUMNS * 8));
  return "█".repeat(eighths >>> 3) + (EIGHTHS[eighths & 7] ?? "");
}
