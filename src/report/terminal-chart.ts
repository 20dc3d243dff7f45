import { grouped } from "./numbers.ts";

const BAR_COLUMNS = 22;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

export interface ChartSide {
  readonly name: string;
  /** Rows by score, equal bins over [0, 1]. */
  readonly bins: readonly number[];
}

/**
 * Two distributions of scores side by side on one scale, 78 columns wide; bins without a row on either side at both ends are left out. `paint` may colour a
 * bar: 0 = the first side's.
 */
export function distributionChart(
  first: ChartSide,
  second: ChartSide,
  paint: (side: 0 | 1, bar: string) => string = (_, bar) => bar,
): readonly string[] {
  const most = Math.max(...first.bins, ...second.bins);
  const inUse = first.bins.map((rows, bin) => rows + (second.bins[bin] ?? 0) > 0);
  const from = inUse.indexOf(true);
  const to = inUse.lastIndexOf(true);
  if (from < 0) return ["no scores on either side"];
  const numbers = [first, second].map(({ bins }) =>
    Math.max(...bins.map((rows) => grouped(rows).length)),
  );
  const side = (which: 0 | 1, rows: number): string => {
    const bar = barOf(rows, most);
    const text = `${paint(which, bar)}${" ".repeat(BAR_COLUMNS - bar.length)}`;
    return `${text} ${grouped(rows).padStart(numbers[which] ?? 0)}`;
  };
  const width = BAR_COLUMNS + 1 + (numbers[0] ?? 0);
  const lines = [`score        ${first.name.padEnd(width)}   ${second.name}`];
  for (let bin = from; bin <= to; bin++) {
    const edges = `${edge(bin, first.bins.length)}-${edge(bin + 1, first.bins.length)}`;
    lines.push(`${edges}    ${side(0, first.bins[bin] ?? 0)}   ${side(1, second.bins[bin] ?? 0)}`);
  }
  return lines;
}

function edge(bin: number, bins: number): string {
  return (bin / bins).toFixed(2);
}

/** In eighths of a column; a single row shows. */
function barOf(rows: number, most: number): string {
  if (rows === 0) return "";
  const eighths = Math.max(1, Math.round((rows / most) * BAR_COLUMNS * 8));
  return "█".repeat(eighths >>> 3) + (EIGHTHS[eighths & 7] ?? "");
}
