import { endianness } from "node:os";
import type { Detector } from "../../domain/detector.ts";
import type { Violation, WeirError } from "../../domain/errors.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import { featuresOf } from "../../domain/verdict.ts";
import type { Explanation, Verdicts } from "../../domain/verdict.ts";
import { WireWriter } from "./wire-writer.ts";

// The answers by hand, out of the verdict columns. Every function returns a view over one buffer that the next call writes
// again: grpc-js copies it into its own frame before `sendMessage` returns.

if (endianness() !== "LE")
  throw new Error("Weir sends columns as they lie in memory: little-endian");

/** The verdicts of one request, and what its answer needs beside them. */
export interface Answer {
  readonly verdicts: Verdicts;
  readonly detector: Detector;
  /** The ids of its events, in order; undefined when it was a frame. */
  readonly ids: readonly string[] | undefined;
}

const writer = new WireWriter();

/** A ScoreStreamResponse with verdicts. */
export function encodeStreamAnswer(requestId: number, answer: Answer): Buffer {
  writer.start();
  if (requestId !== 0) writer.uint32(8, requestId);
  const response = writer.open(18);
  writeScoreResponse(answer);
  writer.close(response);
  return writer.finish();
}

/** The fields of the contract's Error, `violations` apart. */
type ErrorFields = Pick<WeirError, "code" | "message" | "reason" | "retryAfterMs">;

/** A ScoreStreamResponse with an error. */
export function encodeStreamError(requestId: number, error: WeirError): Buffer {
  writer.start();
  if (requestId !== 0) writer.uint32(8, requestId);
  const body = writer.open(26);
  writeError(error, error.violations);
  writer.close(body);
  return writer.finish();
}

/** A ScoreResponse. */
export function encodeScoreResponse(answer: Answer): Buffer {
  writer.start();
  writeScoreResponse(answer);
  return writer.finish();
}

/** google.rpc.Status with one weir.v1.Error as its detail; a copy. */
export function encodeStatusDetails(error: ErrorFields, violations: readonly Violation[]): Buffer {
  writer.start();
  writer.uint32(8, error.code);
  writer.text(18, error.message);
  const any = writer.open(26);
  writer.text(10, "type.googleapis.com/weir.v1.Error");
  const body = writer.open(18);
  writeError(error, violations);
  writer.close(body);
  writer.close(any);
  return Buffer.from(writer.finish());
}

/** Of a derived feature among the reasons of a row, its text in words with it. */
const DERIVED_REASON_BYTES = 224;

/**
 * Bytes that the answer to a request will take at most, about; with `explain` every number input is a reason, and so is each of the
 * detector's `derived` features.
 */
export function answerBytesEstimate(request: ScoreRequest, derived: number): number {
  const { events, frame, explain, features } = request;
  const asked = features === true ? derived * 8 : 0;
  if (frame !== undefined) return 64 + frame.rows * (28 + asked + (asked >> 6));
  const [first] = events;
  const reasons = explain && first !== undefined ? first.numbers.size + first.values.length : 0;
  const derivedReasons = explain ? derived * DERIVED_REASON_BYTES : 0;
  return 16 + events.length * (96 + reasons * 64 + derivedReasons + asked);
}

function writeError(error: ErrorFields, violations: readonly Violation[]): void {
  writer.uint32(8, error.code);
  writer.text(18, error.message);
  for (const violation of violations) {
    const body = writer.open(26);
    writer.text(10, violation.field);
    writer.text(18, violation.message);
    writer.close(body);
  }
  writer.text(34, error.reason);
  if (error.retryAfterMs !== 0) writer.uint32(40, Math.ceil(error.retryAfterMs));
}

function writeScoreResponse(answer: Answer): void {
  if (answer.ids === undefined) {
    const frame = writer.open(18);
    writeFrame(answer.verdicts);
    writer.close(frame);
    return;
  }
  for (let row = 0; row < answer.verdicts.rows; row++) {
    const verdict = writer.open(10);
    writeVerdict(answer, row, answer.ids[row] ?? "");
    writer.close(verdict);
  }
}

