import type { Client, ServiceError } from "@grpc/grpc-js";
import { identity, scorePath } from "./channel.ts";
import type { Lane } from "./lane.ts";
import type { Templates } from "./workload.ts";
import { countResponse, Tally } from "./wire.ts";

/** A call a request, all on one connection. */
export function openUnary(client: Client, templates: Templates): Lane {
  const { messages, rowsPerRequest } = templates;
  const tally = new Tally();
  const calls = new Set<{ cancel(): void }>();
  let next = 0;
  const lane: Lane = {
    rowsPerRequest,
    tally,
    onAnswer: () => undefined,
    send(ticket) {
      const message = messages[next] ?? Buffer.alloc(0);
      next = (next + 1) % messages.length;
      const done = (error: ServiceError | null, bytes?: Buffer): void => {
        calls.delete(call);
        if (error) tally.refuse(`status ${error.code}`);
        else countResponse(bytes ?? Buffer.alloc(0), tally);
        lane.onAnswer(ticket, error === null);
      };
      const call = client.makeUnaryRequest(scorePath, identity, identity, message, done);
      calls.add(call);
    },
    close() {
      lane.onAnswer = () => undefined;
      for (const call of calls) call.cancel();
      return Promise.resolve();
    },
  };
  return lane;
}
