import path from "node:path";
import protobuf from "protobufjs";

/**
 * Bytes of the contract, made and read by hand where it is hot: requests are encoded once before anything is measured, and of
 * an answer only what the count needs is read. Both sides of a comparison run this same code.
 */

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => path.resolve(import.meta.dirname, "../../proto", target);
const files = ["scoring", "detectors", "admin"].map((name) => `weir/v1/${name}.proto`);
root.loadSync(files, { keepCase: false });

/** A message of `weir.v1` as bytes; `value` has the contract's names in camel case. */
export function encode(type: string, value: Readonly<Record<string, unknown>>): Buffer {
  const message = root.lookupType(`weir.v1.${type}`);
  return Buffer.from(message.encode(message.fromObject(value)).finish());
}

/** A message of `weir.v1` as an object: enums and 64-bit integers as numbers, unset fields absent. */
export function decode(type: string, bytes: Uint8Array): Record<string, unknown> {
  const message = root.lookupType(`weir.v1.${type}`);
  return message.toObject(message.decode(bytes), { longs: Number, enums: Number });
}

/** Ids run over 2 million numbers that all take three bytes, so that an id is patched in place. */
export const requestIdFirst = 16_384;
export const requestIds = 2_080_768;

/** A ScoreStreamRequest around an encoded ScoreRequest; its id is at bytes 1..3. */
export function streamRequest(scoreRequest: Uint8Array): Buffer {
  const head = new protobuf.Writer().uint32(8).uint32(requestIdFirst);
  return Buffer.from(head.uint32(18).bytes(scoreRequest).finish());
}

/** Writes the id of a message that `streamRequest` made. */
export function patchRequestId(message: Uint8Array, requestId: number): void {
  message[1] = (requestId & 0x7f) | 0x80;
  message[2] = ((requestId >>> 7) & 0x7f) | 0x80;
  message[3] = requestId >>> 14;
}

/** What came back, counted. */
export class Tally {
  /** Answers with verdicts. */
  answers = 0;
  /** Rows by the contract's Source number. */
  readonly rowsBySource = new Float64Array(5);
  /** Refused requests by reason. */
  readonly refused = new Map<string, number>();
  bytes = 0;

  refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  get rows(): number {
    return this.rowsBySource.reduce((sum, rows) => sum + rows, 0);
  }
}

/** A position in a message: the few readers that counting needs. */
class Cursor {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  varint(): number {
    let value = 0;
    let shift = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error("the answer ends inside a number");
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
      shift *= 128;
    }
  }

  /** Reads a length; returns where the field ends. */
  end(): number {
    const length = this.varint();
    return this.at + length;
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 5) this.at += 4;
    else if (wireType === 2) this.at = this.end();
    else throw new Error(`the answer has wire type ${wireType}`);
  }
}

function countVerdict(cursor: Cursor, end: number, tally: Tally): void {
  let source = 0;
  while (cursor.at < end) {
    const tag = cursor.varint();
    if (tag === 32) source = cursor.varint();
    else cursor.skip(tag & 7);
  }
  tally.rowsBySource[source] = (tally.rowsBySource[source] ?? 0) + 1;
}

function countFrame(cursor: Cursor, end: number, tally: Tally): void {
  while (cursor.at < end) {
    const tag = cursor.varint();
    if (tag !== 34) {
      cursor.skip(tag & 7);
      continue;
    }
    const length = cursor.varint();
    for (let i = 0; i < length; i++) {
      const source = cursor.bytes[cursor.at + i] ?? 0;
      tally.rowsBySource[source] = (tally.rowsBySource[source] ?? 0) + 1;
    }
    cursor.at += length;
  }
}

function countBody(cursor: Cursor, end: number, tally: Tally): void {
  while (cursor.at < end) {
    const tag = cursor.varint();
    if (tag === 10) countVerdict(cursor, cursor.end(), tally);
    else if (tag === 18) countFrame(cursor, cursor.end(), tally);
    else cursor.skip(tag & 7);
  }
  tally.answers++;
}

/** Counts a ScoreResponse. */
export function countResponse(bytes: Uint8Array, tally: Tally): void {
  tally.bytes += bytes.length;
  countBody(new Cursor(bytes, 0), bytes.length, tally);
}

/** Counts a ScoreStreamResponse. Returns its request id, negated when it is an error. */
export function countStreamResponse(bytes: Uint8Array, tally: Tally): number {
  const cursor = new Cursor(bytes, 0);
  let requestId = 0;
  let refused = false;
  tally.bytes += bytes.length;
  while (cursor.at < bytes.length) {
    const tag = cursor.varint();
    if (tag === 8) requestId = cursor.varint();
    else if (tag === 18) countBody(cursor, cursor.end(), tally);
    else if (tag === 26) {
      const length = cursor.varint();
      const error = decode("Error", bytes.subarray(cursor.at, cursor.at + length));
      tally.refuse(String(error["reason"] ?? error["code"]));
      cursor.at += length;
      refused = true;
    } else cursor.skip(tag & 7);
  }
  return refused ? -requestId : requestId;
}
