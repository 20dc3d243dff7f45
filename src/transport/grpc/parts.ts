import type { Scorer } from "../../admission/scorer.ts";
import type { Alerts } from "../../alerts/alerts.ts";
import type { Registry } from "../../control/registry.ts";
import type { Clock } from "../../domain/clock.ts";
import { Code, WeirError } from "../../domain/errors.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";

/** What this transport translates to. */
export interface GrpcParts {
  readonly scorer: Scorer;
  readonly registry: Registry;
  readonly alerts: Alerts;
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
