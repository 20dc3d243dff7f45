import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "./finding.ts";
import type { VerifyMessage } from "./verify-in-thread.ts";
import { verifyState } from "./verify.ts";
import type { VerifyOptions } from "./verify.ts";

/** A thread's whole work: one data directory. Never throws. */
export function main(): void {
  try {
    for (const finding of verifyState(workerData as VerifyOptions)) tell({ finding });
    tell({ end: undefined });
  } catch (error) {
    tell({ end: messageOf(error) });
  }
}

function tell(message: VerifyMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
  parentPort?.postMessage(message);
}
