import { Source, State } from "../domain/verdict.ts";
import type { Explanation, Reason, Verdicts } from "../domain/verdict.ts";
import type { Explained } from "../report/explain-verdict.ts";
import { shown } from "../report/markup.ts";
import { digits, timeText } from "../report/numbers.ts";
import { slotDetector } from "../report/slot-detector.ts";

const parts: Readonly<Record<Explained["part"], string>> = {
  serving: "serving",
  share: "for its share of the keys of",
  shadow: "as a shadow",
  learning: "while it learned",
};

/** What `weir explain` prints, a line each. */
export function explainedLines(explained: Explained): readonly string[] {
  const { answered, byFallback, differences, modelled, repeats } = explained;
  const { asked, eventId, key, part, position, row, spec } = explained;
  const lines = [
    `${spec.name}, version ${spec.version} ${parts[part]}${part === "share" ? ` ${asked}` : ""}, row ${position}:${row}`,
    `  event       ${eventId === "" ? "without an id" : `id ${quoted(eventId)}`}, key ${quoted(key)}, time ${timeText(explained.timeUnixMs)}, arrived ${timeText(explained.arrivalUnixMs)}`,
    `  client got  ${answered === undefined ? unanswered(explained) : verdictText(answered, explained, byFallback)}`,
  ];
  lines.push(
    `  model said  ${byFallback || answered === undefined ? verdictText(modelled, explained, false) : "the same"}`,
  );
  if (differences.length > 0) {
    lines.push(
      `  NOT as the journal has it: ${differences.join(", ")}. Check the journal and the snapshots with: weir verify`,
    );
  }
  if (modelled.replayed[0] === 1) {
    lines.push(
      "  It is a repeat: a row with this id came before, and its verdict was given again.",
    );
  }
  if (repeats.length > 0) {
    const places = repeats.map((each) => `${each.position}:${each.row}`).join(", ");
    lines.push(`  Rows that had this verdict repeated: ${places}`);
  }
  const [explanation] = modelled.explanations ?? [];
  lines.push("", ...reasonLines(explanation, modelled));
  return lines;
}

/** The same as one JSON object; scores as they are, without rounding. */
export function explainedJson(explained: Explained): unknown {
  const { answered, byFallback, differences, modelled, repeats, spec } = explained;
  const [explanation] = modelled.explanations ?? [];
  return {
    detector: spec.name,
    version: spec.version,
    part: explained.part,
    asked: explained.asked,
    position: explained.position,
    row: explained.row,
    id: explained.eventId,
    key: explained.key,
    timeUnixMs: explained.timeUnixMs,
    arrivalUnixMs: explained.arrivalUnixMs,
    answered: answered === undefined ? null : verdictJson(answered, explained),
    byFallback,
    modelled: {
      ...verdictJson(modelled, explained),
      baseline: explanation?.baseline ?? null,
      reasons: explanation?.reasons ?? [],
      ...featuresJson(explained),
    },
    differences,
    repeats,
  };
}

function unanswered({ part }: Explained): string {
  if (part === "serving") return "nothing that the journal knows of";
  return part === "learning"
    ? "the verdict of the version that served"
    : "the verdict of the live detector";
}

function verdictText(verdicts: Verdicts, explained: Explained, isFallback: boolean): string {
  const score = verdicts.scores[0] ?? Number.NaN;
  const source = nameOf(Source, verdicts.sources[0] ?? 0);
  const rule = ruleOf(verdicts, explained);
  const from = rule === "" ? source : `${source}: ${quoted(rule)}`;
  const anomaly = verdicts.anomalies[0] === 1 ? "an anomaly" : "no anomaly";
  const version = isFallback ? "" : `, model version ${verdicts.modelVersions[0] ?? 0}`;
  const shownScore = Number.isNaN(score) ? "no score" : `score ${score}`;
  return `${shownScore} (${from}), ${anomaly}, threshold ${digits(verdicts.thresholds[0] ?? Number.NaN)}, state ${nameOf(State, verdicts.states[0] ?? 0)}${version}`;
}

function reasonLines(
  explanation: Explanation | undefined,
  { scores }: Verdicts,
): readonly string[] {
  const score = scores[0] ?? Number.NaN;
  if (explanation === undefined || Number.isNaN(explanation.baseline)) {
    return [
      Number.isNaN(score)
        ? "There is no score, so there is nothing to explain."
        : "No reasons: the model had none for this row then, or the verdict is a repeat.",
    ];
  }
  const width = Math.max(...explanation.reasons.map(({ feature }) => shown(feature).length));
  return [
    `Why ${digits(score)}: ${digits(explanation.baseline)} for the average row, and`,
    ...explanation.reasons.map((reason) => reasonLine(reason, width)),
  ];
}

function reasonLine(
  { contribution, expected, feature, text, value }: Reason,
  width: number,
): string {
  const sign = contribution < 0 ? "-" : "+";
  const number = `${sign}${Math.abs(contribution).toFixed(4)}`;
  const words = text === undefined || text === "" ? "" : `; ${shown(text)}`;
  return `  ${number}  ${shown(feature).padEnd(width)}  ${digits(value)} (expected ${digits(expected)})${words}`;
}

function verdictJson(verdicts: Verdicts, explained: Explained): object {
  return {
    score: numberOrNull(verdicts.scores[0]),
    rawScore: numberOrNull(verdicts.rawScores[0]),
    threshold: numberOrNull(verdicts.thresholds[0]),
    anomaly: verdicts.anomalies[0] === 1,
    state: nameOf(State, verdicts.states[0] ?? 0),
    source: nameOf(Source, verdicts.sources[0] ?? 0),
    modelVersion: verdicts.modelVersions[0],
    replayed: verdicts.replayed[0] === 1,
    systemAction: verdicts.systemActions[0] === 1,
    rule: ruleOf(verdicts, explained),
  };
}

/** By name, of a detector that derives features. */
function featuresJson({ modelled, slot, spec }: Explained): object {
  const { features } = modelled;
  if (features === undefined) return {};
  const names = slotDetector(spec, slot).config.features.map(({ name }) => name);
  return {
    features: Object.fromEntries(names.map((name, i) => [name, numberOrNull(features[i])])),
  };
}

function ruleOf({ rules }: Verdicts, { slot, spec }: Explained): string {
  const rule = rules[0] ?? -1;
  return rule < 0 ? "" : (slotDetector(spec, slot).config.rules[rule]?.name ?? "");
}

function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function nameOf(numbers: Readonly<Record<string, number>>, number: number): string {
  const found = Object.entries(numbers).find(([, each]) => each === number);
  return found === undefined ? "none" : found[0].toLowerCase();
}

/** As a text of the data is shown on a terminal: no controls. */
function quoted(text: string): string {
  return `"${shown(text)}"`;
}
