import { STATUS_CODES, type IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { Code, WeirError, type Reason, type Violation } from "../../domain/errors.ts";

/** Problem details (RFC 9457), with Weir's own members after the standard ones. */
export interface Problem {
  /** `urn:weir:problem:` + the reason in kebab case. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was wrong with this request, and what is expected. */
  readonly detail: string;
  /** The path that was asked for. */
  readonly instance: string;
  /** Closed set, for programs: the same as over gRPC. */
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  /** 0 = do not retry as it is. */
  readonly retryAfterMs: number;
}

export const problemType = "application/problem+json";

/** The one map from Weir's codes to HTTP. */
const statusOfCode: Readonly<Record<Code, number>> = {
  [Code.CANCELLED]: 499,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 409,
  [Code.ABORTED]: 409,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
};

/** Where HTTP has a status of its own for a reason. */
const statusOfReason: Partial<Readonly<Record<Reason, number>>> = {
  MESSAGE_TOO_LARGE: 413,
  TOO_MANY_ROWS: 413,
  ANSWER_TOO_LARGE: 413,
  TOO_MANY_COLUMNS: 413,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  CROSS_SITE: 403,
  REQUEST_TIMEOUT: 408,
};

export function statusOf(error: WeirError): number {
  return statusOfReason[error.reason] ?? statusOfCode[error.code];
}

/** `instance` is the path of the request, without its query. */
export function problemOf(error: WeirError, instance: string, status = statusOf(error)): Problem {
  const words = error.reason.toLowerCase().replaceAll("_", " ");
  return {
    type: `urn:weir:problem:${words.replaceAll(" ", "-")}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status,
    detail: error.message,
    instance,
    reason: error.reason,
    violations: error.violations,
    retryAfterMs: Math.ceil(error.retryAfterMs),
  };
}

/** Answers with problem details; Retry-After in whole seconds when a retry makes sense. */
export function sendProblem(reply: FastifyReply, error: WeirError): void {
  const problem = problemOf(error, pathOf(reply.request.url));
  if (problem.retryAfterMs > 0) {
    reply.header("retry-after", String(Math.ceil(problem.retryAfterMs / 1000)));
  }
  reply.code(problem.status).header("content-type", problemType).send(JSON.stringify(problem));
}

/** What fastify refuses before a handler runs, by its code. */
const fastifyErrors: Readonly<Record<string, () => WeirError>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => unsupportedMediaType(),
  FST_ERR_CTP_INVALID_TYPE: () => unsupportedMediaType(),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => malformed("the body is empty"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    malformed("the body is not as long as content-length says"),
  FST_ERR_BAD_URL: () => malformed("the path is not well-formed"),
  FST_ERR_MAX_PARAM_LENGTH: () => malformed("a part of the path is too long"),
  /** The client went away while its body was read: nobody reads the answer. */
  ECONNRESET: () => new WeirError(Code.CANCELLED, "CANCELLED", "the client went away"),
};

/** Whatever a handler or fastify threw. `bodyBytesMax` is told when the body was larger. */
export function fromThrown(thrown: unknown, bodyBytesMax: number): WeirError {
  if (!(thrown instanceof Error) || !("code" in thrown) || typeof thrown.code !== "string") {
    return WeirError.from(thrown);
  }
  if (thrown.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return tooLarge(`the body is larger than ${bodyBytesMax} bytes`);
  }
  return fastifyErrors[thrown.code]?.() ?? WeirError.from(thrown);
}

/** INVALID_ARGUMENT: what arrived is no request of the contract. */
export function malformed(message: string, cause?: unknown): WeirError {
  return new WeirError(Code.INVALID_ARGUMENT, "MALFORMED", message, { cause });
}

function tooLarge(message: string): WeirError {
  return new WeirError(Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", message);
}

export function unsupportedMediaType(expected = "application/json"): WeirError {
  return new WeirError(
    Code.INVALID_ARGUMENT,
    "UNSUPPORTED_MEDIA_TYPE",
    `expected the header content-type: ${expected}, and no content-encoding`,
  );
}

export function notFound(path: string): WeirError {
  return new WeirError(
    Code.NOT_FOUND,
    "NOT_FOUND",
    `there is nothing at ${path}; /openapi.json lists what there is`,
  );
}

export function methodNotAllowed(method: string, allowed: readonly string[]): WeirError {
  return new WeirError(
    Code.UNIMPLEMENTED,
    "METHOD_NOT_ALLOWED",
    `${method} is not taken here; expected ${allowed.join(", ")}`,
  );
}

/**
 * Refuses what a browser sends for a page of another site. Needed only where a request without a body changes something: all
 * others have a method or a content type that browsers ask about first, and Weir never agrees.
 */
export function refuseCrossSite(headers: IncomingHttpHeaders): void {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return;
  throw new WeirError(
    Code.FAILED_PRECONDITION,
    "CROSS_SITE",
    "pages of other sites may not change anything here",
  );
}

/** What Node's HTTP parser refuses: there is no request yet, so the answer is written by hand. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, refusal] = parserRefusal(error.code);
  const body = JSON.stringify(problemOf(refusal, "/", status));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n` +
      `content-type: ${problemType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function parserRefusal(code: string | undefined): readonly [status: number, WeirError] {
  if (code === "HPE_HEADER_OVERFLOW") return [431, tooLarge("the headers are too large")];
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") {
    return [413, tooLarge("the chunk extensions are too large")];
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const message = "the request did not arrive in time";
    return [408, new WeirError(Code.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", message)];
  }
  return [400, malformed("this is no HTTP request")];
}

/** Of a request target: without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}
