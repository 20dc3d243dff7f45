import { on } from "node:events";
import { Worker } from "node:worker_threads";
import type { Finding, VerifyOptions } from "./verify.ts";

export type VerifyMessage = { readonly finding: Finding } | { readonly end: string | undefined };

/**
 * As `verifyState`, in a thread of low priority: for a server that goes on serving. Leaving the loop ends the thread. Findings that are not taken
 * wait in memory: a few hundred bytes for each file.
 */
export async function* verifyInThread(options: VerifyOptions): AsyncGenerator<Finding, void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: options });
  try {
    for await (const [message] of on(worker, "message", { close: ["exit"] })) {
      if (!isVerifyMessage(message)) continue;
      if ("finding" in message) {
        yield message.finding;
        continue;
      }
      if (message.end !== undefined) throw new Error(message.end);
      return;
    }
    throw new Error("the thread that read the data directory ended before it was done");
  } finally {
    await worker.terminate();
  }
}

function isVerifyMessage(message: unknown): message is VerifyMessage {
  return typeof message === "object" && message !== null;
}
