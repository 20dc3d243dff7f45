import { on } from "node:events";
import { Worker } from "node:worker_threads";
import type { VerifyOptions, Finding } from "./verify.ts";

export type VerifyMessage = { readonly finding: Finding } | { readonly end: string | undefined };

/**
 * As `verifyState`, in a thread of low priority: for a server that goes on serving. Leaving the loop ends the thread. Findings that are not taken
 * wait in memory: a few hundred bytes for each file.
 */
export async function* verifyInThread(options: VerifyOptions): AsyncGenerator<Finding, void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: options });
  const died = new AbortController();
  worker.once("exit", () => died.abort());
  try {
    for await (const [message] of on(worker, "message", { signal: died.signal, close: ["exit"] })) {
      const told: VerifyMessage = message as VerifyMessage;
      if ("finding" in told) {
        yield told.finding;
        continue;
      }
      if (told.end !== undefined) throw new Error(told.end);
      return;
    }
  } finally {
    await worker.terminate();
  }
}
