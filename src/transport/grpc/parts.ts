import type { Scorer } from "../../admission/scorer.ts";
import type { Alerts } from "../../alerts/alerts.ts";
import type { BoundedOperations } from "../../control/bounded-operations.ts";
import type { Registry } from "../../control/registry.ts";
import type { Clock } from "../../domain/clock.ts";
import { Code, WeirError } from "../../domain/errors.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import type { FeatureReader } from "../../serving/features.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";

/** What this transport translates to. */
export interface GrpcParts {
  readonly scorer: Scorer;
  readonly features: FeatureReader;
  readonly registry: Registry;
  readonly alerts: Alerts;
  /** Undefined = AdminService is not served here. */
  readonly operations?: BoundedOperations | undefined;
  readonly telemetry: Pick<Telemetry, "refused">;
  readonly clock: Clock;
  /** Told of every INTERNAL that a caller got, with its cause. */
  readonly failed: (error: WeirError) => void;
}

/** The bounds that this transport keeps; the fields of `limits` by the same names. */
export interface GrpcLimits {
  readonly messageBytesMax: number;
  readonly streamRequestsMax: number;
  readonly streamBufferedBytesMax: number;
  readonly connectionStreamsMax: number;
}

/** Time that an answer needs on its way back: a caller's deadline is taken as ending this much earlier, ms. */
const replyReserveMs = 2;

/** A caller's deadline (Unix ms or Date, as grpc-js has it; Infinity = none) on the monotonic clock. */
export function callDeadline(deadline: Date | number, clock: Clock): number {
  const unixMs = Number(deadline);
  if (unixMs === Infinity) return Infinity;
  return clock.now() + (unixMs - clock.unixMs()) - replyReserveMs;
}

/**
 * Clients take messages of 4 MiB unless they are told otherwise, and one answer alone must not fill a stream's buffer many times over:
 * throws RESOURCE_EXHAUSTED, TOO_MANY_ROWS when the answer with its reasons or features would be larger than a request may be.
 */
export function checkAnswerSize(bytes: number, request: ScoreRequest, max: number): void {
  const field = request.explain ? "explain" : "features";
  if (!(request.explain || request.features === true) || bytes <= max) return;
  const what = request.explain ? "reasons" : "features";
  throw new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "TOO_MANY_ROWS",
    `${field}: the answer with its ${what} would take about ${bytes} bytes, over ${max}; send more requests with fewer rows`,
    { violations: [{ field, message: `the answer would be over ${max} bytes` }] },
  );
}

/** Derived features of the detector that a request asks more of than scores; 0 = none, or it asks for nothing more. */
export function derivedAsked(
  { detector, explain, features }: ScoreRequest,
  registry: Registry,
): number {
  if (!explain && features !== true) return 0;
  return registry.find(detector)?.config.features.length ?? 0;
}

export function drainingError(): WeirError {
  return new WeirError(
    Code.UNAVAILABLE,
    "DRAINING",
    "the server is shutting down and takes no new work",
    { retryAfterMs: 1000 },
  );
}

/** Whatever was thrown as a WeirError; what is INTERNAL is reported. */
export function toWeirError(thrown: unknown, parts: Pick<GrpcParts, "failed">): WeirError {
  const error = WeirError.from(thrown);
  if (error.code === Code.INTERNAL) parts.failed(error);
  return error;
}
