import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { Ticket } from "../../admission/scorer.ts";
import type { FeatureReply } from "../../serving/features.ts";
import { decodeFeatureRequest, encodeFeatures } from "./feature-messages.ts";
import { callDeadline, drainingError, toWeirError } from "./parts.ts";
import type { UnaryHost } from "./score.ts";
import { toStatus } from "./status.ts";

/** The handler of GetFeatures; messages are bytes. */
export function getFeaturesHandler(host: UnaryHost) {
  const { parts } = host;
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const receivedAt = parts.clock.now();
    let ticket: Ticket | undefined;
    const refuse = (thrown: unknown): void => {
      const error = toWeirError(thrown, parts);
      parts.telemetry.refused("grpc_unary", error.reason);
      callback(toStatus(error));
    };
    // Also at the end of a call that was answered, where nothing is left to cancel.
    call.on("cancelled", () => ticket?.cancel());
    try {
      if (host.draining) throw drainingError();
      const request = decodeFeatureRequest(call.request);
      const reply: FeatureReply = {
        answer: (features) => callback(null, encodeFeatures(features)),
        fail: refuse,
      };
      const deadline = callDeadline(call.getDeadline(), parts.clock);
      const traceparent = call.metadata.get("traceparent")[0]?.toString();
      const context = { receivedAt, deadline, transport: "grpc_unary", traceparent } as const;
      ticket = parts.features.read(request, context, reply);
    } catch (thrown) {
      refuse(thrown);
    }
  };
}
