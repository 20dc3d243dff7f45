import { limits } from "../config/limits.ts";
import type { Detector, RuleRow } from "../domain/detector.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { Source, State, stateOf } from "../domain/verdict.ts";
import type { Verdicts } from "../domain/verdict.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { CachedScore } from "./score-cache.ts";
import { NONE } from "./stage-frame.ts";

const hash = new KeyHash();
const keyBytes = new Uint8Array(limits.keyBytesMax);

/** What a row that the model did not answer in time is answered from. */
export interface FallbackRow {
  readonly runtime: DetectorRuntime;
  readonly request: ScoreRequest;
  readonly row: number;
  /** clock.now(). */
  readonly now: number;
  /** Unix ms: the time of an event without one. */
  readonly arrivalMs: number;
  /** LEARN_ONLY rows get no score. */
  readonly scored: boolean;
}

/**
 * Answers one row without the model: the first of the detector's sources that has something to say, ending with the default
 * score. `anomaly` follows the same threshold and suppression as the model's: only past burn-in, as far as the key's last
 * verdict tells, and never under a system action.
 */
export function fallBack(fallback: FallbackRow, verdicts: Verdicts): void {
  const { runtime, row } = fallback;
  const { config } = runtime.detector;
  const systemAction = hasSystemAction(fallback.request, row);
  const own = ownScore(verdicts, row);
  const { known, fresh } = own === undefined ? cachedOf(fallback) : { known: own, fresh: own };
  const fixed = "fixed" in config.threshold ? config.threshold.fixed : undefined;
  const threshold = fixed ?? known?.threshold ?? 1;
  const chosen = fallback.scored
    ? choose(fallback, fresh)
    : { source: Source.DEFAULT, score: Number.NaN, rule: -1 };
  verdicts.scores[row] = chosen.score;
  verdicts.rawScores[row] = chosen.source === Source.CACHED ? (fresh?.rawScore ?? 0) : 0;
  verdicts.thresholds[row] = threshold;
  verdicts.modelVersions[row] = known?.modelVersion ?? 0;
  verdicts.rules[row] = chosen.rule;
  verdicts.sources[row] = chosen.source;
  verdicts.states[row] = known?.state ?? State.COLLECTING;
  verdicts.replayed[row] = 0;
  verdicts.systemActions[row] = systemAction ? 1 : 0;
  verdicts.anomalies[row] =
    alerts(known?.state) && !systemAction && chosen.score > threshold ? 1 : 0;
}

/** What the model said last of the row's key: as far as its state goes back, and as far as a score is still taken for an answer. */
function cachedOf(fallback: FallbackRow): Known {
  const { runtime, row, now } = fallback;
  const { config } = runtime.detector;
  const { key } = rowOf(fallback.request, row);
  const length = encodeText(key, keyBytes, 0, limits.keyBytesMax);
  hash.of(keyBytes, 0, length);
  // A key that has expired starts cold: what was known of it counts no more.
  const keptMs = config.keyTtlMs === 0 ? Number.POSITIVE_INFINITY : config.keyTtlMs;
  return {
    known: runtime.cache.get(hash, now - keptMs),
    fresh: runtime.cache.get(hash, now - Math.min(keptMs, config.cachedMaxAgeMs)),
  };
}

interface Known {
  readonly known: CachedScore | undefined;
  readonly fresh: CachedScore | undefined;
}

/** What the model said of the very row, where only the disk is late: the key's last score may be a later event's already. */
function ownScore(verdicts: Verdicts, row: number): CachedScore | undefined {
  if (verdicts.sources[row] !== Source.MODEL) return undefined;
  return {
    score: verdicts.scores[row] ?? Number.NaN,
    rawScore: verdicts.rawScores[row] ?? 0,
    threshold: verdicts.thresholds[row] ?? 1,
    state: stateOf(verdicts.states[row] ?? 0),
    modelVersion: verdicts.modelVersions[row] ?? 0,
  };
}

/** Whether a key's model was past its burn-in. */
function alerts(state: State | undefined): boolean {
  return state === State.READY || state === State.RETRAINING;
}

