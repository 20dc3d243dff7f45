import type { Client } from "@grpc/grpc-js";
import { identity, scoreStreamPath } from "./channel.ts";
import type { Lane } from "./lane.ts";
import type { Templates } from "./workload.ts";
import { countStreamResponse, patchRequestId, requestIdFirst, requestIds, Tally } from "./wire.ts";

/**
 * One bidirectional stream, any number of requests in flight. A template is sent as it is with its id patched; one that is
 * still in flight (open loops only) is copied first.
 */
export function openStream(client: Client, templates: Templates): Lane {
  const { messages, rowsPerRequest } = templates;
  const tally = new Tally();
  const tickets = new Float64Array(requestIds);
  const usedTemplate = new Int32Array(requestIds);
  const busy = new Uint8Array(messages.length);
  let next = 0;
  let sent = 0;

  const call = client.makeBidiStreamRequest(scoreStreamPath, identity, identity);
  const lane: Lane = {
    rowsPerRequest,
    tally,
    onAnswer: () => undefined,
    send(ticket) {
      const slot = sent++ % requestIds;
      let message = messages[next] ?? Buffer.alloc(0);
      if (busy[next] === 1) {
        message = Buffer.from(message);
        usedTemplate[slot] = -1;
      } else {
        busy[next] = 1;
        usedTemplate[slot] = next;
      }
      next = (next + 1) % messages.length;
      tickets[slot] = ticket;
      patchRequestId(message, requestIdFirst + slot);
      call.write(message);
    },
    async close() {
      const ended = new Promise((resolve) => {
        call.once("status", resolve);
      });
      call.cancel();
      await ended;
    },
  };
  call.on("data", (bytes: Buffer) => {
    const id = countStreamResponse(bytes, tally);
    const slot = Math.abs(id) - requestIdFirst;
    const template = usedTemplate[slot] ?? -1;
    if (template >= 0) busy[template] = 0;
    lane.onAnswer(tickets[slot] ?? 0, id > 0);
  });
  call.on("error", (error: Error) => {
    if (!/cancelled/i.test(error.message)) tally.refuse(`stream: ${error.message}`);
  });
  return lane;
}
