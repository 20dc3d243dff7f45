import type { Distribution } from "./compare.ts";
import { html, type Markup } from "./markup.ts";
import { digits, grouped, percent, timeText } from "./numbers.ts";
import type { TimelineBucket } from "./timeline.ts";

const WIDTH = 920;
/** Room for a number of nine digits and its commas, at 8 px a character. */
const LEFT = 96;
const RIGHT = 12;
const PLOT = WIDTH - LEFT - RIGHT;

/** What the two that are compared are called. */
export interface Names {
  readonly live: string;
  readonly other: string;
}

/**
 * Bars of two distributions over [0, 1] side by side, on one scale of rows that grows with the square root: a few rows beside many thousands are seen.
 */
export function distributionSvg({ from, live, other, width }: Distribution, names: Names): Markup {
  const height = 296;
  const bottom = height - 44;
  const most = Math.max(1, ...live, ...other);
  const y = (rows: number): number => bottom - Math.sqrt(rows / most) * (bottom - 12);
  const step = PLOT / live.length;
  const bar = (side: keyof Names, bin: number, rows: number, all: number): Markup => {
    if (rows === 0) return html``;
    const top = Math.min(y(rows), bottom - 1.5);
    const x = LEFT + bin * step + (side === "live" ? step * 0.08 : step * 0.5);
    const edges = binText({ from, width }, bin);
    return html`<rect
      class="${side}"
      x="${at(x)}"
      y="${at(top)}"
      width="${at(step * 0.42)}"
      height="${at(bottom - top)}"
      ><title>
        ${names[side]}, score ${edges}: ${grouped(rows)} rows (${percent(rows, all)})
      </title></rect
    >`;
  };
  const [liveAll, otherAll] = [total(live), total(other)];
  const lines = ticksOf(most).map(
    (rows) =>
      html`<line
          class="grid"
          x1="${LEFT}"
          x2="${WIDTH - RIGHT}"
          y1="${at(y(rows))}"
          y2="${at(y(rows))}"
        /><text x="${LEFT - 8}" y="${at(y(rows) + 4)}" text-anchor="end">${grouped(rows)}</text>`,
  );
  const labels = Array.from({ length: live.length / 4 + 1 }, (_, i) => i * 4).map(
    (bin) =>
      html`<text x="${at(LEFT + bin * step)}" y="${bottom + 18}" text-anchor="middle"
        >${digits(from + bin * width)}</text
      >`,
  );
  return html`<svg
    viewBox="0 0 ${WIDTH} ${height}"
    role="img"
    aria-label="Rows by score, ${names.live} and ${names.other}"
  >
    ${lines}${live.map((rows, bin) => html`${bar("live", bin, rows, liveAll)}${bar("other", bin, other[bin] ?? 0, otherAll)}`)}${labels}
    <text x="${LEFT + PLOT / 2}" y="${height - 5}" text-anchor="middle">
      score; rows on a square-root scale
    </text>
  </svg>`;
}

/** "0.95 to 0.955". */
export function binText(
  { from, width }: Pick<Distribution, "from" | "width">,
  bin: number,
): string {
  return `${digits(from + bin * width)} to ${digits(from + (bin + 1) * width)}`;
}

/** Mean and largest scores of both over time, and under them the anomalies. */
export function timelineSvg(buckets: readonly TimelineBucket[], names: Names): Markup {
  const height = 330;
  const [scoreTop, scoreBottom, alertTop, alertBottom] = [10, 200, 222, 290];
  const step = PLOT / Math.max(1, buckets.length);
  const middle = (bucket: number): number => LEFT + (bucket + 0.5) * step;
  const y = (score: number): number =>
    scoreBottom - Math.min(1, Math.max(0, score)) * (scoreBottom - scoreTop);
  const line = (side: keyof Names, what: "Mean" | "Max"): Markup => {
    const d = pathOf(
      buckets.map((bucket) => bucket[`${side}${what}`]),
      middle,
      y,
    );
    return html`<path class="line ${side} ${what}" d="${d}"
      ><title>${names[side]}: ${what === "Mean" ? "mean" : "largest"} score</title></path
    >`;
  };
  const most = Math.max(
    1,
    ...buckets.map((each) => Math.max(each.liveAnomalies, each.otherAnomalies)),
  );
  const alert = (side: keyof Names, bucket: number, count: number): Markup => {
    if (count === 0) return html``;
    const tall = Math.max(1.5, (count / most) * (alertBottom - alertTop));
    const x = LEFT + bucket * step + (side === "live" ? step * 0.08 : step * 0.5);
    return html`<rect
      class="${side}"
      x="${at(x)}"
      y="${at(alertBottom - tall)}"
      width="${at(step * 0.42)}"
      height="${at(tall)}"
      ><title>
        ${names[side]}, from ${timeText(buckets[bucket]?.startUnixMs ?? 0)}: ${grouped(count)}
        anomalies
      </title></rect
    >`;
  };
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (score) =>
      html`<line
          class="grid"
          x1="${LEFT}"
          x2="${WIDTH - RIGHT}"
          y1="${at(y(score))}"
          y2="${at(y(score))}"
        /><text x="${LEFT - 8}" y="${at(y(score) + 4)}" text-anchor="end">${score}</text>`,
  );
  const ends = [buckets[0]?.startUnixMs, buckets.at(-1)?.endUnixMs];
  return html`<svg
    viewBox="0 0 ${WIDTH} ${height}"
    role="img"
    aria-label="Scores and anomalies over time"
  >
    ${grid}${line("live", "Max")}${line("other", "Max")}${line("live", "Mean")}${line("other", "Mean")}
    <line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${alertBottom}" y2="${alertBottom}" />
    <text x="${LEFT - 8}" y="${alertTop + 8}" text-anchor="end">${grouped(most)}</text>
    <text x="${LEFT - 8}" y="${alertBottom + 4}" text-anchor="end">0</text>
    ${buckets.map((each, i) => html`${alert("live", i, each.liveAnomalies)}${alert("other", i, each.otherAnomalies)}`)}
    <text x="${LEFT}" y="${alertBottom + 18}">${timeText(ends[0] ?? Number.NaN)}</text>
    <text x="${WIDTH - RIGHT}" y="${alertBottom + 18}" text-anchor="end">
      ${timeText(ends[1] ?? Number.NaN)}
    </text>
    <text x="${LEFT + PLOT / 2}" y="${height - 4}" text-anchor="middle">
      above: scores, mean (strong) and largest (thin); below: anomalies
    </text>
  </svg>`;
}

/** Lines between neighbours that have a value, and a dot where one stands alone. */
function pathOf(
  values: readonly number[],
  x: (i: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  let isOpen = false;
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) {
      isOpen = false;
      continue;
    }
    const alone = !isOpen && Number.isNaN(values[i + 1] ?? Number.NaN);
    path += `${isOpen ? "L" : "M"}${at(x(i))} ${at(y(value))}${alone ? "h1" : ""}`;
    isOpen = true;
  }
  return path;
}

/** Round numbers of rows up to the most: 1, 10, 100, ... and the most itself. */
function ticksOf(most: number): readonly number[] {
  const ticks = [0.05, 0.25, 0.6, 1].map((share) => Number((share * most).toPrecision(1)));
  return [...new Set([0, ...ticks.filter((rows) => rows >= 1 && rows <= most)])];
}

function total(bins: readonly number[]): number {
  return bins.reduce((sum, rows) => sum + rows, 0);
}

/** A coordinate: a tenth of a pixel is enough. */
function at(value: number): string {
  return digits(Math.round(value * 10) / 10);
}
