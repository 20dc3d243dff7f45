import { parentPort, workerData } from "node:worker_threads";
import { setThreadPriority } from "../models/priority.ts";
import { explainVerdict } from "./explain-verdict.ts";
import type { Explained, PastVerdict } from "./explain-verdict.ts";

export interface ExplainJob {
  /** The data directory. */
  readonly data: string;
  readonly module: WebAssembly.Module;
  readonly query: PastVerdict;
}

/** `explained` undefined = there is no such row. */
export type ExplainAnswer =
  | { readonly explained: Explained | undefined }
  | { readonly failed: string };

setThreadPriority(19);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what explain-in-thread.ts starts it with
const { data, module, query } = workerData as ExplainJob;
let answer: ExplainAnswer;
try {
  answer = { explained: explainVerdict(data, module, query) };
} catch (error) {
  answer = { failed: error instanceof Error ? error.message : String(error) };
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
parentPort?.postMessage(answer);
