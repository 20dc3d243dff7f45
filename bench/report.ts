import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { barRows, figure, milliseconds, percent } from "./bars.ts";
import type {
  DurabilityReport,
  FeaturesReport,
  BenchResults,
  KindsReport,
  LaneReport,
  OpenReport,
  TimesReport,
  StreamHttpReport,
  Suites,
  TrainingReport,
} from "./results.ts";
import type { Spread } from "./statistics.ts";

/**
 * Turns the JSON of a run into the tables of bench/README.md:
 *
 *     npm run bench -- --json /tmp/bench.json && node bench/report.ts /tmp/bench.json
 *
 * writes them between the two markers there; with a second argument (README.md), only the first table, between the markers of that
 * file.
 */

const begin = "<!-- bench:begin -->";
const end = "<!-- bench:end -->";

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const range = (spread: Spread, show: (value: number) => string): string =>
  `${show(spread.median)} (${show(spread.low)} .. ${show(spread.high)})`;

const marks = { moonshot: "better", bar: "yes", no: "**no**", "-": "-" } as const;

/** The numbers to reach, and what was. */
export function goalsTable(results: BenchResults): string {
  return table(
    ["what", "at least", "aim", "measured (median)", "spread", "reached"],
    barRows(results).map((row) => [
      row.what,
      row.bar,
      row.moonshot,
      row.measured,
      row.spread,
      marks[row.reached],
    ]),
  );
}

/** When, where, how long. */
export function provenance({ date, machine, scale }: BenchResults): string {
  const { cpu, cores, memoryGb, node, system, load } = machine;
  const place = `${cpu}, ${cores} cores, ${figure(memoryGb)} GB, ${system}, Node ${node}`;
  const note = scale === "full" ? "" : ` A ${scale} run: not for quoting.`;
  return `${date.slice(0, 10)}, ${place}, load before ${figure(load)}.${note}`;
}

function streamTable({ requestsPerS, echoPerS, ratio, p99Ms }: StreamHttpReport): string {
  return table(
    ["requests/s, one connection", "p99", "fastify echo", "ratio"],
    [
      [
        range(requestsPerS, figure),
        range(p99Ms, (ms) => milliseconds(ms * 1000)),
        range(echoPerS, figure),
        range(ratio, percent),
      ],
    ],
  );
}

function trainingTable({ runs }: TrainingReport): string {
  return table(
    [
      "kind",
      "lane",
      "rows/s",
      "p99 without",
      "p99 while it trains",
      "ratio",
      "p99 beside a foreign program",
      "ratio",
      "trainings",
      "busy",
    ],
    runs.map((run) => [
      run.kind,
      run.lane,
      figure(run.offeredRowsPerS),
      range(run.stillP99Us, milliseconds),
      range(run.trainingP99Us, milliseconds),
      range(run.ratio, (ratio) => `${figure(ratio)}x`),
      range(run.foreignP99Us, milliseconds),
      range(run.foreignRatio, (ratio) => `${figure(ratio)}x`),
      figure(run.trainings),
      percent(run.busyShare),
    ]),
  );
}

function saturationTable(lanes: readonly LaneReport[]): string {
  return table(
    [
      "lane",
      "rows a request",
      "bytes: request, answer, echo's answer",
      "in flight",
      "Weir rows/s",
      "echo rows/s",
      "Weir of echo",
      "from the model",
      "rows a batch",
      "checksum",
    ],
    lanes.map(({ lane, rowsPerRequest, requestBytes, answerBytes, saturation, checksum }) => [
      lane,
      String(rowsPerRequest),
      `${figure(requestBytes)}, ${figure(answerBytes.weir)}, ${figure(answerBytes.echo)}`,
      String(saturation.inFlight),
      range(saturation.weirRowsPerS, figure),
      range(saturation.echoRowsPerS, figure),
      range(saturation.ratio, percent),
      percent(saturation.modelShare),
      saturation.meanBatchRows === undefined ? "-" : figure(saturation.meanBatchRows),
      `\`${checksum}\``,
    ]),
  );
}

