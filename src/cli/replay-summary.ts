import { describeSpec } from "../config/describe-spec.ts";
import type { Screen } from "../demo/screen.ts";
import type { Detector } from "../domain/detector.ts";
import type { ChangedAlert, ReportContent } from "../report/html-report.ts";
import { shown } from "../report/markup.ts";
import { counted, digits, grouped, percent, timeText } from "../report/numbers.ts";
import type { ReplayComparison } from "../report/replay-comparison.ts";
import { slotDetector } from "../report/slot-detector.ts";
import { specDifferences } from "../report/spec-differences.ts";
import { distributionChart } from "../report/terminal-chart.ts";
import type { RunResult } from "../state/replay/run-types.ts";
import { version } from "../version.ts";
import type { ReplayFlags } from "./replay-flags.ts";

/** Alerts of each sort on the terminal. */
const ALERTS_SHOWN = 5;

const names = { live: "live", other: "replayed" } as const;

/** A replay that was run. */
export interface Replayed {
  readonly flags: ReplayFlags;
  /** Another specification; undefined = as it was. */
  readonly other: Detector | undefined;
  readonly comparison: ReplayComparison;
  readonly result: RunResult;
  readonly seconds: number;
  /** First position of the stretch. */
  readonly from: number;
}

/** Whether everything is as it was live; undefined = it need not be: another specification, or another state. */
export function isAsItWas({ comparison, flags, other }: Replayed): boolean | undefined {
  if (other !== undefined || flags.cold) return undefined;
  return comparison.different === 0;
}

/** What a replay ends with on the terminal, a line each. */
export function summaryLines(replayed: Replayed, screen: Screen): readonly string[] {
  const { comparison } = replayed;
  const summary = comparison.comparison.summary();
  const { changed, rows } = summary;
  const lines = [findingOf(replayed), "", ...stretchLines(replayed)];
  if (rows === 0) return lines;
  lines.push(
    `changed:        ${counted(changed, "score")} (${percent(changed, rows)}), by ${digits(summary.largestDifference)} at most and ${digits(summary.meanDifference)} on average`,
    `anomalies:      ${grouped(summary.anomaliesLive)} live, ${grouped(summary.anomaliesOther)} now: ${grouped(summary.gained)} gained, ${grouped(summary.lost)} lost`,
    `rank correlation ${digits(summary.rankCorrelation)} (of ${counted(summary.pairs, "row")}), population stability index ${digits(summary.stability)}`,
    ...fallbackLines(comparison),
    "",
    ...distributionChart(summary.distribution, names, (side, bar) =>
      screen.paint(side === 0 ? "blue" : "yellow", bar),
    ),
    ...alertLines("Alerts gained", comparison.gained, summary.gained),
    ...alertLines("Alerts lost", comparison.lost, summary.lost),
  );
  return lines;
}

/** What the page of `--report` shows. */
export function reportOf(replayed: Replayed): ReportContent {
  const { comparison, flags, from, other, result, seconds } = replayed;
  const { spec } = comparison;
  const about: (readonly [string, string])[] = [
    ["Detector", `${flags.detector}${spec === undefined ? "" : `, version ${spec.version}`}`],
    ["Data", flags.data],
    ["Positions", `@${from} to @${result.position}`],
    ["State", stateText(replayed)],
    ["Specification", flags.spec ?? "as it was"],
    [
      "Speed",
      `${counted(result.rows, "row")} stepped in ${seconds.toFixed(1)} s, ${grouped(result.rows / seconds)} rows/s`,
    ],
    ["Made by", `weir ${version}, ${timeText(Date.now())}`],
    ...fallbackLines(comparison).map((line): readonly [string, string] => [
      "Fallbacks",
      line.trim(),
    ]),
  ];
  return {
    title: `Replay of ${flags.detector}`,
    about,
    finding: findingOf(replayed),
    names,
    summary: comparison.comparison.summary(),
    timeline: comparison.timeline.buckets(),
    gained: comparison.gained,
    lost: comparison.lost,
    differences:
      other === undefined || spec === undefined
        ? undefined
        : specDifferences(describeSpec(slotDetector(spec, 0).config), describeSpec(other.config)),
  };
}

