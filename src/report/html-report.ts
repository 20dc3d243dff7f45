import { binText, distributionSvg, timelineSvg, type Names } from "./charts.ts";
import type { ComparisonSummary } from "./compare.ts";
import { html, type Markup } from "./markup.ts";
import { counted, digits, grouped, percent, timeText } from "./numbers.ts";
import type { SpecDifference } from "./spec-differences.ts";
import { style } from "./style.ts";
import type { TimelineBucket } from "./timeline.ts";

/** A row of which one said that it is an anomaly, and the other that it is none. */
export interface ChangedAlert {
  readonly position: number;
  readonly row: number;
  readonly key: string;
  /** "" = the event had none. */
  readonly id: string;
  readonly timeUnixMs: number;
  /** NaN = none. */
  readonly liveScore: number;
  readonly otherScore: number;
}

export interface ReportContent {
  readonly title: string;
  /** Which rows were compared, and how: a line each. */
  readonly about: readonly (readonly [name: string, value: string])[];
  /** Whether all verdicts are the same, or what is to be made of it. */
  readonly finding: string;
  readonly names: Names;
  readonly summary: ComparisonSummary;
  readonly timeline: readonly TimelineBucket[];
  /** The first of each; `summary` has how many there are. */
  readonly gained: readonly ChangedAlert[];
  readonly lost: readonly ChangedAlert[];
  /** Undefined = the specification is the same. */
  readonly differences: readonly SpecDifference[] | undefined;
}

/** One page of HTML that needs nothing else: no script, no network. Whatever came with the data is escaped. */
export function htmlReport(content: ReportContent): string {
  const { about, differences, finding, gained, lost, names, summary, timeline, title } = content;
  const legend = html`<p class="legend">
    <span class="swatch live"></span>${names.live} <span class="swatch other"></span>${names.other}
  </p>`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>${title}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p class="finding">${finding}</p>
          ${tiles(summary, names)}
          <h2>Scores</h2>
          ${legend}
          <figure>${distributionSvg(summary.distribution, names)}</figure>
          ${binTable(summary, names)}
          <h2>Over time</h2>
          ${legend}
          <figure>${timelineSvg(timeline, names)}</figure>
          <h2>Alerts gained</h2>
          ${alertTable(gained, summary.gained, names)}
          <h2>Alerts lost</h2>
          ${alertTable(lost, summary.lost, names)}
          ${
            differences === undefined
              ? html``
              : html`<h2>Specification</h2>
                  ${differenceTable(differences, names)}`
          }
          <h2>What was compared</h2>
          <table class="about">
            ${about.map(
              ([name, value]) =>
                html`<tr>
                  <th scope="row">${name}</th>
                  <td>${value}</td>
                </tr>`,
            )}
          </table>
        </main>
      </body>
    </html> `;
  return page.text;
}

function tile(value: string, name: string, note: string): Markup {
  return html`<div class="tile"><b>${value}</b><span>${name}</span><small>${note}</small></div>`;
}

function tiles(summary: ComparisonSummary, names: Names): Markup {
  const { rows, changed, gained, lost, anomaliesLive, anomaliesOther } = summary;
  return html`<div class="tiles">
    ${tile(grouped(rows), "rows", `${grouped(summary.both)} with both scores`)}
    ${tile(grouped(changed), "scores changed", `${percent(changed, rows)} of the rows; by ${digits(summary.largestDifference)} at most`)}
    ${tile(`${grouped(anomaliesLive)} → ${grouped(anomaliesOther)}`, "anomalies", `${grouped(gained)} gained, ${grouped(lost)} lost`)}
    ${tile(digits(summary.rankCorrelation), "rank correlation", `Spearman, of ${counted(summary.pairs, "row")}; 1 = the same order`)}
    ${tile(digits(summary.stability), "population stability", `PSI of ${names.other}; below 0.1 is taken for stable, above 0.25 for shifted`)}
  </div>`;
}

function binTable({ distribution }: ComparisonSummary, names: Names): Markup {
  const rows = distribution.live.map(
    (live, bin) =>
      html`<tr>
        <th scope="row">${binText(distribution, bin)}</th>
        <td>${grouped(live)}</td>
        <td>${grouped(distribution.other[bin] ?? 0)}</td>
      </tr>`,
  );
  return html`<details>
    <summary>As numbers</summary>
    <table>
      <tr>
        <th scope="col">Score</th>
        <th scope="col">${names.live}</th>
        <th scope="col">${names.other}</th>
      </tr>
      ${rows}
    </table>
  </details>`;
}

function alertTable(alerts: readonly ChangedAlert[], all: number, names: Names): Markup {
  if (all === 0) return html`<p>None.</p>`;
  const rows = alerts.map(
    (alert) =>
      html`<tr>
        <td class="text">${alert.key}</td>
        <td>${timeText(alert.timeUnixMs)}</td>
        <td class="text">${alert.id}</td>
        <td>${digits(alert.liveScore)}</td>
        <td>${digits(alert.otherScore)}</td>
        <td>${alert.position}:${alert.row}</td>
      </tr>`,
  );
  const rest = all - alerts.length;
  return html`<div class="wide">
      <table>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Time</th>
          <th scope="col">Id</th>
          <th scope="col">Score, ${names.live}</th>
          <th scope="col">Score, ${names.other}</th>
          <th scope="col">Row</th>
        </tr>
        ${rows}
      </table>
    </div>
    ${rest > 0 ? html`<p>And ${grouped(rest)} more.</p>` : html``}`;
}

function differenceTable(differences: readonly SpecDifference[], names: Names): Markup {
  if (differences.length === 0) return html`<p>The same, with every default filled in.</p>`;
  const rows = differences.map(
    ({ path, live, other }) =>
      html`<tr>
        <th scope="row">${path}</th>
        <td class="text">${live}</td>
        <td class="text">${other}</td>
      </tr>`,
  );
  return html`<div class="wide">
    <table>
      <tr>
        <th scope="col">Field</th>
        <th scope="col">${names.live}</th>
        <th scope="col">${names.other}</th>
      </tr>
      ${rows}
    </table>
  </div>`;
}
