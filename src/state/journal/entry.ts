import type { Answered, Change, Position } from "../../shard/journal.ts";
import type { Views } from "../../shard/region.ts";
import type { ProcessChange } from "../process-change.ts";

/** What an entry of the journal is. Numbers never change their meaning. */
export const Kind = {
  /** A batch: body as `packRows` writes it. */
  ROWS: 1,
  /** What the step made of a batch: its position as float64, then as `packVerdicts` writes it. */
  VERDICTS: 2,
  /** Verdicts that clients got from the fallback. */
  ANSWERS: 3,
  /** A change of one shard beside its rows. */
  CHANGE: 4,
  /** The rows at a position (float64) were not applied. */
  VOID: 5,
  /** A change of what is kept outside of the shards: JSON. */
  PROCESS: 6,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** `shard` of entries that belong to none. */
export const NO_SHARD = 255;

/** One entry as it is read back; its checksum was right. */
export interface Entry {
  readonly position: Position;
  readonly shard: number;
  readonly kind: Kind;
  /** When it was appended. */
  readonly unixMs: number;
  /** Rows of ROWS, VERDICTS and ANSWERS, else 0. */
  readonly rows: number;
  /** At a multiple of 8 of its buffer. */
  readonly body: Uint8Array;
}

const changeKinds = [
  "create",
  "configure",
  "reset",
  "delete",
  "take",
  "swap",
  "drop",
  "import",
  "resize",
] as const satisfies readonly Change["kind"][];

/** kind u32, number u32 (a slot, or whether it failed), number f64 (a handle, or bytes), length of the text u32, 0 u32, then text, then bytes. */
const CHANGE_HEAD = 24;

export function encodeChange(change: Change): Uint8Array {
  const text = "spec" in change ? Buffer.from(change.spec, "utf8") : Buffer.alloc(0);
  const bytes = bytesOf(change);
  const textBytes = (text.length + 7) & ~7;
  const body = new Uint8Array(CHANGE_HEAD + textBytes + bytes.length);
  const view = new DataView(body.buffer);
  view.setUint32(0, changeKinds.indexOf(change.kind), true);
  view.setUint32(
    4,
    "slot" in change ? change.slot : change.kind === "drop" ? Number(change.failed) : 0,
    true,
  );
  const number =
    "handle" in change ? change.handle : change.kind === "resize" ? change.memoryBytes : 0;
  view.setFloat64(8, number, true);
  view.setUint32(16, text.length, true);
  body.set(text, CHANGE_HEAD);
  body.set(bytes, CHANGE_HEAD + textBytes);
  return body;
}

function bytesOf(change: Change): Uint8Array {
  switch (change.kind) {
    case "create":
    case "configure":
      return new Uint8Array(change.block.buffer, change.block.byteOffset, change.block.byteLength);
    case "swap":
      return change.model;
    case "import":
      return change.part;
    case "reset":
    case "delete":
    case "take":
    case "drop":
    case "resize":
      return new Uint8Array(0);
    default:
      return change satisfies never;
  }
}

/** Throws for bytes that `encodeChange` did not write. */
export function decodeChange(body: Uint8Array): Change {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const kind = changeKinds[view.getUint32(0, true)];
  const slot = view.getUint32(4, true);
  const handle = view.getFloat64(8, true);
  const length = view.getUint32(16, true);
  const bytesAt = CHANGE_HEAD + ((length + 7) & ~7);
  if (bytesAt > body.length) throw new Error("a change is cut off");
  const spec = Buffer.from(body.subarray(CHANGE_HEAD, CHANGE_HEAD + length)).toString("utf8");
  const bytes = body.slice(bytesAt);
  switch (kind) {
    case "create":
    case "configure":
      return { kind, slot, spec, block: new Float64Array(bytes.buffer) };
    case "reset":
    case "delete":
      return { kind, slot };
    case "take":
      return { kind, handle };
    case "swap":
      return { kind, handle, model: bytes };
    case "drop":
      return { kind, handle, failed: slot === 1 };
    case "import":
      return { kind, slot, part: bytes };
    case "resize":
      return { kind, memoryBytes: handle };
    case undefined:
      throw new Error(`a change of the unknown kind ${view.getUint32(0, true)}`);
    default:
      return kind satisfies never;
  }
}

export function encodeProcessChange(change: ProcessChange): Uint8Array {
  return Buffer.from(JSON.stringify(change), "utf8");
}

/** Throws for bytes that `encodeProcessChange` did not write. */
export function decodeProcessChange(body: Uint8Array): ProcessChange {
  const change: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  if (!isProcessChange(change)) throw new Error("a change of an unknown kind of the process");
  return change;
}

const processKinds: Readonly<Record<ProcessChange["kind"], true>> = {
  catalogue: true,
  kept: true,
  forgotten: true,
  encoding: true,
  encoded: true,
};

// Its checksum was right: it is what `encodeProcessChange` wrote, if not of a newer version.
function isProcessChange(change: unknown): change is ProcessChange {
  return (
    typeof change === "object" &&
    change !== null &&
    "kind" in change &&
    typeof change.kind === "string" &&
    Object.hasOwn(processKinds, change.kind)
  );
}

/*
 * ANSWERS: count u32, form u32, then 40 bytes each: position f64 │ score f64 │ threshold f64 │ row u32 │ rule i32 │ source u8 │ state u8 │
 * anomaly u8 │ replayed u8 │ model version u32; then raw scores, f64 each. Form 0, of before: 0 for the last two, and no raw scores.
 */
const ANSWER_BYTES = 40;
const WITH_RAW_SCORES = 1;

/** Bytes that `packAnswers` writes. */
export function answersBytes(count: number): number {
  return rawScoresAt(count) + count * 8;
}

const rawScoresAt = (count: number): number => 8 + count * ANSWER_BYTES;

/** Writes answers at `at` (a multiple of 8). */
export function packAnswers(answers: readonly Answered[], into: Views, at: number): void {
  const { f64, u32, u8 } = into;
  u32[at >>> 2] = answers.length;
  u32[(at >>> 2) + 1] = WITH_RAW_SCORES;
  let to = at + 8;
  let raw = (at + rawScoresAt(answers.length)) >>> 3;
  for (const { position, score, threshold, row, rule, ...rest } of answers) {
    f64[to >>> 3] = position;
    f64[(to >>> 3) + 1] = score;
    f64[(to >>> 3) + 2] = threshold;
    u32[(to >>> 2) + 6] = row;
    u32[(to >>> 2) + 7] = rule;
    u8[to + 32] = rest.source;
    u8[to + 33] = rest.state;
    u8[to + 34] = rest.anomaly;
    u8[to + 35] = rest.replayed;
    u32[(to >>> 2) + 9] = rest.modelVersion;
    f64[raw++] = rest.rawScore;
    to += ANSWER_BYTES;
  }
}

/** Throws for bytes that `packAnswers` did not write. */
export function decodeAnswers(body: Uint8Array): Answered[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const count = view.getUint32(0, true);
  const end = rawScoresAt(count);
  const hasRawScores = body.length >= 8 && view.getUint32(4, true) === WITH_RAW_SCORES;
  if ((hasRawScores ? answersBytes(count) : end) > body.length) {
    throw new Error("answers are cut off");
  }
  const answers: Answered[] = [];
  let raw = end;
  for (let at = 8; at < end; at += ANSWER_BYTES) {
    answers.push({
      position: view.getFloat64(at, true),
      score: view.getFloat64(at + 8, true),
      threshold: view.getFloat64(at + 16, true),
      row: view.getUint32(at + 24, true),
      rule: view.getInt32(at + 28, true),
      source: view.getUint8(at + 32),
      state: view.getUint8(at + 33),
      anomaly: view.getUint8(at + 34),
      replayed: view.getUint8(at + 35),
      modelVersion: view.getUint32(at + 36, true),
      rawScore: hasRawScores ? view.getFloat64(raw, true) : 0,
    });
    raw += 8;
  }
  return answers;
}
