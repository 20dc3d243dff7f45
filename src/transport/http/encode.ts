import { endianness } from "node:os";
import type { Detector } from "../../domain/detector.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import type { Verdicts } from "../../domain/verdict.ts";
import { verdictJson } from "../verdict-json.ts";

// ScoreResponse in its proto3 JSON mapping, as `schemas.ts` documents it; a test holds the two together.

if (endianness() !== "LE") {
  throw new Error("Weir sends columns as they lie in memory: little-endian");
}

/**
 * The body of an answer: `verdicts`, or `frame` when the request was packed. Members that say nothing (no id, no rule, flags
 * that are not set) are left out; `anomaly`, `rawScore`, `modelVersion` and `threshold` are always there.
 */
export function encodeScoreResponse(
  request: ScoreRequest,
  verdicts: Verdicts,
  detector: Detector,
): string {
  if (request.frame !== undefined) return JSON.stringify({ frame: frameJson(verdicts) });
  const rows: object[] = [];
  for (let row = 0; row < verdicts.rows; row++) {
    rows.push(verdictJson(verdicts, row, request.events[row]?.id, detector));
  }
  return JSON.stringify({ verdicts: rows });
}

function frameJson(verdicts: Verdicts): object {
  const { modelVersions, defaulted, replayed, features, defaultedFeatures, timeliness, durables } =
    verdicts;
  const version = modelVersions[0] ?? 0;
  const agree = modelVersions.every((other) => other === version);
  return {
    scores: base64(verdicts.scores),
    rawScores: base64(verdicts.rawScores),
    anomalies: base64(verdicts.anomalies),
    sources: base64(verdicts.sources),
    states: base64(verdicts.states),
    modelVersion: agree ? version : undefined,
    modelVersions: agree ? undefined : base64(modelVersions),
    defaulted: defaulted && base64(defaulted),
    replayed: replayed.includes(1) ? base64(replayed) : undefined,
    features: features && base64(features),
    defaultedFeatures: defaultedFeatures && base64(defaultedFeatures),
    timeliness: timeliness && base64(timeliness),
    ...durableJson(durables),
  };
}

/** One flag where the rows agree. */
function durableJson(durables: Uint8Array): object {
  if (!durables.includes(1)) return {};
  return durables.includes(0) ? { durables: base64(durables) } : { durable: true };
}

function base64(column: Float64Array | Uint32Array | Uint8Array): string {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("base64");
}
