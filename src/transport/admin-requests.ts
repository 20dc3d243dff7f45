import { isAbsolute, normalize } from "node:path";
import { limits } from "../config/limits.ts";
import { show } from "../config/problems.ts";
import type { VerdictQuery } from "../control/operations.ts";
import { WeirError } from "../domain/errors.ts";

const wholeNumber = /^\d{1,20}$/;

/** An absolute path without detours. INVALID_ARGUMENT, INVALID_DIRECTORY. */
export function directoryOf(written: string): string {
  const bad = !isAbsolute(written) || written.includes("\0");
  if (bad || Buffer.byteLength(written) > limits.pathBytesMax) {
    const expected = "expected an absolute path on the server's machine";
    throw WeirError.invalid("INVALID_DIRECTORY", "directory", `got ${show(written)}, ${expected}`);
  }
  return normalize(written);
}

/** INVALID_ARGUMENT unless 0 <= share <= 1. */
export function shareOf(share: number): number {
  if (share >= 0 && share <= 1) return share;
  const message = `got ${share}, expected a share of keys between 0 and 1`;
  throw WeirError.invalid("NUMBER_OUT_OF_RANGE", "share", message);
}

/** A position of the journal, as a number or in digits; 0 = none. */
function positionOf(written: string | number): number {
  const position = wholeNumber.test(String(written)) ? Number(written) : Number.NaN;
  if (Number.isSafeInteger(position)) return position;
  const message = `got ${show(written)}, expected a position of the journal: 1, 2, ...`;
  throw WeirError.invalid("NUMBER_OUT_OF_RANGE", "position", message);
}

/** ExplainVerdictRequest, as either transport reads it. */
export interface WrittenQuery {
  readonly detector?: string | undefined;
  readonly key?: string | undefined;
  readonly eventId?: string | undefined;
  readonly position?: string | number | undefined;
  readonly row?: number | undefined;
}

/** One of the two ways to name a verdict. INVALID_ARGUMENT when it is neither or both. */
export function verdictQuery(written: WrittenQuery): VerdictQuery {
  const position = positionOf(written.position ?? 0);
  const row = written.row ?? 0;
  if (position === 0) {
    if (row !== 0) throw WeirError.invalid("MALFORMED", "row", "goes with position");
    return queryById(written);
  }
  if (written.detector || written.key || written.eventId) {
    const message = "is instead of detector, key and event_id; give one or the other";
    throw WeirError.invalid("MALFORMED", "position", message);
  }
  return { position, row };
}

function queryById({ detector = "", key = "", eventId = "" }: WrittenQuery): VerdictQuery {
  if (eventId === "" || detector === "") {
    const field = eventId === "" ? "event_id" : "detector";
    const message = "expected detector, key and event_id, or position and row";
    throw WeirError.invalid("MALFORMED", field, message);
  }
  checkLength("KEY_TOO_LONG", "key", key, limits.keyBytesMax);
  checkLength("ID_TOO_LONG", "event_id", eventId, limits.idBytesMax);
  return { detector, key, eventId };
}

function checkLength(
  reason: "KEY_TOO_LONG" | "ID_TOO_LONG",
  field: string,
  text: string,
  max: number,
): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= max) return;
  throw WeirError.invalid(reason, field, `has ${bytes} bytes, at most ${max} are taken`);
}
