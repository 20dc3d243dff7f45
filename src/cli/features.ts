import { relative } from "node:path";
import { OptionsError } from "../config/options-error.ts";
import { Screen } from "../demo/screen.ts";
import { deriveFile, type DeriveOptions, type Outcome } from "../offline/derive.ts";
import { loadDetector } from "../offline/detector-file.ts";
import { formatOf } from "../offline/formats.ts";
import { releaseModulePath } from "../shard/module.ts";
import { featuresHelp, parseFeaturesFlags, type FeaturesFlags } from "./features-flags.ts";
import type { Terminal } from "./terminal.ts";

/** Rows that were left out are told up to this many; all are counted. */
const TOLD_MAX = 5;
const CHECKPOINT_MS = 10_000;

/** `weir features`: 0 = the output is whole, 130 = interrupted and can be resumed. */
export async function features(
  argv: readonly string[],
  terminal: Terminal,
  kernelPath: string = releaseModulePath,
): Promise<number> {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    terminal.print(featuresHelp);
    return argv.length === 0 ? 2 : 0;
  }
  const flags = parseFeaturesFlags(argv, process.cwd());
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    return await derive(flags, terminal, { signal: stop.signal, kernelPath });
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

async function derive(
  flags: FeaturesFlags,
  terminal: Terminal,
  how: Pick<DeriveOptions, "signal" | "kernelPath">,
): Promise<number> {
  const screen = new Screen(process.stderr, process.env);
  const started = performance.now();
  let told = 0;
  const options: DeriveOptions = {
    ...optionsOf(flags),
    ...how,
    progress: (done, rows) => screen.progress(done, pace(done, rows, performance.now() - started)),
    notice: (what) => screen.line(what),
    skipped: (why) => {
      if (told++ < TOLD_MAX) screen.line(`left out ${shownPath(flags.in)}, ${why}`);
      else if (told === TOLD_MAX + 1) screen.line("left out more; they are counted");
    },
  };
  let outcome: Outcome;
  try {
    outcome = await deriveFile(options);
  } catch (thrown) {
    screen.endProgress();
    throw explained(thrown);
  }
  screen.endProgress();
  const seconds = (performance.now() - started) / 1000;
  for (const line of summary(flags, outcome, seconds)) terminal.print(line);
  return outcome.finished ? 0 : 130;
}

function optionsOf(
  flags: FeaturesFlags,
): Omit<DeriveOptions, "signal" | "kernelPath" | "progress" | "notice" | "skipped"> {
  return {
    detector: loadDetector(flags.detector, flags.name),
    columns: {
      key: flags.keyColumn,
      time: flags.timeColumn,
      arrival: flags.arrivalColumn,
      systemAction: flags.systemActionColumn,
      eventTimestamp: flags.eventTimestamp,
      created: flags.createdColumn,
      keep: flags.keep,
      defaulted: flags.defaulted,
      timeliness: flags.timeliness,
    },
    input: { path: flags.in, format: formatOf(flags.in) },
    output: { path: flags.out, format: formatOf(flags.out) },
    delimiter: flags.delimiter,
    resume: flags.resume,
    onError: flags.onError,
    checkpointMs: CHECKPOINT_MS,
  };
}

/** `1.2 M rows   610 k rows/s   40 %   3 s left` */
function pace(done: number, rows: number, ms: number): string {
  const left = done > 0 ? ((ms / done) * (1 - done)) / 1000 : Number.NaN;
  const estimate = Number.isFinite(left) ? `   ${duration(left)} left` : "";
  return `${count(rows)} rows   ${count((rows / ms) * 1000)} rows/s   ${(done * 100).toFixed(0)} % read${estimate}`;
}

function summary(flags: FeaturesFlags, outcome: Outcome, seconds: number): readonly string[] {
  const { rows, skipped, refused, engine, resumedAt } = outcome;
  const out = shownPath(flags.out);
  if (!outcome.finished) {
    return [
      `Interrupted after ${rows} rows. Go on with the same command and --resume; until then ${out}.partial and ${out}.checkpoint are kept.`,
    ];
  }
  const since = resumedAt === 0 ? "" : `, ${resumedAt} of them by the run that was resumed`;
  const rate = count((rows - resumedAt) / seconds);
  const span =
    rows === 0
      ? "no events"
      : `events from ${new Date(outcome.oldestMs).toISOString()} to ${new Date(outcome.newestMs).toISOString()}`;
  const lines = [
    `${out}: ${rows} rows${since}, ${duration(seconds)}, ${rate} rows/s; ${span}, ${engine.keys} keys`,
  ];
  if (skipped > 0) lines.push(`${skipped} rows could not be taken and were left out`);
  if (engine.rowsLate > 0 || engine.rowsFuture > 0) {
    lines.push(
      `${engine.rowsLate} rows came late, ${engine.rowsFuture} from the future; ${refused} of them were refused by event_time and have no features`,
    );
  }
  if (engine.keysEvicted > 0) {
    lines.push(`${engine.keysEvicted} keys left for newer ones (keys_max) and started cold after`);
  }
  if (engine.keysInPanes > 0) {
    lines.push(`${engine.keysInPanes} keys have windows of more than exact_events events: panes`);
  }
  return lines;
}

function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function count(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}

/** As a person would name it. */
function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}

/** A system error about a file in words; others as they are. */
function explained(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof OptionsError) return thrown;
  const code = "code" in thrown ? thrown.code : undefined;
  if (code === "ENOENT" && thrown.message.includes(".wasm")) {
    return new OptionsError(`${thrown.message}\nBuild it first: npm run build`, 1, thrown);
  }
  if (code === "ENOENT" && "path" in thrown) {
    const message = `cannot read ${String(thrown.path)}: there is no such file; check the path`;
    return new OptionsError(message, 1, thrown);
  }
  if (code === "ENOENT" || code === "EACCES" || code === "ENOSPC" || code === "EISDIR") {
    return new OptionsError(thrown.message, 1, thrown);
  }
  return thrown;
}
