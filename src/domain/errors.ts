/** gRPC status codes that Weir answers with: a closed set, numbered as gRPC numbers them. */
export const Code = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** Why a request was refused, for programs. Closed: clients switch on it. */
export type Reason =
  | "MALFORMED" // the bytes are no message of the contract
  | "NO_ROWS"
  | "EVENTS_AND_FRAME"
  | "TOO_MANY_ROWS"
  | "TOO_MANY_COLUMNS" // of a window model that discovers its inputs
  | "MESSAGE_TOO_LARGE"
  | "UNKNOWN_DETECTOR"
  | "UNKNOWN_NAME" // an input that the detector does not declare
  | "NUMBERS_AND_VALUES"
  | "WRONG_LENGTH" // an array that does not fit the rows or the inputs
  | "INDEX_OUT_OF_RANGE"
  | "MISSING_INPUT"
  | "NUMBER_OUT_OF_RANGE" // infinite, or a magnitude over 1e100
  | "TIME_OUT_OF_RANGE"
  | "KEY_TOO_LONG"
  | "ID_TOO_LONG"
  | "NAME_TOO_LONG"
  | "VALUE_TOO_LONG" // a category, a system action
  | "INVALID_TEXT" // not well-formed Unicode
  | "INVALID_ENUM"
  | "TIMEOUT_OUT_OF_RANGE"
  | "DUPLICATE_REQUEST_ID"
  | "SCHEMA_CHANGED"
  | "INPUTS_UNKNOWN" // a frame for a detector that still discovers its inputs by name
  | "NO_FEATURES" // of a detector that derives none
  | "DEADLINE_EXCEEDED" // a request for features; scores fall back instead
  | "BATCH_LOST" // what carried a request for features did not end: send it again
  | "QUEUE_FULL"
  | "TOO_MANY_IN_FLIGHT"
  | "TOO_MANY_STREAMS"
  | "TOO_MANY_WATCHERS"
  | "TOO_MANY_DETECTORS"
  | "KEYS_FULL"
  | "INVALID_NAME"
  | "INVALID_SPEC"
  | "DETECTOR_EXISTS"
  | "DETECTOR_REMOVED"
  | "UNKNOWN_BUFFER"
  | "BUFFER_EXISTS"
  | "TOO_MANY_BUFFERS"
  | "ANSWER_TOO_LARGE" // more cells than one answer holds
  | "WARMING_UP"
  | "DRAINING"
  | "CANCELLED"
  | "NOT_FOUND" // of an HTTP path
  | "METHOD_NOT_ALLOWED"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "CROSS_SITE" // a browser sent it for a page of another site
  | "REQUEST_TIMEOUT" // an HTTP request that did not arrive whole in time
  | "NO_JOURNAL" // what was asked for needs the journal, and durability is none
  | "NOT_LEARNING" // the journal cannot be written
  | "DISK_FAILED" // full, read-only or broken: a snapshot or an export could not be written
  | "SNAPSHOT_RUNNING"
  | "OPERATION_RUNNING" // one export, one import and one verification at a time
  | "DIRECTORY_NOT_EMPTY"
  | "INVALID_DIRECTORY"
  | "UNKNOWN_VERDICT"
  | "UNKNOWN_VERSION"
  | "NOT_A_SHADOW"
  | "SHADOWED" // what a shadow, or the detector that it shadows, does not take
  | "STATE_DIFFERS" // the state does not fit the specification
  | "DAMAGED" // bytes that are not as they were written
  | "INTERNAL";

/** One thing that is wrong with a request. */
export interface Violation {
  /** Path in the request: `events[3].numbers.amount`. */
  readonly field: string;
  readonly message: string;
}

/** At most this many violations are told; the rest is more of the same. */
export const violationsMax = 16;

/** The one error that crosses Weir's modules: every refusal and failure that a caller sees. */
export class WeirError extends Error {
  override readonly name = "WeirError";
  readonly code: Code;
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  /** 0 = do not retry as it is. */
  readonly retryAfterMs: number;

  constructor(
    code: Code,
    reason: Reason,
    message: string,
    details: { violations?: readonly Violation[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = reason;
    this.violations = (details.violations ?? []).slice(0, violationsMax);
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }

  /** INVALID_ARGUMENT about one field. */
  static invalid(reason: Reason, field: string, message: string): WeirError {
    return new WeirError(Code.INVALID_ARGUMENT, reason, `${field}: ${message}`, {
      violations: [{ field, message }],
    });
  }

  /** Whatever was thrown, as a WeirError; what is not one already is INTERNAL, its text kept as the cause. */
  static from(thrown: unknown): WeirError {
    if (thrown instanceof WeirError) return thrown;
    return new WeirError(Code.INTERNAL, "INTERNAL", "internal error", { cause: thrown });
  }
}