interface Choice {
  readonly source: Source;
  readonly score: number;
  readonly rule: number;
}

function choose(fallback: FallbackRow, fresh: CachedScore | undefined): Choice {
  const { detector } = fallback.runtime;
  for (const source of detector.config.fallback) {
    if (source === Source.RULES && detector.config.rules.length > 0) {
      const rule = detector.rules.firstMatch(ruleRow(detector, fallback));
      const matched = detector.config.rules[rule];
      if (matched !== undefined) return { source, score: matched.score, rule };
    } else if (source === Source.CACHED && fresh !== undefined && !Number.isNaN(fresh.score)) {
      return { source, score: fresh.score, rule: -1 };
    } else if (source === Source.DEFAULT) {
      break;
    }
  }
  return { source: Source.DEFAULT, score: detector.config.defaultScore, rule: -1 };
}

/** Key, event time and id of a row, from whichever form the request has. */
export function rowOf(
  request: ScoreRequest,
  row: number,
): { readonly key: string; readonly timeUnixMs: number; readonly id: string } {
  const { frame } = request;
  if (frame === undefined) {
    const event = request.events[row];
    return { key: event?.key ?? "", timeUnixMs: event?.timeUnixMs ?? 0, id: event?.id ?? "" };
  }
  const key =
    frame.keyIndex.length === 0
      ? frame.keys[0]
      : frame.keys[viewOf(frame.keyIndex).getUint32(row * 4, true)];
  return { key: key ?? "", timeUnixMs: timeOf(request, row), id: frame.ids[row] ?? "" };
}

/** Event time of a row, Unix ms; 0 = none was sent. */
export function timeOf(request: ScoreRequest, row: number): number {
  const { frame } = request;
  if (frame === undefined) return request.events[row]?.timeUnixMs ?? 0;
  const { timesUnixMs } = frame;
  return timesUnixMs.length === 0 ? 0 : Number(viewOf(timesUnixMs).getBigInt64(row * 8, true));
}

function hasSystemAction(request: ScoreRequest, row: number): boolean {
  const { frame } = request;
  if (frame === undefined) return (request.events[row]?.systemAction ?? "") !== "";
  const index = frame.systemActionIndex;
  return index.length > 0 && viewOf(index).getUint32(row * 4, true) !== NONE;
}

/** What the rules see of a row: the values as they were sent, defaults filled in. */
function ruleRow(detector: Detector, { request, row, arrivalMs }: FallbackRow): RuleRow {
  const { key, timeUnixMs } = rowOf(request, row);
  const number = (column: number): number => {
    const input = detector.numberInputs[column];
    if (input === undefined) return Number.NaN;
    const sent = sentNumber(detector, request, row, column);
    return Number.isNaN(sent) ? input.defaultValue : sent;
  };
  return {
    key,
    timeUnixMs: timeUnixMs === 0 ? arrivalMs : timeUnixMs,
    number,
    category: (column) => sentCategory(detector, request, row, column),
  };
}

function sentNumber(
  detector: Detector,
  request: ScoreRequest,
  row: number,
  column: number,
): number {
  const columns = detector.numberInputs.length;
  if (request.frame !== undefined) {
    return viewOf(request.frame.values).getFloat64((row * columns + column) * 8, true);
  }
  const event = request.events[row];
  const input = detector.numberInputs[column];
  if (event === undefined || input === undefined) return Number.NaN;
  return event.values[column] ?? event.numbers.get(input.name) ?? Number.NaN;
}

export function sentCategory(
  detector: Detector,
  request: ScoreRequest,
  row: number,
  column: number,
): string | undefined {
  const { frame } = request;
  const { categoryInputs } = detector;
  if (frame === undefined) {
    const input = categoryInputs[column];
    return input === undefined ? undefined : request.events[row]?.categories.get(input.name);
  }
  if (frame.categoryIndex.length === 0) return undefined;
  const at = (row * categoryInputs.length + column) * 4;
  const index = viewOf(frame.categoryIndex).getUint32(at, true);
  return index === NONE ? undefined : frame.categories[index];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
