import { endianness } from "node:os";
import { sourceNames, stateNames } from "../../alerts/json.ts";
import type { Detector } from "../../domain/detector.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import type { Explanation, Verdicts } from "../../domain/verdict.ts";

// ScoreResponse in its proto3 JSON mapping, by hand, out of the verdict columns: half of the time of building objects for
// JSON.stringify. What it writes is what `schemas.ts` documents; a test holds the two together.

if (endianness() !== "LE") {
  throw new Error("Weir sends columns as they lie in memory: little-endian");
}

/** By the numbers of Source and State: the members that every verdict has. */
const sources = fragments("source", "SOURCE_UNSPECIFIED", sourceNames);
const states = fragments("state", "STATE_UNSPECIFIED", stateNames);

function fragments(
  field: string,
  unspecified: string,
  names: Readonly<Record<number, string>>,
): readonly string[] {
  const all = [`,"${field}":"${unspecified}"`];
  for (const [value, name] of Object.entries(names)) all[Number(value)] = `,"${field}":"${name}"`;
  return all;
}

/**
 * The body of an answer: `verdicts`, or `frame` when the request was packed. Members with their zero value are left out where
 * they say nothing (ids, rules, flags); `anomaly`, `rawScore`, `modelVersion` and `threshold` are always there.
 */
export function encodeScoreResponse(
  request: ScoreRequest,
  verdicts: Verdicts,
  detector: Detector,
): string {
  if (request.frame !== undefined) return `{"frame":${encodeFrame(verdicts)}}`;
  let json = '{"verdicts":[';
  for (let row = 0; row < verdicts.rows; row++) {
    if (row > 0) json += ",";
    json += encodeVerdict(verdicts, row, request.events[row]?.id ?? "", detector);
  }
  return `${json}]}`;
}

function encodeVerdict(verdicts: Verdicts, row: number, id: string, detector: Detector): string {
  let json = id === "" ? "{" : `{"eventId":${JSON.stringify(id)},`;
  const score = at(verdicts.scores, row);
  if (!Number.isNaN(score)) json += `"score":${number(score)},`;
  json += verdicts.anomalies[row] === 1 ? '"anomaly":true' : '"anomaly":false';
  json += sources[at(verdicts.sources, row)] ?? sources[0];
  json += states[at(verdicts.states, row)] ?? states[0];
  json += `,"rawScore":${number(at(verdicts.rawScores, row))}`;
  json += `,"modelVersion":${verdicts.modelVersions[row]}`;
  json += `,"threshold":${number(at(verdicts.thresholds, row))}`;
  return `${json}${encodeRarities(verdicts, row, detector)}}`;
}

/** What most verdicts do not have. */
function encodeRarities(verdicts: Verdicts, row: number, detector: Detector): string {
  let json = "";
  const explanation = verdicts.explanations?.[row];
  if (explanation !== undefined) json += encodeExplanation(explanation);
  if (verdicts.defaulted !== undefined) json += encodeDefaulted(verdicts.defaulted, row, detector);
  const rule = at(verdicts.rules, row);
  if (rule >= 0) json += `,"rule":${JSON.stringify(detector.config.rules[rule]?.name ?? "")}`;
  if (verdicts.systemActions[row] === 1) json += ',"systemAction":true';
  if (verdicts.replayed[row] === 1) json += ',"replayed":true';
  return json;
}

function encodeExplanation(explanation: Explanation): string {
  const reasons = explanation.reasons.map(
    (reason) =>
      `{"feature":${JSON.stringify(reason.feature)},"contribution":${number(reason.contribution)}` +
      `,"value":${number(reason.value)},"expected":${number(reason.expected)}}`,
  );
  return `,"reasons":[${reasons.join(",")}],"baseline":${number(explanation.baseline)}`;
}

function encodeDefaulted(defaulted: Uint8Array, row: number, detector: Detector): string {
  const { inputs } = detector.config;
  const start = row * ((inputs.length + 7) >> 3);
  const names = inputs
    .filter(({ position }) => {
      const byte = defaulted[start + (position >> 3)] ?? 0;
      return ((byte >> (position & 7)) & 1) === 1;
    })
    .map(({ name }) => JSON.stringify(name));
  return names.length === 0 ? "" : `,"defaulted":[${names.join(",")}]`;
}

function encodeFrame(verdicts: Verdicts): string {
  const version = verdicts.modelVersions[0] ?? 0;
  const agree = verdicts.modelVersions.every((other) => other === version);
  let json = `{"scores":"${base64(verdicts.scores)}","rawScores":"${base64(verdicts.rawScores)}"`;
  json += `,"anomalies":"${base64(verdicts.anomalies)}","sources":"${base64(verdicts.sources)}"`;
  json += `,"states":"${base64(verdicts.states)}"`;
  json += agree
    ? `,"modelVersion":${version}`
    : `,"modelVersions":"${base64(verdicts.modelVersions)}"`;
  if (verdicts.defaulted !== undefined) json += `,"defaulted":"${base64(verdicts.defaulted)}"`;
  if (verdicts.replayed.includes(1)) json += `,"replayed":"${base64(verdicts.replayed)}"`;
  return `${json}}`;
}

/** Rows are within their columns. */
function at(column: ArrayLike<number>, row: number): number {
  return column[row] ?? 0;
}

function base64(column: Float64Array | Uint32Array | Uint8Array): string {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("base64");
}

/** The shortest digits that read back as the same double; what JSON cannot say, as proto3 JSON says it. */
function number(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : `${value}`;
}