function openRow(lane: string, run: OpenReport): string[] {
  const { latency, sources } = run.result;
  const refused = Object.values(run.result.refused).reduce((sum, count) => sum + count, 0);
  const fallback = sources.rules + sources.cached + sources.default;
  return [
    lane,
    run.target,
    `${run.arrivals} ${percent(run.load)}`,
    figure(run.result.offeredPerS),
    `${figure(run.result.goodputRowsPerS)} (${percent(run.goodputOfSaturation)})`,
    [latency.p50Us, latency.p95Us, latency.p99Us].map(milliseconds).join(", "),
    latency.p999Us === undefined ? "-" : milliseconds(latency.p999Us),
    run.target === "echo" ? "-" : `${percent(sources.model)}, ${percent(fallback)}`,
    `${figure(refused)}, ${figure(run.result.unanswered)}, ${figure(run.result.unsent)}`,
    run.late === undefined
      ? "-"
      : `${percent(run.late.share)} (> ${milliseconds(run.late.boundS * 1e6)})`,
    percent(run.controlLateShare),
  ];
}

function openTable(lanes: readonly LaneReport[]): string {
  return table(
    [
      "lane",
      "server",
      "arrivals",
      "requests/s offered",
      "rows/s answered",
      "p50, p95, p99",
      "p99.9",
      "model, fallback",
      "refused, unanswered, unsent",
      "late by the server's clock",
      "bare timer late",
    ],
    lanes.flatMap(({ lane, open }) => open.map((run) => openRow(lane, run))),
  );
}

function kindsTable({ kinds, versions, polars, rolling }: KindsReport): string {
  const cells = ({ weirUs, peerUs, ratio }: TimesReport): string[] => [
    microseconds(weirUs.median),
    peerUs === undefined ? "-" : microseconds(peerUs.median),
    ratio === undefined ? "-" : range(ratio, figure),
  ];
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version || "none"}`);
  return [
    table(
      ["kind", "", "Weir", "PyOD", "PyOD over Weir"],
      kinds.flatMap(({ kind, fit, one, batch }) => [
        [kind, "fit", ...cells(fit)],
        ["", "one row", ...cells(one)],
        ["", "a row of 256", ...cells(batch)],
      ]),
    ),
    table(
      ["10,000 rows", "Weir", "Polars", "Polars over Weir"],
      [["12 rolling features, 3 lags", ...cells(polars)]],
    ),
    table(
      ["rolling window, rows", ...rolling.map(({ window }) => figure(window))],
      [["ns a row", ...rolling.map(({ nsPerRow }) => figure(nsPerRow))]],
    ),
    `${named.join(", ")}.`,
  ].join("\n\n");
}

function featuresTable(features: FeaturesReport): string {
  const { cases, lengths, peers, versions, differences } = features;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    table(
      ["keys", "ns an event", "bytes a key"],
      cases.map((each) => [
        figure(each.keys),
        range(each.nsPerEvent, figure),
        figure(each.bytesPerKey),
      ]),
    ),
    table(
      ["window", "ns an event, six features"],
      [
        [`24 h, ${figure(lengths.eventsInLongWindow)} events`, range(lengths.longNs, figure)],
        ["1 min", range(lengths.shortNs, figure)],
      ],
    ),
    table(
      ["peer", "rows/s, one core", "Weir", "Weir over it"],
      peers.map(({ peer, rowsPerS, weirRowsPerS, ratio }) => [
        peer,
        range(rowsPerS, figure),
        range(weirRowsPerS, figure),
        range(ratio, (over) => `${figure(over)}x`),
      ]),
    ),
    features.skipped ??
      `${named.join(", ")}. Largest relative difference from River's numbers: ${figure(differences ?? Number.NaN)}.`,
  ].join("\n\n");
}

