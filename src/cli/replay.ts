import { writeFileSync } from "node:fs";
import { OptionsError } from "../config/options-error.ts";
import { Screen } from "../demo/screen.ts";
import type { Detector } from "../domain/detector.ts";
import { loadAnyDetector } from "../offline/detector-file.ts";
import { VerdictFile } from "../offline/verdict-file.ts";
import { htmlReport } from "../report/html-report.ts";
import { timeText } from "../report/numbers.ts";
import { ReplayComparison } from "../report/replay-comparison.ts";
import { compileModule, releaseModulePath } from "../shard/module.ts";
import { firstPosition, run } from "../state/replay/run.ts";
import type { StateSource } from "../state/replay/run-types.ts";
import { openStateSource, positionsAt } from "../state/replay/source.ts";
import { checkJournal, reading } from "./replay-failure.ts";
import { parseReplayFlags, type Place, type ReplayFlags } from "./replay-flags.ts";
import { replayHelp } from "./replay-help.ts";
import { isAsItWas, reportOf, summaryLines, type Replayed } from "./replay-summary.ts";
import type { Terminal } from "./terminal.ts";

/** `weir replay`: 0, or 3 = the same specification gave something else. */
export async function replay(
  argv: readonly string[],
  terminal: Terminal,
  kernelPath: string = releaseModulePath,
): Promise<number> {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    terminal.print(replayHelp);
    return argv.length === 0 ? 2 : 0;
  }
  return replayAs(parseReplayFlags(argv), terminal, kernelPath);
}

async function replayAs(
  flags: ReplayFlags,
  terminal: Terminal,
  kernelPath: string,
): Promise<number> {
  const other = flags.spec === undefined ? undefined : loadAnyDetector(flags.spec, flags.name);
  const module = await compileModule(kernelPath);
  const source = reading(() => openStateSource(flags.data));
  checkJournal(flags.data, source);
  const stretch = reading(() => stretchOf(flags, source));
  const file = flags.out === undefined ? undefined : new VerdictFile(flags.out);
  let replayed: Replayed;
  try {
    replayed = reading(() => replayStretch({ flags, other, module, source, stretch, file }));
    if (replayed.comparison.rows === 0) throw nothingFound(flags, replayed);
    file?.finish();
  } catch (thrown) {
    file?.abandon();
    throw thrown;
  }
  tell(replayed, terminal);
  return isAsItWas(replayed) === false ? 3 : 0;
}

function tell(replayed: Replayed, terminal: Terminal): void {
  const { out, report } = replayed.flags;
  if (report !== undefined) writeReport(report, htmlReport(reportOf(replayed)));
  const screen = new Screen(process.stdout, process.env);
  for (const line of summaryLines(replayed, screen)) terminal.print(line);
  for (const path of [out, report]) {
    if (path !== undefined) terminal.print(`Written: ${path}`);
  }
}

function writeReport(path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OptionsError(`cannot write the report ${path}: ${why}`, 1, thrown);
  }
}

interface Stretch {
  readonly from: number;
  readonly until: number;
}

interface Parts {
  readonly flags: ReplayFlags;
  readonly other: Detector | undefined;
  readonly module: WebAssembly.Module;
  readonly source: StateSource;
  readonly stretch: Stretch;
  readonly file: VerdictFile | undefined;
}

function replayStretch({ flags, other, module, source, stretch, file }: Parts): Replayed {
  const comparison = new ReplayComparison({
    detector: flags.detector,
    rowsMax: flags.rowsMax,
    ...(file === undefined ? {} : { row: (row, text) => file.add(row, text()) }),
  });
  const screen = new Screen(process.stderr, process.env);
  const progress = new Progress(screen, stretch);
  const started = performance.now();
  try {
    const result = run({
      source,
      module,
      from: stretch.from,
      until: stretch.until,
      cold: flags.cold && other === undefined,
      ...(other === undefined
        ? {}
        : { other: { name: flags.detector, detector: other, cold: flags.cold } }),
      visit: (batch) => comparison.visit(batch),
      onProgress: ({ position, rows }) => progress.show(position, rows),
    });
    const seconds = (performance.now() - started) / 1000;
    return { flags, other, comparison, result, seconds, from: stretch.from };
  } finally {
    screen.endProgress();
  }
}

/** How far a run is: only on a terminal. */
class Progress {
  private readonly screen: Screen;
  private readonly stretch: Stretch;
  private readonly started = performance.now();
  private first = 0;

  constructor(screen: Screen, stretch: Stretch) {
    this.screen = screen;
    this.stretch = stretch;
  }

  show(position: number, rows: number): void {
    if (!process.stderr.isTTY) return;
    if (this.first === 0) this.first = position;
    const { from, until } = this.stretch;
    const seconds = (performance.now() - this.started) / 1000;
    const done = Math.min(1, (position - this.first) / Math.max(1, until - this.first));
    const left = done > 0.01 ? `   ${duration((seconds / done) * (1 - done))} left` : "";
    const before = position < from ? "   before the stretch" : "";
    this.screen.progress(
      done,
      `${short(rows)} rows   ${short(rows / seconds)} rows/s${left}${before}`,
    );
  }
}

function stretchOf({ from, to }: ReplayFlags, source: StateSource): Stretch {
  const { last } = source;
  const first = Math.max(source.first, placeOf(from, source, "from") ?? firstPosition(source) ?? 1);
  const until = Math.min(last, placeOf(to, source, "until") ?? last);
  if (until < first) {
    throw new OptionsError(
      `the journal has nothing from ${shownPlace(from, "beginning")} to ${shownPlace(to, "end")}: its entries are @${source.first} to @${last}; check the order and the times (UTC) of --from and --to, or leave them out`,
      1,
    );
  }
  return { from: first, until };
}

function placeOf(
  place: Place | undefined,
  source: StateSource,
  end: "from" | "until",
): number | undefined {
  if (place === undefined) return undefined;
  if ("position" in place) return place.position;
  const { unixMs } = place;
  const found =
    end === "from"
      ? positionsAt(source, unixMs, Number.MAX_SAFE_INTEGER)
      : positionsAt(source, 0, unixMs);
  return found[end];
}

function nothingFound(
  { detector, data }: ReplayFlags,
  { comparison, result }: Replayed,
): OptionsError {
  const others = [...comparison.others].toSorted();
  const seen =
    others.length === 0
      ? "no rows of any detector were there"
      : `rows were there of ${others.join(", ")}`;
  return new OptionsError(
    `no rows of the detector ${JSON.stringify(detector)} in that stretch of ${data} (up to @${result.position}); ${seen}: check --detector, --from and --to`,
    1,
  );
}

function shownPlace(place: Place | undefined, without: "beginning" | "end"): string {
  if (place === undefined) return `its ${without}`;
  return "position" in place ? `@${place.position}` : timeText(place.unixMs);
}

function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}
