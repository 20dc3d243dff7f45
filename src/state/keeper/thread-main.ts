import { parentPort, workerData } from "node:worker_threads";
import { perform } from "./perform.ts";
import type { KeeperMessage, KeeperProgress, KeeperThreadData } from "./protocol.ts";

const PROGRESS_MS = 200;

/** A thread's whole work: one request. Never throws. */
export function main(): void {
  const { setting, request } = workerData as KeeperThreadData;
  let toldAt = performance.now();
  const onProgress = (progress: KeeperProgress): void => {
    const now = performance.now();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    tell({ progress });
  };
  try {
    tell({ done: perform(setting, request, onProgress) });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    const message = error instanceof Error ? error.message : String(error);
    tell({ failed: { message, code } });
  }
}

function tell(message: KeeperMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
  parentPort?.postMessage(message);
}