function writeVerdict(answer: Answer, row: number, id: string): void {
  const { verdicts } = answer;
  if (id !== "") writer.text(10, id);
  const score = verdicts.scores[row] ?? Number.NaN;
  if (!Number.isNaN(score)) writer.double(17, score);
  writeSmall(24, small(verdicts.anomalies, row));
  writeSmall(32, small(verdicts.sources, row));
  writeSmall(40, small(verdicts.states, row));
  writeDouble(49, verdicts.rawScores[row] ?? 0);
  writeSmall(56, verdicts.modelVersions[row] ?? 0);
  writeSmall(88, small(verdicts.systemActions, row));
  writeDouble(97, verdicts.thresholds[row] ?? 0);
  writeSmall(104, small(verdicts.replayed, row));
  if ((verdicts.rules[row] ?? -1) >= 0 || verdicts.defaulted || verdicts.explanations) {
    writeRareFields(answer, row);
  }
  writeLastFields(answer, row);
}

/** From field 15 on. */
function writeLastFields(answer: Answer, row: number): void {
  if (answer.detector.program !== undefined) writeDerived(answer, row);
  if (small(answer.verdicts.durables, row) !== 0) writer.wideTrue(136);
}

/** What only rows of a detector with features have. */
function writeDerived({ verdicts, detector }: Answer, row: number): void {
  const { defaultedFeatures } = verdicts;
  const { features } = detector.config;
  if (defaultedFeatures !== undefined) {
    const start = row * ((features.length + 7) >> 3);
    for (const [i, { name }] of features.entries()) {
      if (isSet(defaultedFeatures, start, i)) writer.text(74, name);
    }
  }
  const values = featuresOf(verdicts, features.length, row);
  if (values !== undefined) writer.bytes(122, memory(values));
  const timeliness = verdicts.timeliness?.[row] ?? 0;
  if (timeliness !== 0) writer.wideUint32(128, timeliness);
}

function writeRareFields({ verdicts, detector }: Answer, row: number): void {
  if (verdicts.defaulted !== undefined) writeDefaulted(verdicts.defaulted, detector, row);
  const rule = detector.config.rules[verdicts.rules[row] ?? -1];
  if (rule !== undefined) writer.text(82, rule.name);
  const explanation = verdicts.explanations?.[row];
  if (explanation === undefined) return;
  writeReasons(explanation);
  writer.double(113, explanation.baseline);
}

function small(column: Uint8Array, row: number): number {
  return column[row] ?? 0;
}

function writeSmall(tag: number, value: number): void {
  if (value !== 0) writer.uint32(tag, value);
}

/** Only +0 is proto3's absent. */
function writeDouble(tag: number, value: number): void {
  if (!Object.is(value, 0)) writer.double(tag, value);
}

function writeReasons(explanation: Explanation): void {
  for (const reason of explanation.reasons) {
    const body = writer.open(66);
    writer.text(10, reason.feature);
    writeDouble(17, reason.contribution);
    writeDouble(25, reason.value);
    writer.double(33, reason.expected);
    if (reason.text !== undefined && reason.text !== "") writer.text(42, reason.text);
    writer.close(body);
  }
}

function writeDefaulted(defaulted: Uint8Array, detector: Detector, row: number): void {
  const inputs = detector.config.inputs;
  const start = row * ((inputs.length + 7) >> 3);
  for (const { name, position } of inputs) {
    if (isSet(defaulted, start, position)) writer.text(74, name);
  }
}

/** Of a row's bits, which begin at byte `start`. */
function isSet(bits: Uint8Array, start: number, position: number): boolean {
  return (((bits[start + (position >> 3)] ?? 0) >> (position & 7)) & 1) === 1;
}

function writeFrame(verdicts: Verdicts): void {
  writer.bytes(10, memory(verdicts.scores));
  writer.bytes(18, memory(verdicts.rawScores));
  writer.bytes(26, verdicts.anomalies);
  writer.bytes(34, verdicts.sources);
  writer.bytes(42, verdicts.states);
  const versions = verdicts.modelVersions;
  const first = versions[0] ?? 0;
  let agreeing = 0;
  while (agreeing < verdicts.rows && versions[agreeing] === first) agreeing++;
  if (agreeing === verdicts.rows) writeSmall(48, first);
  else writer.bytes(58, memory(versions));
  if (verdicts.defaulted !== undefined) writer.bytes(66, verdicts.defaulted);
  if (verdicts.replayed.includes(1)) writer.bytes(74, verdicts.replayed);
  if (verdicts.features !== undefined) writer.bytes(82, memory(verdicts.features));
  if (verdicts.defaultedFeatures !== undefined) writer.bytes(90, verdicts.defaultedFeatures);
  if (verdicts.timeliness !== undefined) writer.bytes(98, verdicts.timeliness);
  if (!verdicts.durables.includes(1)) return;
  if (verdicts.durables.includes(0)) writer.bytes(114, verdicts.durables);
  else writer.uint32(104, 1);
}

function memory(column: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
