import { Worker } from "node:worker_threads";
import type { ExplainAnswer, ExplainJob } from "./explain-thread.ts";
import type { Explained } from "./explain-verdict.ts";

/** As `explainVerdict`, in a thread of low priority: for a server that goes on serving. Rejects with what went wrong. */
export function explainInThread(job: ExplainJob): Promise<Explained | undefined> {
  const worker = new Worker(new URL("./explain-thread.ts", import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once("message", (answer: ExplainAnswer) => {
      if ("explained" in answer) resolve(answer.explained);
      else reject(new Error(answer.failed));
    });
    worker.once("error", reject);
    worker.once("exit", () =>
      reject(new Error("the thread that explains ended before it was done")),
    );
  });
}
