import { limits } from "../../config/limits.ts";
import { Code, WeirError } from "../../domain/errors.ts";
import type { EventInput, FrameInput, ScoreRequest } from "../../domain/event.ts";
import { StringCache, WireError, WireReader } from "./wire-reader.ts";

// The hot path's messages by hand: decoding rows by name takes a third of the time of proto-loader's decode and toObject. Everything
// else goes through proto-loader. Field tags are number << 3 | wire type; a known field with another wire type is skipped like
// an unknown one, as the protobuf specification has it.

/** A message of a stream; `request` is why, where the bytes are no ScoreStreamRequest. */
export interface StreamRequest {
  /** 0 where it could not be read. */
  readonly requestId: number;
  readonly request: ScoreRequest | WeirError;
}

const noBytes = Buffer.alloc(0);
// What an event without them has in common with every other: replaced before the first write.
const noNumbers = new Map<string, number>();
const noCategories = new Map<string, string>();
const noValues: number[] = [];

const names = new StringCache(1024);
const keys = new StringCache(8192);
const reader = new WireReader();

/** One message of ScoreStream; never throws. Byte fields of a frame are views over `bytes`. */
export function decodeStreamRequest(bytes: Buffer): StreamRequest {
  let requestId = 0;
  let request: ScoreRequestDraft | undefined;
  reader.reset(bytes);
  try {
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 8) requestId = reader.uint32();
      else if (tag === 18) {
        const outer = reader.enter();
        request = readScoreRequest(request ?? new ScoreRequestDraft());
        reader.leave(outer);
      } else reader.skip(tag);
    }
  } catch (thrown) {
    return {
      requestId: findRequestId(bytes),
      request: malformed(thrown, "weir.v1.ScoreStreamRequest"),
    };
  }
  return { requestId, request: request ?? new ScoreRequestDraft() };
}

/** The message of Score; throws WeirError (MALFORMED). Byte fields of a frame are views over `bytes`. */
export function decodeScoreRequest(bytes: Buffer): ScoreRequest {
  reader.reset(bytes);
  try {
    return readScoreRequest(new ScoreRequestDraft());
  } catch (thrown) {
    throw malformed(thrown, "weir.v1.ScoreRequest");
  }
}

/** Bytes that are no message of the contract, as the caller is told. */
export function malformed(thrown: unknown, type: string): WeirError {
  const where = thrown instanceof WireError ? `: ${thrown.message} (byte ${thrown.at})` : "";
  return new WeirError(Code.INVALID_ARGUMENT, "MALFORMED", `the bytes are no ${type}${where}`, {
    cause: thrown,
  });
}

/** The id of a stream's message whose inside is broken, so that the client knows which one it was. */
export function findRequestId(bytes: Buffer): number {
  let requestId = 0;
  reader.reset(bytes);
  try {
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 8) requestId = reader.uint32();
      else reader.skip(tag);
    }
  } catch {
    return requestId;
  }
  return requestId;
}

/** Of a list that admission takes at most requestRowsMax of, this much is read: enough to refuse it. The rest only costs. */
const ENTRIES_MAX = limits.requestRowsMax + 1;

class ScoreRequestDraft implements ScoreRequest {
  detector = "";
  events: EventInput[] = [];
  frame: FrameDraft | undefined = undefined;
  mode = 0;
  timeoutMs = 0;
  explain = false;
  features = false;
}

function readScoreRequest(into: ScoreRequestDraft): ScoreRequestDraft {
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 10:
        into.detector = reader.cachedText(names);
        break;
      case 18: {
        if (into.events.length === ENTRIES_MAX) {
          reader.skip(tag);
          break;
        }
        const outer = reader.enter();
        into.events.push(readEvent());
        reader.leave(outer);
        break;
      }
      case 26: {
        const outer = reader.enter();
        into.frame = readFrame(into.frame ?? new FrameDraft());
        reader.leave(outer);
        break;
      }
      case 32:
        into.mode = reader.uint32() | 0;
        break;
      case 40:
        into.timeoutMs = reader.uint32();
        break;
      case 48:
        into.explain = reader.bool();
        break;
      case 56:
        into.features = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return into;
}