function durabilityTable(durability: DurabilityReport): string {
  const { levels, recovery, replay, snapshot, swaps, sync, whileSnapshot } = durability;
  return [
    table(
      ["level", "frames, rows/s", "of none", "events/s", "p50 added", "p99 added", "commit p99"],
      levels.map((each) => [
        each.level,
        range(each.rowsPerS, figure),
        range(each.ratio, percent),
        figure(each.offeredPerS),
        range(each.addedP50Us, milliseconds),
        range(each.addedP99Us, milliseconds),
        milliseconds(each.commitP99Us),
      ]),
    ),
    `A sync (16 KiB and fdatasync): between the runs p50 ${milliseconds(sync.idle.p50Us)}, p99 ${milliseconds(sync.idle.p99Us)} (${figure(sync.idle.runs)} of them); beside none under that load p50 ${milliseconds(sync.loaded.p50Us)}, p99 ${milliseconds(sync.loaded.p99Us)} (${figure(sync.loaded.runs)}). Frames of none: ${range(levels[0]?.noneRowsPerS ?? nothing, figure)} rows/s. Commits are measured to a factor of 2.`,
    table(
      ["snapshot", "keys", "state", "files", "a key", "rows since the one before", "time"],
      [
        [
          "on request",
          figure(snapshot.keys),
          `${figure(snapshot.stateBytes / 1e6)} MB`,
          `${figure(snapshot.fileBytes / 1e6)} MB`,
          `${figure(snapshot.fileBytes / snapshot.keys)} B`,
          figure(snapshot.rows),
          `${figure(snapshot.seconds)} s`,
        ],
      ],
    ),
    table(
      ["events at half load", "state", "events/s", "p99 without", "p99 beside a snapshot", "ratio"],
      [
        [
          `a snapshot takes ${figure(whileSnapshot.snapshotSeconds)} s`,
          `${figure(whileSnapshot.stateBytes / 1e6)} MB`,
          figure(whileSnapshot.offeredPerS),
          range(whileSnapshot.stillP99Us, milliseconds),
          range(whileSnapshot.snapshotP99Us, milliseconds),
          range(whileSnapshot.ratio, (ratio) => `${figure(ratio)}x`),
        ],
      ],
    ),
    table(
      ["events at half load", "keys", "events/s", "p99 without", "p99 with it", "ratio"],
      swaps.map((swap) => [
        `half a second with ${swap.what}`,
        figure(swap.keys),
        figure(swap.offeredPerS),
        range(swap.stillP99Us, milliseconds),
        range(swap.swapP99Us, milliseconds),
        range(swap.ratio, (ratio) => `${figure(ratio)}x`),
      ]),
    ),
    table(
      ["", "rows", "time", "rows/s"],
      [
        [
          `recovery of ${figure(recovery.keys)} keys, start of the server without it ${figure(recovery.emptySeconds)} s`,
          figure(recovery.rows),
          `${figure(recovery.seconds)} s`,
          figure(recovery.rowsPerS),
        ],
        ["the step alone", "", "", figure(recovery.stepRowsPerS)],
        [
          "weir replay",
          figure(replay?.rows ?? Number.NaN),
          `${figure(replay?.seconds ?? Number.NaN)} s`,
          figure(replay?.rowsPerS ?? Number.NaN),
        ],
      ],
    ),
  ].join("\n\n");
}

const nothing = { median: Number.NaN, low: Number.NaN, high: Number.NaN, runs: 0 };

function microseconds(us: number): string {
  return us >= 1000 ? milliseconds(us) : `${figure(us)} us`;
}

/** Tables of suites that stand by themselves. */
function suiteParts({ stream, training, kinds, features, durability }: Suites): string[] {
  const parts: string[] = [];
  if (stream) parts.push("### LlamaFarm's endpoint", streamTable(stream));
  if (training) parts.push("### Scoring while models train", trainingTable(training));
  if (kinds) parts.push("### Kinds that train on a window", kindsTable(kinds));
  if (features) parts.push("### Windowed features", featuresTable(features));
  if (durability) parts.push("### Durability", durabilityTable(durability));
  return parts;
}

