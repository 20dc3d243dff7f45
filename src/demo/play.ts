import type { Reason__Output } from "../transport/grpc/generated/weir/v1/Reason.ts";
import type { Verdict__Output } from "../transport/grpc/generated/weir/v1/Verdict.ts";
import { count, type Act } from "./acts.ts";
import { evaluate, percentile, type Evaluation, type Outcome } from "./evaluate.ts";
import type { ScoringClient, StreamTimes } from "./scoring-client.ts";
import type { Screen } from "./screen.ts";

/** Events that wait for their answer at any time: enough to keep the server busy. */
const inFlight = 32;
/** Alerts of one label whose reasons are asked for, and how many are shown. */
const samplesPerLabel = 6;
const samplesShownMax = 8;

/** An alert, and why. */
interface Sample {
  readonly index: number;
  readonly label: string | undefined;
  readonly score: number;
  readonly threshold: number;
  reasons: readonly Reason__Output[];
}

/** What came of an act. */
export interface Played {
  readonly evaluation: Evaluation;
  readonly eventsPerS: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Share of the verdicts that the model itself gave. */
  readonly modelShare: number;
}

/** Collects what the stream says of an act's events. */
class Audience {
  readonly outcomes: Outcome[] = [];
  readonly samples: Sample[] = [];
  readonly startedAt = performance.now();
  alerts = 0;
  fromModel = 0;
  answered = 0;
  readonly #act: Act;
  readonly #sampled = new Map<string | undefined, number>();

  constructor(act: Act) {
    this.#act = act;
  }

  /** True when this alert is one to ask reasons for. */
  take(index: number, verdict: Verdict__Output): boolean {
    const label = this.#act.label(index);
    const alert = verdict.anomaly === true;
    const ready = verdict.state === "STATE_READY" || verdict.state === "STATE_RETRAINING";
    this.answered++;
    this.outcomes.push({ label, score: verdict.score, alert, ready });
    if (verdict.source === "SOURCE_MODEL") this.fromModel++;
    if (!alert) return false;
    this.alerts++;
    const sampled = this.#sampled.get(label) ?? 0;
    if (sampled >= samplesPerLabel) return false;
    this.#sampled.set(label, sampled + 1);
    const { score = Number.NaN, threshold = Number.NaN } = verdict;
    this.samples.push({ index, label, score, threshold, reasons: [] });
    return true;
  }

  explain(index: number, reasons: readonly Reason__Output[]): void {
    const sample = this.samples.find((candidate) => candidate.index === index);
    if (sample) sample.reasons = reasons;
  }

  get eventsPerS(): number {
    return (this.answered * 1000) / Math.max(1, performance.now() - this.startedAt);
  }
}

/** Streams an act's events, shows how it goes and what was found. */
export async function play(screen: Screen, client: ScoringClient, act: Act): Promise<Played> {
  screen.text(`${screen.paint("bold", act.title)}  ${screen.paint("dim", act.about)}`);
  await client.createDetector(act.detector, act.spec);
  const audience = new Audience(act);
  const times = await client.stream({
    detector: act.detector,
    events: act.events,
    inFlight,
    event: (index) => act.event(index),
    onVerdict(index, verdict) {
      const explain = audience.take(index, verdict);
      const { answered, alerts, eventsPerS } = audience;
      if (answered % 64 === 0) {
        screen.progress(
          answered / act.events,
          `${count(answered)} of ${count(act.events)}   ${count(eventsPerS)} events/s   ${count(alerts)} alerts`,
        );
      }
      return explain;
    },
    onReasons: (index, reasons) => audience.explain(index, reasons),
  });
  screen.endProgress();
  const played = summarize(audience, times);
  showFound(screen, played);
  showSpeed(screen, played);
  showSamples(screen, act, audience.samples);
  return played;
}

function summarize(audience: Audience, { elapsedMs, latenciesMs }: StreamTimes): Played {
  return {
    evaluation: evaluate(audience.outcomes),
    eventsPerS: (audience.answered * 1000) / Math.max(1, elapsedMs),
    p50Ms: percentile(latenciesMs, 0.5),
    p95Ms: percentile(latenciesMs, 0.95),
    p99Ms: percentile(latenciesMs, 0.99),
    modelShare: audience.fromModel / Math.max(1, audience.answered),
  };
}

function showFound(screen: Screen, { evaluation }: Played): void {
  const { alerts, found, labelled, precision, recall, rocAuc, ready, events } = evaluation;
  const good = (text: string): string => screen.paint(["bold", "green"], text);
  screen.text(
    `${good(`${count(found)} of ${count(labelled)}`)} labelled events found with ${count(alerts)} alerts: ` +
      `precision ${good(percent(precision))}, recall ${good(percent(recall))}, ROC AUC ${good(rocAuc.toFixed(3))}`,
    2,
  );
  if (evaluation.byLabel.size > 1) {
    screen.line();
    screen.table(
      ["pattern", "labelled", "found", ""],
      [...evaluation.byLabel]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([label, counts]) => [
          label.replaceAll("_", " "),
          String(counts.labelled).padStart(8),
          String(counts.found).padStart(5),
          percent(counts.found / counts.labelled).padStart(5),
        ]),
    );
  }
  screen.text(
    screen.paint(
      "dim",
      `Counted over the ${count(ready)} of ${count(events)} events after the first 500 of each model: those are to learn from.`,
    ),
    2,
  );
}

function showSpeed(screen: Screen, played: Played): void {
  const { eventsPerS, p50Ms, p95Ms, p99Ms, modelShare } = played;
  const latency = [p50Ms, p95Ms, p99Ms].map((ms) => ms.toFixed(ms < 10 ? 2 : 1)).join("/");
  screen.text(
    `${screen.paint("bold", count(eventsPerS))} events/s, one a message, ${inFlight} in flight; ` +
      `p50/p95/p99 ${screen.paint("bold", latency)} ms; ${percent(modelShare)} answered by the model`,
    2,
  );
  screen.line();
}

function showSamples(screen: Screen, act: Act, samples: readonly Sample[]): void {
  const shown = pickSamples(samples);
  if (shown.length === 0) return;
  screen.line(screen.paint("dim", "  Some of the alerts, with the inputs that raised the score:"));
  screen.table(
    ["label", "score", "limit", "because of", act.eventHead],
    shown.map(({ index, label, score, threshold, reasons }) => [
      label === undefined
        ? screen.paint("yellow", "false alarm")
        : screen.paint("green", label.replaceAll("_", " ")),
      score.toFixed(3),
      threshold.toFixed(3),
      because(reasons),
      act.describe(index),
    ]),
  );
  screen.line();
}

/** The highest of every label first, then the next of each, false alarms last. */
function pickSamples(samples: readonly Sample[]): readonly Sample[] {
  const byLabel = Map.groupBy(samples, ({ label }) => label);
  const ranked = [...byLabel.values()].flatMap((group) =>
    group.toSorted((a, b) => b.score - a.score).map((sample, rank) => ({ sample, rank })),
  );
  return ranked
    .filter(({ sample, rank }) => sample.label !== undefined || rank === 0)
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, samplesShownMax)
    .map(({ sample }) => sample)
    .toSorted((a, b) => Number(a.label === undefined) - Number(b.label === undefined));
}

function because(reasons: readonly Reason__Output[]): string {
  return reasons
    .filter(({ contribution = 0 }) => contribution > 0)
    .slice(0, 2)
    .map(({ feature = "", contribution = 0 }) => `${feature} +${contribution.toFixed(2)}`)
    .join(", ");
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(share > 0.9995 ? 0 : 1)}\u00A0%` : "-";
}
