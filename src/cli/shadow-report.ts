import type { GetShadowReportResponse__Output } from "../transport/grpc/generated/weir/v1/GetShadowReportResponse.ts";
import { share, table, time, whole } from "./words.ts";

const BAR = 22;
/** Bins of the contract in one line of the terminal. */
const MERGED = 2;

/** A shadow beside its live detector, at most 100 columns wide. */
export function shadowReportText(report: GetShadowReportResponse__Output): readonly string[] {
  const { name = "", shadowed = "" } = report;
  const since = time(report.sinceUnixMs);
  return [
    `${name} shadows ${shadowed}${since === "" ? "" : ` since ${since}`}`,
    "",
    ...table(figures(report)),
    "",
    ...histograms(report),
  ];
}

function figures(report: GetShadowReportResponse__Output): readonly string[][] {
  const { bothAlert, onlyLiveAlerts, onlyShadowAlerts, liveRowUs = 0, shadowRowUs = 0 } = report;
  const alerts = `${whole(bothAlert)} of both, ${whole(onlyLiveAlerts)} only of the live one, ${whole(onlyShadowAlerts)} only of the shadow`;
  return [
    ["rows compared", whole(report.rows)],
    ["not seen by the shadow", `${whole(report.rowsShed)} shed: it was too slow`],
    ["waiting for it", whole(report.rowsBehind)],
    ["rank correlation", correlation(report.rankCorrelation)],
    ["alerts", alerts],
    ["population stability", stability(report.populationStability)],
    ["a row through the step", rowTimes(liveRowUs, shadowRowUs)],
    [
      "answered by the shadow",
      `${whole(report.answered)} rows; its share of keys is ${share(report.share)}`,
    ],
  ];
}

function rowTimes(live: number, shadow: number): string {
  if (live === 0 || shadow === 0) return "not measured yet";
  const ratio = (shadow / live).toFixed(2);
  return `live ${live.toFixed(2)} us, shadow ${shadow.toFixed(2)} us (${ratio}x)`;
}

function correlation(rho: number | undefined): string {
  return rho === undefined
    ? "too few rows yet"
    : `${rho.toFixed(3)} (Spearman; 1 = the same order)`;
}

function stability(psi: number | undefined): string {
  if (psi === undefined) return "too few rows yet";
  const word = psi < 0.1 ? "small" : psi < 0.25 ? "moderate" : "large: set thresholds anew";
  return `${psi.toFixed(3)} (PSI; ${word})`;
}

/** Rows by score, the two side by side. Bars are logarithmic, so that the few high scores show. */
function histograms({
  liveScores = [],
  shadowScores = [],
}: GetShadowReportResponse__Output): readonly string[] {
  const live = merged(liveScores);
  const shadow = merged(shadowScores);
  const most = Math.max(1, ...live, ...shadow);
  const lines = live.map((rows, i) => {
    const low = ((i * MERGED) / liveScores.length).toFixed(1);
    const other = shadow[i] ?? 0;
    return [low, bar(rows, most), whole(rows), bar(other, most), whole(other)];
  });
  if (live.every((rows) => rows === 0) && shadow.every((rows) => rows === 0))
    return ["no scores yet"];
  const head = ["score", "live", "rows", "shadow", "rows"];
  return [
    ...table([head, ...lines], new Set([2, 4])),
    "bars are logarithmic; a line is 0.1 of score from the number on",
  ];
}

function merged(written: readonly string[]): readonly number[] {
  const bins: number[] = [];
  for (const [i, rows] of written.entries()) {
    const at = Math.floor(i / MERGED);
    bins[at] = (bins[at] ?? 0) + Number(rows);
  }
  return bins;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

function bar(rows: number, most: number): string {
  const length = (Math.log1p(rows) / Math.log1p(most)) * BAR;
  const full = Math.floor(length);
  return ("█".repeat(full) + (eighths[Math.floor((length - full) * 8)] ?? "")).padEnd(BAR);
}