/** Every table of a run, as Markdown. */
export function report(results: BenchResults): string {
  const { suites } = results;
  const lanes = [suites.frames, suites.events, suites.unary, suites.http].filter(
    (lane) => lane !== undefined,
  );
  const parts = [provenance(results), goalsTable(results)];
  if (suites.step) {
    parts.push(
      "### The WASM step alone",
      table(
        [
          "keys",
          "inputs",
          "ns an event (best)",
          "events/s",
          "bytes a key: young, mature",
          "checksum",
        ],
        suites.step.cases.map((step) => [
          figure(step.keys),
          figure(step.inputs),
          `${figure(step.nsPerEvent)} (${figure(step.nsPerEventBest)})`,
          figure(step.eventsPerS),
          `${figure(step.bytesPerKeyYoung)}, ${figure(step.bytesPerKey)}`,
          `\`${step.checksum}\``,
        ]),
      ),
    );
  }
  if (suites.peers) {
    const { versions, riverEventsPerS, bytewaxEventsPerS, checksums } = suites.peers;
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    parts.push(
      "### Peers",
      table(
        ["pipeline", "events/s, one core"],
        [
          ["River StandardScaler, HST(10, 8, 250)", range(riverEventsPerS, figure)],
          ["the same in Bytewax's stateful_map, 10 keys", range(bytewaxEventsPerS, figure)],
        ],
      ),
      `${named.join(", ")}. Checksum of River's scores \`${checksums.river}\`, of Weir's on the same rows \`${checksums.weir ?? "-"}\`.`,
    );
  }
  parts.push(...suiteParts(suites));
  if (lanes.length > 0) {
    parts.push("### Saturation", saturationTable(lanes), "### Arrivals", openTable(lanes));
  }
  const autocannon = suites.http?.saturation.autocannon;
  if (autocannon) {
    const { requestsPerS, p50Ms, p99Ms } = autocannon;
    parts.push(
      `autocannon over HTTP: ${range(requestsPerS, figure)} requests/s, p50 ${figure(p50Ms)} ms, p99 ${figure(p99Ms)} ms.`,
    );
  }
  for (const [suite, reason] of Object.entries(results.skipped)) {
    parts.push(`Skipped: ${suite} (${reason}).`);
  }
  return parts.join("\n\n");
}

/** The text with what lies between the markers replaced. Throws when they are not there. */
export function betweenMarkers(text: string, content: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the file has no ${begin} ... ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/**
 * Numbers inside a sentence, each between `<!-- n:NAME -->` and `<!-- /n -->`: `step-1` is the WASM step over River with one key. One
 * that was not measured stays as it is.
 */
export function fillNumbers(text: string, results: BenchResults): string {
  const step = results.suites.peers?.stepOverRiver.find(({ keys }) => keys === 1);
  if (step === undefined) return text;
  const shown = `${Math.floor(step.ratio.median / 10) * 10} times`;
  return text.replace(/(<!-- n:step-1 -->).*?(<!-- \/n -->)/s, `$1${shown}$2`);
}

if (import.meta.main) {
  const [json, target] = process.argv.slice(2);
  if (json === undefined) throw new Error("node bench/report.ts RESULTS.json [FILE.md]");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by bench/main.ts
  const results = JSON.parse(readFileSync(json, "utf8")) as BenchResults;
  const file = target ?? path.join(import.meta.dirname, "README.md");
  const content =
    target === undefined ? report(results) : `${provenance(results)}\n\n${goalsTable(results)}`;
  writeFileSync(file, fillNumbers(betweenMarkers(readFileSync(file, "utf8"), content), results));
  // Tables are aligned as every other file of the project is formatted.
  spawnSync(path.join(import.meta.dirname, "../node_modules/.bin/oxfmt"), [file]);
}
