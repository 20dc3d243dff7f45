import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Ticket } from "../../admission/scorer.ts";
import { callOf } from "./call-context.ts";
import { decodeScoreRequest } from "./decode.ts";
import { encodeScoreResponse } from "./encode.ts";
import { sendProblem } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { parseJson } from "./json.ts";
import { describe, detectorInPath } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";
import { scoreRequest, scoreResponse } from "./schemas.ts";

interface ScoreRoute {
  Params: { name: string };
}

/** POST /v1/detectors/{name}/score. */
export function scoringRoutes(app: FastifyInstance, parts: HttpParts, gate: Gate): void {
  const openapi = describe({
    operationId: "score",
    summary: "Score events, and learn from them",
    description:
      "Answered within the budget, whichever source the answer comes from. A request is admitted whole or refused whole; " +
      "when the caller goes away before its batch is cut, nothing is learned.",
    tag: "scoring",
    params: detectorInPath,
    body: scoreRequest,
    answers: { 200: { description: "A verdict a row", schema: scoreResponse } },
    problems: [400, 404, 409, 413, 415, 429, 503],
  });
  app.post<ScoreRoute>("/v1/detectors/:name/score", { config: { openapi } }, (request, reply) => {
    gate.check();
    score(request, reply, parts, gate);
  });
}

function score(
  request: FastifyRequest<ScoreRoute>,
  reply: FastifyReply,
  parts: HttpParts,
  gate: Gate,
): void {
  const decoded = decodeScoreRequest(parseJson(request.body), request.params.name);
  const call = callOf(request, parts.clock);
  let ticket: Ticket | undefined;
  let settled = false;
  gate.enter();
  // The answer has left, or its caller has.
  reply.raw.once("close", () => {
    gate.leave();
    if (!settled) ticket?.cancel();
  });
  ticket = parts.scorer.submit(decoded, call, {
    answer(verdicts, detector) {
      settled = true;
      reply
        .header("content-type", "application/json; charset=utf-8")
        .send(encodeScoreResponse(decoded, verdicts, detector));
    },
    fail(error) {
      settled = true;
      sendProblem(reply, error);
    },
  });
}