class EventDraft implements EventInput {
  id = "";
  key = "";
  timeUnixMs = 0;
  numbers = noNumbers;
  categories = noCategories;
  values = noValues;
  systemAction = "";
}

function readEvent(): EventInput {
  const event = new EventDraft();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 34) {
      if (event.numbers === noNumbers) event.numbers = new Map();
      readNumber(event.numbers);
    } else readEventField(tag, event);
  }
  return event;
}

function readEventField(tag: number, event: EventDraft): void {
  switch (tag) {
    case 10:
      event.id = reader.text();
      return;
    case 18:
      event.key = reader.cachedText(keys);
      return;
    case 24:
      event.timeUnixMs = reader.int64();
      return;
    case 42:
      if (event.categories === noCategories) event.categories = new Map();
      readCategory(event.categories);
      return;
    case 49:
    case 50:
      if (event.values === noValues) event.values = [];
      readValues(tag, event.values);
      return;
    case 58:
      event.systemAction = reader.cachedText(names);
      return;
    default:
      reader.skip(tag);
  }
}

function readNumber(into: Map<string, number>): void {
  const outer = reader.enter();
  let name = "";
  let value = 0;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) name = reader.cachedText(names);
    else if (tag === 17) value = reader.double();
    else reader.skip(tag);
  }
  reader.leave(outer);
  into.set(name, value);
}

function readCategory(into: Map<string, string>): void {
  const outer = reader.enter();
  let name = "";
  let value = "";
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) name = reader.cachedText(names);
    else if (tag === 18) value = reader.cachedText(keys);
    else reader.skip(tag);
  }
  reader.leave(outer);
  into.set(name, value);
}

/** repeated double, packed (50) or one by one (49). */
function readValues(tag: number, into: number[]): void {
  if (tag === 49) {
    into.push(reader.double());
    return;
  }
  const outer = reader.enter();
  while (reader.pos < reader.end) into.push(reader.double());
  reader.leave(outer);
}

class FrameDraft implements FrameInput {
  rows = 0;
  values: Uint8Array = noBytes;
  keys: string[] = [];
  keyIndex: Uint8Array = noBytes;
  timesUnixMs: Uint8Array = noBytes;
  ids: string[] = [];
  schema = 0;
  categories: string[] = [];
  categoryIndex: Uint8Array = noBytes;
  systemActions: string[] = [];
  systemActionIndex: Uint8Array = noBytes;
}

function readFrame(into: FrameDraft): FrameDraft {
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) into.rows = reader.uint32();
    else if (tag === 61) into.schema = reader.fixed32();
    else if ((tag & 7) === 2) readFrameField(tag, into);
    else reader.skip(tag);
  }
  return into;
}

/** By tag, the lists of texts, whose entries may be empty: two bytes each. */
function isLongEnough(tag: number, into: FrameDraft): boolean {
  if (tag === 26) return into.keys.length === ENTRIES_MAX;
  if (tag === 50) return into.ids.length === ENTRIES_MAX;
  if (tag === 66) return into.categories.length === ENTRIES_MAX;
  return tag === 82 && into.systemActions.length === ENTRIES_MAX;
}

function readFrameField(tag: number, into: FrameDraft): void {
  if (isLongEnough(tag, into)) {
    reader.skip(tag);
    return;
  }
  switch (tag) {
    case 18:
      into.values = reader.bytes();
      return;
    case 26:
      into.keys.push(reader.cachedText(keys));
      return;
    case 34:
      into.keyIndex = reader.bytes();
      return;
    case 42:
      into.timesUnixMs = reader.bytes();
      return;
    case 50:
      into.ids.push(reader.text());
      return;
    case 66:
      into.categories.push(reader.cachedText(keys));
      return;
    case 74:
      into.categoryIndex = reader.bytes();
      return;
    case 82:
      into.systemActions.push(reader.cachedText(names));
      return;
    case 90:
      into.systemActionIndex = reader.bytes();
      return;
    default:
      reader.skip(tag);
  }
}
