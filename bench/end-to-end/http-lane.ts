import http from "node:http";
import type { Lane } from "./lane.ts";
import type { Templates } from "./workload.ts";
import { Tally } from "./wire.ts";

const sourceNumbers: Readonly<Record<string, number>> = {
  SOURCE_MODEL: 1,
  SOURCE_RULES: 2,
  SOURCE_CACHED: 3,
  SOURCE_DEFAULT: 4,
};

/** POSTs over kept-alive connections. autocannon finds the saturation; this one has Poisson arrivals, which it lacks. */
export function openHttp(
  target: { readonly port: number; readonly path: string; readonly connections: number },
  templates: Templates,
): Lane {
  const { messages, rowsPerRequest } = templates;
  const agent = new http.Agent({ keepAlive: true, maxSockets: target.connections });
  const tally = new Tally();
  let next = 0;
  let closed = false;
  const lane: Lane = {
    rowsPerRequest,
    tally,
    onAnswer: () => undefined,
    send(ticket) {
      const body = messages[next] ?? Buffer.alloc(0);
      next = (next + 1) % messages.length;
      const request = http.request({
        agent,
        host: "127.0.0.1",
        port: target.port,
        path: target.path,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": body.length },
      });
      request.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("end", () => {
          if (closed) return;
          const ok = response.statusCode === 200;
          if (ok) countJson(text, tally);
          else tally.refuse(`status ${response.statusCode}`);
          lane.onAnswer(ticket, ok);
        });
      });
      request.on("error", (error) => {
        if (closed) return;
        tally.refuse(error.message);
        lane.onAnswer(ticket, false);
      });
      request.end(body);
    },
    close() {
      closed = true;
      agent.destroy();
      return Promise.resolve();
    },
  };
  return lane;
}

function countJson(text: string, tally: Tally): void {
  tally.answers++;
  tally.bytes += text.length;
  for (const match of text.matchAll(/"source":\s*"([A-Z_]+)"/g)) {
    const source = sourceNumbers[match[1] ?? ""] ?? 0;
    tally.rowsBySource[source] = (tally.rowsBySource[source] ?? 0) + 1;
  }
}
