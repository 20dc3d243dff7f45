import type { FastifyRequest } from "fastify";
import type { CallContext } from "../../admission/scorer.ts";
import type { Clock } from "../../domain/clock.ts";

/** Of a request that was read just now: HTTP tells no deadline. */
export function callOf({ headers }: Pick<FastifyRequest, "headers">, clock: Clock): CallContext {
  const { traceparent } = headers;
  return {
    receivedAt: clock.now(),
    deadline: Infinity,
    transport: "http",
    traceparent: typeof traceparent === "string" ? traceparent : undefined,
  };
}
