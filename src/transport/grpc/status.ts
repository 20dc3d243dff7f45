import { Metadata, status as Status, type StatusObject } from "@grpc/grpc-js";
import { Code, type Violation, type WeirError } from "../../domain/errors.ts";
import { encodeStatusDetails } from "./encode.ts";

const statuses: Readonly<Record<Code, Status>> = {
  [Code.CANCELLED]: Status.CANCELLED,
  [Code.INVALID_ARGUMENT]: Status.INVALID_ARGUMENT,
  [Code.DEADLINE_EXCEEDED]: Status.DEADLINE_EXCEEDED,
  [Code.NOT_FOUND]: Status.NOT_FOUND,
  [Code.ALREADY_EXISTS]: Status.ALREADY_EXISTS,
  [Code.RESOURCE_EXHAUSTED]: Status.RESOURCE_EXHAUSTED,
  [Code.FAILED_PRECONDITION]: Status.FAILED_PRECONDITION,
  [Code.ABORTED]: Status.ABORTED,
  [Code.UNIMPLEMENTED]: Status.UNIMPLEMENTED,
  [Code.INTERNAL]: Status.INTERNAL,
  [Code.UNAVAILABLE]: Status.UNAVAILABLE,
};

/** A status travels in HTTP/2 trailers, and clients take 8 KiB of these: grpc-message is percent-encoded, the details base64. */
const messageCharsMax = 400;
const detailsBytesMax = 3072;

/**
 * A refusal as a gRPC status: code, text, and `grpc-status-details-bin` (google.rpc.Status with a weir.v1.Error). What does not fit
 * in trailers is cut: the text at its end, violations from the last.
 */
export function toStatus(error: WeirError): StatusObject {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", statusDetails(error));
  return { code: statuses[error.code], details: cut(error.message), metadata };
}

function statusDetails(error: WeirError): Buffer {
  const short: Pick<WeirError, "code" | "message" | "reason" | "retryAfterMs"> = {
    code: error.code,
    message: cut(error.message),
    reason: error.reason,
    retryAfterMs: error.retryAfterMs,
  };
  const violations: Violation[] = error.violations.map(({ field, message }) => ({
    field: cut(field),
    message: cut(message),
  }));
  for (;;) {
    const details = encodeStatusDetails(short, violations);
    if (details.length <= detailsBytesMax || violations.length === 0) return details;
    violations.pop();
  }
}

/** grpc-js passes the text to encodeURI, which throws on half a surrogate pair. */
function cut(text: string): string {
  const whole = text.length <= messageCharsMax ? text : `${text.slice(0, messageCharsMax)}...`;
  return whole.toWellFormed();
}
