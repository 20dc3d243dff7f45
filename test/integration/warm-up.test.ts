import { createServer } from "node:http";
import { expect, it } from "vitest";
import { webhookUrl } from "../../src/alerts/webhook.ts";
import { listen } from "../support/listen.ts";
import { startTestService } from "../support/service.ts";

it("posts nothing of the warm-up to a webhook for all detectors", async () => {
  const received: string[] = [];
  const receiver = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => received.push(chunk.toString()));
    request.on("end", () => response.writeHead(204).end());
  });
  const port = await listen(receiver);
  const url = webhookUrl(`http://127.0.0.1:${port}/hook`);
  const running = await startTestService({
    webhook: { url, detectors: [], headers: {}, timeoutMs: 5_000, attemptsMax: 3 },
  });
  // Stopping waits for what is queued.
  await running.stop();
  receiver.close();
  expect(received).toEqual([]);
});