function findingOf(replayed: Replayed): string {
  const { comparison, flags } = replayed;
  const compared = comparison.rows - comparison.withoutLive;
  const { changed } = comparison.comparison.summary();
  if (compared === 0) {
    return `${counted(comparison.rows, "row")}, and the journal has no verdict of any of them to compare with.`;
  }
  const asItWas = isAsItWas(replayed);
  if (asItWas === undefined) {
    const how = flags.cold ? "a model that began with nothing" : "the other specification";
    return `With ${how}, ${counted(changed, "score")} of ${counted(compared, "row")} changed (${percent(changed, compared)}).`;
  }
  if (asItWas) return `Everything is equal: ${counted(compared, "verdict")}, bit for bit.`;
  const { first } = comparison;
  const where =
    first === undefined
      ? ""
      : ` The first: row ${first.position}:${first.row} (key ${quoted(first.key)}, ${timeText(first.timeUnixMs)}${first.id === "" ? "" : `, id ${quoted(first.id)}`}): ${first.what}.`;
  return `NOT as it was: ${grouped(comparison.different)} of ${counted(compared, "verdict")} differ though the specification is the same.${where} Check the journal and the snapshots with: weir verify`;
}

function stretchLines(replayed: Replayed): readonly string[] {
  const { comparison, from, result, seconds } = replayed;
  const without =
    comparison.withoutLive === 0
      ? ""
      : `; of ${grouped(comparison.withoutLive)} the journal does not say what was answered`;
  const before = result.rows - result.visited;
  const all = before > 0 ? ` (and ${counted(before, "row")} before, to get there)` : "";
  return [
    `rows:           ${grouped(comparison.rows)} from @${from} to @${result.position}${without}`,
    `state:          ${stateText(replayed)}`,
    `speed:          ${grouped(result.rows / seconds)} rows/s: ${counted(result.visited, "row")}${all} in ${seconds.toFixed(1)} s`,
  ];
}

function stateText({ flags, other, result }: Replayed): string {
  if (flags.cold) return "none: began with nothing";
  if (other !== undefined) return "learned from all rows that are kept";
  return result.snapshot === 0
    ? "from the start of the journal"
    : `from the snapshot at @${result.snapshot}`;
}

function fallbackLines({ fallback }: ReplayComparison): readonly string[] {
  const { byDefault, cached, onlyFallback, onlyReplay, rows, rules } = fallback;
  if (rows === 0) return [];
  const differ =
    onlyFallback + onlyReplay === 0
      ? "the same rows were anomalies"
      : `${grouped(onlyFallback)} anomalies only there, ${grouped(onlyReplay)} only in the replay`;
  return [
    `fallbacks:      ${counted(rows, "row")} had been answered without the model (rules ${grouped(rules)}, cached ${grouped(cached)}, default ${grouped(byDefault)}): ${differ}`,
  ];
}

function alertLines(
  title: string,
  alerts: readonly ChangedAlert[],
  all: number,
): readonly string[] {
  if (all === 0) return [];
  const lines = ["", `${title}: ${grouped(all)}`];
  for (const { key, id, position, row, timeUnixMs, liveScore, otherScore } of alerts.slice(
    0,
    ALERTS_SHOWN,
  )) {
    const named = id === "" ? "" : `  id ${quoted(id)}`;
    lines.push(
      `  ${position}:${row}  ${timeText(timeUnixMs)}  key ${quoted(key)}${named}  score ${digits(liveScore)} live, ${digits(otherScore)} now`,
    );
  }
  if (all > ALERTS_SHOWN) lines.push(`  and ${grouped(all - ALERTS_SHOWN)} more`);
  return lines;
}

/** As a text of the data is shown on a terminal: no controls. */
function quoted(text: string): string {
  return `"${shown(text)}"`;
}
