import type { Detector } from "../domain/detector.ts";
import type { ScoreRequest } from "../domain/event.ts";
import type { Verdicts } from "../domain/verdict.ts";
import type { WeirError } from "../domain/errors.ts";

/** What a transport knows about a call beside its request. */
export interface CallContext {
  /** `clock.now()` when the request was decoded: the budget starts here. */
  readonly receivedAt: number;
  /** The caller's own deadline on the same clock; Infinity = none. */
  readonly deadline: number;
  readonly transport: "grpc_stream" | "grpc_unary" | "http";
  /** W3C `traceparent` of the caller; undefined = none. */
  readonly traceparent: string | undefined;
  /** Weir's own request, taken while it warms up. */
  readonly internal?: boolean;
  /** Part of what its transport has taken already: a drain waits for it. */
  readonly begun?: boolean;
}

/** Called exactly once for an admitted request, never for a refused one. */
export interface Reply {
  /** The verdicts, whichever source they came from. */
  answer(verdicts: Verdicts, detector: Detector): void;
  /** After admission only INTERNAL, or FAILED_PRECONDITION when its detector was deleted meanwhile. */
  fail(error: WeirError): void;
}

/** A request in flight. */
export interface Ticket {
  /** The caller went away: rows whose batch is not cut yet are not learned; the reply is never called after this. */
  cancel(): void;
}

/** The deep module behind every transport. */
export interface Scorer {
  /** Admits the request whole, or throws a WeirError and changes nothing. May reply before it returns. */
  submit(request: ScoreRequest, call: CallContext, reply: Reply): Ticket;
  /** Requests admitted and not yet answered. */
  readonly inFlight: number;
}
