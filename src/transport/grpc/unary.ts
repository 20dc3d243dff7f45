import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { Malformed } from "./definitions.ts";
import { drainingError, toWeirError } from "./parts.ts";
import type { UnaryHost } from "./score.ts";
import { toStatus } from "./status.ts";

type Handler<Request, Response> = (
  call: ServerUnaryCall<Request | Malformed, Response>,
  callback: sendUnaryData<Response>,
) => void;

type AsyncHandler<Request, Response> = (
  ...call: Parameters<Handler<Request, Response>>
) => Promise<void>;

/** A handler of a unary call off the hot path: whatever `handle` throws is its status. */
export function unary<Request extends object, Response>(
  host: UnaryHost,
  handle: (request: Request) => Promise<Response>,
): Handler<Request, Response> {
  const respond: AsyncHandler<Request, Response> = async (call, callback) => {
    let response: Response;
    try {
      if (host.draining) throw drainingError();
      if (call.request instanceof Malformed) throw call.request.error;
      response = await handle(call.request);
    } catch (thrown) {
      const error = toWeirError(thrown, host.parts);
      host.parts.telemetry.refused("grpc_unary", error.reason);
      callback(toStatus(error));
      return;
    }
    callback(null, response);
  };
  return (call, callback) => void respond(call, callback);
}
