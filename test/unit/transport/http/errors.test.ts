import { describe, expect, it } from "vitest";
import { Code, WeirError } from "../../../../src/domain/errors.ts";
import { fromThrown, pathOf, problemOf, statusOf } from "../../../../src/transport/http/errors.ts";
import { problem } from "../../../../src/transport/http/schemas.ts";

describe("statusOf", () => {
  it.each([
    [Code.CANCELLED, "CANCELLED", 499],
    [Code.INVALID_ARGUMENT, "NO_ROWS", 400],
    [Code.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", 408],
    [Code.DEADLINE_EXCEEDED, "INTERNAL", 504],
    [Code.NOT_FOUND, "UNKNOWN_DETECTOR", 404],
    [Code.ALREADY_EXISTS, "DETECTOR_EXISTS", 409],
    [Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", 429],
    [Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", 413],
    [Code.RESOURCE_EXHAUSTED, "TOO_MANY_ROWS", 413],
    [Code.FAILED_PRECONDITION, "SCHEMA_CHANGED", 409],
    [Code.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", 405],
    [Code.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE", 415],
    [Code.INTERNAL, "INTERNAL", 500],
    [Code.UNAVAILABLE, "DRAINING", 503],
  ] as const)("code %i, %s is %i", (code, reason, status) => {
    expect(statusOf(new WeirError(code, reason, "x"))).toBe(status);
  });
});

describe("problemOf", () => {
  it("says all that the error says", () => {
    const error = new WeirError(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", "the queue is full", {
      retryAfterMs: 12.5,
      violations: [{ field: "events[0]", message: "no room" }],
    });
    const body = problemOf(error, "/v1/detectors/cards/score");
    expect(body).toEqual({
      type: "urn:weir:problem:queue-full",
      title: "Queue full",
      status: 429,
      detail: "the queue is full",
      instance: "/v1/detectors/cards/score",
      reason: "QUEUE_FULL",
      violations: [{ field: "events[0]", message: "no room" }],
      retryAfterMs: 13,
    });
    expect(problem.safeParse(body).error).toBeUndefined();
  });
});

describe("fromThrown", () => {
  it("keeps what is unexpected to itself", () => {
    const secret = new Error("password = 1234");
    const error = fromThrown(secret, 1);
    expect(error).toMatchObject({ reason: "INTERNAL", message: "internal error", cause: secret });
    expect(fromThrown("text", 1)).toMatchObject({ reason: "INTERNAL" });
  });

  it("passes WeirErrors on", () => {
    const error = new WeirError(Code.NOT_FOUND, "NOT_FOUND", "x");
    expect(fromThrown(error, 1)).toBe(error);
  });
});

describe("pathOf", () => {
  it("drops the query", () => {
    expect(pathOf("/a?b=c?d")).toBe("/a");
    expect(pathOf("/a")).toBe("/a");
  });
});
