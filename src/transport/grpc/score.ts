import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { Reply, Ticket } from "../../admission/scorer.ts";
import { decodeScoreRequest } from "./decode.ts";
import { answerBytesEstimate, encodeScoreResponse } from "./encode.ts";
import {
  callDeadline,
  checkAnswerSize,
  derivedAsked,
  drainingError,
  toWeirError,
  type GrpcLimits,
  type GrpcParts,
} from "./parts.ts";
import { toStatus } from "./status.ts";

/** What the unary handlers of a server share. */
export interface UnaryHost {
  readonly parts: GrpcParts;
  readonly limits: GrpcLimits;
  readonly draining: boolean;
}

/** The handler of Score; messages are bytes. */
export function scoreHandler(host: UnaryHost) {
  const { parts } = host;
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const receivedAt = parts.clock.now();
    let answered = false;
    let ticket: Ticket | undefined;
    const refuse = (thrown: unknown): void => {
      answered = true;
      const error = toWeirError(thrown, parts);
      parts.telemetry.refused("grpc_unary", error.reason);
      callback(toStatus(error));
    };
    // grpc-js emits it at the end of every call, answered or not.
    call.on("cancelled", () => {
      if (!answered) ticket?.cancel();
    });
    try {
      if (host.draining) throw drainingError();
      const request = decodeScoreRequest(call.request);
      const bytes = answerBytesEstimate(request, derivedAsked(request, parts.registry));
      checkAnswerSize(bytes, request, host.limits.messageBytesMax);
      const ids = request.frame === undefined ? request.events.map((event) => event.id) : undefined;
      const reply: Reply = {
        answer(verdicts, detector) {
          answered = true;
          callback(null, encodeScoreResponse({ verdicts, detector, ids }));
        },
        fail: refuse,
      };
      const deadline = callDeadline(call.getDeadline(), parts.clock);
      const traceparent = call.metadata.get("traceparent")[0]?.toString();
      const context = { receivedAt, deadline, transport: "grpc_unary", traceparent } as const;
      ticket = parts.scorer.submit(request, context, reply);
    } catch (thrown) {
      refuse(thrown);
    }
  };
}
